/**
 * What keys and notes must do on every engine: published vectors, keys that are made, kept and checked, tags. It runs
 * inside the engine and reports; the test compares.
 *
 * Relies on: the packed `tracehound/signer`, passed in; Web Crypto. Refuses: to judge.
 */
import type * as Signing from '../../src/signers/index';

export interface SigningReport {
  /** Hex signatures of RFC 8032 §7.1, tests 1 to 3; or why there are none. */
  readonly rfc8032: string[] | string;
  /** The note of golang.org/x/mod's published key; or why there is none. */
  readonly note: string;
  /** For each kind: a made key came back from its text, and what it signed verifies. Or why not. */
  readonly made: Readonly<Record<Signing.KeyType, string>>;
  /** What `generateSigner` made: type of the key; or why nothing. */
  readonly fresh: string;
  /** A kept P-256 key (RFC 6979 §A.2.5) signs, and the signature verifies. */
  readonly kept: string;
  /** Three notes of a MAC key, and its verifier key. */
  readonly tags: string[];
}

const hex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const SEEDS: readonly (readonly [seed: string, message: string])[] = [
  ['9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', ''],
  ['4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', '72'],
  ['c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7', 'af82'],
];
const PETER = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const P256 =
  '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420' +
  'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a144034200' +
  '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
  '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299';

/** The result as text, or the code of the error. */
async function told(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

/** Whether the engine's own Web Crypto believes a signature by a verifier key. */
async function isBelieved(vkey: string, message: Uint8Array<ArrayBuffer>, signature: Uint8Array): Promise<boolean> {
  const bytes = Uint8Array.from(atob(vkey.split('+').slice(2).join('+')), (character) => character.charCodeAt(0));
  const key = bytes.slice(1);
  if (bytes[0] === 1) {
    const open = await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
    return crypto.subtle.verify({ name: 'Ed25519' }, open, signature.slice(), message);
  }
  const url = (from: number): string =>
    btoa(String.fromCharCode(...key.subarray(from, from + 32)))
      .replace(/\+/g, '-')
      .replace(/\//g, '_')
      .replace(/=/g, '');
  const jwk = { kty: 'EC', crv: 'P-256', x: url(27), y: url(59) };
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const open = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
  return crypto.subtle.verify(algorithm, open, rawOf(signature), message);
}

/** r ‖ s of a signature in DER. */
function rawOf(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(64);
  for (let at = 2, end = 32; end <= 64; end += 32) {
    const length = der[at + 1]!;
    const number = der.subarray(at + 2, at + 2 + length);
    const digits = number.subarray(Math.max(0, length - 32));
    raw.set(digits, end - digits.length);
    at += 2 + length;
  }
  return raw;
}

/** Does everything once. */
export async function signing(signer: typeof Signing): Promise<SigningReport> {
  const message = new TextEncoder().encode('sample');
  const made = (type: Signing.KeyType): Promise<string> =>
    told(async () => {
      const { skey, vkey } = await signer.generateKey('example.org/k', type);
      const kept = await signer.signerFromText(skey);
      let isGood = kept.vkey === vkey;
      for (let i = 0; i < 16; i++) isGood = isGood && (await isBelieved(vkey, message, await kept.sign(message)));
      return String(isGood);
    });
  const rfc8032: string[] = [];
  for (const [seed, text] of SEEDS) {
    rfc8032.push(
      await told(async () => {
        const key = await signer.ed25519Signer({ name: 'rfc8032', seed: hex(seed) });
        return toHex(await key.sign(hex(text)));
      }),
    );
  }
  const mac = signer.macSigner({ master: Uint8Array.from({ length: 32 }, (_, i) => i), origin: 'example.org/log' });
  const tags = [mac.vkey];
  for (let j = 0; j < 3; j++) tags.push(await signer.signNote(`example.org/log\n12\n${'A'.repeat(43)}=\n`, [mac]));
  return {
    rfc8032,
    note: await told(async () => signer.signNote(TEXT, [await signer.signerFromText(PETER)])),
    made: { Ed25519: await made('Ed25519'), 'P-256': await made('P-256') },
    fresh: await told(async () => {
      const fresh = await signer.generateSigner('example.org/fresh');
      const type = atob(fresh.vkey.split('+').slice(2).join('+')).charCodeAt(0);
      return `${type} ${await isBelieved(fresh.vkey, message, await fresh.sign(message))}`;
    }),
    kept: await told(async () => {
      const key = await signer.ecdsaSigner({ name: 'rfc6979', pkcs8: hex(P256) });
      return String(await isBelieved(key.vkey, message, await key.sign(message)));
    }),
    tags,
  };
}
