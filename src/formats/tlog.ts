/**
 * The Merkle tree of a log (RFC 9162 §2.1) and the files it is kept in (C2SP tlog-tiles): hashes, heads, proofs.
 *
 *   level 16        ─────────── tile/2 ───        one hash for 65,536 leaves
 *   level 8    ── tile/1 ──  ── tile/1 ──         one hash for 256 leaves
 *   level 0   tile/0 tile/0 tile/0 tile/0 …       leaf hashes, 256 to a tile
 *
 * Sizes and indices are integers below 2⁵³. A *subtree* is perfect and aligned: the 2^level leaves from index · 2^level on.
 *
 * Relies on: sha256, paths. Refuses: to know what a leaf is about, and to trust a proof: a wrong one is `false`, never an error.
 */

import { TracehoundError } from '../errors';
import { equalBytes, fromHex, isBytes } from './bytes';
import { TILE_WIDTH, tilePath } from './paths';
import { bytesToWords, DIGEST_WORDS, pairWords, prefixedWords, sha256, wordsToBytes } from './sha256';

export { detailsPath, entriesPath, originPath, pathOrigin, TILE_WIDTH, tilePath } from './paths';

/** Levels of the tree to one of tiles: 256 = 2⁸. */
export const TILE_HEIGHT = 8;
export const HASH_BYTES = 32;
/** What is hashed before a record, and before two hashes (RFC 9162 §2.1.1): no node can be taken for a leaf. */
export const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;
/** Levels of a tree of less than 2⁵³ leaves, its root included. */
const LEVELS = 54;
/** Hashes of the longest proof there is: a consistency proof has one for each level, and one to begin with. */
const PROOF_HASHES_MAX = 64;

// ── hashes ────────────────────────────────────────────────────────────────────────────────────────

/** Two hashes as words, for who has them as bytes. */
const PAIR = /* @__PURE__ */ new Int32Array(2 * DIGEST_WORDS);

/** SHA-256(0x00 ‖ record). */
export function leafHash(record: Uint8Array): Uint8Array {
  prefixedWords(LEAF_PREFIX, record, PAIR, 0);
  return hashAt(PAIR, 0);
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  bytesToWords(left, 0, PAIR, 0);
  bytesToWords(right, 0, PAIR, DIGEST_WORDS);
  pairWords(NODE_PREFIX, PAIR, 0, PAIR, DIGEST_WORDS, PAIR, 0);
  return hashAt(PAIR, 0);
}

function hashAt(words: Int32Array, at: number): Uint8Array {
  const bytes = new Uint8Array(HASH_BYTES);
  wordsToBytes(words, at, bytes, 0);
  return bytes;
}

/** Head of the tree of no leaves: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0));

export interface Subtree {
  readonly level: number;
  readonly hash: Uint8Array;
}

/**
 * Told of each hash that belongs into a tile above level 0: the root of the 2^level leaves from index · 2^level on, level a
 * multiple of 8. The words are valid during the call.
 */
export type TileHashListener = (level: number, index: number, words: Int32Array) => void;

/**
 * What of a tree is needed to go on and to say its head: the roots of the perfect subtrees, one for each 1 in its size.
 *
 *   size 11 = 1011₂      level 3 ──────────   level 1 ──  level 0 ─
 *
 * Hashes are kept as words, slot k that of level k; a slot counts while its bit in the size is 1. Appending takes one node
 * hash on average, and allocates nothing.
 */
export class Frontier {
  readonly #slots = new Int32Array(LEVELS * DIGEST_WORDS);
  readonly #carry = new Int32Array(DIGEST_WORDS);
  readonly #onTileHash: TileHashListener | undefined;
  #size = 0;

  constructor(onTileHash?: TileHashListener) {
    this.#onTileHash = onTileHash;
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Uint8Array): void {
    this.appendSubtree(0, leaf);
  }

  /** Appends 2^level leaves of which only the root is known. Throws `TypeError` when they do not begin where they must. */
  appendSubtree(level: number, hash: Uint8Array): void {
    if (!isBytes(hash) || hash.length !== HASH_BYTES)
      throw new TypeError(`subtree: no hash, expected ${HASH_BYTES} bytes, got others`);
    bytesToWords(hash, 0, this.#carry, 0);
    this.#append(level, this.#carry);
  }

  /** Appends a leaf hash as the eight words at `words[at]`, for who has just computed them so. */
  appendWords(words: Int32Array, at: number): void {
    for (let i = 0; i < DIGEST_WORDS; i++) this.#carry[i] = words[at + i]!;
    this.#append(0, this.#carry);
  }

  #append(level: number, carry: Int32Array): void {
    if (!Number.isInteger(level) || level < 0 || level >= LEVELS - 1)
      throw new TypeError(`subtree: no such level, expected an integer from 0 to ${LEVELS - 2}, got ${level}`);
    const width = 2 ** level;
    if (this.#size % width !== 0) {
      throw new TypeError(`subtree: not aligned, expected a multiple of ${width} leaves before it, got ${this.#size}`);
    }
    if (this.#size + width > Number.MAX_SAFE_INTEGER)
      throw new TypeError('tree: full, expected < 2^53 leaves, got more');
    const slots = this.#slots;
    let count = this.#size / width;
    let k = level;
    for (;;) {
      if (k > 0 && k % TILE_HEIGHT === 0) this.#onTileHash?.(k, count, carry);
      if (count % 2 === 0) break;
      pairWords(NODE_PREFIX, slots, k * DIGEST_WORDS, carry, 0, carry, 0);
      count = (count - 1) / 2;
      k++;
    }
    slots.set(carry, k * DIGEST_WORDS);
    this.#size += width;
  }

  /** The tree head: subtrees joined from the smallest up. */
  root(): Uint8Array {
    if (this.#size === 0) return emptyRoot();
    const [smallest, ...rest] = this.#levels().reverse();
    const right = this.#slots.slice(smallest! * DIGEST_WORDS, (smallest! + 1) * DIGEST_WORDS);
    for (const k of rest) pairWords(NODE_PREFIX, this.#slots, k * DIGEST_WORDS, right, 0, right, 0);
    return hashAt(right, 0);
  }

  /** Largest first, as they lie from left to right. */
  subtrees(): Subtree[] {
    return this.#levels().map((level) => ({ level, hash: hashAt(this.#slots, level * DIGEST_WORDS) }));
  }

  /** Levels of the subtrees, largest first: the 1s of the size. */
  #levels(): number[] {
    const bits = this.#size.toString(2);
    return [...bits].flatMap((bit, i) => (bit === '1' ? [bits.length - 1 - i] : []));
  }

  /** The same tree, to go on with separately. It has no listener. */
  clone(): Frontier {
    const twin = new Frontier();
    twin.#slots.set(this.#slots);
    twin.#size = this.#size;
    return twin;
  }
}

// ── proofs ────────────────────────────────────────────────────────────────────────────────────────

/** Answers the root of a subtree that lies within the tree. */
export type HashReader = (level: number, index: number) => Promise<Uint8Array>;

/** The largest power of two below `count`. */
function largestHalf(count: number): number {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/** Head of the leaves `from` … `to` − 1, which begin where a subtree of their size would. */
async function rangeHead(from: number, to: number, hashes: HashReader): Promise<Uint8Array> {
  const count = to - from;
  const half = largestHalf(count);
  // Not by Math.log2: above 2⁴⁹ it rounds the neighbours of a power of two to one.
  if (count === 1 || half * 2 === count) return hashes(Math.round(Math.log2(count)), from / count);
  const middle = from + half;
  const [left, right] = await Promise.all([rangeHead(from, middle, hashes), rangeHead(middle, to, hashes)]);
  return nodeHash(left, right);
}

/** Head of the first `size` leaves. */
export async function treeHead(size: number, hashes: HashReader): Promise<Uint8Array> {
  return size === 0 ? emptyRoot() : rangeHead(0, size, hashes);
}

/** PATH(m, D[n]) of RFC 9162 §2.1.3.1: from the leaf's sibling up. Throws `RangeError` unless `0 ≤ index < size`. */
export async function proveInclusion(index: number, size: number, hashes: HashReader): Promise<Uint8Array[]> {
  if (!isSize(size) || !isSize(index) || index >= size)
    throw new RangeError(`proof: no such leaf, expected 0 ≤ index < size, got ${index} and ${size}`);
  const siblings: Promise<Uint8Array>[] = [];
  for (let [from, to] = [0, size]; to - from > 1; ) {
    const middle = from + largestHalf(to - from);
    const isLeft = index < middle;
    siblings.push(isLeft ? rangeHead(middle, to, hashes) : rangeHead(from, middle, hashes));
    if (isLeft) to = middle;
    else from = middle;
  }
  return Promise.all(siblings.reverse());
}

/** PROOF(m, D[n]) of RFC 9162 §2.1.4.1, empty for two equal sizes. Throws `RangeError` unless `1 ≤ from ≤ to`. */
export async function proveConsistency(from: number, to: number, hashes: HashReader): Promise<Uint8Array[]> {
  if (!isSize(to) || !isSize(from) || from < 1 || from > to)
    throw new RangeError(`proof: no such sizes, expected 1 ≤ from ≤ to, got ${from} and ${to}`);
  const proof: Promise<Uint8Array>[] = [];
  // While we only went left, the old tree is a whole subtree here, whose root the verifier has.
  let [start, end, known] = [0, to, true];
  while (from < end) {
    const middle = start + largestHalf(end - start);
    if (from <= middle) {
      proof.push(rangeHead(middle, end, hashes));
      end = middle;
    } else {
      proof.push(rangeHead(start, middle, hashes));
      start = middle;
      known = false;
    }
  }
  if (!known) proof.push(rangeHead(start, end, hashes));
  return Promise.all(proof.reverse());
}

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function areHashes(hashes: unknown): hashes is readonly Uint8Array[] {
  return (
    Array.isArray(hashes) &&
    hashes.length <= PROOF_HASHES_MAX &&
    hashes.every((hash) => isBytes(hash) && hash.length === HASH_BYTES)
  );
}

function rootOf(root: Uint8Array | string): Uint8Array | undefined {
  const bytes = typeof root === 'string' ? fromHex(root) : root;
  return isBytes(bytes) && bytes.length === HASH_BYTES ? bytes : undefined;
}

/**
 * Whether a leaf is in the tree with this root (RFC 9162 §2.1.3.2). `leaf`: 32 bytes are a leaf hash, anything else is a
 * record. `root`: bytes or lowercase hex, of a head that *you* trust. A malformed proof is `false`.
 */
export function verifyInclusion(
  leaf: Uint8Array,
  proof: { readonly index: number; readonly size: number; readonly hashes: readonly Uint8Array[] },
  root: Uint8Array | string,
): boolean {
  const { index, size, hashes } = Object(proof) as typeof proof; // of nothing: an object without fields
  const head = rootOf(root);
  if (head === undefined || !isSize(index) || !isSize(size) || index >= size || !areHashes(hashes)) return false;
  if (!isBytes(leaf)) return false;
  let [node, last] = [index, size - 1];
  let hash = leaf.length === HASH_BYTES ? leaf : leafHash(leaf);
  for (const sibling of hashes) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      // Levels on which this node has no sibling are skipped.
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equalBytes(hash, head);
}

/**
 * Whether the tree with `fromRoot` is a prefix of the one with `toRoot` (RFC 9162 §2.1.4.2). Roots: bytes or lowercase hex.
 * An empty tree is a prefix of everything, which proves nothing: `from` = 0 is `false`.
 */
export function verifyConsistency(
  proof: { readonly from: number; readonly to: number; readonly hashes: readonly Uint8Array[] },
  fromRoot: Uint8Array | string,
  toRoot: Uint8Array | string,
): boolean {
  const { from, to, hashes } = Object(proof) as typeof proof;
  const [old, head] = [rootOf(fromRoot), rootOf(toRoot)];
  if (old === undefined || head === undefined || !isSize(from) || !isSize(to) || !areHashes(hashes)) return false;
  if (from < 1 || from > to) return false;
  if (from === to) return hashes.length === 0 && equalBytes(old, head);
  let [node, last] = [from - 1, to - 1];
  while (node % 2 === 1) [node, last] = [(node - 1) / 2, Math.floor(last / 2)];
  // A tree of 2^k leaves is a subtree of the other one: its root begins the path, and is not in the proof.
  const [first, ...rest] = node === 0 ? [old, ...hashes] : hashes;
  if (first === undefined) return false;
  let [before, after] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      before = nodeHash(sibling, before);
      after = nodeHash(sibling, after);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      after = nodeHash(after, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equalBytes(before, old) && equalBytes(after, head);
}

// ── files ─────────────────────────────────────────────────────────────────────────────────────────

/** Tiles that a reader of hashes keeps. */
const TILES_KEPT = 64;

/**
 * Reads hashes of a tree of `size` leaves from its tiles, which `get` finds by their path. Rejects with
 * `RANGE_UNAVAILABLE` when a tile is gone or has another length.
 */
export function tileHashes(size: number, get: (path: string) => Promise<Uint8Array | undefined>): HashReader {
  const kept = new Map<string, Promise<Uint8Array>>();
  const tile = (level: number, index: number): Promise<Uint8Array> => {
    const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    const path = tilePath(level, index, width);
    let found = kept.get(path);
    if (found === undefined) {
      found = firstHashes(get, level, index, width).then((bytes) => ofWidth(bytes, width, path));
      kept.set(path, found);
      if (kept.size > TILES_KEPT) kept.delete(kept.keys().next().value as string);
    }
    return found;
  };
  return async (level, index) => {
    const within = level % TILE_HEIGHT;
    const first = index * 2 ** within;
    const bytes = await tile((level - within) / TILE_HEIGHT, Math.floor(first / TILE_WIDTH));
    return tileSubtree(bytes, within, (first % TILE_WIDTH) / 2 ** within);
  };
}

/** A part of a tile, or the beginning of the tile that it became: a writer may take parts away then. */
async function firstHashes(
  get: (path: string) => Promise<Uint8Array | undefined>,
  level: number,
  index: number,
  width: number,
): Promise<Uint8Array | undefined> {
  const part = await get(tilePath(level, index, width));
  if (part !== undefined || width === TILE_WIDTH) return part;
  return (await get(tilePath(level, index, TILE_WIDTH)))?.subarray(0, width * HASH_BYTES);
}

function ofWidth(bytes: Uint8Array | undefined, width: number, path: string): Uint8Array {
  if (bytes?.length === width * HASH_BYTES) return bytes;
  const got = bytes === undefined ? 'none' : `${bytes.length} bytes`;
  throw new TracehoundError('RANGE_UNAVAILABLE', `${path}: not usable, expected ${width} hashes, got ${got}`);
}

/** Root of 2^level hashes of a tile. */
function tileSubtree(tile: Uint8Array, level: number, index: number): Uint8Array {
  if (level === 0) return tile.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  return nodeHash(tileSubtree(tile, level - 1, 2 * index), tileSubtree(tile, level - 1, 2 * index + 1));
}

/** The bundle of these entries: each with its length before it, two bytes, big-endian; what is not there has length 0. */
export function entriesOf(entries: readonly (Uint8Array | undefined | null)[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + (entry?.length ?? 0), 0));
  let at = 0;
  for (const entry of entries) {
    const length = entry?.length ?? 0;
    bytes[at] = length >>> 8;
    bytes[at + 1] = length & 0xff;
    if (entry) bytes.set(entry, at + 2);
    at += 2 + length;
  }
  return bytes;
}

/** Entries of a bundle, each with two bytes of length before it; length 0 is none. What is cut short ends there. */
export function unbundle(bytes: Uint8Array | undefined): (Uint8Array | null)[] {
  const entries: (Uint8Array | null)[] = [];
  if (bytes === undefined) return entries;
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    const entry = bytes.subarray(at + 2, at + 2 + length);
    if (entry.length < length) break;
    entries.push(length === 0 ? null : entry);
    at += 2 + length;
  }
  return entries;
}
