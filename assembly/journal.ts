/**
 * The log's part in every act: records that end an item, records that repeat, records that the host asks for.
 *
 * Relies on: audit, folds, quarantine slots. Refuses: to decide that something happened; it writes down that it did.
 */
import * as abi from './abi';
import { auditFlushGap, auditOrigin, auditRecordAt, auditRelease, auditRoot, auditVerify, recordCommit } from './audit';
import { word } from './bytes';
import { foldClear, foldEvent, foldEvicted, foldSeveral, foldWalk } from './folds';
import { entropyLeft } from './ids';
import { config, flag, flagged, groupSource, inbox, outbox, readSource, tagSource } from './inbox';
import { hold } from './panic';
import { quarantineHolds, quarantinePending, quarantineSettle } from './quarantine';
import {
  recordBegin,
  recordCount,
  recordDetail,
  recordDisposition,
  recordFlags,
  recordId,
  recordLength,
  recordPayload,
  recordReason,
  recordSeverity,
  recordSource,
} from './record';
import { slotAt, state } from './slots';

/** Adds to a total that HEARTBEAT records carry (AUDIT_SEEN …). */
export function total(field: u32, events: f64): void {
  const at: u32 = load<u32>(abi.HEADER_AT + abi.HEADER_AUDIT) + field;
  store<f64>(at, load<f64>(at) + events);
}

/** Begins a record about an item, with everything that the log says of it. The caller commits. */
export function recordItem(kind: u32, slot: u32, now: f64): void {
  const at: u32 = slotAt(slot);
  recordBegin(kind, now);
  recordSeverity(load<u8>(at + abi.SLOT_SEVERITY));
  recordDisposition(load<u8>(at + abi.SLOT_DISPOSITION));
  recordFlags(itemRecordFlags(load<u8>(at + abi.SLOT_FLAGS)));
  recordId(at + abi.SLOT_ID);
  recordLength(load<u32>(at + abi.SLOT_PAYLOAD_BYTES));
  recordSource(at + abi.SLOT_SOURCE_TAG);
}

/** Begins the record that ends an item, or settles what is owed for it: it accounts for the repeats that no record named yet. The caller commits. */
export function recordEnd(kind: u32, reason: u32, slot: u32, now: f64): void {
  recordItem(kind, slot, now);
  recordReason(reason);
  recordCount(quarantinePending(slot));
}

function itemRecordFlags(flags: u32): u32 {
  return (
    ((flags & abi.ITEM_TRUNCATED) != 0 ? <u32>abi.FLAG_TRUNCATED : 0) |
    ((flags & abi.ITEM_CATEGORY_REPLACED) != 0 ? <u32>abi.FLAG_CATEGORY_REPLACED : 0) |
    ((flags & abi.ITEM_SEVERITY_REPLACED) != 0 ? <u32>abi.FLAG_SEVERITY_REPLACED : 0) |
    ((flags & abi.ITEM_SALVAGED) != 0 ? <u32>abi.FLAG_SALVAGED : 0)
  );
}

/** Adds the sidecar's hash to the record under construction, when the inbox has one; whether it has. */
export function recordSidecar(): bool {
  if (!flagged(abi.IN_DETAIL)) return false;
  recordFlags(abi.FLAG_SIDECAR);
  recordDetail(abi.INBOX_AT + abi.INBOX_DETAIL_HASH);
  flag(abi.IN_DETAIL_USED);
  return true;
}

/** Begins a record of one event that repeats per group of the source that was tagged, when one is due; 0 when it was folded. The caller commits. */
export function foldInto(kind: u32, reason: u32, tag: u32, now: f64): u32 {
  const group: u32 = groupSource();
  const events: u32 = foldEvent(kind, reason, group, tag, now);
  const evicted: u32 = foldEvicted();
  if (evicted != 0) recordFolded(evicted, now);
  if (events == 0) return 0;
  recordBegin(kind, now);
  recordReason(reason);
  recordCount(events);
  recordAsker(tag, foldSeveral(kind, group));
  return events;
}

/** Whose events a record accounts for: of several addresses of a group it names none, and says so. */
export function recordAsker(tag: u32, several: bool): void {
  if (several) recordFlags(abi.FLAG_AGGREGATE);
  else recordSource(tag);
}

/** One record for what a fold entry still owes. */
function recordFolded(entry: u32, now: f64): void {
  recordBegin(load<u8>(entry + abi.FOLD_KIND), now);
  recordReason(load<u8>(entry + abi.FOLD_REASON));
  recordCount(load<u32>(entry + abi.FOLD_PENDING));
  recordAsker(entry + abi.FOLD_TAG, load<u8>(entry + abi.FOLD_SEVERAL) != 0);
  recordCommit();
}

/** A detector failed on a request of the source in the inbox. Folded per source. */
export function uninspected(now: f64): void {
  total(abi.AUDIT_UNINSPECTED, 1);
  readSource();
  if (foldInto(abi.KIND_UNINSPECTED, inbox(abi.INBOX_REASON), tagSource(), now) == 0) return;
  recordDisposition(inbox(abi.INBOX_DISPOSITION));
  recordCommit();
}

/** A limiter of the platform refused a request of the source in the inbox. Folded per source, as what the sketch refuses. */
export function refused(now: f64): void {
  total(abi.AUDIT_SEEN, 1);
  total(abi.AUDIT_LIMITED, 1);
  readSource();
  if (foldInto(abi.KIND_LIMITED, inbox(abi.INBOX_REASON), tagSource(), now) == 0) return;
  recordFlags(abi.FLAG_DEGRADED);
  recordDisposition(inbox(abi.INBOX_DISPOSITION));
  recordCommit();
}

/** Record 0: GENESIS. The origin lies in the source field, the sidecar's hash in the detail field of the inbox. */
export function begin(now: f64): void {
  auditOrigin(abi.INBOX_AT + abi.INBOX_SOURCE, inbox(abi.INBOX_SOURCE_BYTES));
  recordBegin(abi.KIND_GENESIS, now);
  hold(recordSidecar(), abi.PANIC_INBOX);
  recordCommit();
}

/**
 * A record that only the host can know of: CONFIG, RESUME, HEARTBEAT, KEY, FAILSAFE, FINDING … with what the inbox says of
 * it. A source, a severity and what HEARTBEAT carries in the place of a source are there when their flags say so.
 */
export function append(now: f64): void {
  recordBegin(inbox(abi.INBOX_KIND), now);
  recordReason(inbox(abi.INBOX_REASON));
  recordDisposition(inbox(abi.INBOX_DISPOSITION));
  recordLength(inbox(abi.INBOX_LENGTH));
  recordCount(inbox(abi.INBOX_COUNT));
  recordId(abi.INBOX_AT + abi.INBOX_ID);
  recordPayload(abi.INBOX_AT + abi.INBOX_OVERLAY);
  if (flagged(abi.IN_SEVERITY)) recordSeverity(inbox(abi.INBOX_SEVERITY));
  if (flagged(abi.IN_SOURCE)) {
    readSource();
    recordSource(tagSource());
  } else if (flagged(abi.IN_OVERLAY_SOURCE)) recordSource(abi.INBOX_AT + abi.INBOX_OVERLAY_SOURCE);
  recordSidecar();
  store<f64>(abi.OUTBOX_AT + abi.OUTBOX_SEQ, recordCommit());
}

/**
 * Writes what is still owed: folded repeats, the open gap. With `closing` also the refusals, and CLOSE. Answers 1 when so
 * much is owed that another call must write the rest.
 */
export function settle(now: f64, closing: u32): u32 {
  for (let i: u32 = 0; i < <u32>abi.FOLD_ENTRIES; i++) {
    const entry: u32 = foldWalk(i);
    if (entry == 0) continue;
    recordFolded(entry, now);
    foldClear(i);
  }
  const more: u32 = settleRepeats(now);
  if (more == 0 && closing != 0) {
    settleRefusals(now);
    recordBegin(abi.KIND_CLOSE, now);
    recordCommit();
  }
  auditFlushGap(now);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
  return more;
}

/** Repeats of what is held, since the last record that named them; 1 when there are more. A scan: not on the request path. */
function settleRepeats(now: f64): u32 {
  const high: u32 = state().slotHigh;
  let left: u32 = abi.BATCH_ITEMS;
  for (let slot: u32 = 1; slot <= high; slot++) {
    if (!quarantineHolds(slot) || quarantinePending(slot) == 0) continue;
    if (left-- == 0) return 1;
    recordEnd(abi.KIND_DUPLICATE, abi.REASON_NONE, slot, now);
    recordCommit();
    quarantineSettle(slot);
  }
  return 0;
}

/** Refusals that no LIMITED record names: their sources are many or gone, so the tag is zero and the flag says so. */
function settleRefusals(now: f64): void {
  if (config(abi.CONFIG_LIMIT) == 0) return;
  const at: u32 = load<u32>(abi.HEADER_AT + abi.HEADER_LIMITER) + abi.LIMITER_REFUSALS_PENDING;
  let owed: f64 = load<f64>(at);
  store<f64>(at, 0);
  while (owed > 0) {
    const part: f64 = min(owed, 4294967295.0);
    recordBegin(abi.KIND_LIMITED, now);
    recordReason(abi.REASON_WINDOW);
    recordDisposition(abi.DISPOSITION_REFUSED);
    recordFlags(abi.FLAG_AGGREGATE);
    recordCount(word(part));
    recordCommit();
    owed -= part;
  }
}

export function root(): void {
  auditRoot(abi.OUTBOX_AT + abi.OUTBOX_HASH);
}

export function verify(): u32 {
  return auditVerify();
}

export function release(): void {
  auditRelease(load<f64>(abi.INBOX_AT + abi.INBOX_NUMBER));
}

/** Address of the record with the sequence number in the inbox, 0 when it is not held. */
export function recordAt(): u32 {
  return auditRecordAt(load<f64>(abi.INBOX_AT + abi.INBOX_NUMBER));
}
