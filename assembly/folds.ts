/**
 * Repeats of one kind by one group of sources share records: of a run of events the 1st, 2nd, 4th, 8th … is recorded, each record
 * with the number of events since the last. A flood of n requests costs log₂ n records, and still every event is
 * accounted in exactly one.
 *
 * Relies on: HEADER_FOLDS and HEADER_AUDIT (reserved by `auditInit`), FOLD_EVICTED of SCRATCH. Refuses: to write records;
 * it only says how many events the caller must account for, so that `intercept.ts` alone orders things.
 *
 * The table is direct-mapped. A group that meets another in its entry pushes it out, and what was pending is handed to
 * the caller (`foldEvicted`): a crowded table costs records, never events.
 */
import {
  AUDIT_FOLD_PENDING,
  FOLD_BYTES,
  FOLD_COUNT,
  FOLD_ENTRIES,
  FOLD_EVICTED_AT,
  FOLD_EVICTED_BYTES,
  FOLD_GROUP,
  FOLD_KIND,
  FOLD_LAST_AT,
  FOLD_PENDING,
  FOLD_REASON,
  FOLD_SEVERAL,
  FOLD_TAG,
  HEADER_AT,
  HEADER_AUDIT,
  HEADER_FOLDS,
  PANIC_AUDIT,
} from './abi';
import { bytesCopy, bytesEqual } from './bytes';
import { hold } from './panic';
import { sameGroup } from './slots';

@unmanaged
class Fold {
  tag0: u32;
  tag1: u32;
  tag2: u32;
  tag3: u32;
  tag4: u32;
  tag5: u32;
  tag6: u32;
  tag7: u32;
  group0: u32;
  group1: u32;
  count: u32;
  pending: u32;
  lastAt: f64;
  kind: u8;
  reason: u8;
  several: u8;
}
if (offsetof<Fold>('tag0') != FOLD_TAG) ERROR('FOLD_TAG');
if (offsetof<Fold>('group0') != FOLD_GROUP) ERROR('FOLD_GROUP');
if (offsetof<Fold>('count') != FOLD_COUNT) ERROR('FOLD_COUNT');
if (offsetof<Fold>('pending') != FOLD_PENDING) ERROR('FOLD_PENDING');
if (offsetof<Fold>('kind') != FOLD_KIND) ERROR('FOLD_KIND');
if (offsetof<Fold>('reason') != FOLD_REASON) ERROR('FOLD_REASON');
if (offsetof<Fold>('several') != FOLD_SEVERAL) ERROR('FOLD_SEVERAL');
if (offsetof<Fold>('lastAt') != FOLD_LAST_AT) ERROR('FOLD_LAST_AT');
if (<i32>offsetof<Fold>() > FOLD_BYTES) ERROR('FOLD_BYTES');

const TAG_BYTES: u32 = 32;
const GROUP_BYTES: u32 = 8;
const EVICTED: u32 = FOLD_EVICTED_AT;
if (FOLD_BYTES > FOLD_EVICTED_BYTES) ERROR('FOLD_EVICTED_BYTES');
/** A count that would pass 2³¹ goes back to half of it: from there on every 2³⁰th event is recorded, and nothing wraps. */
const COUNT_TOP: u32 = 0x80000000;

/**
 * Counts one event of `kind` by the source whose tag (32 bytes) lies at `tag` and whose group (8 bytes) at `group`. Answers
 * how many events, this one included, the caller must account for in a record now; 0 means that it was folded. Ask
 * `foldSeveral` and `foldEvicted` next.
 */
export function foldEvent(kind: u32, reason: u32, group: u32, tag: u32, now: f64): u32 {
  hold(kind <= 0xff && reason <= 0xff, PANIC_AUDIT);
  changetype<Fold>(EVICTED).pending = 0;
  const at: u32 = entryOf(kind, group);
  const fold = changetype<Fold>(at);
  if (fold.count == 0 || <u32>fold.kind != kind || !sameGroup(at + FOLD_GROUP, group)) {
    if (fold.pending > 0) {
      bytesCopy(EVICTED, at, FOLD_BYTES);
      forget(fold);
    }
    bytesCopy(at + FOLD_GROUP, group, GROUP_BYTES);
    fold.count = 0;
    fold.kind = <u8>kind;
  }
  if (fold.pending == 0) {
    bytesCopy(at + FOLD_TAG, tag, TAG_BYTES);
    fold.several = 0;
  } else if (!bytesEqual(at + FOLD_TAG, tag, TAG_BYTES)) fold.several = 1;
  fold.reason = <u8>reason;
  fold.lastAt = now;
  fold.count++;
  if ((fold.count & (fold.count - 1)) != 0) {
    fold.pending++;
    addPending(1);
    return 0;
  }
  if (fold.count == COUNT_TOP) fold.count = COUNT_TOP >>> 1;
  const events: u32 = fold.pending + 1;
  forget(fold);
  return events;
}

/** Were the events that the last `foldEvent` answered for of several addresses of the group? */
export function foldSeveral(kind: u32, group: u32): bool {
  return changetype<Fold>(entryOf(kind, group)).several != 0;
}

/** A copy of the entry that the last `foldEvent` pushed out with events pending, or 0. The caller records them now. */
export function foldEvicted(): u32 {
  return changetype<Fold>(EVICTED).pending > 0 ? EVICTED : 0;
}

/** Entry `index`, 0 … FOLD_ENTRIES − 1, if it has events pending, else 0. */
export function foldWalk(index: u32): u32 {
  const at: u32 = entryAt(index);
  return changetype<Fold>(at).pending > 0 ? at : 0;
}

/** The caller has recorded what was pending. The count goes on, so a source that goes on costs no more than before. */
export function foldClear(index: u32): void {
  forget(changetype<Fold>(entryAt(index)));
}

function forget(fold: Fold): void {
  addPending(-(<f64>fold.pending));
  fold.pending = 0;
}

function addPending(events: f64): void {
  const total: u32 = load<u32>(HEADER_AT + HEADER_AUDIT) + AUDIT_FOLD_PENDING;
  store<f64>(total, load<f64>(total) + events);
}

/** Kinds of one group lie side by side, so that a source which alternates between two does not push itself out. */
function entryOf(kind: u32, group: u32): u32 {
  return entryAt((load<u32>(group) + kind) & (FOLD_ENTRIES - 1));
}

function entryAt(index: u32): u32 {
  hold(index < <u32>FOLD_ENTRIES, PANIC_AUDIT);
  return load<u32>(HEADER_AT + HEADER_FOLDS) + index * FOLD_BYTES;
}
