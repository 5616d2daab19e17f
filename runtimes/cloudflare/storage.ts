/**
 * What else of a Durable Object's storage is used beside its memory (memory.ts): the ids of evidence that waits to be sent
 * on, and the log's store behind the memory.
 *
 *   tracehound_waiting   ids of evidence, in the order of their rows. An id is random and says nothing about a payload
 *
 * Whoever controls the storage could remove ids, and so keep evidence from being sent on while it is held; the log says that
 * it was taken in.
 *
 * Relies on: SQL without waiting. Refuses: to wait for a store longer than `STORE_MS`, and to give it a view of more memory
 * than it is to store.
 */
import type { WaitingIds } from '../../src/cold/queue';
import { tightBytes } from '../../src/formats/bytes';
import { inTime, lateStore } from '../../src/time/deadline';
import type { LogStore } from '../../src/types/index';
import type { MemoryStorage, ObjectMemory } from './memory';

/** How long the log's store may take for one object, ms. */
const STORE_MS = 10_000;

export function waitingIn(sql: MemoryStorage['sql']): WaitingIds {
  // It held `category:SHA-256(payload)` in clear text.
  sql.exec('DROP TABLE IF EXISTS tracehound_evidence');
  sql.exec('CREATE TABLE IF NOT EXISTS tracehound_waiting (id TEXT PRIMARY KEY)');
  return {
    add: (id) => {
      sql.exec('INSERT OR IGNORE INTO tracehound_waiting (id) VALUES (?)', id);
    },
    first: () =>
      sql.exec('SELECT id FROM tracehound_waiting ORDER BY rowid LIMIT 1').toArray()[0]?.id as string | undefined,
    remove: (id) => {
      sql.exec('DELETE FROM tracehound_waiting WHERE id = ?', id);
    },
  };
}

/** `store`, that takes nothing of a log before the object's own memory has it: else the log could be ahead of its writer. */
export function storedAfter(memory: ObjectMemory, store: LogStore): LogStore {
  const late = lateStore('log store', STORE_MS);
  return {
    get: (key) => inTime(store.get(key), STORE_MS, late),
    putIfAbsent: async (key, bytes) => {
      await memory.commit();
      return inTime(store.putIfAbsent(key, tightBytes(bytes)), STORE_MS, late);
    },
    swap: async (key, bytes, expected) => {
      await memory.commit();
      return inTime(store.swap(key, tightBytes(bytes), expected && tightBytes(expected)), STORE_MS, late);
    },
    ...(store.delete && {
      delete: async (key: string) => inTime((async () => (await store.delete?.(key)) ?? false)(), STORE_MS, late),
    }),
  };
}
