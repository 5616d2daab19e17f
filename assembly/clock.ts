/**
 * The limiter's two clocks, told by one reading that may stand still, jitter, run back or glitch forward: the *window*
 * clock, which never runs back, and the *forward* clock, the sum of all forward steps, by which blocks end.
 *
 * Relies on: the state of the limiter. Refuses: readings that are no time (they are simply no reading).
 *
 * Why two: a window that forgets too early admits too much, so its clock must not be fooled into running faster; a
 * block that ends too late locks someone out, so its clock must not be fooled into standing still.
 *
 *     raw      1000  1010 │ 400        ← ran back: behind, the window stands still, anchor = 400
 *     window      0    10 │  10  10 …  ← until raw is back at 1010, or has made windowMs from its anchor:
 *     raw                 │      400 + windowMs + 5
 *     window              │       15   ← then it goes on from there, and the glitch is forgotten
 */
import * as abi from './abi';

/** The largest time value of ECMAScript (§21.4.1.1). */
const READING_MAX: f64 = 8.64e15;
/** 2⁴² ms, 139 years: no step counts for more, so that thousands of mad readings do not use up the integers of an f64. */
const STEP_MAX: f64 = 4_398_046_511_104;
/** 2⁵²: the forward clock stands still here, so that the end of a block is still an exact integer. */
const FORWARD_MAX: f64 = 4_503_599_627_370_496;

/** The limiter's state, at the head of its region. */
@unmanaged
export class LimiterState {
  prf0: u32;
  prf1: u32;
  started: u32;
  behind: u32;
  raw: f64;
  window: f64;
  offset: f64;
  anchor: f64;
  forward: f64;
  tickTotal: f64;
  generationTick: f64;
  pressureSecond: f64;
  evictions: f64;
  refusalsPending: f64;
  refusalsOrphaned: f64;
  pressureCount: u32;
  pressureLast: u32;
  tracked: u32;
  tick: u32;
  counter: u32;
  epoch: u32;
  written0: u32;
  written1: u32;
  written2: u32;
  written3: u32;
  written4: u32;
  written5: u32;
  count: u32;
  shift: u32;
  stride: u32;
  countersFrom: u32;
  sets: u32;
  sketchWidth: u32;
  sketchShift: u32;
  sketchScale: u32;
  generationTicks: u32;
  spare: u32;
  writtenTick0: f64;
}
if (offsetof<LimiterState>('prf0') != abi.LIMITER_PRF_0) ERROR('LIMITER_PRF_0');
if (offsetof<LimiterState>('prf1') != abi.LIMITER_PRF_1) ERROR('LIMITER_PRF_1');
if (offsetof<LimiterState>('started') != abi.LIMITER_STARTED) ERROR('LIMITER_STARTED');
if (offsetof<LimiterState>('behind') != abi.LIMITER_BEHIND) ERROR('LIMITER_BEHIND');
if (offsetof<LimiterState>('raw') != abi.LIMITER_RAW) ERROR('LIMITER_RAW');
if (offsetof<LimiterState>('window') != abi.LIMITER_WINDOW) ERROR('LIMITER_WINDOW');
if (offsetof<LimiterState>('offset') != abi.LIMITER_OFFSET) ERROR('LIMITER_OFFSET');
if (offsetof<LimiterState>('anchor') != abi.LIMITER_ANCHOR) ERROR('LIMITER_ANCHOR');
if (offsetof<LimiterState>('forward') != abi.LIMITER_FORWARD) ERROR('LIMITER_FORWARD');
if (offsetof<LimiterState>('tickTotal') != abi.LIMITER_TICK_TOTAL) ERROR('LIMITER_TICK_TOTAL');
if (offsetof<LimiterState>('generationTick') != abi.LIMITER_GENERATION_TICK) ERROR('LIMITER_GENERATION_TICK');
if (offsetof<LimiterState>('pressureSecond') != abi.LIMITER_PRESSURE_SECOND) ERROR('LIMITER_PRESSURE_SECOND');
if (offsetof<LimiterState>('evictions') != abi.LIMITER_EVICTIONS) ERROR('LIMITER_EVICTIONS');
if (offsetof<LimiterState>('refusalsPending') != abi.LIMITER_REFUSALS_PENDING) ERROR('LIMITER_REFUSALS_PENDING');
if (offsetof<LimiterState>('refusalsOrphaned') != abi.LIMITER_REFUSALS_ORPHANED) ERROR('LIMITER_REFUSALS_ORPHANED');
if (offsetof<LimiterState>('pressureCount') != abi.LIMITER_PRESSURE_COUNT) ERROR('LIMITER_PRESSURE_COUNT');
if (offsetof<LimiterState>('pressureLast') != abi.LIMITER_PRESSURE_LAST) ERROR('LIMITER_PRESSURE_LAST');
if (offsetof<LimiterState>('tracked') != abi.LIMITER_TRACKED) ERROR('LIMITER_TRACKED');
if (offsetof<LimiterState>('tick') != abi.LIMITER_TICK) ERROR('LIMITER_TICK');
if (offsetof<LimiterState>('counter') != abi.LIMITER_COUNTER) ERROR('LIMITER_COUNTER');
if (offsetof<LimiterState>('epoch') != abi.LIMITER_SKETCH_EPOCH) ERROR('LIMITER_SKETCH_EPOCH');
if (offsetof<LimiterState>('written0') != abi.LIMITER_SKETCH_WRITTEN) ERROR('LIMITER_SKETCH_WRITTEN');
if (offsetof<LimiterState>('count') != abi.LIMITER_COUNT) ERROR('LIMITER_COUNT');
if (offsetof<LimiterState>('shift') != abi.LIMITER_SHIFT) ERROR('LIMITER_SHIFT');
if (offsetof<LimiterState>('stride') != abi.LIMITER_STRIDE) ERROR('LIMITER_STRIDE');
if (offsetof<LimiterState>('countersFrom') != abi.LIMITER_COUNTERS_FROM) ERROR('LIMITER_COUNTERS_FROM');
if (offsetof<LimiterState>('sets') != abi.LIMITER_SETS) ERROR('LIMITER_SETS');
if (offsetof<LimiterState>('sketchWidth') != abi.LIMITER_SKETCH_WIDTH) ERROR('LIMITER_SKETCH_WIDTH');
if (offsetof<LimiterState>('sketchShift') != abi.LIMITER_SKETCH_SHIFT) ERROR('LIMITER_SKETCH_SHIFT');
if (offsetof<LimiterState>('sketchScale') != abi.LIMITER_SKETCH_SCALE) ERROR('LIMITER_SKETCH_SCALE');
if (offsetof<LimiterState>('generationTicks') != abi.LIMITER_GENERATION_TICKS) ERROR('LIMITER_GENERATION_TICKS');
if (offsetof<LimiterState>('writtenTick0') != abi.LIMITER_SKETCH_TICK) ERROR('LIMITER_SKETCH_TICK');
if (abi.LIMITER_SKETCH_TICK + 8 * abi.SKETCH_GENERATIONS > abi.LIMITER_BYTES) ERROR('LIMITER_BYTES');

export function limiterState(): LimiterState {
  return changetype<LimiterState>(<usize>load<u32>(abi.HEADER_AT + abi.HEADER_LIMITER));
}

export function windowMs(): f64 {
  return load<f64>(abi.CONFIG_AT + abi.CONFIG_WINDOW_MS);
}

/** Takes one reading of the runtime's clock. */
export function clockRead(now: f64): void {
  // The negation also turns NaN away.
  if (!(abs<f64>(now) <= READING_MAX)) return;
  const state = limiterState();
  const reading = floor<f64>(now);
  if (state.started == 0) {
    // The window clock begins at 0, whatever the date: only differences matter.
    state.started = 1;
    state.raw = reading;
    state.offset = state.window - reading;
    return;
  }
  const step = reading - state.raw;
  if (step == 0) return;
  state.raw = reading;
  if (step > 0) state.forward = min<f64>(state.forward + min<f64>(step, STEP_MAX), FORWARD_MAX);
  if (reading + state.offset < state.window) {
    if (state.behind == 0 || reading < state.anchor) state.anchor = reading;
    state.behind = 1;
    if (reading - state.anchor < windowMs()) return;
    // A whole window of progress since the low point: this clock is the new truth.
    state.offset = state.window - (state.anchor + windowMs());
  }
  state.behind = 0;
  state.offset = min<f64>(state.offset, state.window + STEP_MAX - reading);
  const window = reading + state.offset;
  if (window != state.window) advance(state, window);
}

/**
 * Takes the clocks of an earlier limiter: its window goes on where it stood, and what has passed since is a step of the
 * raw clock like any other. False, and nothing is taken, when they contradict each other.
 */
export function clockRestore(from: LimiterState): bool {
  const started = from.started == 1;
  const behind = from.behind == 1;
  if (!(started || from.started == 0) || !(behind || from.behind == 0)) return false;
  if (!(abs<f64>(from.raw) <= READING_MAX && floor<f64>(from.raw) == from.raw)) return false;
  if (!(from.window >= 0 && from.window <= f64.MAX_SAFE_INTEGER)) return false;
  if (!(from.forward >= 0 && from.forward <= FORWARD_MAX && floor<f64>(from.forward) == from.forward)) return false;
  if (!(abs<f64>(from.offset) <= f64.MAX_SAFE_INTEGER && floor<f64>(from.offset) == from.offset)) return false;
  if (!behind && started && from.raw + from.offset != from.window) return false;
  if (behind) {
    if (!(from.anchor <= from.raw && from.raw - from.anchor < windowMs())) return false;
    if (!(floor<f64>(from.anchor) == from.anchor && from.raw + from.offset < from.window)) return false;
  }
  const state = limiterState();
  state.started = from.started;
  state.behind = from.behind;
  state.raw = from.raw;
  state.offset = from.offset;
  state.anchor = from.anchor;
  state.forward = from.forward;
  advance(state, floor<f64>(from.window));
  return true;
}

/**
 * Ms until the window clock reaches the tick `tick` (as a total) and `least` ms have passed, if the clock runs 1 ms per
 * ms. While it is behind there are two ways on: to catch up, or to make a whole window of progress — whichever is first.
 */
export function clockWait(tick: f64, least: f64): f64 {
  const state = limiterState();
  const need = ceil<f64>((tick * windowMs()) / <f64>(state.count - 1)) - state.window;
  if (need <= 0) return least;
  if (state.behind == 0) return max<f64>(least, need);
  const progress = state.raw - state.anchor;
  const gap = state.window - (state.anchor + state.offset);
  const caughtUp = max<f64>(least, gap + need - progress);
  const rebased = max<f64>(least, windowMs() + need - progress);
  // Whoever reads the clock again at or after the gap has caught up, however long ago it could have rebased.
  return progress + rebased < gap ? rebased : caughtUp;
}

function advance(state: LimiterState, window: f64): void {
  state.window = window;
  const second = floor<f64>(window / 1_000);
  if (second != state.pressureSecond) {
    state.pressureLast = second == state.pressureSecond + 1 ? state.pressureCount : 0;
    state.pressureCount = 0;
    state.pressureSecond = second;
  }
  // window × parts is exact, so the floor is: a tick begins at the first ms that is not before it.
  const total = floor<f64>((window * <f64>(state.count - 1)) / windowMs());
  if (total == state.tickTotal) return;
  state.tickTotal = total;
  state.tick = <u32>remainder(total, <f64>abi.LIMITER_TICKS);
  state.counter = state.tick % state.count;
  const generation = floor<f64>(total / <f64>state.generationTicks);
  state.generationTick = generation * <f64>state.generationTicks;
  state.epoch = <u32>remainder(generation, <f64>abi.SKETCH_EPOCHS) + 1;
}

/** Of integers; f64 `%` costs up to 200 µs in an interpreter. */
function remainder(value: f64, by: f64): f64 {
  return value - floor<f64>(value / by) * by;
}
