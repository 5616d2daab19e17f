/**
 * What is done with evidence that is held: found, read, ended, replaced. Each act is one record per item.
 *
 * Relies on: quarantine, journal, and `intercept` for how a scent is signed and taken in. Refuses: to touch an item
 * without its record.
 */
import * as abi from './abi';
import { recordCommit } from './audit';
import { describe } from './describe';
import { entropyLeft } from './ids';
import { checkThreat, clearInbox, flagged, groupSource, inbox, outbox, readSource, tagSource, unflag } from './inbox';
import { drop, findSigned, repeat, sign, take } from './intercept';
import { recordEnd, recordItem, recordSidecar } from './journal';
import { hold } from './panic';
import {
  quarantineFind,
  quarantineFindId,
  quarantineHolds,
  quarantineListed,
  quarantineOldest,
  quarantinePlanInstead,
  quarantineRead,
  quarantineRelease,
  quarantineSetState,
} from './quarantine';
import { queueHead } from './queues';
import { recordCount, recordReason } from './record';

/** Describes what was found; passes the slot on. */
function found(slot: u32): u32 {
  if (slot != 0) describe(slot);
  return slot;
}

/** By the signature in the inbox (hash and category). */
export function find(): u32 {
  const bytes: u32 = inbox(abi.INBOX_CATEGORY_BYTES);
  hold(bytes <= <u32>abi.CATEGORY_BYTES_MAX, abi.PANIC_INBOX);
  return found(quarantineFind(abi.INBOX_AT + abi.INBOX_SIGNATURE_HASH, abi.INBOX_AT + abi.INBOX_CATEGORY, bytes));
}

/** By the UUID in the inbox. A scan: for people, not for the request path. */
export function findId(): u32 {
  return found(quarantineFindId(abi.INBOX_AT + abi.INBOX_ID));
}

/** Lists up to INBOX_COUNT items captured after the UUID in the inbox, oldest first; returns how many. A scan, as `findId`. */
export function page(): u32 {
  return quarantineOldest(abi.INBOX_AT + abi.INBOX_ID, inbox(abi.INBOX_COUNT));
}

/** Describes the item at INBOX_SLOT (from 0) of the page that was listed last; returns its slot. */
export function listed(): u32 {
  return found(quarantineListed(inbox(abi.INBOX_SLOT)));
}

/** Slot in the inbox, which must hold something. */
function heldSlot(): u32 {
  const slot: u32 = inbox(abi.INBOX_SLOT);
  hold(quarantineHolds(slot), abi.PANIC_INBOX);
  return slot;
}

function end(kind: u32, reason: u32, slot: u32, now: f64): void {
  recordEnd(kind, reason, slot, now);
  recordSidecar();
  recordCommit();
  quarantineRelease(slot);
}

export function neutralize(now: f64): u32 {
  end(abi.KIND_NEUTRALIZED, abi.REASON_NONE, heldSlot(), now);
  return 1;
}

export function purge(now: f64): u32 {
  end(abi.KIND_PURGED, inbox(abi.INBOX_REASON), heldSlot(), now);
  return 1;
}

/** As `purge`, at the word of somebody who may have it erased: item, salt and all. */
export function erase(now: f64): u32 {
  end(abi.KIND_ERASED, abi.REASON_NONE, heldSlot(), now);
  return 1;
}

/** Puts an item on hold, which no newcomer evicts, or takes it off; 0 when it was so before, and then nothing is recorded. */
export function setHold(now: f64, on: u32): u32 {
  return mark(abi.STATE_ON_HOLD, on, on != 0 ? abi.KIND_HOLD : abi.KIND_RELEASED, now);
}

/** Cold storage acknowledged a copy of the item, which from now on leaves before all that has none; 0 when it had one. */
export function evacuated(now: f64): u32 {
  return mark(abi.STATE_ARCHIVED, 1, abi.KIND_EVACUATED, now);
}

function mark(bit: u32, on: u32, kind: u32, now: f64): u32 {
  const slot: u32 = heldSlot();
  if (quarantineSetState(slot, bit, on) == 0) return 0;
  recordItem(kind, slot, now);
  recordReason(inbox(abi.INBOX_REASON));
  recordSidecar();
  recordCommit();
  return 1;
}

/** Purges up to BATCH_ITEMS, items on hold included; returns how many: as long as that is BATCH_ITEMS there may be more. */
export function flush(now: f64): u32 {
  let count: u32 = 0;
  for (let queue: u32 = 0; queue < <u32>abi.QUEUES; queue++) {
    for (let slot: u32 = queueHead(queue); slot != 0; slot = queueHead(queue)) {
      if (count == abi.BATCH_ITEMS) return count;
      end(abi.KIND_PURGED, abi.REASON_FLUSH, slot, now);
      count++;
    }
  }
  return count;
}

/**
 * Somebody reaches for an item: INBOX_KIND says whether to read it (ACCESSED), to take a copy away (EXPORTED), or in vain
 * (ACCESS_DENIED). The record comes first; unless it was in vain the payload then lies in the payload region. Returns
 * its bytes.
 */
export function access(now: f64): u32 {
  const slot: u32 = heldSlot();
  const kind: u32 = inbox(abi.INBOX_KIND);
  const denied: bool = kind == abi.KIND_ACCESS_DENIED;
  hold(denied || kind == abi.KIND_ACCESSED || kind == abi.KIND_EXPORTED, abi.PANIC_INBOX);
  recordItem(kind, slot, now);
  if (kind != abi.KIND_ACCESSED) recordCount(1);
  recordSidecar();
  recordCommit();
  return denied ? 0 : quarantineRead(slot);
}

/**
 * Puts the flagged scent in the inbox in the place of an item. The old one stays unless the new one fits without
 * anybody else having to leave. Returns STATUS_*.
 */
export function replace(now: f64): u32 {
  const old: u32 = heldSlot();
  const copied: bool = flagged(abi.IN_PAYLOAD);
  checkThreat(copied);
  readSource();
  const tag: u32 = tagSource();
  outbox(abi.OUTBOX_RATE, 0);
  outbox(abi.OUTBOX_EVICTED, 0);
  const status: u32 = replaced(now, old, tag, copied);
  clearInbox(copied);
  outbox(abi.OUTBOX_STATUS, status);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
  return status;
}

function replaced(now: f64, old: u32, tag: u32, copied: bool): u32 {
  if (flagged(abi.IN_TOO_LARGE)) return drop(now, tag, abi.REASON_OVERSIZED, abi.STATUS_PAYLOAD_TOO_LARGE);
  if (flagged(abi.IN_INVALID)) return drop(now, tag, abi.REASON_INVALID, abi.STATUS_DROPPED);
  sign(copied);
  const same: u32 = findSigned();
  if (same != 0) return repeat(now, same, tag);
  const bytes: u32 = copied ? inbox(abi.INBOX_PAYLOAD_BYTES) : 0;
  if (quarantinePlanInstead(inbox(abi.INBOX_SEVERITY), bytes, groupSource(), old) != 0) {
    return drop(now, tag, abi.REASON_CAPACITY, abi.STATUS_DROPPED);
  }
  end(abi.KIND_REPLACED, abi.REASON_NONE, old, now);
  unflag(abi.IN_DETAIL); // It says who replaced, which is no property of what came instead.
  return take(now, tag, bytes);
}
