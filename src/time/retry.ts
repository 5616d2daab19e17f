/**
 * How often something that fails is tried again, and how often that is said.
 *
 *   pauses    first, 2 × first, 4 × first … at most max          reports   the 1st, 2nd, 4th, 8th … of a kind
 *
 * Relies on: nothing. Refuses: to wait and to read a clock: the caller does both.
 *
 * @module
 */

/** Whether the `count`-th event of a kind is reported: what is broken for a day then takes twenty lines, not a million. */
export function isWorthReporting(count: number): boolean {
  return count >= 1 && 2 ** Math.round(Math.log2(count)) === count;
}

/** Ms to wait after the `failures`-th failure in a row (1, 2, 3 …): `firstMs`, doubled for each further one, at most `maxMs`. */
export function pauseMs(failures: number, firstMs: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, failures - 1), maxMs);
}
