/**
 * Guards `src/verify/json.ts`: JSON is bounded before it is parsed and has one spelling.
 */
import { describe, expect, it } from 'vitest';
import { canonicalise } from '../../../src/formats/jcs';
import { base64Of, fieldsOf, hexOf, readJson, textOf } from '../../../src/verify/json';
import { seeded } from '../../ground';

const BOUNDS = { characters: 10_000, depth: 3, marks: 100 };
const read = (text: string): unknown => readJson('part', text, BOUNDS);
const invalid = (message: string): object =>
  expect.objectContaining({ code: 'LOG_INVALID', message: expect.stringContaining(message) });

/** A value of any shape. */
function anyValue(random: (below: number) => number, depth = 0): unknown {
  const kind = random(depth < 2 ? 6 : 4);
  if (kind === 0) return random(1_000_000);
  if (kind === 1) return String.fromCodePoint(...Array.from({ length: random(6) }, () => 1 + random(0x2fff)));
  if (kind === 2) return random(2) === 0;
  if (kind === 3) return null;
  if (kind === 4) return Array.from({ length: random(4) }, () => anyValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random(4) }, (_, i) => [`k${random(9)}${i}`, anyValue(random, depth + 1)]),
  );
}

describe('canonical JSON', () => {
  it('is read as what it says, and no other spelling of it is (100 by seed)', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seeded(seed);
      const value = anyValue(random);
      const written = canonicalise(value, 100_000);
      if (!written.ok) throw new Error('no JSON');
      const text = new TextDecoder().decode(written.bytes);
      expect(read(text)).toEqual(value);
      expect(() => read(` ${text}`)).toThrow(invalid('part'));
      const at = text.search(/[:,]/);
      if (at >= 0 && typeof value === 'object')
        expect(() => read(`${text.slice(0, at + 1)} ${text.slice(at + 1)}`)).toThrow(invalid('part'));
    }
  });

  it.each<[string, string, string]>([
    ['too long', `"${'x'.repeat(10_000)}"`, 'too long'],
    ['too deep', '[[[[]]]]', 'too deep'],
    ['of too many values', `[${'0,'.repeat(100)}0]`, 'too many values'],
    ['no JSON', '{"a":}', 'no JSON'],
    ['with a key twice', '{"a":1,"a":2}', 'a key twice'],
    ['with keys in another order', '{"b":1,"a":2}', 'another order'],
    ['with brackets in an open string', '"[[[[', 'no JSON'],
  ])('is refused: %s', (_, text, message) => {
    expect(() => read(text)).toThrow(invalid(message));
    expect(read('{"a":"[[[[{{{{,,,:"}')).toEqual({ a: '[[[[{{{{,,,:' });
  });
});

it('of values there may be as many as the bound says, however long each is', () => {
  const bounds = { ...BOUNDS, marks: 4 };
  const marks = (text: string): unknown => readJson('part', text, bounds);
  // One bracket and three commas; two brackets, a colon and a comma.
  for (const text of ['[1000000,false,null,"a, long: [text]"]', '{"a":[1000000,-0.125]}'])
    expect(marks(text)).toEqual(JSON.parse(text));
  for (const text of ['[0,0,0,0,0]', '{"a":[0,0,0]}', '{"a":0,"b":0,"c":0}', '[[],[],[]]'])
    expect(() => marks(text), text).toThrow(invalid('too many values'));
});

describe('a shape', () => {
  it('has exactly its keys, of its own', () => {
    expect(fieldsOf('p', { a: 1 }, ['a'])).toEqual({ a: 1 });
    for (const value of [null, [], 7, 'x']) expect(() => fieldsOf('p', value, ['a'])).toThrow(invalid('no object'));
    expect(() => fieldsOf('p', { a: 1, b: 2 }, ['a'])).toThrow(invalid('an unknown key'));
    expect(() => fieldsOf('p', {}, ['toString'])).toThrow(invalid('no toString'));
  });

  it('is a text of a pattern, hex of a length, base64', () => {
    expect(textOf('p', 'abc', /^a/, 'x')).toBe('abc');
    expect(() => textOf('p', 7, /7/, 'x')).toThrow(invalid('p: wrong, expected x'));
    expect([...hexOf('p', '00ff', 2)]).toEqual([0, 255]);
    for (const value of ['00', '00FF', 7])
      expect(() => hexOf('p', value, 2)).toThrow(invalid('4 lowercase hex digits'));
    expect([...base64Of('p', 'AP8=')]).toEqual([0, 255]);
    for (const value of ['AP8', 'AP9=', 7]) expect(() => base64Of('p', value)).toThrow(invalid('base64'));
  });
});
