/**
 * One source's record: how much of its window is used, and until when it is blocked.
 *
 *     0        8     12    16       20     21      22         24
 *     │ block  │ head│ used│ refused│ flags│ oldest│ refusedBy│ counter 0 │ … │ counter 32 (24) │
 *
 * Counter `tick % counters` holds the cost admitted in that tick and lives until tick + counters begins: the oldest
 * counts whole, so whatever was admitted is remembered for more than windowMs. `oldest` is the distance from the head to
 * the oldest counter that is not zero; while that one lives, nothing ends, and a roll is one addition.
 *
 * Relies on: the clock. Refuses: to allocate or to find records.
 */
import * as abi from './abi';
import { bytesClear, word } from './bytes';
import { LimiterState, limiterState } from './clock';
import { hold } from './panic';

/** 2⁴² ms, 139 years: longer blocks are cut to it. */
export const BLOCK_MS_MAX: f64 = 4_398_046_511_104;
/** A chain of refusals starts again here: all of them are accounted for. */
export const REFUSED_MAX: u32 = 0x8000_0000;

const WORD: f64 = 4_294_967_296;

@unmanaged
export class SourceRecord {
  blockLow: u32;
  blockHigh: u32;
  head: u32;
  used: u32;
  refused: u32;
  flags: u8;
  oldest: u8;
  refusedBy: u16;
}
if (offsetof<SourceRecord>('blockLow') != abi.RECORD_BLOCK_LOW) ERROR('RECORD_BLOCK_LOW');
if (offsetof<SourceRecord>('blockHigh') != abi.RECORD_BLOCK_HIGH) ERROR('RECORD_BLOCK_HIGH');
if (offsetof<SourceRecord>('head') != abi.RECORD_HEAD) ERROR('RECORD_HEAD');
if (offsetof<SourceRecord>('used') != abi.RECORD_USED) ERROR('RECORD_USED');
if (offsetof<SourceRecord>('refused') != abi.RECORD_REFUSED) ERROR('RECORD_REFUSED');
if (offsetof<SourceRecord>('flags') != abi.RECORD_FLAGS) ERROR('RECORD_FLAGS');
if (offsetof<SourceRecord>('oldest') != abi.RECORD_OLDEST) ERROR('RECORD_OLDEST');
if (offsetof<SourceRecord>('refusedBy') != abi.RECORD_REFUSED_BY) ERROR('RECORD_REFUSED_BY');
if (abi.RECORD_REFUSED_BY + 2 != abi.RECORD_COUNTERS) ERROR('RECORD_COUNTERS');
if (abi.RECORD_COUNTERS + abi.LIMITER_COUNTERS + 3 != abi.RECORD_BYTES_U8) ERROR('RECORD_BYTES_U8');
if (abi.RECORD_COUNTERS + 2 * abi.LIMITER_COUNTERS + 2 != abi.RECORD_BYTES_U16) ERROR('RECORD_BYTES_U16');
if (abi.LIMITER_COUNTERS >= 1 << (8 - abi.RECORD_PARDON_SHIFT)) ERROR('RECORD_PARDON_SHIFT');
if (abi.RECORD_COUNTERS_U32 + 4 * abi.LIMITER_COUNTERS_WIDE != abi.RECORD_BYTES_U32) ERROR('RECORD_BYTES_U32');

/** Brings a record to the present tick: what is over is forgotten. */
export function countersRoll(at: u32): void {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  const ticks = ticksSince(state, record.head);
  if (ticks == 0) return;
  record.head = state.tick;
  pardonSet(record, pardonOf(record) - min<u32>(pardonOf(record), ticks));
  if (record.used == 0) return;
  if (ticks >= state.count) {
    countersClear(at);
    return;
  }
  let age: u32 = <u32>record.oldest + ticks;
  let used = record.used;
  for (; age >= state.count && used > 0; age--) {
    used -= counterGet(state, at, age);
    counterSet(state, at, age, 0);
  }
  if (used > 0) age = oldestFrom(state, at, age);
  record.oldest = used > 0 ? <u8>age : 0;
  record.used = used;
}

/** What a record would have used after a roll; changes nothing. */
export function countersUsed(at: u32): u32 {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  const ticks = ticksSince(state, record.head);
  if (record.used == 0 || ticks >= state.count) return 0;
  let used = record.used;
  for (let age: u32 = <u32>record.oldest + ticks; age >= state.count && used > 0; age--) {
    used -= counterGet(state, at, age);
  }
  return used;
}

/** Ticks since the record was last rolled. */
export function countersAge(at: u32): u32 {
  return ticksSince(limiterState(), changetype<SourceRecord>(<usize>at).head);
}

/** Counts admitted cost in the present tick; the record is rolled. */
export function countersCharge(at: u32, cost: u32): void {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  counterSet(state, at, 0, counterGet(state, at, 0) + cost);
  record.used += cost;
}

/** Forgets what was used. */
export function countersClear(at: u32): void {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  record.used = 0;
  record.oldest = 0;
  bytesClear(at + state.countersFrom, state.count << state.shift);
}

/** The total tick at which no more than `target` is left of a rolled record that has used more, if nothing is spent. */
export function countersTickBy(at: u32, target: u32): f64 {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  let over = record.used - target;
  let age: u32 = record.oldest;
  while (true) {
    const count = counterGet(state, at, age);
    if (count >= over) return state.tickTotal + <f64>(state.count - age);
    over -= count;
    hold(age > 0, abi.PANIC_LIMITER);
    age--;
  }
}

/** What ends `ahead` ticks from now, 1 … counters; the record is rolled. */
export function countersEnd(at: u32, ahead: u32): u32 {
  const state = limiterState();
  return ahead > state.count ? 0 : counterGet(state, at, state.count - ahead);
}

/** Adds a record's counters again; sets `oldest`. False when they are not what the record says, or pass the limit. */
export function countersCheck(at: u32): bool {
  const state = limiterState();
  const record = changetype<SourceRecord>(<usize>at);
  if (record.head >= <u32>abi.LIMITER_TICKS) return false;
  const limit = load<u32>(abi.CONFIG_AT + abi.CONFIG_LIMIT);
  let sum: u32 = 0;
  let oldest: u32 = 0;
  for (let age: u32 = 0; age < state.count; age++) {
    const count = valueAt(state, at, indexBefore(state, record.head % state.count, age));
    if (count > limit - sum) return false;
    sum += count;
    if (count > 0) oldest = age;
  }
  record.oldest = <u8>oldest;
  return sum == record.used;
}

/** Ticks in which a refusal of this source starts no block. */
export function pardonOf(record: SourceRecord): u32 {
  return <u32>record.flags >> abi.RECORD_PARDON_SHIFT;
}

export function pardonSet(record: SourceRecord, ticks: u32): void {
  record.flags = <u8>((<u32>record.flags & ((1 << abi.RECORD_PARDON_SHIFT) - 1)) | (ticks << abi.RECORD_PARDON_SHIFT));
}

/** Ms of forward progress until the block ends; 0 if there is none. */
export function blockLeft(at: u32): f64 {
  const record = changetype<SourceRecord>(<usize>at);
  if ((record.blockHigh | record.blockLow) == 0) return 0;
  const end = <f64>record.blockHigh * WORD + <f64>record.blockLow;
  return max<f64>(0, end - limiterState().forward);
}

/** The block ends `ms` of forward progress from now; 0: there is none. */
export function blockSet(at: u32, ms: f64): void {
  const record = changetype<SourceRecord>(<usize>at);
  const end = ms > 0 ? limiterState().forward + ms : 0;
  const high = floor<f64>(end / WORD);
  record.blockHigh = <u32>high;
  record.blockLow = word(end - high * WORD);
}

/** Refusals since the last admission that no record accounts for: those after the last power of two. */
export function refusalsPendingOf(refused: u32): u32 {
  return refused == 0 ? 0 : refused - ((<u32>1) << (31 - clz<u32>(refused)));
}

/** Differences of ticks survive the wrap: both are below LIMITER_TICKS. */
function ticksSince(state: LimiterState, head: u32): u32 {
  return state.tick >= head ? state.tick - head : state.tick + (<u32>abi.LIMITER_TICKS - head);
}

/** The age of the oldest counter that is not zero, from `age` down; there is one. */
export function oldestFrom(state: LimiterState, at: u32, age: u32): u32 {
  let oldest = age;
  while (counterGet(state, at, oldest) == 0) {
    hold(oldest > 0, abi.PANIC_LIMITER);
    oldest--;
  }
  return oldest;
}

/** The counter of `age` ticks before the one that has `newest`; ages reach twice the counters while a record is rolled. */
function indexBefore(state: LimiterState, newest: u32, age: u32): u32 {
  let index = newest + (state.count << 1) - age;
  while (index >= state.count) index -= state.count;
  return index;
}

function counterGet(state: LimiterState, at: u32, age: u32): u32 {
  return valueAt(state, at, indexBefore(state, state.counter, age));
}

function counterSet(state: LimiterState, at: u32, age: u32, value: u32): void {
  const to = at + state.countersFrom + (indexBefore(state, state.counter, age) << state.shift);
  if (state.shift == 0) store<u8>(to, value);
  else if (state.shift == 1) store<u16>(to, value);
  else store<u32>(to, value);
}

function valueAt(state: LimiterState, at: u32, index: u32): u32 {
  const from = at + state.countersFrom + (index << state.shift);
  if (state.shift == 0) return load<u8>(from);
  return state.shift == 1 ? <u32>load<u16>(from) : load<u32>(from);
}
