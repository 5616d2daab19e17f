/**
 * A function of CloudFront: `handler(th, options)` is what Lambda calls. One for all four events.
 *
 * | event | does |
 * | --- | --- |
 * | viewer-request, origin-request | charges, asks the detector, answers a refusal or hands the request on |
 * | origin-response | asks the detector, which now sees the origin's answer too; a refusal takes its place |
 * | viewer-response | asks and records; CloudFront lets nobody change the answer here, so nothing is refused |
 *
 * Relies on: `guard` for every decision. Refuses: policy; to let an answer through that CloudFront would turn into a 502;
 * to charge a request again in its response events, which are other invocations of perhaps another container.
 *
 * @module
 */

import { type GuardOptions, guard, type Visit } from '../../src/http/guard';
import { within } from '../../src/time/deadline';
import type { RateLimitResult, Tracehound } from '../../src/types/index';
import {
  type CloudFrontEvent,
  type CloudFrontRecord,
  type CloudFrontRequest,
  type CloudFrontResponse,
  eventFacts,
  recordOf,
} from './event';
import { written } from './response';

export type TracehoundLambdaEdgeOptions = GuardOptions<CloudFrontRecord>;

export type CloudFrontHandler = (event: CloudFrontEvent) => Promise<CloudFrontRequest | CloudFrontResponse>;

/** How long an answer waits for work that was deferred. A viewer's function must end within 5 s. */
const SETTLE_MS = 1_000;

const working = new Set<Promise<unknown>>();

/** Keeps hold of work, because nothing runs in a Lambda once its answer is given. */
export function keep(work: Promise<unknown>): void {
  const reported: Promise<unknown> = work
    .catch((error: unknown) => console.warn('Tracehound:', error))
    .finally(() => working.delete(reported));
  working.add(reported);
}

/** Resolves when the work that was deferred has ended, at the latest after a second: the rest goes on in the next call. */
export async function settle(): Promise<void> {
  if (working.size > 0) await within(Promise.all(working), SETTLE_MS);
}

/**
 * Guards a distribution. Throws when the options are wrong.
 *
 * @example
 * exports.handler = handler(createTracehound(), {
 *   detect: ({ request }) => (isBad(request.uri) ? { category: 'path.traversal', severity: 'high' } : undefined),
 * });
 */
export function handler(th: Tracehound, options: TracehoundLambdaEdgeOptions): CloudFrontHandler {
  const refusing = guard(th, options);
  const watching = guard(th, { ...options, shadow: true });
  return async (event) => {
    const record = recordOf(event);
    const { config, request, response } = record;
    const decide = config.eventType === 'viewer-response' ? watching : refusing;
    try {
      const outcome = await decide(recordVisit(th, record));
      if (outcome.response !== undefined) return await answerOf(th, outcome.response, record);
      for (const name of outcome.strip ?? []) delete request.headers[name.toLowerCase()];
    } finally {
      await settle();
    }
    return response ?? request;
  };
}

function recordVisit(th: Tracehound, record: CloudFrontRecord): Visit<CloudFrontRecord> {
  const { request, response } = record;
  const receipt = response === undefined ? undefined : unchanged(th, request);
  return { context: record, request, platform: undefined, receipt, facts: () => eventFacts(record) };
}

/** A receipt for nothing: the request was charged, if at all, where it came in. */
function unchanged(th: Tracehound, { clientIp }: CloudFrontRequest): RateLimitResult | undefined {
  if (th.http.limits.policy === undefined) return undefined;
  try {
    return { ...th.rateLimiter.peek({ address: clientIp }), allowed: true };
  } catch {
    return undefined; // Tracehound is failing; the guard finds out by itself and does as it was told.
  }
}

/** A refusal that does not fit, or breaks on the way, loses its body and stays a refusal. */
async function answerOf(th: Tracehound, response: Response, { config }: CloudFrontRecord): Promise<CloudFrontResponse> {
  try {
    const { response: ready, overlong } = await written(response, config.eventType);
    if (overlong)
      th.http.runtime.defer(
        Promise.reject(
          new RangeError('lambda-edge: the answer is too large, expected what CloudFront takes, got more'),
        ),
      );
    return ready;
  } catch (error) {
    th.http.runtime.defer(Promise.reject(error));
    return {
      status: String(response.status),
      headers: { 'cache-control': [{ key: 'Cache-Control', value: 'no-store' }] },
    };
  }
}
