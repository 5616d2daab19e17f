/**
 * Guards `runtimes/cloudflare/blocks.ts`: a block that is written to Workers KV is found until it ends and not after, within
 * the bounds that KV sets, and what somebody else wrote there blocks nobody.
 */
import { describe, expect, it } from 'vitest';
import { type KvBinding, kvBlocks } from '../../../runtimes/cloudflare/blocks';

const NOW = 1_800_000_000_000;
const place = Uint8Array.of(0, 0xab, 255);
const KEY = '00abff';
/** The least expiration and cache time of KV, and the largest number that it takes, in seconds. */
const [TTL_MIN, TTL_MAX] = [60, 2_147_483_647];

/** A namespace that refuses what KV refuses. */
function namespace() {
  const kept = new Map<string, { value: string; expirationTtl: number | undefined }>();
  const kv: KvBinding = {
    get: async (key, { cacheTtl = TTL_MIN } = {}) => {
      if (cacheTtl < TTL_MIN) throw new Error('400 Invalid cache_ttl');
      return kept.get(key)?.value ?? null;
    },
    put: async (key, value, { expirationTtl } = {}) => {
      const isTaken = expirationTtl === undefined || (expirationTtl >= TTL_MIN && expirationTtl <= TTL_MAX);
      if (!isTaken || !Number.isInteger(expirationTtl ?? TTL_MIN)) throw new Error('400 Invalid expiration_ttl');
      kept.set(key, { value, expirationTtl });
    },
    delete: async (key) => void kept.delete(key),
  };
  return { kept, blocks: kvBlocks(kv) };
}

describe('a block in Workers KV', () => {
  it.each([1, 59_999, 60_000, 60_001, 3_600_000])('of %i ms is found until it ends, and not after', async (ms) => {
    const { blocks } = namespace();
    await blocks.add(place, NOW, ms);
    expect(await blocks.leftMs(place, NOW)).toBe(ms);
    expect(await blocks.leftMs(place, NOW + ms - 1)).toBe(1);
    expect(await blocks.leftMs(place, NOW + ms)).toBe(0);
    expect(await blocks.leftMs(Uint8Array.of(1), NOW)).toBe(0);
  });

  it('is kept for as long as it lasts, and for no less than KV can', async () => {
    const { kept, blocks } = namespace();
    for (const [ms, seconds] of [
      [1, TTL_MIN],
      [60_001, 61],
      [90_000, 90],
      [Number.MAX_SAFE_INTEGER, TTL_MAX],
    ] as const) {
      await blocks.add(place, NOW, ms);
      expect(kept.get(KEY)?.expirationTtl, `${ms} ms`).toBe(seconds);
    }
  });

  it('of a fraction is not over before its end', async () => {
    const { blocks } = namespace();
    await blocks.add(place, NOW, 10.25);
    expect(await blocks.leftMs(place, NOW + 10)).toBe(1);
  });

  it('is gone when it is taken back', async () => {
    const { kept, blocks } = namespace();
    await blocks.add(place, NOW, 60_000);
    await blocks.remove(place);
    expect([kept.size, await blocks.leftMs(place, NOW)]).toEqual([0, 0]);
  });

  it.each(['', 'forever', 'NaN', 'Infinity', '-1', '{}'])('is not what reads %j', async (value) => {
    const { kept, blocks } = namespace();
    kept.set(KEY, { value, expirationTtl: undefined });
    expect(await blocks.leftMs(place, NOW)).toBe(0);
  });
});
