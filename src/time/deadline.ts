/**
 * Waiting with an end: what a promise gives, or `LATE`.
 *
 * Relies on: the platform's `setTimeout`, touched only when called.
 * Refuses: to leave a timer behind, or a rejection that nobody handles, however late it comes.
 *
 * @module
 */
import { TracehoundError } from '../errors';

/** Said instead of a value when the time was over first. */
export const LATE: unique symbol = Symbol('late');

/** Timers of the platforms count in signed 32 bits: a longer time fires at once, which would fail every request. */
export const WAIT_MS_MAX = 2_147_483_647;

/**
 * What `work` gives, or `LATE` after `ms`, at most `WAIT_MS_MAX` of them. A rejection in time is passed on, one that comes
 * later is nobody's.
 */
export function within<T>(work: PromiseLike<T>, ms: number): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(ms, WAIT_MS_MAX), LATE);
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

/** As `within`; what comes too late rejects with what `late` makes. */
export async function inTime<T>(work: PromiseLike<T>, ms: number, late: () => Error): Promise<T> {
  const answer = await within(work, ms);
  if (answer === LATE) throw late();
  return answer;
}

/** What a store that did not answer in time is reported as; for `inTime`. */
export function lateStore(part: string, ms: number): () => TracehoundError {
  return () =>
    new TracehoundError('STORE_FAILED', `${part}: late, expected an answer within ${ms} ms, got none`, {
      recoverable: true,
    });
}
