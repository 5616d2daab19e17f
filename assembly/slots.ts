/**
 * Slots: one fixed record per held item, found by index. What the quarantine's lists, queues and sums are made of.
 *
 *   ┌ hash 32 │ source tag 32 │ id 16 │ times 16 │ sizes, counts 16 │ links 24 │ share 12 │ marks 16 │ group 8 │ entry 8 ┐  176
 *
 * Relies on: the header and the quarantine's state. Refuses: to know why an item comes or goes.
 * A slot is named by its index + 1 everywhere; 0 is nobody.
 */
import {
  CONFIG_AT,
  CONFIG_MAX_COUNT,
  HEADER_AT,
  HEADER_QUARANTINE,
  HEADER_SLOTS,
  ITEM_FINGERPRINTED,
  ITEM_HEAD_BYTES,
  PANIC_QUARANTINE,
  QUARANTINE_BLOCK_FREE,
  QUARANTINE_BLOCK_HIGH,
  QUARANTINE_BLOCKS_USED,
  QUARANTINE_BUCKET_MASK,
  QUARANTINE_BYTES,
  QUARANTINE_COUNT,
  QUARANTINE_COUNTS,
  QUARANTINE_ENTERED,
  QUARANTINE_GROUP_PRF_0,
  QUARANTINE_GROUP_PRF_1,
  QUARANTINE_HEADS,
  QUARANTINE_PAYLOAD_BYTES,
  QUARANTINE_PRF_0,
  QUARANTINE_PRF_1,
  QUARANTINE_SLOT_FREE,
  QUARANTINE_SLOT_HIGH,
  QUARANTINE_SOURCES,
  QUARANTINE_SUMS,
  QUARANTINE_TAILS,
  QUEUES,
  SLOT_ACCOUNTED,
  SLOT_BYTES,
  SLOT_CAPTURED_AT,
  SLOT_CATEGORY_BYTES,
  SLOT_DETECTOR_BYTES,
  SLOT_DISPOSITION,
  SLOT_DISTINCT,
  SLOT_ENTERED,
  SLOT_EXPIRES_AT,
  SLOT_FIRST_BLOCK,
  SLOT_FLAGS,
  SLOT_GROUP,
  SLOT_HASH,
  SLOT_ID,
  SLOT_LAST_SEEN_AT,
  SLOT_LAST_SOURCE,
  SLOT_PAYLOAD_BYTES,
  SLOT_SEEN,
  SLOT_SEVERITY,
  SLOT_SEVERITY_NEXT,
  SLOT_SEVERITY_PREV,
  SLOT_SIGNATURE_NEXT,
  SLOT_SOURCE_BYTES,
  SLOT_SOURCE_CHAIN,
  SLOT_SOURCE_COUNT,
  SLOT_SOURCE_NEXT,
  SLOT_SOURCE_PREV,
  SLOT_SOURCE_TAG,
  SLOT_STATE,
  STATE_HELD,
} from './abi';
import { hold } from './panic';

@unmanaged
export class Slot {
  hash0: u32;
  hash1: u32;
  hash2: u32;
  hash3: u32;
  hash4: u32;
  hash5: u32;
  hash6: u32;
  hash7: u32;
  tag0: u32;
  tag1: u32;
  tag2: u32;
  tag3: u32;
  tag4: u32;
  tag5: u32;
  tag6: u32;
  tag7: u32;
  id0: u32;
  id1: u32;
  id2: u32;
  id3: u32;
  capturedAt: f64;
  lastSeenAt: f64;
  payloadBytes: u32;
  firstBlock: u32;
  seen: u32;
  accounted: u32;
  severityPrev: u32;
  severityNext: u32;
  signatureNext: u32;
  sourcePrev: u32;
  sourceNext: u32;
  sourceChain: u32;
  sourceCount: u32;
  sourceBytes: u32;
  expiresAt: u32;
  lastSource: u32;
  distinct: u16;
  severity: u8;
  disposition: u8;
  state: u8;
  flags: u8;
  categoryBytes: u8;
  detectorBytes: u8;
  group0: u32;
  group1: u32;
  entered: f64;
}

if (offsetof<Slot>() != SLOT_BYTES) ERROR('Slot: size differs from SLOT_BYTES');
if (offsetof<Slot>('hash0') != SLOT_HASH) ERROR('Slot.hash0');
if (offsetof<Slot>('tag0') != SLOT_SOURCE_TAG) ERROR('Slot.tag0');
if (offsetof<Slot>('id0') != SLOT_ID) ERROR('Slot.id0');
if (offsetof<Slot>('capturedAt') != SLOT_CAPTURED_AT) ERROR('Slot.capturedAt');
if (offsetof<Slot>('lastSeenAt') != SLOT_LAST_SEEN_AT) ERROR('Slot.lastSeenAt');
if (offsetof<Slot>('payloadBytes') != SLOT_PAYLOAD_BYTES) ERROR('Slot.payloadBytes');
if (offsetof<Slot>('firstBlock') != SLOT_FIRST_BLOCK) ERROR('Slot.firstBlock');
if (offsetof<Slot>('seen') != SLOT_SEEN) ERROR('Slot.seen');
if (offsetof<Slot>('accounted') != SLOT_ACCOUNTED) ERROR('Slot.accounted');
if (offsetof<Slot>('severityPrev') != SLOT_SEVERITY_PREV) ERROR('Slot.severityPrev');
if (offsetof<Slot>('severityNext') != SLOT_SEVERITY_NEXT) ERROR('Slot.severityNext');
if (offsetof<Slot>('signatureNext') != SLOT_SIGNATURE_NEXT) ERROR('Slot.signatureNext');
if (offsetof<Slot>('sourcePrev') != SLOT_SOURCE_PREV) ERROR('Slot.sourcePrev');
if (offsetof<Slot>('sourceNext') != SLOT_SOURCE_NEXT) ERROR('Slot.sourceNext');
if (offsetof<Slot>('sourceChain') != SLOT_SOURCE_CHAIN) ERROR('Slot.sourceChain');
if (offsetof<Slot>('sourceCount') != SLOT_SOURCE_COUNT) ERROR('Slot.sourceCount');
if (offsetof<Slot>('sourceBytes') != SLOT_SOURCE_BYTES) ERROR('Slot.sourceBytes');
if (offsetof<Slot>('expiresAt') != SLOT_EXPIRES_AT) ERROR('Slot.expiresAt');
if (offsetof<Slot>('lastSource') != SLOT_LAST_SOURCE) ERROR('Slot.lastSource');
if (offsetof<Slot>('distinct') != SLOT_DISTINCT) ERROR('Slot.distinct');
if (offsetof<Slot>('severity') != SLOT_SEVERITY) ERROR('Slot.severity');
if (offsetof<Slot>('disposition') != SLOT_DISPOSITION) ERROR('Slot.disposition');
if (offsetof<Slot>('state') != SLOT_STATE) ERROR('Slot.state');
if (offsetof<Slot>('flags') != SLOT_FLAGS) ERROR('Slot.flags');
if (offsetof<Slot>('categoryBytes') != SLOT_CATEGORY_BYTES) ERROR('Slot.categoryBytes');
if (offsetof<Slot>('detectorBytes') != SLOT_DETECTOR_BYTES) ERROR('Slot.detectorBytes');
if (offsetof<Slot>('group0') != SLOT_GROUP) ERROR('Slot.group0');
if (offsetof<Slot>('entered') != SLOT_ENTERED) ERROR('Slot.entered');

/** What the quarantine knows about itself. The four arrays of the queues follow. */
@unmanaged
export class State {
  count: u32;
  payloadBytes: u32;
  slotHigh: u32;
  slotFree: u32;
  blockHigh: u32;
  blockFree: u32;
  blocksUsed: u32;
  sources: u32;
  prf0: u32;
  prf1: u32;
  bucketMask: u32;
  spare: u32;
  groupPrf0: u32;
  groupPrf1: u32;
  entered: f64;
}

if (offsetof<State>('count') != QUARANTINE_COUNT) ERROR('State.count');
if (offsetof<State>('payloadBytes') != QUARANTINE_PAYLOAD_BYTES) ERROR('State.payloadBytes');
if (offsetof<State>('slotHigh') != QUARANTINE_SLOT_HIGH) ERROR('State.slotHigh');
if (offsetof<State>('slotFree') != QUARANTINE_SLOT_FREE) ERROR('State.slotFree');
if (offsetof<State>('blockHigh') != QUARANTINE_BLOCK_HIGH) ERROR('State.blockHigh');
if (offsetof<State>('blockFree') != QUARANTINE_BLOCK_FREE) ERROR('State.blockFree');
if (offsetof<State>('blocksUsed') != QUARANTINE_BLOCKS_USED) ERROR('State.blocksUsed');
if (offsetof<State>('sources') != QUARANTINE_SOURCES) ERROR('State.sources');
if (offsetof<State>('prf0') != QUARANTINE_PRF_0) ERROR('State.prf0');
if (offsetof<State>('prf1') != QUARANTINE_PRF_1) ERROR('State.prf1');
if (offsetof<State>('bucketMask') != QUARANTINE_BUCKET_MASK) ERROR('State.bucketMask');
if (offsetof<State>('groupPrf0') != QUARANTINE_GROUP_PRF_0) ERROR('State.groupPrf0');
if (offsetof<State>('groupPrf1') != QUARANTINE_GROUP_PRF_1) ERROR('State.groupPrf1');
if (offsetof<State>('entered') != QUARANTINE_ENTERED) ERROR('State.entered');
if (offsetof<State>() > <u32>QUARANTINE_HEADS) ERROR('State reaches into the queues');
if (QUARANTINE_HEADS + QUEUES * 4 != QUARANTINE_TAILS) ERROR('QUARANTINE_TAILS');
if (QUARANTINE_TAILS + QUEUES * 4 != QUARANTINE_COUNTS) ERROR('QUARANTINE_COUNTS');
if (QUARANTINE_COUNTS + QUEUES * 4 != QUARANTINE_SUMS) ERROR('QUARANTINE_SUMS');
if (QUARANTINE_SUMS + QUEUES * 4 != QUARANTINE_BYTES) ERROR('QUARANTINE_BYTES');

export function stateAt(): u32 {
  return load<u32>(HEADER_AT + HEADER_QUARANTINE);
}

export function state(): State {
  return changetype<State>(stateAt());
}

/** Address of a slot that has been used at least once. */
export function slotAt(slot: u32): u32 {
  hold(slot - 1 < state().slotHigh, PANIC_QUARANTINE);
  return load<u32>(HEADER_AT + HEADER_SLOTS) + (slot - 1) * SLOT_BYTES;
}

/** The slot of an item that is held now. */
export function held(slot: u32): Slot {
  const item = changetype<Slot>(slotAt(slot));
  hold((item.state & STATE_HELD) != 0, PANIC_QUARANTINE);
  return item;
}

export function slotTake(): u32 {
  const s = state();
  const free: u32 = s.slotFree;
  if (free != 0) {
    const item = changetype<Slot>(slotAt(free));
    hold(item.state == 0, PANIC_QUARANTINE);
    s.slotFree = item.signatureNext;
    item.signatureNext = 0;
    return free;
  }
  hold(s.slotHigh < load<u32>(CONFIG_AT + CONFIG_MAX_COUNT), PANIC_QUARANTINE);
  s.slotHigh += 1;
  return s.slotHigh;
}

/** Zeroes the slot; only the link of the free list is written after. */
export function slotRelease(slot: u32): void {
  const at: u32 = slotAt(slot);
  memory.fill(at, 0, SLOT_BYTES);
  const s = state();
  changetype<Slot>(at).signatureNext = s.slotFree;
  s.slotFree = slot;
}

/** Where the category begins in the item's blocks: after the payload's hash, if the item keeps one. */
export function categoryFrom(item: Slot): u32 {
  return (item.flags & ITEM_FINGERPRINTED) != 0 ? ITEM_HEAD_BYTES + 32 : ITEM_HEAD_BYTES;
}

export function payloadFrom(item: Slot): u32 {
  return categoryFrom(item) + <u32>item.categoryBytes + <u32>item.detectorBytes;
}

/** All the bytes that the item keeps in the slab. */
export function itemBytes(item: Slot): u32 {
  return payloadFrom(item) + item.payloadBytes;
}

/** Eight bytes at multiples of four: do both count for the same share? */
export function sameGroup(left: u32, right: u32): bool {
  return load<u32>(left) == load<u32>(right) && load<u32>(left, 4) == load<u32>(right, 4);
}

/** Hashes and tags, both at multiples of four. Not constant time: neither is a secret that the other side submits. */
export function same32(left: u32, right: u32): bool {
  for (let i: u32 = 0; i < 32; i += 4) {
    if (load<u32>(left + i) != load<u32>(right + i)) return false;
  }
  return true;
}
