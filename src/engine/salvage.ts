/**
 * What can be saved from a core that stopped, or is put to sleep: read from its memory, never by calling it.
 *
 * Relies on: the offsets of the boundary; a fresh core to hash with. Refuses: to believe anything it reads. Every
 * index, length and bound is checked while reading, every hash before anything is put back, and what does not agree is
 * counted as lost.
 */
import * as abi from '../../assembly/abi';
import type { Core } from './link';
import type { CoreConfig } from './memory';

/** One held item: its slot as it was, and the content of its blocks (head, then payload). */
export interface SalvagedItem {
  readonly slot: Uint8Array;
  readonly content: Uint8Array;
}

/** The limiter: its state, and each occupied way of its table. Only a core of the same geometry can take it. */
export interface SalvagedLimiter {
  readonly windowMs: number;
  readonly limit: number;
  readonly maxSources: number;
  readonly ipv6Prefix: number;
  readonly state: Uint8Array;
  /** Way index (u32), tag (u32), record: `WAY_HEAD_BYTES` + record bytes each. */
  readonly ways: Uint8Array;
}

export interface Salvaged {
  readonly origin: string;
  /** The audit state as it was (AUDIT_BYTES): size, frontier, previous leaf, totals. */
  readonly audit: Uint8Array;
  /** Unreleased records, oldest first. */
  readonly recordsFrom: number;
  readonly records: Uint8Array[];
  readonly details: (Uint8Array | null)[];
  readonly items: SalvagedItem[];
  /** Items that could not even be read. */
  readonly unreadable: number;
  readonly limiter: SalvagedLimiter | undefined;
}

export type Hash = (bytes: Uint8Array) => Uint8Array;

export const WAY_HEAD_BYTES = 8;
const CATEGORY = /^[a-z0-9_.-]{1,64}$/;

const word = (core: Core, at: number): number => core.view.getUint32(at, true);
const region = (core: Core, header: number): number => word(core, abi.HEADER_AT + header);

export function recordBytes(limit: number): number {
  if (limit <= abi.LIMITER_U8_MAX) return abi.RECORD_BYTES_U8;
  return limit <= abi.LIMITER_U16_MAX ? abi.RECORD_BYTES_U16 : abi.RECORD_BYTES_U32;
}

/** Copies what `core` holds. Never throws for what memory says; a detail is looked up by `detailOf` a record. */
export function salvage(
  core: Core,
  config: CoreConfig,
  origin: string,
  detailOf: (record: Uint8Array) => Uint8Array | null,
): Salvaged {
  const auditAt = region(core, abi.HEADER_AUDIT);
  const audit = core.bytes.slice(auditAt, auditAt + abi.AUDIT_BYTES);
  const { from, records } = readRecords(core, config, audit);
  const { items, unreadable } = readItems(core, config);
  return {
    origin,
    audit,
    recordsFrom: from,
    records,
    details: records.map(detailOf),
    items,
    unreadable,
    limiter: readWays(core, config),
  };
}

function readRecords(core: Core, config: CoreConfig, audit: Uint8Array): { from: number; records: Uint8Array[] } {
  const view = new DataView(audit.buffer);
  const size = view.getFloat64(abi.AUDIT_SIZE, true);
  const oldest = Math.max(
    view.getFloat64(abi.AUDIT_HELD_FROM, true),
    view.getFloat64(abi.AUDIT_RELEASED_TO, true),
    size - config.maxRecords,
  );
  const records: Uint8Array[] = [];
  if (!(Number.isSafeInteger(size) && Number.isSafeInteger(oldest) && oldest >= 0)) return { from: 0, records };
  const ring = region(core, abi.HEADER_RING);
  for (let seq = oldest; seq < size; seq++) {
    const at = ring + (seq % config.maxRecords) * abi.LOG_BYTES;
    records.push(core.bytes.slice(at, at + abi.LOG_BYTES));
  }
  return { from: oldest, records };
}

function readItems(core: Core, config: CoreConfig): { items: SalvagedItem[]; unreadable: number } {
  const quarantine = region(core, abi.HEADER_QUARANTINE);
  const slots = region(core, abi.HEADER_SLOTS);
  const high = Math.min(word(core, quarantine + abi.QUARANTINE_SLOT_HIGH), config.maxCount);
  const items: SalvagedItem[] = [];
  let unreadable = 0;
  for (let index = 0; index < high; index++) {
    const at = slots + index * abi.SLOT_BYTES;
    if (((core.bytes[at + abi.SLOT_STATE] as number) & abi.STATE_HELD) === 0) continue;
    const slot = core.bytes.slice(at, at + abi.SLOT_BYTES);
    const content = readContent(core, config, slot);
    if (content === undefined) unreadable++;
    else items.push({ slot, content });
  }
  // Ids are UUIDv7: their order is the order of capture, and so of every queue that is built anew.
  items.sort((a, b) => compare(a.slot, b.slot, abi.SLOT_ID, 16));
  return { items, unreadable };
}

const compare = (a: Uint8Array, b: Uint8Array, from: number, bytes: number): number => {
  for (let i = from; i < from + bytes; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** Bytes before the payload of an item. */
export function headBytes(slot: Uint8Array): number {
  const fingerprinted = ((slot[abi.SLOT_FLAGS] as number) & abi.ITEM_FINGERPRINTED) !== 0;
  const texts = (slot[abi.SLOT_CATEGORY_BYTES] as number) + (slot[abi.SLOT_DETECTOR_BYTES] as number);
  return abi.ITEM_HEAD_BYTES + (fingerprinted ? 32 : 0) + texts;
}

/** Follows the chain of blocks, which may lead anywhere: at most as many steps as the item has blocks. */
function readContent(core: Core, config: CoreConfig, slot: Uint8Array): Uint8Array | undefined {
  const view = new DataView(slot.buffer);
  const payloadBytes = view.getUint32(abi.SLOT_PAYLOAD_BYTES, true);
  if (payloadBytes > config.maxPayloadBytes) return undefined;
  const content = new Uint8Array(headBytes(slot) + payloadBytes);
  const slab = region(core, abi.HEADER_SLAB);
  let block = view.getUint32(abi.SLOT_FIRST_BLOCK, true);
  for (let filled = 0; filled < content.length; filled += abi.BLOCK_DATA_BYTES) {
    if (block < 1 || block > config.slabBlocks) return undefined;
    const at = slab + (block - 1) * abi.BLOCK_BYTES;
    const piece = Math.min(abi.BLOCK_DATA_BYTES, content.length - filled);
    content.set(core.bytes.subarray(at + abi.BLOCK_DATA, at + abi.BLOCK_DATA + piece), filled);
    block = word(core, at + abi.BLOCK_NEXT);
  }
  return content;
}

function readWays(core: Core, config: CoreConfig): SalvagedLimiter | undefined {
  const at = region(core, abi.HEADER_LIMITER);
  if (config.limit === 0 || at === 0) return undefined;
  const tags = region(core, abi.HEADER_LIMITER_TAGS) >>> 2;
  const records = region(core, abi.HEADER_LIMITER_RECORDS);
  const stride = recordBytes(config.limit);
  const occupied: number[] = [];
  for (let way = 0; way < config.maxSources; way++) if (core.u32[tags + way] !== 0) occupied.push(way);
  const ways = new Uint8Array(occupied.length * (WAY_HEAD_BYTES + stride));
  const view = new DataView(ways.buffer);
  occupied.forEach((way, i) => {
    const to = i * (WAY_HEAD_BYTES + stride);
    view.setUint32(to, way, true);
    view.setUint32(to + 4, core.u32[tags + way] as number, true);
    ways.set(core.bytes.subarray(records + way * stride, records + (way + 1) * stride), to + WAY_HEAD_BYTES);
  });
  return {
    windowMs: config.windowMs,
    limit: config.limit,
    maxSources: config.maxSources,
    ipv6Prefix: config.ipv6Prefix,
    state: core.bytes.slice(at, at + abi.LIMITER_BYTES),
    ways,
  };
}

// ── verification ──────────────────────────────────────────────────────────────────────────────────

/** Why an item cannot be believed; `undefined` when everything about it agrees. */
export function itemFault(item: SalvagedItem, maxPayloadBytes: number, hash: Hash): string | undefined {
  const { slot, content } = item;
  if (slot.length !== abi.SLOT_BYTES) return 'slot size';
  const view = new DataView(slot.buffer, slot.byteOffset, slot.length);
  const payloadBytes = view.getUint32(abi.SLOT_PAYLOAD_BYTES, true);
  const seen = view.getUint32(abi.SLOT_SEEN, true);
  const accounted = view.getUint32(abi.SLOT_ACCOUNTED, true);
  const captured = view.getFloat64(abi.SLOT_CAPTURED_AT, true);
  const last = view.getFloat64(abi.SLOT_LAST_SEEN_AT, true);
  const flags = slot[abi.SLOT_FLAGS] as number;
  const categoryBytes = slot[abi.SLOT_CATEGORY_BYTES] as number;
  if (payloadBytes > maxPayloadBytes || content.length !== headBytes(slot) + payloadBytes) return 'payload size';
  if ((slot[abi.SLOT_SEVERITY] as number) > 3 || (slot[abi.SLOT_DISPOSITION] as number) > 3) return 'severity';
  if ((flags & ~abi.ITEM_FLAGS_KNOWN) !== 0) return 'flags';
  if ((slot[abi.SLOT_STATE] as number) > 7 || ((slot[abi.SLOT_STATE] as number) & abi.STATE_HELD) === 0) return 'state';
  if (accounted < 1 || accounted > seen) return 'counts';
  if (!(captured >= 0 && last >= captured && last <= 8.64e15)) return 'times';
  if (categoryBytes < 1 || categoryBytes > abi.CATEGORY_BYTES_MAX) return 'category';
  if ((slot[abi.SLOT_DETECTOR_BYTES] as number) > abi.DETECTOR_BYTES_MAX) return 'detector';
  const fingerprinted = (flags & abi.ITEM_FINGERPRINTED) !== 0;
  const texts = abi.ITEM_HEAD_BYTES + (fingerprinted ? 32 : 0);
  const category = String.fromCharCode(...content.subarray(texts, texts + categoryBytes));
  if (!CATEGORY.test(category)) return 'category';
  const expected = fingerprinted
    ? content.subarray(abi.ITEM_HEAD_BYTES, abi.ITEM_HEAD_BYTES + 32)
    : slot.subarray(abi.SLOT_HASH, abi.SLOT_HASH + 32);
  if (compare(hash(content.subarray(headBytes(slot))), expected, 0, 32) !== 0) return 'payload hash';
  return undefined;
}

/** Tree head of the audit state, RFC 9162 §2.1.1; 32 zero bytes when it does not agree with the records held. */
export function auditRoot(salvaged: Salvaged, hash: Hash): { size: number; root: Uint8Array; verified: number } {
  const view = new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length);
  const size = view.getFloat64(abi.AUDIT_SIZE, true);
  const verified = chainLength(salvaged.records, hash);
  const previous = salvaged.audit.subarray(abi.AUDIT_PREV, abi.AUDIT_PREV + 32);
  const newest = salvaged.records.at(-1);
  const whole =
    verified === salvaged.records.length &&
    (newest === undefined || compare(leafHash(newest, hash), previous, 0, 32) === 0);
  const root = whole && Number.isSafeInteger(size) && size >= 0 ? fold(salvaged.audit, size, hash) : new Uint8Array(32);
  return { size: Number.isSafeInteger(size) && size >= 0 ? size : 0, root, verified };
}

/** How many records, from the oldest, follow each other link by link. */
export function chainLength(records: readonly Uint8Array[], hash: Hash): number {
  for (let i = 1; i < records.length; i++) {
    const link = (records[i] as Uint8Array).subarray(abi.LOG_PREV, abi.LOG_PREV + 32);
    if (compare(leafHash(records[i - 1] as Uint8Array, hash), link, 0, 32) !== 0) return i;
  }
  return records.length;
}

const leafHash = (record: Uint8Array, hash: Hash): Uint8Array => hash(Uint8Array.of(0, ...record));

function fold(audit: Uint8Array, size: number, hash: Hash): Uint8Array {
  let root: Uint8Array | undefined;
  for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    const at = abi.AUDIT_FRONTIER + 32 * level;
    const node = audit.subarray(at, at + 32);
    root = root === undefined ? node.slice() : hash(Uint8Array.of(1, ...node, ...root));
  }
  return root ?? hash(new Uint8Array(0));
}
