/** Guards the bytes of a message (src/http/message.ts): within their budget, and no part begins another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  characters,
  type Field,
  fieldLines,
  joinedWithin,
  octets,
  ownLines,
  startLine,
} from '../../../src/http/message';
import { bytes, text } from '../../lab/capture';

describe('the message', () => {
  test('the start line is cut within half of the head and stays a start line', () => {
    const cut = startLine('GET', `/${'a'.repeat(500)}`, '1.1', 100);
    expect(text(cut.bytes)).toBe(`GET /${'a'.repeat(84)} HTTP/1.1\r\n`);
    expect(cut.cut).toBe(true);
    const fits = startLine('GET', '/a', '1.1', 100);
    expect(text(fits.bytes)).toBe('GET /a HTTP/1.1\r\n');
    expect(fits.cut).toBe(false);
    expect(startLine('GET', '/aaa aaa', '1.1', 17 + 7).cut).toBe(true);
    expect(startLine('G'.repeat(99), '/', '1.1', 10).bytes).toHaveLength(10);
  });

  test('a version that nobody said is none that exists', () => {
    expect(text(startLine('GET', '/a', undefined, 100).bytes)).toBe('GET /a HTTP/0.0\r\n');
  });

  test('field lines use exactly what they say', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 400 }), fc.string({ maxLength: 400 })), {
          maxLength: 20,
        }),
        fc.integer({ min: 0, max: 3_000 }),
        (fields, budget) => {
          const got = fieldLines(fields, budget, new Set(['a']));
          const total = got.lines.reduce((sum, line) => sum + line.length, 0);
          expect(total).toBe(got.bytes);
          expect(total).toBeLessThanOrEqual(budget);
          expect(got.lines.length + got.dropped).toBe(fields.length);
          for (const line of got.lines) expect(text(line)).toMatch(/^[^\r\n\0]+\r\n$/);
          if (budget > 30_000) expect(got.cut + got.dropped).toBe(0);
        },
      ),
      { seed: 1_019 },
    );
    const exact = fieldLines([['a', 'bb']], 14, new Set());
    expect(exact).toMatchObject({ bytes: 7, cut: 0, dropped: 0 });
  });

  test('joining cuts at the end', () => {
    expect(text(joinedWithin([bytes('ab'), bytes('cd')], 3))).toBe('abc');
    expect(joinedWithin([], 3)).toHaveLength(0);
  });

  test('our own fields begin with our name and stay one line each', () => {
    const own: Field[] = [['Peer', 'a\r\nb\0']];
    expect(text(ownLines(own))).toBe('Tracehound-Peer: a%0D%0Ab%00\r\n');
  });
});

test('octets: one byte per character while all are bytes', () => {
  expect([...octets('a\xff\0')]).toEqual([97, 255, 0]);
  expect([...octets('\u0100')]).toEqual([0xc4, 0x80]);
  expect(octets(characters(octets('a\xff\0')))).toEqual(octets('a\xff\0'));
});
