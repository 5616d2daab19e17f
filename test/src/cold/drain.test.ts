/**
 * Guards src/cold/drain.ts: what waits is worked off soon, tried again with growing pauses while that fails, and nobody is
 * told that a timer is set which is not.
 */
import { describe, expect, it } from 'vitest';
import { Drain } from '../../../src/cold/drain';
import { seeded } from '../../ground';

function world(work: () => boolean | Promise<boolean>) {
  const timers: number[] = [];
  const reported: unknown[] = [];
  const it = {
    timers,
    reported,
    timer: async (): Promise<void> => {},
    drain: undefined as unknown as Drain,
  };
  it.drain = new Drain({
    wakeIn: async (ms) => {
      await it.timer();
      timers.push(ms);
    },
    work: async () => work(),
    report: (error) => void reported.push(error),
  });
  return it;
}

describe('what waits', () => {
  it('is worked off once, however often somebody reminds', async () => {
    const { drain, timers } = world(() => false);
    await Promise.all([drain.remind(), drain.remind(), drain.remind()]);
    expect(timers).toEqual([2_000]);
    await drain.due();
    expect(timers).toEqual([2_000]);
    await drain.remind();
    expect(timers).toEqual([2_000, 2_000]);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'is tried again after 2, 4, 8 … 60 seconds while it fails, and after 2 once it works: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const turns = Array.from({ length: 40 }, () => (['fails', 'fails', 'more', 'done'] as const)[roll(4)]!);
      const left = [...turns];
      const { drain, timers, reported } = world(() => {
        const turn = left.shift()!;
        if (turn === 'fails') throw new Error('no');
        return turn === 'more';
      });
      let row = 0;
      for (const turn of turns) {
        const before = timers.length;
        await drain.due();
        row = turn === 'fails' ? row + 1 : 0;
        const expected = turn === 'done' ? [] : [row === 0 ? 2_000 : Math.min(2_000 * 2 ** (row - 1), 60_000)];
        expect(timers.slice(before)).toEqual(expected);
      }
      expect(reported).toHaveLength(turns.filter((turn) => turn === 'fails').length);
    },
  );

  it('is not believed to have a timer that was refused: who reminds is told, and the next one asks again', async () => {
    const it = world(() => false);
    it.timer = () => Promise.reject(new Error('no alarm'));
    await expect(Promise.all([it.drain.remind(), it.drain.remind()])).rejects.toThrow('no alarm');
    it.timer = async () => {};
    await it.drain.remind();
    expect(it.timers).toEqual([2_000]);
  });

  it('is not said to be remembered before the timer is set', async () => {
    const it = world(() => false);
    const set = Promise.withResolvers<void>();
    it.timer = () => set.promise;
    const settled: string[] = [];
    const [first, second] = [it.drain.remind(), it.drain.remind()].map((one, i) =>
      one.then(() => settled.push(`${i}`)),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toEqual([]);
    set.resolve();
    await Promise.all([first, second]);
    expect(settled).toEqual(['0', '1']);
  });

  it('says so to whoever called when even the next timer cannot be set', async () => {
    const it = world(() => {
      throw new Error('store');
    });
    it.timer = () => Promise.reject(new Error('no alarm'));
    await expect(it.drain.due()).rejects.toThrow('no alarm');
    expect(it.reported).toHaveLength(1);
  });
});
