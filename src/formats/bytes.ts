/**
 * Bytes and the texts that stand for them: hex, base64, the length of UTF-8, and a safe view of bytes from outside.
 *
 * Relies on: the language alone — no `Buffer`, no `atob`, so it is the same everywhere and before any runtime is chosen.
 * Refuses: a second spelling. Text is read only if writing the bytes gives the very same text back; anything else is
 * `undefined`, never a guess and never an exception.
 */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lowercase hex. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index++) text += HEX[bytes[index]!];
  return text;
}

/** The bytes of lowercase hex; `undefined` for an odd length, an uppercase digit or any other character. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    const high = hexDigit(text.charCodeAt(2 * index));
    const low = hexDigit(text.charCodeAt(2 * index + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[index] = high * 16 + low;
  }
  return bytes;
}

/** All of them, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whether two runs of bytes are the same; nothing is like no bytes at all. Not for secrets: the time it takes tells where they differ. */
export function equalBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  if (a?.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Six bits by character code, 0xff where the character is not in the alphabet. */
const SIXTET: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(128).fill(0xff);
  for (let value = 0; value < 64; value++) table[BASE64.charCodeAt(value)] = value;
  return table;
})();

/** Standard base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const bits = (bytes[index]! << 16) | ((left > 1 ? bytes[index + 1]! : 0) << 8) | (left > 2 ? bytes[index + 2]! : 0);
    text += BASE64[bits >>> 18]! + BASE64[(bits >>> 12) & 63]!;
    text += (left > 1 ? BASE64[(bits >>> 6) & 63]! : '=') + (left > 2 ? BASE64[bits & 63]! : '=');
  }
  return text;
}

/** Base64 for URLs, without padding (RFC 4648 §5). */
export const toBase64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/**
 * The bytes of standard base64. Padding is required and the bits it leaves over must be zero (RFC 4648 §3.5): otherwise
 * sixteen texts would stand for one byte, and a signature over a text could be re-spelt.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const pad = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - pad;
  const bytes = new Uint8Array((text.length / 4) * 3 - pad);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < digits; index++) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? SIXTET[code]! : 0xff;
    if (value === 0xff) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = bits >>> held;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}

/** What {@link utf8Length} says of a text that has no UTF-8: one with a surrogate that stands alone. */
export const ILL_FORMED = -1;

/**
 * Bytes of `text` as UTF-8, or {@link ILL_FORMED}. It reads no further than it must: a result above `bytesMax` says only
 * "more than that", and is found without a look at the content when the text is long (a UTF-16 unit is at least a byte).
 */
export function utf8Length(text: string, bytesMax: number): number {
  let bytes = text.length;
  for (let index = 0; index < text.length && bytes <= bytesMax; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (!isSurrogate(code)) continue;
    // A pair is two units and four bytes: the two added above stand for both halves.
    if (!isPair(text, index)) return ILL_FORMED;
    index++;
  }
  return bytes;
}

export const isSurrogate = (code: number): boolean => (code & 0xf800) === 0xd800;

/** A high surrogate at `index`, and a low one after it. `charCodeAt` past the end is NaN, which is no surrogate. */
export const isPair = (text: string, index: number): boolean =>
  (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;

// The internal slots of a typed array, read by the language's own getters: an own property, a subclass, a proxy or
// another realm's constructor can lie about `length` and `instanceof`, but not to these.
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const slot = (of: object, name: PropertyKey): ((this: unknown) => unknown) | undefined =>
  Object.getOwnPropertyDescriptor(of, name)?.get;
const tagOf = slot(typedArray, Symbol.toStringTag)!;
const lengthOf = slot(typedArray, 'length')!;
const offsetOf = slot(typedArray, 'byteOffset')!;
const bufferOf = slot(typedArray, 'buffer')!;
const fixedLengthOf = slot(ArrayBuffer.prototype, 'byteLength')!;
const resizableOf = slot(ArrayBuffer.prototype, 'resizable');
const validate = Uint8Array.prototype.at;

/** True for a `Uint8Array` of any realm, subclasses (`Buffer`) included; false for every other value and for proxies. */
export function isBytes(value: unknown): value is Uint8Array {
  return tagOf.call(value) === 'Uint8Array';
}

/**
 * A plain view of a caller's bytes that cannot change shape under the reader:
 *
 * - the number of bytes, when that is above `bytesMax`: nothing is copied;
 * - `undefined`, when the buffer was detached, or shrunk until the view fell off its end;
 * - a private copy, when the buffer is shared or resizable: another thread could write between hashing and storing, and
 *   Web Crypto refuses such views;
 * - else a view of the caller's own memory, which must be read before the caller runs again.
 */
export function captureBytes(value: Uint8Array, bytesMax: number): Uint8Array | number | undefined {
  const length = lengthOf.call(value) as number;
  if (length > bytesMax) return length;
  if (length === 0) {
    // A view that lost its bytes claims to be empty; only using it tells it from one that is.
    try {
      validate.call(value, 0);
    } catch {
      return undefined;
    }
  }
  const buffer = bufferOf.call(value) as ArrayBuffer;
  if (isMovable(buffer)) return new Uint8Array(value).subarray(0, length);
  return new Uint8Array(buffer, offsetOf.call(value) as number, length);
}

/** `bytes` in a buffer that holds nothing else: RPC and storage take the whole buffer of a view along. */
export function tightBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const isTight = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return isTight ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

function isMovable(buffer: ArrayBufferLike): boolean {
  try {
    fixedLengthOf.call(buffer);
  } catch {
    return true; // Only a SharedArrayBuffer refuses this getter.
  }
  return resizableOf?.call(buffer) === true;
}
