/**
 * No framework: `tracehound(th, { detect })` wraps a handler `(request, …context) => Response`, as Workers, Deno, Bun,
 * Fastly, Vercel, service workers and `@hono/node-server` call it.
 *
 * Relies on: `guard` for every decision; the platform's context among the further arguments (the one that can keep work
 * alive, else the first), for the peer, and for what the web's `Request` hides.
 * Refuses: policy. What happens to a request is decided in `guard`, what is said in `refusal`. A handler that throws is
 * the platform's matter, as without us.
 *
 * `detect` gets the `Request`, and the body from its second argument: what is read of the `Request` itself is gone for the
 * application too.
 *
 * @module
 */

import { takenBody } from '../http/capture';
import type { Facts } from '../http/facts';
import { type GuardOptions, guard, leaveReceipt } from '../http/guard';
import type { Field } from '../http/message';
import { absolute, factsOf, rewritten } from '../http/request';
import type { GuardedTracehound } from '../types/index';
import { endGently } from './node-http';

export type TracehoundFetchOptions = GuardOptions<Request>;

/** What a platform calls for each request. `A`: whatever it passes besides. */
export type FetchHandler<A extends unknown[]> = (request: Request, ...context: A) => Response | Promise<Response>;

/** Puts the guard before a handler. */
export type FetchGuard = <A extends unknown[]>(
  handler: FetchHandler<A>,
) => (request: Request, ...context: A) => Promise<Response>;

/**
 * Guards a handler. Throws when the options are wrong.
 *
 * @example
 * const guarded = tracehound(th, { detect: (request) => (isBad(request) ? { category: 'sqli', severity: 'high' } : undefined) });
 * export default { fetch: guarded(async (request) => new Response('hello')) };
 */
export function tracehound(th: GuardedTracehound, options: TracehoundFetchOptions): FetchGuard {
  const decide = guard(th, options);
  return (handler) => {
    if (typeof handler !== 'function') {
      throw new TypeError(
        `tracehound: no handler, expected a function, got ${handler === null ? 'null' : typeof handler}`,
      );
    }
    return async (came, ...context) => {
      const platform = contextAmong(context);
      const request = absolute(came, platform);
      const facts = (): Facts => ({
        ...factsOf(request, platform),
        buffered: () => takenBody(request, '`request.clone()`'),
      });
      const { response, rate, fields, body, strip } = await decide({ context: request, request, platform, facts });
      if (response !== undefined) {
        endGently(platform, response);
        return response;
      }
      const seen = body === undefined && strip === undefined ? request : rewritten(request, { body, strip }, platform);
      const takeBack = leaveReceipt(th, request, platform, rate);
      try {
        return withFields(await handler(seen, ...context), fields);
      } finally {
        takeBack();
      }
    };
  };
}

/** Workers pass bindings first and the context last; everybody else passes the context first. */
function contextAmong(given: readonly unknown[]): unknown {
  return given.find((one) => typeof (one as { waitUntil?: unknown } | undefined)?.waitUntil === 'function') ?? given[0];
}

/** Adds our fields to the application's answer. Both are lists: a policy of the application's own stays beside ours. */
function withFields(response: Response, fields: readonly Field[]): Response {
  if (fields.length === 0) return response;
  try {
    for (const [name, value] of fields) response.headers.append(name, value);
    return response;
  } catch {
    // Immutable headers: a fetched response, or a shared one.
  }
  try {
    const copy = new Response(response.body, response);
    for (const [name, value] of fields) copy.headers.append(name, value);
    return copy;
  } catch {
    return response; // An upgrade (101) cannot be copied. Its answer matters more than our fields.
  }
}
