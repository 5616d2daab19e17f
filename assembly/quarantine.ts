/**
 * The quarantine: evidence in bounded memory, found by signature, never lost in silence.
 *
 *   signature ─ keyed hash ─► bucket ─► slot ─► slot …        slot ─► queue by severity · list of its source
 *                                                              └─► chain of blocks: salt, id suffix, seq, … payload
 *
 * Relies on: slots, slab, queues, shares; on its caller to plan first (victims.ts), to write the records, and to say
 * the time. Refuses: to evict by itself, to hold more than it was configured for, and to leave a released byte behind.
 *
 * Memory, each region rounded up to 64 bytes:
 *   448 + 2 × 4 × 2^⌈log2 maxCount⌉ + 176 × maxCount + 128 × slabBlocks
 *   slabBlocks = ⌈maxBytes / 124⌉ + 3 × maxCount
 * maxBytes is the sum of payload bytes alone. An item needs ⌈(head + payload) / 124⌉ blocks, head ≤ 192, which is less
 * than payload / 124 + 315 / 124: three spare blocks an item are enough, so rounding and heads never evict.
 * What was never used is never touched and costs no resident page.
 */
import {
  BLOCK_BYTES,
  BLOCK_DATA_BYTES,
  CATEGORY_BYTES_MAX,
  CONFIG_AT,
  CONFIG_MAX_BYTES,
  CONFIG_MAX_COUNT,
  CONFIG_MAX_PAYLOAD_BYTES,
  CONFIG_SHARE_BYTES,
  CONFIG_SHARE_COUNT,
  CONFIG_SLAB_BLOCKS,
  DETECTOR_BYTES_MAX,
  DISPOSITION_PASSED,
  HEADER_AT,
  HEADER_PAYLOAD,
  HEADER_QUARANTINE,
  HEADER_SIGNATURE_BUCKETS,
  HEADER_SLAB,
  HEADER_SLOTS,
  HEADER_SOURCE_BUCKETS,
  INBOX_ACCOUNTED,
  INBOX_AT,
  INBOX_CAPTURED_AT,
  INBOX_CATEGORY,
  INBOX_CATEGORY_BYTES,
  INBOX_DETECTOR,
  INBOX_DETECTOR_BYTES,
  INBOX_DISPOSITION,
  INBOX_DISTINCT,
  INBOX_EXPIRES_AT,
  INBOX_LAST_SEEN_AT,
  INBOX_PAYLOAD_BYTES,
  INBOX_SEEN,
  INBOX_SEVERITY,
  INBOX_STATE,
  INSERT_HEAD_AT,
  INSERT_HEAD_BYTES,
  ITEM_FLAGS_KNOWN,
  ITEM_HEAD_BYTES,
  ITEM_ID_SUFFIX,
  ITEM_SALT,
  ITEM_SEQ,
  ITEM_SPARE_BLOCKS,
  MEMORY_BYTES_MAX,
  PANIC_CONFIG,
  PANIC_INBOX,
  PANIC_QUARANTINE,
  QUARANTINE_BYTES,
  SLOT_BYTES,
  SLOT_GROUP,
  SLOT_HASH,
  SLOT_ID,
  SLOT_SOURCE_TAG,
  STATE_ARCHIVED,
  STATE_HELD,
  STATE_ON_HOLD,
} from './abi';
import { reserve } from './arena';
import { bytesClear, bytesCopy } from './bytes';
import { hold } from './panic';
import { queueAppend, queueRemove } from './queues';
import { shareAppend, shareRemove } from './share';
import { signatureAdd, signatureRemove } from './signatures';
import { slabRelease, slabTake, slabWrite } from './slab';
import { categoryFrom, held, itemBytes, payloadFrom, Slot, sameGroup, slotRelease, slotTake, state } from './slots';

export {
  quarantineFindId,
  quarantineHolds,
  quarantineListed,
  quarantineOldest,
  quarantineOldestAfter,
  quarantineRead,
  quarantineReadHead,
} from './catalogue';
export { quarantineVerify } from './census';
export { quarantineFind } from './signatures';
export { planInit, quarantinePlan, quarantinePlanInstead, quarantineVictim, quarantineVictimReason } from './victims';

const HEAD_AT: u32 = INSERT_HEAD_AT;
const HEAD_BYTES_MAX: u32 = ITEM_HEAD_BYTES + 32 + CATEGORY_BYTES_MAX + DETECTOR_BYTES_MAX;
if (HEAD_BYTES_MAX + BLOCK_DATA_BYTES - 1 > <u32>(ITEM_SPARE_BLOCKS * BLOCK_DATA_BYTES)) ERROR('ITEM_SPARE_BLOCKS');
if (HEAD_BYTES_MAX > <u32>INSERT_HEAD_BYTES) ERROR('INSERT_HEAD_BYTES');

const SEEN_MAX: u32 = 0xffffffff;
/** Once `seen` can rise no more, records are due in steps of this. */
const SEEN_STEP: u32 = 0x1000000;

const STATES_KNOWN: u32 = STATE_HELD | STATE_ARCHIVED | STATE_ON_HOLD;

export function quarantineInit(): void {
  const count: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_COUNT);
  const bytes: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_BYTES);
  const blocks: u32 = load<u32>(CONFIG_AT + CONFIG_SLAB_BLOCKS);
  hold(count >= 1 && count <= <u32>MEMORY_BYTES_MAX / SLOT_BYTES, PANIC_CONFIG);
  hold(bytes >= 1 && bytes <= <u32>MEMORY_BYTES_MAX, PANIC_CONFIG);
  hold(blocks <= <u32>MEMORY_BYTES_MAX / BLOCK_BYTES, PANIC_CONFIG);
  hold(blocks >= (bytes + (BLOCK_DATA_BYTES - 1)) / BLOCK_DATA_BYTES + ITEM_SPARE_BLOCKS * count, PANIC_CONFIG);
  hold(load<u32>(CONFIG_AT + CONFIG_SHARE_COUNT) >= 1, PANIC_CONFIG);
  hold(load<u32>(CONFIG_AT + CONFIG_SHARE_BYTES) >= 1, PANIC_CONFIG);
  let buckets: u32 = 1;
  while (buckets < count) buckets <<= 1;
  store<u32>(HEADER_AT + HEADER_QUARANTINE, reserve(QUARANTINE_BYTES, 64));
  store<u32>(HEADER_AT + HEADER_SIGNATURE_BUCKETS, reserve(buckets * 4, 64));
  store<u32>(HEADER_AT + HEADER_SOURCE_BUCKETS, reserve(buckets * 4, 64));
  store<u32>(HEADER_AT + HEADER_SLOTS, reserve(count * SLOT_BYTES, 64));
  store<u32>(HEADER_AT + HEADER_SLAB, reserve(blocks * BLOCK_BYTES, 64));
  state().bucketMask = buckets - 1;
}

/** Takes the eight bytes at `at` as the key of the signature buckets. Only while nothing is held. */
export function quarantineSeed(at: u32): void {
  const s = state();
  hold(s.count == 0, PANIC_QUARANTINE);
  s.prf0 = load<u32>(at);
  s.prf1 = load<u32>(at + 4);
}

/** Takes the eight bytes at `at` as the key of the groups of IPv6 addresses. Only while nothing is held. */
export function quarantineGroups(at: u32): void {
  const s = state();
  hold(s.count == 0, PANIC_QUARANTINE);
  s.groupPrf0 = load<u32>(at);
  s.groupPrf1 = load<u32>(at + 4);
}

/**
 * Holds one more item; returns its slot. Severity, disposition, category, detector and payload come from the inbox;
 * everything that the core made or copied comes by address. `idAt` is followed by the suffix (24 bytes in all),
 * `payloadHashAt` is read only with ITEM_FINGERPRINTED. All addresses are multiples of four.
 * `groupAt`: the eight bytes of the group whose share the item counts for.
 * With `restored`, the INBOX_* fields marked "restore only" say the rest of its past, and its share is not asked for.
 */
export function quarantineInsert(
  idAt: u32,
  saltAt: u32,
  hashAt: u32,
  payloadHashAt: u32,
  tagAt: u32,
  groupAt: u32,
  flags: u32,
  now: f64,
  seq: f64,
  restored: u32,
): u32 {
  const severity: u32 = load<u32>(INBOX_AT + INBOX_SEVERITY);
  const disposition: u32 = load<u32>(INBOX_AT + INBOX_DISPOSITION);
  const categoryBytes: u32 = load<u32>(INBOX_AT + INBOX_CATEGORY_BYTES);
  const detectorBytes: u32 = load<u32>(INBOX_AT + INBOX_DETECTOR_BYTES);
  const payloadBytes: u32 = load<u32>(INBOX_AT + INBOX_PAYLOAD_BYTES);
  hold(severity <= 3 && disposition <= <u32>DISPOSITION_PASSED, PANIC_INBOX);
  hold(categoryBytes >= 1 && categoryBytes <= <u32>CATEGORY_BYTES_MAX, PANIC_INBOX);
  hold(detectorBytes <= <u32>DETECTOR_BYTES_MAX, PANIC_INBOX);
  hold(payloadBytes <= load<u32>(CONFIG_AT + CONFIG_MAX_PAYLOAD_BYTES), PANIC_INBOX);
  hold((flags & ~(<u32>ITEM_FLAGS_KNOWN)) == 0, PANIC_QUARANTINE);
  const s = state();
  hold(s.count < load<u32>(CONFIG_AT + CONFIG_MAX_COUNT), PANIC_QUARANTINE);
  hold(payloadBytes <= load<u32>(CONFIG_AT + CONFIG_MAX_BYTES) - s.payloadBytes, PANIC_QUARANTINE);

  const slot: u32 = slotTake();
  const item = changetype<Slot>(load<u32>(HEADER_AT + HEADER_SLOTS) + (slot - 1) * SLOT_BYTES);
  const at: u32 = changetype<u32>(item);
  bytesCopy(at + SLOT_HASH, hashAt, 32);
  bytesCopy(at + SLOT_SOURCE_TAG, tagAt, 32);
  bytesCopy(at + SLOT_ID, idAt, 16);
  bytesCopy(at + SLOT_GROUP, groupAt, 8);
  item.payloadBytes = payloadBytes;
  item.severity = <u8>severity;
  item.disposition = <u8>disposition;
  item.flags = <u8>flags;
  item.categoryBytes = <u8>categoryBytes;
  item.detectorBytes = <u8>detectorBytes;
  item.capturedAt = now;
  item.lastSeenAt = now;
  item.seen = 1;
  item.accounted = 1;
  item.state = <u8>STATE_HELD;
  if (restored != 0) recall(item);

  item.firstBlock = slabTake(itemBytes(item));
  writeHead(item, idAt + 16, saltAt, payloadHashAt, seq);
  slabWrite(item.firstBlock, payloadFrom(item), load<u32>(HEADER_AT + HEADER_PAYLOAD), payloadBytes);

  signatureAdd(slot);
  queueAppend(slot);
  shareAppend(slot);
  s.count += 1;
  s.payloadBytes += payloadBytes;
  return slot;
}

/** Lets an item go, whatever its state: its slot and blocks are zeroed. The caller has written its record. */
export function quarantineRelease(slot: u32): void {
  const item = held(slot);
  const s = state();
  hold(s.count > 0 && s.payloadBytes >= item.payloadBytes, PANIC_QUARANTINE);
  signatureRemove(slot);
  shareRemove(slot);
  queueRemove(slot);
  slabRelease(item.firstBlock, itemBytes(item));
  s.count -= 1;
  s.payloadBytes -= item.payloadBytes;
  slotRelease(slot);
}

/**
 * The same evidence came again. Returns how many events a DUPLICATE record must account for now; 0 = none is due.
 * Due at the 1st, 2nd, 4th, 8th … duplicate, and at the 1st, 2nd, 4th … change to another sender, so that a crowd that
 * sends the same thing shows in the log without filling it. Addresses of one group are one sender.
 */
export function quarantineDuplicate(slot: u32, groupAt: u32, severity: u32, disposition: u32, now: f64): u32 {
  hold(severity <= 3 && disposition <= <u32>DISPOSITION_PASSED, PANIC_INBOX);
  const item = held(slot);
  if (now > item.lastSeenAt) item.lastSeenAt = now;
  // The worst for the defender stays: passed > observed > refused > none.
  if (disposition > <u32>item.disposition) item.disposition = <u8>disposition;
  if (severity > <u32>item.severity) {
    shareRemove(slot);
    queueRemove(slot);
    item.severity = <u8>severity;
    queueAppend(slot);
    shareAppend(slot);
  }
  let due: bool = false;
  const sender: u32 = load<u32>(groupAt);
  if (sender != item.lastSource && !sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt)) {
    item.lastSource = sender;
    if (item.distinct < 0xffff) {
      item.distinct += 1;
      due = powerOfTwo(<u32>item.distinct);
    }
  }
  if (item.seen < SEEN_MAX) {
    item.seen += 1;
    due = due || powerOfTwo(item.seen - 1);
  } else {
    // `seen` stays at its end; what is not accounted for yet grows from below, so that no event is lost.
    item.accounted -= 1;
    due = due || item.seen - item.accounted >= SEEN_STEP;
  }
  if (!due) return 0;
  const events: u32 = item.seen - item.accounted;
  item.accounted = item.seen;
  return events;
}

/** Duplicates no record accounts for yet: the item's terminal record takes them. */
export function quarantinePending(slot: u32): u32 {
  const item = held(slot);
  return item.seen - item.accounted;
}

/** The caller has accounted for them. */
export function quarantineSettle(slot: u32): void {
  const item = held(slot);
  item.accounted = item.seen;
}

/** Sets or clears STATE_ARCHIVED or STATE_ON_HOLD; 1 if that changed anything. The item goes to the tail of its queue. */
export function quarantineSetState(slot: u32, bit: u32, on: u32): u32 {
  hold(bit == STATE_ARCHIVED || bit == STATE_ON_HOLD, PANIC_QUARANTINE);
  const item = held(slot);
  const before: u32 = item.state;
  const after: u32 = on != 0 ? before | bit : before & ~bit;
  if (after == before) return 0;
  shareRemove(slot);
  queueRemove(slot);
  item.state = <u8>after;
  queueAppend(slot);
  shareAppend(slot);
  return 1;
}

/** What a restored item went through before. */
function recall(item: Slot): void {
  const seen: u32 = load<u32>(INBOX_AT + INBOX_SEEN);
  const distinct: u32 = load<u32>(INBOX_AT + INBOX_DISTINCT);
  const marks: u32 = load<u32>(INBOX_AT + INBOX_STATE);
  const accounted: u32 = load<u32>(INBOX_AT + INBOX_ACCOUNTED);
  hold(accounted >= 1 && accounted <= seen, PANIC_INBOX);
  hold(distinct <= 0xffff, PANIC_INBOX);
  hold((marks & ~STATES_KNOWN) == 0, PANIC_INBOX);
  item.capturedAt = load<f64>(INBOX_AT + INBOX_CAPTURED_AT);
  item.lastSeenAt = load<f64>(INBOX_AT + INBOX_LAST_SEEN_AT);
  hold(item.lastSeenAt >= item.capturedAt, PANIC_INBOX);
  item.expiresAt = load<u32>(INBOX_AT + INBOX_EXPIRES_AT);
  item.distinct = <u16>distinct;
  item.seen = seen;
  item.accounted = accounted;
  item.state = <u8>(marks | STATE_HELD);
}

function writeHead(item: Slot, suffixAt: u32, saltAt: u32, payloadHashAt: u32, seq: f64): void {
  const from: u32 = categoryFrom(item);
  const categoryBytes: u32 = item.categoryBytes;
  const detectorBytes: u32 = item.detectorBytes;
  bytesCopy(HEAD_AT + ITEM_SALT, saltAt, 16);
  bytesCopy(HEAD_AT + ITEM_ID_SUFFIX, suffixAt, 8);
  store<f64>(HEAD_AT + ITEM_SEQ, seq);
  if (from > <u32>ITEM_HEAD_BYTES) bytesCopy(HEAD_AT + ITEM_HEAD_BYTES, payloadHashAt, 32);
  bytesCopy(HEAD_AT + from, INBOX_AT + INBOX_CATEGORY, categoryBytes);
  bytesCopy(HEAD_AT + from + categoryBytes, INBOX_AT + INBOX_DETECTOR, detectorBytes);
  slabWrite(item.firstBlock, 0, HEAD_AT, payloadFrom(item));
  // The salt must die with the evidence: no copy of it stays behind in scratch.
  bytesClear(HEAD_AT, HEAD_BYTES_MAX);
}

function powerOfTwo(number: u32): bool {
  return number != 0 && (number & (number - 1)) == 0;
}
