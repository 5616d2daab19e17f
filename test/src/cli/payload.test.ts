/**
 * Guards `src/cli/payload.ts`: evidence is shown the same in whatever pieces it comes, as text only if all of it is text.
 */
import { describe, expect, it } from 'vitest';
import { Payload } from '../../../src/cli/payload';
import { seeded } from '../../ground';

function shown(bytes: Uint8Array, size: number, hex = false): string[] {
  const payload = new Payload(hex);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  for (const piece of pieces) payload.look(piece);
  return [...pieces.flatMap((piece) => [...payload.lines(piece)]), ...payload.end()];
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('a payload', () => {
  it.each<[string, Uint8Array, string[]]>([
    ['text, line by line, a carriage return shown', text('a\r\nb\n'), ['a\\u{d}', 'b']],
    ['text without an end of line', text('a'), ['a']],
    ['text with empty lines', text('\n\nx'), ['', '', 'x']],
    ['nothing', new Uint8Array(0), ['']],
    ['what would move a cursor', text('\u001b[2J\u202e'), ['\\u{1b}[2J\\u{202e}']],
    ['bytes', Uint8Array.of(0xff), ['00000000  ff                                                |.|', '00000001']],
  ])('shows %s', (_, bytes, lines) => {
    for (const size of [1, 2, 3, 1_000]) expect(shown(bytes, size)).toEqual(lines);
  });

  it('has bytes as hexdump has them, also of a text when asked', () => {
    expect(
      shown(
        Uint8Array.from({ length: 17 }, (_, i) => 65 + i),
        5,
        true,
      ),
    ).toEqual([
      '00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|',
      '00000010  51                                                |Q|',
      '00000011',
    ]);
    expect(shown(new Uint8Array(0), 1, true)).toEqual(['00000000']);
  });

  it('is text or bytes as a whole, wherever the byte lies that is no text (40 by seed)', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const bytes = text('grüße an alle\n'.repeat(1 + random(20)));
      const whole = shown(bytes, 1 + random(50));
      expect(whole[0]).toBe('grüße an alle');
      bytes[random(bytes.length)] = 0xff;
      const sizes = [1 + random(7), 64, bytes.length];
      for (const size of sizes) expect(shown(bytes, size)[0], `seed ${seed}`).toMatch(/^00000000 {2}/);
    }
    expect(shown(text('é').subarray(0, 1), 1)[0]).toMatch(/^00000000/);
  });

  it('breaks a line that nobody could read, and holds no more than that', () => {
    const lines = shown(text('x'.repeat(200_000)), 10_000);
    expect(lines.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
  });
});
