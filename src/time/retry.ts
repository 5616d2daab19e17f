/**
 * Failures that repeat: how many of them are said aloud, so that whoever can cause them does not own the error log.
 *
 * Relies on: nothing. Refuses: a clock. It counts; how long to wait is for those who have a clock.
 */

/** Failures in a row. Says the 1st, the 2nd, the 4th, the 8th …: n failures make ⌊log₂ n⌋ + 1 lines. */
export class Failures {
  #count = 0;

  /** Since the last success. */
  get count(): number {
    return this.#count;
  }

  /** Counts one more; `true` when this one is worth a line. */
  add(): boolean {
    // 2³¹ is where bitwise arithmetic would turn negative: what failed that often was said 32 times.
    if (this.#count < 0x7fffffff) this.#count++;
    return isPowerOfTwo(this.#count);
  }

  /** It worked: the next failure is a first one again. */
  end(): void {
    this.#count = 0;
  }
}

const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0;

/** A pause that doubles with each failure in a row: `firstMs` after the first, at most `mostMs`. */
export function pauseMs(failures: number, firstMs: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, failures - 1), mostMs);
}
