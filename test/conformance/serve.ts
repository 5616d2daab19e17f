/**
 * The guard before a handler of the web's kind, for the cases that look at answers.
 *
 * Relies on: `guard`. Refuses: frameworks; theirs have adapters and tests of their own.
 */
import { type GuardOptions, guard } from '../../src/guard';
import type { Tracehound } from '../../src/types';

export type Handler = (request: Request) => Response | Promise<Response>;

/** `handler`, guarded. */
export function serve(
  th: Tracehound,
  options: GuardOptions<Request>,
  handler: Handler,
): (request: Request) => Promise<Response> {
  const decide = guard(th, options);
  return async (request) => {
    const { response, fields, body } = await decide({
      ...{ context: request, request, platform: undefined },
      facts: () => ({
        ...{ method: request.method, url: request.url, headers: request.headers, body: () => request.body },
      }),
    });
    if (response !== undefined) return response;
    const init = { method: request.method, headers: request.headers, body, duplex: 'half' } as RequestInit;
    const answer = await handler(body === undefined ? request : new Request(request.url, init));
    for (const [name, value] of fields) answer.headers.append(name, value);
    return answer;
  };
}
