/**
 * Who leaves when a set is full, and what is kept of him. An attacker who fills the table must not be able to push out
 * what holds him back: who has used most, and who is blocked, leaves last; what he used goes into the sketch.
 *
 * Relies on: table, counters, sketch. Refuses: to look beyond one set — sixteen records, whatever the table holds.
 */
import * as abi from './abi';
import { bytesClear } from './bytes';
import { limiterState } from './clock';
import { blockLeft, countersAge, countersUsed, refusalsPendingOf, SourceRecord } from './counters';
import { sketchAdd, sketchAsk } from './sketch';
import { recordAt, tableEmptyWay, tagAt } from './table';

/**
 * What is remembered of a source without a record. A way is never emptied again, so a set that has an empty one has sent
 * nobody to the sketch: it need not be read (four lines far apart), and what others left there is not taken for his.
 */
export function forgottenOf(set: u32, tag: u32): u32 {
  return tableEmptyWay(set, tag) == <u32>abi.LIMITER_WAYS ? sketchAsk(tag, set) : 0;
}

/** A fresh record for a tag that has none; returns its address. `inherited`: the sketch may know this source. */
export function sourceInsert(set: u32, tag: u32, inherited: bool): u32 {
  const state = limiterState();
  let way = tableEmptyWay(set, tag);
  if (way == <u32>abi.LIMITER_WAYS) {
    way = victim(set);
    evict(set, way);
  } else state.tracked++;
  store<u32>(tagAt(set, way), tag);
  const at = recordAt(set, way);
  bytesClear(at, state.stride);
  const record = changetype<SourceRecord>(<usize>at);
  record.head = state.tick;
  if (inherited) record.flags = <u8>abi.RECORD_INHERITED;
  return at;
}

/**
 * Expired; else, when blocks hold more than half of the set, the one that ends soonest; else the least consumed that is
 * not blocked, of equals the one untouched for longest.
 */
function victim(set: u32): u32 {
  let blocked: u32 = 0;
  let soonest: u32 = 0;
  let soonestLeft: f64 = 0;
  let least: u32 = abi.LIMITER_WAYS;
  let leastUsed: u32 = 0;
  let leastAge: u32 = 0;
  for (let way: u32 = 0; way < <u32>abi.LIMITER_WAYS; way++) {
    const at = recordAt(set, way);
    const left = blockLeft(at);
    if (left > 0) {
      if (blocked++ == 0 || left < soonestLeft) {
        soonest = way;
        soonestLeft = left;
      }
      continue;
    }
    const used = countersUsed(at);
    if (used == 0) return way;
    const age = countersAge(at);
    if (least == <u32>abi.LIMITER_WAYS || used < leastUsed || (used == leastUsed && age > leastAge)) {
      least = way;
      leastUsed = used;
      leastAge = age;
    }
  }
  return blocked > <u32>abi.LIMITER_WAYS >> 1 ? soonest : least;
}

function evict(set: u32, way: u32): void {
  const state = limiterState();
  const at = recordAt(set, way);
  state.refusalsOrphaned += <f64>refusalsPendingOf(changetype<SourceRecord>(<usize>at).refused);
  const used = countersUsed(at);
  if (used == 0 && blockLeft(at) == 0) return;
  state.evictions += 1;
  state.pressureCount++;
  // Its own admitted cost only: what it inherited is in the sketch already, and to add it again would refuse others.
  if (used > 0) sketchAdd(load<u32>(tagAt(set, way)), set, used);
}
