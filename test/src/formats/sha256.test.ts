/**
 * Guards `src/formats/sha256.ts` against node:crypto: every length up to a few blocks, every split of them, and the forms that trees
 * use.
 */
import { createHash, createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  bytesToWords,
  hashWords,
  hmacSha256,
  pairWords,
  prefixedWords,
  Sha256,
  sha256,
  wordsToBytes,
} from '../../../src/formats/sha256';

const LENGTHS = 300;
const bytes = Uint8Array.from({ length: LENGTHS }, (_, i) => (i * 151 + 7) & 255);
const expected = (...parts: Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex');
const hexOfWords = (words: Int32Array, at: number): string => {
  const out = new Uint8Array(32);
  wordsToBytes(words, at, out, 0);
  return hex(out);
};

it('hashes every length, whole and behind a prefix, and leaves the message alone', () => {
  const words = new Int32Array(24);
  for (let length = 0; length <= LENGTHS; length++) {
    const message = bytes.slice(0, length);
    expect(hex(sha256(message))).toBe(expected(message));
    hashWords(message, words, 8);
    expect(hexOfWords(words, 8)).toBe(expected(message));
    for (const prefix of [0, 1, 0xff]) {
      prefixedWords(prefix, message, words, 16);
      expect(hexOfWords(words, 16)).toBe(expected(Uint8Array.of(prefix), message));
    }
    expect(message).toEqual(bytes.slice(0, length));
  }
  expect(words.subarray(0, 8)).toEqual(new Int32Array(8));
});

it('hashes every length in every two pieces', () => {
  for (let length = 0; length <= 200; length++) {
    const whole = expected(bytes.subarray(0, length));
    for (let split = 0; split <= length; split++) {
      const hash = new Sha256().update(bytes.subarray(0, split)).update(bytes.subarray(split, length));
      expect(hex(hash.digest())).toBe(whole);
    }
  }
});

it('keeps hashes that are under way apart', () => {
  const [a, b] = [new Sha256(), new Sha256()];
  for (let i = 0; i < LENGTHS; i++) {
    a.update(bytes.subarray(i, i + 1));
    sha256(bytes);
    b.update(bytes.subarray(LENGTHS - 1 - i, LENGTHS - i));
  }
  expect(hex(a.digest())).toBe(expected(bytes));
  expect(hex(b.digest())).toBe(expected(bytes.slice().reverse()));
  expect(() => a.update(bytes)).toThrow(TypeError);
  expect(() => a.digest()).toThrow(TypeError);
});

it('hashes pairs, also into the place of one of them', () => {
  const pair = bytes.slice(0, 64);
  const words = new Int32Array(16);
  for (const at of [0, 8]) {
    bytesToWords(pair, 0, words, 0);
    bytesToWords(pair, 32, words, 8);
    pairWords(1, words, 0, words, 8, words, at);
    expect(hexOfWords(words, at)).toBe(expected(Uint8Array.of(1), pair));
  }
});

it('signs with keys of every length', () => {
  for (let length = 0; length <= 140; length++) {
    const key = bytes.subarray(0, length);
    const mac = createHmac('sha256', key).update(bytes).digest('hex');
    expect(hex(hmacSha256(key, bytes.subarray(0, 77), bytes.subarray(77)))).toBe(mac);
  }
});
