/**
 * Who holds what: the items of each source in the order they came, and their count and bytes, so that no source can
 * take more than its share.
 *
 *   bucket ─► leader (oldest: count, bytes, prev = newest) ⇄ item ⇄ newest          ┐ one list per source,
 *                └─ chain ─► leader of the next source in the bucket                ┘ leaders chained per bucket
 *
 * Relies on: tags being HMACs under the instance's secret, so their first word is a fair bucket index and nobody can
 * aim at a bucket. Refuses: to keep memory for sources that hold nothing: a leader that goes hands its numbers on.
 */
import { HEADER_AT, HEADER_SOURCE_BUCKETS, PANIC_QUARANTINE, SLOT_SOURCE_TAG } from './abi';
import { hold } from './panic';
import { held, Slot, same32, state } from './slots';

/** The oldest item of the source, or 0. */
export function shareFind(tagAt: u32): u32 {
  let leader: u32 = load<u32>(sourceBucketAt(tagAt));
  for (let left: u32 = state().sources; leader != 0; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    const item = held(leader);
    if (same32(changetype<u32>(item) + SLOT_SOURCE_TAG, tagAt)) return leader;
    leader = item.sourceChain;
  }
  return 0;
}

/** For a slot that was just taken: its links are zero. */
export function shareAppend(slot: u32): void {
  const item = held(slot);
  const tagAt: u32 = changetype<u32>(item) + SLOT_SOURCE_TAG;
  let leader: u32 = shareFind(tagAt);
  if (leader == 0) {
    const bucket: u32 = sourceBucketAt(tagAt);
    item.sourceChain = load<u32>(bucket);
    store<u32>(bucket, slot);
    item.sourcePrev = slot;
    state().sources += 1;
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

/** The slot's own links are left as they are: it is zeroed next. */
export function shareRemove(slot: u32): void {
  const item = held(slot);
  const leader: u32 = shareFind(changetype<u32>(item) + SLOT_SOURCE_TAG);
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
}

/** The next oldest takes the leader's place in its bucket; after the last item the source is gone. */
function abdicate(slot: u32, item: Slot): void {
  const heir: u32 = item.sourceNext;
  if (heir != 0) {
    const next = held(heir);
    next.sourcePrev = item.sourcePrev;
    next.sourceChain = item.sourceChain;
    next.sourceCount = item.sourceCount;
    next.sourceBytes = item.sourceBytes;
  } else {
    state().sources -= 1;
  }
  const follower: u32 = heir != 0 ? heir : item.sourceChain;
  const bucket: u32 = sourceBucketAt(changetype<u32>(item) + SLOT_SOURCE_TAG);
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

export function sourceBucketAt(tagAt: u32): u32 {
  return load<u32>(HEADER_AT + HEADER_SOURCE_BUCKETS) + (load<u32>(tagAt) & state().bucketMask) * 4;
}
