/**
 * Why salvaged things may be believed: an item because its bytes have the hashes that its slot and its record name, a
 * record because the next one, or the log's head, names its hash, a tree head because the records give it again.
 *
 * Relies on: nothing but bytes. Refuses: to hash. Each proof *yields* what is to be hashed and is handed the digests, so
 * one text serves the core, which hashes at once, and Web Crypto, which does not.
 */
import * as abi from '../../assembly/abi';
import { equalBytes, joined, toHex } from '../formats/bytes';
import type { AuditExport } from '../types/index';
import { headBytes, payloadBytes, type Salvaged } from './salvage';

export type Hash = (bytes: Uint8Array) => Uint8Array;
export type Proof<T> = Generator<readonly Uint8Array[], T, readonly Uint8Array[]>;

/** Carries out a proof where hashing is synchronous. */
export function prove<T>(proof: Proof<T>, hash: Hash): T {
  let step = proof.next();
  while (!step.done) step = proof.next(step.value.map(hash));
  return step.value;
}

/** Carries out a proof where it is not: the digests of one step run side by side. */
export async function proveAsync<T>(proof: Proof<T>, hash: (bytes: Uint8Array) => Promise<Uint8Array>): Promise<T> {
  let step = proof.next();
  while (!step.done) step = proof.next(await Promise.all(step.value.map(hash)));
  return step.value;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

// ── items ─────────────────────────────────────────────────────────────────────────────────────────

const CATEGORY = /^[a-z0-9_.-]{1,64}$/;
const TIME_MAX = 8.64e15;

/** Why the numbers of an item cannot be right; `undefined` when they can. */
function itemFault(slot: Uint8Array, content: Uint8Array, maxPayloadBytes: number): string | undefined {
  const view = viewOf(slot);
  const bytes = payloadBytes(slot);
  const head = headBytes(slot);
  const seen = view.getUint32(abi.SLOT_SEEN, true);
  const accounted = view.getUint32(abi.SLOT_ACCOUNTED, true);
  const captured = view.getFloat64(abi.SLOT_CAPTURED_AT, true);
  const last = view.getFloat64(abi.SLOT_LAST_SEEN_AT, true);
  const state = slot[abi.SLOT_STATE] as number;
  const categoryBytes = slot[abi.SLOT_CATEGORY_BYTES] as number;
  if (bytes > maxPayloadBytes || content.length !== head + bytes) return 'size';
  if ((slot[abi.SLOT_SEVERITY] as number) > 3 || (slot[abi.SLOT_DISPOSITION] as number) > 3) return 'severity';
  if (((slot[abi.SLOT_FLAGS] as number) & ~abi.ITEM_FLAGS_KNOWN) !== 0) return 'flags';
  if (state > 7 || (state & abi.STATE_HELD) === 0) return 'state';
  if (accounted < 1 || accounted > seen) return 'counts';
  if (!(captured >= 0 && last >= captured && last <= TIME_MAX)) return 'times';
  // RFC 9562 §5.7: version 7, variant 10.
  if ((slot[abi.SLOT_ID + 6] as number) >>> 4 !== 7 || (slot[abi.SLOT_ID + 8] as number) >>> 6 !== 2) return 'id';
  if (!Number.isSafeInteger(itemSeq(content)) || itemSeq(content) < 0) return 'sequence number';
  if (categoryBytes < 1 || categoryBytes > abi.CATEGORY_BYTES_MAX || !CATEGORY.test(categoryOf(slot, content))) {
    return 'category';
  }
  if ((slot[abi.SLOT_DETECTOR_BYTES] as number) > abi.DETECTOR_BYTES_MAX) return 'detector';
  return undefined;
}

const isFingerprinted = (slot: Uint8Array): boolean =>
  ((slot[abi.SLOT_FLAGS] as number) & abi.ITEM_FINGERPRINTED) !== 0;

/** Where the category begins in the content: after the payload's hash, if the item keeps one. */
export const textsFrom = (slot: Uint8Array): number => abi.ITEM_HEAD_BYTES + (isFingerprinted(slot) ? 32 : 0);

const itemSeq = (content: Uint8Array): number => viewOf(content).getFloat64(abi.ITEM_SEQ, true);

function categoryOf(slot: Uint8Array, content: Uint8Array): string {
  const from = textsFrom(slot);
  return String.fromCharCode(...content.subarray(from, from + (slot[abi.SLOT_CATEGORY_BYTES] as number)));
}

/** A record and the sidecar it names, if that is at hand. */
export interface HeldRecord {
  readonly record: Uint8Array;
  readonly detail: Uint8Array | null;
}

/**
 * The record of a sequence number, whether or not it verified: when it does not agree with the item, one of the two is
 * damaged, and nobody can say which.
 */
export const recordAt =
  ({ from, records, details }: AuditExport) =>
  (seq: number): HeldRecord | undefined => {
    const record = records[seq - from];
    return record && { record, detail: details[seq - from] ?? null };
  };

/**
 * Why an item cannot be believed; `undefined` when everything about it agrees: its numbers, the hash of its payload,
 * and, while its QUARANTINED record is at hand (`recordOf` its number), id, source and both commitments, which bind the
 * payload, the signature and the salt.
 */
export function* itemProof(
  slot: Uint8Array,
  content: Uint8Array,
  maxPayloadBytes: number,
  recordOf: (seq: number) => HeldRecord | undefined,
): Proof<string | undefined> {
  const fault = itemFault(slot, content, maxPayloadBytes);
  if (fault !== undefined) return fault;
  const payloadHash = isFingerprinted(slot)
    ? content.subarray(abi.ITEM_HEAD_BYTES, abi.ITEM_HEAD_BYTES + 32)
    : slot.subarray(abi.SLOT_HASH, abi.SLOT_HASH + 32);
  const payload = content.subarray(headBytes(slot));
  // An item that came through a panic or a restore names a record of an earlier log.
  const salvaged = ((slot[abi.SLOT_FLAGS] as number) & abi.ITEM_SALVAGED) !== 0;
  const held = salvaged ? undefined : recordOf(itemSeq(content));
  if (held === undefined) {
    const [hash] = yield [payload];
    return equalBytes(hash, payloadHash) ? undefined : 'payload hash';
  }
  const salt = content.subarray(abi.ITEM_SALT, abi.ITEM_SALT + 16);
  const [hash, committed, detail] = yield [
    payload,
    joined([Uint8Array.of(2), salt, payloadHash]),
    joined([Uint8Array.of(3), salt, signatureText(slot, content)]),
  ];
  if (!equalBytes(hash, payloadHash)) return 'payload hash';
  const { record } = held;
  const said = (from: number, bytes: number): Uint8Array => record.subarray(from, from + bytes);
  const agrees =
    equalBytes(said(abi.LOG_ID, 16), slot.subarray(abi.SLOT_ID, abi.SLOT_ID + 16)) &&
    equalBytes(said(abi.LOG_SOURCE, 32), slot.subarray(abi.SLOT_SOURCE_TAG, abi.SLOT_SOURCE_TAG + 32)) &&
    equalBytes(committed, said(abi.LOG_PAYLOAD, 32)) &&
    (hasSidecar(record)
      ? isNamedBy(held.detail, signatureText(slot, content))
      : equalBytes(detail, said(abi.LOG_DETAIL, 32)));
  return agrees ? undefined : 'record';
}

/** A sidecar that is at hand says which signature it is about, unless only the core knew that. */
function isNamedBy(sidecar: Uint8Array | null, signature: Uint8Array): boolean {
  if (sidecar === null) return true;
  const text = new TextDecoder().decode(sidecar);
  return !text.includes('"signature":') || text.includes(`"signature":"${new TextDecoder().decode(signature)}"`);
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** `category:hex`, as the detail commitment hashes it. */
function signatureText(slot: Uint8Array, content: Uint8Array): Uint8Array {
  const hash = slot.subarray(abi.SLOT_HASH, abi.SLOT_HASH + 32);
  return ascii(`${categoryOf(slot, content)}:${toHex(hash)}`);
}

// ── records ───────────────────────────────────────────────────────────────────────────────────────

/** Digests asked for in one step: enough to run side by side, few enough to copy. */
const BATCH = 256;

export interface LogProof {
  /** This many of the oldest records follow one another up to the first that nobody confirms. */
  readonly head: number;
  /** This many of the newest lead up to the log's head; all of them, when nothing is wrong. */
  readonly tail: number;
  /** RFC 9162 §2.1.1 tree head; `undefined` when it does not agree with the records. */
  readonly root: Uint8Array | undefined;
}

const EMPTY: LogProof = { head: 0, tail: 0, root: undefined };

/** Proves the unreleased records of a core against its state. */
export function* logProof(salvaged: Salvaged): Proof<LogProof> {
  const { audit, log } = salvaged;
  const size = viewOf(audit).getFloat64(abi.AUDIT_SIZE, true);
  if (!Number.isSafeInteger(size) || size < 1 || log.from + log.records.length !== size) return EMPTY;
  const newest = audit.subarray(abi.AUDIT_PREV, abi.AUDIT_PREV + 32);
  const leaves = yield* leafHashes(log.records);
  const { head, tail } = confirmed(log, leaves, newest);
  if (log.records.length > 0 && tail === 0) return { head, tail, root: undefined };
  const root = yield* rootProof(audit, size, leaves.slice(leaves.length - tail), newest);
  return { head, tail, root };
}

/** True when every record of a log that ended leads to the next; the last has nobody who could confirm it. */
export function* chainProof(log: AuditExport): Proof<boolean> {
  const leaves = yield* leafHashes(log.records);
  return confirmed(log, leaves, undefined).tail === log.records.length;
}

/** True when each sidecar is the one that its record names. */
export function* sidecarsProof(log: AuditExport): Proof<boolean> {
  const named = log.details.flatMap((detail, i) => (detail === null ? [] : [{ detail, record: log.records[i] }]));
  for (let from = 0; from < named.length; from += BATCH) {
    const batch = named.slice(from, from + BATCH);
    const hashes = yield batch.map(({ detail }) => detail);
    const fits = batch.every(({ record }, i) => equalBytes(hashes[i], sidecarHash(record as Uint8Array)));
    if (!fits) return false;
  }
  return true;
}

const sidecarHash = (record: Uint8Array): Uint8Array => record.subarray(abi.LOG_DETAIL, abi.LOG_DETAIL + 32);

/** The record's detail field is the hash of a sidecar. */
export const hasSidecar = (record: Uint8Array): boolean =>
  (viewOf(record).getUint16(abi.LOG_FLAGS) & abi.FLAG_SIDECAR) !== 0;

function* leafHashes(records: readonly Uint8Array[]): Proof<Uint8Array[]> {
  const leaves: Uint8Array[] = [];
  for (let from = 0; from < records.length; from += BATCH) {
    const batch = records.slice(from, from + BATCH).map((record) => joined([Uint8Array.of(0), record]));
    leaves.push(...(yield batch));
  }
  return leaves;
}

/** A record is confirmed by what comes after it; the newest by the head of the log, where there is one. */
function confirmed(
  log: AuditExport,
  leaves: readonly Uint8Array[],
  newest: Uint8Array | undefined,
): { head: number; tail: number } {
  const { records, from } = log;
  const last = records.length - 1;
  const fits = records.map((record, i) => {
    if (!recordKnown(record, from + i)) return false;
    const next = i === last ? newest : (records[i + 1] as Uint8Array).subarray(abi.LOG_PREV, abi.LOG_PREV + 32);
    return next === undefined || equalBytes(leaves[i], next);
  });
  const wrong = fits.indexOf(false);
  return wrong < 0
    ? { head: records.length, tail: records.length }
    : { head: wrong, tail: last - fits.lastIndexOf(false) };
}

function recordKnown(record: Uint8Array, seq: number): boolean {
  const view = viewOf(record);
  const kind = record[abi.LOG_KIND] as number;
  return (
    record.length === abi.LOG_BYTES &&
    record[abi.LOG_VERSION] === abi.LOG_FORMAT &&
    kind >= abi.KIND_GENESIS &&
    kind <= abi.KIND_LAST &&
    (view.getUint16(abi.LOG_FLAGS) & ~abi.FLAGS_KNOWN) === 0 &&
    view.getBigUint64(abi.LOG_SEQ) === BigInt(seq)
  );
}

/**
 * Folds the frontier into the tree head. Each node of it whose leaves are at hand (`leaves` are the newest) is computed
 * again from them; with one leaf, the newest, it must be the newest leaf hash.
 */
function* rootProof(
  audit: Uint8Array,
  size: number,
  leaves: readonly Uint8Array[],
  newest: Uint8Array,
): Proof<Uint8Array | undefined> {
  const first = size - leaves.length;
  const nodeAt = (level: number): Uint8Array => {
    const at = abi.AUDIT_FRONTIER + 32 * level;
    return audit.subarray(at, at + 32);
  };
  let root: Uint8Array | undefined;
  let end = size;
  for (let level = 0, width = 1; end > 0; level++, width *= 2) {
    if (Math.floor(size / width) % 2 === 0) continue;
    const node = nodeAt(level);
    const start = end - width;
    if (level === 0 && !equalBytes(node, newest)) return undefined;
    if (start >= first && !equalBytes(yield* perfectTree(leaves.slice(start - first, end - first)), node))
      return undefined;
    if (root === undefined) root = node.slice();
    else [root] = yield [joined([Uint8Array.of(1), node, root])];
    end = start;
  }
  return root;
}

/** Root of 2ⁿ leaves. */
function* perfectTree(leaves: readonly Uint8Array[]): Proof<Uint8Array> {
  let level = leaves;
  while (level.length > 1) {
    const parents: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      parents.push(joined([Uint8Array.of(1), level[i] as Uint8Array, level[i + 1] as Uint8Array]));
    }
    level = yield parents;
  }
  return level[0] as Uint8Array;
}
