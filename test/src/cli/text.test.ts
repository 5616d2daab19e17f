/**
 * Guards `src/cli/text.ts`: what people read does nothing, and times and numbers are the usual ones.
 */
import { describe, expect, it } from 'vitest';
import { counted, decoded, escapedJson, harmless, hexRow, hexTotal, timeOf, timeText } from '../../../src/cli/text';
import { seeded } from '../../ground';

describe('a time', () => {
  it('is as the language writes it, for a thousand moments by seed, and reads back', () => {
    const random = seeded(1);
    for (let i = 0; i < 1_000; i++) {
      const ms = random(2 ** 31) * 110_000 + random(100_000);
      expect(timeText(ms)).toBe(new Date(ms).toISOString());
      expect(timeOf(timeText(ms))).toBe(ms);
    }
    expect([timeText(-1), timeText(1.5), timeText(2 ** 53)]).toEqual(['-1', '1.5', '9007199254740992']);
  });

  it('has its zone, or is a number', () => {
    expect([timeOf('2026-01-31'), timeOf('2026-01-31T12:00:00+02:00'), timeOf('17')]).toEqual([
      1_769_817_600_000, 1_769_853_600_000, 17,
    ]);
    for (const text of ['', 'yesterday', '2026-13-01', '2026-01-31T12:00:00', '1e5'])
      expect(timeOf(text)).toBeUndefined();
  });
});

describe('text from outside', () => {
  it('is harmless, and JSON stays JSON', () => {
    for (const text of ['\u001b[2J', '\u009b1A', '\u202e', '\u2028', '\ufeff', '\ud800', '\r\n']) {
      expect(harmless(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(JSON.parse(escapedJson(JSON.stringify(text)))).toBe(text);
    }
    expect(harmless('grüße, 世界')).toBe('grüße, 世界');
    expect(decoded(Uint8Array.of(0xff))).toBe('\ufffd');
  });

  it('is counted and dumped as usual', () => {
    expect([counted(0), counted(999), counted(1_000), counted(1_234_567)]).toEqual(['0', '999', '1,000', '1,234,567']);
    expect(hexRow(16, [0x41, 0, 0x7f])).toBe('00000010  41 00 7f                                          |A..|');
    expect(hexTotal(255)).toBe('000000ff');
  });
});
