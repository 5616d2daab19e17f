/**
 * Whether a signature of a note verifies under a key: Ed25519, ECDSA on P-256, a witness's cosignature, a tag.
 *
 * Relies on: Web Crypto for the first three, sha256 for tags. Refuses: to guess. A kind of key that cannot be checked here
 * is `unsupported`, which is neither good nor bad.
 */
import { toBase64Url, toHex } from '../formats/bytes';
import {
  COSIGNATURE,
  ECDSA,
  ED25519,
  EXTENDED,
  keyId,
  type Note,
  type NoteSignature,
  type VerifierKey,
} from '../formats/note';
import { hmacSha256, sha256 } from '../formats/sha256';

export type Checked = 'good' | 'bad' | 'unsupported';

type Bytes = Uint8Array<ArrayBuffer>;

const ED25519_SIGNATURE_BYTES = 64;
/** An SPKI document of a point on P-256 (RFC 5480): what stands before its 65 bytes. */
const P256_SPKI = '3059301306072a8648ce3d020106082a8648ce3d030107034200';
const P256_SPKI_BYTES = 91;
const UNCOMPRESSED = 0x04;
const NUMBER_BYTES = 32;
const MAC_TYPE = 'tracehound/mac/v1';
const MAC_EVOLVE = 'tracehound/evolve/v1\n';
const MAC_HEIRS = 'tracehound/mac/heirs/v1';
const MAC_BYTES = 36;
/** A tag's number is how often its key was hashed, so a hostile one costs time: a second, not more. */
const MAC_INDEX_MAX = 2 ** 20;

const utf8Bytes = (text: string): Bytes => new TextEncoder().encode(text);

/** Whether `signature` is one by `key`, as it says of itself. */
export const isBy = (signature: NoteSignature, key: VerifierKey): boolean =>
  signature.id === key.id && signature.name === key.name;

/** Checks one signature over the text of a note. */
export async function checkSignature(
  key: VerifierKey,
  text: string,
  signature: Uint8Array,
  macKeys?: MacKeys,
): Promise<Checked> {
  switch (key.type) {
    case ED25519:
      return ed25519(key.key, utf8Bytes(text), signature);
    case ECDSA:
      return ecdsa(key.key, utf8Bytes(text), signature);
    case COSIGNATURE:
      return cosignature(key.key, text, signature);
    case EXTENDED:
      return macKeys?.check(key, text, signature) ?? 'unsupported';
    default:
      return 'unsupported';
  }
}

/** The signature of a note by `key`, the first one as in x/mod; `undefined` when there is none. */
export async function checkNote(note: Note, key: VerifierKey, macKeys?: MacKeys): Promise<Checked | undefined> {
  const line = note.signatures.find((each) => isBy(each, key));
  return line && checkSignature(key, note.text, line.signature, macKeys);
}

/** Ed25519 (RFC 8032), as the platform verifies it. */
export async function ed25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<Checked> {
  if (signature.length !== ED25519_SIGNATURE_BYTES) return 'bad';
  let imported: CryptoKey;
  try {
    imported = await crypto.subtle.importKey('raw', key as Bytes, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    return refusal(error);
  }
  return (await crypto.subtle.verify({ name: 'Ed25519' }, imported, signature as Bytes, message as Bytes))
    ? 'good'
    : 'bad';
}

/** Platforms without a curve say NotSupportedError; a key that is no point is a DataError, and verifies nothing. */
const refusal = (error: unknown): Checked =>
  (error as { name?: unknown })?.name === 'DataError' ? 'bad' : 'unsupported';

/** ECDSA on P-256 with SHA-256: a key in SPKI, a signature in DER. */
export async function ecdsa(spki: Uint8Array, message: Uint8Array, der: Uint8Array): Promise<Checked> {
  // The C2SP type also names P-384 and P-521; nobody here signs with them.
  if (spki.length !== P256_SPKI_BYTES || toHex(spki.subarray(0, P256_SPKI.length / 2)) !== P256_SPKI)
    return 'unsupported';
  const signature = rawOfDer(der);
  if (signature === undefined) return 'bad';
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const point = spki.subarray(P256_SPKI.length / 2);
  if (point[0] !== UNCOMPRESSED) return 'bad';
  const [x, y] = [point.subarray(1, 1 + NUMBER_BYTES), point.subarray(1 + NUMBER_BYTES)].map(toBase64Url);
  let key: CryptoKey;
  try {
    // As JSON (RFC 7518 §6.2): Fastly's Web Crypto imports no other format.
    const jwk = { kty: 'EC', crv: 'P-256', x: x!, y: y! };
    key = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
  } catch (error) {
    return refusal(error);
  }
  return (await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, message as Bytes))
    ? 'good'
    : 'bad';
}

/** r ‖ s of `30 len 02 len r 02 len s` (RFC 3279 §2.2.3); `undefined` unless it is the one DER spelling. */
function rawOfDer(der: Uint8Array): Bytes | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(2 * NUMBER_BYTES);
  let at = 2;
  for (const end of [NUMBER_BYTES, 2 * NUMBER_BYTES]) {
    const bytes = der[at + 1]!;
    const number = der.subarray(at + 2, at + 2 + bytes);
    if (der[at] !== 0x02 || number.length !== bytes || bytes < 1 || bytes > NUMBER_BYTES + 1) return undefined;
    if (number[0]! >= 0x80 || (number[0] === 0 && bytes > 1 && number[1]! < 0x80)) return undefined;
    const digits = number[0] === 0 ? number.subarray(1) : number;
    if (digits.length > NUMBER_BYTES) return undefined;
    raw.set(digits, end - digits.length);
    at += 2 + bytes;
  }
  return at === der.length ? raw : undefined;
}

/** C2SP tlog-cosignature: u64 seconds ‖ Ed25519 over two lines and the text of the note. */
async function cosignature(key: Uint8Array, text: string, signature: Uint8Array): Promise<Checked> {
  if (signature.length !== 8 + ED25519_SIGNATURE_BYTES) return 'bad';
  const seconds = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  if (seconds >= 1n << 63n) return 'bad';
  return ed25519(key, utf8Bytes(`cosignature/v1\ntime ${seconds}\n${text}`), signature.subarray(8));
}

/**
 * The keys of tags (signer.ts, `macSigner`), for who holds the master: that of one origin, and that under which logs of
 * other origins are signed. Keys move on by hashing, one step a signature.
 */
export class MacKeys {
  readonly #masters: readonly Uint8Array[];
  /** The last key that was needed: the next note asks for a later one. */
  #at: { readonly commitment: string; index: number; key: Uint8Array } | undefined;

  constructor(master: Uint8Array) {
    this.#masters = [master, hmacSha256(master, utf8Bytes(MAC_HEIRS))];
  }

  #first(master: Uint8Array, origin: string): Uint8Array {
    return hmacSha256(master, utf8Bytes(`${MAC_TYPE}\n${origin}`));
  }

  /** The verifier keys that tags of this log may have. */
  keysOf(origin: string): VerifierKey[] {
    return this.#masters.map((master) => {
      const key = Uint8Array.of(...utf8Bytes(MAC_TYPE), ...sha256(this.#first(master, origin)));
      return { name: origin, id: keyId(origin, EXTENDED, key), type: EXTENDED, key };
    });
  }

  check(key: VerifierKey, text: string, signature: Uint8Array): Checked {
    const commitment = toHex(key.key);
    const first = this.#masters
      .map((master) => this.#first(master, key.name))
      .find((each) => toHex(Uint8Array.of(...utf8Bytes(MAC_TYPE), ...sha256(each))) === commitment);
    if (first === undefined) return 'unsupported';
    if (signature.length !== MAC_BYTES) return 'bad';
    const index = new DataView(signature.buffer, signature.byteOffset, 4).getUint32(0);
    if (index > MAC_INDEX_MAX) return 'bad';
    if (this.#at === undefined || this.#at.commitment !== commitment || this.#at.index > index) {
      this.#at = { commitment, index: 0, key: first };
    }
    const evolve = new Uint8Array(MAC_EVOLVE.length + NUMBER_BYTES);
    evolve.set(utf8Bytes(MAC_EVOLVE));
    for (; this.#at.index < index; this.#at.index++) {
      evolve.set(this.#at.key, MAC_EVOLVE.length);
      this.#at.key = sha256(evolve);
    }
    return toHex(hmacSha256(this.#at.key, utf8Bytes(text))) === toHex(signature.subarray(4)) ? 'good' : 'bad';
  }
}
