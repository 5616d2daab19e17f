/**
 * Guards the log’s way into a store: `src/log/writer.ts`. What lies there is read back by test/lab/stored-log.ts, which shares no
 * line with it.
 */

import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../../src/log/writer';
import { attack, KIND, kinds, ORIGIN, optionsOf, settled, until } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';

describe('a log with a store', () => {
  it('lies there whole after a flush, as tiles that prove its head', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 700);
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    const head = th.audit.head();
    expect([log.size, log.root]).toEqual([head.size, head.root]);
    expect(log.size).toBe(702); // GENESIS, KEY
    expect(log.missing).toEqual([]);
    expect(kinds(log).filter((kind) => kind === 2)).toHaveLength(700);
    expect(th.watcher.snapshot().audit).toMatchObject({ signed: 702, unreleased: 0, store: 'ok', lost: 0 });
  });

  it('is written create-only: only the head and the newest log’s name are ever replaced', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    for (let i = 0; i < 20; i++) {
      attack(th, 37);
      await th.audit.flush();
    }
    const swapped = store.calls.filter((call) => call.startsWith('swap')).map((call) => call.slice(5));
    expect([...new Set(swapped)].sort()).toEqual([`${ORIGIN}/checkpoint`, 'latest']);
    expect(swapped.filter((key) => key === 'latest')).toHaveLength(1);
    storedLog(store, ORIGIN);
  });

  it('is signed after 64 records without anybody asking', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 63);
    await settled();
    expect(store.calls).toEqual([]);
    for (let size = 64; size < 300; size += 65) {
      attack(th, 65);
      await until(store, (log) => log.size >= size);
    }
  });

  it('ends with CLOSE, signed, after everything else', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    attack(th, 3);
    await th.close();
    const log = storedLog(store, ORIGIN);
    expect(kinds(log)).toEqual([KIND.GENESIS, 2, 2, 2, KIND.KEY, KIND.CLOSE]);
    await th.close();
    await th.audit.flush();
    expect(storedLog(store, ORIGIN).size).toBe(6);
  });

  it('closes an instance that nobody used without a log', async () => {
    const store = new LabStore();
    await lab().make(optionsOf(store)).close();
    expect(store.calls).toEqual([]);
  });

  it('keeps sidecars beside the tiles', async () => {
    const store = new LabStore();
    const th = lab().make(optionsOf(store));
    th.intercept({
      source: 'a',
      payload: 'x',
      threat: { category: 'sqli', severity: 'high', rule: '942100', score: 12 },
    });
    const [handle] = th.quarantine.list();
    th.quarantine.neutralize(handle!.signature, { actor: 'kim', purpose: 'triage' });
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    expect(log.records[0]!.detail).toMatchObject({ origin: ORIGIN, runtime: 'lab' });
    expect(log.records[1]!.detail).toMatchObject({ rule: '942100', score: 12, signature: handle!.signature });
    expect(log.records[2]!.detail).toMatchObject({ actor: 'kim', purpose: 'triage' });
    expect(log.records[3]!.detail).toHaveProperty('note');
  });

  it('refuses to have its records released by hand', () => {
    const th = lab().make(optionsOf(new LabStore()));
    expect(() => th.audit.release(0)).toThrow('audit.release: the store releases');
  });

  it('goes on for 100,000 records in bounded memory', async () => {
    const store = new LabStore();
    const th = lab().make({ ...optionsOf(store), quarantine: { maxCount: 64 } });
    for (let i = 0; i < 100; i++) {
      attack(th, 500);
      await th.audit.flush();
    }
    const log = storedLog(store, ORIGIN);
    expect(log.size).toBeGreaterThan(99_000);
    expect(log.missing).toEqual([]);
    expect(th.watcher.snapshot().audit).toMatchObject({ unreleased: 0, lost: 0 });
  });
});

it('a writer that wrote nothing has no head, and knows the log it will write', () => {
  const port = { store: {}, trouble: {}, log: {}, now: () => 0, random: () => {} };
  expect(new LogWriter(port as never, {} as never, 'example.com/log').origin).toBe('example.com/log');
});
