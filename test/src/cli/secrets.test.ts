/**
 * Guards `src/cli/secrets.ts`: sources in the spelling of docs/format.md, trace ids opened and told from other words.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readArgs } from '../../../src/cli/args';
import {
  HIDDEN_BYTES,
  hiddenIn,
  SECRET_FILE,
  secretsOf,
  sourceOfAddress,
  sourceOfKey,
  tagOf,
} from '../../../src/cli/secrets';
import { hmacSha256 } from '../../../src/formats/sha256';
import { subkeyOf } from '../../../src/formats/subkeys';

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');

describe('a source', () => {
  it.each<[string, string | undefined]>([
    ['203.0.113.9', '04cb007109'],
    [' 203.0.113.9 ', '04cb007109'],
    ['203.0.113.9:443', '04cb007109'],
    ['::ffff:203.0.113.9', '04cb007109'],
    ['[2001:db8::1]:443', '0620010db8000000000000000000000001'],
    ['2001:DB8:0:0::1', '0620010db8000000000000000000000001'],
    ['203.0.113.09', undefined],
    ['example.com', undefined],
    ['', undefined],
  ])('of the address %j is %s', (text, expected) => {
    expect(hex(sourceOfAddress(text))).toBe(expected);
  });

  it('of a key is the key, of a length that the limiter reads', () => {
    expect(hex(sourceOfKey('é'))).toBe('01c3a9');
    expect(sourceOfKey('x'.repeat(8_192))).toHaveLength(8_193);
    for (const key of ['', 'x'.repeat(8_193)])
      expect(() => sourceOfKey(key)).toThrow('--key: expected 1 to 8192 bytes');
    const secret = randomBytes(32);
    const key = createHmac('sha256', secret).update('tracehound/v1/source-tag').digest();
    expect(tagOf(secret, sourceOfKey('k'))).toBe(createHmac('sha256', key).update('\u0001k').digest('hex'));
  });
});

describe('a trace id', () => {
  it('opens to what was hidden in it, under its secret only (40)', () => {
    for (let i = 0; i < 40; i++) {
      const [secret, nonce, hidden] = [randomBytes(32), randomBytes(8), randomBytes(HIDDEN_BYTES)];
      const mask = hmacSha256(subkeyOf(secret, 'trace'), nonce);
      const trace = Buffer.concat([nonce, hidden.map((byte, at) => byte ^ mask[at]!)]).toString('hex');
      expect(hiddenIn(secret, trace)).toBe(hidden.toString('hex'));
      expect(hiddenIn(randomBytes(32), trace)).not.toBe(hidden.toString('hex'));
    }
    for (const text of ['', 'x'.repeat(48), 'ab'.repeat(23), 'AB'.repeat(24)])
      expect(hiddenIn(randomBytes(32), text)).toBeUndefined();
  });
});

describe('secrets', () => {
  it('are read from their files, each in its spelling', async () => {
    const secret = randomBytes(32);
    const files: Record<string, Uint8Array> = {
      raw: secret,
      hex: Buffer.from(secret.toString('hex')),
      weak: new Uint8Array(32),
    };
    const read = (...names: string[]): Promise<readonly Uint8Array[]> =>
      secretsOf(
        { read: async (path: string) => files[path] } as never,
        readArgs(
          names.map((name) => `${SECRET_FILE}=${name}`),
          { [SECRET_FILE]: 'many' },
        ),
      );
    expect((await read('raw', 'hex')).map(hex)).toEqual([secret.toString('hex'), secret.toString('hex')]);
    expect(await read()).toEqual([]);
    await expect(read('weak')).rejects.toThrow('weak: secret: too weak');
    await expect(read('none')).rejects.toThrow('none: no such file');
  });
});
