/**
 * The layout of a core's memory, computed by the host before any core exists, so that numbers that cannot fit are
 * refused where they were written: in `createTracehound`, naming the option.
 *
 * Relies on: the constants of the boundary and the order in which `init` reserves. Refuses: to know what the bytes
 * mean. The core lays out by itself; the engine compares the two sums after `init`.
 *
 * What a configuration costs (docs/memory.md), untouched parts being reserved but not resident:
 *
 *   sources    × (64, 96 or 128 B for limits ≤ 255, ≤ 65,535, above)
 *   sketch       6 × 4 × max(32 KiB, 4 B × sources): resident only where evictions wrote
 *   evidence   × 176 B + 8 … 16 B of buckets + ⌈(32 + head + payload) / 124⌉ × 128 B
 *   records    × 176 B
 */
import * as abi from '../../assembly/abi';
import type { ResolvedOptions } from '../types/index';

/** Numbers of CONFIG: options after rounding. */
export interface CoreConfig {
  readonly windowMs: number;
  readonly blockMs: number;
  readonly limit: number;
  readonly maxSources: number;
  readonly ipv6Prefix: number;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly shareCount: number;
  readonly shareBytes: number;
  readonly maxPayloadBytes: number;
  readonly maxRecords: number;
  readonly slabBlocks: number;
}

/** The default of `rateLimit.ipv6Prefix`. */
const IPV6_PREFIX = 56;

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)));
const align = (at: number, to: number): number => Math.ceil(at / to) * to;

/** Options → CONFIG. Rounding only ever raises a capacity. */
export function coreConfig(options: ResolvedOptions): CoreConfig {
  const { rateLimit, quarantine } = options;
  const on = rateLimit !== false;
  return {
    windowMs: on ? rateLimit.windowMs : 0,
    blockMs: on ? rateLimit.blockMs : 0,
    limit: on ? rateLimit.limit : 0,
    maxSources: on ? powerOfTwo(Math.max(rateLimit.maxSources, abi.LIMITER_WAYS)) : 0,
    // Without a limiter the grouping is the limiter's default: shares and folds go by it.
    ipv6Prefix: on ? rateLimit.ipv6Prefix : IPV6_PREFIX,
    maxCount: quarantine.maxCount,
    maxBytes: quarantine.maxBytes,
    shareCount: Math.max(1, Math.floor(quarantine.maxCount * quarantine.maxShare)),
    shareBytes: Math.max(1, Math.floor(quarantine.maxBytes * quarantine.maxShare)),
    maxPayloadBytes: options.maxPayloadBytes,
    maxRecords: options.audit.maxRecords,
    slabBlocks: Math.ceil(quarantine.maxBytes / abi.BLOCK_DATA_BYTES) + abi.ITEM_SPARE_BLOCKS * quarantine.maxCount,
  };
}

/** Bytes one tracked source takes: its record and its tag. */
function sourceBytes(limit: number): number {
  if (limit <= abi.LIMITER_U8_MAX) return abi.RECORD_BYTES_U8 + abi.TAG_BYTES;
  if (limit <= abi.LIMITER_U16_MAX) return abi.RECORD_BYTES_U16 + abi.TAG_BYTES;
  return abi.RECORD_BYTES_U32 + abi.TAG_BYTES;
}

/** The options that decide each region, in the order of the arena, with its bytes and alignment. */
function regions(config: CoreConfig): [option: string, bytes: number, alignment: number][] {
  const row = Math.max(abi.SKETCH_ROW_BYTES_MIN, abi.SKETCH_ROW_BYTES_PER_SOURCE * config.maxSources);
  const sketch = abi.SKETCH_GENERATIONS * abi.SKETCH_ROWS * row;
  const buckets = 4 * powerOfTwo(config.maxCount);
  // Small items need more blocks for their heads than for their bytes.
  const spare = abi.ITEM_SPARE_BLOCKS * config.maxCount;
  const slab = 2 * spare > config.slabBlocks ? 'quarantine.maxCount' : 'quarantine.maxBytes';
  const limiter: [string, number, number][] =
    config.limit === 0
      ? []
      : [
          ['rateLimit.maxSources', abi.LIMITER_BYTES, 64],
          ['rateLimit.maxSources', config.maxSources * abi.TAG_BYTES, 64],
          ['rateLimit.maxSources', config.maxSources * (sourceBytes(config.limit) - abi.TAG_BYTES), 64],
          ['rateLimit.maxSources', (sketch / abi.SKETCH_CHUNK_BYTES) * 4, 64],
          ['rateLimit.maxSources', sketch, 64],
        ];
  return [
    ['maxPayloadBytes', config.maxPayloadBytes, 64],
    ['maxPayloadBytes', 4 + 4 * Math.max(abi.EVICTIONS_MIN, Math.ceil(config.maxPayloadBytes / abi.SMALL_BYTES)), 64],
    ['', abi.IDS_BYTES, 64],
    ...limiter,
    ['quarantine.maxCount', abi.QUARANTINE_BYTES, 64],
    ['quarantine.maxCount', buckets, 64],
    ['quarantine.maxCount', buckets, 64],
    ['quarantine.maxCount', config.maxCount * abi.SLOT_BYTES, 64],
    [slab, config.slabBlocks * abi.BLOCK_BYTES, 64],
    ['audit.maxRecords', abi.AUDIT_BYTES, 64],
    ['audit.maxRecords', abi.FOLD_ENTRIES * abi.FOLD_BYTES, 64],
    ['audit.maxRecords', config.maxRecords * abi.LOG_BYTES, 64],
  ];
}

/** Address after the last byte of the arena. Throws `RangeError` naming the option that asks for most. */
export function arenaEnd(config: CoreConfig): number {
  let end = abi.ARENA_AT;
  const asked = new Map<string, number>();
  for (const [option, bytes, alignment] of regions(config)) {
    end = align(end, alignment) + bytes;
    asked.set(option, (asked.get(option) ?? 0) + bytes);
  }
  if (end > abi.MEMORY_BYTES_MAX) {
    const [option] = [...asked].reduce((most, next) => (next[1] > most[1] ? next : most));
    throw new RangeError(`${option}: too large, expected all of memory ≤ ${abi.MEMORY_BYTES_MAX} bytes, got ${end}`);
  }
  return end;
}

/** Writes CONFIG: the only thing the host writes before `init`. */
export function writeConfig(view: DataView, config: CoreConfig): void {
  const at = abi.CONFIG_AT;
  view.setFloat64(at + abi.CONFIG_WINDOW_MS, config.windowMs, true);
  view.setFloat64(at + abi.CONFIG_BLOCK_MS, config.blockMs, true);
  view.setUint32(at + abi.CONFIG_LIMIT, config.limit, true);
  view.setUint32(at + abi.CONFIG_MAX_SOURCES, config.maxSources, true);
  view.setUint32(at + abi.CONFIG_IPV6_PREFIX, config.ipv6Prefix, true);
  view.setUint32(at + abi.CONFIG_MAX_COUNT, config.maxCount, true);
  view.setUint32(at + abi.CONFIG_MAX_BYTES, config.maxBytes, true);
  view.setUint32(at + abi.CONFIG_SHARE_COUNT, config.shareCount, true);
  view.setUint32(at + abi.CONFIG_SHARE_BYTES, config.shareBytes, true);
  view.setUint32(at + abi.CONFIG_MAX_PAYLOAD_BYTES, config.maxPayloadBytes, true);
  view.setUint32(at + abi.CONFIG_MAX_RECORDS, config.maxRecords, true);
  view.setUint32(at + abi.CONFIG_SLAB_BLOCKS, config.slabBlocks, true);
}
