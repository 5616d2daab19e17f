/**
 * Who must go so that a newcomer may stay: decided in full before anything is touched, so that "dropped" never costs
 * anybody their evidence and a plan that was made can always be carried out.
 *
 *   may it stay at all?   sums over queues and over the lists of its group: no item is looked at
 *   its own share         the group's oldest that may leave, until the newcomer is within maxShare
 *   room for all          archived first, then the slightest, then the oldest
 *
 * A plan has a bound (`victimsMax`), and crumbs could use it up: thousands of one-byte items free next to nothing. So an item
 * below SMALL_BYTES is chosen only as long as the rest could still be made up by larger ones; then larger ones come first.
 *
 * Relies on: queues and shares; CURSORS and CHOSEN of SCRATCH. Refuses: to change anything that is held, to name an item on
 * hold, and to name an unarchived item that is graver than the newcomer.
 */
import {
  CHOSEN_AT,
  CHOSEN_BYTES,
  CONFIG_AT,
  CONFIG_MAX_BYTES,
  CONFIG_MAX_COUNT,
  CONFIG_MAX_PAYLOAD_BYTES,
  CONFIG_SHARE_BYTES,
  CONFIG_SHARE_COUNT,
  CURSORS_AT,
  CURSORS_BYTES,
  EVICTIONS_MIN,
  HEADER_AT,
  HEADER_PLAN,
  PANIC_QUARANTINE,
  QUEUE_LARGE,
  QUEUE_UNARCHIVED,
  QUEUES,
  REASON_FULL,
  REASON_SHARE,
  SLOT_GROUP,
  SMALL_BYTES,
} from './abi';
import { reserve } from './arena';
import { bytesClear } from './bytes';
import { hold } from './panic';
import { countAt, queueHead, queueLeaves, queueOf, sumAt } from './queues';
import { shareFirst } from './share';
import { held, sameGroup, state } from './slots';

/** Of each queue, who is next: u32 × QUEUES. Then the same of the lists of the newcomer's group. */
const NEXT: u32 = CURSORS_AT;
const OWN: u32 = CURSORS_AT + QUEUES * 4;
if (QUEUES * 8 > CURSORS_BYTES) ERROR('CURSORS_BYTES');
/** Of each list of the group, the entry up to which it is chosen: f64 × QUEUES. */
const CHOSEN: u32 = CHOSEN_AT;
if (QUEUES * 8 > CHOSEN_BYTES) ERROR('CHOSEN_BYTES');

/** Most victims of one admission. */
function victimsMax(): u32 {
  const bytes: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_PAYLOAD_BYTES);
  return max<u32>(EVICTIONS_MIN, (bytes + (SMALL_BYTES - 1)) / SMALL_BYTES);
}

/** The plan: how many victims are of the newcomer's group, then the slots (u32 each). Valid until the next plan. */
export function planInit(): void {
  store<u32>(HEADER_AT + HEADER_PLAN, reserve(4 + 4 * victimsMax(), 64));
}

/** Number of victims, or −1: the newcomer must be dropped. Changes nothing that is held. */
export function quarantinePlan(severity: u32, payloadBytes: u32, groupAt: u32): i32 {
  return quarantinePlanInstead(severity, payloadBytes, groupAt, 0);
}

/**
 * The same, for a newcomer that takes the place of `leaving` (a slot, or 0): that item counts as gone already and is
 * not among the victims; the caller releases it together with them.
 */
export function quarantinePlanInstead(severity: u32, payloadBytes: u32, groupAt: u32, leaving: u32): i32 {
  hold(severity <= 3, PANIC_QUARANTINE);
  if (payloadBytes > load<u32>(CONFIG_AT + CONFIG_MAX_BYTES)) return -1;
  let count: u32 = state().count;
  let bytes: u32 = state().payloadBytes;
  let ownCount: u32 = 0;
  let ownBytes: u32 = 0;
  let stayCount: u32 = 0;
  let stayBytes: u32 = 0;
  for (let leader: u32 = shareFirst(groupAt); leader != 0; leader = held(leader).sourceChain) {
    const item = held(leader);
    if (!sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt)) continue;
    const queue: u32 = queueOf(item);
    if (ownCount == 0) bytesClear(OWN, QUEUES * 4);
    store<u32>(OWN + queue * 4, leader);
    ownCount += item.sourceCount;
    ownBytes += item.sourceBytes;
    if (queueLeaves(queue, severity)) continue;
    stayCount += item.sourceCount;
    stayBytes += item.sourceBytes;
  }
  if (leaving != 0) {
    const gone = held(leaving);
    count -= 1;
    bytes -= gone.payloadBytes;
    if (sameGroup(changetype<u32>(gone) + SLOT_GROUP, groupAt)) {
      ownCount -= 1;
      ownBytes -= gone.payloadBytes;
      if (!queueLeaves(queueOf(gone), severity)) {
        stayCount -= 1;
        stayBytes -= gone.payloadBytes;
      }
    }
  }
  const share: bool = passesShare(ownCount, ownBytes, payloadBytes);
  if (share && passesShare(stayCount, stayBytes, payloadBytes)) return -1;
  const full: bool = isFull(count, bytes, payloadBytes);
  if (!share && !full) return 0;
  if (!share && leaving == 0 && oneIsEnough(severity, payloadBytes)) return 1;
  if (full && !canMakeRoom(severity, payloadBytes, leaving)) return -1;
  return choose(severity, payloadBytes, groupAt, leaving, ownCount, ownBytes);
}

/** Most plans: the very first to leave makes room enough. It is named, and no sum over queues was needed. */
function oneIsEnough(severity: u32, payloadBytes: u32): bool {
  for (let queue: u32 = 0; queue <= <u32>QUEUE_UNARCHIVED + severity; queue++) {
    const small: u32 = queueHead(queue);
    const large: u32 = queueHead(queue + QUEUE_LARGE);
    if (large == 0 && small == 0) continue;
    const isSmall: bool = large == 0 || (small != 0 && held(small).entered < held(large).entered);
    const slot: u32 = isSmall ? small : large;
    if (isFull(state().count - 1, state().payloadBytes - held(slot).payloadBytes, payloadBytes)) return false;
    const plan: u32 = load<u32>(HEADER_AT + HEADER_PLAN);
    store<u32>(plan, 0);
    store<u32>(plan, slot, 4);
    return true;
  }
  return false;
}

/** Is what may not leave for a newcomer of `severity`, `leaving` apart, little enough? */
function canMakeRoom(severity: u32, payloadBytes: u32, leaving: u32): bool {
  let count: u32 = 0;
  let bytes: u32 = 0;
  for (let queue: u32 = 0; queue < <u32>QUEUES; queue++) {
    if (queueLeaves(queue, severity)) continue;
    count += load<u32>(countAt(queue));
    bytes += load<u32>(sumAt(queue));
  }
  if (leaving != 0 && !queueLeaves(queueOf(held(leaving)), severity)) {
    count -= 1;
    bytes -= held(leaving).payloadBytes;
  }
  return !isFull(count, bytes, payloadBytes);
}

/** Names the victims, for a newcomer that may stay: first of its own group, then of all. −1 if they are too many. */
function choose(severity: u32, payloadBytes: u32, groupAt: u32, leaving: u32, ownCount: u32, ownBytes: u32): i32 {
  const plan: u32 = load<u32>(HEADER_AT + HEADER_PLAN);
  const most: u32 = victimsMax();
  let count: u32 = state().count - (leaving != 0 ? 1 : 0);
  let bytes: u32 = state().payloadBytes - (leaving != 0 ? held(leaving).payloadBytes : 0);
  let chosen: u32 = 0;
  let own: u32 = 0;
  bytesClear(CHOSEN, QUEUES * 8);
  for (let queue: u32 = 0; queue < <u32>QUEUES; queue++) store<u32>(NEXT + queue * 4, queueHead(queue));
  while (true) {
    const share: bool = passesShare(ownCount, ownBytes, payloadBytes);
    if (!share && !isFull(count, bytes, payloadBytes)) break;
    if (chosen == most) return -1;
    const lacking: u32 = max<u32>(
      over(bytes, payloadBytes, load<u32>(CONFIG_AT + CONFIG_MAX_BYTES)),
      share ? over(ownBytes, payloadBytes, load<u32>(CONFIG_AT + CONFIG_SHARE_BYTES)) : 0,
    );
    const anySize: bool = chosen + 1 + (lacking + (SMALL_BYTES - 1)) / SMALL_BYTES <= most;
    let slot: u32 = share ? nextOwn(severity, leaving, anySize) : nextOfAll(severity, groupAt, leaving, anySize);
    if (slot == 0) slot = share ? nextOwn(severity, leaving, true) : nextOfAll(severity, groupAt, leaving, true);
    hold(slot != 0, PANIC_QUARANTINE);
    const item = held(slot);
    store<u32>(plan + 4 + chosen * 4, slot);
    chosen++;
    count -= 1;
    bytes -= item.payloadBytes;
    if (!share) continue;
    own++;
    ownCount -= 1;
    ownBytes -= item.payloadBytes;
  }
  store<u32>(plan, own);
  return chosen;
}

/** The group's oldest that may leave; with `anySize` false, of the large ones. 0: there is none. */
function nextOwn(severity: u32, leaving: u32, anySize: bool): u32 {
  let first: u32 = 0;
  let queue: u32 = 0;
  for (let each: u32 = anySize ? 0 : QUEUE_LARGE; each < <u32>QUEUES; each++) {
    if (!queueLeaves(each, severity)) continue;
    let slot: u32 = load<u32>(OWN + each * 4);
    if (slot != 0 && slot == leaving) slot = held(slot).sourceNext;
    if (slot == 0 || (first != 0 && held(first).entered < held(slot).entered)) continue;
    first = slot;
    queue = each;
  }
  if (first == 0) return 0;
  store<u32>(OWN + queue * 4, held(first).sourceNext);
  store<f64>(CHOSEN + queue * 8, held(first).entered);
  return first;
}

/** Archived before unarchived, slight before grave, first come first out; with `anySize` false, of the large ones. */
function nextOfAll(severity: u32, groupAt: u32, leaving: u32, anySize: bool): u32 {
  for (let queue: u32 = 0; queue <= <u32>QUEUE_UNARCHIVED + severity; queue++) {
    const large: u32 = waiting(queue + QUEUE_LARGE, groupAt, leaving);
    const small: u32 = anySize ? waiting(queue, groupAt, leaving) : 0;
    if (large == 0 && small == 0) continue;
    const isSmall: bool = large == 0 || (small != 0 && held(small).entered < held(large).entered);
    const slot: u32 = isSmall ? small : large;
    store<u32>(NEXT + (isSmall ? queue : queue + QUEUE_LARGE) * 4, held(slot).severityNext);
    return slot;
  }
  return 0;
}

/** Who is next in a queue and not chosen yet; 0: nobody. */
function waiting(queue: u32, groupAt: u32, leaving: u32): u32 {
  let slot: u32 = load<u32>(NEXT + queue * 4);
  while (slot != 0) {
    const item = held(slot);
    const isChosen: bool =
      item.entered <= load<f64>(CHOSEN + queue * 8) && sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt);
    if (slot != leaving && !isChosen) break;
    slot = item.severityNext;
  }
  store<u32>(NEXT + queue * 4, slot);
  return slot;
}

export function quarantineVictim(index: u32): u32 {
  hold(index < victimsMax(), PANIC_QUARANTINE);
  return load<u32>(load<u32>(HEADER_AT + HEADER_PLAN) + 4 + index * 4);
}

/** REASON_SHARE or REASON_FULL. */
export function quarantineVictimReason(index: u32): u32 {
  return index < load<u32>(load<u32>(HEADER_AT + HEADER_PLAN)) ? REASON_SHARE : REASON_FULL;
}

/** One item is always within the share, however large: else a small share would mean no evidence at all. */
function passesShare(ownCount: u32, ownBytes: u32, payloadBytes: u32): bool {
  if (ownCount == 0) return false;
  if (ownCount >= load<u32>(CONFIG_AT + CONFIG_SHARE_COUNT)) return true;
  return ownBytes + payloadBytes > load<u32>(CONFIG_AT + CONFIG_SHARE_BYTES);
}

function isFull(count: u32, bytes: u32, payloadBytes: u32): bool {
  if (count >= load<u32>(CONFIG_AT + CONFIG_MAX_COUNT)) return true;
  return bytes + payloadBytes > load<u32>(CONFIG_AT + CONFIG_MAX_BYTES);
}

/** By how many bytes the newcomer passes `most`. */
function over(bytes: u32, payloadBytes: u32, most: u32): u32 {
  return bytes + payloadBytes > most ? bytes + payloadBytes - most : 0;
}
