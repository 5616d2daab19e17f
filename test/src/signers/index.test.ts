/**
 * Guards `src/signers/index.ts`: keys that are what RFC 8032, RFC 6979, golang.org/x/mod and openssl say, notes that others can
 * open, and private keys that no message, no printing and no JSON shows.
 */
import { createHash, createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TracehoundError } from '../../../src/errors';
import { parseNote, parseVerifierKey } from '../../../src/formats/note';
import { hmacSha256 } from '../../../src/formats/sha256';
import {
  ecdsaSigner,
  ed25519Signer,
  generateKey,
  generateSigner,
  type KeyType,
  keyNoteText,
  macSigner,
  signerFromText,
  signNote,
} from '../../../src/signers/index';
import type { Signer } from '../../../src/types/ports';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const TYPES: readonly KeyType[] = ['Ed25519', 'P-256'];

/** OpenSSL's opinion of a signature, with nothing but the verifier key to go by. */
function isBelieved(vkey: string, message: string, signature: Uint8Array): boolean {
  const { type, key } = parseVerifierKey(vkey);
  const spki = type === 1 ? Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]) : Buffer.from(key);
  const open = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(type === 1 ? null : 'sha256', Buffer.from(message), open, signature);
}

/** RFC 8032 §7.1, tests 1 to 3. */
const RFC8032 = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

/** Published test keys and notes of golang.org/x/mod, sumdb/note (BSD-3-Clause). */
const PETER = {
  skey: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

/** RFC 6979 §A.2.5: the private key and the point of P-256, in the layout of RFC 5958 and RFC 5915. */
const RFC6979 = {
  d: 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721',
  x: '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
  y: '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
};
const pkcs8 = ({ d, x, y } = RFC6979): Uint8Array =>
  hex(`308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420${d}a14403420004${x}${y}`);

describe('an Ed25519 key', () => {
  it.each(RFC8032)('of RFC 8032 signs as RFC 8032 says: $message', async ({ seed, key, message, signature }) => {
    const signer = await ed25519Signer({ name: 'rfc8032', seed: hex(seed) });
    expect(toHex(parseVerifierKey(signer.vkey).key)).toBe(key);
    expect(toHex(await signer.sign(hex(message)))).toBe(signature);
  });

  it('writes the note that x/mod writes with the same text of a key', async () => {
    const signer = await signerFromText(PETER.skey);
    expect(signer.vkey).toBe(PETER.vkey);
    expect(await signNote(PETER.text, [signer])).toBe(`${PETER.text}\n${PETER.line}`);
  });

  it('has one length', async () => {
    for (const length of [0, 31, 33, 64]) {
      const making = ed25519Signer({ name: 'x', seed: new Uint8Array(length) });
      await expect(making).rejects.toThrow(RangeError);
    }
    await expect(ed25519Signer({ name: 'x', seed: 'x'.repeat(32) as never })).rejects.toThrow(TypeError);
  });

  it('may be used again by the caller, who keeps his bytes', async () => {
    const seed = hex(RFC8032[0]!.seed);
    const making = ed25519Signer({ name: 'x', seed });
    seed.fill(0);
    expect(toHex(parseVerifierKey((await making).vkey).key)).toBe(RFC8032[0]!.key);
  });
});

describe('a P-256 key', () => {
  it('of RFC 6979 signs in DER, and is named by its SPKI document', async () => {
    const signer = await ecdsaSigner({ name: 'rfc6979', pkcs8: pkcs8() });
    const spki = hex(`3059301306072a8648ce3d020106082a8648ce3d03010703420004${RFC6979.x}${RFC6979.y}`);
    const { key, id, type } = parseVerifierKey(signer.vkey);
    expect(type).toBe(2);
    expect(toHex(key)).toBe(toHex(spki));
    expect(id).toBe(createHash('sha256').update(spki).digest().readUInt32BE());
    expect(isBelieved(signer.vkey, 'sample', await signer.sign(utf8('sample')))).toBe(true);
  });

  it('comes from openssl as it is', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'prime256v1',
      privateKeyEncoding: { type: 'pkcs8', format: 'der' },
      publicKeyEncoding: { type: 'spki', format: 'der' },
    });
    const signer = await ecdsaSigner({ name: 'x', pkcs8: privateKey });
    expect(isBelieved(signer.vkey, 'm', await signer.sign(utf8('m')))).toBe(true);
  });

  it('is refused if its public key is another', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ format: 'jwk' });
    const point = { x: toHex(Buffer.from(other.x!, 'base64url')), y: toHex(Buffer.from(other.y!, 'base64url')) };
    const making = ecdsaSigner({ name: 'x', pkcs8: pkcs8({ ...RFC6979, ...point }) });
    await expect(making).rejects.toMatchObject({ code: 'SIGNER_FAILED', recoverable: false });
  });

  it('is refused in any other layout', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey;
    const sec1 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const wrong = [
      new Uint8Array(0),
      pkcs8().subarray(1),
      Uint8Array.of(...pkcs8(), 0),
      ...Array.from({ length: 36 }, (_, i) => pkcs8().map((byte, at) => (at === i ? byte ^ 1 : byte))),
      ...Array.from({ length: 6 }, (_, i) => pkcs8().map((byte, at) => (at === 68 + i ? byte ^ 1 : byte))),
      new Uint8Array(p384.export({ type: 'pkcs8', format: 'der' })),
      new Uint8Array(sec1.export({ type: 'sec1', format: 'der' })),
      'text',
    ];
    for (const bytes of wrong) {
      await expect(ecdsaSigner({ name: 'x', pkcs8: bytes as Uint8Array })).rejects.toThrow(RangeError);
    }
  });
});

describe('a key pair that Web Crypto holds', () => {
  const make = (algorithm: object): Promise<CryptoKeyPair> =>
    crypto.subtle.generateKey(algorithm as EcKeyGenParams, false, ['sign', 'verify']) as Promise<CryptoKeyPair>;

  it('signs', async () => {
    const ed = await ed25519Signer({ name: 'x', keys: await make({ name: 'Ed25519' }) });
    expect(isBelieved(ed.vkey, 'm', await ed.sign(utf8('m')))).toBe(true);
    const ec = await ecdsaSigner({ name: 'x', keys: await make({ name: 'ECDSA', namedCurve: 'P-256' }) });
    expect(isBelieved(ec.vkey, 'm', await ec.sign(utf8('m')))).toBe(true);
  });

  it('is refused if it is of another kind', async () => {
    const ec = await make({ name: 'ECDSA', namedCurve: 'P-256' });
    const p384 = await make({ name: 'ECDSA', namedCurve: 'P-384' });
    await expect(ed25519Signer({ name: 'x', keys: ec })).rejects.toThrow(/^keys\.privateKey: wrong kind/);
    await expect(ecdsaSigner({ name: 'x', keys: p384 })).rejects.toThrow(RangeError);
    for (const keys of [undefined, null, {}, { privateKey: ec.privateKey }]) {
      await expect(ecdsaSigner({ name: 'x', keys: keys as CryptoKeyPair })).rejects.toThrow(TypeError);
    }
  });
});

describe('a key that is made', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(TYPES)('of %s comes back from its text, and OpenSSL believes each of its signatures', async (type) => {
    const { skey, vkey } = await generateKey('example.org/k', type);
    const signer = await signerFromText(`\n ${skey}\n`);
    expect(signer).toMatchObject({ name: 'example.org/k', vkey });
    // 64 of P-256 have numbers of every length that are likely, with and without a high bit.
    for (let i = 0; i < 64; i++) {
      const text = `line ${i}\n`;
      const { signatures } = parseNote(await signNote(text, [signer]));
      expect(isBelieved(vkey, text, signatures[0]!.signature)).toBe(true);
      expect(isBelieved(vkey, `${text}.`, signatures[0]!.signature)).toBe(false);
    }
  });

  it('for an instance is fresh each time and can never leave Web Crypto', async () => {
    const made = vi.spyOn(crypto.subtle, 'generateKey');
    const [a, b] = [await generateSigner('x'), await generateSigner('x')];
    expect(a.vkey).not.toBe(b.vkey);
    expect(parseVerifierKey(a.vkey).type).toBe(1);
    expect(isBelieved(a.vkey, 'm', await a.sign(utf8('m')))).toBe(true);
    for (const { value } of made.mock.results) {
      const { privateKey } = (await value) as CryptoKeyPair;
      expect(privateKey.extractable).toBe(false);
      await expect(crypto.subtle.exportKey('pkcs8', privateKey)).rejects.toThrow();
    }
  });

  it.each([
    ['as Fastly and old browsers do', () => Promise.reject(new DOMException('no', 'NotSupportedError'))],
    [
      'at once',
      () => {
        throw new TypeError('no');
      },
    ],
  ])('is of P-256 where Ed25519 is refused %s', async (_, refuse) => {
    const generate = crypto.subtle.generateKey.bind(crypto.subtle);
    vi.spyOn(crypto.subtle, 'generateKey').mockImplementation(((algorithm: { name: string }, ...rest: [boolean, []]) =>
      algorithm.name === 'Ed25519' ? refuse() : generate(algorithm as EcKeyGenParams, ...rest)) as never);
    const signer = await generateSigner('x');
    expect(parseVerifierKey(signer.vkey).type).toBe(2);
    expect(isBelieved(signer.vkey, 'm', await signer.sign(utf8('m')))).toBe(true);
    const { value } = vi.mocked(crypto.subtle.generateKey).mock.results.at(-1)!;
    expect(((await value) as CryptoKeyPair).privateKey.extractable).toBe(false);
  });

  it('fails where neither can be made, and says what else there is', async () => {
    vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new DOMException('no', 'NotSupportedError'));
    const failure = { code: 'SIGNER_FAILED', recoverable: false };
    await expect(generateSigner('x')).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining('macSigner'),
    });
    await expect(generateKey('x')).rejects.toMatchObject(failure);
  });

  it.each(TYPES)('of %s and kept as text cannot leave Web Crypto either', async (type) => {
    const { skey } = await generateKey('x', type);
    const signer = await signerFromText(skey);
    const used = vi.spyOn(crypto.subtle, 'sign');
    await signer.sign(utf8('m'));
    const key = used.mock.calls[0]![1];
    expect(key).toMatchObject({ type: 'private', extractable: false, usages: ['sign'] });
  });

  it('is tried once where the platform does not compare its two halves', async () => {
    vi.spyOn(crypto.subtle, 'verify').mockResolvedValue(false);
    const making = ecdsaSigner({ name: 'x', pkcs8: pkcs8() });
    await expect(making).rejects.toMatchObject({ code: 'SIGNER_FAILED', recoverable: false });
  });

  it('needs a name that a signature line can carry', async () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u2003b', 'a\u0000', '\ud800']) {
      for (const make of [generateSigner, generateKey]) await expect(make(name)).rejects.toThrow(RangeError);
      await expect(ed25519Signer({ name, seed: new Uint8Array(32) })).rejects.toThrow(RangeError);
      expect(() => macSigner({ origin: name, master: new Uint8Array(32) })).toThrow(RangeError);
    }
    for (const make of [generateSigner, generateKey]) await expect(make(undefined as never)).rejects.toThrow(TypeError);
    await expect(generateKey('x', 'RSA' as KeyType)).rejects.toThrow(RangeError);
    expect((await generateSigner('пример.example/ключ')).name).toBe('пример.example/ключ');
  });
});

describe('the name of a key that is made', () => {
  it.each([
    'https://example.org/keys',
    'HTTP://example.org',
    'urn://x',
    '/example.org',
    'example.org/',
    'example.org//keys',
    'example.org/../keys',
    'example.org/./keys',
    '../keys',
    'example.org/keys?year=2026',
    'example.org/keys#1',
    'kim@example.org',
    'example.org\\keys',
    'example.org/%41',
    'example.org/k\u00f6y',
    'example.org/\u202ekeys',
    'example.org/keys\u0000',
    'example.org:notaport/keys',
    ':8443/keys',
    '.example.org',
    'keys of mine',
    'a+b',
    '',
  ])('is none that documents forbid: %j', async (name) => {
    const error = await generateKey(name).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(RangeError);
    expect(String(error)).toMatch(/^RangeError: name: .+, expected .+, got /);
    if (!'example.org/keys/2026'.includes(name)) expect(String(error)).not.toContain(name);
  });

  it.each([
    'example.org',
    'example.org/keys/2026',
    'example.org:8443/log',
    'localhost/x',
    '192.0.2.1/log',
    'a-b.example/~k_1',
  ])('may be %s', async (name) => {
    expect((await generateKey(name)).vkey.startsWith(`${name}+`)).toBe(true);
  });
});

describe('the text of a key', () => {
  const { skey } = PETER;

  it('is believed in one spelling', async () => {
    const base64 = skey.slice(skey.lastIndexOf('a3+') + 3);
    const wrong = [
      '',
      PETER.vkey,
      skey.slice(1),
      skey.slice(0, -1),
      `${skey}=`,
      skey.replace('PRIVATE', 'private'),
      skey.replace('c74f20a3', 'C74F20A3'),
      skey.replace('c74f20a3', 'c74f20a4'),
      skey.replace('PeterNeumann', 'PeterNeuman'),
      skey.replace('PeterNeumann', ''),
      skey.replace('+AY', '+AI'), // P-256, and 32 bytes
      skey.replace('+AY', '+BY'), // a witness's key
      `PRIVATE+KEY+x+00000000+${base64}`,
      'PRIVATE+KEY+x+00000000+',
      'PRIVATE+KEY+x+00000000+AQ==',
    ];
    for (const text of wrong) {
      await expect(signerFromText(text), text).rejects.toMatchObject({ code: 'NOTE_INVALID', recoverable: false });
    }
    await expect(signerFromText(undefined as never)).rejects.toThrow(TypeError);
  });

  it.each(TYPES)('of %s is refused after any change of a character', async (type) => {
    const made = await generateKey('x', type);
    for (let i = 0; i < made.skey.length; i++) {
      // The id of an ECDSA key is of the key alone (C2SP signed-note): under another name it is another key, and a good one.
      if (type === 'P-256' && i === 'PRIVATE+KEY+'.length) continue;
      const other = made.skey[i] === 'B' ? 'C' : 'B';
      const changed = made.skey.slice(0, i) + other + made.skey.slice(i + 1);
      const error: unknown = await signerFromText(changed).catch((reason: unknown) => reason);
      expect(error, `character ${i}`).toBeInstanceOf(TracehoundError);
      expect(['NOTE_INVALID', 'SIGNER_FAILED']).toContain((error as TracehoundError).code);
    }
  });
});

describe('a MAC key', () => {
  // RFC 4231 §4.2 to §4.8 without the truncated case.
  it.each([
    ['0b'.repeat(20), utf8('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      '4a656665',
      utf8('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['aa'.repeat(20), hex('dd'.repeat(50)), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [
      '0102030405060708090a0b0c0d0e0f10111213141516171819',
      hex('cd'.repeat(50)),
      '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    ],
    [
      'aa'.repeat(131),
      utf8('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      'aa'.repeat(131),
      utf8(
        'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('stands on the HMAC of RFC 4231, key %s', (key, message, tag) => {
    expect(toHex(hmacSha256(hex(key), message))).toBe(tag);
    for (let at = 0; at <= message.length; at++) {
      expect(toHex(hmacSha256(hex(key), message.subarray(0, at), message.subarray(at)))).toBe(tag);
    }
  });

  const master = Uint8Array.from({ length: 32 }, (_, i) => i);
  const text = `example.org/log\n12\n${'A'.repeat(43)}=\n`;

  // Made with Python's hmac and hashlib from the description in docs/keys.md.
  it('makes these notes', async () => {
    const signer = macSigner({ master, origin: 'example.org/log' });
    expect(signer.vkey).toBe(
      'example.org/log+39fbf10f+/3RyYWNlaG91bmQvbWFjL3YxwQnjg96KP2H1qnihKJAU4IYBQR1dNEY1N3Uq74ADKiA=',
    );
    for (const line of [
      '— example.org/log OfvxDwAAAABUqK/sV5CxvlSSL/Y4Y6+7KQbZoT0taB0shnYgYBFtUg==',
      '— example.org/log OfvxDwAAAAGqtHFAfnga9qrJy44pYb/U742FIWMh5YL0ioksDyPmxg==',
      '— example.org/log OfvxDwAAAAKqbCgi5ciq6ysPlc2xNKHHbMubOeqMhnhX/hNpnAZqBw==',
    ]) {
      expect(await signNote(text, [signer])).toBe(`${text}\n${line}\n`);
    }
  });

  it('numbers calls that come at once, and keeps nothing of its master', async () => {
    const given = master.slice();
    const signer = macSigner({ master: given, origin: 'x' });
    given.fill(0);
    const signatures = await Promise.all(Array.from({ length: 50 }, () => signer.sign(utf8('m'))));
    let key = createHmac('sha256', master).update('tracehound/mac/v1\nx').digest();
    for (const [j, signature] of signatures.entries()) {
      expect(new DataView(signature.buffer).getUint32(0)).toBe(j);
      expect(toHex(signature.subarray(4))).toBe(createHmac('sha256', key).update('m').digest('hex'));
      key = createHash('sha256').update('tracehound/evolve/v1\n').update(key).digest();
    }
  });

  it('belongs to one origin and one master', () => {
    const vkeys = [
      macSigner({ master, origin: 'a' }),
      macSigner({ master, origin: 'b' }),
      macSigner({ master: new Uint8Array(32), origin: 'a' }),
    ].map(({ vkey }) => vkey.split('+').slice(2).join('+'));
    expect(new Set(vkeys).size).toBe(3);
  });

  it('signs its own log in one chain, and another log under a secret from which its master cannot be computed', async () => {
    const signer = macSigner({ master, origin: 'x' });
    await signer.sign(utf8('m'));
    const own = signer.forLog!('x');
    expect(own.vkey).toBe(signer.vkey);
    expect(new DataView((await own.sign(utf8('m'))).buffer).getUint32(0)).toBe(1);

    const heirs = createHmac('sha256', master).update('tracehound/mac/heirs/v1').digest();
    const other = signer.forLog!('x/after');
    expect(other.name).toBe('x/after');
    expect(other.vkey).toBe(macSigner({ master: heirs, origin: 'x/after' }).vkey);
    expect(other.vkey).not.toBe(macSigner({ master, origin: 'x/after' }).vkey);
    expect(new DataView((await other.sign(utf8('m'))).buffer).getUint32(0)).toBe(0);
    expect(() => signer.forLog!('not a name')).toThrow(RangeError);
  });

  it('needs a secret that cannot be guessed', () => {
    for (const length of [0, 31, 1_025]) {
      expect(() => macSigner({ master: new Uint8Array(length), origin: 'x' })).toThrow(RangeError);
    }
    expect(() => macSigner({ master: 'x'.repeat(32) as never, origin: 'x' })).toThrow(TypeError);
  });

  it('ends after 2^20 + 1 tags, the last one a verifier would look for', { timeout: 60_000 }, async () => {
    const signer = macSigner({ master, origin: 'x' });
    const message = new Uint8Array(0);
    let last = await signer.sign(message);
    for (let j = 1; j <= 2 ** 20; j++) last = await signer.sign(message);
    expect(new DataView(last.buffer).getUint32(0)).toBe(2 ** 20);
    await expect(signer.sign(message)).rejects.toMatchObject({ code: 'SIGNER_FAILED', recoverable: false });
  });
});

describe('a note', () => {
  it('carries each signature in its order, and the text untouched', async () => {
    const signers = [
      await generateSigner('b'),
      await generateSigner('a'),
      macSigner({ master: new Uint8Array(32), origin: 'c' }),
    ];
    const text = 'a line\n\n— not a signature\n\n€ 𝄞\n';
    const note = parseNote(await signNote(text, signers));
    expect(note.text).toBe(text);
    expect(note.signatures.map(({ name, id }) => `${name} ${id}`)).toEqual(
      signers.map(({ vkey }) => `${parseVerifierKey(vkey).name} ${parseVerifierKey(vkey).id}`),
    );
    for (const i of [0, 1]) expect(isBelieved(signers[i]!.vkey, text, note.signatures[i]!.signature)).toBe(true);
  });

  it('is made of text that a note can be', async () => {
    const signers = [await generateSigner('x')];
    for (const text of ['', 'a', 'a\r\n', 'a\tb\n', 'a\0\n', 'a\ud800\n', `${'a'.repeat(131_072)}\n`]) {
      await expect(signNote(text, signers)).rejects.toThrow(RangeError);
    }
    await expect(signNote(7 as never, signers)).rejects.toThrow(TypeError);
    await expect(signNote('a\n', [])).rejects.toThrow(RangeError);
    await expect(signNote('a\n', [...signers, ...signers])).rejects.toThrow(RangeError);
  });

  const vkey = PETER.vkey;
  const name = 'PeterNeumann';
  const der = 'spki';
  it.each<[string, Partial<Signer>, boolean]>([
    ['does not answer', { sign: () => Promise.reject(new Error('the key store is down')) }, true],
    [
      'throws',
      {
        sign: () => {
          throw new Error('the key store is down');
        },
      },
      true,
    ],
    ['answers text', { sign: () => Promise.resolve('signature' as never) }, false],
    ['answers nothing', { sign: () => Promise.resolve(undefined as never) }, false],
    ['answers no bytes', { sign: () => Promise.resolve(new Uint8Array(0)) }, false],
    ['answers too many bytes', { sign: () => Promise.resolve(new Uint8Array(65)) }, false],
    [
      'answers r ‖ s where DER belongs',
      { vkey: der, sign: () => Promise.resolve(new Uint8Array(64).fill(0x30)) },
      false,
    ],
    ['answers half of a DER', { vkey: der, sign: () => Promise.resolve(hex('3006020101')) }, false],
    ['has another name than its key', { name: 'Peter' }, false],
  ])('fails with a signer that %s', async (_, wrong, recoverable) => {
    const ecdsa = (await ecdsaSigner({ name, pkcs8: pkcs8() })).vkey;
    const signer = { name, vkey, sign: async () => new Uint8Array(64), ...wrong };
    if (signer.vkey === der) signer.vkey = ecdsa;
    const error = await signNote('a\n', [await generateSigner('x'), signer]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'SIGNER_FAILED', recoverable, message: expect.stringMatching(/^signer: /) });
    expect((error as Error).cause instanceof Error).toBe(recoverable);
  });

  it('takes what a key store answers in DER, P-521 included', async () => {
    const vkey = (await ecdsaSigner({ name, pkcs8: pkcs8() })).vkey;
    for (const signature of [hex('3006020101020101'), hex('308188' + '00'.repeat(0x88))]) {
      await signNote('a\n', [{ name, vkey, sign: async () => signature }]);
    }
  });

  it('is signed as it is, whatever one signer does to the message', async () => {
    const seen: string[] = [];
    const spoiler = (name: string): Signer => ({
      ...PETER,
      name: 'PeterNeumann',
      sign: async (message) => {
        seen.push(`${name} ${new TextDecoder().decode(message)}`);
        message.fill(0);
        return new Uint8Array(64);
      },
    });
    await signNote('a\n', [
      spoiler('one'),
      { ...spoiler('two'), vkey: (await signerFromText((await generateKey('PeterNeumann')).skey)).vkey },
    ]);
    expect(seen).toEqual(['one a\n', 'two a\n']);
  });
});

it('the note of a KEY record says who signs from where on', () => {
  const link = hex('00'.repeat(31) + 'ff');
  expect(keyNoteText({ origin: 'example.org/log', epoch: 2, vkey: PETER.vkey, size: 300, link })).toBe(
    `tracehound/key/v1\nexample.org/log\n2\n${PETER.vkey}\n300\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=\n`,
  );
});

describe('a private key is shown to nobody', () => {
  /** Every way in which somebody prints a value by accident. */
  const printed = (value: unknown): string =>
    [
      String(value),
      JSON.stringify(value) ?? '',
      JSON.stringify({ nested: [value] }),
      `${inspect(value, { showHidden: false, depth: null })}`,
      `${inspect({ value }, { depth: null, customInspect: false })}`,
      `${Object.entries(value as object).join()}`,
    ].join('\n');
  /** The same bytes in every spelling in which they could come out. */
  const spellings = (secret: Uint8Array): string[] => {
    const buffer = Buffer.from(secret);
    const base64 = [0, 1, 2].map((by) =>
      Buffer.concat([Buffer.alloc(by), buffer])
        .toString('base64')
        .slice(4, 36),
    );
    const list = [...secret.subarray(0, 8)];
    return [
      buffer.toString('hex').slice(0, 24),
      ...base64,
      ...base64.map((text) => text.replace(/\+/g, '-').replace(/\//g, '_')),
      list.join(','),
      list.join(', '),
    ];
  };
  const isSilent = (said: string, secret: Uint8Array): void => {
    for (const spelling of spellings(secret)) expect(said).not.toContain(spelling);
  };
  const seed = hex(RFC8032[1]!.seed);
  const d = hex(RFC6979.d);

  it('by a signer', async () => {
    isSilentOf(await ed25519Signer({ name: 'x', seed }), seed);
    isSilentOf(await ecdsaSigner({ name: 'x', pkcs8: pkcs8() }), d);
    isSilentOf(macSigner({ master: seed, origin: 'x' }), seed);
    isSilentOf(macSigner({ master: seed, origin: 'y' }).forLog!('x'), seed);
    function isSilentOf(signer: Signer, secret: Uint8Array): void {
      expect(Object.keys(signer)).toEqual(['name', 'vkey', 'sign', ...(signer.forLog ? ['forLog'] : [])]);
      expect(Object.isFrozen(signer)).toBe(true);
      expect(JSON.parse(JSON.stringify(signer))).toEqual({ name: 'x', vkey: signer.vkey });
      isSilent(printed(signer), secret);
      isSilent(printed(signer.sign), secret);
      isSilent(inspect(signer, { showHidden: true, depth: null }), secret);
    }
  });

  it.each(TYPES)('by the %s key that was made, except by its name', async (type) => {
    const made = await generateKey('x', type);
    expect(printed(made)).not.toContain(made.skey.slice(-40));
    expect(JSON.parse(JSON.stringify(made))).toEqual({ vkey: made.vkey });
    expect({ ...made }).toEqual({ vkey: made.vkey });
    expect(() => Object.assign(made, { skey: '' })).toThrow(TypeError);
  });

  it('by an error', async () => {
    const other = pkcs8({ ...RFC6979, y: RFC6979.x });
    const makings = [
      () => ed25519Signer({ name: 'x y', seed }),
      () => ed25519Signer({ name: 'x', seed: toHex(seed) as never }),
      () => ed25519Signer({ name: 'x', seed: Uint8Array.of(...seed, 1) }),
      () => ecdsaSigner({ name: 'x', pkcs8: other }),
      () => ecdsaSigner({ name: 'x', pkcs8: pkcs8().subarray(1) }),
      async () => macSigner({ master: seed.subarray(1), origin: 'x' }),
      () => signerFromText(`PRIVATE+KEY+x+00000000+${Buffer.from([1, ...seed]).toString('base64')}`),
      () => signerFromText(`PRIVATE+KEY+x+00000000+${Buffer.from([2, ...other]).toString('base64')}`),
      () => signerFromText(toHex(seed)),
    ];
    for (const make of makings) {
      const error: unknown = await make().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      const said = `${printed(error)}\n${inspect(error, { showHidden: true, depth: null })}`;
      isSilent(said, seed);
      isSilent(said, d);
    }
  });
});
