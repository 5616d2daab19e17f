/**
 * The census: counts everything that is held twice, from both sides, and believes nothing it reads. For tests after
 * every step, and for a core that was rebuilt from what another left behind.
 *
 * Relies on: the regions' addresses and the configuration. Refuses: to panic, to loop for ever, and to change anything
 * that it does not put back. A chain that ends in 0 cannot visit a node twice, so each walk is cut off at the number of
 * nodes there are; and where membership follows from a node's own fields, equal sums mean that every node was visited.
 */
import {
  BLOCK_BYTES,
  BLOCK_DATA,
  BLOCK_DATA_BYTES,
  BLOCK_NEXT,
  CATEGORY_BYTES_MAX,
  CENSUS_CATEGORY_AT,
  CENSUS_CATEGORY_BYTES,
  CONFIG_AT,
  CONFIG_MAX_BYTES,
  CONFIG_MAX_COUNT,
  CONFIG_MAX_PAYLOAD_BYTES,
  CONFIG_SLAB_BLOCKS,
  DETECTOR_BYTES_MAX,
  DISPOSITION_PASSED,
  HEADER_AT,
  HEADER_SIGNATURE_BUCKETS,
  HEADER_SLAB,
  HEADER_SLOTS,
  HEADER_SOURCE_BUCKETS,
  ITEM_FLAGS_KNOWN,
  QUEUES,
  SLOT_BYTES,
  SLOT_GROUP,
  SLOT_HASH,
  SLOT_SIGNATURE_NEXT,
  STATE_ARCHIVED,
  STATE_HELD,
  STATE_ON_HOLD,
} from './abi';
import { countAt, headAt, queueOf, sumAt, tailAt } from './queues';
import { shareFind, sourceBucketAt } from './share';
import { quarantineFind, signatureBucketAt } from './signatures';
import { slabBlocks, slabRead } from './slab';
import { categoryFrom, itemBytes, Slot, sameGroup, state } from './slots';

const CATEGORY_AT: u32 = CENSUS_CATEGORY_AT;
if (CATEGORY_BYTES_MAX > CENSUS_CATEGORY_BYTES) ERROR('CENSUS_CATEGORY_BYTES');
const STATES_KNOWN: u32 = STATE_HELD | STATE_ARCHIVED | STATE_ON_HOLD;
/** Set in the last link of a chain while blocks are counted; indices stay below it. */
const COUNTED: u32 = 0x80000000;

/** 1 if every index, link, count, sum and bound is what it must be and all freed memory is zero; else 0. */
export function quarantineVerify(): u32 {
  if (!boundsHold() || !slotsHold() || !freeSlotsHold() || !queuesHold() || !blocksHold()) return 0;
  // From here on links of the slab carry marks, which are taken away again whatever the answer.
  const sound: bool = chainsHold();
  unmark();
  if (!sound) return 0;
  return signaturesHold() && sharesHold() ? 1 : 0;
}

function boundsHold(): bool {
  const s = state();
  const countMax: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_COUNT);
  if (s.slotHigh > countMax || s.count > s.slotHigh || s.sources > s.count) return false;
  if (s.payloadBytes > load<u32>(CONFIG_AT + CONFIG_MAX_BYTES)) return false;
  if (s.blockHigh > load<u32>(CONFIG_AT + CONFIG_SLAB_BLOCKS) || s.blocksUsed > s.blockHigh) return false;
  const buckets: u32 = s.bucketMask + 1;
  return buckets >= countMax && (buckets & s.bucketMask) == 0 && (buckets == 1 || buckets / 2 < countMax);
}

/** Each slot by itself: what is held is well formed, what is free is zero but for its link. */
function slotsHold(): bool {
  const s = state();
  let count: u32 = 0;
  let bytes: u32 = 0;
  let blocks: u32 = 0;
  for (let slot: u32 = 1; slot <= s.slotHigh; slot++) {
    const item = slotOf(slot);
    if (item.state == 0) {
      if (item.signatureNext > s.slotHigh || !zeroBut(changetype<u32>(item), SLOT_BYTES, SLOT_SIGNATURE_NEXT)) {
        return false;
      }
      continue;
    }
    if (!fieldsHold(item) || !linksHold(item, s.slotHigh)) return false;
    if (item.payloadBytes > s.payloadBytes - bytes) return false;
    count++;
    bytes += item.payloadBytes;
    blocks += slabBlocks(itemBytes(item));
  }
  return count == s.count && bytes == s.payloadBytes && blocks == s.blocksUsed;
}

function fieldsHold(item: Slot): bool {
  if ((<u32>item.state & ~STATES_KNOWN) != 0 || (item.state & STATE_HELD) == 0) return false;
  if ((<u32>item.flags & ~(<u32>ITEM_FLAGS_KNOWN)) != 0) return false;
  if (item.severity > 3 || <u32>item.disposition > <u32>DISPOSITION_PASSED) return false;
  if (item.categoryBytes < 1 || <u32>item.categoryBytes > <u32>CATEGORY_BYTES_MAX) return false;
  if (<u32>item.detectorBytes > <u32>DETECTOR_BYTES_MAX) return false;
  if (item.payloadBytes > load<u32>(CONFIG_AT + CONFIG_MAX_PAYLOAD_BYTES)) return false;
  if (item.accounted < 1 || item.accounted > item.seen) return false;
  if (item.distinct == 0 && item.lastSource != 0) return false;
  return item.lastSeenAt >= item.capturedAt;
}

function linksHold(item: Slot, high: u32): bool {
  if (item.severityPrev > high || item.severityNext > high || item.signatureNext > high) return false;
  if (item.sourcePrev > high || item.sourceNext > high || item.sourceChain > high) return false;
  return item.firstBlock >= 1 && item.firstBlock <= state().blockHigh;
}

function freeSlotsHold(): bool {
  const s = state();
  let slot: u32 = s.slotFree;
  for (let left: u32 = s.slotHigh - s.count; left > 0; left--) {
    if (slot == 0 || slot > s.slotHigh || slotOf(slot).state != 0) return false;
    slot = slotOf(slot).signatureNext;
  }
  return slot == 0;
}

function queuesHold(): bool {
  const s = state();
  let total: u32 = 0;
  for (let queue: u32 = 0; queue < <u32>QUEUES; queue++) {
    const count: u32 = load<u32>(countAt(queue));
    if (count > s.count - total) return false;
    let prev: u32 = 0;
    let bytes: u32 = 0;
    let entered: f64 = 0;
    let slot: u32 = load<u32>(headAt(queue));
    for (let i: u32 = 0; i < count; i++) {
      if (!isHeld(slot)) return false;
      const item = slotOf(slot);
      if (queueOf(item) != queue || item.severityPrev != prev) return false;
      if (!(item.entered > entered && item.entered <= s.entered)) return false;
      entered = item.entered;
      bytes += item.payloadBytes;
      prev = slot;
      slot = item.severityNext;
    }
    if (slot != 0 || load<u32>(tailAt(queue)) != prev || load<u32>(sumAt(queue)) != bytes) return false;
    total += count;
  }
  return total == s.count;
}

function blocksHold(): bool {
  const high: u32 = state().blockHigh;
  for (let block: u32 = 1; block <= high; block++) {
    if (load<u32>(blockOf(block) + BLOCK_NEXT) > high) return false;
  }
  return true;
}

/** Chains of items and the free list share no block (two chains that meet end in the same block) and miss none. */
function chainsHold(): bool {
  const s = state();
  for (let slot: u32 = 1; slot <= s.slotHigh; slot++) {
    const item = slotOf(slot);
    if (item.state != 0 && !chainHolds(item.firstBlock, slabBlocks(itemBytes(item)), itemBytes(item))) return false;
  }
  const free: u32 = s.blockHigh - s.blocksUsed;
  return free == 0 ? s.blockFree == 0 : chainHolds(s.blockFree, free, 0);
}

/** A chain of exactly `blocks` blocks whose bytes from `bytes` on are zero. */
function chainHolds(first: u32, blocks: u32, bytes: u32): bool {
  const high: u32 = state().blockHigh;
  let at: u32 = 0;
  let next: u32 = first;
  for (let i: u32 = 0; i < blocks; i++) {
    if (next < 1 || next > high) return false;
    at = blockOf(next);
    const used: u32 = min<u32>(bytes, BLOCK_DATA_BYTES);
    bytes -= used;
    for (let j: u32 = used; j < <u32>BLOCK_DATA_BYTES; j++) {
      if (load<u8>(at + BLOCK_DATA + j) != 0) return false;
    }
    next = load<u32>(at + BLOCK_NEXT);
  }
  if (next != 0) return false;
  store<u32>(at + BLOCK_NEXT, COUNTED);
  return true;
}

function unmark(): void {
  const high: u32 = state().blockHigh;
  for (let block: u32 = 1; block <= high; block++) {
    const at: u32 = blockOf(block) + BLOCK_NEXT;
    if (load<u32>(at) == COUNTED) store<u32>(at, 0);
  }
}

/** Every item is in the bucket of its hash, and no signature is held twice. */
function signaturesHold(): bool {
  const s = state();
  let total: u32 = 0;
  for (let bucket: u32 = 0; bucket <= s.bucketMask; bucket++) {
    const at: u32 = load<u32>(HEADER_AT + HEADER_SIGNATURE_BUCKETS) + bucket * 4;
    for (let slot: u32 = load<u32>(at); slot != 0; slot = slotOf(slot).signatureNext) {
      if (total == s.count || !isHeld(slot)) return false;
      if (signatureBucketAt(changetype<u32>(slotOf(slot)) + SLOT_HASH) != at) return false;
      total++;
    }
  }
  if (total != s.count) return false;
  for (let slot: u32 = 1; slot <= s.slotHigh; slot++) {
    const item = slotOf(slot);
    if (item.state == 0) continue;
    slabRead(item.firstBlock, categoryFrom(item), CATEGORY_AT, item.categoryBytes);
    if (quarantineFind(changetype<u32>(item) + SLOT_HASH, CATEGORY_AT, item.categoryBytes) != slot) return false;
  }
  return true;
}

/**
 * Every group has one leader for each queue that it has items in, in the bucket of the group, who lists and sums exactly
 * those items.
 */
function sharesHold(): bool {
  const s = state();
  let total: u32 = 0;
  let sources: u32 = 0;
  let lists: u32 = 0;
  for (let bucket: u32 = 0; bucket <= s.bucketMask; bucket++) {
    const at: u32 = load<u32>(HEADER_AT + HEADER_SOURCE_BUCKETS) + bucket * 4;
    for (let leader: u32 = load<u32>(at); leader != 0; leader = slotOf(leader).sourceChain) {
      if (lists == s.count || !isHeld(leader)) return false;
      lists++;
      const groupAt: u32 = changetype<u32>(slotOf(leader)) + SLOT_GROUP;
      if (sourceBucketAt(groupAt) != at) return false;
      if (isLast(leader, groupAt, s.count)) sources++;
      const count: u32 = slotOf(leader).sourceCount;
      if (count < 1 || count > s.count - total || !shareHolds(leader)) return false;
      total += count;
    }
  }
  if (total != s.count || sources != s.sources) return false;
  for (let slot: u32 = 1; slot <= s.slotHigh; slot++) {
    const item = slotOf(slot);
    // The lists are sound by now: the leader that is found first must be the one that counts its items.
    if (item.state == 0 || item.sourceCount == 0) continue;
    if (shareFind(changetype<u32>(item) + SLOT_GROUP, queueOf(item)) != slot) return false;
  }
  return true;
}

/** Does no list of the same group follow in the chain? Each group is counted at its last. */
function isLast(leader: u32, groupAt: u32, lists: u32): bool {
  let next: u32 = slotOf(leader).sourceChain;
  for (let left: u32 = lists; next != 0; left--) {
    if (left == 0 || !isHeld(next)) return true; // The walk that called finds the fault.
    if (sameGroup(changetype<u32>(slotOf(next)) + SLOT_GROUP, groupAt)) return false;
    next = slotOf(next).sourceChain;
  }
  return true;
}

function shareHolds(leader: u32): bool {
  const oldest = slotOf(leader);
  const groupAt: u32 = changetype<u32>(oldest) + SLOT_GROUP;
  const queue: u32 = queueOf(oldest);
  let entered: f64 = oldest.entered;
  let bytes: u32 = oldest.payloadBytes;
  let newest: u32 = leader;
  let slot: u32 = oldest.sourceNext;
  for (let left: u32 = oldest.sourceCount - 1; left > 0; left--) {
    if (!isHeld(slot)) return false;
    const item = slotOf(slot);
    if (item.sourcePrev != newest || !sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt)) return false;
    if (queueOf(item) != queue || !(item.entered > entered)) return false;
    entered = item.entered;
    if (item.sourceCount != 0 || item.sourceBytes != 0 || item.sourceChain != 0) return false;
    bytes += item.payloadBytes;
    newest = slot;
    slot = item.sourceNext;
  }
  return slot == 0 && oldest.sourcePrev == newest && oldest.sourceBytes == bytes;
}

function isHeld(slot: u32): bool {
  return slot - 1 < state().slotHigh && slotOf(slot).state != 0;
}

function slotOf(slot: u32): Slot {
  return changetype<Slot>(load<u32>(HEADER_AT + HEADER_SLOTS) + (slot - 1) * SLOT_BYTES);
}

function blockOf(block: u32): u32 {
  return load<u32>(HEADER_AT + HEADER_SLAB) + (block - 1) * BLOCK_BYTES;
}

/** Is all of it zero, except the word at `but`? */
function zeroBut(at: u32, bytes: u32, but: u32): bool {
  for (let i: u32 = 0; i < bytes; i += 4) {
    if (i != but && load<u32>(at + i) != 0) return false;
  }
  return true;
}
