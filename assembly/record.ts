/**
 * The one record under construction: 176 bytes, big-endian, every field of DESIGN §4 by name.
 *
 * Relies on: RECORD of SCRATCH. Refuses: fields it does not know; a code out of range is a panic, because a record
 * that no verifier accepts must not enter the log. Sequence number and link are the log's: `audit.ts` fills them.
 */
import {
  DISPOSITION_PASSED,
  FLAGS_KNOWN,
  KIND_GENESIS,
  KIND_LAST,
  LOG_BYTES,
  LOG_COUNT,
  LOG_DETAIL,
  LOG_DISPOSITION,
  LOG_EPOCH,
  LOG_FLAGS,
  LOG_FORMAT,
  LOG_ID,
  LOG_KIND,
  LOG_LENGTH,
  LOG_PAYLOAD,
  LOG_REASON,
  LOG_SEVERITY,
  LOG_SOURCE,
  LOG_TIME,
  LOG_VERSION,
  PANIC_AUDIT,
  RECORD_AT,
  SEVERITY_NONE,
} from './abi';
import { bytesClear, bytesCopy, get16, put16, put32, put64, whole } from './bytes';
import { hold } from './panic';
import { DIGEST_BYTES } from './sha256';

const UUID_BYTES: u32 = 16;
const SEVERITY_MAX: u32 = 3;
const INTEGER_MAX: f64 = 9007199254740991.0; // 2⁵³ − 1

/** Begins a record, in place of one that was begun and not committed. All that is not set stays zero. */
export function recordBegin(kind: u32, now: f64): u32 {
  bytesClear(RECORD_AT, LOG_BYTES);
  put64(RECORD_AT + LOG_TIME, whole(now, INTEGER_MAX));
  recordKind(kind);
  return RECORD_AT;
}

/** A record of another kind at the same time. */
export function recordFollow(kind: u32): void {
  bytesClear(RECORD_AT, LOG_TIME);
  bytesClear(RECORD_AT + LOG_ID, LOG_BYTES - LOG_ID);
  recordKind(kind);
}

function recordKind(kind: u32): void {
  hold(kindKnown(kind), PANIC_AUDIT);
  store<u8>(RECORD_AT, LOG_FORMAT, LOG_VERSION);
  store<u8>(RECORD_AT, kind, LOG_KIND);
  store<u8>(RECORD_AT, SEVERITY_NONE, LOG_SEVERITY);
}

/** 0 low … 3 critical, or SEVERITY_NONE, which is there from the start. */
export function recordSeverity(severity: u32): void {
  hold(severity <= SEVERITY_MAX || severity == SEVERITY_NONE, PANIC_AUDIT);
  store<u8>(RECORD_AT, severity, LOG_SEVERITY);
}

export function recordReason(reason: u32): void {
  hold(reason <= 0xff, PANIC_AUDIT);
  store<u8>(RECORD_AT, reason, LOG_REASON);
}

/** Adds to the flags that are set. */
export function recordFlags(flags: u32): void {
  hold((flags & ~FLAGS_KNOWN) == 0, PANIC_AUDIT);
  put16(RECORD_AT + LOG_FLAGS, get16(RECORD_AT + LOG_FLAGS) | flags);
}

export function recordDisposition(disposition: u32): void {
  hold(disposition <= <u32>DISPOSITION_PASSED, PANIC_AUDIT);
  store<u8>(RECORD_AT, disposition, LOG_DISPOSITION);
}

export function recordEpoch(epoch: u32): void {
  hold(epoch <= 0xff, PANIC_AUDIT);
  store<u8>(RECORD_AT, epoch, LOG_EPOCH);
}

/** The UUID part of an evidence id: 16 bytes. */
export function recordId(at: u32): void {
  bytesCopy(RECORD_AT + LOG_ID, at, UUID_BYTES);
}

/** Size of the log that a RESUME or PANIC record follows on, in the place of the id; its root is the payload field. */
export function recordOldSize(size: f64): void {
  put64(RECORD_AT + LOG_ID, whole(size, INTEGER_MAX));
}

export function recordLength(length: u32): void {
  put32(RECORD_AT + LOG_LENGTH, length);
}

export function recordCount(count: u32): void {
  put32(RECORD_AT + LOG_COUNT, count);
}

/** 32 bytes: the payload's commitment, or what the kind lays over it, already big-endian. */
export function recordPayload(at: u32): void {
  bytesCopy(RECORD_AT + LOG_PAYLOAD, at, DIGEST_BYTES);
}

export function recordDetail(at: u32): void {
  bytesCopy(RECORD_AT + LOG_DETAIL, at, DIGEST_BYTES);
}

export function recordSource(at: u32): void {
  bytesCopy(RECORD_AT + LOG_SOURCE, at, DIGEST_BYTES);
}

/** Version, kind, severity, flags and disposition of a record anywhere are ones this core could have written. */
export function recordKnown(at: u32): bool {
  const severity: u32 = load<u8>(at, LOG_SEVERITY);
  return (
    load<u8>(at, LOG_VERSION) == LOG_FORMAT &&
    kindKnown(load<u8>(at, LOG_KIND)) &&
    (severity <= SEVERITY_MAX || severity == SEVERITY_NONE) &&
    (get16(at + LOG_FLAGS) & ~FLAGS_KNOWN) == 0 &&
    <u32>load<u8>(at, LOG_DISPOSITION) <= <u32>DISPOSITION_PASSED
  );
}

function kindKnown(kind: u32): bool {
  return kind >= <u32>KIND_GENESIS && kind <= <u32>KIND_LAST;
}
