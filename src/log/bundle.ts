/**
 * The evidence bundle: one item and everything that proves what is said of it, in one file (docs/format.md).
 *
 * Relies on: a reader of the log, jcs. Refuses: to decide who may have it, and to verify it (src/verify).
 */

import { TracehoundError } from '../errors';
import { fromHex, toBase64, toHex } from '../formats/bytes';
import { canonicalise } from '../formats/jcs';
import { ID, ID_BYTES } from '../formats/record';
import { proveInclusion } from '../formats/tlog';
import type { EvidenceHandle, Json } from '../types/index';
import type { LogReader } from './reader';

const FORMAT = 'bundle/v1';
/** Larger than any item with its records: canonicalising wants a bound. */
const BUNDLE_BYTES_MAX = 2 ** 28;

export interface Exported {
  readonly handle: EvidenceHandle;
  readonly payload: Uint8Array;
  readonly salt: Uint8Array;
  /** It was taken in by an earlier log, and its QUARANTINED record lies there. */
  readonly salvaged: boolean;
}

/** The log, as far as it is signed. */
export interface SignedLog {
  readonly reader: LogReader;
  /** The signed note of the head. */
  readonly checkpoint: string;
  /** Where this instance's part of the log begins: GENESIS, or the RESUME of a log that goes on. */
  readonly begins: number;
  /** KEY records of this instance. */
  readonly keys: readonly number[];
}

/** Canonical JSON (RFC 8785). Rejects with `RANGE_UNAVAILABLE` when a record that must be in it is gone. */
export async function bundle(item: Exported, log: SignedLog): Promise<Uint8Array> {
  const records: Json[] = [];
  for (const seq of await ofItem(item, log)) records.push(await proven(seq, log));
  const { handle, payload, salt } = item;
  const content: Json = {
    tracehound: FORMAT,
    item: {
      id: handle.id,
      category: handle.category,
      signature: handle.signature,
      severity: handle.severity,
      detector: handle.detector ?? null,
      sourceTag: handle.sourceTag,
      size: handle.size,
      truncated: handle.truncated,
      payload: toBase64(payload),
      hash: handle.hash,
      salt: toHex(salt),
      fingerprintHash: handle.signature.endsWith(handle.hash) ? null : handle.signature.slice(-64),
    },
    records,
    checkpoint: log.checkpoint,
  };
  const text = canonicalise(content, BUNDLE_BYTES_MAX);
  if (text.ok) return text.bytes;
  throw new TracehoundError(
    'RANGE_UNAVAILABLE',
    `quarantine.export: ${text.reason}, expected a bundle ≤ 256 MiB, got a larger one`,
  );
}

/** The records that a bundle must hold, rising. */
async function ofItem({ handle, salvaged }: Exported, { reader, begins, keys }: SignedLog): Promise<number[]> {
  const wanted = new Set([0, begins, ...keys]);
  const id = fromHex(handle.id.slice(0, 36).replaceAll('-', '')) as Uint8Array;
  for (let seq = salvaged ? begins : handle.seq; seq < reader.size; seq++) {
    const found = await reader.record(seq);
    if (found !== undefined && isOf(found.record, id)) wanted.add(seq);
  }
  return [...wanted].filter((seq) => seq < reader.size).sort((a, b) => a - b);
}

const isOf = (record: Uint8Array, id: Uint8Array): boolean => {
  for (let i = 0; i < ID_BYTES; i++) if (record[ID + i] !== id[i]) return false;
  return true;
};

async function proven(seq: number, { reader, checkpoint }: SignedLog): Promise<Json> {
  const found = await reader.record(seq);
  if (found === undefined) {
    throw new TracehoundError('RANGE_UNAVAILABLE', `quarantine.export: expected record ${seq}, got none any more`);
  }
  const hashes = await proveInclusion(seq, reader.size, reader.hash);
  return {
    record: toBase64(found.record),
    detail: found.sidecar && toBase64(found.sidecar),
    proof: formatProof(seq, hashes, checkpoint),
  };
}

/** C2SP tlog-proof, without extra data. */
function formatProof(index: number, hashes: readonly Uint8Array[], checkpoint: string): string {
  const lines = ['c2sp.org/tlog-proof@v1', `index ${index}`, ...hashes.map(toBase64), '', checkpoint];
  return lines.join('\n');
}
