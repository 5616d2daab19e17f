/**
 * What the limiter remembers of sources the table had no room for: a keyed count-min sketch in six generations. It may
 * say too much, never too little.
 *
 *     stamps  │ u32 per chunk of 2 KiB: the epoch that wrote it │
 *     cells   │ generation 0: row 0 … row 3 │ generation 1: … │ … generation 5 │
 *
 * A generation lasts n ticks and is forgotten as many ticks after it was last written as there are counters: whatever is in
 * it was admitted by then. So nobody is told to wait longer than a record would make him. Its place is written over at tick
 * g + 6n of the tick g at which it began, and the last write is at g + n − 1 at the latest, so 5n + 1 ≥ counters:
 * n = 7 for 33 counters (36), n = 5 for 25 (26): five whole generations cover more than a window.
 *
 * Relies on: tags, which are the output of a keyed hash. Refuses: to clear anything it does not write — a rotation, even
 * after a year without requests, is a change of the epoch, and a chunk whose stamp is of another epoch is empty.
 */
import * as abi from './abi';
import { LimiterState, limiterState } from './clock';

const CHUNK_SHIFT: u32 = 11;
if (1 << CHUNK_SHIFT != abi.SKETCH_CHUNK_BYTES) ERROR('SKETCH_CHUNK_BYTES');
if (abi.SKETCH_EPOCHS % abi.SKETCH_GENERATIONS != 0) ERROR('SKETCH_EPOCHS');

/**
 * Remembers cost of an evicted source. Conservative update (Estan & Varghese 2002): only what is below the new minimum
 * is raised, which is as safe and halves what neighbours are charged.
 */
export function sketchAdd(tag: u32, set: u32, cost: u32): void {
  const state = limiterState();
  const slot: u32 = state.epoch % <u32>abi.SKETCH_GENERATIONS;
  const first = mix(tag, state.epoch);
  const second = step(first, set);
  let least: u32 = 0xffff_ffff;
  for (let row: u32 = 0; row < <u32>abi.SKETCH_ROWS; row++) {
    const cell = cellAt(state, slot, row, first + row * second);
    const stamp = stampAt(cell);
    if (load<u32>(stamp) != state.epoch) {
      const cells = load<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_CELLS);
      memory.fill(cells + (((cell - cells) >> CHUNK_SHIFT) << CHUNK_SHIFT), 0, abi.SKETCH_CHUNK_BYTES);
      store<u32>(stamp, state.epoch);
    }
    least = min<u32>(least, cellGet(state, cell));
  }
  // Units round up, and a full cell says at least the limit.
  const units: u32 = cost / state.sketchScale + (cost % state.sketchScale == 0 ? 0 : 1);
  const raised = min<u32>(state.sketchShift == 0 ? <u32>abi.LIMITER_U8_MAX : <u32>abi.LIMITER_U16_MAX, least + units);
  for (let row: u32 = 0; row < <u32>abi.SKETCH_ROWS; row++) {
    const cell = cellAt(state, slot, row, first + row * second);
    if (cellGet(state, cell) < raised) cellSet(state, cell, raised);
  }
  store<u32>(writtenAt(state, slot), state.epoch);
  store<f64>(writtenTickAt(state, slot), state.tickTotal);
}

/**
 * An upper bound of what is remembered of a source, at most the limit. What each generation says stays in CHECKED, the
 * current one first.
 */
export function sketchAsk(tag: u32, set: u32): u32 {
  const state = limiterState();
  const limit = load<u32>(abi.CONFIG_AT + abi.CONFIG_LIMIT);
  let epoch = state.epoch;
  let total: u32 = 0;
  for (let age: u32 = 0; age < <u32>abi.SKETCH_GENERATIONS; age++) {
    const slot: u32 = epoch % <u32>abi.SKETCH_GENERATIONS;
    const known = load<u32>(writtenAt(state, slot)) == epoch && untilOf(state, slot) > state.tickTotal;
    const said: u32 = known ? min<u32>(generationAsk(tag, set, epoch), limit) : 0;
    store<u32>(abi.CHECKED_AT + abi.CHECKED_ESTIMATES + (age << 2), said);
    total = min<u32>(total + said, limit);
    // Epochs run from 1 to SKETCH_EPOCHS and then from 1 again.
    epoch = epoch == 1 ? <u32>abi.SKETCH_EPOCHS : epoch - 1;
  }
  return total;
}

/** The total tick at which the generation of that age (0 = the current one) is forgotten. */
export function sketchUntil(age: u32): f64 {
  const state = limiterState();
  const generations: u32 = abi.SKETCH_GENERATIONS;
  return untilOf(state, ((state.epoch % generations) + generations - age) % generations);
}

function untilOf(state: LimiterState, slot: u32): f64 {
  return load<f64>(writtenTickAt(state, slot)) + <f64>state.count;
}

function generationAsk(tag: u32, set: u32, epoch: u32): u32 {
  const state = limiterState();
  const first = mix(tag, epoch);
  const second = step(first, set);
  let least: u32 = 0xffff_ffff;
  for (let row: u32 = 0; row < <u32>abi.SKETCH_ROWS; row++) {
    const cell = cellAt(state, epoch % <u32>abi.SKETCH_GENERATIONS, row, first + row * second);
    if (load<u32>(stampAt(cell)) != epoch) return 0;
    const count = cellGet(state, cell);
    if (count == 0) return 0;
    least = min<u32>(least, count);
  }
  return least * state.sketchScale;
}

/**
 * The place of a source in a generation, murmur3's finaliser over tag and epoch: sources that share cells in one
 * generation are strangers in the next, so nobody stands in a heavy neighbour's shadow for a whole window. Only tag and
 * set are known when a source is evicted; the tag is secret already.
 */
function mix(tag: u32, epoch: u32): u32 {
  let x: u32 = tag ^ (epoch * 0x9e37_79b1);
  x = (x ^ (x >> 16)) * 0x85eb_ca6b;
  x = (x ^ (x >> 13)) * 0xc2b2_ae35;
  return x ^ (x >> 16);
}

/**
 * From row to row (double hashing, Kirsch & Mitzenmacher 2006); odd, so that rows differ. The rotation is spelled as
 * shifts: `rotl` is a function call in the JavaScript build.
 */
function step(first: u32, set: u32): u32 {
  return (((first << 16) | (first >> 16)) + set * 0x9e37_79b1) | 1;
}

function cellAt(state: LimiterState, slot: u32, row: u32, place: u32): u32 {
  const width = state.sketchWidth;
  const index: u32 = (slot * <u32>abi.SKETCH_ROWS + row) * width + (place & (width - 1));
  return load<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_CELLS) + (index << state.sketchShift);
}

function cellGet(state: LimiterState, at: u32): u32 {
  return state.sketchShift == 0 ? <u32>load<u8>(at) : <u32>load<u16>(at);
}

function cellSet(state: LimiterState, at: u32, value: u32): void {
  if (state.sketchShift == 0) store<u8>(at, value);
  else store<u16>(at, value);
}

function stampAt(cell: u32): u32 {
  const chunk: u32 = (cell - load<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_CELLS)) >> CHUNK_SHIFT;
  return load<u32>(abi.HEADER_AT + abi.HEADER_SKETCH_STAMPS) + (chunk << 2);
}

function writtenTickAt(state: LimiterState, slot: u32): u32 {
  return <u32>changetype<usize>(state) + <u32>offsetof<LimiterState>('writtenTick0') + (slot << 3);
}

function writtenAt(state: LimiterState, slot: u32): u32 {
  return <u32>changetype<usize>(state) + <u32>offsetof<LimiterState>('written0') + (slot << 2);
}
