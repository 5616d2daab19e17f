/**
 * Guards the log's way into a store: `src/log/index.ts`, `segments.ts`, `checkpoints.ts`, `writer.ts`, `keeper.ts`, `held.ts`. What lies in the store
 * is read back by test/lab/stored-log.ts, which shares no line with them.
 */
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import * as abi from '../../../assembly/abi';
import { formatVerifierKey } from '../../../src/formats/note';
import { verifyConsistency, verifyInclusion } from '../../../src/formats/tlog';
import { openSnapshot } from '../../../src/instance/image';
import type { Runtime, Signer, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { type Lab, lab, region, view } from '../../lab/lab';
import { type Fate, LabStore } from '../../lab/store';
import { headOf, leafOf, type StoredLog, storedLog } from '../../lab/stored-log';
import { into, type StoredAudit } from '../../lab/written';

const ORIGIN = 'example.com/log';
const KIND = { GENESIS: 1, PANIC: 7, RESUME: 8, HEARTBEAT: 9, KEY: 10, CLOSE: 11, GAP: 12, FAILED: 16, EVACUATED: 6 };

const optionsOf = (store: LabStore, audit: StoredAudit = {}): TracehoundOptions => ({
  rateLimit: false,
  quarantine: { maxCount: 4_096, maxBytes: 2 ** 20, maxShare: 1 },
  audit: into(store, { origin: ORIGIN, ...audit }),
});

/** A deployment's key, made by other means than ours. */
function deployment(name = 'example.com/deployment'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    name,
    vkey: formatVerifierKey(name, 1, raw),
    sign: async (bytes) => new Uint8Array(signWith(null, bytes, privateKey)),
  };
}

let sent = 0;
/** Sends `count` threats, each one record: no two are the same. */
function attack(th: Tracehound, count: number, severity: 'low' | 'high' = 'high'): void {
  for (let i = 0; i < count; i++) {
    const result = th.intercept({
      source: `s${sent}`,
      payload: `attack ${sent++}`,
      threat: { category: 'sqli', severity },
    });
    if (result.status === 'error') throw result.error;
  }
}

/** Everything that waits for a promise of ours has run; not what waits for Web Crypto, which has threads of its own. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
/** The log in `store`, as soon as it is as it must become. */
const until = (store: LabStore, holds: (log: StoredLog) => boolean): Promise<StoredLog> =>
  vi.waitFor(
    () => {
      const log = storedLog(store, ORIGIN);
      if (!holds(log)) throw new Error(`the log stays as it is, with ${log.size} records`);
      return log;
    },
    { timeout: 20_000, interval: 2 },
  );

const kinds = ({ records }: StoredLog): number[] => records.map(({ kind }) => kind);
const ofKind = (log: StoredLog, kind: number): StoredLog['records'] => log.records.filter((each) => each.kind === kind);

/** The runtime of a lab, with timers that the test turns. */
function timed(it: Lab): { runtime: Runtime; tick: (ms: number) => Promise<void>; readonly waiting: number } {
  const timers = new Map<number, { at: number; work: () => void }>();
  let next = 0;
  const after = (ms: number, work: () => void): (() => void) => {
    const id = next++;
    timers.set(id, { at: it.now + ms, work });
    return () => timers.delete(id);
  };
  return {
    runtime: Object.create(it.runtime, { after: { value: after } }) as Runtime,
    get waiting() {
      return timers.size;
    },
    tick: async (ms) => {
      it.now += ms;
      for (const [id, { at, work }] of [...timers]) {
        if (at > it.now) continue;
        timers.delete(id);
        work();
      }
      await settled();
    },
  };
}

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

describe('keys', () => {
  it('are made for the log, named by it, and the deployment says so', async () => {
    const store = new LabStore();
    const signer = deployment();
    const th = lab().make(optionsOf(store, { signer }));
    attack(th, 10);
    await th.audit.flush();
    const log = storedLog(store, ORIGIN, signer.vkey);
    expect(ofKind(log, KIND.KEY)).toHaveLength(1);
    expect(log.signedBy).toHaveLength(1);
    expect(signer.vkey).not.toContain(log.signedBy[0]);
  });

  it('change when it is time, and the head after the change is signed by both', async () => {
    const it = lab();
    const store = new LabStore();
    const signer = deployment();
    const th = it.make(optionsOf(store, { signer, rotateMs: 5_000 }));
    for (let epoch = 1; epoch <= 4; epoch++) {
      attack(th, 10);
      await th.audit.flush();
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(ofKind(log, KIND.KEY)).toHaveLength(epoch);
      expect(log.signedBy).toHaveLength(epoch === 1 ? 1 : 2);
      attack(th, 10);
      await th.audit.flush();
      expect(storedLog(store, ORIGIN, signer.vkey).signedBy).toHaveLength(1);
      it.now += 5_000;
    }
  });

  it('stay when 255 changes were made: the field is a byte', async () => {
    const it = lab();
    const store = new LabStore();
    const th = it.make(optionsOf(store, { rotateMs: 1_000 }));
    for (let i = 0; i < 260; i++) {
      attack(th, 1);
      await th.audit.flush();
      it.now += 1_000;
    }
    const log = storedLog(store, ORIGIN);
    expect(ofKind(log, KIND.KEY)).toHaveLength(255);
    expect(log.size).toBe(1 + 260 + 255);
  });

  it('of the deployment sign by themselves where the platform makes none; with none, it says what is missing', async () => {
    const { generateKey } = crypto.subtle;
    const refuse = async (): Promise<never> => {
      throw new DOMException('not here', 'NotSupportedError');
    };
    Object.defineProperty(crypto.subtle, 'generateKey', { value: refuse, configurable: true });
    try {
      const store = new LabStore();
      const signer = deployment();
      const th = lab().make(optionsOf(store, { signer }));
      attack(th, 3);
      await th.audit.flush();
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(kinds(log)).toEqual([KIND.GENESIS, 2, 2, 2]);
      const alone = lab().make(optionsOf(new LabStore()));
      attack(alone, 3);
      await expect(alone.audit.flush()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      await expect(lab().make({}).audit.checkpoint()).rejects.toThrow('audit.signer: missing');
    } finally {
      Object.defineProperty(crypto.subtle, 'generateKey', { value: generateKey, configurable: true });
    }
  });

  it('that are chained to the log sign its heads, and no key is made', async () => {
    const store = new LabStore();
    const whole = deployment();
    const asked: string[] = [];
    const forLog = (origin: string): Signer => {
      asked.push(origin);
      return whole;
    };
    const th = lab().make(optionsOf(store, { signer: { ...whole, forLog } }));
    attack(th, 3);
    await th.audit.flush();
    expect(kinds(storedLog(store, ORIGIN, whole.vkey))).toEqual([KIND.GENESIS, 2, 2, 2]);
    expect(asked).toEqual([ORIGIN]);
  });

  it('that do not sign are an error which costs nothing', async () => {
    const store = new LabStore();
    const signer = deployment();
    let broken = true;
    const flaky: Signer = {
      ...signer,
      sign: async (bytes) => {
        if (broken) throw new Error('the HSM is on fire');
        return signer.sign(bytes);
      },
    };
    const it = lab();
    const th = it.make(optionsOf(store, { signer: flaky }));
    attack(th, 3);
    await expect(th.audit.flush()).rejects.toMatchObject({ name: 'TracehoundError' });
    expect(store.keys()).toEqual(['latest']);
    broken = false;
    await th.audit.flush();
    expect(storedLog(store, ORIGIN, signer.vkey).missing).toEqual([]);
  });
});

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
});

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

  it('says what was refused and not kept besides, in the place of a source', async () => {
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
    for (let i = 0; i < 2; i++) {
      th.intercept({ source: '192.0.2.78', payload: 'x'.repeat(257), threat: { category: 'sqli', severity: 'low' } });
    }
    await tick(60_000);
    const log = await until(store, (each) => ofKind(each, KIND.HEARTBEAT).length > 0);
    const laid = ofKind(log, KIND.HEARTBEAT)[0]!.record!.subarray(144, 176);
    const [allowed, limited, dropped, shed, lostEvents] = [0, 1, 2, 3, 4].map((i) => laid.readUIntBE(6 * i, 6));
    expect({ allowed, limited, dropped, shed, lostEvents }).toEqual({
      allowed: 0,
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

describe('proofs', () => {
  it.each([
    ['a store', true],
    ['memory', false],
  ])('from %s hold against the head', async (_, stored) => {
    const store = new LabStore();
    const th = lab().make({ rateLimit: false, audit: stored ? into(store, { origin: ORIGIN }) : { origin: ORIGIN } });
    attack(th, 600);
    if (stored) await th.audit.flush();
    const old = th.audit.head();
    attack(th, 200);
    for (const seq of [0, 1, 255, 256, 511, 512, 600, 799]) {
      const proof = await th.audit.proveInclusion(seq);
      expect(proof).toMatchObject({ index: seq, root: th.audit.head().root });
      expect(verifyInclusion(proof.leaf, proof, proof.root)).toBe(true);
      const { records } = th.audit.export({ from: seq, to: seq + 1 });
      expect(Buffer.from(proof.leaf).equals(leafOf(records[0]!))).toBe(true);
    }
    const consistency = await th.audit.proveConsistency(old.size);
    const head = th.audit.head();
    expect(consistency).toMatchObject({ from: old.size, to: head.size });
    expect(verifyConsistency(consistency, old.root, head.root)).toBe(true);
    const { records } = th.audit.export({ from: 0 });
    const inner = await th.audit.proveConsistency(300, 500);
    const heads = [300, 500].map((size) => headOf(records.slice(0, size).map(leafOf)));
    expect(verifyConsistency(inner, heads[0]!, heads[1]!)).toBe(true);
  });

  it('of what is not there are refused', async () => {
    const th = lab().make({ rateLimit: false, audit: { maxRecords: 16 } });
    attack(th, 3);
    await expect(th.audit.proveInclusion(4)).rejects.toThrow(
      'audit.proveInclusion: no such record, expected < 4, got 4',
    );
    await expect(th.audit.proveInclusion(-1)).rejects.toThrow(RangeError);
    await expect(th.audit.proveConsistency(0)).rejects.toThrow('expected 1 ≤ from ≤ to ≤ 4, got 0 and 4');
    await expect(th.audit.proveConsistency(2, 5)).rejects.toThrow(RangeError);
    attack(th, 30);
    await expect(th.audit.proveInclusion(20)).rejects.toMatchObject({ code: 'RANGE_UNAVAILABLE' });
  });

  it('come with a signed head, without a store as well', async () => {
    const th = lab().make({ rateLimit: false, audit: { origin: ORIGIN } });
    attack(th, 3);
    const [one, two] = await Promise.all([th.audit.checkpoint(), th.audit.checkpoint()]);
    expect(one).toBe(two);
    expect(one.split('\n').slice(0, 2)).toEqual([ORIGIN, '5']);
    const store = new LabStore();
    const kept = lab().make(optionsOf(store));
    attack(kept, 3);
    expect(await kept.audit.checkpoint()).toBe(store.text(`${ORIGIN}/checkpoint`));
  });
});

it('a held log that follows a panic is signed under its own name, by a key of its own', async () => {
  const it = lab();
  const signer = deployment();
  const th = it.make({ rateLimit: false, audit: { origin: ORIGIN, signer } });
  attack(th, 3);
  const before = await th.audit.checkpoint();
  it.last().stopAt = { name: 'intercept', code: 1 };
  th.intercept({ source: 'x', payload: 'y', threat: { category: 'sqli', severity: 'high' } });
  const { origin } = th.audit.head();
  const after = await th.audit.checkpoint();
  expect([before, after].map((note) => note.split('\n')[0])).toEqual([ORIGIN, origin]);
  expect(after).toContain(`\n— ${origin} `);
  expect(th.audit.export().records.filter((record) => record[1] === KIND.KEY)).toHaveLength(1);
});

describe('what a detector said besides', () => {
  const threat = { category: 'sqli', severity: 'high', rule: '942100', raw: 'score="12"', score: Number.NaN } as const;
  const said = (th: Tracehound, seq: number): unknown => {
    const { records, details } = th.audit.export({ from: seq, to: seq + 1 });
    expect((records[0]![5]! & 1) === 1).toBe(details[0] !== null);
    return details[0] && JSON.parse(Buffer.from(details[0]).toString());
  };

  it('is cut, cleaned, and refers to the signature, or to the category where only the source is signed', () => {
    const th = lab().make({ rateLimit: false });
    const long = { ...threat, version: 'v'.repeat(99), reason: `\u202e${'"'.repeat(200)}`, detector: 'crs' };
    th.intercept({ source: 'a', payload: 'x', threat: long });
    th.intercept({ source: 'a', threat });
    const [handle] = th.quarantine.list();
    expect(said(th, 1)).toEqual({
      rule: '942100',
      raw: 'score="12"',
      version: 'v'.repeat(32),
      reason: `?${'"'.repeat(95)}`,
      detector: 'crs',
      signature: handle!.signature,
      salt: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(said(th, 2)).toEqual({ rule: '942100', raw: 'score="12"', category: 'sqli', salt: expect.any(String) });
    const largest = Object.fromEntries(
      ['rule', 'version', 'reason', 'raw', 'detector'].map((name) => [name, '"'.repeat(200)]),
    );
    th.intercept({
      source: 'a',
      payload: 'y',
      threat: { ...largest, category: 'c'.repeat(64), severity: 'high', score: 1 / 3 },
    });
    expect(th.audit.export({ from: 3 }).details[0]!.length).toBeLessThanOrEqual(1_024);
  });

  it('is lost without randomness; the evidence is not', () => {
    const it = lab();
    const { random } = it.runtime;
    const short = (bytes: Uint8Array): void => {
      if (bytes.length === 16) throw new Error('no salt');
      random(bytes);
    };
    let broken = false;
    const runtime = Object.create(it.runtime, {
      random: { value: (bytes: Uint8Array) => (broken ? short(bytes) : random(bytes)) },
    }) as Runtime;
    const th = it.make({ rateLimit: false, runtime });
    th.id();
    broken = true;
    expect(th.intercept({ source: 'a', payload: 'x', threat })).toMatchObject({ status: 'quarantined' });
    expect(said(th, 1)).toBe(null);
  });

  it('survives a restore, which knows the item by it', async () => {
    const secret = new Uint8Array(32).fill(7);
    const th = lab().make({ rateLimit: false, secret });
    th.intercept({ source: 'a', payload: 'x', threat });
    th.intercept({ source: 'b', threat });
    const opened = await openSnapshot(await th.snapshot(), { secret });
    const restored = lab({ seed: 2 }).make({ rateLimit: false, secret, restore: opened });
    restored.intercept({ source: 'c' });
    expect(restored.quarantine.list().map(({ signature }) => signature)).toEqual(
      th.quarantine.list().map(({ signature }) => signature),
    );
  });

  it('does not push out who did what: the two are kept apart', () => {
    const th = lab().make({
      rateLimit: false,
      audit: { maxRecords: 8_192 },
      quarantine: { maxCount: 4_096, maxShare: 1 },
    });
    th.intercept({ source: 'a', payload: 'x', threat: { category: 'sqli', severity: 'high' } });
    th.quarantine.read(th.quarantine.list()[0]!.signature, { actor: 'kim', purpose: 'triage' });
    for (let i = 0; i < 1_500; i++) th.intercept({ source: 'a', payload: `y${i}`, threat });
    expect(said(th, 2)).toMatchObject({ actor: 'kim' });
    const { details } = th.audit.export({ from: 3 });
    expect(details.slice(0, 476).every((detail) => detail === null)).toBe(true);
    expect(details.slice(-1_024).every((detail) => detail !== null)).toBe(true);
  });
});

it('a log that ended without a key cannot be signed any more, and says so', async () => {
  const th = lab().make({ rateLimit: false });
  attack(th, 3);
  await th.close();
  await expect(th.audit.checkpoint()).rejects.toMatchObject({ code: 'SIGNER_FAILED' });
});
