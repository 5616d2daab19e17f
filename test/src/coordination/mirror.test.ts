/**
 * Guards src/coordination/mirror.ts: the list says what was blocked last, whatever order its answers come in; a block that
 * goes on is not written again and again; and a list that fails or hangs costs nobody anything.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BlockList, BlockMirror } from '../../../src/coordination/mirror';
import { seeded } from '../../ground';

afterEach(() => void vi.useRealTimers());

/** A list whose writes take as long as they like. */
function list(wait: () => Promise<void> = async () => {}) {
  const entries = new Map<string, number>();
  const writes: string[] = [];
  const it: BlockList = {
    add: async (place, now, ms) => {
      writes.push(`add ${place.join()}`);
      await wait();
      entries.set(place.join(), now + ms);
    },
    remove: async (place) => {
      writes.push(`remove ${place.join()}`);
      await wait();
      entries.delete(place.join());
    },
    leftMs: async (place, now) => Math.max(0, (entries.get(place.join()) ?? 0) - now),
  };
  return { list: it, entries, writes };
}

describe('a mirror of blocks', () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))(
    'ends as the last words said, however long each write takes: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const wait = async (): Promise<void> => {
        for (let i = roll(6); i > 0; i--) await Promise.resolve();
      };
      const { list: it, entries } = list(wait);
      const mirror = new BlockMirror(it, () => {});
      const expected = new Map<string, number>();
      const works: unknown[] = [];
      let now = 1_000_000;
      for (let i = 0; i < 60; i++) {
        now += roll(3_000);
        const place = Uint8Array.of(roll(4));
        if (roll(3) === 0) {
          works.push(mirror.lifted(place));
          expected.delete(place.join());
          continue;
        }
        const ms = 1 + roll(20_000);
        works.push(mirror.blocked(place, now, ms));
        const listed = expected.get(place.join());
        if (listed === undefined || now + ms >= listed + 1_000) expected.set(place.join(), now + ms);
        if (roll(4) === 0) await Promise.resolve();
      }
      await Promise.all(works);
      expect(entries).toEqual(expected);
    },
  );

  it('writes one block once, though every refusal of it passes by', async () => {
    const { list: it, writes } = list();
    const mirror = new BlockMirror(it, () => {});
    for (let i = 0; i < 100; i++) await mirror.blocked(Uint8Array.of(1), 1_000 + i * 100, 60_000 - i * 100);
    expect(writes).toEqual(['add 1']);
    expect(mirror.blocked(Uint8Array.of(1), 0, 0.5)).toBeUndefined();
    for (let i = 0; i < 2_000; i++) await mirror.blocked(Uint8Array.of(2, i & 0xff, i >> 8), 1_000, 60_000);
    // What it remembers is bounded: the first one was forgotten, and is written again.
    await mirror.blocked(Uint8Array.of(1), 1_000, 60_000);
    expect(writes.filter((write) => write === 'add 1')).toHaveLength(2);
  });

  it('reports a list that fails or hangs, and goes on', async () => {
    vi.useFakeTimers();
    const { list: it, entries } = list();
    const reported: unknown[] = [];
    const mirror = new BlockMirror(it, (error) => void reported.push(error));
    const add = it.add;
    it.add = (place, now, ms) => {
      if (place[0] === 1) return Promise.reject(new Error('kv'));
      if (place[0] === 2) return new Promise(() => {});
      if (place[0] === 3) throw new Error('at once');
      return add(place, now, ms);
    };
    const all = [1, 2, 3, 4].map((place) => mirror.blocked(Uint8Array.of(place), 0, 5_000));
    await vi.advanceTimersByTimeAsync(10_000);
    await Promise.all(all);
    expect(reported).toHaveLength(3);
    expect(reported[1]).toMatchObject({ code: 'STORE_FAILED' });
    expect([...entries.keys()]).toEqual(['4']);
  });
});
