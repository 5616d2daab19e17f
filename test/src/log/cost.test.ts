/**
 * Guards what a log costs in its store: `src/log/writer.ts`, `objects.ts`, `segments.ts`. However its records arrive, it takes
 * at most twice the bytes of writing it all at once, few files, and no record waits for its signature.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import type { LogStore, Runtime, Tracehound } from '../../../src/types/index';
import { parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { steppedFs } from '../../lab/fs-port';
import { dice, type Lab, lab } from '../../lab/lab';
import { LabStore, TidyStore } from '../../lab/store';
import { deploymentKey, into, ORIGIN, type StoredAudit } from '../../lab/written';

const folder = mkdtempSync(join(tmpdir(), 'tracehound-cost-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const signer = deploymentKey();
const policy = parsePolicy(`log ${signer.vkey}\nquorum none\n`);

interface Place {
  readonly store: LogStore;
  files(): { count: number; bytes: number };
}

let made = 0;
/** A store in a real folder, without waiting for the disk: these tests make thousands of files. */
function inFolder(): Place {
  const root = join(folder, String(made++));
  const files = (): { count: number; bytes: number } => {
    const all = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const sizes = all.map((entry) => statSync(join(entry.parentPath, entry.name)).size);
    return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  };
  return { store: fsStore(root, { fs: steppedFs(() => {}, { isSynced: false }) }), files };
}

function inMemory(store: LabStore): Place {
  const files = (): { count: number; bytes: number } => ({
    count: store.objects.size,
    bytes: [...store.objects.values()].reduce((sum, { length }) => sum + length, 0),
  });
  return { store, files };
}

/** An instance whose timers the test turns, and which tells when all that waits is signed. */
function running(world: Lab, store: LogStore, audit: StoredAudit = {}) {
  let due: (() => void) | undefined;
  const after = (_ms: number, work: () => void): (() => void) => {
    due = work;
    return () => {};
  };
  const th = world.make({
    runtime: Object.create(world.runtime, { after: { value: after } }) as Runtime,
    rateLimit: false,
    quarantine: { maxCount: 4_096, maxShare: 1 },
    audit: into(store, { origin: ORIGIN, signer, ...audit }),
  });
  const tick = async (): Promise<void> => {
    world.now += audit.checkpointMs ?? 1_000;
    due?.();
    await vi.waitFor(
      () => {
        const { signed, size } = th.watcher.snapshot().audit;
        expect(signed).toBe(size);
      },
      { interval: 1, timeout: 5_000 },
    );
  };
  return { th, tick };
}

let sent = 0;
function attack(th: Tracehound, count: number, rule: boolean): void {
  for (let i = 0; i < count; i++) {
    const said = rule ? { rule: '942100', reason: 'SQL injection in a parameter' } : {};
    const threat = { category: 'sqli', severity: 'high', ...said } as const;
    const result = th.intercept({ source: `s${sent}`, payload: `attack ${sent++}`, threat });
    if (result.status === 'error') throw result.error;
  }
}

/** The same records, all stored at once. */
async function atOnce(place: Place, count: number, rule: boolean): Promise<number> {
  const th = lab().make({
    rateLimit: false,
    quarantine: { maxCount: 4_096, maxShare: 1 },
    audit: into(place.store, { origin: ORIGIN, signer }),
  });
  attack(th, count, rule);
  await th.close();
  return place.files().bytes;
}

async function report(store: LogStore) {
  const get = (path: string): Promise<Uint8Array | undefined> => store.get(`${ORIGIN}/${path}`);
  return verifyLog(storeSource(get, { origin: ORIGIN }), { policy });
}

describe('a log that is written a little at a time', () => {
  it.each(Array.from({ length: 24 }, (_, i) => i))(
    'takes at most twice the bytes of writing it at once, and is good at any moment: seed %i',
    async (seed) => {
      const random = dice(seed);
      const place = seed % 3 === 0 ? inMemory(new TidyStore()) : inFolder();
      const world = lab({ seed });
      const { th, tick } = running(world, place.store, { checkpointMs: random() < 0.5 ? 1_000 : 5_000 });
      const [ticks, most, rule] = [20 + Math.floor(random() * 130), 1 + Math.floor(random() * 4), random() < 0.7];
      const flushes = random() < 0.4;
      let count = 0;
      for (let i = 0; i < ticks; i++) {
        const now = Math.floor(random() * (most + 1));
        attack(th, now, rule);
        count += now;
        await tick();
        if (flushes && random() < 0.2) await th.audit.flush();
      }
      const { bytes } = place.files();
      const whole = await atOnce(seed % 3 === 0 ? inMemory(new TidyStore()) : inFolder(), count, rule);
      expect(bytes / whole).toBeLessThanOrEqual(2);
      expect(await report(place.store)).toMatchObject({ exitCode: 0, integrity: 'good', authenticity: 'good' });
      await th.close();
      expect(place.files().bytes / whole).toBeLessThanOrEqual(1.2);
      expect(await report(place.store)).toMatchObject({
        integrity: 'good',
        authenticity: 'good',
        completeness: 'good',
      });
    },
  );

  it('adds at most ten files a minute at one request a second, and its first minute has no more either', async () => {
    const place = inFolder();
    const { th, tick } = running(lab(), place.store);
    const counts: number[] = [];
    for (let second = 1; second <= 512; second++) {
      attack(th, 1, true);
      await tick();
      if (second % 60 === 0) counts.push(place.files().count);
    }
    for (const [i, count] of counts.entries()) expect(count, `minute ${i + 1}`).toBeLessThanOrEqual(10 * (i + 1) + 8);
    await th.close();
    // Two full tiles with records and sidecars, a part of a third, one of level 1; `checkpoint` with its versions, `latest`.
    expect(place.files().count).toBeLessThanOrEqual(16);
  });

  it.each([1_000, 2_000])('leaves no record unsigned for longer than checkpointMs: %i ms', async (checkpointMs) => {
    const place = inMemory(new TidyStore());
    const { th, tick } = running(lab(), place.store, { checkpointMs });
    for (let i = 0; i < 150; i++) {
      attack(th, (i + 1) % 3, false);
      await tick();
      const head = new TextDecoder().decode(await place.store.get(`${ORIGIN}/checkpoint`)).split('\n');
      expect(Number(head[1])).toBe(th.watcher.snapshot().audit.size);
    }
  });

  it('costs no more than the tail once more in a store that takes nothing away', async () => {
    const place = inMemory(new LabStore());
    const { th, tick } = running(lab(), place.store);
    for (let i = 0; i < 512; i++) {
      attack(th, 1, true);
      await tick();
    }
    await th.close();
    const whole = await atOnce(inMemory(new LabStore()), 512, true);
    expect(place.files().bytes / whole).toBeLessThanOrEqual(4);
    expect(await report(place.store)).toMatchObject({ integrity: 'good', authenticity: 'good', completeness: 'good' });
  });

  it('has the bundles and tiles of each head where it is to do without a tail', async () => {
    const store = new TidyStore();
    const { th, tick } = running(lab(), store, { tail: false });
    for (let i = 0; i < 20; i++) {
      attack(th, 1, true);
      await tick();
      const size = Number(store.text(`${ORIGIN}/checkpoint`)!.split('\n')[1]);
      expect(store.objects.get(`${ORIGIN}/tile/entries/000.p/${size}`)).toBeDefined();
      expect(store.objects.get(`${ORIGIN}/tile/0/000.p/${size}`)).toHaveLength(32 * size);
    }
    expect(store.keys(`${ORIGIN}/tail`)).toEqual([]);
    expect(store.keys(`${ORIGIN}/tile/0/`)).toHaveLength(1);
  });
});
