/**
 * Guards logs that follow one another in a store: `src/log/latest.ts`, and the keeper that notices a new one.
 */

import { describe, expect, it, vi } from 'vitest';
import * as abi from '../../../assembly/abi';
import { Turn } from '../../../src/log/latest';
import { attack, deployment, KIND, ORIGIN, ofKind, optionsOf, settled } from '../../lab/attacked';
import { lab, region, view } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';

describe('one log after the other', () => {
  const OWN = { origin: 'example.com/{instance}' };

  it('names the one before, its head, and how it ended', async () => {
    const store = new LabStore();
    const it = lab();
    const ends: string[] = [];
    for (const close of [true, false, true]) {
      it.now += 60_000;
      const th = it.make(optionsOf(store, OWN));
      attack(th, 300);
      await (close ? th.close() : th.audit.flush());
      const { origin } = th.audit.head();
      ends.push(origin);
      expect(store.text('latest')!.split('\n')[0]).toBe(origin);
      const resumes = ofKind(storedLog(store, origin), KIND.RESUME);
      const before = ends.at(-2);
      if (before === undefined) {
        expect(resumes).toEqual([]);
        continue;
      }
      const old = storedLog(store, before);
      expect(resumes.map(({ detail }) => detail)).toMatchObject([
        { origin: before, size: old.size, ended: ends.length === 2 ? 'closed' : 'open' },
      ]);
      expect(Number(resumes[0]!.record!.readBigUInt64BE(24))).toBe(old.size);
      expect(resumes[0]!.record!.subarray(80, 112).toString('hex')).toBe(old.root);
    }
  });

  it('says of one that it cannot read that it cannot, and goes on', async () => {
    const store = new LabStore([['latest', new TextEncoder().encode('gone\n')]]);
    const th = lab().make(optionsOf(store));
    attack(th, 1);
    await th.audit.flush();
    const [resume] = ofKind(storedLog(store, ORIGIN), KIND.RESUME);
    expect(resume!.detail).toMatchObject({ origin: 'gone', size: 0, ended: 'unknown' });
  });

  it.each(['\0\n', `${'x'.repeat(9_000)}\n`, ''])('goes on whatever `latest` says: %j', async (text) => {
    const store = new LabStore([['latest', new TextEncoder().encode(text)]]);
    const th = lab().make(optionsOf(store));
    attack(th, 1);
    await th.audit.flush();
    storedLog(store, ORIGIN);
  });

  it('is two logs when two instances begin at once, and each names what it found', async () => {
    const store = new LabStore();
    const instances = [1, 2, 3].map((seed) => lab({ seed }).make(optionsOf(store, OWN)));
    for (const th of instances) attack(th, 100);
    await Promise.all(instances.map((th) => th.audit.flush()));
    const logs = instances.map((th) => storedLog(store, th.audit.head().origin));
    const resumes = logs.map((log) => ofKind(log, KIND.RESUME).map(({ detail }) => detail!.origin));
    expect(resumes.flat().length).toBeGreaterThanOrEqual(2);
    expect(logs.map(({ origin }) => origin)).toContain(store.text('latest')!.split('\n')[0]);
  });

  it('after a panic: the old log is stored to its end, the new one names it', async () => {
    const store = new LabStore();
    const it = lab();
    const signer = deployment();
    const th = it.make(optionsOf(store, { signer }));
    attack(th, 100);
    await th.audit.flush();
    attack(th, 30);
    const before = th.audit.head();
    it.last().stopAt = { name: 'intercept', code: 1 };
    th.intercept({ source: 'x', payload: 'y', threat: { category: 'sqli', severity: 'high' } });
    attack(th, 10);
    await th.audit.flush();
    expect(it.violations).toEqual([]);
    const old = storedLog(store, ORIGIN, signer.vkey);
    expect([old.size, old.root]).toEqual([before.size, before.root]);
    const { origin } = th.audit.head();
    expect(origin).not.toBe(ORIGIN);
    const log = storedLog(store, origin, signer.vkey);
    expect(ofKind(log, KIND.PANIC).map(({ detail }) => detail)).toMatchObject([{ origin: ORIGIN, size: before.size }]);
    expect(ofKind(log, KIND.RESUME)).toEqual([]);
    expect(th.audit.carried()).toEqual([]);
    expect(store.text('latest')!.split('\n')[0]).toBe(origin);
  });

  it('after a panic at any moment of a flush: both are stored to their end by that flush', async () => {
    const signer = deployment();
    const calls = async (panicAt: number): Promise<number> => {
      const store = new LabStore();
      const it = lab();
      const th = it.make(optionsOf(store, { signer }));
      attack(th, 300);
      let before = th.audit.head();
      const begun = store.calls.length;
      store.fate = (_, __, number) => {
        if (number !== begun + panicAt) return 'done';
        before = th.audit.head();
        it.last().stopAt = { name: 'intercept', code: 1 };
        attack(th, 70);
        return 'done';
      };
      await th.audit.flush();
      const last = th.audit.head();
      const log = storedLog(store, last.origin, signer.vkey);
      expect([log.size, log.root], `panic at call ${panicAt}`).toEqual([last.size, last.root]);
      const made = store.calls.length - begun;
      if (panicAt < 0) return made;
      expect(last.origin).not.toBe(ORIGIN);
      const old = storedLog(store, ORIGIN, signer.vkey);
      expect([old.size, old.root], `panic at call ${panicAt}`).toEqual([before.size, before.root]);
      // Whoever watches is the writer of the new log.
      attack(th, 70);
      await vi.waitFor(() => expect(storedLog(store, last.origin, signer.vkey).size).toBeGreaterThan(last.size));
      return made;
    };
    const made = await calls(-1);
    expect(made).toBeGreaterThan(8);
    for (let at = 0; at < made; at++) await calls(at);
  });

  it('after a panic the new log is watched, and loses no record while the store takes nothing', async () => {
    const it = lab();
    const store = new LabStore();
    const th = it.make(optionsOf(store, { maxRecords: 1_024 }));
    attack(th, 100);
    await th.audit.flush();
    attack(th, 65);
    store.fate = () => 'refused';
    const failing = th.audit.flush().catch(() => {});
    it.last().stopAt = { name: 'intercept', code: 1 };
    attack(th, 1);
    await failing;
    for (let i = 0; i < 40; i++) {
      attack(th, 100);
      await settled();
    }
    expect(th.watcher.snapshot().audit).toMatchObject({ lost: 0 });
    store.fate = () => 'done';
    await th.audit.flush();
    const { origin, size } = th.audit.head();
    expect(storedLog(store, origin).size).toBe(size);
  });

  it('after a panic before anything was stored: both are there', async () => {
    const store = new LabStore();
    const it = lab();
    const th = it.make(optionsOf(store));
    attack(th, 30);
    it.last().stopAt = { name: 'intercept', code: 1 };
    attack(th, 1);
    await th.audit.flush();
    const log = storedLog(store, th.audit.head().origin);
    expect(ofKind(log, KIND.PANIC)).toHaveLength(1);
  });

  it('after a panic keeps what could not be stored: a run that does not follow on what lies there stays with the caller', async () => {
    const store = new LabStore();
    const it = lab();
    const signer = deployment();
    const th = it.make(optionsOf(store, { signer }));
    attack(th, 30);
    const { size } = th.audit.head();
    // One record of memory is damaged: what comes after it does not follow on what comes before.
    view(it.last()).setUint8(region(it.last(), abi.HEADER_RING) + 12 * abi.LOG_BYTES + abi.LOG_TIME, 0xff);
    it.last().stopAt = { name: 'intercept', code: 1 };
    th.intercept({ source: 'x', payload: 'y', threat: { category: 'sqli', severity: 'high' } });
    const carried = th.audit.carried().filter(({ origin }) => origin === ORIGIN);
    expect(carried.map(({ from, records }) => [from, records.length])).toEqual([
      [0, 12],
      [13, size - 13],
    ]);
    await th.audit.flush();
    expect(th.audit.carried().map(({ from, records }) => [from, records.length])).toEqual([
      [0, 12],
      [13, size - 13],
    ]);
    th.audit.releaseCarried(ORIGIN);
    expect(th.audit.carried()).toEqual([]);
  });
});

it('a turn that is ours already writes nothing; another one that is quicker for ever ends in a conflict', async () => {
  const kept = new Map<string, Uint8Array>();
  let swaps = 0;
  const store = {
    get: async (key: string) => kept.get(key),
    putIfAbsent: async () => expect.unreachable(),
    swap: async (key: string, next: Uint8Array, expected: Uint8Array | undefined) => {
      swaps++;
      if (Buffer.compare(kept.get(key) ?? Buffer.alloc(0), expected ?? Buffer.alloc(0)) !== 0) return 'conflict';
      kept.set(key, next);
      return 'swapped';
    },
  };
  const log = { link: () => ({ origin: 'example.com/a' }), append: () => expect.unreachable() };
  const port = { log, store, now: () => 0, random: (bytes: Uint8Array) => void bytes.fill(7), wasOurs: () => true };
  await new Turn(port as never, 'example.com/a').take(true);
  expect([swaps, new TextDecoder().decode(kept.get('latest'))]).toEqual([1, `example.com/a\n${'07'.repeat(16)}\n`]);
  await new Turn(port as never, 'example.com/a').take(true);
  expect(swaps).toBe(1);
  const quicker = {
    ...port,
    store: { ...store, swap: async () => 'conflict' },
    random: (b: Uint8Array) => void b.fill(8),
  };
  await expect(new Turn(quicker as never, 'example.com/a').take(true)).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
});
