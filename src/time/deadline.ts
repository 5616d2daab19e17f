/**
 * Waiting with an end: what a promise gives, or `LATE`.
 *
 * Relies on: the platform's `setTimeout`, touched only when called.
 * Refuses: to leave a timer behind, or a rejection that nobody handles, however late it comes.
 *
 * @module
 */

/** Said instead of a value when the time was over first. */
export const LATE: unique symbol = Symbol('late');

/** Timers of the platforms count in signed 32 bits: a longer time fires at once, which would fail every request. */
export const WAIT_MS_MAX = 2_147_483_647;

/** What `work` gives, or `LATE` after `ms`. A rejection in time is passed on, one that comes later is nobody's. */
export function within<T>(work: PromiseLike<T>, ms: number): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, LATE);
    Promise.resolve(work).then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
