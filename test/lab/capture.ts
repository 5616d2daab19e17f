/**
 * One request captured, and its evidence read back with the naivest parser there is: for tests of the parts of capture.
 *
 * Relies on: `fake-tracehound`. Refuses: the network.
 */

import { type CapturePlan, capture } from '../../src/http/capture';
import type { Facts } from '../../src/http/facts';
import { type SecretNames, secretNames } from '../../src/http/secrets';
import { CaptureSlots } from '../../src/http/slots';
import type { Source } from '../../src/types/index';
import { fakeTracehound } from './fake-tracehound';

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'));

/** What is hidden: the defaults, and these besides. */
export const secrets = (
  headers: string[] = [],
  query: string[] = [],
): { readonly headers: SecretNames; readonly query: SecretNames } =>
  secretNames({ isAllowList: false, headers, query, secrets: [] });

export const plan = (over: Partial<CapturePlan> = {}): CapturePlan => ({
  redactHeaders: secrets().headers,
  redactQuery: secrets().query,
  trace: new Set(['x-request-id']),
  timeoutMs: 2_000,
  ...over,
});

/** A stream that gives these chunks and then ends, fails or says nothing more. */
export function stream(
  chunks: readonly unknown[],
  end: 'close' | 'error' | 'hang' = 'close',
): ReadableStream<Uint8Array> {
  let index = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[index++];
        if (chunk !== undefined) return controller.enqueue(chunk as Uint8Array);
        if (end === 'close') controller.close();
        if (end === 'error') controller.error(new Error('aborted'));
        return end === 'hang' ? new Promise<void>(() => {}) : undefined;
      },
    },
    { highWaterMark: 0 },
  );
}

export function facts(over: Partial<Facts> & { content?: string | ReadableStream<Uint8Array> | null } = {}): Facts {
  const { content = null, ...rest } = over;
  const headers = new Headers(rest.headers ?? { host: 'shop.example' });
  if (typeof content === 'string' && !headers.has('content-length'))
    headers.set('content-length', String(content.length));
  return {
    method: 'POST',
    url: 'http://shop.example/login?next=/',
    version: '1.1',
    body: () => (typeof content === 'string' ? stream([bytes(content)]) : content),
    ...rest,
    headers,
  };
}

export interface Taken {
  start: string;
  fields: Map<string, string>;
  names: string[];
  body: string;
  payload: string;
  fingerprint: string;
  truncated: boolean;
  drained: boolean;
  rest: (() => ReadableStream<Uint8Array>) | undefined;
}

/** Captures and reads the message back with the naivest parser there is. */
export async function take(
  request: Facts,
  options: {
    plan?: Partial<CapturePlan>;
    max?: number;
    source?: Source;
    derivation?: 'option' | 'runtime' | 'none';
    /** How many bodies may be read at the same time. */
    places?: number;
    broken?: string;
  } = {},
): Promise<Taken> {
  const fake = fakeTracehound(options.max === undefined ? {} : { maxPayloadBytes: options.max });
  if (options.broken) fake.broken.add(options.broken);
  const origin = { source: options.source ?? '192.0.2.1', derivation: options.derivation ?? 'runtime' };
  const slots = new CaptureSlots(options.places ?? 64, 56, () => 0);
  const port = { ...fake.th.http.settings, ...fake.th.http.keys };
  const got = await capture(request, origin, port, plan(options.plan), slots);
  const payload = text(got.payload);
  const end = payload.indexOf('\r\n\r\n');
  const [start = '', ...lines] = payload.slice(0, end).split('\r\n');
  const pairs = lines.map((line) => [line.split(': ', 1)[0] as string, line.slice(line.indexOf(': ') + 2)] as const);
  return {
    start,
    fields: new Map(pairs),
    names: pairs.map(([name]) => name),
    body: end < 0 ? '' : payload.slice(end + 4),
    payload,
    fingerprint: text(got.fingerprint),
    truncated: got.truncated,
    drained: got.drained,
    rest: got.rest,
  };
}

export const read = async (from: ReadableStream<Uint8Array>): Promise<string> =>
  Buffer.from(await new Response(from).arrayBuffer()).toString('latin1');
