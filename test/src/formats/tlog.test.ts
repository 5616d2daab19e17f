/**
 * Guards `src/formats/tlog.ts`: heads, frontiers and proofs, against RFC 9162's own recursive definitions spelt out here,
 * and against published numbers.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/formats/bytes';
import {
  emptyRoot,
  Frontier,
  type HashReader,
  leafHash,
  nodeHash,
  proveConsistency,
  proveInclusion,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  treeHead,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/formats/tlog';

// ── the model: RFC 9162 §2.1, word by word ────────────────────────────────────────────────────────

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const largestPower = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1);

/** MTH(D[n]) of leaf hashes, §2.1.1. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const k = largestPower(leaves.length);
  return sha256(Uint8Array.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

/** PATH(m, D[n]), §2.1.3.1. */
function path(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = largestPower(leaves.length);
  return m < k
    ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))];
}

/** SUBPROOF(m, D[n], b), §2.1.4.1. */
function subproof(m: number, leaves: readonly Uint8Array[], b: boolean): Uint8Array[] {
  const n = leaves.length;
  if (m === n) return b ? [] : [mth(leaves)];
  const k = largestPower(n);
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), b), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))];
}

const leavesOf = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(0, i & 255, i >>> 8)));

/** Answers from the leaves, and refuses what is no subtree of the tree. */
const reader =
  (leaves: readonly Uint8Array[]): HashReader =>
  async (level, index) => {
    const width = 2 ** level;
    if ((index + 1) * width > leaves.length) throw new Error(`no subtree ${level}/${index} of ${leaves.length} leaves`);
    return mth(leaves.slice(index * width, (index + 1) * width));
  };

// ── published: transparency-dev/merkle testonly/constants.go, certificate-transparency merkle_test.py ─

const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('the published tree of eight leaves', () => {
  const leaves = INPUTS.map((input) => leafHash(new Uint8Array(Buffer.from(input, 'hex'))));

  it('has the published heads', async () => {
    const frontier = new Frontier();
    expect(toHex(emptyRoot())).toBe(ROOTS[0]);
    for (let size = 0; size <= 8; size++) {
      expect(toHex(frontier.root())).toBe(ROOTS[size]);
      expect(toHex(await treeHead(size, reader(leaves)))).toBe(ROOTS[size]);
      if (size < 8) frontier.append(leaves[size]!);
    }
  });

  // RFC 9162 §2.1.5 gives these proofs of a tree of seven leaves by name: c d g l / i j f k / k; and from 4: l; from 6: i j k.
  it('has the proofs that RFC 9162 §2.1.5 draws', async () => {
    const d = leaves.slice(0, 7);
    const [a, b, c, j] = [d[0]!, d[1]!, d[2]!, d[6]!];
    const [g, h] = [nodeHash(a, b), nodeHash(c, d[3]!)];
    const i = nodeHash(d[4]!, d[5]!);
    const [k, l] = [nodeHash(g, h), nodeHash(i, j)];
    expect(await proveInclusion(0, 7, reader(d))).toEqual([b, h, l]);
    expect(await proveInclusion(3, 7, reader(d))).toEqual([c, g, l]);
    expect(await proveInclusion(4, 7, reader(d))).toEqual([d[5], j, k]);
    expect(await proveInclusion(6, 7, reader(d))).toEqual([i, k]);
    expect(await proveConsistency(3, 7, reader(d))).toEqual([c, d[3], g, l]);
    expect(await proveConsistency(4, 7, reader(d))).toEqual([l]);
    expect(await proveConsistency(6, 7, reader(d))).toEqual([i, j, k]);
  });
});

// ── every small tree ──────────────────────────────────────────────────────────────────────────────

const SIZES = 128;
const LEAVES = leavesOf(SIZES);
const HEADS = Array.from({ length: SIZES + 1 }, (_, size) => mth(LEAVES.slice(0, size)));

describe('every tree up to 128 leaves', () => {
  it('proves each of its leaves as the RFC does, and no other leaf, place or size', async () => {
    for (let size = 1; size <= SIZES; size++) {
      const leaves = LEAVES.slice(0, size);
      for (let index = 0; index < size; index++) {
        const hashes = await proveInclusion(index, size, reader(leaves));
        expect(hashes).toEqual(path(index, leaves));
        const head = HEADS[size]!;
        const holds = (leaf: Uint8Array, at = index, of = size): boolean =>
          verifyInclusion(leaf, { index: at, size: of, hashes }, head);
        expect(holds(LEAVES[index]!)).toBe(true);
        expect(verifyInclusion(LEAVES[index]!, { index, size, hashes }, toHex(head))).toBe(true);
        expect(holds(LEAVES[(index + 1) % SIZES]!)).toBe(false);
        expect(index + 1 < size && holds(LEAVES[index]!, index + 1)).toBe(false);
        expect(index > 0 && holds(LEAVES[index]!, index - 1)).toBe(false);
        for (const wrong of [hashes.slice(1), hashes.slice(0, -1), [...hashes, head], [head, ...hashes]]) {
          if (wrong.length === hashes.length) continue;
          expect(verifyInclusion(LEAVES[index]!, { index, size, hashes: wrong }, head)).toBe(false);
        }
      }
    }
  });

  it('proves each smaller one a prefix as the RFC does, and no other head or size', async () => {
    for (let to = 1; to <= SIZES; to++) {
      const leaves = LEAVES.slice(0, to);
      for (let from = 1; from <= to; from++) {
        const hashes = await proveConsistency(from, to, reader(leaves));
        expect(hashes).toEqual(subproof(from, leaves, true));
        const [old, head] = [HEADS[from]!, HEADS[to]!];
        expect(verifyConsistency({ from, to, hashes }, old, head)).toBe(true);
        expect(verifyConsistency({ from, to, hashes }, toHex(old), toHex(head))).toBe(true);
        if (from === to) continue;
        expect(verifyConsistency({ from, to, hashes }, head, old)).toBe(false);
        expect(verifyConsistency({ from, to, hashes }, HEADS[from - 1]!, head)).toBe(false);
        expect(verifyConsistency({ from, to, hashes }, old, HEADS[to - 1]!)).toBe(false);
        expect(verifyConsistency({ from, to, hashes: [...hashes, head] }, old, head)).toBe(false);
        expect(verifyConsistency({ from, to, hashes: hashes.slice(0, -1) }, old, head)).toBe(false);
        expect(verifyConsistency({ from, to, hashes: hashes.slice(1) }, old, head)).toBe(false);
      }
    }
  });

  it('has a frontier that says its head, and that goes on from a twin', () => {
    const frontier = new Frontier();
    for (let size = 0; size < SIZES; size++) {
      expect(frontier.size).toBe(size);
      expect(frontier.root()).toEqual(HEADS[size]);
      const twin = new Frontier();
      for (const { level, hash } of frontier.subtrees()) twin.appendSubtree(level, hash);
      const clone = frontier.clone();
      frontier.append(LEAVES[size]!);
      for (const each of [twin, clone]) {
        expect([each.size, each.root()]).toEqual([size, HEADS[size]]);
        each.append(LEAVES[size]!);
        expect(each.root()).toEqual(HEADS[size + 1]);
      }
    }
  });
});

describe('trees of any size', () => {
  it('are proved from tiles, as from leaves', async () => {
    const sizes = fc.integer({ min: 1, max: 5_000 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, one, other) => {
        const leaves = leavesOf(size);
        const head = mth(leaves);
        const tiles = tilesOf(leaves);
        const hashes = tileHashes(size, async (path) => tiles.get(path));
        expect(await treeHead(size, hashes)).toEqual(head);
        const index = one % size;
        const included = await proveInclusion(index, size, hashes);
        expect(included).toEqual(path(index, leaves));
        expect(verifyInclusion(leaves[index]!, { index, size, hashes: included }, head)).toBe(true);
        const from = 1 + (other % size);
        const proof = await proveConsistency(from, size, hashes);
        expect(verifyConsistency({ from, to: size, hashes: proof }, mth(leaves.slice(0, from)), head)).toBe(true);
      }),
      { seed: 20_261_126, numRuns: 40 },
    );
  });

  it('are not proved without a tile, or from one of another length', async () => {
    const leaves = leavesOf(600);
    const tiles = tilesOf(leaves);
    const asked = tileHashes(600, async (path) => (path === 'tile/0/001' ? undefined : tiles.get(path)));
    await expect(proveInclusion(300, 600, asked)).rejects.toMatchObject({
      code: 'RANGE_UNAVAILABLE',
      message: 'tile/0/001: not usable, expected 256 hashes, got none',
    });
    expect(await proveInclusion(0, 600, asked)).toEqual(path(0, leaves));
    const short = tileHashes(600, async (path) => tiles.get(path)?.slice(1));
    await expect(proveInclusion(300, 600, short)).rejects.toMatchObject({ code: 'RANGE_UNAVAILABLE' });
  });

  it('keep a bounded number of tiles', async () => {
    const count = 256 * 100;
    const leaf = new Uint8Array(256 * 32);
    let reads = 0;
    const hashes = tileHashes(count, async () => {
      reads++;
      return leaf;
    });
    for (let i = 0; i < 100; i++) await hashes(0, 256 * i);
    expect(reads).toBe(100);
    await hashes(0, 256 * 99 + 1);
    expect(reads).toBe(100);
    await hashes(0, 0);
    expect(reads).toBe(101);
  });
});

/** All tiles of a tree, made level by level. */
function tilesOf(leaves: readonly Uint8Array[]): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  for (let [level, hashes] = [0, leaves]; hashes.length > 0; level++) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
      const part = hashes.slice(at, at + TILE_WIDTH);
      tiles.set(tilePath(level, at / TILE_WIDTH, part.length), new Uint8Array(Buffer.concat(part)));
      if (part.length === TILE_WIDTH) above.push(mth(part));
    }
    hashes = above;
  }
  return tiles;
}

// ── hostile proofs ────────────────────────────────────────────────────────────────────────────────

describe('a proof from somebody who hates us', () => {
  const [leaf, head] = [LEAVES[0]!, HEADS[1]!];

  it.each([
    ['a negative index', { index: -1, size: 1, hashes: [] }],
    ['a fractional index', { index: 0.5, size: 1, hashes: [] }],
    ['no index', { index: Number.NaN, size: 1, hashes: [] }],
    ['an index past the end', { index: 1, size: 1, hashes: [] }],
    ['an empty tree', { index: 0, size: 0, hashes: [] }],
    ['a size no number can hold', { index: 0, size: 2 ** 53, hashes: [] }],
    ['more hashes than any tree has levels', { index: 0, size: 1, hashes: new Array(65).fill(head) }],
    ['a short hash', { index: 0, size: 2, hashes: [head.slice(1)] }],
    ['no hashes', { index: 0, size: 1, hashes: undefined as unknown as Uint8Array[] }],
    ['text for a hash', { index: 0, size: 2, hashes: ['x'.repeat(32) as unknown as Uint8Array] }],
  ])('includes nothing with %s', (_, proof) => {
    expect(verifyInclusion(leaf, proof, head)).toBe(false);
  });

  it('includes nothing in a root that is none', () => {
    const proof = { index: 0, size: 1, hashes: [] };
    expect(verifyInclusion(leaf, proof, head)).toBe(true);
    for (const root of ['', 'x'.repeat(64), toHex(head).toUpperCase(), new Uint8Array(31), new Uint8Array(0)]) {
      expect(verifyInclusion(leaf, proof, root)).toBe(false);
    }
  });

  it.each([
    ['from nothing', { from: 0, to: 1, hashes: [] }],
    ['backwards', { from: 2, to: 1, hashes: [] }],
    ['with hashes between equal sizes', { from: 1, to: 1, hashes: [head] }],
    ['without a hash', { from: 3, to: 4, hashes: [] }],
    ['with a size no number can hold', { from: 1, to: 2 ** 53, hashes: [] }],
    ['with a fractional size', { from: 1.5, to: 2, hashes: [] }],
    ['with a short hash', { from: 1, to: 2, hashes: [head.slice(1)] }],
  ])('proves no prefix %s', (_, proof) => {
    expect(verifyConsistency(proof, head, head)).toBe(false);
  });

  it('proves no prefix of roots that are none', () => {
    const proof = { from: 1, to: 1, hashes: [] };
    expect(verifyConsistency(proof, head, head)).toBe(true);
    expect(verifyConsistency(proof, 'x', head)).toBe(false);
    expect(verifyConsistency(proof, head, 'x')).toBe(false);
  });

  it('does not take a node for a leaf: a record is hashed with another prefix', () => {
    const node = Buffer.concat([LEAVES[0]!, LEAVES[1]!]);
    expect(verifyInclusion(node, { index: 0, size: 1, hashes: [] }, HEADS[2]!)).toBe(false);
    const record = new Uint8Array(176).fill(3);
    expect(verifyInclusion(record, { index: 0, size: 1, hashes: [] }, sha256(Uint8Array.of(0), record))).toBe(true);
  });
});

it('appends only subtrees that begin where they must', () => {
  const frontier = new Frontier();
  frontier.append(LEAVES[0]!);
  expect(() => frontier.appendSubtree(8, LEAVES[1]!)).toThrow(
    new TypeError('subtree: not aligned, expected a multiple of 256 leaves before it, got 1'),
  );
});
