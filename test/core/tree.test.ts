/**
 * Guards the Merkle tree: its heads are those of RFC 9162 §2.1.1 for every size, so that logs of Tracehound can be
 * checked with any Certificate Transparency tool.
 *
 * Files: `assembly/tree.ts`.
 */
import { describe, expect, test } from 'vitest';
import { AUDIT_FRONTIER_LEVELS } from '../../assembly/abi.ts';
import { leafHash, nodeHash, sha256, treeHead } from '../model/log.ts';
import { builds, DigestCore, INPUT, OUTPUT, randomBytes, randomFrom } from './digest-core.ts';

const FRONTIER = 0x3000 - 53 * 32;
const LEAF = 0x3000;

/** The eight leaves that every CT implementation tests with (transparency-dev/merkle, testonly/constants.go). */
const reference = {
  leaves: ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'],
  heads: [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ],
};

describe.each(builds)('tree, %s', (build) => {
  const core = new DigestCore(build, 16);
  const { treeLeaf, treeAppend, treeRoot } = core.exports;
  const head = (size: number): string => {
    treeRoot(FRONTIER, size, OUTPUT);
    return core.hex();
  };

  test('the reference tree of eight leaves has the published heads', () => {
    expect(head(0)).toBe(reference.heads[0]);
    for (const [index, leaf] of reference.leaves.entries()) {
      const entry = Buffer.from(leaf, 'hex');
      treeLeaf(core.put(entry, INPUT + 8), entry.length, LEAF);
      treeAppend(FRONTIER, index, LEAF);
      expect(head(index + 1)).toBe(reference.heads[index + 1]);
    }
  });

  test('the head is that of RFC 9162 for every size up to 300', () => {
    const random = randomFrom(5);
    const leaves: Buffer[] = [];
    for (let size = 0; size <= 300; size++) {
      expect(head(size), `size ${size}`).toBe(treeHead(leaves).toString('hex'));
      const leaf = Buffer.from(randomBytes(random, 32));
      treeAppend(FRONTIER, size, core.put(leaf, LEAF));
      leaves.push(leaf);
    }
  });

  test('sizes beyond 32 bits join the right subtrees', () => {
    const random = randomFrom(6);
    for (const size of [2 ** 32, 2 ** 32 - 1, 2 ** 33 - 1, 2 ** 40 + 2 ** 31 + 7, 2 ** 52 - 1, 2 ** 53 - 2]) {
      const frontier = Array.from({ length: AUDIT_FRONTIER_LEVELS }, () => Buffer.from(randomBytes(random, 32)));
      core.put(Buffer.concat(frontier), FRONTIER);
      const join = (of: number, first?: Buffer): { hash: Buffer | undefined; carried: number } => {
        let hash = first;
        let level = 0;
        for (let bits = BigInt(of); bits > 0n; bits >>= 1n, level++) {
          if (bits & 1n) hash = hash === undefined ? frontier[level]! : nodeHash(frontier[level]!, hash);
          else if (first !== undefined) break;
        }
        return { hash, carried: level };
      };
      expect(head(size), `head of ${size}`).toBe(join(size).hash!.toString('hex'));
      const leaf = Buffer.from(randomBytes(random, 32));
      treeAppend(FRONTIER, size, core.put(leaf, LEAF));
      const { hash, carried } = join(size, leaf);
      expect(core.hex(FRONTIER + carried * 32), `append to ${size}`).toBe(hash!.toString('hex'));
    }
  });

  test('a leaf can not be read as a node', () => {
    const pair = randomBytes(randomFrom(7), 64);
    treeLeaf(core.put(pair, INPUT + 8), 64, OUTPUT);
    expect(core.hex()).toBe(leafHash(pair).toString('hex'));
    expect(core.hex()).not.toBe(nodeHash(pair.subarray(0, 32), pair.subarray(32)).toString('hex'));
    expect(core.hex()).not.toBe(sha256(pair).toString('hex'));
  });
});
