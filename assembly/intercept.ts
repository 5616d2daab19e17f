/**
 * One request's path: limit → sign → admit → record. The only file that orders the four.
 *
 *   source ─▶ limiter ──refused──▶ LIMITED (folded), BLOCKED          RATE_LIMITED
 *                │ allowed
 *                ▼ no threat ─────────────────────────────────────▶  CLEAN
 *             hash, signature
 *                │ held already ──▶ DUPLICATE (folded)                DUPLICATE
 *                ▼
 *             plan ──no room──▶ DROPPED (folded)                      DROPPED
 *                │ victims ──▶ EVICTED each
 *                ▼
 *             QUARANTINED, then the item itself                       QUARANTINED
 *
 * Relies on: every noun of the core; SIGNED, SALT, COMMITMENT, SIGNATURE_TEXT and SOURCE_TEXT of SCRATCH. Refuses: state of
 * its own; what it computes there is dead when the call returns.
 * A record is written before the thing it speaks of changes, so a stop between the two loses an act, never its trace.
 */
import * as abi from './abi';
import { canonicalText, sourceKeyAt, sourceKeyBytes } from './address';
import { recordCommit } from './audit';
import { bytesClear, bytesCopy, word } from './bytes';
import { commitDetail, commitPayload } from './commitments';
import { describe, describeDropped, putHex } from './describe';
import { entropyDraw, entropyLeft, idMake } from './ids';
import {
  checkThreat,
  clearInbox,
  config,
  flagged,
  groupSource,
  inbox,
  outbox,
  payloadAt,
  readSource,
  tagSource,
} from './inbox';
import { foldInto, recordAsker, recordEnd, recordSidecar, total } from './journal';
import {
  limiterAccount,
  limiterBlockStarted,
  limiterCheck,
  limiterClock,
  limiterSeveral,
  limiterUnrecorded,
} from './limiter';
import {
  quarantineDuplicate,
  quarantineFind,
  quarantineInsert,
  quarantinePlan,
  quarantineRelease,
  quarantineVictim,
  quarantineVictimReason,
} from './quarantine';
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
import { sha256 } from './sha256';
import { slotAt } from './slots';

const HASH_AT: u32 = abi.SIGNED_PAYLOAD_AT;
const SIGNATURE_AT: u32 = abi.SIGNED_AT;
const SALT_AT: u32 = abi.SALT_AT;
const COMMIT_AT: u32 = abi.COMMITMENT_AT;
const TEXT_AT: u32 = abi.SIGNATURE_TEXT_AT;
if (abi.CATEGORY_BYTES_MAX + 1 + 64 > abi.SIGNATURE_TEXT_BYTES) ERROR('SIGNATURE_TEXT_BYTES');
/** What is signed when nothing else is given. */
const SOURCE_TEXT_AT: u32 = abi.SOURCE_TEXT_AT;
if (abi.SOURCE_BYTES_MAX > abi.SOURCE_TEXT_BYTES) ERROR('SOURCE_TEXT_BYTES');

/** The whole path. Returns STATUS_*. */
export function intercept(now: f64): u32 {
  const threat: bool = flagged(abi.IN_THREAT);
  if (!flagged(abi.IN_CHARGED)) total(abi.AUDIT_SEEN, 1);
  if (threat) total(abi.AUDIT_FLAGGED, 1);
  readSource();
  outbox(abi.OUTBOX_RATE, 0);
  let status: u32 = abi.STATUS_CLEAN;
  if (config(abi.CONFIG_LIMIT) != 0 && !flagged(abi.IN_CHARGED) && !limit(now, 1, false)) {
    status = abi.STATUS_RATE_LIMITED;
    if (threat) clearInbox(flagged(abi.IN_PAYLOAD));
  } else if (threat) {
    status = capture(now);
  }
  outbox(abi.OUTBOX_STATUS, status);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
  return status;
}

/** Charges the source that was read last; writes the verdict to the outbox and the log. True when it may pass. */
export function limit(now: f64, cost: u32, peek: bool): bool {
  limiterClock(now);
  limiterCheck(sourceKeyAt(), sourceKeyBytes(), cost, peek);
  const rate: u32 = load<u32>(abi.OUTBOX_AT + abi.OUTBOX_RATE);
  const events: u32 = limiterAccount();
  if (events != 0) {
    const blocked: bool = (rate & abi.RATE_BLOCKED) != 0;
    const tag: u32 = tagSource();
    recordBegin(abi.KIND_LIMITED, now);
    recordReason(blocked ? abi.REASON_BLOCKED : abi.REASON_WINDOW);
    recordDisposition(inbox(abi.INBOX_DISPOSITION));
    recordCount(events);
    recordAsker(tag, limiterSeveral());
    recordCommit();
  }
  if (limiterUnrecorded()) {
    // Refused from the sketch: the table has no place that could count it, so the fold table does.
    if (foldInto(abi.KIND_LIMITED, abi.REASON_WINDOW, tagSource(), now) != 0) {
      recordFlags(abi.FLAG_DEGRADED);
      recordDisposition(inbox(abi.INBOX_DISPOSITION));
      recordCommit();
    }
  }
  if (limiterBlockStarted()) {
    recordBlock(now, load<f64>(abi.CONFIG_AT + abi.CONFIG_BLOCK_MS), abi.REASON_AUTOMATIC);
    recordCommit();
  }
  const allowed: bool = (rate & abi.RATE_ALLOWED) != 0;
  if (!allowed && !peek) total(abi.AUDIT_LIMITED, 1);
  return allowed;
}

/** Begins BLOCKED: it carries the block's length in whole seconds, rounded up. The caller adds a sidecar, and commits. */
export function recordBlock(now: f64, ms: f64, reason: u32): void {
  const tag: u32 = tagSource();
  recordBegin(abi.KIND_BLOCKED, now);
  recordReason(reason);
  recordLength(word(min(ceil(ms / 1000), 4294967295.0)));
  recordSource(tag);
}

/** A flagged scent that may be charged no more: sign, find or admit, record. */
function capture(now: f64): u32 {
  const copied: bool = flagged(abi.IN_PAYLOAD);
  checkThreat(copied);
  const tag: u32 = tagSource();
  let status: u32;
  if (flagged(abi.IN_TOO_LARGE)) {
    status = drop(now, tag, abi.REASON_OVERSIZED, abi.STATUS_PAYLOAD_TOO_LARGE);
  } else if (flagged(abi.IN_INVALID)) {
    status = drop(now, tag, abi.REASON_INVALID, abi.STATUS_DROPPED);
  } else {
    sign(copied);
    const held: u32 = findSigned();
    status = held != 0 ? repeat(now, held, tag) : admit(now, tag);
  }
  clearInbox(copied);
  return status;
}

/** HASH_AT and SIGNATURE_AT from what the inbox gives; the rest is hashed here. */
export function sign(copied: bool): void {
  const bytes: u32 = copied ? inbox(abi.INBOX_PAYLOAD_BYTES) : 0;
  if (flagged(abi.IN_PAYLOAD_HASH)) bytesCopy(HASH_AT, abi.INBOX_AT + abi.INBOX_PAYLOAD_HASH, 32);
  else sha256(payloadAt(), bytes, HASH_AT);
  if (flagged(abi.IN_SIGNATURE_HASH)) {
    bytesCopy(SIGNATURE_AT, abi.INBOX_AT + abi.INBOX_SIGNATURE_HASH, 32);
  } else if (copied) {
    bytesCopy(SIGNATURE_AT, HASH_AT, 32);
  } else {
    const bytesOfSource: u32 = canonicalText(SOURCE_TEXT_AT);
    sha256(SOURCE_TEXT_AT, bytesOfSource, SIGNATURE_AT);
    bytesClear(SOURCE_TEXT_AT, bytesOfSource);
  }
}

/** Slot of the signature that `sign` computed, 0 when it is not held. */
export function findSigned(): u32 {
  return quarantineFind(SIGNATURE_AT, abi.INBOX_AT + abi.INBOX_CATEGORY, inbox(abi.INBOX_CATEGORY_BYTES));
}

/** One more of what is held: counted, its severity raised, recorded when a record is due. */
export function repeat(now: f64, slot: u32, tag: u32): u32 {
  const severity: u32 = inbox(abi.INBOX_SEVERITY);
  const disposition: u32 = inbox(abi.INBOX_DISPOSITION);
  const events: u32 = quarantineDuplicate(slot, groupSource(), severity, disposition, now);
  if (events != 0) {
    recordBegin(abi.KIND_DUPLICATE, now);
    recordSeverity(severity);
    recordDisposition(disposition);
    recordFlags(threatFlags());
    recordCount(events);
    recordId(slotAt(slot) + abi.SLOT_ID);
    recordLength(load<u32>(slotAt(slot) + abi.SLOT_PAYLOAD_BYTES));
    recordSource(tag);
    recordCommit();
  }
  describe(slot);
  return abi.STATUS_DUPLICATE;
}

function admit(now: f64, tag: u32): u32 {
  const bytes: u32 = flagged(abi.IN_PAYLOAD) ? inbox(abi.INBOX_PAYLOAD_BYTES) : 0;
  const victims: i32 = quarantinePlan(inbox(abi.INBOX_SEVERITY), bytes, groupSource());
  outbox(abi.OUTBOX_EVICTED, 0);
  if (victims < 0) return drop(now, tag, abi.REASON_CAPACITY, abi.STATUS_DROPPED);
  for (let i: i32 = 0; i < victims; i++) {
    const victim: u32 = quarantineVictim(i);
    recordEnd(abi.KIND_EVICTED, quarantineVictimReason(i), victim, now);
    recordCommit();
    quarantineRelease(victim);
  }
  outbox(abi.OUTBOX_EVICTED, <u32>victims);
  return take(now, tag, bytes);
}

/** Takes in what was signed and planned for: the record first, then the item that names it. Its group was read for the plan. */
export function take(now: f64, tag: u32, bytes: u32): u32 {
  const id: u32 = abi.OUTBOX_AT + abi.OUTBOX_ID;
  idMake(now, id);
  entropyDraw(SALT_AT, 16);
  recordBegin(abi.KIND_QUARANTINED, now);
  recordSeverity(inbox(abi.INBOX_SEVERITY));
  recordDisposition(inbox(abi.INBOX_DISPOSITION));
  recordFlags(threatFlags());
  recordId(id);
  recordLength(bytes);
  recordCount(1);
  commitPayload(SALT_AT, HASH_AT, COMMIT_AT);
  recordPayload(COMMIT_AT);
  if (!recordSidecar()) {
    commitDetail(SALT_AT, TEXT_AT, signatureText(), COMMIT_AT);
    recordDetail(COMMIT_AT);
  }
  recordSource(tag);
  const seq: f64 = recordCommit();
  const slot: u32 = quarantineInsert(id, SALT_AT, SIGNATURE_AT, HASH_AT, tag, abi.GROUP_AT, itemFlags(), now, seq, 0);
  bytesClear(SALT_AT, 16);
  describe(slot);
  return abi.STATUS_QUARANTINED;
}

/** Accounts for a flagged scent that is not kept. Its id is real: the record, when one is due, carries it. */
export function drop(now: f64, tag: u32, reason: u32, status: u32): u32 {
  const id: u32 = abi.OUTBOX_AT + abi.OUTBOX_ID;
  total(abi.AUDIT_DROPPED, 1);
  idMake(now, id);
  if (foldInto(abi.KIND_DROPPED, reason, tag, now) != 0) {
    recordSeverity(inbox(abi.INBOX_SEVERITY));
    recordDisposition(inbox(abi.INBOX_DISPOSITION));
    recordFlags(threatFlags());
    recordId(id);
    recordLength(inbox(abi.INBOX_PAYLOAD_BYTES));
    recordSidecar();
    recordCommit();
  }
  outbox(abi.OUTBOX_SLOT, 0);
  outbox(abi.OUTBOX_REASON, reason);
  describeDropped(SIGNATURE_AT);
  return status;
}

/** Writes `category:hex` of what was signed; returns its bytes. */
function signatureText(): u32 {
  const categoryBytes: u32 = inbox(abi.INBOX_CATEGORY_BYTES);
  bytesCopy(TEXT_AT, abi.INBOX_AT + abi.INBOX_CATEGORY, categoryBytes);
  store<u8>(TEXT_AT + categoryBytes, 0x3a);
  putHex(TEXT_AT + categoryBytes + 1, SIGNATURE_AT, 32);
  return categoryBytes + 65;
}

/** What the record says about how the scent came. */
export function threatFlags(): u32 {
  return (
    (flagged(abi.IN_TRUNCATED) ? <u32>abi.FLAG_TRUNCATED : 0) |
    (flagged(abi.IN_CATEGORY_REPLACED) ? <u32>abi.FLAG_CATEGORY_REPLACED : 0) |
    (flagged(abi.IN_SEVERITY_REPLACED) ? <u32>abi.FLAG_SEVERITY_REPLACED : 0)
  );
}

/** The same for the item, and whether its signature is of something else than its payload. */
function itemFlags(): u32 {
  const fingerprinted: bool = flagged(abi.IN_SIGNATURE_HASH) || !flagged(abi.IN_PAYLOAD);
  return (
    (flagged(abi.IN_TRUNCATED) ? <u32>abi.ITEM_TRUNCATED : 0) |
    (flagged(abi.IN_CATEGORY_REPLACED) ? <u32>abi.ITEM_CATEGORY_REPLACED : 0) |
    (flagged(abi.IN_SEVERITY_REPLACED) ? <u32>abi.ITEM_SEVERITY_REPLACED : 0) |
    (fingerprinted ? <u32>abi.ITEM_FINGERPRINTED : 0)
  );
}
