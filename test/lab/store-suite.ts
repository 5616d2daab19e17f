/**
 * What every store must do, as one suite: call it with a way to make an empty one.
 *
 * Relies on: the interface in `src/types/ports.ts` and nothing else. Refuses: to know a store.
 */
import { describe, expect, it } from 'vitest';
import type { LogStore } from '../../src/types/ports';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const A = bytes('a');
const B = bytes('b');
const C = bytes('c');

/** Keys of a log in a store, and the widest that are allowed. */
const KEYS = [
  'checkpoint',
  'latest',
  'local/0199f0c5-0000-7000-8000-000000000000/tile/entries/x001/x234/067.p/255',
  'example.org/%E2%82%AC/tile/0/000',
  '%',
  '.well-known/a..b',
  `${'x'.repeat(254)}`,
  Array.from({ length: 128 }, () => '1234567').join('/'),
];

/** What must not reach a disk, by what is wrong with it. */
export const BAD_KEYS: readonly (readonly [string, unknown])[] = [
  ['nothing', ''],
  ['the folder itself', '.'],
  ['the folder above', '..'],
  ['the folder above, further on', 'a/../../b'],
  ['a dot alone, further on', 'a/./b'],
  ['an absolute path', '/etc/passwd'],
  ['an empty part', 'a//b'],
  ['a slash at the end', 'a/'],
  ['NUL', 'a\0b'],
  ['a line break', 'a\nb'],
  ['a backslash', 'a\\..\\b'],
  ['a drive', 'C:/a'],
  ['a stream', 'a:b'],
  ['a space', 'a b'],
  ['a mark of the store', 'checkpoint~/1.a'],
  ['a device', 'a/con'],
  ['a device in capitals', 'NUL'],
  ['a device with an extension', 'a/Com1.txt'],
  ['a dot at the end', 'a.'],
  ['letters that systems compose differently', 'caf\u00e9'],
  ['half a character', 'a\ud800'],
  ['a part of 255', 'x'.repeat(255)],
  ['1,025 characters', Array.from({ length: 129 }, () => '1234567').join('/') + '/8'],
  ['no string', 7],
  ['nothing at all', undefined],
  ['an object that says it is a key', { toString: () => 'a', split: () => ['a'] }],
];

/** `failing`: the same store while what it lies on does not answer, for a reason that may pass. */
export function storeSuite(
  name: string,
  make: () => Promise<LogStore> | LogStore,
  failing?: () => Promise<LogStore> | LogStore,
): void {
  if (failing !== undefined) outageSuite(name, failing);
  describe(`${name}, as every store`, () => {
    it.each(KEYS)('keeps bytes at %s', async (key) => {
      const store = await make();
      expect(await store.get(key)).toBeUndefined();
      expect(await store.putIfAbsent(key, A)).toBe('created');
      expect(await store.get(key)).toEqual(A);
    });

    it.each(BAD_KEYS)('refuses a key that is %s', async (_, key) => {
      const store = await make();
      const wrong = key as string;
      const error = typeof key === 'string' ? RangeError : TypeError;
      await expect(store.putIfAbsent(wrong, A)).rejects.toThrow(error);
      await expect(store.get(wrong)).rejects.toThrow(error);
      await expect(store.swap(wrong, A, undefined)).rejects.toThrow(error);
    });

    it('says what is wrong with a key without repeating it', async () => {
      const store = await make();
      const said = String(await store.get('a/secret part/b').catch((error: unknown) => error));
      expect(said).toMatch(/^RangeError: key: part 2 has other characters, expected /);
      expect(said).not.toContain('secret');
    });

    it('refuses what is no bytes', async () => {
      const store = await make();
      for (const wrong of ['a', [1], null, undefined, new ArrayBuffer(1)]) {
        await expect(store.putIfAbsent('k', wrong as unknown as Uint8Array)).rejects.toThrow(TypeError);
        await expect(store.swap('k', wrong as unknown as Uint8Array, undefined)).rejects.toThrow(TypeError);
      }
      await expect(store.swap('k', A, 'a' as unknown as Uint8Array)).rejects.toThrow(TypeError);
      expect(await store.get('k')).toBeUndefined();
    });

    it('never overwrites', async () => {
      const store = await make();
      expect(await store.putIfAbsent('k', A)).toBe('created');
      expect(await store.putIfAbsent('k', A)).toBe('exists');
      expect(await store.putIfAbsent('k', B)).toBe('exists');
      expect(await store.get('k')).toEqual(A);
    });

    it('keeps nothing as something', async () => {
      const store = await make();
      const none = new Uint8Array(0);
      expect(await store.putIfAbsent('k', none)).toBe('created');
      expect(await store.get('k')).toEqual(none);
      expect(await store.swap('k', A, undefined)).toBe('conflict');
      expect(await store.swap('k', A, none)).toBe('swapped');
      expect(await store.swap('k', none, A)).toBe('swapped');
      expect(await store.get('k')).toEqual(none);
    });

    it('keeps the bytes as they were when it was called, and hands out copies', async () => {
      const store = await make();
      const given = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
      const put = store.putIfAbsent('k', given);
      given.fill(9);
      await put;
      (await store.get('k'))!.fill(7);
      expect(await store.get('k')).toEqual(Uint8Array.of(2, 3));
      const [next, expected] = [Uint8Array.of(5), Uint8Array.of(2, 3)];
      const swap = store.swap('k', next, expected);
      next.fill(9);
      expected.fill(9);
      expect(await swap).toBe('swapped');
      (await store.get('k'))!.fill(7);
      expect(await store.get('k')).toEqual(Uint8Array.of(5));
    });

    it('hands out a plain Uint8Array', async () => {
      const store = await make();
      await store.putIfAbsent('k', A);
      expect(Object.getPrototypeOf(await store.get('k'))).toBe(Uint8Array.prototype);
      await store.swap('k', B, A);
      expect(Object.getPrototypeOf(await store.get('k'))).toBe(Uint8Array.prototype);
    });

    it('keeps 1 MiB', async () => {
      const store = await make();
      const large = new Uint8Array(1_048_576).map((_, i) => i * 31);
      await store.putIfAbsent('k', large);
      expect(Buffer.compare((await store.get('k'))!, large)).toBe(0);
    });

    it('swaps what is there for what is expected to be there, and nothing else', async () => {
      const store = await make();
      expect(await store.swap('k', A, A)).toBe('conflict');
      expect(await store.get('k')).toBeUndefined();
      expect(await store.swap('k', A, undefined)).toBe('swapped');
      expect(await store.swap('k', B, undefined)).toBe('conflict');
      expect(await store.swap('k', C, B)).toBe('conflict');
      expect(await store.get('k')).toEqual(A);
      expect(await store.swap('k', B, A)).toBe('swapped');
      expect(await store.swap('k', C, A)).toBe('conflict');
      expect(await store.get('k')).toEqual(B);
      expect(await store.swap('k', C, bytes('bb'))).toBe('conflict');
      expect(await store.swap('k', B, B)).toBe('swapped');
      expect(await store.swap('k', A, B)).toBe('swapped'); // back to what was there before
      expect(await store.get('k')).toEqual(A);
    });

    it('holds one object, however it came there', async () => {
      const store = await make();
      expect(await store.putIfAbsent('k', A)).toBe('created');
      expect(await store.swap('k', B, undefined)).toBe('conflict');
      expect(await store.swap('k', B, A)).toBe('swapped');
      expect(await store.putIfAbsent('k', A)).toBe('exists');
      expect(await store.get('k')).toEqual(B);
    });

    it('tells one of many creators that he was first', async () => {
      const store = await make();
      const told = await Promise.all(Array.from({ length: 16 }, (_, i) => store.putIfAbsent('k', Uint8Array.of(i))));
      expect(told.filter((answer) => answer === 'created')).toHaveLength(1);
      expect(await store.get('k')).toEqual(Uint8Array.of(told.indexOf('created')));
    });

    it.each(['nothing', 'something put', 'something swapped'])(
      'tells one of many who expect the same that he swapped: %s',
      async (before) => {
        const store = await make();
        if (before !== 'nothing') await store.putIfAbsent('k', A);
        if (before === 'something swapped') await store.swap('k', A, A);
        const expected = before === 'nothing' ? undefined : A;
        const told = await Promise.all(
          Array.from({ length: 16 }, (_, i) => store.swap('k', Uint8Array.of(i), expected)),
        );
        expect(told.filter((answer) => answer === 'swapped')).toHaveLength(1);
        expect(await store.get('k')).toEqual(Uint8Array.of(told.indexOf('swapped')));
      },
    );

    it('loses no update when many count together', async () => {
      const store = await make();
      const countUp = async (): Promise<void> => {
        for (;;) {
          const before = await store.get('counter');
          if ((await store.swap('counter', Uint8Array.of((before?.[0] ?? 0) + 1), before)) === 'swapped') return;
        }
      };
      await Promise.all(Array.from({ length: 8 }, countUp));
      expect(await store.get('counter')).toEqual(Uint8Array.of(8));
    });

    it('takes away what is there, where it can take away at all, and keeps it apart from the rest', async () => {
      const store = await make();
      if (store.delete === undefined) return;
      expect(await store.delete('a/b')).toBe(false);
      await Promise.all([store.putIfAbsent('a/b', A), store.putIfAbsent('a/c', B), store.putIfAbsent('d/e', B)]);
      expect(await store.delete('a/b')).toBe(true);
      expect(await store.delete('a/b')).toBe(false);
      expect(await Promise.all(['a/b', 'a/c'].map((key) => store.get(key)))).toEqual([undefined, B]);
      expect(await store.delete('d/e')).toBe(true);
      expect(await store.get('d/e')).toBeUndefined();
      expect(await store.putIfAbsent('d/e', C)).toBe('created');
      expect(await store.get('d/e')).toEqual(C);
      for (const [, key] of BAD_KEYS) await expect(store.delete(key as string)).rejects.toThrow(/^key: /);
    });

    it('keeps objects apart', async () => {
      const store = await make();
      await Promise.all([store.putIfAbsent('a/b', A), store.putIfAbsent('a/c', B), store.swap('a/d', C, undefined)]);
      await store.swap('a/c', C, B);
      expect(await Promise.all(['a/b', 'a/c', 'a/d', 'b'].map((key) => store.get(key)))).toEqual([A, C, C, undefined]);
    });
  });
}

function outageSuite(name: string, failing: () => Promise<LogStore> | LogStore): void {
  describe(`${name}, during an outage, as every store`, () => {
    it.each([
      ['get', (store: LogStore) => store.get('k')],
      ['putIfAbsent', (store: LogStore) => store.putIfAbsent('k', A)],
      ['swap where nothing is expected', (store: LogStore) => store.swap('k', A, undefined)],
      ['swap where something is', (store: LogStore) => store.swap('k', A, B)],
      ['delete', async (store: LogStore) => (store.delete === undefined ? store.get('k') : store.delete('k'))],
    ])('says of %s that it failed and may work later', async (_, act) => {
      const error = await act(await failing()).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error).toMatchObject({ name: 'TracehoundError', code: 'STORE_FAILED', recoverable: true });
      expect((error as Error).cause).toBeDefined();
    });
  });
}
