/**
 * The core's quarantine on either build, spoken to through the inbox and read back through the header: hex in, hex out.
 */
import * as abi from '../../assembly/abi.ts';
import { instantiate as instantiateWasm } from '../../build/testing.inline.js';
import { instantiate as instantiateJs } from '../../build/testing.js.js';
import type { Item, Limits, Victim } from '../model/quarantine.ts';

export const BUILDS: [string, typeof instantiateWasm][] = [
  ['wasm', instantiateWasm],
  ['js', instantiateJs],
];

export type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

export interface Config extends Limits {
  maxPayloadBytes: number;
}

/** A small fast generator (mulberry32): the same numbers everywhere. */
export const seeded = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below) >>> 0;
  };
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Buffer.from(text, 'hex');
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

export const slabBlocks = (limits: Limits): number => Math.ceil(limits.maxBytes / 124) + 3 * limits.maxCount;

export class Core {
  readonly call: Exports;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly limits: Config;

  constructor(instantiate: typeof instantiateWasm, limits: Config, blocks = slabBlocks(limits)) {
    this.limits = limits;
    this.call = instantiate().exports as unknown as Exports;
    const config = new DataView(this.call.memory.buffer, abi.CONFIG_AT);
    config.setUint32(abi.CONFIG_MAX_COUNT, limits.maxCount, true);
    config.setUint32(abi.CONFIG_MAX_BYTES, limits.maxBytes, true);
    config.setUint32(abi.CONFIG_SHARE_COUNT, limits.shareCount, true);
    config.setUint32(abi.CONFIG_SHARE_BYTES, limits.shareBytes, true);
    config.setUint32(abi.CONFIG_MAX_PAYLOAD_BYTES, limits.maxPayloadBytes, true);
    config.setUint32(abi.CONFIG_SLAB_BLOCKS, blocks, true);
    this.call.testQuarantineInit!();
    this.view = new DataView(this.call.memory.buffer);
    this.bytes = new Uint8Array(this.call.memory.buffer);
    this.bytes.set([1, 2, 3, 4, 5, 6, 7, 8], abi.SCRATCH_AT);
    this.call.quarantineSeed!(abi.SCRATCH_AT);
  }

  header(offset: number): number {
    return this.view.getUint32(abi.HEADER_AT + offset, true);
  }

  state(offset: number): number {
    return this.view.getUint32(this.header(abi.HEADER_QUARANTINE) + offset, true);
  }

  inbox(offset: number, value: number | string): void {
    if (typeof value === 'number') this.view.setUint32(abi.INBOX_AT + offset, value, true);
    else this.bytes.set(unhex(value), abi.INBOX_AT + offset);
  }

  /** Asks for victims; slots are turned into ids, so that the model can be asked the same. */
  plan(severity: number, bytes: number, group: string, leaving = 0): Victim[] | 'dropped' {
    this.inbox(abi.INBOX_GROUP, group.slice(0, 16));
    const tagAt = abi.INBOX_AT + abi.INBOX_GROUP;
    const count = this.call.quarantinePlanInstead!(severity, bytes, tagAt, leaving);
    if (leaving === 0 && this.call.quarantinePlan!(severity, bytes, tagAt) !== count)
      throw new Error('plan: two answers');
    if (count < 0) return 'dropped';
    return Array.from({ length: count }, (_, i) => ({
      id: this.id(this.call.quarantineVictim!(i)),
      reason: this.call.quarantineVictimReason!(i) === abi.REASON_SHARE ? 'share' : 'full',
    }));
  }

  insert(item: Item, restored = false): number {
    this.inbox(abi.INBOX_ID, item.id);
    this.inbox(abi.INBOX_ID_SUFFIX, item.suffix);
    this.inbox(abi.INBOX_SALT, item.salt);
    this.inbox(abi.INBOX_SIGNATURE_HASH, item.hash);
    this.inbox(abi.INBOX_PAYLOAD_HASH, item.payloadHash);
    this.inbox(abi.INBOX_SOURCE_TAG, item.tag);
    this.inbox(abi.INBOX_GROUP, item.group);
    this.inbox(abi.INBOX_SEVERITY, item.severity);
    this.inbox(abi.INBOX_DISPOSITION, item.disposition);
    this.category(item.category);
    this.bytes.set(Buffer.from(item.detector), abi.INBOX_AT + abi.INBOX_DETECTOR);
    this.inbox(abi.INBOX_DETECTOR_BYTES, item.detector.length);
    this.bytes.set(unhex(item.payload), this.header(abi.HEADER_PAYLOAD));
    this.inbox(abi.INBOX_PAYLOAD_BYTES, item.payload.length / 2);
    if (restored) {
      this.view.setFloat64(abi.INBOX_AT + abi.INBOX_CAPTURED_AT, item.capturedAt, true);
      this.view.setFloat64(abi.INBOX_AT + abi.INBOX_LAST_SEEN_AT, item.lastSeenAt, true);
      this.inbox(abi.INBOX_SEEN, item.seen);
      this.inbox(abi.INBOX_ACCOUNTED, item.accounted);
      this.inbox(abi.INBOX_DISTINCT, item.distinct);
      this.inbox(abi.INBOX_EXPIRES_AT, item.expiresAt);
      const marks = (item.archived ? abi.STATE_ARCHIVED : 0) | (item.onHold ? abi.STATE_ON_HOLD : 0);
      this.inbox(abi.INBOX_STATE, marks);
    }
    const now = restored ? 0 : item.capturedAt;
    return this.call.testQuarantineInsert!(item.flags, now, item.seq, restored ? 1 : 0);
  }

  find(hash: string, category: string): number {
    this.inbox(abi.INBOX_SIGNATURE_HASH, hash);
    this.category(category);
    return this.call.quarantineFind!(
      abi.INBOX_AT + abi.INBOX_SIGNATURE_HASH,
      abi.INBOX_AT + abi.INBOX_CATEGORY,
      category.length,
    );
  }

  findId(id: string): number {
    this.inbox(abi.INBOX_ID, id);
    return this.call.quarantineFindId!(abi.INBOX_AT + abi.INBOX_ID);
  }

  oldest(after: string, count: number): string[] {
    this.inbox(abi.INBOX_ID, after);
    const found = this.call.quarantineOldest!(after === '' ? 0 : abi.INBOX_AT + abi.INBOX_ID, count);
    return Array.from({ length: found }, (_, i) => this.id(this.call.quarantineListed!(i)));
  }

  duplicate(slot: number, group: string, severity: number, disposition: number, now: number): number {
    this.inbox(abi.INBOX_GROUP, group.slice(0, 16));
    return this.call.quarantineDuplicate!(slot, abi.INBOX_AT + abi.INBOX_GROUP, severity, disposition, now) >>> 0;
  }

  pending(slot: number): number {
    return this.call.quarantinePending!(slot) >>> 0;
  }

  read(slot: number): string {
    const at = this.header(abi.HEADER_PAYLOAD);
    this.bytes.fill(0xee, at, at + this.limits.maxPayloadBytes);
    return hex(this.bytes.subarray(at, at + this.call.quarantineRead!(slot)));
  }

  category(category: string): void {
    this.bytes.set(Buffer.from(category), abi.INBOX_AT + abi.INBOX_CATEGORY);
    this.inbox(abi.INBOX_CATEGORY_BYTES, category.length);
  }

  slotAt(slot: number): number {
    return this.header(abi.HEADER_SLOTS) + (slot - 1) * abi.SLOT_BYTES;
  }

  slot(slot: number, offset: number): number {
    return this.view.getUint32(this.slotAt(slot) + offset, true);
  }

  id(slot: number): string {
    return this.hexAt(this.slotAt(slot) + abi.SLOT_ID, 16);
  }

  hexAt(at: number, bytes: number): string {
    return hex(this.bytes.subarray(at, at + bytes));
  }

  /** Everything the core keeps of one item, in the words of the model. */
  item(slot: number): Item {
    const at = this.slotAt(slot);
    const byte = (offset: number): number => this.bytes[at + offset]!;
    const flags = byte(abi.SLOT_FLAGS);
    const head = abi.SCRATCH_AT;
    const headBytes = this.call.quarantineReadHead!(slot, head);
    const categoryAt = abi.ITEM_HEAD_BYTES + (flags & abi.ITEM_FINGERPRINTED ? 32 : 0);
    const detectorAt = categoryAt + byte(abi.SLOT_CATEGORY_BYTES);
    const text = (from: number, to: number): string =>
      Buffer.from(this.bytes.subarray(head + from, head + to)).toString();
    return {
      id: this.id(slot),
      suffix: this.hexAt(head + abi.ITEM_ID_SUFFIX, 8),
      salt: this.hexAt(head + abi.ITEM_SALT, 16),
      hash: this.hexAt(at + abi.SLOT_HASH, 32),
      payloadHash: this.hexAt(head + abi.ITEM_HEAD_BYTES, categoryAt - abi.ITEM_HEAD_BYTES),
      tag: this.hexAt(at + abi.SLOT_SOURCE_TAG, 32),
      group: this.hexAt(at + abi.SLOT_GROUP, 8),
      category: text(categoryAt, detectorAt),
      detector: text(detectorAt, headBytes),
      payload: this.read(slot),
      flags,
      severity: byte(abi.SLOT_SEVERITY),
      disposition: byte(abi.SLOT_DISPOSITION),
      capturedAt: this.view.getFloat64(at + abi.SLOT_CAPTURED_AT, true),
      lastSeenAt: this.view.getFloat64(at + abi.SLOT_LAST_SEEN_AT, true),
      seen: this.slot(slot, abi.SLOT_SEEN),
      accounted: this.slot(slot, abi.SLOT_ACCOUNTED),
      distinct: this.view.getUint16(at + abi.SLOT_DISTINCT, true),
      lastSource: this.hexAt(at + abi.SLOT_LAST_SOURCE, 4),
      expiresAt: this.slot(slot, abi.SLOT_EXPIRES_AT),
      archived: (byte(abi.SLOT_STATE) & abi.STATE_ARCHIVED) !== 0,
      onHold: (byte(abi.SLOT_STATE) & abi.STATE_ON_HOLD) !== 0,
      seq: this.view.getFloat64(head + abi.ITEM_SEQ, true),
    };
  }

  slots(): number[] {
    const all = Array.from({ length: this.state(abi.QUARANTINE_SLOT_HIGH) }, (_, i) => i + 1);
    return all.filter((slot) => this.bytes[this.slotAt(slot) + abi.SLOT_STATE] !== 0);
  }

  queue(queue: number): string[] {
    const ids: string[] = [];
    let slot = this.state(abi.QUARANTINE_HEADS + queue * 4);
    for (; slot !== 0; slot = this.slot(slot, abi.SLOT_SEVERITY_NEXT)) ids.push(this.id(slot));
    return ids;
  }

  /** The items of the list that `leader` leads, oldest first. */
  share(leader: number): string[] {
    const ids: string[] = [];
    for (let slot = leader; slot !== 0; slot = this.slot(slot, abi.SLOT_SOURCE_NEXT)) ids.push(this.id(slot));
    return ids;
  }

  verify(): boolean {
    return this.call.quarantineVerify!() === 1;
  }

  /** Looks at all slots and blocks there are, used or not: what holds nothing is zero but for the link of a free list. */
  freedIsZero(): boolean {
    for (let slot = 1; slot <= this.limits.maxCount; slot++) {
      const at = this.slotAt(slot);
      if (this.bytes[at + abi.SLOT_STATE] !== 0) continue;
      const copy = this.bytes.slice(at, at + abi.SLOT_BYTES);
      if (slot <= this.state(abi.QUARANTINE_SLOT_HIGH))
        copy.fill(0, abi.SLOT_SIGNATURE_NEXT, abi.SLOT_SIGNATURE_NEXT + 4);
      if (!isZero(copy)) return false;
    }
    const slab = this.header(abi.HEADER_SLAB);
    const block = (index: number): number => slab + (index - 1) * abi.BLOCK_BYTES;
    let free = this.state(abi.QUARANTINE_BLOCK_FREE);
    for (; free !== 0; free = this.view.getUint32(block(free), true)) {
      if (!isZero(this.bytes.subarray(block(free) + abi.BLOCK_DATA, block(free) + abi.BLOCK_BYTES))) return false;
    }
    const untouched = this.state(abi.QUARANTINE_BLOCK_HIGH) + 1;
    return isZero(this.bytes.subarray(block(untouched), block(slabBlocks(this.limits) + 1)));
  }
}
