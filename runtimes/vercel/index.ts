/**
 * Vercel answers five questions, on its edge runtime and in its Node functions alike: the core comes as a compiled module
 * at the edge and inlined in Node, time and randomness are the web's, the request context keeps work alive, and the proxy
 * in front says who is asking.
 *
 * Relies on: `#core`; the header `X-Real-IP`, which Vercel's proxy overwrites (`ipAddress` of `@vercel/functions` and of
 * its predecessor `@vercel/edge` reads the same) — and on Vercel's own context of the request, which says that we are there.
 * Refuses: policy, other forwarding headers, and timers: nothing runs between requests. The condition `edge-light` resolves
 * here off Vercel too (Next.js on a server of one's own). There the header is the client's own word: nobody is believed, and
 * all share one limit until the application passes a `source`.
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

/** What Vercel keeps about the current request; `undefined` off Vercel. Never what somebody hands over: Next.js has such too. */
function requestContext(): Waiting | undefined {
  const context = (globalThis as { [REQUEST_CONTEXT]?: { get?(): unknown } })[REQUEST_CONTEXT]?.get?.();
  return typeof context === 'object' && context !== null ? context : undefined;
}

const waiterOf = (given: unknown): Waiting | undefined =>
  typeof (given as Waiting | undefined)?.waitUntil === 'function' ? (given as Waiting) : requestContext();

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
    waiterOf(context)?.waitUntil?.(reported);
  },
  source: (request) => {
    if (requestContext() === undefined) return undefined;
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
