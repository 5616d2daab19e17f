/**
 * The limiter: in no closed interval of windowMs is a source admitted more than `limit` cost, and it says exactly when
 * to come back.
 *
 * A check reads one line of tags and one record; a miss in a full set also reads the sketch, if anything was evicted in a
 * window, and the sixteen records of the set. Nothing grows with the number of sources, hostile or not.
 *
 * Relies on: cost 1 … limit and a seeded key (the host and intercept.ts see to it); the clock is read before, once per
 * call; IDENTITY of SCRATCH for which address of a group asks. Refuses: to remember a refused cost, to lengthen a block by
 * refusals, to start one on the sketch's word or within a window of the last that somebody lifted.
 *
 * Bytes it takes from the arena, all parts at multiples of 64 (so up to 63 more before the first):
 *   row     = max(SKETCH_ROW_BYTES_MIN, SKETCH_ROW_BYTES_PER_SOURCE × maxSources)
 *   cells   = SKETCH_GENERATIONS × SKETCH_ROWS × row
 *   LIMITER_BYTES + maxSources × (TAG_BYTES + RECORD_BYTES_*) + cells / SKETCH_CHUNK_BYTES × 4 + cells
 */
import * as abi from './abi';
import { sourceIsGrouped, sourceTagAt, sourceTagBytes } from './address';
import { reserve } from './arena';
import { clockRead, clockWait, LimiterState, limiterState, windowMs } from './clock';
import {
  BLOCK_MS_MAX,
  blockLeft,
  blockSet,
  countersCharge,
  countersClear,
  countersEnd,
  countersRoll,
  countersTickBy,
  pardonOf,
  pardonSet,
  REFUSED_MAX,
  refusalsPendingOf,
  SourceRecord,
} from './counters';
import { forgottenOf, sourceInsert } from './eviction';
import { halfSip } from './halfsip';
import { hold } from './panic';
import { sketchAsk, sketchUntil } from './sketch';
import { placedSet, placedTag, tableFind, tablePlace } from './table';

export { limiterRestore, limiterRestoreWay } from './revival';

if (abi.CHECKED_RECORD + abi.RECORD_BYTES_U32 > abi.CHECKED_BYTES) ERROR('CHECKED_BYTES');

/** Reserves all regions; nothing when there is no limit. The host has checked the numbers. */
export function limiterInit(): void {
  const limit = load<u32>(abi.CONFIG_AT + abi.CONFIG_LIMIT);
  if (limit == 0) return;
  const sources = load<u32>(abi.CONFIG_AT + abi.CONFIG_MAX_SOURCES);
  hold(limit <= 0x7fff_ffff, abi.PANIC_CONFIG);
  hold(sources >= <u32>abi.LIMITER_WAYS && sources <= <u32>abi.LIMITER_SOURCES_MAX, abi.PANIC_CONFIG);
  hold(popcnt<u32>(sources) == 1, abi.PANIC_CONFIG);
  hold(windowMs() >= 32 && floor<f64>(windowMs()) == windowMs(), abi.PANIC_CONFIG);
  hold(windowMs() <= f64.MAX_SAFE_INTEGER, abi.PANIC_CONFIG);
  hold(load<f64>(abi.CONFIG_AT + abi.CONFIG_BLOCK_MS) >= 0, abi.PANIC_CONFIG);

  const at = reserve(abi.LIMITER_BYTES, 64);
  store<u32>(abi.HEADER_AT + abi.HEADER_LIMITER, at);
  const wide = limit > <u32>abi.LIMITER_U16_MAX;
  const small = limit <= <u32>abi.LIMITER_U8_MAX;
  const row: u32 = max<u32>(abi.SKETCH_ROW_BYTES_MIN, <u32>abi.SKETCH_ROW_BYTES_PER_SOURCE * sources);
  const state = changetype<LimiterState>(<usize>at);
  state.count = wide ? abi.LIMITER_COUNTERS_WIDE : abi.LIMITER_COUNTERS;
  state.shift = wide ? 2 : small ? 0 : 1;
  state.stride = wide ? abi.RECORD_BYTES_U32 : small ? abi.RECORD_BYTES_U8 : abi.RECORD_BYTES_U16;
  state.countersFrom = wide ? abi.RECORD_COUNTERS_U32 : abi.RECORD_COUNTERS;
  state.sets = sources / abi.LIMITER_WAYS;
  state.sketchShift = small ? 0 : 1;
  state.sketchWidth = row >> state.sketchShift;
  state.sketchScale = wide ? (limit + (<u32>abi.LIMITER_U16_MAX - 1)) / <u32>abi.LIMITER_U16_MAX : 1;
  // Five of them cover all counters but one (sketch.ts).
  state.generationTicks = (state.count - 1 + 4) / 5;
  state.epoch = 1;

  const cells: u32 = <u32>(abi.SKETCH_GENERATIONS * abi.SKETCH_ROWS) * row;
  store<u32>(abi.HEADER_AT + abi.HEADER_LIMITER_TAGS, reserve(sources * abi.TAG_BYTES, 64));
  store<u32>(abi.HEADER_AT + abi.HEADER_LIMITER_RECORDS, reserve(sources * state.stride, 64));
  store<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_STAMPS, reserve((cells / abi.SKETCH_CHUNK_BYTES) << 2, 64));
  store<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_CELLS, reserve(cells, 64));
}

/** Takes the hash key, 8 random bytes at a multiple of 4. */
export function limiterSeed(at: u32): void {
  const state = limiterState();
  state.prf0 = load<u32>(at);
  state.prf1 = load<u32>(at, 4);
}

/** One reading per public call, before anything is asked. */
export function limiterClock(now: f64): void {
  if (load<u32>(abi.CONFIG_AT + abi.CONFIG_LIMIT) != 0) clockRead(now);
}

/**
 * May this source spend `cost`? Verdict in OUTBOX, what to write about it in CHECKED; true if allowed. With `peek`: what
 * a check would be told, but nothing is counted, no block starts, and `remaining` is what there is.
 */
export function limiterCheck(keyAt: u32, keyBytes: u32, cost: u32, peek: bool): bool {
  const limit = load<u32>(abi.CONFIG_AT + abi.CONFIG_LIMIT);
  hold(cost >= 1 && cost <= limit, abi.PANIC_INBOX);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_ACCOUNT, 0);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_UNRECORDED, 0);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_BLOCK_STARTED, 0);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_SEVERAL, 0);
  tablePlace(keyAt, keyBytes);
  const set = placedSet();
  const tag = placedTag();
  let at = tableFind(set, tag);
  if (at != 0 && peek) at = copied(at);
  if (at != 0) countersRoll(at);
  const used = usedOf(at);
  let estimate: u32 = at == 0 ? forgottenOf(set, tag) : mayBeKnown(at) ? sketchAsk(tag, set) : 0;
  let left: f64 = at == 0 ? 0 : blockLeft(at);
  const room = limit - cost;
  const allowed = left == 0 && used + estimate <= room;
  const degraded = estimate > 0;

  if (!peek) {
    if (at == 0 && allowed) {
      at = sourceInsert(set, tag, degraded);
      // Whoever was evicted for it may share its cells.
      if (degraded) estimate = sketchAsk(tag, set);
    }
    if (at == 0) store<u32>(abi.CHECKED_AT + abi.CHECKED_UNRECORDED, 1);
    else {
      // Once the sketch has forgotten a source nothing of it comes back: cost enters only when the record is evicted.
      if (!degraded) changetype<SourceRecord>(<usize>at).flags &= <u8>~abi.RECORD_INHERITED;
      if (allowed) admit(at, cost);
      else {
        refuse(at);
        // Only what it was itself admitted is proof enough for a block; the sketch may be wrong about it.
        if (left == 0 && used > room && pardonOf(changetype<SourceRecord>(<usize>at)) == 0) left = startBlock(at);
      }
    }
  }

  const spent = usedOf(at) + estimate;
  const remaining: u32 = left > 0 || spent >= limit ? 0 : limit - spent;
  let rate: u32 = abi.RATE_PRESENT;
  if (allowed) rate |= abi.RATE_ALLOWED;
  if (left > 0) rate |= abi.RATE_BLOCKED;
  if (degraded) rate |= abi.RATE_DEGRADED;
  store<u32>(abi.OUTBOX_AT + abi.OUTBOX_RATE, rate);
  store<u32>(abi.OUTBOX_AT + abi.OUTBOX_REMAINING, remaining);
  const resetAt: u32 = limit - remaining - 1;
  const resetMs: f64 = remaining == limit ? 0 : clockWait(tickBy(at, estimate, resetAt), left);
  store<f64>(abi.OUTBOX_AT + abi.OUTBOX_RESET_MS, resetMs);
  let retryMs: f64 = 0;
  // What a flood asks for, cost 1 with nothing left, is admitted when `remaining` rises.
  if (!allowed) retryMs = room == resetAt ? resetMs : clockWait(tickBy(at, estimate, room), left);
  store<f64>(abi.OUTBOX_AT + abi.OUTBOX_RETRY_MS, retryMs);
  return allowed;
}

// What the last check left for the one who writes records; valid until the next check.

/** Refusals to be recorded now with this source: at 1, 2, 4, 8 …, and the rest at the admission after them. */
export function limiterAccount(): u32 {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_ACCOUNT);
}

/** What `limiterAccount` says was asked by several addresses of one group. */
export function limiterSeveral(): bool {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_SEVERAL) != 0;
}

/** A refusal of a source the table has no record of. It is not in REFUSALS_PENDING: the caller counts it. */
export function limiterUnrecorded(): bool {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_UNRECORDED) != 0;
}

export function limiterBlockStarted(): bool {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_BLOCK_STARTED) != 0;
}

/** Refusals whose source was evicted before a record accounted for them; the caller accounts for them now. */
export function limiterOrphans(): f64 {
  const state = limiterState();
  const count = state.refusalsOrphaned;
  state.refusalsOrphaned = 0;
  state.refusalsPending -= count;
  return count;
}

/**
 * Forgets what a source used and its block; returns 1 if there was anything. Its record stands in front of what the sketch
 * still knows.
 */
export function limiterReset(keyAt: u32, keyBytes: u32): u32 {
  tablePlace(keyAt, keyBytes);
  const set = placedSet();
  const tag = placedTag();
  let at = tableFind(set, tag);
  if (at == 0) {
    if (forgottenOf(set, tag) == 0) return 0;
    sourceInsert(set, tag, false);
    return 1;
  }
  countersRoll(at);
  const record = changetype<SourceRecord>(<usize>at);
  const known: bool = record.used > 0 || blockLeft(at) > 0 || (mayBeKnown(at) && sketchAsk(tag, set) > 0);
  countersClear(at);
  blockSet(at, 0);
  pardonSet(record, 0);
  record.flags &= <u8>~abi.RECORD_INHERITED;
  return known ? 1 : 0;
}

/** Blocks a source for `ms`, or for as long as it is blocked already. */
export function limiterBlock(keyAt: u32, keyBytes: u32, ms: f64): void {
  if (!(ms > 0)) return;
  tablePlace(keyAt, keyBytes);
  const set = placedSet();
  const tag = placedTag();
  let at = tableFind(set, tag);
  if (at == 0) at = sourceInsert(set, tag, forgottenOf(set, tag) > 0);
  countersRoll(at);
  blockSet(at, max<f64>(blockLeft(at), min<f64>(ceil<f64>(ms), BLOCK_MS_MAX)));
}

/**
 * Ends a block; returns 1 if there was one. What was used stays used, so in no window more is admitted than the limit. But
 * for as long as any of it counts, refusals start no other block: the one that was lifted would be back at once.
 */
export function limiterUnblock(keyAt: u32, keyBytes: u32): u32 {
  tablePlace(keyAt, keyBytes);
  const at = tableFind(placedSet(), placedTag());
  if (at == 0) return 0;
  if (blockLeft(at) == 0) return 0;
  countersRoll(at);
  blockSet(at, 0);
  pardonSet(changetype<SourceRecord>(<usize>at), limiterState().count);
  return 1;
}

/** Counts the cost; refusals before it that no record accounts for are accounted for now. */
function admit(at: u32, cost: u32): void {
  const record = changetype<SourceRecord>(<usize>at);
  countersCharge(at, cost);
  const pending: u32 = refusalsPendingOf(record.refused);
  account(pending, pending != 0 && (isOfSeveral(record) || <u32>record.refusedBy != asker()));
  record.refused = 0;
}

/** Counts the refusal; it is accounted for at 1, 2, 4, 8 …. */
function refuse(at: u32): void {
  const record = changetype<SourceRecord>(<usize>at);
  limiterState().refusalsPending += 1;
  const by: u32 = asker();
  if (refusalsPendingOf(record.refused) == 0) {
    record.refusedBy = <u16>by;
    record.flags &= <u8>~abi.RECORD_SEVERAL;
  } else if (<u32>record.refusedBy != by) record.flags |= <u8>abi.RECORD_SEVERAL;
  const refused = ++record.refused;
  if (popcnt<u32>(refused) == 1) account(refused == 1 ? 1 : refused >> 1, isOfSeveral(record));
  if (refused == REFUSED_MAX) record.refused = 0;
}

function account(count: u32, several: bool): void {
  limiterState().refusalsPending -= <f64>count;
  store<u32>(abi.CHECKED_AT + abi.CHECKED_ACCOUNT, count);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_SEVERAL, several ? 1 : 0);
}

function isOfSeveral(record: SourceRecord): bool {
  return (record.flags & abi.RECORD_SEVERAL) != 0;
}

/** Sixteen keyed bits of the address that asks, where a group has many; a source that is its own group is always the same. */
function asker(): u32 {
  if (!sourceIsGrouped()) return 0;
  const state = limiterState();
  return halfSip(state.prf0, state.prf1, sourceTagAt(), sourceTagBytes()) & 0xffff;
}

/** Returns what is left of the block: all of it, or 0 when refusals start none. */
function startBlock(at: u32): f64 {
  const blockMs = min<f64>(load<f64>(abi.CONFIG_AT + abi.CONFIG_BLOCK_MS), BLOCK_MS_MAX);
  if (blockMs == 0) return 0;
  blockSet(at, blockMs);
  store<u32>(abi.CHECKED_AT + abi.CHECKED_BLOCK_STARTED, 1);
  return blockMs;
}

function usedOf(at: u32): u32 {
  return at == 0 ? 0 : changetype<SourceRecord>(<usize>at).used;
}

/** The sketch may know this source. */
function mayBeKnown(at: u32): bool {
  return (changetype<SourceRecord>(<usize>at).flags & abi.RECORD_INHERITED) != 0;
}

function copied(at: u32): u32 {
  const copy: u32 = abi.CHECKED_AT + abi.CHECKED_RECORD;
  memory.copy(copy, at, limiterState().stride);
  return copy;
}

/** The total tick by which no more than `target` is used or remembered, if nothing is spent; `at` 0: no record. */
function tickBy(at: u32, estimate: u32, target: u32): f64 {
  const state = limiterState();
  const used = usedOf(at);
  if (used + estimate <= target) return state.tickTotal;
  if (estimate == 0) return countersTickBy(at, target);
  // Six generations may say six limits: more than a u32 holds.
  let total: f64 = used;
  for (let age: u32 = 0; age < <u32>abi.SKETCH_GENERATIONS; age++) total += <f64>estimateAt(age);
  const last = state.tickTotal + <f64>state.count;
  let tick = state.tickTotal;
  for (let ahead: u32 = 1; total > <f64>target; ahead++) {
    hold(tick < last, abi.PANIC_LIMITER);
    tick += 1;
    if (used > 0) total -= <f64>countersEnd(at, ahead);
    for (let age: u32 = 0; age < <u32>abi.SKETCH_GENERATIONS; age++) {
      if (sketchUntil(age) == tick) total -= <f64>estimateAt(age);
    }
  }
  return tick;
}

function estimateAt(age: u32): u32 {
  return load<u32>(abi.CHECKED_AT + abi.CHECKED_ESTIMATES + (age << 2));
}
