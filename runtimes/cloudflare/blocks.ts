/**
 * The list of blocked sources in Workers KV: written by the object that blocked, read by every isolate before it asks.
 *
 *   key    keyed hash of the source, hex      value   end of the block, unix ms
 *
 * A mirror, and never the truth: a block that is not there yet, or not any more, costs a question to the object and nothing
 * else. Workers KV answers what a place last saw, up to `cacheTtl` and 60 s old (Cloudflare, "How KV works").
 *
 * Relies on: the binding of a namespace. Refuses: to fail a request: what KV does not answer is no block.
 */
import { toHex } from '../../src/formats/bytes';

/** What is used of a KV namespace's binding (`KVNamespace`). */
export interface KvPort {
  get(key: string, options?: { cacheTtl?: number }): Promise<string | null>;
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
}

/** The least that KV takes for an expiration, seconds. */
const TTL_MIN = 60;
/** How long an isolate, or a place, believes what it read, seconds. The least that KV takes for a cache. */
export const BLOCK_CACHE_S = 60;

/** Longest block that is mirrored, ms: KV takes no larger expiration than 2³¹−1 s. */
const BLOCK_MS_MAX = 2_147_483_647_000;

/** Says that the source at `place` is blocked for `ms` from `now` on. */
export function listBlock(kv: KvPort, place: Uint8Array, now: number, ms: number): Promise<void> {
  const left = Math.min(ms, BLOCK_MS_MAX);
  return kv.put(toHex(place), String(Math.ceil(now + left)), {
    expirationTtl: Math.max(TTL_MIN, Math.ceil(left / 1_000)),
  });
}

export function unlistBlock(kv: KvPort, place: Uint8Array): Promise<void> {
  return kv.delete(toHex(place));
}

/** Ms that the source at `place` is still blocked, as far as is known here; 0 when it is not. */
export async function listedMs(kv: KvPort, place: Uint8Array, now: number): Promise<number> {
  const said = await kv.get(toHex(place), { cacheTtl: BLOCK_CACHE_S });
  const until = said === null ? 0 : Number(said);
  return Number.isFinite(until) && until > now ? until - now : 0;
}
