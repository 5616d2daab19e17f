/** Guards src/stores/keys.ts: what is a key, on any disk and in any bucket; and that a store has bytes of its own. */
import { describe, expect, it } from 'vitest';
import { below, copyOf, isEqual, partsOf } from '../../../src/stores/keys';

describe('a key', () => {
  it('is made of letters, digits and four marks; no other character of UTF-16 is in one', () => {
    for (let code = 0; code <= 0xffff; code += code < 0x300 ? 1 : 97) {
      const character = String.fromCharCode(code);
      const isPart = /^[A-Za-z0-9_%-]$/.test(character);
      const key = `a${character}b`;
      if (isPart || character === '.' || character === '/') expect(partsOf(key)).toEqual(key.split('/'));
      else expect(() => partsOf(key), `U+${code.toString(16)}`).toThrow(RangeError);
    }
  });

  it('has parts of 1 to 254 characters, and at most 1,024 of them all', () => {
    for (const length of [1, 2, 253, 254]) expect(partsOf('p'.repeat(length))).toHaveLength(1);
    expect(() => partsOf('p'.repeat(255))).toThrow('key: part 1 has 255 characters');
    const longest = `${'p'.repeat(254)}/`.repeat(4).slice(0, 1_020);
    expect(partsOf(`${longest}abcd`)).toHaveLength(5);
    expect(() => partsOf(`${longest}abcde`)).toThrow('expected ≤ 1024 characters, got 1025');
  });

  it.each(['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/..', 'a/../b', 'a.', 'a./b', '...'])(
    '%j has a part that no disk keeps',
    (key) => {
      expect(() => partsOf(key)).toThrow(RangeError);
    },
  );

  it.each(['con', 'CON', 'prn', 'aux', 'nul', 'com0', 'com9', 'lpt1', 'con.txt', 'Nul.tar.gz', 'a/lpt9/b'])(
    '%j would open a device on Windows',
    (key) => {
      expect(() => partsOf(key)).toThrow(/is the name of a device/);
    },
  );

  it.each(['com', 'com10', 'console', 'xcon', 'con-1', '.con', 'a.b', '.a', '%2F', '-', '_'])('%j is one', (key) => {
    expect(partsOf(key)).toEqual([key]);
  });

  it.each([undefined, null, 7, {}, ['a'], new String('a')])('of another kind is refused by its kind alone', (key) => {
    expect(() => partsOf(key as string)).toThrow(TypeError);
  });

  it('that is refused is not repeated', () => {
    expect(() => partsOf('a/secret name/b')).toThrow(
      /^key: part 2 has other characters, expected [^,]*, got other text$/,
    );
  });
});

describe('below a prefix', () => {
  it('lie the same keys, and the two together are a key', () => {
    expect(below(undefined)('a/b')).toBe('a/b');
    expect(below('x/y')('a/b')).toBe('x/y/a/b');
    for (const wrong of ['', '/x', 'x/', 'x//y', '..']) expect(() => below(wrong)).toThrow(RangeError);
    for (const wrong of ['', '../a', 'a/', 7 as unknown as string]) expect(() => below('x')(wrong)).toThrow();
    const long = 'p/'.repeat(511).slice(0, 1_021);
    expect(below('x')(long)).toHaveLength(1_023);
    expect(() => below('xyz')(`${long}/p`)).toThrow(RangeError);
  });
});

describe('bytes', () => {
  it('are copied: whole, or as much as a view shows', () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
    for (let from = 0; from <= 20; from++) {
      const view = bytes.subarray(from);
      const copy = copyOf(view);
      expect(copy).toEqual(view);
      expect(copy.buffer).not.toBe(bytes.buffer);
    }
    expect(copyOf(Buffer.from('ab'))).toEqual(Uint8Array.of(0x61, 0x62));
    for (const wrong of [undefined, null, 'ab', [1], new ArrayBuffer(2), new DataView(new ArrayBuffer(2))])
      expect(() => copyOf(wrong as unknown as Uint8Array, 'expected')).toThrow(
        /^expected: wrong kind, expected a Uint8Array, got /,
      );
  });

  it('are equal when each is, and no prefix equals the whole', () => {
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i);
    for (let length = 0; length <= 12; length++) {
      const one = bytes.slice(0, length);
      for (let other = 0; other <= 12; other++) expect(isEqual(one, bytes.slice(0, other))).toBe(length === other);
      for (let at = 0; at < length; at++) {
        const changed = one.slice();
        changed[at]! ^= 128;
        expect(isEqual(one, changed), `${length}, ${at}`).toBe(false);
      }
    }
  });
});
