/**
 * Guards `src/verify/canonical.ts`: canonical JSON of a known shape is read the same in whatever pieces it comes, and held to one
 * spelling.
 */
import { describe, expect, it } from 'vitest';
import { fromBase64 } from '../../../src/formats/bytes';
import { CanonicalText, decodedPieces } from '../../../src/verify/canonical';
import { seeded } from '../../ground';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const of = (text: string, size = 3): CanonicalText =>
  new CanonicalText(pieces(Buffer.from(text), size), 'p', 1_000_000);

describe('a text of a known shape', () => {
  it('gives the same values in every split (60 by seed)', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const word = String.fromCodePoint(...Array.from({ length: random(20) }, () => 1 + random(0xd7fe)));
      const [number, flag] = [random(1_000_000), random(2) === 0];
      const text = of(`{"a":${JSON.stringify(word)},"n":${number},"x":${flag}}`, 1 + random(9));
      await text.literal('{"a":');
      expect(await text.string('p.a', 1_000)).toBe(word);
      await text.literal(',"n":');
      expect(await text.integer('p.n')).toBe(number);
      await text.literal(',"x":');
      expect(await text.has('true', 'p.x')).toBe(flag);
      if (!flag) await text.literal('false', 'p.x');
      await text.literal('}');
      await text.end();
    }
  });

  it.each<[string, string, (text: CanonicalText) => Promise<unknown>, string]>([
    ['an escape that needs none', '"\\u0041"', (text) => text.string('p', 99), 'spelt otherwise'],
    ['an escape in capitals', '"\\u001B"', (text) => text.string('p', 99), 'spelt otherwise'],
    ['a slash that is escaped', '"\\/"', (text) => text.string('p', 99), 'spelt otherwise'],
    ['a control character', '"\u0001"', (text) => text.string('p', 99), 'no text'],
    ['an open string', '"abc', (text) => text.string('p', 99), 'cut short'],
    ['a long string', `"${'x'.repeat(100)}"`, (text) => text.string('p', 99), 'too long'],
    ['a number with a zero before it', '012', (text) => text.integer('p'), 'wrong'],
    ['a number below zero', '-1', (text) => text.integer('p'), 'wrong'],
    ['a number that is too large', '9007199254740993', (text) => text.integer('p'), 'wrong'],
    ['digits without end', '1'.repeat(1_000), (text) => text.integer('p'), 'wrong'],
    ['another literal', '{"b":', (text) => text.literal('{"a":'), 'another text'],
    ['half of one', '{"a', (text) => text.literal('{"a":'), 'cut short'],
    ['more behind its end', 'x', (text) => text.end(), 'more behind its end'],
  ])('is refused with %s', async (_, text, read, message) => {
    for (const size of [1, 2, 1_000]) await expect(read(of(text, size))).rejects.toThrow(message);
  });

  it('is given up where it is longer than it may be', async () => {
    const text = new CanonicalText(pieces(new Uint8Array(100).fill(0x41), 10), 'p', 50);
    await expect(text.literal('A'.repeat(99))).rejects.toThrow('too long');
    await text.stop();
  });
});

describe('base64 in pieces', () => {
  const decode = async (text: string, size: number): Promise<Buffer> => {
    const found: Uint8Array[] = [];
    for await (const piece of decodedPieces(pieces(Buffer.from(text), size), fromBase64, () => new Error('no base64')))
      found.push(piece);
    return Buffer.concat(found);
  };

  it('is the bytes it stands for, in every split (every length up to 70)', async () => {
    const random = seeded(4);
    for (let length = 0; length <= 70; length++) {
      const bytes = Buffer.from(Array.from({ length }, () => random(256)));
      for (const size of [1, 2, 3, 4, 5, 64]) expect(await decode(bytes.toString('base64'), size)).toEqual(bytes);
    }
  });

  it('has padding at its end only, and no bits left over', async () => {
    for (const text of ['AA==AA==', 'AAA', 'AB==', 'A', '====', 'AA=A', 'AA-_']) {
      for (const size of [1, 4, 64]) await expect(decode(text, size), text).rejects.toThrow('no base64');
    }
  });
});
