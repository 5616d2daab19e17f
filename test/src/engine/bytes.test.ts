/** Guards src/engine/bytes.ts: the order of two runs of bytes, wherever they begin to differ, and a number as bytes. */
import { expect, it } from 'vitest';
import { compareBytes, number32 } from '../../../src/engine/bytes';
import { dice } from '../../lab/lab';

it('runs of any length are equal until the first byte that differs, and sort by it', () => {
  for (let length = 0; length <= 40; length++) {
    for (let at = 0; at < length; at++) {
      const [a, b] = [new Uint8Array(length + 3).fill(7), new Uint8Array(length + 5).fill(7)];
      expect(compareBytes(a, 3, b, 5, length)).toBe(0);
      b[5 + at] = 8;
      // What lies behind the first difference says the contrary.
      a.fill(200, 3 + at + 1);
      expect(compareBytes(a, 3, b, 5, length), `${length} bytes, differing at ${at}`).toBeLessThan(0);
      expect(compareBytes(b, 5, a, 3, length)).toBeGreaterThan(0);
      expect(compareBytes(a, 3, b, 5, at), 'what is beyond the length does not count').toBe(0);
    }
  }
});

it.each(Array.from({ length: 24 }, (_, i) => i + 1))('the order is that of unsigned bytes (seed %d)', (seed) => {
  const roll = dice(seed);
  for (let i = 0; i < 50; i++) {
    const bytes = (): Uint8Array =>
      Uint8Array.from({ length: 16 }, () => (roll() < 0.7 ? 0 : Math.floor(roll() * 256)));
    const [a, b] = [bytes(), bytes()];
    expect(Math.sign(compareBytes(a, 0, b, 0, 16))).toBe(Buffer.compare(a, b));
  }
});

it.each([0, 1, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1])('%d is four bytes, the highest first', (value) => {
  const expected = Buffer.alloc(4);
  expected.writeUInt32BE(value);
  expect(Buffer.compare(number32(value), expected)).toBe(0);
});
