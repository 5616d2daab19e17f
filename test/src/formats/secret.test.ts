/**
 * Guards `src/formats/secret.ts`: a secret is read the same way wherever it is written, and a weak one is refused without
 * being repeated.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SECRET_BYTES_MIN, secretFrom, secretOfFile } from '../../../src/formats/secret';
import { seeded } from '../../ground';

const bytesOf = (seed: number, length: number): Buffer => {
  const random = seeded(seed);
  return Buffer.from(Array.from({ length }, () => random(256)));
};

describe('secretFrom', () => {
  it('reads hex and base64, in each usual spelling, as the same bytes (100 secrets by seed)', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const bytes = bytesOf(seed, SECRET_BYTES_MIN + (seed % 34));
      const [hex, base64, url] = (['hex', 'base64', 'base64url'] as const).map((each) => bytes.toString(each));
      for (const text of [hex!, hex!.toUpperCase(), base64!, base64!.replace(/=+$/, ''), url!, `\n ${hex}\r\n`]) {
        expect(Buffer.from(secretFrom(text)), `seed ${seed}`).toEqual(bytes);
      }
    }
  });

  it('takes digits alone for hexadecimal, though they are base64 as well', () => {
    const hex = bytesOf(7, 48).toString('hex');
    expect(secretFrom(hex)).toHaveLength(48);
    expect(() => secretFrom(hex.slice(1))).toThrow('unreadable');
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a word', 'correct horse battery staple, thirty-two characters'],
    ['half of the bytes', bytesOf(1, 16).toString('hex')],
    ['31 bytes', bytesOf(1, 31).toString('base64')],
    ['zeros', '00'.repeat(32)],
    ['one byte again and again', 'ab'.repeat(64)],
    ['a few bytes again and again', '0123456789abcdef'.repeat(4)],
    ['numbers in their order', Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex')],
    ['numbers by twos', Buffer.from(Array.from({ length: 40 }, (_, i) => 7 + 2 * i)).toString('base64')],
    ['base64 with bits left over', `${bytesOf(1, 32).toString('base64').slice(0, 42)}h=`],
  ])('refuses %s and does not repeat it', (_, text) => {
    const error = (() => {
      try {
        return secretFrom(text);
      } catch (cause) {
        return cause as Error;
      }
    })();
    expect(error).toBeInstanceOf(RangeError);
    if (text !== '') expect((error as Error).message).not.toContain(text.slice(0, 8));
  });

  it('says which kind it got when it is no text at all', () => {
    for (const value of [undefined, null, 32, bytesOf(1, 32), ['x']]) {
      expect(() => secretFrom(value as unknown as string)).toThrow(TypeError);
    }
  });
});

describe('secretOfFile', () => {
  it('reads hex, base64 and raw bytes (100 secrets by seed)', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const bytes = bytesOf(seed, 32 + (seed % 7));
      for (const file of [bytes, Buffer.from(`${bytes.toString('hex')}\n`), Buffer.from(bytes.toString('base64url'))]) {
        expect(Buffer.from(secretOfFile(file)), `seed ${seed}`).toEqual(bytes);
      }
    }
    expect(secretOfFile(randomBytes(32))).toHaveLength(32);
  });

  it('refuses a short file and a weak one', () => {
    expect(() => secretOfFile(new Uint8Array(0))).toThrow('too short');
    expect(() => secretOfFile(bytesOf(1, 31))).toThrow('too short');
    expect(() => secretOfFile(new Uint8Array(64))).toThrow('too weak');
    expect(() => secretOfFile(Buffer.from('hello '.repeat(8)))).toThrow('too weak');
  });
});
