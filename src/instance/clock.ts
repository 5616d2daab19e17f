/**
 * The clock of an instance: what the platform says, made into numbers that a log can stand on.
 *
 * Relies on: a function that reads the platform's clock. Refuses: to hand on what is no time; to correct a clock that runs
 * back, which it counts for the log instead; and to tell the time to calls that come after the end.
 */
import { TracehoundError } from '../errors';

/** Latest time that a Date can hold, ms (ECMA-262 §21.4.1.1). */
const TIME_MS_MAX = 8.64e15;

/** How often a clock went backwards since the last question, and how far in all. */
export interface ClockSteps {
  readonly count: number;
  readonly ms: number;
}

export interface SteadyClock {
  readonly now: () => number;
  readonly steps: () => ClockSteps;
}

/** A clock that answers a number whatever the platform does: a bad reading repeats the last good one. */
export function steady(read: () => number): SteadyClock {
  let last = 0;
  let back: ClockSteps = { count: 0, ms: 0 };
  return {
    now: () => {
      const now = read();
      if (!(typeof now === 'number' && now >= 0 && now <= TIME_MS_MAX)) return last;
      if (now < last) back = { count: back.count + 1, ms: back.ms + last - now };
      last = now;
      return now;
    },
    steps: () => {
      const said = back;
      back = { count: 0, ms: 0 };
      return said;
    },
  };
}

/** The clock of calls from outside: it answers while the instance is open. */
export class OpenClock {
  readonly #now: () => number;
  readonly #refusal: (() => TracehoundError | undefined) | undefined;
  isClosed = false;

  /** `refusal`: why no record may be appended now. */
  constructor(now: () => number, refusal: (() => TracehoundError | undefined) | undefined) {
    this.#now = now;
    this.#refusal = refusal;
  }

  /** For a call that needs an open instance. Throws `CLOSED`. */
  readonly time = (): number => {
    if (this.isClosed) throw closedError();
    return this.#now();
  };

  /** For a call that appends records. Throws also when none may be appended. */
  readonly actTime = (): number => {
    const error = this.#refusal?.();
    if (error !== undefined) throw error;
    return this.time();
  };
}

export function closedError(): TracehoundError {
  return new TracehoundError('CLOSED', 'tracehound: closed, expected an open instance, got a call after close()');
}
