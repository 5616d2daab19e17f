/**
 * Guards when a log is stored and what is said when nothing happens: `src/log/stored.ts`.
 */

import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { LogKeeper } from '../../../src/log/stored';
import type { Runtime } from '../../../src/types/index';
import { attack, KIND, kinds, ofKind, optionsOf, settled, timed, until } from '../../lab/attacked';
import { lab, region, view } from '../../lab/lab';
import { LabStore } from '../../lab/store';

describe('time', () => {
  it('signs once a second what there is, and says each minute that it is alive', async () => {
    const it = lab();
    const { runtime, tick } = timed(it);
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store), runtime });
    attack(th, 3);
    await tick(1_000);
    await until(store, ({ size }) => size === 5);
    const calls = store.calls.length;
    for (let i = 0; i < 58; i++) await tick(1_000);
    expect(store.calls.length).toBe(calls);
    await tick(1_000);
    const log = await until(store, (each) => kinds(each).at(-1) === KIND.HEARTBEAT);
    // Totals: seen and flagged, six bytes each.
    expect(log.records.at(-1)!.record!.subarray(80, 92).toString('hex')).toBe('000000000003000000000003');
    expect(log.records.at(-1)!.detail).toBeUndefined();
  });

  it('says the five totals, six bytes each, and the largest number for one that has no room', async () => {
    const it = lab();
    const { runtime, tick } = timed(it);
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store), runtime });
    attack(th, 1);
    const totals = [2 ** 48 - 1, 2 ** 32 - 1, 2 ** 40 + 3, 0, 2 ** 60];
    for (const [i, total] of totals.entries()) {
      view(it.last()).setFloat64(region(it.last(), abi.HEADER_AUDIT) + abi.AUDIT_SEEN + 8 * i, total, true);
    }
    await tick(60_000);
    const log = await until(store, (each) => ofKind(each, KIND.HEARTBEAT).length > 0);
    const laid = ofKind(log, KIND.HEARTBEAT)[0]!.record!.subarray(80, 112);
    expect(totals.map((_, i) => laid.readUIntBE(6 * i, 6))).toEqual([...totals.slice(0, 4), 2 ** 48 - 1]);
    expect(laid.readUInt16BE(30)).toBe(0);
  });

  it('says what was exempt, refused and not kept besides, in the place of a source', async () => {
    const it = lab();
    const { runtime, tick } = timed(it);
    const store = new LabStore();
    const th = it.make({
      ...optionsOf(store),
      maxPayloadBytes: 256,
      rateLimit: { windowMs: 60_000, limit: 3 },
      runtime,
    });
    for (let i = 0; i < 5; i++) th.intercept({ source: '192.0.2.77' });
    for (let i = 0; i < 3; i++) th.http.counters.count('allowed');
    for (let i = 0; i < 2; i++) {
      th.intercept({ source: '192.0.2.78', payload: 'x'.repeat(257), threat: { category: 'sqli', severity: 'low' } });
    }
    await tick(60_000);
    const log = await until(store, (each) => ofKind(each, KIND.HEARTBEAT).length > 0);
    const laid = ofKind(log, KIND.HEARTBEAT)[0]!.record!.subarray(144, 176);
    const [allowed, limited, dropped, shed, lostEvents] = [0, 1, 2, 3, 4].map((i) => laid.readUIntBE(6 * i, 6));
    expect({ allowed, limited, dropped, shed, lostEvents }).toEqual({
      allowed: 3,
      limited: 2,
      dropped: 2,
      shed: 0,
      lostEvents: 0,
    });
    expect(laid.readUInt16BE(30)).toBe(0);
  });

  it('that goes backwards is told in the next sign of life', async () => {
    const it = lab();
    const { runtime, tick } = timed(it);
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store), runtime });
    attack(th, 1);
    it.now -= 700;
    attack(th, 1);
    it.now -= 300;
    attack(th, 1);
    for (let i = 0; i < 64; i++) await tick(1_000);
    const log = await until(store, (each) => ofKind(each, KIND.HEARTBEAT).length > 0);
    const [checkpoint, ...more] = ofKind(log, KIND.HEARTBEAT);
    expect(checkpoint!.detail).toMatchObject({ clockBack: { count: 2, ms: 1_000 } });
    expect(more).toEqual([]);
  });

  it('is told by requests where there are no timers: what waits goes with the answer, at most once a second', async () => {
    const it = lab();
    const kept: unknown[] = [];
    const defer = async (work: Promise<unknown>, context: unknown): Promise<void> => {
      kept.push(context);
      await work;
    };
    const runtime = Object.create(it.runtime, { defer: { value: defer } }) as Runtime;
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store), runtime });
    th.http.runtime.ship('before anything');
    attack(th, 3);
    it.now += 1_000;
    th.http.runtime.ship('first');
    th.http.runtime.ship('too soon');
    await until(store, ({ size }) => size === 5);
    it.now += 60_000;
    th.http.runtime.ship('second');
    await until(store, (log) => kinds(log).at(-1) === KIND.HEARTBEAT);
    expect(kept).toEqual(['before anything', 'first', 'second']);
    const other = timed(it);
    const timedOne = it.make({ ...optionsOf(new LabStore()), runtime: other.runtime });
    attack(timedOne, 1);
    timedOne.http.runtime.ship('not needed');
    lab().make({}).http.runtime.ship('no store');
    expect(kept).toHaveLength(3);
  });

  it('goes on when the core stops in a sign of life, or is not revived any more', async () => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', hear);
    try {
      const it = lab();
      const { runtime, tick } = timed(it);
      const store = new LabStore();
      const th = it.make({ ...optionsOf(store), runtime });
      attack(th, 3);
      for (const panics of [1, 2, 3]) {
        it.now += 1;
        it.last().stopAt = { name: 'append', code: 1 };
        await tick(panics === 1 ? 60_000 : 1_000);
        if (panics === 1) expect(th.watcher.snapshot().core.panics).toBe(1);
        it.last().stopAt = { name: 'intercept', code: 1 };
        th.intercept({ source: 'x' });
      }
      expect(th.watcher.snapshot().status).toBe('down');
      await tick(60_000);
      await expect(th.audit.flush()).rejects.toMatchObject({ code: 'CORE_DOWN' });
      await settled();
    } finally {
      process.off('unhandledRejection', hear);
    }
    expect(unhandled).toEqual([]);
  });

  it('stops with close, and does not begin before the first call', async () => {
    const it = lab();
    const timer = timed(it);
    const store = new LabStore();
    const th = it.make({ ...optionsOf(store), runtime: timer.runtime });
    await timer.tick(1_000);
    expect(it.cores).toEqual([]);
    attack(th, 1);
    await th.close();
    expect(timer.waiting).toBe(0);
  });
});

it('a keeper of a log that nobody has begun has signed nothing, is well, and asks its store for nothing', async () => {
  const unused = async (): Promise<never> => expect.unreachable();
  const store = { get: unused, putIfAbsent: unused, swap: unused };
  const options = {
    store,
    policy: 'continue',
    checkpointMs: 1_000,
    heartbeatMs: 60_000,
    rotateMs: 3_600_000,
    timeoutMs: 10_000,
    tail: true,
  };
  const port = {
    isUp: () => false,
    now: () => 0,
    troubles: { raise: () => {}, end: () => {} },
    log: { alarmAt: () => {} },
    runtime: {},
  };
  const keeper = new LogKeeper(port as never, { ...options, opened: undefined } as never);
  expect([keeper.storeState, keeper.signedSize, keeper.ended]).toEqual(['ok', 0, false]);
  await keeper.close();
});
