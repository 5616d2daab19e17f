/**
 * What a store can be asked to do, for tests that interrupt it: what was there before, the act, and what may be there
 * afterwards.
 */
import type { LogStore } from '../../src/types/ports';

const text = (of: string): Uint8Array => new TextEncoder().encode(of.repeat(100));
export const OLD: Uint8Array = text('old ');
export const NEW: Uint8Array = text('new ');
export const KEY = 'log/checkpoint';

export interface Act {
  prepare(store: LogStore): Promise<unknown>;
  run(store: LogStore): Promise<string>;
  readonly before: Uint8Array | undefined;
}

export const acts: Readonly<Record<string, Act>> = {
  put: { prepare: async () => undefined, run: (store) => store.putIfAbsent(KEY, NEW), before: undefined },
  'first swap': { prepare: async () => undefined, run: (store) => store.swap(KEY, NEW, undefined), before: undefined },
  'swap of what was put': {
    prepare: (store) => store.putIfAbsent(KEY, OLD),
    run: (store) => store.swap(KEY, NEW, OLD),
    before: OLD,
  },
  'swap of what was swapped': {
    prepare: async (store) => {
      await store.putIfAbsent(KEY, NEW);
      await store.swap(KEY, OLD, NEW);
    },
    run: (store) => store.swap(KEY, NEW, OLD),
    before: OLD,
  },
};
