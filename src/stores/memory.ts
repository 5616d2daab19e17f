/**
 * A store in memory: for tests, for demonstrations, and for a log that somebody fetches before the process ends.
 *
 * Relies on: keys. Refuses: to grow without bound. Beyond `maxBytes` it fails as a full disk does.
 *
 * Trusted as much as the process it lives in: durable until that ends.
 *
 * @module
 */
import { TracehoundError } from '../errors';
import type { LogStore } from '../types/ports';
import { integer, readGroup } from '../validate/index';
import { copyOf, isEqual, partsOf } from './keys';

export type { LogStore, Store } from '../types/ports';

export interface MemoryStore extends LogStore {
  /** Every key that is there, sorted. */
  keys(): string[];
}

/** Keys and their bookkeeping are small beside tiles; they are not counted. */
const BYTES_MAX = 64 * 1_048_576;

/**
 * A store in memory of at most `maxBytes` (64 MiB).
 *
 * @example
 * const store = memoryStore();
 * await store.putIfAbsent('a/b', new Uint8Array(1));
 */
export function memoryStore(options: { maxBytes?: number } = {}): MemoryStore {
  const given = readGroup('memoryStore', 'memoryStore.', options, ['maxBytes']);
  const maxBytes = integer('memoryStore.maxBytes', given.maxBytes, BYTES_MAX, 0, Number.MAX_SAFE_INTEGER, 'bytes');
  const objects = new Map<string, Uint8Array>();
  let held = 0;

  /** Everything below happens without waiting in between: two callers cannot both see the same moment. */
  const put = (key: string, bytes: Uint8Array): void => {
    const grown = held + bytes.length - (objects.get(key)?.length ?? 0);
    if (grown > maxBytes) {
      throw new TracehoundError('STORE_FAILED', `memory store: full, expected ≤ ${maxBytes} bytes, got ${grown}`, {
        recoverable: true, // As a full disk: somebody may take something away.
      });
    }
    held = grown;
    objects.set(key, bytes);
  };

  return Object.freeze({
    async putIfAbsent(key: string, bytes: Uint8Array) {
      partsOf(key);
      const copy = copyOf(bytes);
      if (objects.has(key)) return 'exists';
      put(key, copy);
      return 'created';
    },
    async get(key: string) {
      partsOf(key);
      return objects.get(key)?.slice();
    },
    async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined) {
      partsOf(key);
      const copy = copyOf(bytes);
      const before = expected === undefined ? undefined : copyOf(expected, 'expected');
      const current = objects.get(key);
      const isExpected = current === undefined || before === undefined ? current === before : isEqual(current, before);
      if (!isExpected) return 'conflict';
      put(key, copy);
      return 'swapped';
    },
    async delete(key: string) {
      partsOf(key);
      held -= objects.get(key)?.length ?? 0;
      return objects.delete(key);
    },
    keys: () => [...objects.keys()].sort(),
  } satisfies MemoryStore);
}
