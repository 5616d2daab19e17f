/**
 * Keys that sign notes: fresh ones for an instance, kept ones for a deployment, and the notes they write.
 *
 *   generateSigner(name)          a fresh key that nobody can take out, for the life of an instance
 *   generateKey(name)             a key as text, to keep:  PRIVATE+KEY+name+id+base64  (the format of golang.org/x/mod)
 *   signerFromText(text)          the signer of such a text
 *   ed25519Signer, ecdsaSigner    of bytes, or of a key that Web Crypto holds already
 *   macSigner                     no key pair at all: tags that the holder of one secret can check
 *
 * Relies on: note, sha256, codec, ecdsa; Web Crypto, and for MACs not even that. Refuses: to show a private key. A signer
 * is a frozen object of name and verifier key; what signs stays in its closure, where no printing and no JSON reaches.
 *
 * Trusted: whoever has a private key could sign another history under its name. They could not change a history whose
 * checkpoint somebody else holds already.
 *
 * @module
 */

import { TracehoundError } from '../errors';
import { fromBase64, isBytes, toBase64, utf8Length } from '../formats/bytes';
import {
  derOfSignature,
  fromBase64Url,
  isDer,
  jwkOfPkcs8,
  jwkOfPoint,
  pkcs8OfJwk,
  pointOfJwk,
  spkiOfPoint,
} from '../formats/ecdsa';
import {
  ECDSA,
  ED25519,
  EXTENDED,
  formatNote,
  formatVerifierKey,
  isKeyName,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseVerifierKey,
} from '../formats/note';
import { hmacSha256, sha256 } from '../formats/sha256';
import type { Signer } from '../types/ports';
import { kindOf } from '../validate/kind';

export type { Signer } from '../types/ports';

/** Kinds of key pairs, by their names in RFC 8032 and FIPS 186-5. */
export type KeyType = 'Ed25519' | 'P-256';

/** A private key as text, and the verifier key of it. Only the latter is seen when the object is printed or serialised. */
export interface GeneratedKey {
  readonly skey: string;
  readonly vkey: string;
}

/** What the note of a KEY record says: from `size` on, `vkey` signs the log `origin` in epoch `epoch`. */
export interface KeyFacts {
  readonly origin: string;
  readonly epoch: number;
  readonly vkey: string;
  readonly size: number;
  /** Leaf hash of record `size` − 1; with size 0 the link of record 0. */
  readonly link: Uint8Array;
}

type Bytes = Uint8Array<ArrayBuffer>;

const SKEY = 'PRIVATE+KEY+';
const SEED_BYTES = 32;
/** What stands before the seed in a PKCS#8 document (RFC 8410 §7): raw private keys cannot be imported. */
const ED25519_PKCS8 = '302e020100300506032b657004220420';
const ED25519_ALGORITHM = { name: 'Ed25519' } as const;
const P256_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const P256_SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Identifier of a MAC key in notes, and the first words of what is hashed for it. */
const MAC_TYPE = 'tracehound/mac/v1';
const MAC_EVOLVE = 'tracehound/evolve/v1\n';
const MAC_HEIRS = 'tracehound/mac/heirs/v1';
const MASTER_BYTES_MIN = 32;
/** HMAC hashes a key longer than 64 bytes first, so more gains nothing; more than this is a mistake, such as a file. */
const MASTER_BYTES_MAX = 1_024;
/** The last tag's number. A verifier evolves the key this often at most: 2^20 hashes are a second of plain TypeScript. */
const MAC_INDEX_MAX = 2 ** 20;

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

// ── signers ───────────────────────────────────────────────────────────────────────────────────────

/**
 * A signer with a fresh key that cannot be exported and ends with the process: Ed25519 or, where the platform has none,
 * ECDSA on P-256. Rejects with `SIGNER_FAILED` where it has neither (Fastly Compute: keep a key, or use {@link macSigner}).
 */
export async function generateSigner(name: string): Promise<Signer> {
  checkName(name);
  try {
    return ofEd25519(name, await held(await generatePair('Ed25519', false), 'Ed25519'));
  } catch {
    // Named differently everywhere (NotSupportedError, SyntaxError, TypeError): whatever it was, the other curve is next.
  }
  try {
    return ofEcdsa(name, await held(await generatePair('P-256', false), 'ECDSA'));
  } catch (cause) {
    throw unable(
      'no key can be made here',
      'a platform with Ed25519 or P-256 (else a kept key, or macSigner)',
      'neither',
      cause,
    );
  }
}

/**
 * A fresh key to keep, as text. Print or store its `skey` by name: the object as a whole shows only its `vkey`. Rejects with
 * `RangeError` for a name that is no URL without a scheme: names of keys are compared as they are spelt, so they have one
 * spelling.
 *
 * @example
 * const { skey, vkey } = await generateKey('example.org/keys/2026');
 */
export async function generateKey(name: string, type: KeyType = 'Ed25519'): Promise<GeneratedKey> {
  checkUrlName(name);
  if (type !== 'Ed25519' && type !== 'P-256')
    throw new RangeError(`type: unknown, expected 'Ed25519' or 'P-256', got ${kindOf(type)}`);
  const material = await keyAct(`cannot make an ${type} key here`, async () => {
    const pair = await generatePair(type, true);
    const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);
    return type === 'Ed25519' ? fromBase64Url(jwk.d ?? '') : pkcs8OfJwk(jwk);
  });
  if (material === undefined) throw unable(`${type} key not usable`, 'PKCS#8 with its public key', 'another form');
  const signer = type === 'Ed25519' ? ed25519Signer({ name, seed: material }) : ecdsaSigner({ name, pkcs8: material });
  const { vkey } = await signer;
  const id = vkey.slice(name.length + 1, name.length + 9);
  const skey = `${SKEY}${name}+${id}+${toBase64(Uint8Array.of(type === 'Ed25519' ? ED25519 : ECDSA, ...material))}`;
  return Object.defineProperty({ vkey }, 'skey', { value: skey }) as GeneratedKey;
}

/**
 * The signer of a private key that was kept as text: {@link generateKey}'s, or of golang.org/x/mod and the tools that
 * share its format. White space around it is ignored. Rejects with `NOTE_INVALID` if it is not such a text.
 */
export async function signerFromText(skey: string): Promise<Signer> {
  if (typeof skey !== 'string') throw new TypeError(`skey: wrong kind, expected a string, got ${kindOf(skey)}`);
  const text = skey.trim();
  const [name = '', id = '', ...base64] = text.slice(SKEY.length).split('+');
  if (!text.startsWith(SKEY) || !isKeyName(name) || !/^[0-9a-f]{8}$/.test(id)) {
    throw new TracehoundError('NOTE_INVALID', 'skey: not a key, expected PRIVATE+KEY+name+id+base64, got other text');
  }
  const bytes = fromBase64(base64.join('+')); // base64 has a plus sign of its own
  const material = bytes?.subarray(1) ?? new Uint8Array(0);
  let signer: Signer;
  if (bytes?.[0] === ED25519 && material.length === SEED_BYTES) signer = await ed25519Signer({ name, seed: material });
  else if (bytes?.[0] === ECDSA && jwkOfPkcs8(material)) signer = await ecdsaSigner({ name, pkcs8: material });
  else throw new TracehoundError('NOTE_INVALID', 'skey: not a key, expected Ed25519 or P-256, got another');
  if (!signer.vkey.startsWith(`${name}+${id}+`)) {
    throw new TracehoundError('NOTE_INVALID', 'skey: damaged, expected the id of its own key, got another');
  }
  return signer;
}

/** An Ed25519 signer (RFC 8032): of the 32 bytes of a private key, or of a key pair that Web Crypto holds. */
export async function ed25519Signer(
  options: { name: string; seed: Uint8Array } | { name: string; keys: CryptoKeyPair },
): Promise<Signer> {
  const name = checkName(options.name);
  if (!('seed' in options)) return ofEd25519(name, await held(options.keys, 'Ed25519'));
  return ofEd25519(name, await importSeed(checkBytes('seed', options.seed, SEED_BYTES, SEED_BYTES)));
}

/**
 * An ECDSA signer on P-256 with SHA-256: of a private key in PKCS#8 (DER, its public key inside, as openssl and Web Crypto
 * write it), or of a key pair that Web Crypto holds. Its signatures are in DER, as notes want them.
 */
export async function ecdsaSigner(
  options: { name: string; pkcs8: Uint8Array } | { name: string; keys: CryptoKeyPair },
): Promise<Signer> {
  const name = checkName(options.name);
  if (!('pkcs8' in options)) return ofEcdsa(name, await held(options.keys, 'ECDSA'));
  return ofEcdsa(name, await importPkcs8(options.pkcs8));
}

function ofEd25519(name: string, { privateKey, publicKey }: Imported): Signer {
  return signer(
    name,
    ED25519,
    publicKey,
    async (message) => new Uint8Array(await crypto.subtle.sign(ED25519_ALGORITHM, privateKey, message as Bytes)),
  );
}

function ofEcdsa(name: string, { privateKey, publicKey }: Imported): Signer {
  const spki = spkiOfPoint(publicKey);
  if (spki === undefined) throw new RangeError('keys: wrong key, expected one on P-256, got another');
  return signer(name, ECDSA, spki, async (message) => {
    const der = derOfSignature(new Uint8Array(await crypto.subtle.sign(P256_SIGNATURE, privateKey, message as Bytes)));
    if (der === undefined) throw unable('ECDSA failed', 'a signature of 64 bytes', 'another');
    return der;
  });
}

/**
 * A signer without a key pair, for platforms that have none: tag j is an HMAC under a key that is hashed once after each
 * tag and forgotten, so that whoever takes the process over later cannot write earlier tags again.
 *
 *   A₀ = HMAC(master, "tracehound/mac/v1" ‖ 0x0a ‖ origin)     Aⱼ₊₁ = SHA-256("tracehound/evolve/v1" ‖ 0x0a ‖ Aⱼ)
 *   signature = u32 j ‖ HMAC(Aⱼ, message)                      key    = "tracehound/mac/v1" ‖ SHA-256(A₀)
 *
 * **Only the holder of `master` can check it, and whoever can check it could also forge it.** The verifier key names the
 * key and proves nothing. One origin, one signer: a second one begins at j = 0 again. Logs of another origin, as an
 * instance begins after a panic, are signed under HMAC(master, "tracehound/mac/heirs/v1") instead of `master`, which
 * nobody keeps.
 */
export function macSigner({ master, origin }: { master: Uint8Array; origin: string }): Signer {
  checkBytes('master', master, MASTER_BYTES_MIN, MASTER_BYTES_MAX);
  const heirs = hmacSha256(master, utf8(MAC_HEIRS));
  const own = chainedSigner(master, origin);
  return Object.freeze({ ...own, forLog: (log: string) => (log === origin ? own : chainedSigner(heirs, log)) });
}

function chainedSigner(master: Uint8Array, origin: string): Signer {
  checkName(origin, 'origin');
  let key: Uint8Array = hmacSha256(master, utf8(`${MAC_TYPE}\n${origin}`));
  let index = 0;
  const evolve = utf8(MAC_EVOLVE);
  const commitment = Uint8Array.of(...utf8(MAC_TYPE), ...sha256(key));
  return signer(origin, EXTENDED, commitment, async (message) => {
    if (index > MAC_INDEX_MAX) throw unable('MAC used up', `≤ ${MAC_INDEX_MAX + 1} signatures`, 'one more');
    // No await before the key has moved on: two calls at once must not share a number.
    const signature = new Uint8Array(4 + SEED_BYTES);
    new DataView(signature.buffer).setUint32(0, index++);
    signature.set(hmacSha256(key, message), 4);
    const next = sha256(Uint8Array.of(...evolve, ...key));
    key.fill(0);
    key = next;
    return signature;
  });
}

function signer(name: string, type: number, key: Uint8Array, sign: Signer['sign']): Signer {
  return Object.freeze({ name, vkey: formatVerifierKey(name, type, key), sign });
}

// ── notes ─────────────────────────────────────────────────────────────────────────────────────────

/** The text of the note in a KEY record (docs/format.md). */
export function keyNoteText({ origin, epoch, vkey, size, link }: KeyFacts): string {
  return `tracehound/key/v1\n${origin}\n${epoch}\n${vkey}\n${size}\n${toBase64(link)}\n`;
}

/**
 * A note of `text` with a signature by each of `signers`, in their order (C2SP signed-note). Rejects with `SIGNER_FAILED`
 * if one of them does not sign; that is recoverable, because a key may be a network away.
 */
export async function signNote(text: string, signers: readonly Signer[]): Promise<string> {
  checkText(text);
  if (signers.length === 0) throw new RangeError('signers: empty, expected at least one, got none');
  const message = utf8(text);
  const signatures = await Promise.all(signers.map((signer) => signatureOf(signer, message)));
  if (new Set(signatures.map(({ name, id }) => `${name} ${id}`)).size < signatures.length) {
    throw new RangeError('signers: a key twice, expected each once, got two signatures by one');
  }
  return formatNote(text, signatures);
}

async function signatureOf(signer: Signer, message: Bytes): Promise<NoteSignature> {
  const { name, id, type } = parseVerifierKey(signer.vkey);
  if (name !== signer.name) throw unable('two names', 'its verifier key under its own name', 'another');
  // A copy for each: what one signer does to the message must not reach the next.
  const signature = await keyAct('it did not sign', () => signer.sign(message.slice()), true);
  if (!isBytes(signature)) throw unable('wrong kind of signature', 'a Uint8Array', kindOf(signature));
  // Not whether it verifies, which costs as much as signing: whether it can. Key stores like to answer r ‖ s.
  const expected = type === ED25519 ? '64 bytes' : type === ECDSA ? 'DER' : 'some bytes';
  const isOne = type === ED25519 ? signature.length === 64 : type === ECDSA ? isDer(signature) : signature.length > 0;
  if (!isOne) throw unable('wrong form of signature', expected, `${signature.length} other bytes`);
  return { name, id, signature };
}

function checkText(text: string): void {
  if (typeof text !== 'string') throw new TypeError(`text: wrong kind, expected a string, got ${kindOf(text)}`);
  const bytes = utf8Length(text, NOTE_BYTES_MAX);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  if (bytes < 0 || bytes > NOTE_BYTES_MAX || !text.endsWith('\n') || /[\x00-\x09\x0b-\x1f]/.test(text)) {
    throw new RangeError(
      `text: not the text of a note, expected ≤ ${NOTE_BYTES_MAX} bytes of UTF-8 lines that end in a newline, got other text`,
    );
  }
}

// ── Web Crypto ────────────────────────────────────────────────────────────────────────────────────

interface Imported {
  readonly privateKey: CryptoKey;
  readonly publicKey: Uint8Array;
}

const generatePair = (type: KeyType, extractable: boolean): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(type === 'Ed25519' ? ED25519_ALGORITHM : P256_ALGORITHM, extractable, [
    'sign',
    'verify',
  ]) as Promise<CryptoKeyPair>;

/** A pair that Web Crypto holds. Apart from what imports a key: who only makes keys does not ship that. */
async function held(keys: CryptoKeyPair, algorithm: string): Promise<Imported> {
  for (const part of ['privateKey', 'publicKey'] as const) {
    if (keys?.[part]?.algorithm?.name !== algorithm) {
      throw new TypeError(
        `keys.${part}: wrong kind, expected a CryptoKey of ${algorithm}, got ${kindOf(keys?.[part])}`,
      );
    }
  }
  const raw = await keyAct('cannot export the public key', () => crypto.subtle.exportKey('raw', keys.publicKey));
  return { privateKey: keys.privateKey, publicKey: new Uint8Array(raw) };
}

/** Web Crypto tells the public key of a seed in one way: import it so that it may leave, and look at it as JSON. */
async function importSeed(seed: Uint8Array): Promise<Imported> {
  const pkcs8 = Uint8Array.of(...(ED25519_PKCS8.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)), ...seed);
  const imported = await keyAct('cannot import an Ed25519 key here', async () => {
    const open = await crypto.subtle.importKey('pkcs8', pkcs8, ED25519_ALGORITHM, true, ['sign']);
    const publicKey = fromBase64Url((await crypto.subtle.exportKey('jwk', open)).x ?? '');
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ED25519_ALGORITHM, false, ['sign']);
    return publicKey?.length === SEED_BYTES && { privateKey, publicKey };
  });
  pkcs8.fill(0);
  if (!imported) throw unable('Ed25519 key not usable', 'a public key for a private key', 'none');
  return imported;
}

/** By way of JSON, because Fastly imports no other format; and tried, because not everyone checks the pair there. */
async function importPkcs8(pkcs8: Uint8Array): Promise<Imported> {
  const jwk = isBytes(pkcs8) ? jwkOfPkcs8(pkcs8) : undefined;
  if (jwk === undefined)
    throw new RangeError('pkcs8: not a key on P-256 with its public key, expected 138 bytes of DER, got others');
  const publicKey = pointOfJwk(jwk)!;
  const privateKey = await keyAct('cannot import a P-256 key here', async () => {
    const key = await crypto.subtle.importKey('jwk', { ...jwk }, P256_ALGORITHM, false, ['sign']);
    const open = await crypto.subtle.importKey('jwk', { ...jwkOfPoint(publicKey) }, P256_ALGORITHM, false, ['verify']);
    const signature = await crypto.subtle.sign(P256_SIGNATURE, key, publicKey as Bytes);
    return (await crypto.subtle.verify(P256_SIGNATURE, open, signature, publicKey as Bytes)) ? key : undefined;
  });
  if (privateKey === undefined) throw unable('P-256 key not usable', 'the public key of its private key', 'another');
  return { privateKey, publicKey };
}

// ── checks ────────────────────────────────────────────────────────────────────────────────────────

/** A new key is named as docs/keys.md asks: a URL without a scheme. Keys that exist may have any name that notes allow. */
function checkUrlName(name: string): void {
  checkName(name);
  const urlName = 'a URL without a scheme, such as example.org/keys/2026';
  if (/^[a-z][a-z0-9.-]*:\/\//i.test(name))
    throw new RangeError(`name: has a scheme, expected ${urlName}, got one with it`);
  // What a URL leaves as it is: nothing that is invisible, encoded or read as something else than host and path.
  const isPlain = /^[A-Za-z0-9._~:/-]+$/.test(name) && !/^[/:.]|\/$|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(name);
  if (!isPlain || !canParse(`https://${name}`))
    throw new RangeError(`name: not usable, expected ${urlName}, got other text`);
}

function canParse(url: string): boolean {
  try {
    return new URL(url).hostname !== '';
  } catch {
    return false;
  }
}

function checkName(name: string, part = 'name'): string {
  if (typeof name !== 'string') throw new TypeError(`${part}: wrong kind, expected a string, got ${kindOf(name)}`);
  if (!isKeyName(name) || utf8Length(name, NOTE_BYTES_MAX) < 0) {
    throw new RangeError(`${part}: cannot name a key, expected text without spaces and plus signs, got other text`);
  }
  return name;
}

function checkBytes(part: string, value: Uint8Array, min: number, max: number): Uint8Array {
  if (!isBytes(value)) throw new TypeError(`${part}: wrong kind, expected a Uint8Array, got ${kindOf(value)}`);
  if (value.length < min || value.length > max) {
    const expected = min === max ? String(min) : `${min} to ${max}`;
    throw new RangeError(`${part}: wrong length, expected ${expected} bytes, got ${value.length}`);
  }
  return value;
}

async function keyAct<T>(problem: string, work: () => Promise<T>, recoverable = false): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unable(problem, 'success', 'an error', cause, recoverable);
  }
}

function unable(problem: string, expected: string, got: string, cause?: unknown, recoverable = false): TracehoundError {
  const options = cause === undefined ? { recoverable } : { recoverable, cause };
  return new TracehoundError('SIGNER_FAILED', `signer: ${problem}, expected ${expected}, got ${got}`, options);
}
