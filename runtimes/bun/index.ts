/**
 * Bun answers five questions, and hashes at once: the core is inlined, time is the web's, randomness and digest are
 * node:crypto's, the server says who is asking.
 *
 * Relies on: `#core`, Bun's Node modules, and on the server as context: `fetch(request, server)`. Refuses: policy.
 *
 * @module
 */
import nodeCrypto from 'node:crypto';
import { digest, instantiate } from '#core';
import { originalOf, serverOf } from '../../src/http/copies';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

/** The Bun runtime. */
export const bun: Runtime = {
  name: 'bun',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    nodeCrypto.randomFillSync(bytes);
  },
  defer: (work) => {
    work.catch((error: unknown) => console.warn('Tracehound:', error));
  },
  // A timer that keeps no process alive: whoever ends without `close()` ends.
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  // Bun knows the peer of the request it made, and nothing of a copy.
  source: (request, context) => {
    const address = serverOf(context)?.requestIP(originalOf(request))?.address;
    return typeof address === 'string' ? { address } : undefined;
  },
  gone: (request, context) => {
    const { signal } = request as { signal?: { readonly aborted: boolean } };
    if (signal === undefined || signal.aborted) return signal?.aborted === true;
    const server = serverOf(context);
    const hasPeers = typeof server?.port === 'number'; // a Unix socket has a path and no addresses
    return hasPeers && server?.requestIP(originalOf(request)) === null ? isAborted(signal) : false;
  },
  digest: (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(),
};

/**
 * A client that reset its connection has no address at once, and Bun says `aborted` when it comes around to the socket,
 * within two turns of its loop (measured on 1.4.5). A request without address that is not aborted by then is somebody's copy.
 */
async function isAborted(signal: { readonly aborted: boolean }): Promise<boolean> {
  for (let turn = 0; turn < TURNS && !signal.aborted; turn++) await new Promise((resolve) => setImmediate(resolve));
  return signal.aborted;
}

const TURNS = 8;

/**
 * One instance of Tracehound on Bun. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 } });
 * Bun.serve({ fetch: tracehound(th, { detect })(() => new Response('hello')) });
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(bun, options);
}
