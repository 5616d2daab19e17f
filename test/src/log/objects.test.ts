/**
 * Guards the objects of a log in a store that somebody else writes to: `src/log/objects.ts`.
 */

import { describe, expect, it } from 'vitest';
import { LogObjects } from '../../../src/log/objects';
import { attack, ORIGIN, optionsOf } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';

describe('a store that somebody else writes to, or that forgets', () => {
  it('ends the writing when another head lies there', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 10);
    await th.audit.flush();
    store.objects.set(`${ORIGIN}/checkpoint`, new TextEncoder().encode(`${ORIGIN}\n999\nAAAA\n\n— x AAAAAAAA\n`));
    attack(th, 10);
    await expect(th.audit.flush()).rejects.toMatchObject({
      code: 'LOG_CONFLICT',
      message: 'store: another writer of this origin, expected the head of size 12 that we left, got its head',
    });
    await expect(th.audit.flush()).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
    expect(th.watcher.snapshot().audit.store).toBe('stopped');
    expect(store.text(`${ORIGIN}/checkpoint`)).toContain('999');
  });

  it.each([
    ['an older head', (store: LabStore, old: Uint8Array) => store.objects.set(`${ORIGIN}/checkpoint`, old), '12'],
    ['no head at all', (store: LabStore) => store.objects.delete(`${ORIGIN}/checkpoint`), 'none'],
  ])('ends the writing when %s lies there', async (_, change, got) => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 10);
    await th.audit.flush();
    const old = store.objects.get(`${ORIGIN}/checkpoint`)!;
    attack(th, 10);
    await th.audit.flush();
    change(store, old);
    attack(th, 10);
    await expect(th.audit.flush()).rejects.toMatchObject({
      code: 'LOG_ROLLBACK',
      message: `store: went backwards, expected the head of size 22 that we left, got ${got}`,
    });
  });

  it('never overwrites what lies where it wants to write', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 10);
    await th.audit.flush();
    attack(th, 2);
    const path = `${ORIGIN}/tile/entries/000.p/14`;
    store.objects.set(path, Uint8Array.of(1));
    // Our head still lies there, so it was nobody after us: what nobody signed may go.
    await th.audit.flush();
    expect(storedLog(store, ORIGIN).size).toBe(14);
    const fresh = new LabStore([[`${ORIGIN}/tile/entries/000.p/12`, Uint8Array.of(1)]]);
    const other = lab().make(optionsOf(fresh));
    attack(other, 10);
    await expect(other.audit.flush()).rejects.toMatchObject({
      code: 'LOG_CONFLICT',
      message: "store: tile/entries/000.p/12 is another's, expected our bytes, got others",
    });
  });

  it('refuses an origin that has a log', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 10);
    await th.close();
    const again = lab({ seed: 2 }).make(optionsOf(store));
    attack(again, 1);
    await expect(again.audit.flush()).rejects.toMatchObject({
      code: 'LOG_CONFLICT',
      message: expect.stringMatching(/^audit.origin: in use/),
    });
    storedLog(store, ORIGIN);
  });
});

it('records are put last: who finds them finds their tile and their sidecars', async () => {
  const put: string[] = [];
  const store = {
    putIfAbsent: async (key: string) => {
      put.push(key);
      return 'created';
    },
  };
  const objects = new LogObjects(store as never, 'a.b', {} as never, undefined, []);
  const bytes = new Uint8Array(32);
  await objects.create([
    ['tile/entries/000', bytes],
    ['tile/0/000', bytes],
    ['tile/details/000', bytes],
  ]);
  expect(put).toEqual(['a.b/tile/0/000', 'a.b/tile/details/000', 'a.b/tile/entries/000']);
  expect([objects.checkpoint, objects.stopped]).toEqual([undefined, undefined]);
});
