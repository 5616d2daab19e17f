/**
 * A store that does all that a store may do, in memory, and can be cut off: what the suite of stores is shown to pass.
 *
 * Relies on: the rules of keys and bytes that every store of the package shares. Refuses: to be durable.
 */

import { type LogStore, TracehoundError } from '../../src/index';
import { copyOf, isEqual, partsOf } from '../../src/stores/keys';
import type { StoreStage } from '../conformance/store';
import { outages } from './suite';

export type WholeStore = Required<LogStore>;

/** A store over `objects`; `faults` take the place of acts of it. */
export function wholeStore(
  faults: (store: WholeStore, objects: Map<string, Uint8Array>) => Partial<WholeStore> = () => ({}),
): StoreStage<WholeStore> {
  const objects = new Map<string, Uint8Array>();
  const { guarded, outage } = outages(new Error('no route'));
  const reached = (): void => {
    try {
      guarded(() => {});
    } catch (cause) {
      throw new TracehoundError('STORE_FAILED', 'whole store: not reached', { cause, recoverable: true });
    }
  };
  const store: WholeStore = {
    async putIfAbsent(key, bytes) {
      partsOf(key);
      const copy = copyOf(bytes);
      reached();
      if (objects.has(key)) return 'exists';
      objects.set(key, copy);
      return 'created';
    },
    async get(key) {
      partsOf(key);
      reached();
      return objects.get(key)?.slice();
    },
    async swap(key, bytes, expected) {
      partsOf(key);
      const copy = copyOf(bytes);
      const before = expected && copyOf(expected, 'expected');
      reached();
      const current = objects.get(key);
      if (current === undefined || before === undefined ? current !== before : !isEqual(current, before)) {
        return 'conflict';
      }
      objects.set(key, copy);
      return 'swapped';
    },
    async list(prefix, { after, limit = 1_000 } = {}) {
      reached();
      const found = [...objects.keys()]
        .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
        .sort(); // Keys are ASCII, so the order of UTF-16 is that of bytes.
      const keys = found.slice(0, limit);
      return keys.length < found.length ? { keys, after: keys.at(-1)! } : { keys };
    },
    async delete(key) {
      partsOf(key);
      reached();
      return objects.delete(key);
    },
    retention: async () => 'none',
  };
  return { store: { ...store, ...faults(store, objects) }, outage };
}
