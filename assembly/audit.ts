/**
 * The log: every record names the leaf hash of the one before and is itself a leaf, so one structure is a hash chain
 * *and* an RFC 9162 Merkle tree. The state is a size, a hash and a frontier; the records themselves lie in a bounded
 * ring until they are exported.
 *
 *   … fallen out │ held: heldFrom … size − 1 │        ring slot of a record = seq mod capacity
 *                     ↑ releasedTo: those before it were exported and acknowledged (may lie left of heldFrom)
 *
 * Relies on: `record`, `tree`, LINK and AUDIT_WORK of SCRATCH. Refuses: to lose a record in silence. When the
 * ring is full the oldest falls out; if nobody acknowledged it, it joins the open gap [gapFrom, gapTo), and a GAP record
 * names that range: once it holds GAP_RECORDS, before another range opens, and on `auditFlushGap`.
 *
 * A GAP needs a place too. It takes that of the oldest record and therefore names it as well: the range is closed before
 * the GAP is appended, and then the ring has room. So no call appends more than one GAP, and none because of another.
 * At all times: lost = what GAPs named + what is in the open gap.
 */
import {
  AUDIT_ALLOWED,
  AUDIT_BYTES,
  AUDIT_EPOCH,
  AUDIT_FAILED_OPEN,
  AUDIT_FLAGGED,
  AUDIT_FOLD_PENDING,
  AUDIT_FRONTIER,
  AUDIT_FRONTIER_LEVELS,
  AUDIT_GAP_FROM,
  AUDIT_GAP_TO,
  AUDIT_HELD_FROM,
  AUDIT_LOST,
  AUDIT_LOST_EVENTS,
  AUDIT_PREV,
  AUDIT_RELEASED_TO,
  AUDIT_SEEN,
  AUDIT_SIZE,
  AUDIT_SKIPPED,
  AUDIT_TAG_INNER,
  AUDIT_UNINSPECTED,
  AUDIT_WORK_AT,
  AUDIT_WORK_BYTES,
  CONFIG_AT,
  CONFIG_MAX_RECORDS,
  FOLD_BYTES,
  FOLD_ENTRIES,
  GAP_RECORDS,
  HEADER_AT,
  HEADER_AUDIT,
  HEADER_FOLDS,
  HEADER_RING,
  KIND_GAP,
  LINK_AT,
  LOG_BYTES,
  LOG_FORMAT,
  LOG_PAYLOAD,
  LOG_PREV,
  LOG_SEQ,
  LOG_VERSION,
  MEMORY_BYTES_MAX,
  PANIC_AUDIT,
  PANIC_CONFIG,
  PANIC_UNSEEDED,
  RECORD_AT,
} from './abi';
import { reserve } from './arena';
import { bytesCopy, bytesEqual, get64, put64 } from './bytes';
import { hold } from './panic';
import { recordBegin, recordCount, recordEpoch, recordFollow, recordKnown } from './record';
import { DIGEST_BYTES, SHA_STATE_BYTES, sha256Finish, sha256Start, sha256Update } from './sha256';
import { treeAppend, treeLeaf, treeRoot } from './tree';

@unmanaged
class Audit {
  size: f64;
  heldFrom: f64;
  releasedTo: f64;
  gapFrom: f64;
  gapTo: f64;
  lost: f64;
  seen: f64;
  flagged: f64;
  uninspected: f64;
  skipped: f64;
  failedOpen: f64;
  foldPending: f64;
}
if (offsetof<Audit>('size') != AUDIT_SIZE) ERROR('AUDIT_SIZE');
if (offsetof<Audit>('heldFrom') != AUDIT_HELD_FROM) ERROR('AUDIT_HELD_FROM');
if (offsetof<Audit>('releasedTo') != AUDIT_RELEASED_TO) ERROR('AUDIT_RELEASED_TO');
if (offsetof<Audit>('gapFrom') != AUDIT_GAP_FROM) ERROR('AUDIT_GAP_FROM');
if (offsetof<Audit>('gapTo') != AUDIT_GAP_TO) ERROR('AUDIT_GAP_TO');
if (offsetof<Audit>('lost') != AUDIT_LOST) ERROR('AUDIT_LOST');
if (offsetof<Audit>('seen') != AUDIT_SEEN) ERROR('AUDIT_SEEN');
if (offsetof<Audit>('flagged') != AUDIT_FLAGGED) ERROR('AUDIT_FLAGGED');
if (offsetof<Audit>('uninspected') != AUDIT_UNINSPECTED) ERROR('AUDIT_UNINSPECTED');
if (offsetof<Audit>('skipped') != AUDIT_SKIPPED) ERROR('AUDIT_SKIPPED');
if (offsetof<Audit>('failedOpen') != AUDIT_FAILED_OPEN) ERROR('AUDIT_FAILED_OPEN');
if (offsetof<Audit>('foldPending') != AUDIT_FOLD_PENDING) ERROR('AUDIT_FOLD_PENDING');
if (<i32>offsetof<Audit>() > AUDIT_PREV) ERROR('AUDIT_PREV');
if (AUDIT_FRONTIER + AUDIT_FRONTIER_LEVELS * 32 != AUDIT_TAG_INNER) ERROR('AUDIT_FRONTIER');
if (AUDIT_EPOCH + 8 != AUDIT_ALLOWED || AUDIT_LOST_EVENTS + 8 != AUDIT_BYTES) ERROR('AUDIT_BYTES');

const RECORDS_MIN: u32 = 16;
/** 2⁵³ − 1: one more and a sequence number would no longer be exact. */
const SIZE_MAX: f64 = 9007199254740991.0;

/** 'tracehound/log/v1' and a line feed: what the origin's hash begins with. */
const DOMAIN: u32 = <u32>(
  memory.data<u8>([
    0x74, 0x72, 0x61, 0x63, 0x65, 0x68, 0x6f, 0x75, 0x6e, 0x64, 0x2f, 0x6c, 0x6f, 0x67, 0x2f, 0x76, 0x31, 0x0a,
  ])
);
const DOMAIN_BYTES: u32 = 18;

const LINK: u32 = LINK_AT;
const WORK: u32 = AUDIT_WORK_AT;
/** A ring below 2³¹ bytes holds fewer than 2²⁴ records. */
const WORK_LEVELS: u32 = 24;
if (WORK_LEVELS * 32 > <u32>AUDIT_WORK_BYTES) ERROR('AUDIT_WORK_BYTES');

/**
 * Reserves, each at a multiple of 64: the state, the fold table, the ring.
 * Bytes: up64(AUDIT_BYTES) + FOLD_ENTRIES × FOLD_BYTES + maxRecords × LOG_BYTES = 1,984 + 16,384 + maxRecords × 176.
 */
export function auditInit(): void {
  const records: u32 = capacity();
  hold(records >= RECORDS_MIN && records <= <u32>MEMORY_BYTES_MAX / LOG_BYTES, PANIC_CONFIG);
  store<u32>(HEADER_AT + HEADER_AUDIT, reserve(AUDIT_BYTES, 64));
  store<u32>(HEADER_AT + HEADER_FOLDS, reserve(FOLD_ENTRIES * FOLD_BYTES, 64));
  store<u32>(HEADER_AT + HEADER_RING, reserve(records * LOG_BYTES, 64));
}

/** Binds the log to its origin, so that records cannot be spliced from one log into another. Before the first record. */
export function auditOrigin(at: u32, bytes: u32): void {
  hold(state().size == 0, PANIC_AUDIT);
  if (SHA_STATE_BYTES > WORK_LEVELS * DIGEST_BYTES) ERROR('WORK');
  sha256Start(WORK);
  sha256Update(WORK, DOMAIN, DOMAIN_BYTES);
  sha256Update(WORK, at, bytes);
  sha256Finish(WORK, field(AUDIT_PREV));
}

/**
 * Appends the record that `recordBegin` began and answers its sequence number. A GAP that falls due follows it, with the
 * same time.
 */
export function recordCommit(): f64 {
  hold(load<u8>(RECORD_AT, LOG_VERSION) == LOG_FORMAT, PANIC_AUDIT);
  const audit = state();
  // The oldest would be lost, but between it and the open gap lie records that were released: two ranges, two GAPs.
  const apart: bool = gapOpen(audit) && losesNext(audit) && audit.gapTo != audit.heldFrom;
  const from: f64 = audit.gapFrom;
  const to: f64 = audit.gapTo;
  if (apart) gapReset(audit);
  const seq: f64 = append(audit);
  if (apart) gapName(audit, from, to);
  else if (gapOpen(audit) && audit.gapTo - audit.gapFrom + (joinsGap(audit) ? 1 : 0) >= GAP_RECORDS) gapClose(audit);
  store<u8>(RECORD_AT, 0, LOG_VERSION);
  return seq;
}

/** Names what is lost and not named yet. Nothing lost, nothing written. In place of a record that was begun. */
export function auditFlushGap(now: f64): void {
  const audit = state();
  if (!gapOpen(audit)) return;
  recordBegin(KIND_GAP, now);
  gapClose(audit);
  store<u8>(RECORD_AT, 0, LOG_VERSION);
}

/** The RFC 9162 tree head over all records ever appended: 32 bytes. */
export function auditRoot(out: u32): void {
  treeRoot(field(AUDIT_FRONTIER), state().size, out);
}

/**
 * Records below `to` were exported and acknowledged. Never goes back, and not beyond the newest record. What was lost
 * before stays lost: that somebody has what came after does not bring it back.
 */
export function auditRelease(to: f64): void {
  const audit = state();
  if (to > audit.releasedTo) audit.releasedTo = floor(min(to, audit.size));
}

/** Where record `seq` lies, or 0 if it is not held. Valid until the next record is appended. */
export function auditRecordAt(seq: f64): u32 {
  const audit = state();
  return seq >= audit.heldFrom && seq < audit.size && floor(seq) == seq ? slot(seq) : 0;
}

/**
 * 1 if everything held proves itself: known codes, sequence without holes, every link the hash of the record before, the
 * last of them the log's head; and, while nothing has fallen out, the tree. In place of a record that was begun.
 */
export function auditVerify(): u32 {
  const audit = state();
  const entire: bool = audit.heldFrom == 0;
  let sound: bool = audit.size - audit.heldFrom <= capacity();
  for (let seq: f64 = audit.heldFrom; sound && seq < audit.size; seq++) {
    const at: u32 = slot(seq);
    sound = recordKnown(at) && get64(at + LOG_SEQ) == seq;
    if (seq > audit.heldFrom && !bytesEqual(at + LOG_PREV, LINK, DIGEST_BYTES)) sound = false;
    bytesCopy(RECORD_AT, at, LOG_BYTES);
    treeLeaf(RECORD_AT, LOG_BYTES, LINK);
    if (entire) treeAppend(WORK, seq, LINK);
  }
  store<u8>(RECORD_AT, 0, LOG_VERSION);
  if (!sound) return 0;
  if (audit.size > 0 && !bytesEqual(LINK, field(AUDIT_PREV), DIGEST_BYTES)) return 0;
  return !entire || sameFrontier(audit.size) ? 1 : 0;
}

function sameFrontier(size: f64): bool {
  let level: u32 = 0;
  for (let bits: f64 = size; bits > 0; bits = floor(bits / 2)) {
    const present: bool = bits - floor(bits / 2) * 2 == 1;
    const at: u32 = level * DIGEST_BYTES;
    if (present && !bytesEqual(WORK + at, field(AUDIT_FRONTIER) + at, DIGEST_BYTES)) return false;
    level++;
  }
  return true;
}

/** Link, leaf, frontier, ring: the only place where the log grows. */
function append(audit: Audit): f64 {
  const seq: f64 = audit.size;
  const prev: u32 = field(AUDIT_PREV);
  hold(seq < SIZE_MAX, PANIC_AUDIT);
  if (full(audit)) dropOldest(audit);
  if (seq == 0) hold(bound(prev), PANIC_UNSEEDED);
  recordEpoch(load<u32>(field(AUDIT_EPOCH)));
  put64(RECORD_AT + LOG_SEQ, seq);
  bytesCopy(RECORD_AT + LOG_PREV, prev, DIGEST_BYTES);
  treeLeaf(RECORD_AT, LOG_BYTES, prev);
  treeAppend(field(AUDIT_FRONTIER), seq, prev);
  bytesCopy(slot(seq), RECORD_AT, LOG_BYTES);
  audit.size = seq + 1;
  return seq;
}

/** An origin was given: its hash is not all zeros. */
function bound(prev: u32): bool {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < DIGEST_BYTES; i += 4) bits |= load<u32>(prev + i);
  return bits != 0;
}

/** Makes room for one. If the oldest was not released, the open gap must end with it (or be none). */
function dropOldest(audit: Audit): void {
  const oldest: f64 = audit.heldFrom;
  if (losesNext(audit)) {
    if (!gapOpen(audit)) audit.gapFrom = oldest;
    else hold(audit.gapTo == oldest, PANIC_AUDIT);
    audit.gapTo = oldest + 1;
    audit.lost++;
  }
  audit.heldFrom = oldest + 1;
}

/** Closes the open gap, with the record whose place the GAP takes if it borders on it. */
function gapClose(audit: Audit): void {
  if (joinsGap(audit)) dropOldest(audit);
  const from: f64 = audit.gapFrom;
  const to: f64 = audit.gapTo;
  gapReset(audit);
  gapName(audit, from, to);
}

/** Appends the GAP record, at the time of the record before. */
function gapName(audit: Audit, from: f64, to: f64): void {
  recordFollow(KIND_GAP);
  put64(RECORD_AT + LOG_PAYLOAD, from);
  put64(RECORD_AT + LOG_PAYLOAD + 8, to);
  recordCount(<u32>(to - from));
  append(audit);
}

function gapReset(audit: Audit): void {
  audit.gapFrom = 0;
  audit.gapTo = 0;
}

function gapOpen(audit: Audit): bool {
  return audit.gapTo > audit.gapFrom;
}

function joinsGap(audit: Audit): bool {
  return losesNext(audit) && audit.gapTo == audit.heldFrom;
}

function losesNext(audit: Audit): bool {
  return full(audit) && audit.heldFrom >= audit.releasedTo;
}

function full(audit: Audit): bool {
  return audit.size - audit.heldFrom == <f64>capacity();
}

function capacity(): u32 {
  return load<u32>(CONFIG_AT + CONFIG_MAX_RECORDS);
}

/** Exact: below 2⁵³ a rounded quotient never passes the next integer, for it is off by less than 1 / records. */
function slot(seq: f64): u32 {
  const records: f64 = <f64>capacity();
  const index: f64 = seq - floor(seq / records) * records;
  return load<u32>(HEADER_AT + HEADER_RING) + <u32>index * LOG_BYTES;
}

function field(offset: u32): u32 {
  return load<u32>(HEADER_AT + HEADER_AUDIT) + offset;
}

function state(): Audit {
  return changetype<Audit>(load<u32>(HEADER_AT + HEADER_AUDIT));
}
