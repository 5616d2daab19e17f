/**
 * Twenty-four queues hold every item once, each in the order in which items entered it: the order in which they must leave.
 *
 *   0–3 archived, low … critical │ 4–7 not archived │ 8–11 on hold: never evicted, whatever comes
 *   12–23 the same again for items of at least SMALL_BYTES: who needs bytes must find them without passing a crowd of crumbs
 *
 * Each queue knows its items and their bytes, so that whether there is room to be made is a sum over queues. An entry has a
 * number, which says across queues who came first.
 *
 * Relies on: slots. Refuses: to choose — victims.ts does. An item whose severity or state changes goes to the tail of
 * its new queue: it is new there, and nothing has to be searched.
 */
import {
  PANIC_QUARANTINE,
  QUARANTINE_COUNTS,
  QUARANTINE_HEADS,
  QUARANTINE_SUMS,
  QUARANTINE_TAILS,
  QUEUE_LARGE,
  QUEUE_ON_HOLD,
  QUEUE_UNARCHIVED,
  SMALL_BYTES,
  STATE_ARCHIVED,
  STATE_ON_HOLD,
} from './abi';
import { hold } from './panic';
import { held, Slot, state, stateAt } from './slots';

export function queueOf(item: Slot): u32 {
  const size: u32 = item.payloadBytes < <u32>SMALL_BYTES ? 0 : QUEUE_LARGE;
  if ((item.state & STATE_ON_HOLD) != 0) return size + QUEUE_ON_HOLD + <u32>item.severity;
  if ((item.state & STATE_ARCHIVED) != 0) return size + <u32>item.severity;
  return size + QUEUE_UNARCHIVED + <u32>item.severity;
}

/** May what is in this queue leave for a newcomer of `severity`? */
export function queueLeaves(queue: u32, severity: u32): bool {
  return queue % <u32>QUEUE_LARGE <= <u32>QUEUE_UNARCHIVED + severity;
}

/** The first to leave, or 0. */
export function queueHead(queue: u32): u32 {
  return load<u32>(headAt(queue));
}

/** For an item that is in no queue: its links are zero. */
export function queueAppend(slot: u32): void {
  const item = held(slot);
  const queue: u32 = queueOf(item);
  const tail: u32 = load<u32>(tailAt(queue));
  item.severityPrev = tail;
  if (tail != 0) held(tail).severityNext = slot;
  else store<u32>(headAt(queue), slot);
  store<u32>(tailAt(queue), slot);
  store<u32>(countAt(queue), load<u32>(countAt(queue)) + 1);
  store<u32>(sumAt(queue), load<u32>(sumAt(queue)) + item.payloadBytes);
  const s = state();
  s.entered += 1;
  item.entered = s.entered;
}

export function queueRemove(slot: u32): void {
  const item = held(slot);
  const queue: u32 = queueOf(item);
  const prev: u32 = item.severityPrev;
  const next: u32 = item.severityNext;
  const count: u32 = load<u32>(countAt(queue));
  const sum: u32 = load<u32>(sumAt(queue));
  hold(count > 0 && sum >= item.payloadBytes, PANIC_QUARANTINE);
  if (prev != 0) held(prev).severityNext = next;
  else store<u32>(headAt(queue), next);
  if (next != 0) held(next).severityPrev = prev;
  else store<u32>(tailAt(queue), prev);
  item.severityPrev = 0;
  item.severityNext = 0;
  store<u32>(countAt(queue), count - 1);
  store<u32>(sumAt(queue), sum - item.payloadBytes);
}

export function headAt(queue: u32): u32 {
  return stateAt() + QUARANTINE_HEADS + queue * 4;
}

export function tailAt(queue: u32): u32 {
  return stateAt() + QUARANTINE_TAILS + queue * 4;
}

export function countAt(queue: u32): u32 {
  return stateAt() + QUARANTINE_COUNTS + queue * 4;
}

export function sumAt(queue: u32): u32 {
  return stateAt() + QUARANTINE_SUMS + queue * 4;
}
