/**
 * Node ≥ 20 answers five questions (and hashes at once): who made the core, what time, what randomness, what keeps work
 * alive, who is asking. Also the default ground for Deno, Bun and bundled Node functions.
 *
 * Relies on: `#core`, node:crypto, node:diagnostics_channel. Refuses: policy.
 *
 * @module
 */
import nodeCrypto from 'node:crypto';
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';
import { type Connection, isGone, peerAddress, watchPeers } from './peers';

export * from '../../src/index';
export { guardUpgrades, type UpgradeOptions, type UpgradeRequest, type UpgradeServer } from './upgrades';

/** What Node's servers hand to an adapter: an IncomingMessage, or Hono's bindings around one. */
interface Bindings {
  readonly socket?: Connection;
  /** HTTP/2: a client may cancel one request and keep the connection. */
  readonly stream?: { readonly destroyed?: boolean };
  readonly incoming?: Bindings;
  readonly server?: { readonly incoming?: Bindings };
}

function messageOf(request: unknown, context: unknown): Bindings | undefined {
  const given = (context ?? request) as Bindings | undefined;
  return given?.server?.incoming ?? given?.incoming ?? given;
}

/** The Node runtime. */
export const node: Runtime = {
  name: 'node',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: () => {
    watchPeers(); // also for those who wire this runtime themselves
    return instantiate();
  },
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
  source: (request, context) => {
    const address = peerAddress(messageOf(request, context)?.socket);
    return address === undefined ? undefined : { address };
  },
  gone: (request, context) => {
    const message = messageOf(request, context);
    return message?.stream?.destroyed === true || isGone(message?.socket);
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
  watchPeers();
  return wire(node, options);
}
