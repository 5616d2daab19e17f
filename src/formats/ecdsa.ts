/**
 * P-256 keys and signatures between the two spellings there are: raw numbers, as Web Crypto has them, and ASN.1 (DER), as
 * notes, key stores and openssl have them.
 *
 *   SPKI       26 bytes of algorithm │ 04 │ x 32 │ y 32                                      RFC 5480 §2
 *   PKCS#8     36 bytes of algorithm │ d 32 │ a1 44 03 42 00 │ 04 │ x 32 │ y 32              RFC 5958, RFC 5915
 *   signature  30 length │ 02 length │ r │ 02 length │ s                                     RFC 3279 §2.2.3
 *
 * Relies on: codec. Refuses: to read ASN.1. A key on one curve has one layout, and another layout is another key.
 */
import { fromBase64, fromHex, joined, toBase64Url } from './bytes';

const NUMBER_BYTES = 32;
const POINT_BYTES = 65;
const UNCOMPRESSED = 0x04;
const SPKI_HEAD = /* @__PURE__ */ fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')!;
const PKCS8_HEAD = /* @__PURE__ */ fromHex('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420')!;
const PKCS8_MIDDLE = /* @__PURE__ */ fromHex('a144034200')!;

/** A key on P-256 as a JSON Web Key (RFC 7518 §6.2), the one format of these keys that every Web Crypto imports. */
export interface P256Jwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
  readonly d?: string;
}

/** The SPKI document of an uncompressed point; `undefined` if that is not one. */
export function spkiOfPoint(point: Uint8Array): Uint8Array | undefined {
  return isPoint(point) ? joined([SPKI_HEAD, point]) : undefined;
}

/** The PKCS#8 document of a private key; `undefined` if the numbers are not of P-256. */
export function pkcs8OfJwk(jwk: JsonWebKey): Uint8Array | undefined {
  const [d, x, y] = [jwk.d, jwk.x, jwk.y].map((number) => (number === undefined ? undefined : fromBase64Url(number)));
  if (d?.length !== NUMBER_BYTES || x?.length !== NUMBER_BYTES || y?.length !== NUMBER_BYTES) return undefined;
  return joined([PKCS8_HEAD, d, PKCS8_MIDDLE, Uint8Array.of(UNCOMPRESSED), x, y]);
}

/** The private key in a PKCS#8 document that has its public key beside it; `undefined` if that is anything else. */
export function jwkOfPkcs8(pkcs8: Uint8Array): P256Jwk | undefined {
  const middle = PKCS8_HEAD.length + NUMBER_BYTES;
  if (!startsWith(pkcs8, PKCS8_HEAD, 0) || !startsWith(pkcs8, PKCS8_MIDDLE, middle)) return undefined;
  const point = jwkOfPoint(pkcs8.subarray(middle + PKCS8_MIDDLE.length));
  return point && { ...point, d: toBase64Url(pkcs8.subarray(PKCS8_HEAD.length, middle)) };
}

/** The public key at a point; `undefined` if that is not one. */
export function jwkOfPoint(point: Uint8Array): P256Jwk | undefined {
  if (!isPoint(point)) return undefined;
  const x = toBase64Url(point.subarray(1, 1 + NUMBER_BYTES));
  return { kty: 'EC', crv: 'P-256', x, y: toBase64Url(point.subarray(1 + NUMBER_BYTES)) };
}

/** The point of a public key; `undefined` if the numbers are not of P-256. */
export function pointOfJwk(jwk: JsonWebKey): Uint8Array | undefined {
  const [x, y] = [jwk.x, jwk.y].map((number) => (number === undefined ? undefined : fromBase64Url(number)));
  if (x?.length !== NUMBER_BYTES || y?.length !== NUMBER_BYTES) return undefined;
  return joined([Uint8Array.of(UNCOMPRESSED), x, y]);
}

/** A signature r ‖ s (IEEE P1363, what Web Crypto makes) in DER. `undefined` for another length or a zero. */
export function derOfSignature(raw: Uint8Array): Uint8Array | undefined {
  if (raw.length !== 2 * NUMBER_BYTES) return undefined;
  const r = derOfNumber(raw.subarray(0, NUMBER_BYTES));
  const s = derOfNumber(raw.subarray(NUMBER_BYTES));
  return r && s && joined([Uint8Array.of(0x30, r.length + s.length), r, s]);
}

/** Whether bytes look like a signature in DER: a sequence as long as they are. A P-521 one has a length of two bytes. */
export function isDer(signature: Uint8Array): boolean {
  const head = signature[1] === 0x81 ? 3 : 2;
  return signature[0] === 0x30 && signature.length > 2 && signature[head - 1] === signature.length - head;
}

/** The shortest two's complement that is not negative (X.690 §8.3.2): no leading zeros but one, before a high bit. */
function derOfNumber(number: Uint8Array): Uint8Array | undefined {
  const from = number.findIndex((byte) => byte !== 0);
  if (from < 0) return undefined; // r and s are at least 1 (FIPS 186-5 §6.4.1).
  const digits = number.subarray(from);
  const pad = digits[0]! >= 0x80 ? [0] : [];
  return joined([Uint8Array.of(0x02, pad.length + digits.length, ...pad), digits]);
}

/** Bytes of base64url without padding (RFC 7515 §2). */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (/[+/=]/.test(text)) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  return fromBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='));
}

const isPoint = (bytes: Uint8Array): boolean => bytes.length === POINT_BYTES && bytes[0] === UNCOMPRESSED;

const startsWith = (bytes: Uint8Array, head: Uint8Array, at: number): boolean =>
  head.every((byte, i) => bytes[at + i] === byte);
