/** Guards `src/formats/ecdsa.ts`: each spelling of keys and signatures on P-256 is exact, and anything else is refused. */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  derOfSignature,
  fromBase64Url,
  isDer,
  jwkOfPkcs8,
  jwkOfPoint,
  pkcs8OfJwk,
  pointOfJwk,
  spkiOfPoint,
} from '../../../src/formats/ecdsa';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');
const number = (digits: string): string => digits.padStart(64, '0');

describe('a signature in DER', () => {
  it.each([
    ['1', '1', '3006020101020101'],
    ['7f', '80', '300702017f02020080'],
    ['80', 'ff', '3008020200800202 00ff'],
    ['81', '0100', '300802020081020201 00'],
    ['8000', '7fff', '3009020300800002027fff'],
    [`7f${'0'.repeat(62)}`, `80${'0'.repeat(62)}`, `30450220 7f${'0'.repeat(62)} 022100 80${'0'.repeat(62)}`],
    ['f'.repeat(64), 'f'.repeat(64), `3046022100 ${'f'.repeat(64)} 022100 ${'f'.repeat(64)}`],
  ])('of r = %s and s = %s has the shortest numbers', (r, s, der) => {
    const made = derOfSignature(hex(number(r) + number(s)));
    expect(toHex(made)).toBe(der.replaceAll(' ', ''));
    expect(isDer(made!)).toBe(true);
  });

  it('has no zero and no other length', () => {
    expect(derOfSignature(hex(number('0') + number('1')))).toBeUndefined();
    expect(derOfSignature(hex(number('1') + number('0')))).toBeUndefined();
    for (const length of [0, 32, 63, 65, 96]) expect(derOfSignature(new Uint8Array(length).fill(1))).toBeUndefined();
  });

  it('is what openssl would have made, for RFC 6979 §A.2.5 and for 200 of its own', () => {
    const point = hex(
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    );
    const key = createPublicKey({ key: Buffer.from(spkiOfPoint(point)!), format: 'der', type: 'spki' });
    const published = hex(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    );
    expect(verify('sha256', Buffer.from('sample'), key, derOfSignature(published)!)).toBe(true);

    const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    for (let i = 0; i < 200; i++) {
      const raw = sign('sha256', Buffer.from([i]), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
      expect(verify('sha256', Buffer.from([i]), pair.publicKey, derOfSignature(raw)!)).toBe(true);
    }
  });

  it('is told from what is not one by its head and its length', () => {
    for (const text of [
      '',
      '30',
      '3000',
      '3100',
      '300602010102010',
      '30060201010201',
      '300602010102010100',
      '308101',
    ]) {
      expect(isDer(hex(text)), text).toBe(false);
    }
    expect(isDer(new Uint8Array(64).fill(0x30))).toBe(false);
    expect(isDer(hex(`308180${'00'.repeat(128)}`))).toBe(true);
  });
});

describe('a key', () => {
  it('goes through every spelling and comes back', () => {
    for (let i = 0; i < 20; i++) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const jwk = privateKey.export({ format: 'jwk' }) as JsonWebKey;
      const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }));
      const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
      expect(jwkOfPkcs8(pkcs8)).toEqual(jwk);
      expect(pkcs8OfJwk(jwk)).toEqual(pkcs8);
      const point = spki.subarray(-65);
      expect(spkiOfPoint(point)).toEqual(spki);
      expect(pointOfJwk(jwk)).toEqual(point);
      expect(jwkOfPoint(point)).toEqual(publicKey.export({ format: 'jwk' }));
    }
  });

  it('is refused in any other spelling', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }));
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    const point = spki.subarray(26);
    for (const wrong of [
      pkcs8.subarray(1),
      pkcs8.subarray(0, -1),
      Uint8Array.of(...pkcs8, 0),
      spki,
      new Uint8Array(0),
    ]) {
      expect(jwkOfPkcs8(wrong)).toBeUndefined();
    }
    for (const wrong of [point.subarray(1), Uint8Array.of(2, ...point.subarray(1)), Uint8Array.of(...point, 0)]) {
      expect(spkiOfPoint(wrong)).toBeUndefined();
      expect(jwkOfPoint(wrong)).toBeUndefined();
    }
    const { d, x, y } = privateKey.export({ format: 'jwk' }) as { d: string; x: string; y: string };
    for (const wrong of [
      { x, y },
      { d, x },
      { d, y },
      { d: d.slice(4), x, y },
      { d, x: `${x}=`, y },
      { d, x, y: '' },
    ]) {
      expect(pkcs8OfJwk(wrong)).toBeUndefined();
    }
    for (const wrong of [{ x }, { y }, { x: x.slice(4), y }, { x, y: `${y}AAAA` }])
      expect(pointOfJwk(wrong)).toBeUndefined();
  });

  it('reads base64url in one spelling', () => {
    expect(fromBase64Url('-_8')).toEqual(hex('fbff'));
    expect(fromBase64Url('')).toEqual(new Uint8Array(0));
    for (const wrong of ['+/8', '-_8=', '-_9', 'a', 'a b']) expect(fromBase64Url(wrong), wrong).toBeUndefined();
  });
});
