/**
 * Who must go so that a newcomer may stay: decided in full before anything is touched, so that "dropped" never costs
 * anybody their evidence and a plan that was made can always be carried out.
 *
 * Relies on: queues and shares. Refuses: to change anything, to name an item on hold, to name an unarchived item that
 * is graver than the newcomer, and to name more than EVICTIONS_MAX. Work is bounded by that and by SHARE_LOOKED_MAX:
 * it does not depend on how much is held.
 */
import {
  CONFIG_AT,
  CONFIG_MAX_BYTES,
  CONFIG_MAX_COUNT,
  CONFIG_SHARE_BYTES,
  CONFIG_SHARE_COUNT,
  EVICTIONS_MAX,
  PANIC_QUARANTINE,
  PLAN_AT,
  PLAN_BYTES,
  QUEUE_UNARCHIVED,
  REASON_FULL,
  REASON_SHARE,
  SHARE_LOOKED_MAX,
  SLOT_SOURCE_TAG,
  STATE_ARCHIVED,
  STATE_ON_HOLD,
} from './abi';
import { hold } from './panic';
import { queueHead } from './queues';
import { shareFind } from './share';
import { held, Slot, same32, state } from './slots';

if (SHARE_LOOKED_MAX > EVICTIONS_MAX) ERROR('a share could name more victims than a plan holds');

if (EVICTIONS_MAX * 8 > PLAN_BYTES) ERROR('PLAN_BYTES');

/** Number of victims, 0 … EVICTIONS_MAX, or −1: the newcomer must be dropped. Changes nothing. */
export function quarantinePlan(severity: u32, payloadBytes: u32, tagAt: u32): i32 {
  return quarantinePlanInstead(severity, payloadBytes, tagAt, 0);
}

/**
 * The same, for a newcomer that takes the place of `leaving` (a slot, or 0): that item counts as gone already and is
 * not among the victims; the caller releases it together with them.
 */
export function quarantinePlanInstead(severity: u32, payloadBytes: u32, tagAt: u32, leaving: u32): i32 {
  hold(severity <= 3, PANIC_QUARANTINE);
  const countMax: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_COUNT);
  const bytesMax: u32 = load<u32>(CONFIG_AT + CONFIG_MAX_BYTES);
  if (payloadBytes > bytesMax) return -1;
  let count: u32 = state().count;
  let bytes: u32 = state().payloadBytes;
  const leader: u32 = shareFind(tagAt);
  let ownCount: u32 = leader != 0 ? held(leader).sourceCount : 0;
  let ownBytes: u32 = leader != 0 ? held(leader).sourceBytes : 0;
  if (leaving != 0) {
    const gone = held(leaving);
    count -= 1;
    bytes -= gone.payloadBytes;
    if (same32(changetype<u32>(gone) + SLOT_SOURCE_TAG, tagAt)) {
      ownCount -= 1;
      ownBytes -= gone.payloadBytes;
    }
  }

  // First the source's own share. Its own evidence goes before anybody else's does.
  let chosen: u32 = 0;
  let looked: u32 = 0;
  for (let slot: u32 = leader; passesShare(ownCount, ownBytes, payloadBytes); ) {
    if (slot == 0 || looked == SHARE_LOOKED_MAX) return -1;
    const item = held(slot);
    if (slot != leaving) {
      looked++;
      if (mayLeave(item, severity)) {
        choose(chosen++, slot, REASON_SHARE);
        count -= 1;
        bytes -= item.payloadBytes;
        ownCount -= 1;
        ownBytes -= item.payloadBytes;
      }
    }
    slot = item.sourceNext;
  }

  // Then room for all: archived before unarchived, slight before grave, first come first out.
  const ownChosen: u32 = chosen;
  let queue: u32 = 0;
  let slot: u32 = queueHead(0);
  while (count >= countMax || bytes + payloadBytes > bytesMax) {
    while (slot == 0) {
      queue++;
      if (queue > <u32>QUEUE_UNARCHIVED + severity) return -1;
      slot = queueHead(queue);
    }
    const item = held(slot);
    if (slot != leaving && !isChosen(slot, ownChosen)) {
      if (chosen == EVICTIONS_MAX) return -1;
      choose(chosen++, slot, REASON_FULL);
      count -= 1;
      bytes -= item.payloadBytes;
    }
    slot = item.severityNext;
  }
  return chosen;
}

export function quarantineVictim(index: u32): u32 {
  hold(index < <u32>EVICTIONS_MAX, PANIC_QUARANTINE);
  return load<u32>(PLAN_AT + index * 8);
}

/** REASON_SHARE or REASON_FULL. */
export function quarantineVictimReason(index: u32): u32 {
  hold(index < <u32>EVICTIONS_MAX, PANIC_QUARANTINE);
  return load<u32>(PLAN_AT + index * 8 + 4);
}

/** One item is always within the share, however large: else a small share would mean no evidence at all. */
function passesShare(ownCount: u32, ownBytes: u32, payloadBytes: u32): bool {
  if (ownCount == 0) return false;
  if (ownCount >= load<u32>(CONFIG_AT + CONFIG_SHARE_COUNT)) return true;
  return ownBytes + payloadBytes > load<u32>(CONFIG_AT + CONFIG_SHARE_BYTES);
}

function mayLeave(item: Slot, severity: u32): bool {
  if ((item.state & STATE_ON_HOLD) != 0) return false;
  return (item.state & STATE_ARCHIVED) != 0 || <u32>item.severity <= severity;
}

function choose(index: u32, slot: u32, reason: u32): void {
  store<u32>(PLAN_AT + index * 8, slot);
  store<u32>(PLAN_AT + index * 8 + 4, reason);
}

function isChosen(slot: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(PLAN_AT + i * 8) == slot) return true;
  }
  return false;
}
