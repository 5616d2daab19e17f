/**
 * Who holds what: the items of each group of sources in lists, one for each queue that has some, in the order in which they
 * entered it. So the group's count and bytes are a sum over its lists, and its next to leave is the head of one of them.
 *
 *   bucket ─► leader (oldest: count, bytes, prev = newest) ⇄ item ⇄ newest          ┐ one list per group and queue,
 *                └─ chain ─► leader of the next list in the bucket                  ┘ leaders chained per bucket
 *
 * Relies on: the eight bytes of a group being the output of a keyed hash, so that their first word is a fair bucket index
 * and nobody can aim at a bucket. Refuses: to keep memory for groups that hold nothing: a leader that goes hands its
 * numbers on.
 */
import { HEADER_AT, HEADER_SOURCE_BUCKETS, PANIC_QUARANTINE, SLOT_GROUP } from './abi';
import { hold } from './panic';
import { queueOf } from './queues';
import { held, Slot, sameGroup, state } from './slots';

/** The first list in the bucket of a group (eight bytes); the others follow by `sourceChain`, those of other groups among them. */
export function shareFirst(groupAt: u32): u32 {
  return load<u32>(sourceBucketAt(groupAt));
}

/** The oldest item of the group in `queue`, or 0. */
export function shareFind(groupAt: u32, queue: u32): u32 {
  let leader: u32 = shareFirst(groupAt);
  for (let left: u32 = state().count; leader != 0; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    const item = held(leader);
    if (queueOf(item) == queue && sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt)) return leader;
    leader = item.sourceChain;
  }
  return 0;
}

/** For a slot that has just entered its queue: its links are zero. */
export function shareAppend(slot: u32): void {
  const item = held(slot);
  const groupAt: u32 = changetype<u32>(item) + SLOT_GROUP;
  let leader: u32 = shareFind(groupAt, queueOf(item));
  if (leader == 0) {
    if (!holdsAny(groupAt)) state().sources += 1;
    const bucket: u32 = sourceBucketAt(groupAt);
    item.sourceChain = load<u32>(bucket);
    store<u32>(bucket, slot);
    item.sourcePrev = slot;
    leader = slot;
  } else {
    const newest: u32 = held(leader).sourcePrev;
    held(newest).sourceNext = slot;
    item.sourcePrev = newest;
    held(leader).sourcePrev = slot;
  }
  const oldest = held(leader);
  oldest.sourceCount += 1;
  oldest.sourceBytes += item.payloadBytes;
}

/** Before the item leaves its queue. Its own links are zero after it. */
export function shareRemove(slot: u32): void {
  const item = held(slot);
  const leader: u32 = shareFind(changetype<u32>(item) + SLOT_GROUP, queueOf(item));
  hold(leader != 0, PANIC_QUARANTINE);
  const oldest = held(leader);
  hold(oldest.sourceCount > 0 && oldest.sourceBytes >= item.payloadBytes, PANIC_QUARANTINE);
  oldest.sourceCount -= 1;
  oldest.sourceBytes -= item.payloadBytes;
  if (leader == slot) {
    abdicate(slot, item);
  } else {
    const next: u32 = item.sourceNext;
    held(item.sourcePrev).sourceNext = next;
    if (next != 0) held(next).sourcePrev = item.sourcePrev;
    else oldest.sourcePrev = item.sourcePrev;
  }
  item.sourcePrev = 0;
  item.sourceNext = 0;
  item.sourceChain = 0;
  item.sourceCount = 0;
  item.sourceBytes = 0;
}

/** The next oldest takes the leader's place in its bucket; after the last item the list is gone. */
function abdicate(slot: u32, item: Slot): void {
  const heir: u32 = item.sourceNext;
  if (heir != 0) {
    const next = held(heir);
    next.sourcePrev = item.sourcePrev;
    next.sourceChain = item.sourceChain;
    next.sourceCount = item.sourceCount;
    next.sourceBytes = item.sourceBytes;
  }
  const groupAt: u32 = changetype<u32>(item) + SLOT_GROUP;
  unchain(groupAt, slot, heir != 0 ? heir : item.sourceChain);
  if (heir == 0 && !holdsAny(groupAt)) state().sources -= 1;
}

/** Puts `follower` where `slot` was in the chain of its bucket. */
function unchain(groupAt: u32, slot: u32, follower: u32): void {
  const bucket: u32 = sourceBucketAt(groupAt);
  let at: u32 = load<u32>(bucket);
  if (at == slot) {
    store<u32>(bucket, follower);
    return;
  }
  for (let left: u32 = state().count; held(at).sourceChain != slot; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    at = held(at).sourceChain;
  }
  held(at).sourceChain = follower;
}

/** Does the group lead any list? */
function holdsAny(groupAt: u32): bool {
  let leader: u32 = shareFirst(groupAt);
  for (let left: u32 = state().count; leader != 0; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    const item = held(leader);
    if (sameGroup(changetype<u32>(item) + SLOT_GROUP, groupAt)) return true;
    leader = item.sourceChain;
  }
  return false;
}

export function sourceBucketAt(groupAt: u32): u32 {
  return load<u32>(HEADER_AT + HEADER_SOURCE_BUCKETS) + (load<u32>(groupAt) & state().bucketMask) * 4;
}
