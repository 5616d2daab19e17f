/**
 * Guards `src/verify/tiles.ts`: every tile that a log should have is compared, byte for byte, and none that nobody can know.
 */
import { describe, expect, it } from 'vitest';
import { bytesToWords, DIGEST_WORDS } from '../../../src/formats/sha256';
import { Findings } from '../../../src/verify/findings';
import { Tiles } from '../../../src/verify/tiles';
import { seeded } from '../../ground';
import { sha256 } from '../../model/log';

const leaves = Array.from({ length: 700 }, (_, i) => sha256(`leaf ${i}`));

/** What is said of tiles that lie at these paths, for a log of so many leaves under a head of `signed`. */
async function said(
  size: number,
  signed: number,
  stored: (index: number, width: number) => Uint8Array | undefined,
): Promise<string[]> {
  const findings = new Findings();
  const tiles = new Tiles(async (_, index, width) => stored(index, width), signed, findings);
  const words = new Int32Array(DIGEST_WORDS);
  for (const [i, leaf] of leaves.slice(0, size).entries()) {
    bytesToWords(leaf, 0, words, 0);
    tiles.put(0, i, words, 0);
    if (tiles.isDue) await tiles.check();
  }
  await tiles.end(size, size === signed);
  return findings.list.map(({ code, place, seq }) => `${code} ${place}${seq === undefined ? '' : ` ${seq}`}`);
}
const sound = (index: number, width: number): Uint8Array =>
  Buffer.concat(leaves.slice(index * 256, index * 256 + width));

describe('the tiles of a log', () => {
  it('are as they are recomputed, at every kind of end', async () => {
    for (const size of [1, 255, 256, 257, 511, 512, 513, 700]) expect(await said(size, size, sound)).toEqual([]);
  });

  it('are wrong in any byte, and the record under it is named (40 by seed)', async () => {
    const random = seeded(3);
    for (let i = 0; i < 40; i++) {
      const size = 1 + random(700);
      const at = random(size * 32);
      const tile = Math.floor(at / 8_192);
      const width = Math.min(256, size - tile * 256);
      const place = `tile/0/00${tile}${width < 256 ? `.p/${width}` : ''}`;
      const change = (index: number, wide: number): Uint8Array => {
        const bytes = Buffer.from(sound(index, wide));
        if (index === tile) bytes[at - tile * 8_192]! ^= 1;
        return bytes;
      };
      expect(await said(size, size, change)).toEqual([`TILE ${place} ${Math.floor(at / 32)}`]);
    }
  });

  it('are missing only where a head says that they are there', async () => {
    expect(await said(300, 300, () => undefined)).toEqual(['TILE_MISSING tile/0/000', 'TILE_MISSING tile/0/001.p/44']);
    expect(await said(300, 256, () => undefined)).toEqual(['TILE_MISSING tile/0/000']);
    expect(await said(300, 100, () => undefined)).toEqual([]);
    expect(await said(300, 300, (_, width) => new Uint8Array(width * 32 - 1))).toEqual([
      'TILE tile/0/000',
      'TILE tile/0/001.p/44',
    ]);
  });
});
