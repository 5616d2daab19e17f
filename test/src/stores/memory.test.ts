/**
 * Guards src/stores/memory.ts: whose bytes are whose, what fits to the byte, and that of two callers of one moment one wins.
 * What every store must do is in stores.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../src/stores/memory';

const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);

describe('the bytes', () => {
  it('are the store’s own: neither the caller’s array nor what he was given can change them', async () => {
    const store = memoryStore();
    const given = bytes(3);
    await store.putIfAbsent('a', given);
    given.fill(9);
    expect(await store.get('a')).toEqual(bytes(3));
    (await store.get('a'))!.fill(9);
    expect(await store.get('a')).toEqual(bytes(3));
    const next = bytes(3, 2);
    const swapped = store.swap('a', next, bytes(3));
    next.fill(9);
    expect(await swapped).toBe('swapped');
    expect(await store.get('a')).toEqual(bytes(3, 2));
  });

  it('are there for the length of a process, sorted by key', async () => {
    const store = memoryStore();
    expect(store.keys()).toEqual([]);
    for (const key of ['b', 'a/b', 'a', 'A']) await store.putIfAbsent(key, bytes(0));
    expect(store.keys()).toEqual(['A', 'a', 'a/b', 'b']);
    expect(await store.get('c')).toBeUndefined();
    expect(memoryStore().keys(), 'another store is another store').toEqual([]);
  });
});

describe('a bound', () => {
  it('holds exactly, whatever was there before', async () => {
    for (let held = 0; held <= 8; held++) {
      for (let next = 0; next <= 12; next++) {
        const store = memoryStore({ maxBytes: 10 });
        await store.putIfAbsent('a', bytes(held));
        await store.putIfAbsent('b', bytes(2));
        const fits = next + 2 <= 10;
        const told = await store.swap('a', bytes(next, 2), bytes(held)).catch((error: { code: string }) => error.code);
        expect(told, `${held} → ${next}`).toBe(fits ? 'swapped' : 'STORE_FAILED');
        expect(await store.get('a')).toEqual(fits ? bytes(next, 2) : bytes(held));
        expect(await store.putIfAbsent('c', bytes(10 - 2 - (fits ? next : held))), 'the rest is free').toBe('created');
        await expect(store.putIfAbsent('d', bytes(1))).rejects.toThrow('expected ≤ 10 bytes, got 11');
      }
    }
  });

  it('is 64 MiB when nobody says another, and may be nothing at all', async () => {
    await expect(memoryStore().putIfAbsent('a', bytes(67_108_865))).rejects.toThrow('≤ 67108864 bytes, got 67108865');
    const none = memoryStore({ maxBytes: 0 });
    expect(await none.putIfAbsent('a', bytes(0))).toBe('created');
    await expect(none.putIfAbsent('b', bytes(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    for (const wrong of [-1, 1.5, 2 ** 53]) expect(() => memoryStore({ maxBytes: wrong })).toThrow(RangeError);
    expect(() => memoryStore({ maxbytes: 1 } as never)).toThrow(/did you mean `maxBytes`/);
  });
});

describe('a swap', () => {
  it('happens when what is there is what was expected, and only then', async () => {
    for (const there of [undefined, bytes(0), bytes(1), bytes(2)]) {
      for (const expected of [undefined, bytes(0), bytes(1), bytes(2), bytes(1, 7)]) {
        const store = memoryStore();
        if (there !== undefined) await store.putIfAbsent('k', there);
        const is =
          there === undefined ? expected === undefined : expected !== undefined && Buffer.from(there).equals(expected);
        expect(await store.swap('k', bytes(3), expected)).toBe(is ? 'swapped' : 'conflict');
        expect(await store.get('k')).toEqual(is ? bytes(3) : there);
      }
    }
  });

  it('and a put of one moment are won by one of all callers', async () => {
    const store = memoryStore();
    const puts = await Promise.all(Array.from({ length: 20 }, (_, i) => store.putIfAbsent('k', bytes(1, i))));
    expect(puts.filter((told) => told === 'created')).toHaveLength(1);
    expect(puts[0]).toBe('created');
    const swaps = await Promise.all(Array.from({ length: 20 }, (_, i) => store.swap('k', bytes(2, i), bytes(1, 0))));
    expect(swaps.filter((told) => told === 'swapped')).toHaveLength(1);
  });
});

it('keys and bytes of another kind are refused before anything happens', async () => {
  const store = memoryStore();
  for (const key of ['', '../a', 'a/', 7 as unknown as string]) {
    await expect(store.putIfAbsent(key, bytes(1))).rejects.toThrow();
    await expect(store.get(key)).rejects.toThrow();
    await expect(store.swap(key, bytes(1), undefined)).rejects.toThrow();
  }
  await expect(store.putIfAbsent('a', 'text' as never)).rejects.toThrow(TypeError);
  await expect(store.swap('a', bytes(1), 'text' as never)).rejects.toThrow(/^expected: /);
  expect(store.keys()).toEqual([]);
});
