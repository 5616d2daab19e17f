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
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

/** Bun's server. */
interface Server {
  requestIP?: (request: Request) => { address: string } | null;
}

/** The server itself, or Hono's bindings around it. */
const serverOf = (context: unknown): Server | undefined =>
  (context as { server?: Server } | undefined)?.server ?? (context as Server | undefined);

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
  // Bun knows the peer of the request it made: a copy of that request has none.
  source: (request, context) => {
    const address = serverOf(context)?.requestIP?.(request as Request)?.address;
    return address === undefined ? undefined : { address };
  },
  digest: (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(),
};

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
