/**
 * Guards src/engine/memory.ts: the host's sum of a core's memory is the core's own, for every geometry; capacities are only
 * ever rounded up; numbers that cannot fit are refused by the name of their option.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { instantiate } from '../../../build/core.inline.js';
import { link } from '../../../src/engine/link';
import { arenaEnd, type coreConfig, writeConfig } from '../../../src/engine/memory';
import { configOf, type Small } from '../../lab/core';
import { dice, pick } from '../../lab/lab';

describe('a configuration', () => {
  it('has room for at least as many sources as were asked for: a power of two, and no smaller than a set', () => {
    for (let asked = 1; asked <= 130; asked++) {
      const { maxSources } = configOf({ maxSources: asked });
      expect(maxSources & (maxSources - 1), `${asked} sources`).toBe(0);
      expect(maxSources).toBeGreaterThanOrEqual(Math.max(asked, abi.LIMITER_WAYS));
      expect(maxSources).toBeLessThan(2 * Math.max(asked, abi.LIMITER_WAYS));
    }
  });

  it('gives one source its share, and never less than one item', () => {
    const shares = (maxCount: number, maxBytes: number, maxShare: number): number[] => {
      const { shareCount, shareBytes } = configOf({ maxCount, maxBytes, maxShare });
      return [shareCount, shareBytes];
    };
    expect(shares(16, 16_384, 1)).toEqual([16, 16_384]);
    expect(shares(16, 16_384, 1 / 16)).toEqual([1, 1_024]);
    expect(shares(31, 1_000, 1 / 16)).toEqual([1, 62]);
    expect(shares(15, 15, 1 / 16)).toEqual([1, 1]);
  });

  it('without a limiter asks for no sources', () => {
    expect(configOf({ limit: 0 })).toMatchObject({ windowMs: 0, blockMs: 0, limit: 0, maxSources: 0 });
  });

  it('has blocks for as many items as it has slots, each of payloads that add up to all bytes', () => {
    for (const [maxCount, maxBytes] of [
      [1, 1],
      [1, 124],
      [1, 125],
      [7, 1_000],
      [256, 1_024],
      [16, 65_536],
    ] as const) {
      const { slabBlocks } = configOf({ maxCount, maxBytes });
      // 32 of head, 32 of hash, 64 of category, 64 of detector, and an item's last block half empty.
      const heads = maxCount * (abi.ITEM_HEAD_BYTES + 32 + abi.CATEGORY_BYTES_MAX + abi.DETECTOR_BYTES_MAX);
      const worst = Math.ceil((heads + maxBytes + maxCount * (abi.BLOCK_DATA_BYTES - 1)) / abi.BLOCK_DATA_BYTES);
      expect(slabBlocks).toBeGreaterThanOrEqual(worst);
    }
  });
});

describe('the end of memory', () => {
  const geometry = (seed: number): Small => {
    const roll = dice(seed);
    return {
      limit: pick(roll, [0, 1, 255, 256, 65_535, 65_536, 2 ** 31 - 1]),
      maxSources: 1 + Math.floor(roll() * 2_000),
      maxCount: 1 + Math.floor(roll() * 300),
      maxBytes: 1 + Math.floor(roll() * 100_000),
      maxPayloadBytes: pick(roll, [1, 63, 64, 65, 4_097]),
      maxRecords: 16 + Math.floor(roll() * 300),
    };
  };
  it.each(Array.from({ length: 30 }, (_, i) => i + 1))('is where the core says it is (seed %d)', (seed) => {
    const config = configOf(geometry(seed));
    const core = link(instantiate(), config, undefined);
    expect(arenaEnd(config)).toBe(core.view.getUint32(abi.HEADER_AT + abi.HEADER_ARENA_NEXT, true));
    expect(core.bytes.length).toBeGreaterThanOrEqual(arenaEnd(config));
  });

  it('beyond what there is, is refused by the name of the option that asks for most', () => {
    const cases: [Small, string][] = [
      [{ maxSources: 2 ** 24, limit: 2 ** 31 - 1 }, 'rateLimit.maxSources'],
      [{ maxBytes: 2 ** 32 - 1 }, 'quarantine.maxBytes'],
      [{ maxCount: 2 ** 24 }, 'quarantine.maxCount'],
      [{ maxRecords: 2 ** 25 }, 'audit.maxRecords'],
      [{ maxPayloadBytes: 2 ** 32 }, 'maxPayloadBytes'],
    ];
    for (const [over, option] of cases) {
      expect(() => arenaEnd(configOf(over))).toThrow(
        expect.objectContaining({
          name: 'RangeError',
          message: expect.stringMatching(new RegExp(`^${option}: too large, `)),
        }),
      );
    }
  });

  it('may be the last byte that there is, and not one more', () => {
    const config = configOf({ limit: 0, maxRecords: 16 });
    const room = Math.floor((abi.MEMORY_BYTES_MAX - arenaEnd(config)) / abi.LOG_BYTES);
    expect(arenaEnd({ ...config, maxRecords: 16 + room })).toBeLessThanOrEqual(abi.MEMORY_BYTES_MAX);
    expect(() => arenaEnd({ ...config, maxRecords: 17 + room })).toThrow(RangeError);
  });
});

it('each number of a configuration has a place of its own in CONFIG', () => {
  const names = Object.keys(configOf()) as (keyof ReturnType<typeof coreConfig>)[];
  const written = (config: ReturnType<typeof coreConfig>): string => {
    const bytes = new Uint8Array(abi.CONFIG_AT + abi.CONFIG_BYTES + 64);
    writeConfig(new DataView(bytes.buffer), config);
    expect(bytes.subarray(0, abi.CONFIG_AT).some((byte) => byte !== 0)).toBe(false);
    expect(bytes.subarray(abi.CONFIG_AT + abi.CONFIG_BYTES).some((byte) => byte !== 0)).toBe(false);
    return Buffer.from(bytes).toString('hex');
  };
  const base = configOf();
  const changed = names.map((name) => written({ ...base, [name]: base[name] + 1 }));
  expect(new Set([written(base), ...changed]).size).toBe(names.length + 1);
});
