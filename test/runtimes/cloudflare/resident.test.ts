/**
 * Guards the instance in a Durable Object without the platform around it: what was answered is stored first, the log in the
 * store is never ahead of its writer, and whoever wakes goes on with both. test/wide has the real one.
 *
 * Files: `runtimes/cloudflare/resident.ts`.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ObjectContext, type ObjectOptions, Resident } from '../../../runtimes/cloudflare/resident';
import type { Signer, Source, Tracehound } from '../../../src/types/index';
import { parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { seeded } from '../../ground';
import { lab } from '../../lab/lab';
import { copyOf, sqliteStorage } from '../../lab/sqlite';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';
import { deploymentKey, ORIGIN, written } from '../../lab/written';

// What the platform's log would say.
beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterEach(() => void vi.restoreAllMocks());

const secret = new Uint8Array(32).fill(7);
const signer: Signer = deploymentKey();

/** A process of the object: ends without a word. What it does afterwards reaches nothing. */
interface Process {
  readonly ctx: ObjectContext;
  readonly aborts: string[];
  readonly deferred: Promise<unknown>[];
  alarmAt: number | undefined;
  end(): void;
}

function process(disk: ReturnType<typeof sqliteStorage>): Process {
  let ended = false;
  const alive = <T>(work: () => T): T => {
    if (ended) throw new Error('ended');
    return work();
  };
  const it: Process = {
    aborts: [],
    deferred: [],
    alarmAt: undefined,
    end: () => {
      ended = true;
    },
    ctx: {
      id: 'object',
      storage: {
        sql: { exec: (...of) => alive(() => disk.sql.exec(...of)) },
        transactionSync: (work) => alive(() => disk.transactionSync(work)),
        setAlarm: async (at) => {
          it.alarmAt = at;
        },
      },
      waitUntil: (work) => {
        it.deferred.push(work);
      },
      abort: (reason = '') => {
        ended = true;
        it.aborts.push(reason);
      },
    },
  };
  return it;
}

const plain: ObjectOptions = {
  secret,
  rateLimit: { limit: 5, windowMs: 60_000, blockMs: 10_000, maxSources: 64 },
  quarantine: { maxCount: 512, maxBytes: 2 ** 20, maxShare: 1 },
  audit: { maxRecords: 1_024 },
};
const kept = (logs: LabStore, more: Partial<ObjectOptions> = {}): ObjectOptions => ({
  ...plain,
  rateLimit: false,
  audit: { signer, maxRecords: 1_024 },
  log: { store: logs },
  ...more,
});

let sent = 0;
const threat = (source: Source = `s${sent}`) => ({
  source,
  payload: `attack ${sent++}`,
  threat: { category: 'sqli', severity: 'high' as const },
});
const attack = (th: Tracehound, count: number): string[] =>
  Array.from({ length: count }, () => {
    const result = th.intercept(threat());
    if (result.status !== 'quarantined') throw new Error(result.status);
    return result.evidence.signature;
  });

async function verdicts(logs: LabStore, origin: string) {
  const get = async (path: string) => logs.objects.get(`${origin}/${path}`);
  const widths = async (path: string): Promise<number[]> =>
    logs.keys(`${origin}/${path}.p/`).map((key) => Number(key.split('/').at(-1)));
  return verifyLog(storeSource(get, { origin, widths }), { policy: parsePolicy(`log ${signer.vkey}\nquorum none\n`) });
}

describe('an instance in an object', () => {
  it('wakes as it was: limits, blocks, evidence, the log', async () => {
    const disk = sqliteStorage();
    const first = await Resident.wake(process(disk).ctx, plain);
    for (let i = 0; i < 6; i++) await first.act((th) => th.rateLimiter.check('192.0.2.1'));
    const held = await first.act((th) => th.intercept(threat('192.0.2.2')));
    const head = first.th.audit.head();
    const second = await Resident.wake(process(disk).ctx, plain);
    expect(second.th.audit.head()).toEqual(head);
    expect(second.th.rateLimiter.peek('192.0.2.1')).toMatchObject({ allowed: false, blocked: true });
    expect(second.th.quarantine.stats.count).toBe(1);
    expect(second.th.quarantine.get((held as { evidence: { signature: string } }).evidence.signature)).toBeDefined();
    expect(second.th.audit.verify()).toMatchObject({ ok: true, gaps: 0 });
  });

  it('asks for what it needs', async () => {
    const { ctx } = process(sqliteStorage());
    const refused = (options: object) => Resident.wake(ctx, options as ObjectOptions);
    await expect(refused({ ...plain, secret: undefined })).rejects.toThrow('secret: missing, expected ≥ 32 bytes');
    await expect(refused({ ...plain, log: { store: new LabStore() } })).rejects.toThrow('log: nobody vouches for it');
    await expect(refused({ ...plain, evidence: new LabStore() })).rejects.toThrow('evidence: cannot be proved');
    await expect(refused({ ...plain, quarantine: { maxCount: -1 } })).rejects.toThrow('quarantine.maxCount: too small');
  });

  it('ends when its memory cannot be stored, and nobody is answered', async () => {
    const disk = sqliteStorage();
    const first = process(disk);
    const resident = await Resident.wake(first.ctx, plain);
    await resident.act((th) => th.rateLimiter.check('192.0.2.1'));
    const stored = resident.th.audit.head();
    first.ctx.storage.transactionSync = () => {
      throw new Error('disk full');
    };
    await expect(resident.act((th) => th.intercept(threat()))).rejects.toThrow('disk full');
    expect(first.aborts).toEqual(['Tracehound: not stored (Error: disk full)']);
    // What was not answered did not happen.
    const second = await Resident.wake(process(disk).ctx, plain);
    expect(second.th.audit.head()).toEqual(stored);
    expect(second.th.quarantine.stats.count).toBe(0);
  });

  it('does not go on after a write that failed, even if the next one would not', async () => {
    const disk = sqliteStorage();
    const first = process(disk);
    const resident = await Resident.wake(first.ctx, plain);
    await resident.act((th) => th.rateLimiter.check('192.0.2.1'));
    const { transactionSync } = first.ctx.storage;
    first.ctx.abort = () => {};
    first.ctx.storage.transactionSync = () => {
      first.ctx.storage.transactionSync = transactionSync;
      throw new Error('once');
    };
    await expect(resident.act((th) => th.intercept(threat()))).rejects.toThrow('once');
    await expect(resident.act((th) => th.intercept(threat()))).rejects.toThrow('once');
  });

  it('lists blocks where others look, and takes them off', async () => {
    const entries = new Map<string, [value: string, ttl: number | undefined]>();
    const blocks = {
      get: async (key: string) => entries.get(key)?.[0] ?? null,
      put: async (key: string, value: string, options?: { expirationTtl?: number }) => {
        entries.set(key, [value, options?.expirationTtl]);
      },
      delete: async (key: string) => {
        entries.delete(key);
      },
    };
    const first = process(sqliteStorage());
    let now = 1_700_000_000_000;
    const resident = await Resident.wake(first.ctx, { ...plain, blocks, clock: () => now });
    for (let i = 0; i < 5; i++) resident.blocked('2001:db8::1', 10_000 - i);
    await Promise.all(first.deferred);
    expect(first.deferred).toHaveLength(1);
    const [[key, [until, ttl]]] = [...entries] as [[string, [string, number]]];
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(Number(until)).toBe(now + 10_000);
    expect(ttl).toBe(60); // The least that KV takes.
    now += 1;
    // Another spelling, the same source.
    await resident.unblocked('2001:db8:0:0::1');
    expect(entries.size).toBe(0);
    // Blocked anew, and longer: listed anew.
    resident.blocked('2001:db8::1', 10_000);
    resident.blocked('2001:db8::1', 12_000);
    await Promise.all(first.deferred);
    expect(entries.get(key)).toEqual([String(now + 12_000), 60]);
  });
});

describe('an alarm', () => {
  const refusing = (th: Tracehound) => th.http.limits.charge('192.0.2.1');

  it('is set before anybody is answered whose act left a record behind', async () => {
    const first = process(sqliteStorage());
    const resident = await Resident.wake(first.ctx, plain);
    const set = Promise.withResolvers<void>();
    first.ctx.storage.setAlarm = () => set.promise;
    let answered = false;
    const acts = [resident.record(refusing), resident.intercept(threat())];
    for (const act of acts) {
      act.then(() => {
        answered = true;
      });
    }
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    set.resolve();
    await Promise.all(acts);
  });

  it('that cannot be set is no answer: who asked is told, and the next one asks for it again', async () => {
    const first = process(sqliteStorage());
    const resident = await Resident.wake(first.ctx, plain);
    const { setAlarm } = first.ctx.storage;
    let failures = 0;
    first.ctx.storage.setAlarm = () => {
      failures++;
      return Promise.reject(new Error('no alarm'));
    };
    for (let i = 0; i < 20; i++) {
      const act = i % 2 === 0 ? resident.record(refusing) : resident.intercept(threat());
      await expect(act).rejects.toThrow('no alarm');
    }
    expect(failures).toBe(20);
    first.ctx.storage.setAlarm = setAlarm;
    await resident.intercept(threat());
    expect(first.alarmAt).toBeDefined();
    // What failed was decided all the same, and is stored.
    const { size } = resident.th.audit.head();
    expect((await Resident.wake(first.ctx, plain)).th.audit.head().size).toBe(size);
  });
});

describe('a core that is down for good', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'ends its object, which wakes as it was stored and answers: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const [disk, it] = [sqliteStorage(), lab({ seed })];
      const first = process(disk);
      const resident = await Resident.wake(first.ctx, plain, it.runtime);
      const held = 1 + roll(20);
      for (let i = 0; i < held; i++) await resident.intercept(threat(`s${i}`));
      if (roll(2) === 0) await resident.alarm();
      const down = async (): Promise<unknown> => {
        for (let i = 0; i < 10; i++) {
          const name = ['intercept', 'rateCheck'][roll(2)]!;
          it.last().stopAt = { name, code: 1 };
          try {
            await (name === 'rateCheck'
              ? resident.act((th) => th.rateLimiter.check('x'))
              : resident.record((th) => th.http.limits.charge('x')));
          } catch (error) {
            if ((error as { code?: string }).code === 'CORE_DOWN') return error;
          }
        }
        return undefined;
      };
      expect(await down()).toBeDefined();
      expect(first.aborts[0]).toBe('Tracehound: the core is down');
      // Nothing of the core that stopped is stored.
      await expect(resident.act((th) => th.rateLimiter.check('x'))).rejects.toMatchObject({ code: 'CORE_DOWN' });
      const second = process(disk);
      const woken = await Resident.wake(second.ctx, plain, lab({ seed: seed + 100 }).runtime);
      expect(woken.th.quarantine.stats.count).toBe(held);
      expect(woken.th.audit.verify().ok).toBe(true);
      expect(await woken.intercept(threat('another'))).toMatchObject({ status: 'quarantined' });
      expect(second.aborts).toEqual([]);
    },
  );
});

describe('a store that hangs', () => {
  afterEach(() => void vi.useRealTimers());
  const never = (): Promise<never> => new Promise(() => {});
  /** `work`, which must end within so many seconds of timers, however long cryptography takes in between. */
  const inSeconds = async <T>(most: number, work: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    let seconds = 0;
    while (!isDone) {
      for (let i = 0; i < 20 && !isDone; i++) await new Promise((resolve) => setImmediate(resolve));
      // Without a timer it is the cryptography that is waited for, or it hangs, which the runner ends.
      if (!isDone && vi.getTimerCount() > 0) {
        await vi.advanceTimersByTimeAsync(100);
        seconds += 0.1;
      }
    }
    expect(seconds).toBeLessThan(most);
    return done;
  };

  it('keeps no object from waking, and no alarm from ending', async () => {
    const [disk, logs, evidence] = [sqliteStorage(), new LabStore(), new LabStore()];
    const options = kept(logs, { evidence });
    const first = await Resident.wake(process(disk).ctx, options);
    await first.intercept(threat());
    await first.alarm();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (const hanging of [logs, evidence]) {
      const { get, putIfAbsent, swap } = hanging;
      Object.assign(hanging, { get: never, putIfAbsent: never, swap: never });
      const two = process(disk);
      const second = await inSeconds(3, Resident.wake(two.ctx, options));
      expect(await second.intercept(threat())).toMatchObject({ status: 'quarantined' });
      two.alarmAt = undefined;
      await inSeconds(60, second.alarm());
      // It is asked for again, and nobody was kept waiting.
      expect(two.alarmAt).toBeDefined();
      two.end();
      vi.clearAllTimers(); // They end with it.
      Object.assign(hanging, { get, putIfAbsent, swap });
    }
    const last = await Resident.wake(process(disk).ctx, options);
    // On a busy machine the cryptography may outlast a deadline of these fast clocks: the next alarm does the rest.
    const { count } = last.th.quarantine.stats;
    for (let turn = 0; turn < 5 && evidence.keys().length < count; turn++) await inSeconds(60, last.alarm());
    expect(evidence.keys()).toHaveLength(count);
  });
});

describe('what lies in the storage beside the memory', () => {
  it('says nothing of a payload: no signature, no hash, while evidence waits', async () => {
    const [disk, logs, evidence] = [sqliteStorage(), new LabStore(), new LabStore()];
    evidence.fate = () => 'refused';
    disk.sql.exec('CREATE TABLE tracehound_evidence (signature TEXT PRIMARY KEY)');
    disk.sql.exec("INSERT INTO tracehound_evidence VALUES ('sqli:of an earlier version')");
    const one = process(disk);
    const resident = await Resident.wake(one.ctx, kept(logs, { evidence }));
    const handles = [];
    for (let i = 0; i < 20; i++) {
      const result = await resident.intercept(threat());
      if (result.status === 'quarantined') handles.push(result.evidence);
    }
    await Promise.allSettled(one.deferred);
    const tables = disk.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    expect(tables.map(({ name }) => name).sort()).toEqual([
      'tracehound_calls',
      'tracehound_pages',
      'tracehound_waiting',
    ]);
    const all = tables.flatMap(({ name }) => disk.sql.exec(`SELECT * FROM ${name}`).toArray());
    const text = all
      .flatMap((row) => Object.values(row))
      .map((value) => Buffer.from(value instanceof Uint8Array ? value : String(value)).toString('latin1'))
      .join('\n');
    expect(handles).toHaveLength(20);
    for (const { id, signature, hash } of handles) {
      expect(text).toContain(id);
      for (const secret of [signature, hash, Buffer.from(hash, 'hex').toString('latin1'), 'sqli']) {
        expect(text).not.toContain(secret);
      }
    }
  });
});

describe('the log of an object', () => {
  it('goes on in one log, whenever the process ends, and is never ahead of what wakes', async () => {
    const base = { disk: sqliteStorage(), logs: new LabStore() };
    const begun = await Resident.wake(process(base.disk).ctx, kept(base.logs));
    await begun.act((th) => attack(th, 200));
    await begun.alarm();
    const { origin } = begun.th.audit.head();
    let kills = 0;
    for (let kill = 0; ; kill++) {
      const { disk, logs } = { disk: copyOf(base.disk), logs: base.logs.copy() };
      let answered = 0;
      let done = false;
      for (let round = 0; round < 3; round++) {
        const one = process(disk);
        const from = logs.calls.length;
        const dead = Promise.withResolvers<void>();
        logs.fate = async (_, __, number) => {
          if (number < from + kill) return 'done';
          one.end();
          dead.resolve();
          // Gone: this call happened or did not, and nobody hears of it.
          if (number === from + kill && (kill + round) % 2 === 0) return 'unanswered';
          return 'refused';
        };
        const resident = await Resident.wake(one.ctx, kept(logs)).catch(() => undefined);
        if (resident !== undefined) {
          expect(resident.th.audit.head().size).toBeGreaterThanOrEqual(answered);
          const acts = resident
            .act((th) => attack(th, 70))
            .then(() => {
              answered = resident.th.audit.head().size;
            });
          await acts.catch(() => {});
          const flushed = resident.act((th) => th.audit.flush()).then(() => 'whole');
          done = (await Promise.race([flushed.catch(() => 'failed'), dead.promise])) === 'whole';
          one.end();
          await Promise.allSettled([flushed, ...one.deferred]);
        }
        logs.fate = () => 'done';
        expect(await verdicts(logs, origin), `killed at call ${kill}, round ${round}`).toMatchObject({
          integrity: 'good',
          authenticity: 'good',
        });
      }
      const last = await Resident.wake(process(disk).ctx, kept(logs));
      await last.act((th) => attack(th, 10));
      await last.act((th) => th.audit.flush());
      const head = last.th.audit.head();
      expect(head).toMatchObject({ origin });
      expect(head.size).toBeGreaterThan(answered);
      const log = storedLog(logs, origin, signer.vkey, true);
      expect(log).toMatchObject({ size: head.size, root: head.root, missing: [] });
      expect(await verdicts(logs, origin)).toMatchObject({ exitCode: 0 });
      expect(logs.keys().filter((key) => key.endsWith('/checkpoint'))).toEqual([`${origin}/checkpoint`]);
      kills++;
      if (done) break;
    }
    expect(kills).toBeGreaterThan(8);
  });

  it.each(['unanswered', 'refused'] as const)(
    'names the log before it, killed at any call that is %s',
    async (fate) => {
      const { store: before } = await written({ signer });
      for (let kill = 0, done = false; !done; kill++) {
        const [disk, logs] = [sqliteStorage(), before.copy()];
        const one = process(disk);
        const resident = await Resident.wake(one.ctx, kept(logs));
        await resident.act((th) => attack(th, 2));
        logs.fate = (_, __, number) => {
          if (number < kill) return 'done';
          one.end();
          return number === kill ? fate : 'refused';
        };
        done = await resident
          .act((th) => th.audit.flush())
          .then(
            () => true,
            () => false,
          );
        logs.fate = () => 'done';
        const last = await Resident.wake(process(disk).ctx, kept(logs));
        await last.act((th) => attack(th, 1));
        await last.act((th) => th.audit.flush());
        const { origin } = last.th.audit.head();
        const resumes = storedLog(logs, origin, signer.vkey, true).records.filter(({ kind }) => kind === 8);
        // Twice, if it was killed between the record and the swap that makes this log the newest.
        expect(new Set(resumes.map(({ detail }) => detail!.origin)), `call ${kill}`).toEqual(new Set([ORIGIN]));
        expect(resumes.length).toBeLessThanOrEqual(2);
        expect(logs.text('latest')).toContain(origin);
        expect(await verdicts(logs, origin)).toMatchObject({ exitCode: 0 });
      }
    },
  );

  it('is not taken for another one of its name and size', async () => {
    const worlds = [1, 2].map(() => ({ disk: sqliteStorage(), logs: new LabStore() }));
    const options = (logs: LabStore) =>
      kept(logs, { audit: { signer, maxRecords: 1_024, origin: 'example.com/same' } });
    for (const { disk, logs } of worlds) {
      const resident = await Resident.wake(process(disk).ctx, options(logs));
      await resident.act((th) => attack(th, 3));
      await resident.alarm();
    }
    const [one, other] = worlds as [(typeof worlds)[0], (typeof worlds)[0]];
    const theirs = storedLog(other.logs, 'example.com/same', signer.vkey, true);
    const resident = await Resident.wake(process(one.disk).ctx, options(other.logs));
    expect(resident.th.audit.head().size).toBeGreaterThan(1);
    await resident.act((th) => attack(th, 1));
    await resident.alarm();
    expect(resident.th.audit.head().origin).toMatch(/^example\.com\/same\/[0-9a-f-]{36}$/);
    expect(storedLog(other.logs, 'example.com/same', signer.vkey, true)).toEqual(theirs);
  });

  it('wakes without its store, answers, and ends once that is back', async () => {
    const [disk, logs] = [sqliteStorage(), new LabStore()];
    const first = await Resident.wake(process(disk).ctx, kept(logs));
    await first.act((th) => attack(th, 3));
    await first.alarm();
    logs.fate = () => 'refused';
    const two = process(disk);
    const second = await Resident.wake(two.ctx, kept(logs));
    await second.act((th) => attack(th, 3));
    await second.alarm();
    expect(two.aborts).toEqual([]);
    expect(two.alarmAt).toBeDefined();
    logs.fate = () => 'done';
    await second.alarm();
    expect(two.aborts).toEqual(['Tracehound: the store of the log is back']);
    const third = await Resident.wake(process(disk).ctx, kept(logs));
    await third.alarm();
    const { origin, size, root } = third.th.audit.head();
    expect(storedLog(logs, origin, signer.vkey, true)).toMatchObject({ size, root });
    expect(third.th.quarantine.stats.count).toBe(6);
    expect(console.warn).toHaveBeenCalled();
  });

  it('waits for its store as long as there is room, then refuses, and loses nothing', async () => {
    const [disk, logs] = [sqliteStorage(), new LabStore()];
    const begun = await Resident.wake(process(disk).ctx, kept(logs));
    await begun.act((th) => attack(th, 3));
    await begun.alarm();
    logs.fate = () => 'refused';
    let held = 3;
    const refusals: unknown[] = [];
    for (let life = 0; life < 3; life++) {
      const resident = await Resident.wake(process(disk).ctx, kept(logs));
      for (let i = 0; i < 400; i++) {
        const result = await resident.act((th) => th.interceptAsync(threat()));
        if (result.status === 'error') refusals.push(result.error.code);
        else held++;
      }
      await resident.alarm();
    }
    expect(held).toBeGreaterThan(400);
    expect(new Set(refusals)).toEqual(new Set(['LOG_FULL']));
    logs.fate = () => 'done';
    const last = await Resident.wake(process(disk).ctx, kept(logs));
    await last.alarm();
    const { origin, size } = last.th.audit.head();
    expect(size).toBeGreaterThan(held);
    const log = storedLog(logs, origin, signer.vkey, true);
    expect(log).toMatchObject({ size, missing: [] });
    expect(log.records.filter(({ kind }) => kind === 2)).toHaveLength(held);
    expect(await last.act((th) => th.interceptAsync(threat()))).toMatchObject({ status: 'quarantined' });
  });

  it.each(['store', 'object'])('is followed by another one when its %s was set back', async (what) => {
    const [disk, logs] = [sqliteStorage(), new LabStore()];
    const first = await Resident.wake(process(disk).ctx, kept(logs));
    await first.act((th) => attack(th, 30));
    await first.alarm();
    const { origin } = first.th.audit.head();
    const before = { disk: copyOf(disk), logs: logs.copy() };
    await first.act((th) => attack(th, 30));
    await first.alarm();
    const now = what === 'store' ? { disk, logs: before.logs } : { disk: before.disk, logs };
    const items = what === 'store' ? 60 : 30;
    const second = await Resident.wake(process(now.disk).ctx, kept(now.logs));
    const signed = storedLog(now.logs, origin, signer.vkey, true);
    await second.act((th) => attack(th, 3));
    await second.alarm();
    const { troubles } = second.th.watcher.snapshot();
    expect(troubles).toMatchObject([{ code: 'LOG_SET_BACK', count: 1, detail: { stored: signed.size } }]);
    expect(Math.sign((troubles[0]!.detail.held as number) - signed.size)).toBe(what === 'store' ? 1 : -1);
    expect(storedLog(now.logs, origin, signer.vkey, true)).toEqual(signed);
    // Another log, which says what it follows on: more than the store has of it, or less.
    const next = second.th.audit.head();
    const log = storedLog(now.logs, next.origin, signer.vkey, true);
    expect(log).toMatchObject({ size: next.size, root: next.root, missing: [] });
    const [, resume] = log.records;
    expect(resume!.detail).toMatchObject({ origin, items, lost: 0 });
    const { size } = resume!.detail as { size: number };
    expect(Math.sign(size - signed.size)).toBe(what === 'store' ? 1 : -1);
    expect(second.th.quarantine.stats.count).toBe(items + 3);
    const third = await Resident.wake(process(now.disk).ctx, kept(now.logs));
    expect(third.th.audit.head()).toEqual(next);
  });

  it('sends what others keep from being sent, and more than one turn takes', async () => {
    const [disk, logs, evidence] = [sqliteStorage(), new LabStore(), new LabStore()];
    const authorize = (_: string, { severity }: { severity: string }) => severity !== 'critical';
    const options = kept(logs, { evidence, quarantine: { maxCount: 100, maxBytes: 2 ** 20, maxShare: 1, authorize } });
    const one = process(disk);
    const first = await Resident.wake(one.ctx, options);
    evidence.fate = () => 'refused';
    for (let i = 0; i < 150; i++) {
      const scent = threat();
      const severity = i % 10 === 9 ? 'critical' : 'high';
      await first.intercept({ ...scent, threat: { category: 'sqli', severity } });
    }
    await Promise.allSettled(one.deferred);
    evidence.fate = () => 'done';
    const held = first.th.quarantine.list({ limit: 1_000 }).filter(({ severity }) => severity === 'high');
    expect(held.length).toBeGreaterThan(64);
    expect(held.length).toBeLessThan(100);
    one.alarmAt = undefined;
    await first.alarm();
    expect(evidence.keys()).toHaveLength(64);
    // There is more: the alarm asks for another.
    expect(one.alarmAt).toBeDefined();
    await first.alarm();
    expect(evidence.keys()).toEqual(held.map(({ id }) => `${id}.json`).sort());
    expect(disk.sql.exec('SELECT count(*) AS n FROM tracehound_waiting').toArray()).toEqual([{ n: 0 }]);
  });

  it('is followed by another one when its store was emptied', async () => {
    const [disk, logs] = [sqliteStorage(), new LabStore()];
    const first = await Resident.wake(process(disk).ctx, kept(logs));
    await first.act((th) => attack(th, 30));
    await first.alarm();
    const { origin } = first.th.audit.head();
    const second = await Resident.wake(process(disk).ctx, kept(new LabStore()));
    await second.act((th) => attack(th, 3));
    await second.alarm();
    expect(second.th.audit.head().origin).not.toBe(origin);
    expect(second.th.watcher.snapshot().audit.store).toBe('ok');
    expect(second.th.quarantine.stats.count).toBe(33);
  });

  it('sends evidence on, once, and what was evicted before not at all', async () => {
    const [disk, logs, evidence] = [sqliteStorage(), new LabStore(), new LabStore()];
    const options = kept(logs, { evidence });
    const one = process(disk);
    const first = await Resident.wake(one.ctx, options);
    const take = async (resident: Resident): Promise<string> => {
      const result = await resident.intercept(threat());
      return (result as { evidence: { id: string } }).evidence.id;
    };
    evidence.fate = () => 'refused';
    const ids = [await take(first), await take(first), await take(first)];
    await Promise.allSettled(one.deferred);
    expect(evidence.keys()).toEqual([]);
    one.end();
    evidence.fate = () => 'done';
    const second = await Resident.wake(process(disk).ctx, options);
    await second.act((th) => th.quarantine.purge(th.quarantine.list()[0]!.signature, 'expired'));
    await second.alarm();
    expect(evidence.keys()).toEqual(ids.slice(1).map((id) => `${id}.json`));
    const calls = evidence.calls.length;
    await second.alarm();
    expect(evidence.calls.length).toBe(calls);
  });
});
