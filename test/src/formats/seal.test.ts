/**
 * Guards `src/formats/seal.ts`: a key is HMAC-SHA-256 of secret and label, as docs/identity.md says and node:crypto computes;
 * it seals and opens, cannot be read, and another label is another key.
 */
import { createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sealKey } from '../../../src/formats/seal';

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));

describe('a key that seals', () => {
  test('is HMAC-SHA-256 of the label under the secret: node:crypto opens what it sealed', async () => {
    for (let i = 0; i < 20; i++) {
      const secret = new Uint8Array(randomBytes(32 + i));
      const label = bytes(`tracehound/v1/seal ${i}`);
      const iv = new Uint8Array(randomBytes(12));
      const plain = new Uint8Array(randomBytes(i * 7));
      const key = await sealKey(secret, label, ['encrypt']);
      const sealed = Buffer.from(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, plain));
      const open = createDecipheriv('aes-256-gcm', createHmac('sha256', secret).update(label).digest(), iv);
      open.setAuthTag(sealed.subarray(-16));
      expect(Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()])).toEqual(Buffer.from(plain));
    }
  });

  test('cannot be read, and does only what it was made for', async () => {
    const key = await sealKey(new Uint8Array(32).fill(1), bytes('label'), ['decrypt']);
    expect([key.extractable, key.usages]).toEqual([false, ['decrypt']]);
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
  });

  test('is another one for another label and for another secret', async () => {
    const iv = new Uint8Array(12);
    const seal = async (secret: number, label: string): Promise<string> => {
      const key = await sealKey(new Uint8Array(32).fill(secret), bytes(label), ['encrypt']);
      return Buffer.from(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, bytes('the same'))).toString('hex');
    };
    const all = [await seal(1, 'a'), await seal(1, 'b'), await seal(2, 'a'), await seal(1, 'ab')];
    expect(new Set(all).size).toBe(4);
    expect(await seal(1, 'a')).toBe(all[0]);
  });
});
