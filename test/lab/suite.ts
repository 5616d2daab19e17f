/**
 * The suites of `test/conformance` as tests of our runner: one test a promise, each with a subject of its own.
 *
 * Relies on: vitest. Refuses: to know what is looked at.
 */
import { describe, it } from 'vitest';
import type { LogStore } from '../../src/types/index';
import type { Held } from '../conformance/hold';
import { LOG_STORE_CASES, type StoreStage } from '../conformance/store';

export function suite<Stage>(name: string, make: () => Stage | Promise<Stage>, cases: readonly Held<Stage>[]): void {
  describe(name, () => {
    it.each(cases.map((each) => [each.promise, each] as const))('%s', async (_, { run }) => run(await make()));
  });
}

/** What every store that can hold a log promises. */
export function storeSuite(name: string, make: () => StoreStage<LogStore> | Promise<StoreStage<LogStore>>): void {
  suite(`${name}, as every store`, make, LOG_STORE_CASES);
}

/** The longest key leaves no room for a prefix: whoever asks for it gets the store without one. */
const LONGEST = 1_023;

/** A store below a prefix of its own, so that one bucket serves many cases, and the prefix is looked at along. */
export function prefixed(below: LogStore, whole: LogStore): LogStore {
  const of = (key: unknown): LogStore => (typeof key === 'string' && key.length >= LONGEST ? whole : below);
  return {
    get: (key) => of(key).get(key),
    putIfAbsent: (key, bytes) => of(key).putIfAbsent(key, bytes),
    swap: (key, bytes, expected) => of(key).swap(key, bytes, expected),
    ...(below.delete && { delete: async (key: string) => (await of(key).delete?.(key)) ?? false }),
  };
}

/** Something that can be cut off: `guarded` rejects with `cause` while it is. */
export function outages(cause: Error): { guarded: <T>(act: () => T) => T; outage: () => () => void } {
  let cut = false;
  return {
    guarded: (act) => {
      if (cut) throw cause;
      return act();
    },
    outage: () => {
      cut = true;
      return () => {
        cut = false;
      };
    },
  };
}
