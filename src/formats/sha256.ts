/**
 * SHA-256 (FIPS 180-4) in plain TypeScript, without waiting: for whoever writes or checks a log, which takes many small
 * hashes, where no runtime offers a synchronous digest or its calls cost more than the hashing.
 *
 * Relies on: the language alone. Refuses: to erase. One schedule serves everybody (each call uses it up before it
 * returns), and what was hashed may stay in it; JavaScript could not promise more. The core can: assembly/sha256.ts.
 * @module
 */

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
// biome-ignore format: a table
const K = /* @__PURE__ */ Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

const DIGEST_BYTES = 32;
/** A digest as it is computed: eight big-endian words. Trees keep it so, because that is how the next hash wants it. */
export const DIGEST_WORDS = 8;
const BLOCK_BYTES = 64;
/** Bytes of a last block that leave room for the mark and the length after them (§5.1.1). */
const LAST_BYTES_MAX = 55;
const HMAC_INNER = 0x36;
const HMAC_OUTER = 0x5c;

/** The message schedule (§6.2.2 step 1). Words 0 … 15 are the block. */
const W = /* @__PURE__ */ new Int32Array(64);
/** H of a hash that is carried out in one call. */
const H = /* @__PURE__ */ new Int32Array(DIGEST_WORDS);
/** The last block of such a hash, before it is words. */
const TAIL = /* @__PURE__ */ new Uint8Array(BLOCK_BYTES);

/** The SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(DIGEST_BYTES);
  wordsToBytes(hashed(NO_PREFIX, bytes), 0, out, 0);
  return out;
}

/** SHA-256 of what comes in pieces. */
export class Sha256 {
  readonly #h: Int32Array = initial(new Int32Array(DIGEST_WORDS));
  /** The block that is filling. */
  readonly #block: Uint8Array = new Uint8Array(BLOCK_BYTES);
  #bytes = 0;
  #done = false;

  /** Hashes `bytes` next. They may change as soon as the call returns. */
  update(bytes: Uint8Array): this {
    if (this.#done) throw new TypeError('Sha256: ended, expected a new one, got update after digest');
    const filled = this.#bytes % BLOCK_BYTES;
    this.#bytes += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(bytes.length, BLOCK_BYTES - filled);
      this.#block.set(at === bytes.length ? bytes : bytes.subarray(0, at), filled);
      if (filled + at < BLOCK_BYTES) return this;
      block(this.#h, this.#block, 0);
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) block(this.#h, bytes, at);
    if (at < bytes.length) this.#block.set(bytes.subarray(at), 0);
    return this;
  }

  /** The digest. Ends the hash. */
  digest(): Uint8Array {
    if (this.#done) throw new TypeError('Sha256: ended, expected a new one, got digest after digest');
    this.#done = true;
    last(this.#h, this.#block, this.#bytes % BLOCK_BYTES, this.#bytes);
    const out = new Uint8Array(DIGEST_BYTES);
    wordsToBytes(this.#h, 0, out, 0);
    return out;
  }
}

/** HMAC-SHA-256 (RFC 2104) of the pieces of a message, one after the other. */
export function hmacSha256(key: Uint8Array, ...pieces: readonly Uint8Array[]): Uint8Array {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key;
  const padded = new Uint8Array(BLOCK_BYTES);
  const inner = new Sha256().update(pad(padded, short, HMAC_INNER));
  for (const piece of pieces) inner.update(piece);
  return new Sha256()
    .update(pad(padded, short, HMAC_OUTER))
    .update(inner.digest())
    .digest();
}

function pad(padded: Uint8Array, key: Uint8Array, mask: number): Uint8Array {
  for (let i = 0; i < BLOCK_BYTES; i++) padded[i] = (key[i] ?? 0) ^ mask;
  return padded;
}

// ── for trees ─────────────────────────────────────────────────────────────────────────────────────

/** SHA-256(`prefix` ‖ bytes), the prefix one byte, as eight words at `out[at]`. Nothing is allocated. */
export function prefixedWords(prefix: number, bytes: Uint8Array, out: Int32Array, at: number): void {
  const h = hashed(prefix, bytes);
  for (let i = 0; i < DIGEST_WORDS; i++) out[at + i] = h[i]!;
}

/** SHA-256 of `bytes` as eight words at `out[at]`. Nothing is allocated. */
export function hashWords(bytes: Uint8Array, out: Int32Array, at: number): void {
  const h = hashed(NO_PREFIX, bytes);
  for (let i = 0; i < DIGEST_WORDS; i++) out[at + i] = h[i]!;
}

/** SHA-256(`prefix` ‖ left ‖ right) of two digests in words; `out` may be where either of them lies. */
export function pairWords(
  prefix: number,
  left: Int32Array,
  leftAt: number,
  right: Int32Array,
  rightAt: number,
  out: Int32Array,
  at: number,
): void {
  const h = initial(H);
  let before = prefix;
  for (let i = 0; i < DIGEST_WORDS; i++) {
    const word = left[leftAt + i]!;
    W[i] = (before << 24) | (word >>> 8);
    before = word;
  }
  for (let i = 0; i < DIGEST_WORDS; i++) {
    const word = right[rightAt + i]!;
    W[DIGEST_WORDS + i] = (before << 24) | (word >>> 8);
    before = word;
  }
  compress(h);
  // One byte is left, then the mark, zeros and the length of 65 bytes in bits.
  W[0] = (before << 24) | 0x800000;
  for (let i = 1; i < 15; i++) W[i] = 0;
  W[15] = 65 * 8;
  compress(h);
  for (let i = 0; i < DIGEST_WORDS; i++) out[at + i] = h[i]!;
}

/** Writes the eight words at `words[from]` as 32 bytes at `bytes[at]`. */
export function wordsToBytes(words: Int32Array, from: number, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < DIGEST_WORDS; i++) {
    const word = words[from + i]!;
    bytes[at++] = word >>> 24;
    bytes[at++] = word >>> 16;
    bytes[at++] = word >>> 8;
    bytes[at++] = word;
  }
}

/** Reads 32 bytes at `bytes[from]` as eight words at `words[at]`. */
export function bytesToWords(bytes: Uint8Array, from: number, words: Int32Array, at: number): void {
  for (let i = 0; i < DIGEST_WORDS; i++) words[at + i] = wordAt(bytes, from + 4 * i);
}

/** The four bytes at `at`, big-endian. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

// ── the function itself ───────────────────────────────────────────────────────────────────────────

/** H before the first block: the square roots of the first eight primes (FIPS 180-4 §5.3.3). */
function initial(h: Int32Array): Int32Array {
  h[0] = 0x6a09e667;
  h[1] = 0xbb67ae85;
  h[2] = 0x3c6ef372;
  h[3] = 0xa54ff53a;
  h[4] = 0x510e527f;
  h[5] = 0x9b05688c;
  h[6] = 0x1f83d9ab;
  h[7] = 0x5be0cd19;
  return h;
}

const NO_PREFIX = -1;

/** A whole message, perhaps with a byte before it. The words are valid until the next call. */
function hashed(prefix: number, bytes: Uint8Array): Int32Array {
  const h = initial(H);
  const length = bytes.length;
  let from = 0;
  if (prefix !== NO_PREFIX && length >= BLOCK_BYTES - 1) {
    // The prefix moves everything by a byte: the first block takes one byte less.
    from = BLOCK_BYTES - 1;
    W[0] = (prefix << 24) | (bytes[0]! << 16) | (bytes[1]! << 8) | bytes[2]!;
    for (let i = 1, byte = 3; i < 16; i++, byte += 4) W[i] = wordAt(bytes, byte);
    compress(h);
  }
  for (; from + BLOCK_BYTES <= length; from += BLOCK_BYTES) block(h, bytes, from);
  let rest = 0;
  if (prefix !== NO_PREFIX && from === 0) TAIL[rest++] = prefix;
  for (; from < length; from++) TAIL[rest++] = bytes[from]!;
  last(h, TAIL, rest, prefix === NO_PREFIX ? length : length + 1);
  return h;
}

function block(h: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++, at += 4) W[i] = wordAt(bytes, at);
  compress(h);
}

/** Pads (§5.1.1) a block whose first `rest` bytes are the end of a message of `total`, and hashes it. Uses `bytes` up. */
function last(h: Int32Array, bytes: Uint8Array, rest: number, total: number): void {
  bytes[rest] = 0x80;
  for (let i = rest + 1; i < BLOCK_BYTES; i++) bytes[i] = 0;
  if (rest > LAST_BYTES_MAX) {
    block(h, bytes, 0);
    bytes.fill(0);
  }
  for (let i = 0, at = 0; i < 14; i++, at += 4) W[i] = wordAt(bytes, at);
  // The length in bits, 64 of them; a length in bytes is exact below 2⁵³.
  W[14] = Math.floor(total / 0x20000000);
  W[15] = (total << 3) | 0;
  compress(h);
}

/**
 * The hash computation (§6.2.2) of the block in W. Two things make it fast, measured on V8: eight rounds are written out,
 * so that no working variable has to move, and the schedule grows beside the rounds, which fills their waiting time. Both
 * in one are 150 ns a block; the loop as the standard writes it takes 210, all 64 rounds written out take 135. Functions
 * for Σ, σ, Ch and Maj would read better and take 800: V8 stops inlining after a few of them.
 */
// biome-ignore format: eight rounds, each the same two lines
function compress(H: Int32Array): void {
  let a = H[0]!, b = H[1]!, c = H[2]!, d = H[3]!, e = H[4]!, f = H[5]!, g = H[6]!, h = H[7]!;
  let w = 0, x = 0, y = 0;
  for (let i = 0; i < 48; i += 8) {
    w = W[i]!; x = W[i + 1]!; y = W[i + 14]!;
    W[i + 16] = w + W[i + 9]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    h = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ e & (f ^ g)) + K[i]! + w | 0; d = d + h | 0;
    h = h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ c & (a ^ b)) | 0;
    w = W[i + 1]!; x = W[i + 2]!; y = W[i + 15]!;
    W[i + 17] = w + W[i + 10]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    g = g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ d & (e ^ f)) + K[i + 1]! + w | 0; c = c + g | 0;
    g = g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + (h & a ^ b & (h ^ a)) | 0;
    w = W[i + 2]!; x = W[i + 3]!; y = W[i + 16]!;
    W[i + 18] = w + W[i + 11]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    f = f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ c & (d ^ e)) + K[i + 2]! + w | 0; b = b + f | 0;
    f = f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + (g & h ^ a & (g ^ h)) | 0;
    w = W[i + 3]!; x = W[i + 4]!; y = W[i + 17]!;
    W[i + 19] = w + W[i + 12]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    e = e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ b & (c ^ d)) + K[i + 3]! + w | 0; a = a + e | 0;
    e = e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + (f & g ^ h & (f ^ g)) | 0;
    w = W[i + 4]!; x = W[i + 5]!; y = W[i + 18]!;
    W[i + 20] = w + W[i + 13]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    d = d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ a & (b ^ c)) + K[i + 4]! + w | 0; h = h + d | 0;
    d = d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + (e & f ^ g & (e ^ f)) | 0;
    w = W[i + 5]!; x = W[i + 6]!; y = W[i + 19]!;
    W[i + 21] = w + W[i + 14]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    c = c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ h & (a ^ b)) + K[i + 5]! + w | 0; g = g + c | 0;
    c = c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + (d & e ^ f & (d ^ e)) | 0;
    w = W[i + 6]!; x = W[i + 7]!; y = W[i + 20]!;
    W[i + 22] = w + W[i + 15]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    b = b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ g & (h ^ a)) + K[i + 6]! + w | 0; f = f + b | 0;
    b = b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + (c & d ^ e & (c ^ d)) | 0;
    w = W[i + 7]!; x = W[i + 8]!; y = W[i + 21]!;
    W[i + 23] = w + W[i + 16]! + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    a = a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ f & (g ^ h)) + K[i + 7]! + w | 0; e = e + a | 0;
    a = a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + (b & c ^ d & (b ^ c)) | 0;
  }
  for (let i = 48; i < 64; i += 8) {
    h = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ e & (f ^ g)) + K[i]! + W[i]! | 0; d = d + h | 0;
    h = h + ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ c & (a ^ b)) | 0;
    g = g + ((d >>> 6 | d << 26) ^ (d >>> 11 | d << 21) ^ (d >>> 25 | d << 7)) + (f ^ d & (e ^ f)) + K[i + 1]! + W[i + 1]! | 0; c = c + g | 0;
    g = g + ((h >>> 2 | h << 30) ^ (h >>> 13 | h << 19) ^ (h >>> 22 | h << 10)) + (h & a ^ b & (h ^ a)) | 0;
    f = f + ((c >>> 6 | c << 26) ^ (c >>> 11 | c << 21) ^ (c >>> 25 | c << 7)) + (e ^ c & (d ^ e)) + K[i + 2]! + W[i + 2]! | 0; b = b + f | 0;
    f = f + ((g >>> 2 | g << 30) ^ (g >>> 13 | g << 19) ^ (g >>> 22 | g << 10)) + (g & h ^ a & (g ^ h)) | 0;
    e = e + ((b >>> 6 | b << 26) ^ (b >>> 11 | b << 21) ^ (b >>> 25 | b << 7)) + (d ^ b & (c ^ d)) + K[i + 3]! + W[i + 3]! | 0; a = a + e | 0;
    e = e + ((f >>> 2 | f << 30) ^ (f >>> 13 | f << 19) ^ (f >>> 22 | f << 10)) + (f & g ^ h & (f ^ g)) | 0;
    d = d + ((a >>> 6 | a << 26) ^ (a >>> 11 | a << 21) ^ (a >>> 25 | a << 7)) + (c ^ a & (b ^ c)) + K[i + 4]! + W[i + 4]! | 0; h = h + d | 0;
    d = d + ((e >>> 2 | e << 30) ^ (e >>> 13 | e << 19) ^ (e >>> 22 | e << 10)) + (e & f ^ g & (e ^ f)) | 0;
    c = c + ((h >>> 6 | h << 26) ^ (h >>> 11 | h << 21) ^ (h >>> 25 | h << 7)) + (b ^ h & (a ^ b)) + K[i + 5]! + W[i + 5]! | 0; g = g + c | 0;
    c = c + ((d >>> 2 | d << 30) ^ (d >>> 13 | d << 19) ^ (d >>> 22 | d << 10)) + (d & e ^ f & (d ^ e)) | 0;
    b = b + ((g >>> 6 | g << 26) ^ (g >>> 11 | g << 21) ^ (g >>> 25 | g << 7)) + (a ^ g & (h ^ a)) + K[i + 6]! + W[i + 6]! | 0; f = f + b | 0;
    b = b + ((c >>> 2 | c << 30) ^ (c >>> 13 | c << 19) ^ (c >>> 22 | c << 10)) + (c & d ^ e & (c ^ d)) | 0;
    a = a + ((f >>> 6 | f << 26) ^ (f >>> 11 | f << 21) ^ (f >>> 25 | f << 7)) + (h ^ f & (g ^ h)) + K[i + 7]! + W[i + 7]! | 0; e = e + a | 0;
    a = a + ((b >>> 2 | b << 30) ^ (b >>> 13 | b << 19) ^ (b >>> 22 | b << 10)) + (b & c ^ d & (b ^ c)) | 0;
  }
  H[0] = H[0]! + a; H[1] = H[1]! + b; H[2] = H[2]! + c; H[3] = H[3]! + d;
  H[4] = H[4]! + e; H[5] = H[5]! + f; H[6] = H[6]! + g; H[7] = H[7]! + h;
}
