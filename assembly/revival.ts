/**
 * Puts back what an earlier limiter knew: its clocks, its hash key, and record by record whom it tracked. The sketch is
 * not carried over, so sources evicted within the last window start afresh.
 *
 * Relies on: bytes the host read from memory or from a sealed snapshot of the same window, limit and table. Refuses:
 * to believe them — sums are added again, and what contradicts itself is left out.
 */
import * as abi from './abi';
import { clockRestore, LimiterState, limiterState } from './clock';
import {
  BLOCK_MS_MAX,
  blockLeft,
  countersCheck,
  pardonOf,
  pardonSet,
  REFUSED_MAX,
  refusalsPendingOf,
  SourceRecord,
} from './counters';
import { recordAt, tableFind, tagAt } from './table';

/** Takes LIMITER_BYTES of state; only a limiter that has tracked nobody may. Returns 1 if they were taken. */
export function limiterRestore(at: u32): u32 {
  const state = limiterState();
  const from = changetype<LimiterState>(<usize>at);
  if (state.tracked != 0 || !isCount(from.evictions) || !isCount(from.refusalsOrphaned)) return 0;
  if (!clockRestore(from)) return 0;
  state.prf0 = from.prf0;
  state.prf1 = from.prf1;
  state.evictions = from.evictions;
  // What records still owe is added as they come; what is owed by nobody's record comes along.
  state.refusalsOrphaned = from.refusalsOrphaned;
  state.refusalsPending = from.refusalsOrphaned;
  return 1;
}

/** Takes one way: u32 index, u32 tag, record. Returns 1 if it was taken. */
export function limiterRestoreWay(at: u32): u32 {
  const state = limiterState();
  const index = load<u32>(at);
  const tag = load<u32>(at, 4);
  const set: u32 = index / abi.LIMITER_WAYS;
  const way: u32 = index % abi.LIMITER_WAYS;
  if (set >= state.sets || tag == 0 || load<u32>(tagAt(set, way)) != 0 || tableFind(set, tag) != 0) return 0;
  const from = at + 8;
  if (changetype<SourceRecord>(<usize>from).refused >= REFUSED_MAX || !countersCheck(from)) return 0;
  if (blockLeft(from) > BLOCK_MS_MAX) return 0;
  store<u32>(tagAt(set, way), tag);
  const to = recordAt(set, way);
  memory.copy(to, from, state.stride);
  const record = changetype<SourceRecord>(<usize>to);
  // Whose the pending refusals are is a hash under this key, which came along; a pardon is believed as far as it can reach.
  const pardon: u32 = pardonOf(record) <= state.count ? pardonOf(record) : 0;
  record.flags &= <u8>abi.RECORD_SEVERAL;
  pardonSet(record, pardon);
  state.refusalsPending += <f64>refusalsPendingOf(record.refused);
  state.tracked++;
  return 1;
}

function isCount(value: f64): bool {
  return value >= 0 && value <= f64.MAX_SAFE_INTEGER && floor<f64>(value) == value;
}
