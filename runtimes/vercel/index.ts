/**
 * Vercel answers five questions, on its edge runtime and in its Node functions alike: the core comes as a compiled module
 * at the edge and inlined in Node, time and randomness are the web's, the request context keeps work alive, and the proxy
 * in front says who is asking.
 *
 * Relies on: `#core`; the header `X-Real-IP`, which Vercel's proxy overwrites (`ipAddress` of `@vercel/functions` and of
 * its predecessor `@vercel/edge` reads the same). Refuses: policy, other forwarding headers, and timers: nothing runs
 * between requests. Off Vercel the header is the client's own word, so use another runtime there.
 *
 * @module
 */
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

interface Waiting {
  waitUntil?: (work: Promise<unknown>) => void;
}

/** Where Vercel keeps what belongs to the current request; `waitUntil` of `@vercel/functions` looks here too. */
const REQUEST_CONTEXT = Symbol.for('@vercel/request-context');

function contextOf(given: unknown): Waiting | undefined {
  if (typeof (given as Waiting | undefined)?.waitUntil === 'function') return given as Waiting;
  return (globalThis as { [REQUEST_CONTEXT]?: { get?(): Waiting | undefined } })[REQUEST_CONTEXT]?.get?.();
}

/** The headers of a `Request`, or of Node's own request. */
interface Headed {
  headers?: { get?: unknown } & Record<string, unknown>;
}

/** The Vercel runtime. */
export const vercel: Runtime = {
  name: 'vercel',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  },
  defer: (work, context) => {
    const reported = work.catch((error: unknown) => console.warn('Tracehound:', error));
    contextOf(context)?.waitUntil?.(reported);
  },
  source: (request) => {
    const headers = (request as Headed | undefined)?.headers;
    const address = typeof headers?.get === 'function' ? headers.get('x-real-ip') : headers?.['x-real-ip'];
    return typeof address === 'string' && address !== '' ? { address } : undefined;
  },
};

/**
 * One instance of Tracehound on Vercel. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ secret });
 * export default tracehound(th, { detect })(() => next());
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(vercel, options);
}
