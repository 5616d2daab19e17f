/**
 * Deno answers five questions, and hashes at once: the core is inlined, time is the web's, randomness and digest are
 * node:crypto's, `Deno.serve` says who is asking.
 *
 * Relies on: `#core`, Deno's Node modules. Refuses: policy.
 *
 * @module
 */
import nodeCrypto from 'node:crypto';
import timers from 'node:timers';
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

/** `Deno.ServeHandlerInfo`; Hono passes it on as its bindings. */
interface Info {
  remoteAddr?: { hostname?: string; port?: number };
}

/** What Deno says of a connection whose peer was gone when it asked: no client has port 0. */
const isNobody = ({ port }: { port?: number }): boolean => port === 0;

/** The Deno runtime. */
export const deno: Runtime = {
  name: 'deno',
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
  // Node's timers, because they can be told to keep no process alive.
  after: (ms, work) => {
    const timer = timers.setTimeout(work, ms);
    timer.unref();
    return () => timers.clearTimeout(timer);
  },
  // A Unix socket has a path and no address: whoever speaks through one is for `options.source` to say.
  source: (_request, context) => {
    const peer = (context as Info | undefined)?.remoteAddr;
    return peer?.hostname === undefined || isNobody(peer) ? undefined : { address: peer.hostname };
  },
  gone: (request, context) => {
    const peer = (context as Info | undefined)?.remoteAddr;
    if (peer !== undefined && isNobody(peer)) return true;
    return (request as { signal?: { aborted?: unknown } } | undefined)?.signal?.aborted === true;
  },
  digest: (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(),
};

/**
 * One instance of Tracehound on Deno. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 } });
 * Deno.serve(tracehound(th, { detect })(() => new Response('hello')));
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(deno, options);
}
