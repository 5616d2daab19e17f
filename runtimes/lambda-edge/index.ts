/**
 * Lambda@Edge answers five questions, and hashes at once: the core is inlined, so that a bundle is one file; time,
 * randomness and digest are Node's; work is kept by waiting for it; CloudFront says who is asking.
 *
 * Relies on: `#core`, node:crypto, `clientIp` of CloudFront's request (as context where Hono's `handle` wraps it).
 * Refuses: policy, headers as a source, and timers: a container stands still between its invocations.
 *
 * A container has its own instance, and CloudFront starts many of them in many regions: limits are per container.
 *
 * @module
 */
import nodeCrypto from 'node:crypto';
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';
import type { CloudFrontRequest } from './event';
import { keep } from './handler';

export * from '../../src/index';
export type {
  CloudFrontEvent,
  CloudFrontEventType,
  CloudFrontHeaders,
  CloudFrontRecord,
  CloudFrontRequest,
  CloudFrontResponse,
} from './event';
export { type CloudFrontHandler, handler, settle, type TracehoundLambdaEdgeOptions } from './handler';

/** CloudFront's request itself, or Hono's bindings around it. */
interface Bindings {
  request?: Partial<CloudFrontRequest>;
}

/** The Lambda@Edge runtime. */
export const lambdaEdge: Runtime = {
  name: 'lambda-edge',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    nodeCrypto.randomFillSync(bytes);
  },
  defer: keep,
  source: (request, context) => {
    const { clientIp } = (context as Bindings | undefined)?.request ?? (request as Partial<CloudFrontRequest>) ?? {};
    return typeof clientIp === 'string' ? { address: clientIp } : undefined;
  },
  digest: (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(),
};

/**
 * One instance of Tracehound on Lambda@Edge. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong
 * value), always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 } });
 * exports.handler = handler(th, { detect });
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(lambdaEdge, options);
}
