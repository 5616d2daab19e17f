/**
 * What a core holds, read from its memory and never by calling it: of one that stopped, to save what can be saved; of
 * one that lives, for a snapshot.
 *
 * Relies on: the places a sound core named when it was linked. Refuses: to believe anything it reads. Every index and
 * length is checked while reading, nothing here can loop or allocate beyond the core's own capacity, and what cannot be
 * read is counted. Whether what was read is *true* is for `proof.ts`.
 */
import * as abi from '../../assembly/abi';
import type { AuditExport } from '../types/index';
import { compareBytes } from './bytes';
import type { Core } from './link';
import type { CoreConfig } from './memory';

/** The limiter: its state, and each occupied way of its table. Only a core of the same geometry can take it. */
export interface SalvagedLimiter extends LimiterGeometry {
  readonly state: Uint8Array;
  /** Way index (u32), tag (u32), record: `WAY_HEAD_BYTES` + record bytes each, by rising index. */
  readonly ways: Uint8Array;
}

export interface LimiterGeometry {
  readonly windowMs: number;
  readonly limit: number;
  readonly maxSources: number;
  readonly ipv6Prefix: number;
}

export interface Salvaged {
  /** The audit state as it was (AUDIT_BYTES), without the key: size, frontier, previous leaf, totals. */
  readonly audit: Uint8Array;
  /** Unreleased records, oldest first. */
  readonly log: AuditExport;
  /** Records in the ring that a damaged state no longer leads to. */
  readonly recordsLost: number;
  /** Unreleased logs of epochs before this one. */
  readonly earlier: readonly AuditExport[];
  /** Slots of held items, in order of capture. */
  readonly slots: readonly Uint8Array[];
  /** Items that the quarantine counted and that no slot holds. */
  readonly slotsLost: number;
  /** What the blocks of item `index` hold: head, then payload. `undefined` when they lead nowhere. Read on demand. */
  content(index: number): Uint8Array | undefined;
  readonly limiter: SalvagedLimiter | undefined;
}

export const WAY_HEAD_BYTES = 8;

export function recordBytes(limit: number): number {
  if (limit <= abi.LIMITER_U8_MAX) return abi.RECORD_BYTES_U8;
  return limit <= abi.LIMITER_U16_MAX ? abi.RECORD_BYTES_U16 : abi.RECORD_BYTES_U32;
}

/**
 * Reads what `core` holds. Contents are read when asked for, so its memory must not change until then. Never throws for
 * what memory says; a detail is looked up by `detailOf` a record.
 */
export function salvage(
  core: Core,
  config: CoreConfig,
  origin: string,
  earlier: readonly AuditExport[],
  detailOf: (record: Uint8Array) => Uint8Array | null,
): Salvaged {
  const { places } = core;
  const audit = core.bytes.slice(places.audit, places.audit + abi.AUDIT_BYTES);
  // The mid-states of the tag key are as good as the key; the next core has its own.
  audit.fill(0, abi.AUDIT_TAG_INNER, abi.AUDIT_TAG_OUTER + 32);
  const { from, records, lost } = readRecords(core, config, audit);
  const { slots, missing } = readSlots(core, config);
  return {
    audit,
    log: { origin, from, records, details: records.map(detailOf) },
    recordsLost: lost,
    earlier,
    slots,
    slotsLost: missing,
    content: (index) => readContent(core, config, slots[index] as Uint8Array),
    limiter: salvageLimiter(core, config),
  };
}

const isCount = (value: number, max: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= max;

function readRecords(
  core: Core,
  config: CoreConfig,
  audit: Uint8Array,
): { from: number; records: Uint8Array[]; lost: number } {
  const view = new DataView(audit.buffer);
  const { maxRecords } = config;
  const at = (seq: number): number => core.places.ring + (seq % maxRecords) * abi.LOG_BYTES;
  const size = view.getFloat64(abi.AUDIT_SIZE, true);
  const records: Uint8Array[] = [];
  if (!isCount(size, Number.MAX_SAFE_INTEGER)) {
    // Without a size no slot of the ring says which record it holds: all of them are lost, and counted.
    let lost = 0;
    for (let slot = 0; slot < maxRecords; slot++) if (core.bytes[at(slot) + abi.LOG_VERSION] !== 0) lost++;
    return { from: 0, records, lost };
  }
  // Either of the two may be damaged; then as much is read as the ring can hold, and what is no record proves nothing.
  const heldFrom = view.getFloat64(abi.AUDIT_HELD_FROM, true);
  const releasedTo = view.getFloat64(abi.AUDIT_RELEASED_TO, true);
  const from = Math.max(
    0,
    size - maxRecords,
    isCount(heldFrom, size) ? heldFrom : 0,
    isCount(releasedTo, size) ? releasedTo : 0,
  );
  for (let seq = from; seq < size; seq++) records.push(core.bytes.slice(at(seq), at(seq) + abi.LOG_BYTES));
  return { from, records, lost: 0 };
}

function readSlots(core: Core, config: CoreConfig): { slots: Uint8Array[]; missing: number } {
  const { bytes, view, places } = core;
  const count = view.getUint32(places.quarantine + abi.QUARANTINE_COUNT, true);
  const high = view.getUint32(places.quarantine + abi.QUARANTINE_SLOT_HIGH, true);
  const heldBelow = (end: number): Uint8Array[] => {
    const slots: Uint8Array[] = [];
    for (let index = 0; index < end; index++) {
      const at = places.slots + index * abi.SLOT_BYTES;
      if (((bytes[at + abi.SLOT_STATE] as number) & abi.STATE_HELD) === 0) continue;
      slots.push(bytes.slice(at, at + abi.SLOT_BYTES));
    }
    return slots;
  };
  let slots = heldBelow(Math.min(high, config.maxCount));
  // The two numbers disagree with the slots: look at every slot there is.
  if (slots.length !== count && high < config.maxCount) slots = heldBelow(config.maxCount);
  // Ids are UUIDv7: their order is the order of capture, and so of every queue that is built anew.
  slots.sort((a, b) => compareBytes(a, abi.SLOT_ID, b, abi.SLOT_ID, 16));
  return { slots, missing: count <= config.maxCount ? Math.max(0, count - slots.length) : 0 };
}

/** Bytes before the payload of an item. */
export function headBytes(slot: Uint8Array): number {
  const fingerprinted = ((slot[abi.SLOT_FLAGS] as number) & abi.ITEM_FINGERPRINTED) !== 0;
  const texts = (slot[abi.SLOT_CATEGORY_BYTES] as number) + (slot[abi.SLOT_DETECTOR_BYTES] as number);
  return abi.ITEM_HEAD_BYTES + (fingerprinted ? 32 : 0) + texts;
}

export function payloadBytes(slot: Uint8Array): number {
  return new DataView(slot.buffer, slot.byteOffset, slot.length).getUint32(abi.SLOT_PAYLOAD_BYTES, true);
}

/** Follows the chain of blocks, which may lead anywhere: at most as many steps as the item has blocks. */
function readContent(core: Core, config: CoreConfig, slot: Uint8Array): Uint8Array | undefined {
  const bytes = payloadBytes(slot);
  if (bytes > config.maxPayloadBytes) return undefined;
  const content = new Uint8Array(headBytes(slot) + bytes);
  let block = new DataView(slot.buffer).getUint32(abi.SLOT_FIRST_BLOCK, true);
  for (let filled = 0; filled < content.length; filled += abi.BLOCK_DATA_BYTES) {
    if (block < 1 || block > config.slabBlocks) return undefined;
    const at = core.places.slab + (block - 1) * abi.BLOCK_BYTES;
    const piece = Math.min(abi.BLOCK_DATA_BYTES, content.length - filled);
    content.set(core.bytes.subarray(at + abi.BLOCK_DATA, at + abi.BLOCK_DATA + piece), filled);
    block = core.view.getUint32(at + abi.BLOCK_NEXT, true);
  }
  return content;
}

function salvageLimiter(core: Core, config: CoreConfig): SalvagedLimiter | undefined {
  const { limiter, tags, sources } = core.places;
  const { windowMs, limit, maxSources, ipv6Prefix } = config;
  if (limit === 0 || limiter === 0) return undefined;
  const stride = recordBytes(limit);
  const occupied: number[] = [];
  for (let way = 0; way < maxSources; way++) if (core.u32[(tags >>> 2) + way] !== 0) occupied.push(way);
  const ways = new Uint8Array(occupied.length * (WAY_HEAD_BYTES + stride));
  const view = new DataView(ways.buffer);
  occupied.forEach((way, i) => {
    const to = i * (WAY_HEAD_BYTES + stride);
    view.setUint32(to, way, true);
    view.setUint32(to + 4, core.u32[(tags >>> 2) + way] as number, true);
    ways.set(core.bytes.subarray(sources + way * stride, sources + (way + 1) * stride), to + WAY_HEAD_BYTES);
  });
  const state = core.bytes.slice(limiter, limiter + abi.LIMITER_BYTES);
  return { windowMs, limit, maxSources, ipv6Prefix, state, ways };
}
