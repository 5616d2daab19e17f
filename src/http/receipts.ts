/**
 * Receipts of requests that were charged and are still being answered: whoever guards the same request further inside, with
 * the same instance, charges nothing. A WebSocket on Node meets two guards (the server's upgrade and the middleware).
 *
 * Relies on: objects that stand for one request: Node's message where there is one, else the platform's `Request`.
 * Refuses: to outlive the answer. A `Request` that is used for a second visit is a second request.
 */
import type { GuardedTracehound, RateLimitResult } from '../types/index';
import { originalOf } from './copies';

type Receipts = Map<GuardedTracehound, RateLimitResult>;

const receipts = new WeakMap<object, Receipts>();

/** The receipt of this request with this instance, if it was charged further outside. */
export function receiptOf(th: GuardedTracehound, request: unknown, platform: unknown): RateLimitResult | undefined {
  const key = receiptKey(request, platform);
  return key === undefined ? undefined : receipts.get(key)?.get(th);
}

/** Leaves a receipt for guards further inside; answers how to take it back. Nothing to leave: nothing is taken back. */
export function leaveReceipt(
  th: GuardedTracehound,
  request: unknown,
  platform: unknown,
  rate: RateLimitResult | undefined,
): () => void {
  const key = receiptKey(request, platform);
  if (key === undefined || rate === undefined) return () => {};
  const own: Receipts = receipts.get(key) ?? new Map();
  if (own.has(th)) return () => {};
  receipts.set(key, own.set(th, rate));
  return () => void own.delete(th);
}

function receiptKey(request: unknown, platform: unknown): object | undefined {
  const { incoming, server } = (typeof platform === 'object' && platform !== null ? platform : {}) as {
    incoming?: unknown;
    server?: { incoming?: unknown };
  };
  const one = server?.incoming ?? incoming ?? originalOf(request);
  return typeof one === 'object' && one !== null ? one : undefined;
}
