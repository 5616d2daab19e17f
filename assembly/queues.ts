/**
 * Twelve queues hold every item once, each in the order in which items entered it: the order in which they must leave.
 *
 *   0–3 archived, low … critical │ 4–7 not archived │ 8–11 on hold: never evicted, whatever comes
 *
 * Relies on: slots. Refuses: to choose — victims.ts does. An item whose severity or state changes goes to the tail of
 * its new queue: it is new there, and nothing has to be searched.
 */
import {
  PANIC_QUARANTINE,
  QUARANTINE_COUNTS,
  QUARANTINE_HEADS,
  QUARANTINE_TAILS,
  QUEUE_ON_HOLD,
  QUEUE_UNARCHIVED,
  STATE_ARCHIVED,
  STATE_ON_HOLD,
} from './abi';
import { hold } from './panic';
import { held, Slot, stateAt } from './slots';

export function queueOf(item: Slot): u32 {
  if ((item.state & STATE_ON_HOLD) != 0) return QUEUE_ON_HOLD + <u32>item.severity;
  if ((item.state & STATE_ARCHIVED) != 0) return <u32>item.severity;
  return QUEUE_UNARCHIVED + <u32>item.severity;
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
}

export function queueRemove(slot: u32): void {
  const item = held(slot);
  const queue: u32 = queueOf(item);
  const prev: u32 = item.severityPrev;
  const next: u32 = item.severityNext;
  const count: u32 = load<u32>(countAt(queue));
  hold(count > 0, PANIC_QUARANTINE);
  if (prev != 0) held(prev).severityNext = next;
  else store<u32>(headAt(queue), next);
  if (next != 0) held(next).severityPrev = prev;
  else store<u32>(tailAt(queue), prev);
  item.severityPrev = 0;
  item.severityNext = 0;
  store<u32>(countAt(queue), count - 1);
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
