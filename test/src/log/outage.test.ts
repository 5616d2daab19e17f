/**
 * Guards a log while its store takes nothing: `src/log/outage.ts`, `segments.ts`, and what the writer makes of them.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import { verifyInclusion } from '../../../src/formats/tlog';
import { Outage } from '../../../src/log/outage';
import type { Tracehound, Trouble } from '../../../src/types/index';
import { attack, KIND, kinds, ORIGIN, ofKind, optionsOf, settled, timed } from '../../lab/attacked';
import { type Lab, lab } from '../../lab/lab';
import { type Fate, LabStore, TidyStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';
import { into, type StoredAudit } from '../../lab/written';

describe('a network that fails', () => {
  /** How many calls a run without trouble makes. */
  async function run(fate: LabStore['fate']): Promise<{ store: LabStore; th: Tracehound; errors: unknown[] }> {
    const store = new LabStore();
    store.fate = fate;
    const it = lab();
    const th = it.make(optionsOf(store));
    const errors: unknown[] = [];
    for (const count of [70, 200, 300]) {
      attack(th, count);
      for (let attempt = 0; attempt < 3; attempt++) {
        it.now += 10_000;
        const failed = await th.audit.flush().then(
          () => false,
          (error: unknown) => {
            errors.push(error);
            return true;
          },
        );
        if (!failed) break;
      }
    }
    return { store, th, errors };
  }

  it.each(['refused', 'unanswered'] as const)(
    'once, at any call, %s: costs a repeat and nothing else',
    async (fate) => {
      const { store: sound } = await run(() => 'done');
      const calls = sound.calls.length;
      expect(calls).toBeGreaterThan(20);
      for (let call = 0; call < calls; call++) {
        const { store, th, errors } = await run((_, __, number) => (number === call ? fate : 'done'));
        expect(errors.length, sound.calls[call]).toBeLessThanOrEqual(1);
        for (const error of errors) expect(error).toMatchObject({ code: 'STORE_FAILED', recoverable: true });
        const log = storedLog(store, ORIGIN);
        expect(log.missing).toEqual([]);
        expect(log.size).toBe(th.audit.head().size);
        expect(ofKind(log, KIND.FAILED).length).toBe(ofKind(log, KIND.EVACUATED).length);
      }
    },
  );

  it('for long is said once, tried again with growing pauses, and told when it is over', async () => {
    const it = lab();
    const { runtime, tick } = timed(it);
    const store = new LabStore();
    store.fate = () => 'refused';
    const th = it.make({ ...optionsOf(store), runtime });
    attack(th, 5);
    const at: number[] = [];
    const start = it.now;
    for (let i = 0; i < 300; i++) {
      const before = store.calls.length;
      await tick(1_000);
      if (store.calls.length > before) at.push((it.now - start) / 1_000);
    }
    expect(at).toEqual([1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
    expect(th.watcher.snapshot().audit.store).toBe('failing');
    store.fate = () => 'done';
    await tick(60_000);
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    expect(ofKind(log, KIND.FAILED).map(({ detail }) => detail)).toMatchObject([
      { what: 'log', code: 'STORE_FAILED', from: 0 },
    ]);
    expect(ofKind(log, KIND.EVACUATED).map(({ detail }) => detail)).toMatchObject([
      { what: 'log', from: 0, attempts: 10 },
    ]);
    expect(th.watcher.snapshot().audit.store).toBe('ok');
  });
});

describe('a store that takes nothing for so long that memory ends', () => {
  async function outage(count: number, audit: StoredAudit = {}): Promise<{ store: LabStore; th: Tracehound; it: Lab }> {
    const it = lab();
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store, { maxRecords: 1_024, ...audit }), quarantine: { maxCount: 16 } });
    attack(th, 10);
    await th.audit.flush();
    store.fate = () => 'refused';
    for (let i = 0; i < count; i += 50) {
      attack(th, 25, 'low');
      attack(th, 25, 'high');
      await Promise.resolve();
    }
    return { store, th, it };
  }

  it('keeps everything while the ring has room', async () => {
    const { store, th } = await outage(200);
    store.fate = () => 'done';
    await th.audit.flush();
    expect(storedLog(store, ORIGIN).missing).toEqual([]);
  });

  it('first gives up content of low severity, and every leaf stays provable', async () => {
    const { store, th } = await outage(5_000);
    store.fate = () => 'done';
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    expect(log.size).toBe(th.audit.head().size);
    expect(log.missing.length).toBeGreaterThan(100);
    expect(log.missing.every((seq) => seq < log.size - 16 * 256)).toBe(true);
    expect(ofKind(log, KIND.GAP)).toEqual([]);
    expect(th.watcher.snapshot().audit).toMatchObject({ lost: 0, unreleased: 0 });
    const seq = log.missing[0]!;
    const proof = await th.audit.proveInclusion(seq);
    expect(verifyInclusion(proof.leaf, proof, log.root)).toBe(true);
  });

  it('then gives up whole segments but for one hash, and names them in GAPs when it is over', async () => {
    const { store, th } = await outage(30_000);
    store.fate = () => 'done';
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    expect(log.root).toBe(th.audit.head().root);
    expect(ofKind(log, KIND.GAP).length).toBe(1);
    // What came last is still there: 64 segments, of which 16 whole.
    const given = new Set(log.missing);
    const kept = log.records.filter(({ seq }) => !given.has(seq)).length;
    expect(kept).toBeGreaterThan(16 * 256 + 48 * 100);
    expect(kept).toBeLessThan(70 * 256);
    expect(log.missing.every((seq) => seq < log.size - 16 * 256)).toBe(true);
    expect(th.watcher.snapshot().audit).toMatchObject({ lost: 0, unreleased: 0 });
    // The first segment holds GENESIS and KEY: without them nobody could check the rest.
    expect(kinds(log).filter((kind) => kind === KIND.GENESIS || kind === KIND.KEY)).toHaveLength(2);
  });

  it('and what comes while a part is on its way is stored after it, also when its segment filled up meanwhile', async () => {
    for (const count of [50, 150, 250, 253, 300, 500]) {
      const store = new LabStore();
      const th = lab().make({ ...optionsOf(store, { maxRecords: 1_024 }), quarantine: { maxCount: 16 } });
      attack(th, count);
      let flood = true;
      store.fate = async (act): Promise<Fate> => {
        if (act !== 'putIfAbsent' || !flood) return 'done';
        flood = false;
        for (let i = 0; i < 7; i++) {
          attack(th, 50);
          await Promise.resolve();
        }
        return 'done';
      };
      await th.audit.flush();
      await th.audit.flush();
      const log = storedLog(store, ORIGIN);
      expect([log.size, log.missing], `${count} before`).toEqual([th.audit.head().size, []]);
    }
  });

  it('or, with the policy to halt, refuses what would append a record, and loses none', async () => {
    const it = lab();
    const store = new LabStore();
    const th = it.make(optionsOf(store, { maxRecords: 1_024, policy: 'halt' }));
    store.fate = () => 'refused';
    attack(th, 300);
    const [handle] = th.quarantine.list();
    expect(() => attack(th, 1_000)).toThrow('audit: no room for another record');
    const threat = { category: 'sqli', severity: 'high' } as const;
    expect(th.intercept({ source: 'x', threat })).toMatchObject({ status: 'error', error: { code: 'LOG_FULL' } });
    expect(th.intercept({ source: 'x' })).toMatchObject({
      status: 'error',
      error: { code: 'LOG_FULL', recoverable: true },
    });
    expect(await th.interceptAsync({ source: 'x', threat })).toMatchObject({ error: { code: 'LOG_FULL' } });
    expect(() => th.quarantine.neutralize(handle!.signature)).toThrow('no room for another record');
    expect(() => th.quarantine.read(handle!.signature)).toThrow('no room for another record');
    expect(() => th.http.limits.charge('x', 'refused')).toThrow('no room for another record');
    // Looking costs no record.
    expect(th.quarantine.get(handle!.signature)).toBeDefined();
    const size = th.audit.head().size;
    store.fate = () => 'done';
    await th.audit.flush();
    attack(th, 400);
    await th.audit.flush();
    const log = storedLog(store, ORIGIN);
    expect(log.missing).toEqual([]);
    expect(log.size).toBeGreaterThanOrEqual(size + 400);
    expect(ofKind(log, KIND.GAP)).toEqual([]);
  });
});

describe('what somebody who operates an instance is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-outage-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const heard = (th: Tracehound): Trouble[] => {
    const troubles: Trouble[] = [];
    th.on('trouble', (trouble) => troubles.push(trouble));
    return troubles;
  };

  it('that a folder cannot be written to, before anybody flushes', async () => {
    const file = join(folder, 'a file');
    writeFileSync(file, 'not a folder');
    const world = lab();
    const { runtime, tick } = timed(world);
    const audit = into(fsStore(join(file, 'logs')), { origin: ORIGIN });
    const th = world.make({ runtime, rateLimit: false, audit, quiet: true });
    const troubles = heard(th);
    attack(th, 1);
    await tick(1_000);
    await vi.waitFor(() => expect(troubles.map(({ code }) => code)).toContain('LOG_NOT_STORED'));
    expect(troubles.at(-1)).toMatchObject({ code: 'LOG_NOT_STORED', count: 1, detail: { code: 'STORE_FAILED' } });
    expect(th.watcher.snapshot().audit).toMatchObject({ store: 'failing', since: world.now });
    await expect(th.close()).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: false });
  });

  it('that the store takes nothing, 1, 2, 4 … times, that records were given up, and no more once it is over', async () => {
    const world = lab();
    const store = new LabStore();
    const th = world.make({ ...optionsOf(store, { maxRecords: 1_024 }), quarantine: { maxCount: 16 }, quiet: true });
    const troubles = heard(th);
    attack(th, 10);
    store.fate = () => 'refused';
    for (let i = 0; i < 9; i++) await th.audit.flush().catch(() => {});
    const told = troubles.filter(({ code }) => code !== 'SECRET_NOT_SET');
    expect(told.map(({ code, count }) => `${code} ${count}`)).toEqual([1, 2, 4, 8].map((n) => `LOG_NOT_STORED ${n}`));
    for (let i = 0; i < 600; i++) {
      attack(th, 50);
      await Promise.resolve();
    }
    await settled();
    expect(troubles.some(({ code }) => code === 'RECORDS_LOST')).toBe(true);
    expect(th.watcher.snapshot().troubles.map(({ code }) => code)).toContain('LOG_NOT_STORED');
    store.fate = () => 'done';
    await th.audit.flush();
    expect(th.watcher.snapshot().troubles.map(({ code }) => code)).not.toContain('LOG_NOT_STORED');
  });

  it('that another writer took the log over, and that parts stay in its store', async () => {
    const store = new TidyStore();
    store.fate = (act) => (act === 'delete' ? 'refused' : 'done');
    const th = lab().make({ ...optionsOf(store), quiet: true });
    const troubles = heard(th);
    for (let i = 0; i < 3; i++) {
      attack(th, 2);
      await th.audit.flush();
    }
    await settled();
    expect(troubles.map(({ code }) => code)).toContain('LOG_LEFTOVERS');
    store.fate = () => 'done';
    attack(th, 1);
    await th.audit.flush();
    expect(th.watcher.snapshot().troubles.map(({ code }) => code)).not.toContain('LOG_LEFTOVERS');
    expect(store.keys(`${ORIGIN}/tile/0/`)).toHaveLength(1);
    store.objects.set(`${ORIGIN}/checkpoint`, new TextEncoder().encode(`${ORIGIN}\n999\nAAAA\n\n— x AAAAAAAA\n`));
    attack(th, 1);
    await expect(th.audit.flush()).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
    await settled();
    expect(troubles.at(-1)).toMatchObject({ code: expect.stringMatching(/^LOG_/) });
    expect(th.watcher.snapshot().troubles.map(({ code }) => code)).toContain('LOG_STOPPED');
    expect(th.watcher.snapshot().audit.store).toBe('stopped');
  });
});

it('pauses double from one second to one minute, and the record of an outage is written once', () => {
  let now = 1_000;
  const raised: string[] = [];
  const appended: string[] = [];
  const port = {
    log: {
      append: (_: number, kind: string) => void appended.push(kind),
      link: () => ({ origin: 'example.com/log' }),
    },
    now: () => now,
    random: (bytes: Uint8Array) => void bytes.fill(1),
    trouble: { raise: (code: string) => void raised.push(code), end: () => {} },
  };
  const outage = new Outage(port as never, 'example.com/log');
  expect([outage.isOn, outage.isDue, outage.since]).toEqual([false, true, undefined]);
  const pauses: number[] = [];
  for (let i = 0; i < 9; i++) {
    expect(outage.fail(new Error('down'), 5)).toMatchObject({ code: 'STORE_FAILED', recoverable: true });
    const began = now;
    while (!outage.isDue) now += 500;
    pauses.push(now - began);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect([outage.isOn, outage.since]).toEqual([true, 1_000]);
  expect(appended).toEqual(['evacuation_failed']);
  expect(new Set(raised)).toEqual(new Set(['LOG_NOT_STORED']));
});
