/**
 * A store in the SQLite database of a Durable Object: for a log whose writer is that object.
 *
 * Relies on: SQL without waiting, so that nothing happens between a question and the write it decides; `sync`, which
 * resolves once what was written is durable. Refuses: objects beyond what a row can hold. One object is one place: what
 * lies here is read through that object only, and ends with it.
 *
 * @module
 */
import { TracehoundError } from '../errors';
import type { LogStore } from '../types/ports';
import { plug } from '../validate/index';
import { copyOf, isEqual, partsOf } from './keys';

export type { LogStore, Store } from '../types/ports';

/** What is used of `DurableObjectState.storage`, of a class that is listed in `new_sqlite_classes`. */
export interface DurablePort {
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): Record<string, unknown>[] } };
  sync(): Promise<void>;
}

/** A row holds 2 MB, its key included. */
const OBJECT_BYTES_MAX = 1_900_000;

/**
 * A store over the storage of a Durable Object. Its table is `tracehound_objects`. Failures reject with `STORE_FAILED`.
 * Throws `TypeError` for storage without SQL.
 *
 * @example
 * const store = durableStore(this.ctx.storage);
 */
export function durableStore(storage: DurablePort): LogStore {
  plug<DurablePort>('durableStore.storage', storage, ['sync'], 'that of a Durable Object with SQLite');
  plug<DurablePort['sql']>('durableStore.storage.sql', storage.sql, ['exec'], 'that of a Durable Object with SQLite');
  let isMade = false;
  const asked = (query: string, ...bindings: unknown[]): Record<string, unknown>[] => {
    try {
      if (!isMade) {
        storage.sql.exec('CREATE TABLE IF NOT EXISTS tracehound_objects (key TEXT PRIMARY KEY, bytes BLOB NOT NULL)');
        isMade = true;
      }
      return storage.sql.exec(query, ...bindings).toArray();
    } catch (cause) {
      throw new TracehoundError(
        'STORE_FAILED',
        'durable store: the database failed, expected an answer, got an error',
        { cause, recoverable: true },
      );
    }
  };
  const read = (key: string): Uint8Array | undefined => {
    const row = asked('SELECT bytes FROM tracehound_objects WHERE key = ?', key)[0];
    // workerd hands out an ArrayBuffer, other SQLites a view.
    return row && new Uint8Array(row.bytes as ArrayBuffer);
  };
  const synced = async (): Promise<void> => {
    try {
      await storage.sync();
    } catch (cause) {
      throw new TracehoundError('STORE_FAILED', 'durable store: not durable, expected `sync` to end, got an error', {
        cause,
        recoverable: true,
      });
    }
  };
  const write = async (key: string, bytes: Uint8Array): Promise<void> => {
    if (bytes.length > OBJECT_BYTES_MAX) {
      const problem = `too large, expected ≤ ${OBJECT_BYTES_MAX} bytes, got ${bytes.length}`;
      throw new TracehoundError('STORE_FAILED', `durable store: ${problem}`);
    }
    asked('INSERT OR REPLACE INTO tracehound_objects (key, bytes) VALUES (?, ?)', key, bytes);
    await synced();
  };

  return Object.freeze({
    async putIfAbsent(key: string, bytes: Uint8Array) {
      partsOf(key);
      const copy = copyOf(bytes);
      if (read(key) !== undefined) return 'exists';
      await write(key, copy);
      return 'created';
    },
    async get(key: string) {
      partsOf(key);
      return read(key);
    },
    async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined) {
      partsOf(key);
      const copy = copyOf(bytes);
      const before = expected === undefined ? undefined : copyOf(expected, 'expected');
      const current = read(key);
      const isExpected = current === undefined || before === undefined ? current === before : isEqual(current, before);
      if (!isExpected) return 'conflict';
      await write(key, copy);
      return 'swapped';
    },
    async delete(key: string) {
      partsOf(key);
      if (read(key) === undefined) return false;
      asked('DELETE FROM tracehound_objects WHERE key = ?', key);
      await synced();
      return true;
    },
  } satisfies LogStore);
}
