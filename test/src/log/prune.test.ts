/**
 * Guards retention: `src/log/prune.ts`, its note (`src/formats/pruned.ts`) and what a verifier makes of it
 * (`src/verify/pruned.ts`). What is left of a log is signed, whole in its hashes, and can be continued.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import { openLog } from '../../../src/log/open';
import { pruneLog } from '../../../src/log/prune';
import type { LogStore, Signer } from '../../../src/types/index';
import { parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { attack } from '../../lab/attacked';
import { steppedFs } from '../../lab/fs-port';
import { dice, lab } from '../../lab/lab';
import { LabStore, TidyStore } from '../../lab/store';
import { deploymentKey, into, ORIGIN } from '../../lab/written';

const folder = mkdtempSync(join(tmpdir(), 'tracehound-prune-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const signer = deploymentKey();
const START = 1_700_000_000_000;

const verified = (store: LogStore, by: Signer = signer) =>
  verifyLog(
    storeSource((path) => store.get(`${ORIGIN}/${path}`), { origin: ORIGIN }),
    {
      policy: parsePolicy(`log ${by.vkey}\nquorum none\n`),
      now: START + 10_000_000,
      maxAgeMs: 100_000_000,
    },
  );

/** A log of `count` records, one a second; its keys change, so that some of its old records must stay. */
async function written(store: LogStore, count: number, seed: number): Promise<void> {
  const world = lab({ seed });
  world.now = START;
  const th = world.make({
    rateLimit: false,
    quarantine: { maxCount: 4_096, maxShare: 1 },
    audit: into(store, { origin: ORIGIN, signer, rotateMs: 400_000 }),
  });
  for (let i = 0; i < count; i++) {
    world.now += 1_000;
    attack(th, 1);
    if (i % 97 === 0) await th.audit.flush();
  }
  await th.close();
}

const entries = async (store: LogStore, index: number): Promise<number> =>
  (await store.get(`${ORIGIN}/tile/entries/${String(index).padStart(3, '0')}`))?.length ?? 0;

describe('a log that is pruned', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i))(
    'is good to whoever trusts the key that says so, and loses what is old: seed %i',
    async (seed) => {
      const roll = dice(seed);
      const store =
        seed % 4 === 0
          ? new TidyStore()
          : fsStore(join(folder, String(seed)), { fs: steppedFs(() => {}, { isSynced: false }) });
      const count = 300 + Math.floor(roll() * 900);
      await written(store, count, seed + 1);
      const whole = await verified(store);
      expect(whole).toMatchObject({ exitCode: 0, integrity: 'good', completeness: 'good' });
      const before = START + Math.floor(roll() * 1.2 * count) * 1_000;
      const done = await pruneLog(store, { origin: ORIGIN, before, signer });
      const full = Math.floor(whole.size / 256);
      expect(done.to % 256).toBe(0);
      expect(done.to).toBeLessThanOrEqual(256 * (full - 1));
      // Every tile below is older; the next one is not, or it is the newest.
      const after = await verified(store);
      expect(after).toMatchObject({ exitCode: 0, integrity: 'good', authenticity: 'good', completeness: 'good' });
      expect([after.size, after.root, after.closed]).toEqual([whole.size, whole.root, true]);
      expect(after.unavailable).toBe(done.pruned);
      expect(done.pruned + done.kept).toBe(done.to);
      expect(after.findings.some(({ code }) => code === 'PRUNED')).toBe(done.pruned > 0);
      // To anybody else it is incomplete, and never changed.
      const stranger = await verified(store, deploymentKey('example.com/other'));
      if (done.pruned > 0) expect(stranger).toMatchObject({ integrity: 'good', completeness: 'bad' });
      expect(await pruneLog(store, { origin: ORIGIN, before, signer })).toEqual({
        ...done,
        pruned: 0,
        kept: expect.any(Number),
      });
      const resume = await openLog(store, { origin: ORIGIN, keys: [signer.vkey] });
      const th = lab({ seed: seed + 100 }).make({ rateLimit: false, audit: into(store, { signer, resume }) });
      attack(th, 3);
      await th.close();
      expect(await verified(store)).toMatchObject({ integrity: 'good', authenticity: 'good', completeness: 'good' });
    },
  );

  it('stopped at any call of its store is pruned to the end by the next run', async () => {
    const sound = new TidyStore();
    await written(sound, 800, 7);
    const before = START + 10_000_000;
    const calls = new TidyStore(sound.objects);
    await pruneLog(calls, { origin: ORIGIN, before, signer });
    const made = calls.calls.length;
    const end = (await verified(calls)).unavailable;
    expect(end).toBeGreaterThan(400);
    for (let stop = 0; stop < made; stop++) {
      const store = new TidyStore(sound.objects);
      store.fate = (_, __, number) => (number >= stop ? 'refused' : 'done');
      await expect(pruneLog(store, { origin: ORIGIN, before, signer })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      store.fate = () => 'done';
      // Nothing is gone that the note does not name.
      expect(await verified(store), `stopped at ${stop}`).toMatchObject({ exitCode: 0, completeness: 'good' });
      await pruneLog(store, { origin: ORIGIN, before, signer });
      expect(await verified(store)).toMatchObject({ exitCode: 0, unavailable: end });
    }
  });

  it('keeps what tells of keys, and the newest tile, whatever its age', async () => {
    const store = new TidyStore();
    await written(store, 700, 3);
    await pruneLog(store, { origin: ORIGIN, before: 8e15, signer });
    // GENESIS and the first KEY in the first tile: two lengths and 254 empty places.
    expect(await entries(store, 0)).toBe(256 * 2 + 2 * 176);
    expect(await entries(store, 1)).toBeGreaterThan(256 * 170);
  });

  it('is believed only by a note of its own, signed by a key that is trusted', async () => {
    const store = new TidyStore();
    await written(store, 800, 5);
    await pruneLog(store, { origin: ORIGIN, before: START + 10_000_000, signer });
    const key = `${ORIGIN}/pruned`;
    const note = store.objects.get(key)!;
    const text = new TextDecoder().decode(note);
    const others = [
      undefined,
      'no note',
      text.replace(ORIGIN, 'example.com/other'),
      text.replace('\n512\n', '\n768\n'),
      text.replace('pruned/v1', 'pruned/v2'),
      text.replace(/.(?=.{30}\n$)/, (character) => (character === 'A' ? 'B' : 'A')),
    ];
    for (const other of others) {
      if (other === undefined) store.objects.delete(key);
      else store.objects.set(key, new TextEncoder().encode(other));
      expect(await verified(store), String(other)).toMatchObject({
        integrity: 'good',
        completeness: 'bad',
        exitCode: 2,
      });
    }
    store.objects.set(key, note);
    expect((await verified(store)).exitCode).toBe(0);
  });

  it('is none where the store cannot delete, where there is no log, and for options that cannot work', async () => {
    const options = { origin: ORIGIN, before: 1, signer };
    await expect(pruneLog(new LabStore(), options)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(pruneLog(new TidyStore(), options)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const store = new TidyStore();
    for (const [wrong, error] of [
      [{ ...options, origin: undefined }, TypeError],
      [{ ...options, before: undefined }, TypeError],
      [{ ...options, before: '90d' }, TypeError],
      [{ ...options, before: -1 }, RangeError],
      [{ ...options, signer: undefined }, TypeError],
      [{ ...options, olderThan: 1 }, TypeError],
      [undefined, TypeError],
    ] as const) {
      await expect(pruneLog(store, wrong as never)).rejects.toThrow(error);
    }
    await expect(pruneLog(undefined as never, options)).rejects.toThrow(TypeError);
    expect(store.calls).toEqual([]);
  });
});
