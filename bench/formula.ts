/**
 * The memory formula of docs/memory.md, written from that page: the second opinion on `src/engine/memory.ts`.
 *
 * Relies on: the numbers of the page alone. Refuses: to import an offset or a size; if code and page disagree, one of
 * them is wrong, and the test says so.
 */

export interface Configuration {
  /** 0: no limiter. */
  readonly limit: number;
  readonly maxSources: number;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly maxPayloadBytes: number;
  readonly maxRecords: number;
}

/** What `createTracehound()` stands for. */
export const DEFAULTS: Configuration = {
  limit: 100,
  maxSources: 65_536,
  maxCount: 10_000,
  maxBytes: 16_777_216,
  maxPayloadBytes: 65_536,
  maxRecords: 4_096,
};

/** Bytes by line of the page's table. */
export interface Bill {
  readonly fixed: number;
  readonly payload: number;
  readonly sources: number;
  readonly sketch: number;
  readonly slots: number;
  readonly slab: number;
  readonly records: number;
}

/** The next power of two. */
const up2 = (least: number): number => 2 ** Math.ceil(Math.log2(least));
/** Every region begins on a cache line. */
const up64 = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Bytes reserved, line by line. */
export function reserved(of: Configuration): Bill {
  const slots = of.limit === 0 ? 0 : up2(Math.max(16, of.maxSources));
  const perSource = of.limit <= 255 ? 64 : of.limit <= 65_535 ? 96 : 128;
  const cells = of.limit === 0 ? 0 : 24 * up2(Math.max(16_384, 2 * slots));
  return {
    fixed: 69_632 + up64(1_048) + (of.limit === 0 ? 0 : 256) + 448 + up64(1_936) + 16_384,
    payload: up64(of.maxPayloadBytes) + up64(4 + 4 * Math.max(512, Math.ceil(of.maxPayloadBytes / 128))),
    sources: slots * perSource,
    sketch: 2 * cells + up64(cells / 256),
    slots: up64(176 * of.maxCount) + 2 * up64(4 * up2(of.maxCount)),
    slab: 128 * (Math.ceil(of.maxBytes / 124) + 3 * of.maxCount),
    records: 176 * of.maxRecords,
  };
}

export const total = (bill: Bill): number => Object.values(bill).reduce((sum, bytes) => sum + bytes, 0);

/** What the system is asked for: whole pages of WebAssembly. */
export const memoryBytes = (of: Configuration): number => Math.ceil(total(reserved(of)) / 65_536) * 65_536;

/** Bytes in the slab of one item. `head`: category, detector and, where a fingerprint was given, 32 for the hash. */
export const itemBytes = (payloadBytes: number, head: number): number =>
  128 * Math.ceil((32 + head + payloadBytes) / 124);

export interface Use {
  readonly items: number;
  readonly payloadBytes: number;
  /** As in {@link itemBytes}. */
  readonly head: number;
  readonly records: number;
  /** Sources forgotten while live. */
  readonly forgotten: number;
}

/**
 * What is resident once so much was used: the table whole (sources scatter over it), of the sketch at most four pages
 * for each source that was forgotten, slots, slab and records as far as they were ever filled.
 */
export function resident(of: Configuration, used: Use): Bill {
  const all = reserved(of);
  return {
    ...all,
    payload: Math.min(used.payloadBytes, of.maxPayloadBytes),
    sketch: Math.min(all.sketch, used.forgotten * 4 * 4_096),
    slots: 160 * used.items + 2 * up64(4 * up2(of.maxCount)),
    slab: used.items * itemBytes(used.payloadBytes, used.head),
    records: 176 * Math.min(used.records, of.maxRecords),
  };
}
