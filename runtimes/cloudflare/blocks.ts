/**
 * The list of blocked sources in Workers KV.
 *
 *   key    keyed hash of the source, hex      value   end of the block, unix ms
 *
 * Workers KV answers what a place last saw, up to `cacheTtl` and 60 s old (Cloudflare, "How KV works").
 *
 * Relies on: the binding of a namespace; coordination/mirror.ts says what such a list is for. Refuses: policy.
 */
import { BELIEVED_MS, type BlockList } from '../../src/coordination/mirror';
import { toHex } from '../../src/formats/bytes';

/** What is used of a KV namespace's binding (`KVNamespace`). */
export interface KvBinding {
  get(key: string, options?: { cacheTtl?: number }): Promise<string | null>;
  put(key: string, value: string, options?: { expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
}

/** The least that KV takes for an expiration, and for a cache, seconds. */
const TTL_MIN = 60;
/** Longest block that is mirrored, ms: KV takes no larger expiration than 2³¹−1 s. */
const BLOCK_MS_MAX = 2_147_483_647_000;
const CACHE_S = Math.max(TTL_MIN, BELIEVED_MS / 1_000);

/** `kv` as a list of blocks. */
export function kvBlocks(kv: KvBinding): BlockList {
  return {
    add: (place, now, ms) => {
      const left = Math.min(ms, BLOCK_MS_MAX);
      const expirationTtl = Math.max(TTL_MIN, Math.ceil(left / 1_000));
      return kv.put(toHex(place), String(Math.ceil(now + left)), { expirationTtl });
    },
    remove: (place) => kv.delete(toHex(place)),
    leftMs: async (place, now) => {
      const said = await kv.get(toHex(place), { cacheTtl: CACHE_S });
      const until = said === null ? 0 : Number(said);
      return Number.isFinite(until) && until > now ? until - now : 0;
    },
  };
}
