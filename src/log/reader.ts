/**
 * Reads a log back up to one signed head, for whoever must prove something about it: from its store, or from memory while
 * everything is still held.
 *
 * Relies on: tlog for paths and hashes, asking for a store that may not answer. Refuses: to trust the store; whoever checks a proof finds out.
 */

import { RECORD_BYTES } from '../formats/record';
import type { HashReader } from '../formats/tlog';
import { detailsPath, entriesPath, nodeHash, TILE_WIDTH, tileHashes, unbundle } from '../formats/tlog';
import type { LogStore } from '../types/index';
import { objectsOf } from './asking';

export interface LogReader {
  /** Tree size of the head. */
  readonly size: number;
  /** Hash of the 2^level leaves that begin at index · 2^level. Rejects with `RANGE_UNAVAILABLE`. */
  readonly hash: HashReader;
  /** A record and its sidecar; `undefined` when the record is not available any more. */
  record(seq: number): Promise<LogRecord | undefined>;
}

export interface LogRecord {
  readonly record: Uint8Array;
  /** `null`: none, or not available any more. */
  readonly sidecar: Uint8Array | null;
}

/** Reads from a store; `size` is that of a head that lies there. */
export function storedReader(store: LogStore, origin: string, size: number): LogReader {
  const get = objectsOf(store, origin);
  /** A bundle of this width, or the one that it became. */
  const first = async (path: typeof entriesPath, index: number, width: number): Promise<Uint8Array | undefined> =>
    (await get(path(index, width))) ?? (width < TILE_WIDTH ? get(path(index, TILE_WIDTH)) : undefined);
  // Records are asked for one after the other: the bundle that was read last answers most.
  let last: {
    readonly index: number;
    readonly records: (Uint8Array | null)[];
    readonly sidecars: (Uint8Array | null)[];
  };
  return {
    size,
    hash: tileHashes(size, get),
    record: async (seq) => {
      const index = Math.floor(seq / TILE_WIDTH);
      if (last?.index !== index) {
        const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
        const [entries, sidecars] = await Promise.all([
          first(entriesPath, index, width),
          first(detailsPath, index, width),
        ]);
        last = { index, records: unbundle(entries), sidecars: unbundle(sidecars) };
      }
      const record = last.records[seq % TILE_WIDTH];
      if (record?.length !== RECORD_BYTES) return undefined;
      return { record, sidecar: last.sidecars[seq % TILE_WIDTH] ?? null };
    },
  };
}

export interface Held {
  readonly records: readonly Uint8Array[];
  readonly details: readonly (Uint8Array | null)[];
  readonly leaves: readonly Uint8Array[];
}

/** Reads from memory: everything from record 0 on. */
export function heldReader({ records, details, leaves }: Held): LogReader {
  const hash = (level: number, index: number): Uint8Array =>
    level === 0 ? (leaves[index] as Uint8Array) : nodeHash(hash(level - 1, 2 * index), hash(level - 1, 2 * index + 1));
  return {
    size: records.length,
    hash: async (level, index) => hash(level, index),
    record: async (seq) => {
      const record = records[seq];
      return record && { record, sidecar: details[seq] ?? null };
    },
  };
}
