/**
 * Guards going on with a log that somebody left: `src/log/open.ts`, and what engine and writer make of it. The store is
 * read back by test/lab/stored-log.ts, which shares no line with them.
 */
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatVerifierKey } from '../../../src/formats/note';
import { openLog } from '../../../src/log/open';
import type { Signer, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { type LogReport, parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';
import { into, type StoredAudit } from '../../lab/written';

const ORIGIN = 'example.com/log';
const signer = ((): Signer => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const name = 'example.com/deployment';
  return {
    name,
    vkey: formatVerifierKey(name, 1, raw),
    sign: async (bytes) => new Uint8Array(signWith(null, bytes, privateKey)),
  };
})();

const optionsOf = (store: LabStore, audit: StoredAudit = {}): TracehoundOptions => ({
  rateLimit: false,
  quarantine: { maxCount: 4_096, maxBytes: 2 ** 20, maxShare: 1 },
  audit: into(store, { signer, ...audit }),
});

let sent = 0;
function attack(th: Tracehound, count: number): void {
  for (let i = 0; i < count; i++) {
    th.intercept({ source: `s${sent}`, payload: `attack ${sent++}`, threat: { category: 'sqli', severity: 'high' } });
  }
}

const open = (store: LabStore): ReturnType<typeof openLog> => openLog(store, { origin: ORIGIN, keys: [signer.vkey] });

/** What the verifier says of the log, tail and all. */
async function verdicts(store: LabStore): Promise<LogReport> {
  const widths = async (path: string): Promise<number[]> =>
    store.keys(`${ORIGIN}/${path}.p/`).map((key) => Number(key.split('/').at(-1)));
  const get = async (path: string): Promise<Uint8Array | undefined> => store.objects.get(`${ORIGIN}/${path}`);
  return verifyLog(storeSource(get, { origin: ORIGIN, widths }), {
    policy: parsePolicy(`log ${signer.vkey}\nquorum none\n`),
  });
}
let seeds = 100;
const next = async (store: LabStore): Promise<Tracehound> =>
  lab({ seed: seeds++ }).make(optionsOf(store, { resume: await open(store) }));

describe('a log that is gone on with', () => {
  it.each([3, 255, 256, 257, 511, 512, 700])('of about %i records is one log, whole, under new keys', async (count) => {
    const store = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(first, count - 2);
    await first.audit.flush();
    for (let epoch = 2; epoch <= 4; epoch++) {
      const before = storedLog(store, ORIGIN, signer.vkey);
      const th = await next(store);
      attack(th, 100 * epoch);
      await (epoch === 3 ? th.close() : th.audit.flush());
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(log.size).toBeGreaterThan(before.size + 100 * epoch);
      expect(log.missing).toEqual([]);
      const resume = log.records[before.size]!;
      expect(resume.kind).toBe(8);
      expect(resume.detail).toMatchObject({ origin: ORIGIN, size: before.size, runtime: 'lab' });
      expect(resume.record!.subarray(80, 112).toString('hex')).toBe(before.root);
      expect(log.root).toBe(th.audit.head().root);
      expect(th.audit.verify()).toMatchObject({ ok: true, from: before.size, gaps: 0 });
      expect(await verdicts(store)).toMatchObject({
        integrity: 'good',
        authenticity: 'good',
        completeness: 'good',
        exitCode: 0,
      });
    }
  });

  it('after a kill at any call of the store, again and again, loses nothing that was signed', async () => {
    const sound = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(sound, { origin: ORIGIN }));
    attack(first, 250);
    await first.audit.flush();
    const start = sound.copy();
    const again = await next(sound);
    attack(again, 300);
    const from = sound.calls.length;
    await again.audit.flush();
    const calls = sound.calls.length - from;
    expect(calls).toBeGreaterThan(8);
    for (let kill = 0; kill < calls; kill++) {
      for (const fate of ['refused', 'unanswered'] as const) {
        const store = start.copy();
        for (let round = 0; round < 3; round++) {
          const signed = storedLog(store, ORIGIN, signer.vkey);
          const th = await next(store);
          attack(th, 300 + round);
          const begun = store.calls.length;
          // From the kill on nothing reaches the store: the process is gone.
          store.fate = (_, __, number) => (number < begun + kill ? 'done' : number === begun + kill ? fate : 'refused');
          await th.audit.flush().catch(() => {});
          store.fate = () => 'done';
          const log = storedLog(store, ORIGIN, signer.vkey);
          const { integrity, authenticity, findings } = await verdicts(store);
          expect({
            integrity,
            authenticity,
            findings: findings.filter(
              ({ severity, verdict }) => severity === 'bad' || (severity === 'unknown' && verdict === 'authenticity'),
            ),
          }).toEqual({
            integrity: 'good',
            authenticity: 'good',
            findings: [],
          });
          expect(log.size).toBeGreaterThanOrEqual(signed.size);
          expect(log.missing).toEqual([]);
          for (const [i, { record }] of signed.records.entries()) {
            expect(log.records[i]!.record!.equals(record!)).toBe(true);
          }
        }
        const th = await next(store);
        attack(th, 50);
        await th.close();
        expect(storedLog(store, ORIGIN, signer.vkey).missing).toEqual([]);
      }
    }
  });

  it('by two at once is gone on with by the one who claims it last; the other stops', async () => {
    const store = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(first, 100);
    await first.audit.flush();
    const [one, two] = [await next(store), await next(store)];
    attack(one, 10);
    attack(two, 10);
    await one.audit.flush();
    // The second opened the log before the first wrote: what it knows is old.
    await expect(two.audit.flush()).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
    // And whoever wrote it before both of them wakes up.
    attack(first, 10);
    await expect(first.audit.flush()).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
    const log = storedLog(store, ORIGIN, signer.vkey);
    expect(log.root).toBe(one.audit.head().root);
    for (const th of [first, two]) expect(th.watcher.snapshot().audit.store).toBe('stopped');
  });

  it('by two at once, claimed by both before either wrote, has one writer', async () => {
    for (let stop = 1; stop < 10; stop++) {
      const store = new LabStore();
      const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
      attack(first, 100);
      await first.audit.flush();
      const slow = store.door();
      const one = await next(slow);
      attack(one, 300);
      const begun = slow.calls.length;
      // The first falls asleep at some call; meanwhile the second takes over and writes.
      let wake = (): void => {};
      const asleep = new Promise<void>((fallen) => {
        slow.fate = (_, __, number) => {
          if (number !== begun + stop) return 'done';
          fallen();
          return new Promise((resolve) => {
            wake = () => resolve('done');
          });
        };
      });
      const sleeping = one.audit.flush();
      await asleep;
      const two = await next(store);
      attack(two, 300);
      await two.audit.flush();
      wake();
      await expect(sleeping).rejects.toMatchObject({ code: 'LOG_CONFLICT' });
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(log.root, `asleep at call ${stop}`).toBe(two.audit.head().root);
      attack(two, 300);
      await two.audit.flush();
      storedLog(store, ORIGIN, signer.vkey);
    }
  });

  it('exports evidence with the record that says who went on', async () => {
    const store = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(first, 300);
    await first.close();
    const th = await next(store);
    attack(th, 1);
    const { signature } = th.quarantine.list({ limit: 1 })[0]!;
    const bundle = await th.quarantine.export(signature, { actor: 'kim', purpose: 'court' });
    const { records } = JSON.parse(new TextDecoder().decode(bundle)) as { records: { record: string }[] };
    const kinds = records.map(({ record }) => Buffer.from(record, 'base64')[1]); // GENESIS, RESUME, QUARANTINED, EXPORTED, KEY
    expect(kinds).toEqual([1, 8, 2, 27, 10]);
  });

  it('is opened for one instance only', async () => {
    const store = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(first, 1);
    await first.close();
    const resume = await open(store);
    expect(resume).toEqual({ origin: ORIGIN, size: 4, root: first.audit.head().root });
    expect(Object.isFrozen(resume)).toBe(true);
    lab().make(optionsOf(store, { resume }));
    const unused = 'storedLog.resume: wrong kind, expected what openLog returned, unused, got another object';
    expect(() => lab().make(optionsOf(store, { resume }))).toThrow(new TypeError(unused));
    expect(() => lab().make(optionsOf(store, { resume: { ...resume } }))).toThrow(new TypeError(unused));
  });

  it('that panics goes on under a new name, and its end is stored', async () => {
    const store = new LabStore();
    const first = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(first, 10);
    await first.close();
    const it = lab({ seed: seeds++ });
    const th = it.make(optionsOf(store, { resume: await open(store) }));
    attack(th, 70);
    await th.audit.flush();
    attack(th, 10);
    const before = th.audit.head();
    it.last().stopAt = { name: 'intercept', code: 1 };
    attack(th, 1);
    await th.audit.flush();
    expect(it.violations).toEqual([]);
    const old = storedLog(store, ORIGIN, signer.vkey);
    expect([old.size, old.root]).toEqual([before.size, before.root]);
    const { origin } = th.audit.head();
    expect(origin.startsWith(`${ORIGIN}/`)).toBe(true);
    storedLog(store, origin, signer.vkey);
  });
});

describe('a log is not opened', () => {
  const begun = async (): Promise<{ store: LabStore; th: Tracehound }> => {
    const store = new LabStore();
    const th = lab({ seed: seeds++ }).make(optionsOf(store, { origin: ORIGIN }));
    attack(th, 600);
    await th.audit.flush();
    return { store, th };
  };
  const code = async (opening: Promise<unknown>): Promise<string> => {
    const error = (await opening.catch((cause: unknown) => cause)) as { code: string; message: string };
    return `${error.code}: ${error.message}`;
  };

  it('when there is none', async () => {
    expect(await code(open(new LabStore()))).toBe(
      'NOT_FOUND: openLog: no such log in the store, expected a checkpoint, got none',
    );
  });

  it('when a byte of it was changed, and it says which record', async () => {
    const { store } = await begun();
    const entries = store.objects.get(`${ORIGIN}/tile/entries/001`)!;
    entries[178 * 44 + 100]! ^= 1;
    expect(await code(open(store))).toMatch(
      /^LOG_INVALID: openLog: not sound \(the record that follows it names another one/,
    );
  });

  it.each(['tile/0/001', 'tile/1/000.p/2'])('when %s was changed', async (path) => {
    const { store } = await begun();
    store.objects.get(`${ORIGIN}/${path}`)![40]! ^= 1;
    expect(await code(open(store))).toMatch(/^LOG_INVALID: openLog: not sound \(byte 40 of a tile is not/);
  });

  it('when what it must go on from is gone', async () => {
    for (const path of ['tile/1/000.p/2', 'tile/0/002.p/90']) {
      const { store } = await begun();
      expect(store.objects.delete(`${ORIGIN}/${path}`), path).toBe(true);
      expect(await code(open(store))).toBe(
        `LOG_INVALID: ${path}: not usable, expected ${path.split('/').at(-1)} hashes, got none`,
      );
    }
  });

  it('when it went backwards, or became another', async () => {
    const { store, th } = await begun();
    const old = store.copy();
    attack(th, 10);
    const known = [await th.audit.checkpoint()];
    const keys = [signer.vkey];
    expect(await openLog(store, { origin: ORIGIN, keys, known })).toMatchObject({ size: th.audit.head().size });
    expect(await code(openLog(old, { origin: ORIGIN, keys, known }))).toMatch(
      /^LOG_ROLLBACK: openLog: not the log that is known/,
    );
    const other = new LabStore();
    const forger = lab({ seed: seeds++ }).make(optionsOf(other, { origin: ORIGIN }));
    attack(forger, 700);
    await forger.audit.flush();
    expect(await code(openLog(other, { origin: ORIGIN, keys, known }))).toMatch(/^LOG_ROLLBACK/);
    expect(await code(openLog(store, { origin: ORIGIN, keys, known: ['x'] }))).toMatch(/^NOTE_INVALID/);
  });

  it('when nobody signed it whom we trust', async () => {
    const { store } = await begun();
    const stranger = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
    expect(await code(openLog(store, { origin: ORIGIN, keys: [stranger] }))).toMatch(/^NOTE_UNVERIFIED/);
    expect(await code(openLog(store, { origin: ORIGIN, keys: ['x'] }))).toMatch(/^POLICY_INVALID/);
  });

  it.each(['x', `${ORIGIN}\n9007199254740991\n${'A'.repeat(43)}=\n\n— x AAAAAAAA\n`])(
    'when its head is %j',
    async (head) => {
      const { store } = await begun();
      store.objects.set(`${ORIGIN}/checkpoint`, new TextEncoder().encode(head));
      expect(await code(open(store))).toMatch(/^(LOG|NOTE)_INVALID/);
      expect(store.calls.length).toBeLessThan(5_000);
    },
  );

  it('while the store does not answer', async () => {
    const { store } = await begun();
    store.fate = () => 'refused';
    expect(await code(open(store))).toMatch(/^STORE_FAILED/);
  });
});

describe('openLog with arguments that cannot work', () => {
  const keys = [signer.vkey];
  const good = { origin: ORIGIN, keys };
  const store = new LabStore();
  it.each<[string, unknown, unknown, RegExp]>([
    ['no store', undefined, good, /^TypeError: openLog\.store: wrong kind, expected a store, got null/],
    ['text as a store', '/var/log', good, /^TypeError: openLog\.store: wrong kind/],
    ['a store that does not get', { swap: () => {} }, good, /^TypeError: openLog\.store\.get: wrong kind/],
    ['the origin as options', store, ORIGIN, /^TypeError: openLog: wrong kind, expected an object/],
    ['no options', store, undefined, /^TypeError: openLog: wrong kind/],
    ['an array as options', store, [ORIGIN], /^TypeError: openLog: wrong kind/],
    ['no origin', store, { keys }, /^TypeError: openLog\.origin: wrong kind, expected the name of a log/],
    ['an empty origin', store, { origin: '', keys }, /^RangeError: openLog\.origin: empty/],
    ['a number as origin', store, { origin: 7, keys }, /^TypeError: openLog\.origin: wrong kind/],
    ['no keys', store, { origin: ORIGIN }, /^TypeError: openLog\.keys: wrong kind, expected an array of verifier keys/],
    ['one key that is no array', store, { origin: ORIGIN, keys: signer.vkey }, /^TypeError: openLog\.keys: wrong kind/],
    ['a signer as key', store, { origin: ORIGIN, keys: [signer] }, /^TypeError: openLog\.keys\[\]: wrong kind/],
    ['an empty list of keys', store, { origin: ORIGIN, keys: [] }, /^RangeError: openLog\.keys: empty/],
    ['a hole in the keys', store, { origin: ORIGIN, keys: [undefined] }, /^TypeError: openLog\.keys\[\]: wrong kind/],
    ['one checkpoint that is no array', store, { ...good, known: 'x' }, /^TypeError: openLog\.known: wrong kind/],
    [
      'bytes as a checkpoint',
      store,
      { ...good, known: [new Uint8Array(3)] },
      /^TypeError: openLog\.known\[\]: wrong kind/,
    ],
    ['a digest by name', store, { ...good, digest: 'sha256' }, /^TypeError: openLog\.digest: wrong kind/],
    ['a name that is misspelt', store, { ...good, key: 'x' }, /^TypeError: openLog\.key: no such option.*`keys`/],
    ['a policy', store, { ...good, policy: {} }, /^TypeError: openLog\.policy: no such option/],
    ['options by inheritance', store, Object.create(good), /^TypeError: openLog\.origin: wrong kind/],
  ])('says so: %s', async (_, where, options, message) => {
    const opening = openLog(where as LabStore, options as Parameters<typeof openLog>[1]);
    expect(String(await opening.catch((cause: unknown) => cause))).toMatch(message);
    expect(store.calls).toEqual([]);
  });
});

it('a log whose writer gave up content and runs of records is gone on with, and stays provable', async () => {
  const store = new LabStore();
  const first = lab({ seed: seeds++ }).make({
    ...optionsOf(store, { origin: ORIGIN, maxRecords: 1_024 }),
    quarantine: { maxCount: 16 },
  });
  attack(first, 10);
  await first.audit.flush();
  store.fate = () => 'refused';
  for (let i = 0; i < 600; i++) {
    attack(first, 50);
    await Promise.resolve();
  }
  store.fate = () => 'done';
  await first.audit.flush();
  const th = await next(store);
  attack(th, 300);
  await th.close();
  const log = storedLog(store, ORIGIN, signer.vkey);
  expect(log.root).toBe(th.audit.head().root);
  expect(log.missing.length).toBeGreaterThan(10_000);
  const report = await verdicts(store);
  expect(report).toMatchObject({
    integrity: 'good',
    authenticity: 'good',
    completeness: 'bad',
    exitCode: 2,
    closed: true,
  });
  expect(report.unavailable).toBe(log.missing.length);
});
