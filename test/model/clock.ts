/**
 * The limiter's two clocks, told by one untrustworthy reading: the *window* clock, which never runs back, and the
 * *forward* clock, the sum of all forward steps, by which blocks end.
 *
 * Relies on: nothing. Refuses: readings that are no number of a real clock (they are simply no reading).
 *
 * Why not one clock: a window that forgets too early admits too much, so its clock must not be fooled into running
 * faster; a block that ends too late locks someone out, so its clock must not be fooled into standing still.
 */

/** The largest time value of ECMAScript (§21.4.1.1). */
export const READING_MAX = 8.64e15;
/** 139 years: no step counts for more, so that thousands of mad readings do not use up the integers of an f64. */
export const STEP_MAX = 2 ** 42;
export const FORWARD_MAX = 2 ** 52;

export class Clock {
  started = false;
  raw = 0;
  /** window = raw + offset, except while behind. */
  window = 0;
  offset = 0;
  behind = false;
  /** The lowest reading since the clock fell behind. */
  anchor = 0;
  forward = 0;
  readonly windowMs: number;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  read(now: number): void {
    if (!(Math.abs(now) <= READING_MAX)) return;
    const reading = Math.floor(now);
    if (!this.started) {
      // The window clock begins at 0, whatever the date: only differences matter.
      this.started = true;
      this.raw = reading;
      this.offset = this.window - reading;
      return;
    }
    const step = reading - this.raw;
    this.raw = reading;
    if (step > 0) this.forward = Math.min(this.forward + Math.min(step, STEP_MAX), FORWARD_MAX);
    if (reading + this.offset < this.window) {
      if (!this.behind) {
        this.behind = true;
        this.anchor = reading;
      }
      this.anchor = Math.min(this.anchor, reading);
      if (reading - this.anchor < this.windowMs) return;
      // A whole window of progress since the low point: this clock is the new truth, and the glitch is forgotten.
      this.offset = this.window - (this.anchor + this.windowMs);
    }
    this.behind = false;
    this.offset = Math.min(this.offset, this.window + STEP_MAX - reading);
    this.window = reading + this.offset;
  }

  clone(): Clock {
    return Object.assign(new Clock(this.windowMs), this);
  }
}
