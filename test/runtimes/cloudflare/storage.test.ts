/**
 * Guards `runtimes/cloudflare/storage.ts`: ids wait in their order and once each, a log's store is never ahead of the object's
 * own memory, and a store that does not answer is not waited for without end.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObjectMemory } from '../../../runtimes/cloudflare/memory';
import { storedAfter, waitingIn } from '../../../runtimes/cloudflare/storage';
import type { LogStore } from '../../../src/types/index';
import { sqliteStorage } from '../../lab/sqlite';

describe('ids that wait', () => {
  it('come in the order in which they were added, each once, and are there when the object wakes', () => {
    const { sql } = sqliteStorage();
    const waiting = waitingIn(sql);
    for (const id of ['b', 'a', 'b', 'c']) waiting.add(id);
    const order: (string | undefined)[] = [];
    for (let id = waiting.first(); id !== undefined; id = waitingIn(sql).first()) {
      order.push(id);
      waiting.remove(id);
    }
    expect(order).toEqual(['b', 'a', 'c']);
    expect(waiting.first()).toBeUndefined();
  });

  it('leave nothing of the table that held hashes of payloads', () => {
    const { sql } = sqliteStorage();
    sql.exec('CREATE TABLE tracehound_evidence (signature TEXT)');
    waitingIn(sql);
    const names = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    expect(names).toEqual([{ name: 'tracehound_waiting' }]);
  });
});

const memoryOf = (commit: () => Promise<void>) => ({ commit }) as unknown as ObjectMemory;

/** A store that notes what it is asked. */
function noting(notes: string[]) {
  const views: Uint8Array[] = [];
  const store: LogStore = {
    get: async (key) => {
      notes.push(`get ${key}`);
      return undefined;
    },
    putIfAbsent: async (key, bytes) => {
      notes.push(`put ${key}`);
      views.push(bytes);
      return 'created';
    },
    swap: async (key, bytes, expected) => {
      notes.push(`swap ${key}`);
      views.push(bytes, ...(expected ? [expected] : []));
      return 'swapped';
    },
    delete: async (key) => {
      notes.push(`delete ${key}`);
      return true;
    },
  };
  return { store, views };
}

describe('a log whose store comes after the memory', () => {
  it('is written only once the memory has committed', async () => {
    const notes: string[] = [];
    const memory = memoryOf(async () => {
      notes.push('commit begins');
      await Promise.resolve();
      notes.push('commit ends');
    });
    const after = storedAfter(memory, noting(notes).store);
    expect(await after.putIfAbsent('a', Uint8Array.of(1))).toBe('created');
    expect(await after.swap('b', Uint8Array.of(1), undefined)).toBe('swapped');
    expect(await after.get('c')).toBeUndefined();
    expect(await after.delete?.('d')).toBe(true);
    const commit = ['commit begins', 'commit ends'];
    expect(notes).toEqual([...commit, 'put a', ...commit, 'swap b', 'get c', 'delete d']);
  });

  it('is not written when the memory failed', async () => {
    const notes: string[] = [];
    const failed = new Error('disk');
    const after = storedAfter(
      memoryOf(() => Promise.reject(failed)),
      noting(notes).store,
    );
    await expect(after.putIfAbsent('a', Uint8Array.of(1))).rejects.toBe(failed);
    await expect(after.swap('a', Uint8Array.of(1), undefined)).rejects.toBe(failed);
    expect(notes).toEqual([]);
  });

  it('hands out no view of more memory than it writes', async () => {
    const { store, views } = noting([]);
    const after = storedAfter(
      memoryOf(async () => {}),
      store,
    );
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    await after.putIfAbsent('a', whole.subarray(1, 4));
    await after.swap('a', whole.subarray(1, 3), whole.subarray(2, 4));
    expect(views).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2), Uint8Array.of(2, 3)]);
    for (const view of views) expect(view.buffer.byteLength).toBe(view.byteLength);
  });

  it('cannot delete where its store cannot', () => {
    const { delete: _, ...store } = noting([]).store;
    expect(
      storedAfter(
        memoryOf(async () => {}),
        store,
      ).delete,
    ).toBeUndefined();
  });
});

describe('a store that does not answer', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each(['get', 'putIfAbsent', 'swap', 'delete'] as const)('is late after ten seconds: %s', async (name) => {
    const never = (): Promise<never> => new Promise(() => {});
    const after = storedAfter(
      memoryOf(async () => {}),
      { get: never, putIfAbsent: never, swap: never, delete: never },
    );
    let state: unknown = 'waits';
    const work = (after[name] as (...args: unknown[]) => Promise<unknown>)('a', Uint8Array.of(1), undefined);
    work.catch((error) => {
      state = error;
    });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(state).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    expect(state).toMatchObject({ code: 'STORE_FAILED', recoverable: true });
  });
});
