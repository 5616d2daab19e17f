/**
 * Ids that sort by time: UUIDv7 (RFC 9562 §5.7) and eight more random bytes; and the pool of entropy that they, and
 * everybody else in the core, draw from.
 *
 * Relies on: the time and the entropy that the host hands in. Refuses: to make up randomness; a dry pool is a panic,
 * because a guessable salt would be worse than none.
 *
 *   0        6      8         12        16                24
 *   ┌────────┬──────┬──────────┬─────────┬─────────────────┐
 *   │ ms, 48 │7, 12 │ 10₂, 30  │ 32      │ 64              │
 *   └────────┴──────┴──────────┴─────────┴─────────────────┘
 *    clock    └ counter, 42 ┘   random    random (suffix)
 *
 * The counter (RFC 9562 §6.2, method 1) begins at a random number below 2⁴¹ with each new millisecond, so that it has
 * 2⁴¹ steps left before it runs over. It goes up by one while the clock stands still or is behind the last id: ids of one
 * instance rise strictly, whatever the clock does.
 */
import {
  ENTROPY_BYTES,
  HEADER_AT,
  HEADER_IDS,
  IDS_BYTES,
  IDS_COUNTER_HIGH,
  IDS_COUNTER_LOW,
  IDS_LAST_MS,
  IDS_POOL,
  IDS_POOL_READY,
  IDS_POOL_USED,
  PANIC_ENTROPY,
} from './abi';
import { reserve } from './arena';
import { bytesClear, bytesCopy, get16, get32, put16, put32, put48, whole } from './bytes';
import { hold } from './panic';

@unmanaged
class Ids {
  lastMs: f64;
  counterHigh: u32;
  counterLow: u32;
  used: u32;
  ready: u32;
}
if (offsetof<Ids>('lastMs') != IDS_LAST_MS) ERROR('IDS_LAST_MS');
if (offsetof<Ids>('counterHigh') != IDS_COUNTER_HIGH) ERROR('IDS_COUNTER_HIGH');
if (offsetof<Ids>('counterLow') != IDS_COUNTER_LOW) ERROR('IDS_COUNTER_LOW');
if (offsetof<Ids>('used') != IDS_POOL_USED) ERROR('IDS_POOL_USED');
if (offsetof<Ids>('ready') != IDS_POOL_READY) ERROR('IDS_POOL_READY');
if (offsetof<Ids>() != IDS_POOL) ERROR('IDS_POOL');
if (IDS_POOL + ENTROPY_BYTES != IDS_BYTES) ERROR('IDS_BYTES');

const MS_MAX: f64 = 281474976710655.0; // 2⁴⁸ − 1
const COUNTER_LOW_MAX: u32 = 0x3fffffff; // 30 bits
const COUNTER_HIGH_MAX: u32 = 0xfff; // 12 bits
const SEED_HIGH: u32 = 0x7ff; // the top bit stays 0
const SEED_BYTES: u32 = 6;
const RANDOM_BYTES: u32 = 12; // the tail of the UUID and the suffix, which lie side by side

/** IDS_BYTES, at a multiple of 64. */
export function idsInit(): void {
  store<u32>(HEADER_AT + HEADER_IDS, reserve(IDS_BYTES, 64));
}

/** Takes ENTROPY_BYTES of fresh entropy in place of what was left, and zeroes them where they came from. */
export function entropyPut(from: u32): void {
  const ids = state();
  bytesCopy(pool(), from, ENTROPY_BYTES);
  bytesClear(from, ENTROPY_BYTES);
  ids.used = 0;
  ids.ready = 1;
}

/** No byte is handed out twice, and none stays behind. */
export function entropyDraw(out: u32, bytes: u32): void {
  hold(bytes <= entropyLeft(), PANIC_ENTROPY);
  const ids = state();
  const at: u32 = pool() + ids.used;
  bytesCopy(out, at, bytes);
  bytesClear(at, bytes);
  ids.used += bytes;
}

export function entropyLeft(): u32 {
  const ids = state();
  return ids.ready != 0 ? ENTROPY_BYTES - ids.used : 0;
}

/** Writes 24 bytes: the UUID, then the suffix. Draws 12 bytes, 18 in a new millisecond. */
export function idMake(now: f64, out: u32): void {
  const ids = state();
  const ms: f64 = finite(now) ? whole(now, MS_MAX) : ids.lastMs;
  // A seed is never 0, so a counter of 0 says that there was no id yet: then even the millisecond 0 is new.
  if (ms > ids.lastMs || (ids.counterHigh | ids.counterLow) == 0) {
    ids.lastMs = ms;
    seed(ids, out);
  } else step(ids, out);

  put48(out, ids.lastMs);
  put16(out + 6, 0x7000 | ids.counterHigh);
  put32(out + 8, 0x80000000 | ids.counterLow);
  entropyDraw(out + 12, RANDOM_BYTES);
}

function seed(ids: Ids, draft: u32): void {
  entropyDraw(draft, SEED_BYTES);
  ids.counterHigh = get16(draft) & SEED_HIGH;
  ids.counterLow = get32(draft + 2) & COUNTER_LOW_MAX;
  if ((ids.counterHigh | ids.counterLow) == 0) ids.counterLow = 1;
}

/** One up. A counter that runs over borrows the next millisecond from the future; the clock will catch up. */
function step(ids: Ids, draft: u32): void {
  if (ids.counterLow < COUNTER_LOW_MAX) ids.counterLow++;
  else if (ids.counterHigh < COUNTER_HIGH_MAX) {
    ids.counterHigh++;
    ids.counterLow = 0;
  } else if (ids.lastMs < MS_MAX) {
    ids.lastMs++;
    seed(ids, draft);
  }
  // In the last millisecond of all the counter stays at its end: ids are still unique by 96 random bits, only unordered.
}

/** Not NaN, not ±∞: only those do not vanish against themselves. */
function finite(value: f64): bool {
  return value - value == 0;
}

function state(): Ids {
  return changetype<Ids>(load<u32>(HEADER_AT + HEADER_IDS));
}

function pool(): u32 {
  return load<u32>(HEADER_AT + HEADER_IDS) + IDS_POOL;
}
