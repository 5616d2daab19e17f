/**
 * Cloudflare Workers answer five questions: the core comes as a compiled module, time and randomness are the web's, the
 * context keeps work alive, and the network says who is asking.
 *
 * Relies on: `#core` under the condition `workerd`; the header `CF-Connecting-IP`, which Cloudflare writes and no client
 * can — and `CF-Connecting-IPv6` beside it where *Pseudo IPv4* overwrote the former. Refuses: policy, and timers: one that a request started ends with that request.
 *
 * Time stands still between two I/O operations of a request, so it cannot measure one; windows are longer than that.
 * An isolate has its own instance and there are many isolates: limits are per isolate unless a ledger is shared.
 *
 * @module
 */
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

/** `ExecutionContext`, as the third argument of `fetch` and the second of an adapter. */
interface Context {
  waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * *Pseudo IPv4: Overwrite Headers* puts an address of 240.0.0.0/4 in the visitor's place, made from the first 64 bits of the
 * IPv6 address, which then stands in `CF-Connecting-IPv6`. Nobody has an address of class E, so without the setting none is
 * seen, and what a client sends under that other name is not read.
 */
const PSEUDO = /^2(?:4\d|5[0-5])\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/** The Cloudflare runtime. */
export const cloudflare: Runtime = {
  name: 'workerd',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  },
  defer: (work, context) => {
    const reported = work.catch((error: unknown) => console.warn('Tracehound:', error));
    const given = context as Context | undefined;
    if (typeof given?.waitUntil === 'function') return given.waitUntil(reported);
    // Adapters know the bindings, not the context. The module knows it too; where it does not exist, work just runs.
    import('cloudflare:workers').then(
      ({ waitUntil }) => waitUntil(reported),
      () => {},
    );
  },
  source: (request) => {
    const headers = (request as Request | undefined)?.headers;
    const address = headers?.get('cf-connecting-ip');
    if (!address) return undefined;
    const real = PSEUDO.test(address) ? headers?.get('cf-connecting-ipv6') : undefined;
    return { address: real || address };
  },
};

/**
 * One instance of Tracehound on Cloudflare Workers. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ secret });
 * export default { fetch: tracehound(th, { detect })(async (request) => fetch(request)) };
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(cloudflare, options);
}
