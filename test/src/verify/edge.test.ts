/**
 * Guards `src/verify/edge.ts` and `parts.ts`: a log that is written while it is read is good, whatever its writer takes away
 * meanwhile, and `src/verify/pruned.ts` is asked for what was taken away for good.
 */
import { describe, expect, it, vi } from 'vitest';
import type { Runtime } from '../../../src/types/index';
import { Edge, isSameBytes } from '../../../src/verify/edge';
import { parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { attack, ORIGIN } from '../../lab/attacked';
import { dice, lab } from '../../lab/lab';
import { TidyStore } from '../../lab/store';
import { deploymentKey, into } from '../../lab/written';

const signer = deploymentKey();
const policy = parsePolicy(`log ${signer.vkey}\nquorum none\n`);

describe('a log that is written while it is read', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i))('is good: seed %i', async (seed) => {
    const roll = dice(seed);
    const world = lab({ seed });
    const store = new TidyStore();
    let due: (() => void) | undefined;
    const after = (_: number, work: () => void): (() => void) => {
      due = work;
      return () => {};
    };
    const runtime = Object.create(world.runtime, { after: { value: after } }) as Runtime;
    const audit = into(store, { origin: ORIGIN, signer });
    const th = world.make({ runtime, rateLimit: false, quarantine: { maxCount: 4_096, maxShare: 1 }, audit });
    let working = Promise.resolve();
    const goOn = (): Promise<void> => {
      working = working.then(work);
      return working;
    };
    const work = async (): Promise<void> => {
      attack(th, 1 + Math.floor(roll() * 3));
      world.now += 1_000;
      due?.();
      await vi.waitFor(
        () => {
          const { signed, size } = th.watcher.snapshot().audit;
          expect(signed).toBe(size);
        },
        { interval: 1 },
      );
    };
    attack(th, Math.floor(roll() * 600));
    await th.audit.flush();
    for (let i = 0; i < 5; i++) await goOn();
    // The writer works between two questions of the reader, now and then.
    const every = 9 + Math.floor(roll() * 12);
    let asked = 0;
    const get = async (path: string): Promise<Uint8Array | undefined> => {
      if (asked++ % every === every - 1 && asked < 200) await goOn();
      return store.objects.get(`${ORIGIN}/${path}`);
    };
    const widths = async (path: string): Promise<number[]> =>
      store.keys(`${ORIGIN}/${path}.p/`).map((key) => Number(key.split('/').at(-1)));
    const report = await verifyLog(storeSource(get, { origin: ORIGIN, widths }), { policy });
    expect(report.findings.filter(({ severity }) => severity === 'bad')).toEqual([]);
    expect(report).toMatchObject({ integrity: 'good', authenticity: 'good', completeness: 'good' });
  });
});

describe('the end of a log', () => {
  it('is asked for once, and what failed there is asked for again where it is needed', async () => {
    const asked: string[] = [];
    const edge = new Edge(async (path) => {
      asked.push(path);
      return path === 'checkpoint'
        ? new TextEncoder().encode(`${ORIGIN}\n3\n${'A'.repeat(43)}=\n\n— x AAAAAAAA\n`)
        : undefined;
    });
    expect(await edge.checkpoint()).toBe(await edge.checkpoint());
    expect(asked.filter((path) => path === 'checkpoint').length).toBeLessThanOrEqual(2);
    expect(await edge.get('tile/0/000.p/3')).toBeUndefined();
  });

  it('tells two heads apart', () => {
    const [one, same, other] = [Uint8Array.of(1, 2), Uint8Array.of(1, 2), Uint8Array.of(1, 3)];
    expect([
      isSameBytes(one, same),
      isSameBytes(one, other),
      isSameBytes(undefined, undefined),
      isSameBytes(one, undefined),
    ]).toEqual([true, false, true, false]);
  });
});
