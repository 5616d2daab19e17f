/**
 * Node ≥ 20 answers five questions (and hashes at once): who made the core, what time, what randomness, what keeps work
 * alive, who is asking. Also the default ground for Deno, Bun and bundled Node functions.
 *
 * Relies on: `#core`, node:crypto. Refuses: policy.
 *
 * @module
 */
import nodeCrypto from 'node:crypto';
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';
export { guardUpgrades, type UpgradeOptions, type UpgradeRequest, type UpgradeServer } from './upgrades';

/** What Node's servers hand to an adapter: an IncomingMessage, or Hono's bindings around one. */
interface Peer {
  socket?: { remoteAddress?: string };
  incoming?: { socket?: { remoteAddress?: string } };
}

/** The Node runtime. */
export const node: Runtime = {
  name: 'node',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    nodeCrypto.randomFillSync(bytes);
  },
  defer: (work) => {
    work.catch((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error), 'Tracehound'));
  },
  // A timer that keeps no process alive: whoever ends without `close()` ends.
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  // The socket's own address: a client that reset the connection has none and is limited as `unknown`.
  source: (request, context) => {
    const peer = (context ?? request) as Peer | undefined;
    const address = peer?.incoming?.socket?.remoteAddress ?? peer?.socket?.remoteAddress;
    return address === undefined ? undefined : { address };
  },
  digest:
    typeof nodeCrypto.hash === 'function'
      ? (bytes) => nodeCrypto.hash('sha256', bytes, 'buffer') // 0.4 µs less than createHash for a payload of 1 KiB
      : (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(), // before Node 20.12
};

/**
 * One instance of Tracehound on Node. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 } });
 * th.intercept({ source: '203.0.113.7', payload: body, threat: { category: 'sqli', severity: 'high' } });
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(node, options);
}
