/**
 * Guards what `src/formats/tlog.ts` does at the edges of its numbers, and the hashes it tells its listener: the trees are too large
 * to be made, so their subtrees are made up.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wordsToBytes } from '../../../src/formats/sha256';
import {
  Frontier,
  type HashReader,
  nodeHash,
  proveConsistency,
  proveInclusion,
  TILE_HEIGHT,
  TILE_WIDTH,
  treeHead,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/formats/tlog';
import { leafHash, treeHead as modelHead } from '../../model/log';

/** A tree in which every leaf is the same: its subtrees are one hash a level, so trees of any size can be read. */
const SAME: Uint8Array[] = [new Uint8Array(32).fill(7)];
for (let level = 1; level < 54; level++) SAME.push(nodeHash(SAME[level - 1]!, SAME[level - 1]!));
const same: HashReader = async (level, index) => {
  if (!Number.isInteger(index) || level >= SAME.length) throw new Error(`no subtree ${level}/${index}`);
  return SAME[level]!;
};
const leaf = SAME[0]!;
const LARGE = [2 ** 49 + 1, 2 ** 50 - 1, 2 ** 50 + 1, 2 ** 52 + 1, 2 ** 53 - 2, Number.MAX_SAFE_INTEGER];

describe('the largest trees', () => {
  it('have heads and proofs like any other', async () => {
    for (const size of LARGE) {
      const head = await treeHead(size, same);
      for (const index of [0, 1, size - 1, size - 2, Math.floor(size / 2)]) {
        const hashes = await proveInclusion(index, size, same);
        expect(verifyInclusion(leaf, { index, size, hashes }, head)).toBe(true);
        expect(verifyInclusion(leaf, { index, size, hashes: hashes.slice(1) }, head)).toBe(false);
      }
      for (const from of [1, 2, 3, 2 ** 31, 2 ** 32 + 1, size - 1, size]) {
        const hashes = await proveConsistency(from, size, same);
        expect(verifyConsistency({ from, to: size, hashes }, await treeHead(from, same), head)).toBe(true);
        expect(verifyConsistency({ from, to: size, hashes: [...hashes, leaf] }, await treeHead(from, same), head)).toBe(
          false,
        );
      }
    }
  });

  it('are joined of subtrees, up to 2^53 − 1 leaves and not one more', async () => {
    const frontier = new Frontier();
    for (let level = 52; level >= 0; level--) frontier.appendSubtree(level, SAME[level]!);
    expect(frontier.size).toBe(Number.MAX_SAFE_INTEGER);
    expect(frontier.root()).toEqual(await treeHead(Number.MAX_SAFE_INTEGER, same));
    expect(frontier.subtrees().map(({ level }) => level)).toEqual(Array.from({ length: 53 }, (_, i) => 52 - i));
    expect(() => frontier.append(leaf)).toThrow(new TypeError('tree: full, expected < 2^53 leaves, got more'));
    expect(frontier.size).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([53, 54, -1, 0.5, Number.NaN])('have no subtree at level %s', (level) => {
    expect(() => new Frontier().appendSubtree(level, leaf)).toThrow(
      new TypeError(`subtree: no such level, expected an integer from 0 to 52, got ${level}`),
    );
  });

  it('take hashes of 32 bytes only', () => {
    for (const hash of [new Uint8Array(31), new Uint8Array(33), 'x'.repeat(32)]) {
      expect(() => new Frontier().append(hash as Uint8Array)).toThrow(
        new TypeError('subtree: no hash, expected 32 bytes, got others'),
      );
    }
  });
});

describe('a proof that cannot be', () => {
  it('is false: nothing, text, a list, a leaf or a root that is none', () => {
    for (const none of [undefined, null, 'proof', 7, [], {}] as never[]) {
      expect(verifyInclusion(leaf, none, leaf)).toBe(false);
      expect(verifyConsistency(none, leaf, leaf)).toBe(false);
      expect(verifyInclusion(none, { index: 0, size: 1, hashes: [] }, leaf)).toBe(false);
      expect(verifyInclusion(leaf, { index: 0, size: 1, hashes: [] }, none)).toBe(false);
      expect(verifyConsistency({ from: 1, to: 1, hashes: [] }, none, leaf)).toBe(false);
    }
  });

  it.each([
    [0, 0],
    [1, 1],
    [5, 3],
    [-1, 3],
    [0.5, 3],
    [0, 2 ** 53],
  ])('is not looked for: leaf %s of %s', async (index, size) => {
    await expect(proveInclusion(index, size, same)).rejects.toThrow(
      new RangeError(`proof: no such leaf, expected 0 ≤ index < size, got ${index} and ${size}`),
    );
  });

  it.each([
    [0, 0],
    [0, 5],
    [6, 5],
    [1.5, 5],
    [1, 2 ** 53],
  ])('is not looked for: from %s to %s', async (from, to) => {
    await expect(proveConsistency(from, to, same)).rejects.toThrow(
      new RangeError(`proof: no such sizes, expected 1 ≤ from ≤ to, got ${from} and ${to}`),
    );
  });
});

describe('a frontier', () => {
  it('tells the root of every full tile once, in order, and is itself the model', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5_000 }), (size) => {
        const leaves = Array.from({ length: size }, (_, i) => leafHash(Buffer.from(String(i))));
        const told: string[] = [];
        const frontier = new Frontier((level, index, words) => {
          const bytes = new Uint8Array(32);
          wordsToBytes(words, 0, bytes, 0);
          told.push(`${level}/${index} ${Buffer.from(bytes).toString('hex')}`);
        });
        for (const each of leaves) frontier.append(each);
        const expected = Array.from(
          { length: Math.floor(size / TILE_WIDTH) },
          (_, i) => `8/${i} ${modelHead(leaves.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)).toString('hex')}`,
        );
        expect(told).toEqual(expected);
        expect(Buffer.from(frontier.root())).toEqual(modelHead(leaves));
      }),
      { seed: 20_261_126, numRuns: 25 },
    );
  });

  it('tells a subtree that comes whole, and the tile above that it fills', () => {
    const told: [number, number, string][] = [];
    const frontier = new Frontier((level, index, words) => {
      const bytes = new Uint8Array(32);
      wordsToBytes(words, 0, bytes, 0);
      told.push([level, index, Buffer.from(bytes).toString('hex')]);
    });
    for (let i = 0; i < TILE_WIDTH; i++) frontier.appendSubtree(TILE_HEIGHT, SAME[TILE_HEIGHT]!);
    expect(told).toHaveLength(TILE_WIDTH + 1);
    expect(told.at(-1)).toEqual([16, 0, Buffer.from(SAME[16]!).toString('hex')]);
    expect(frontier.subtrees()).toEqual([{ level: 16, hash: SAME[16] }]);
  });

  it('keeps the hash it was given, whatever becomes of the bytes', () => {
    const bytes = Uint8Array.from(createHash('sha256').update('x').digest());
    const copy = bytes.slice();
    const frontier = new Frontier();
    frontier.append(bytes);
    bytes.fill(0);
    expect(frontier.root()).toEqual(copy);
    frontier.root().fill(0);
    expect(frontier.root()).toEqual(copy);
    frontier.subtrees()[0]!.hash.fill(0);
    expect(frontier.root()).toEqual(copy);
  });
});
