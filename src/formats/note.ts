/**
 * Signed notes, their keys, and the checkpoints they carry, as text: what was signed, by whom it claims to be signed.
 *
 *   example.org/log          ┐                    origin
 *   12                       │ text               tree size
 *   <base64, 32 bytes>       ┘                    root
 *                                                 (an empty line; the last one counts)
 *   — name <base64: key id ‖ signature>           one line a signature
 *
 * Formats: C2SP signed-note and tlog-checkpoint (https://c2sp.org). Every text has one spelling: what reads well is written
 * back byte for byte. Wrong spelling is `NOTE_INVALID`, with the line.
 *
 * Relies on: codec, sha256. Refuses: to believe a signature (src/verify) and to make one (signer.ts).
 */

import { TracehoundError } from '../errors';
import { fromBase64, ILL_FORMED, toBase64, toHex, utf8Length } from './bytes';
import { sha256 } from './sha256';

/** Signature types, the first byte of a key's material (C2SP signed-note). */
export const ED25519 = 0x01;
/** ECDSA with SHA-256, ASN.1 signatures; the key is an SPKI document, and names itself by its hash alone. */
export const ECDSA = 0x02;
/** A witness's timestamped Ed25519 signature of a checkpoint (C2SP tlog-cosignature). */
export const COSIGNATURE = 0x04;
/** Not assigned by C2SP: a longer identifier follows the byte. */
export const EXTENDED = 0xff;

/** Signatures of a note, as golang.org/x/mod/sumdb/note has them: one more, and it is no note. */
const SIGNATURES_MAX = 100;
/** Largest note that is read. The specification asks for room for 16 signatures, the largest of them 5 kB. */
export const NOTE_BYTES_MAX = 131_072;
const ID_BYTES = 4;
const ROOT_BYTES = 32;
const ED25519_BYTES = 32;
/** Unicode spaces and `+` may not appear in a key's name, nor may control characters anywhere. */
const NAME = /^[^\s+\p{Cc}]+$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
const DASH = '— ';

export interface NoteSignature {
  /** Name of the key. */
  readonly name: string;
  /** Id of the key: with the name it tells which key this is, and proves nothing. */
  readonly id: number;
  readonly signature: Uint8Array;
}

export interface Note {
  /** What is signed, with its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A key by which signatures are recognised: the parts of `name+id+base64`. */
export interface VerifierKey {
  readonly name: string;
  readonly id: number;
  readonly type: number;
  /** The key itself, without the type's byte. */
  readonly key: Uint8Array;
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

// ── notes ─────────────────────────────────────────────────────────────────────────────────────────

/** Takes a note apart. Throws `NOTE_INVALID`. */
export function parseNote(note: string | Uint8Array): Note {
  const whole = wholeNote(note);
  if (CONTROL.test(whole)) throw invalidNote('note', 'a control character', 'lines of text', 'one');
  const end = whole.lastIndexOf('\n\n');
  if (end < 0 || !whole.endsWith('\n'))
    throw invalidNote('note', 'not signed', 'an empty line and signatures', 'neither');
  const text = whole.slice(0, end + 1);
  const lines = whole.slice(end + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) {
    throw invalidNote('note', 'too many signatures', `≤ ${SIGNATURES_MAX}`, String(lines.length));
  }
  const before = text.split('\n').length;
  return { text, signatures: lines.map((line, i) => parseSignature(line, before + i + 1)) };
}

function parseSignature(line: string, number: number): NoteSignature {
  const part = `note line ${number}`;
  const [name = '', base64 = '', ...rest] = line.slice(DASH.length).split(' ');
  if (!line.startsWith(DASH) || rest.length > 0 || !NAME.test(name)) {
    throw invalidNote(part, 'no signature line', '“— name base64”', 'something else');
  }
  const bytes = fromBase64(base64);
  if (bytes === undefined || bytes.length <= ID_BYTES) {
    throw invalidNote(
      part,
      'no signature',
      'base64 of a key id and a signature',
      bytes ? `${bytes.length} bytes` : 'no base64',
    );
  }
  return { name, id: idAt(bytes), signature: bytes.subarray(ID_BYTES) };
}

/** A note of `text`, which ends in a newline, and its signatures. */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`;
}

function signatureLine({ name, id, signature }: NoteSignature): string {
  const bytes = new Uint8Array(ID_BYTES + signature.length);
  new DataView(bytes.buffer).setUint32(0, id);
  bytes.set(signature, ID_BYTES);
  return `${DASH}${name} ${toBase64(bytes)}\n`;
}

/** Text of UTF-8; a note is never large. */
function wholeNote(note: string | Uint8Array): string {
  if (note.length > NOTE_BYTES_MAX)
    throw invalidNote('note', 'too large', `≤ ${NOTE_BYTES_MAX} bytes`, String(note.length));
  if (typeof note === 'string') {
    if (utf8Length(note, NOTE_BYTES_MAX) === ILL_FORMED)
      throw invalidNote('note', 'not UTF-8', 'text', 'half a character');
    return note;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note);
  } catch {
    throw invalidNote('note', 'not UTF-8', 'text', 'other bytes');
  }
}

// ── keys ──────────────────────────────────────────────────────────────────────────────────────────

/** Whether `name` may name a key: not empty, no spaces, no plus sign, no control characters. */
export const isKeyName = (name: string): boolean => NAME.test(name);

/** Id of a key: the first four bytes of SHA-256(name ‖ newline ‖ type ‖ key); of ECDSA keys, of SHA-256(key). */
export function keyId(name: string, type: number, key: Uint8Array): number {
  if (type === ECDSA) return idAt(sha256(key));
  const head = new TextEncoder().encode(`${name}\n`);
  const bytes = new Uint8Array(head.length + 1 + key.length);
  bytes.set(head);
  bytes[head.length] = type;
  bytes.set(key, head.length + 1);
  return idAt(sha256(bytes));
}

/** `name+id+base64`, the text that is handed to whoever shall recognise the key. */
export function formatVerifierKey(name: string, type: number, key: Uint8Array): string {
  const bytes = Uint8Array.of(type, ...key);
  return `${name}+${keyId(name, type, key).toString(16).padStart(8, '0')}+${toBase64(bytes)}`;
}

/**
 * Takes `name+id+base64` apart. Throws `NOTE_INVALID`, also for an id that is not the key's and for the eight points of
 * small order, under which a signature of nothing verifies (RFC 8032 §8.4 leaves them in; Wycheproof has the cases).
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [name = '', id = '', ...base64] = text.split('+');
  if (base64.length === 0 || !NAME.test(name) || !/^[0-9a-f]{8}$/.test(id)) {
    throw invalidNote('key', 'no verifier key', 'name+id+base64', 'something else');
  }
  // Base64 has a plus sign of its own.
  const bytes = fromBase64(base64.join('+'));
  if (bytes === undefined || bytes.length < 2)
    throw invalidNote('key', 'no key', 'base64 of a type and a key', 'neither');
  const type = bytes[0] as number;
  const key = bytes.subarray(1);
  if (type === ED25519 || type === COSIGNATURE) {
    if (key.length !== ED25519_BYTES) throw invalidNote('key', 'length', `${ED25519_BYTES} bytes`, String(key.length));
    if (isSmallOrder(key))
      throw invalidNote('key', 'of small order', 'a point of the prime-order group', 'one that signs anything');
  }
  const expected = keyId(name, type, key);
  if (expected !== Number.parseInt(id, 16))
    throw invalidNote('key', 'wrong id', expected.toString(16).padStart(8, '0'), id);
  return { name, id: expected, type, key };
}

/** y of the points of small order on Edwards25519, little-endian, with the two that are not reduced (0 and 1 plus p). */
const SMALL_ORDER: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

function isSmallOrder(key: Uint8Array): boolean {
  const y = key.slice();
  y[ED25519_BYTES - 1]! &= 0x7f; // the sign of x
  return SMALL_ORDER.includes(toHex(y));
}

const idAt = (bytes: Uint8Array): number =>
  ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;

// ── checkpoints ───────────────────────────────────────────────────────────────────────────────────

/** The text of a checkpoint: three lines, none of an extension. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Reads a checkpoint's text. Extension lines are skipped, as the specification asks; none may be empty. Throws `NOTE_INVALID`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', digits = '', base64 = ''] = text.split('\n');
  if (origin === '') throw invalidNote('checkpoint line 1', 'empty', 'an origin', 'nothing');
  const size = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(size))
    throw invalidNote('checkpoint line 2', 'no tree size', 'a decimal integer ≤ 2^53 − 1', 'other text');
  const root = fromBase64(base64);
  if (root?.length !== ROOT_BYTES) {
    throw invalidNote(
      'checkpoint line 3',
      'no root',
      `base64 of ${ROOT_BYTES} bytes`,
      root ? String(root.length) : 'other text',
    );
  }
  if (!text.endsWith('\n')) throw invalidNote('checkpoint', 'cut short', 'a newline at the end', 'none');
  if (text.slice(0, -1).split('\n').includes('', 3)) {
    throw invalidNote('checkpoint', 'an empty extension line', 'text in each', 'none');
  }
  return { origin, size, root };
}

function invalidNote(part: string, problem: string, expected: string, got: string): TracehoundError {
  return new TracehoundError('NOTE_INVALID', `${part}: ${problem}, expected ${expected}, got ${got}`);
}
