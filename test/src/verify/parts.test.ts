/**
 * Guards `src/verify/parts.ts`: what a log was stored in before is the beginning of what it became.
 */
import { describe, expect, it } from 'vitest';
import { detailsPath, entriesPath, tilePath } from '../../../src/formats/tlog';
import { strayParts } from '../../../src/verify/parts';
import { seeded } from '../../ground';
import { LabLog } from '../../lab/logs';

const log = new LabLog().grow(200);
const bundle = (entries: readonly (Buffer | undefined)[]): Buffer =>
  Buffer.concat(
    entries.flatMap((entry = Buffer.alloc(0)) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]),
  );

/** The log as it was stored at each of these sizes. */
function stored(widths: readonly number[]): Map<string, Buffer> {
  const objects = new Map<string, Buffer>();
  for (const width of widths) {
    objects.set(entriesPath(0, width), bundle(log.records.slice(0, width)));
    objects.set(detailsPath(0, width), bundle(log.details.slice(0, width)));
    objects.set(tilePath(0, 0, width), Buffer.concat(log.leaves.slice(0, width)));
  }
  return objects;
}

async function strays(objects: Map<string, Buffer>, size: number): Promise<{ seq: number; place: string }[]> {
  const found = [];
  const widths = async (path: string): Promise<number[]> =>
    [...objects.keys()].filter((key) => key.startsWith(`${path}.p/`)).map((key) => Number(key.split('/').at(-1)));
  for await (const stray of strayParts(async (path) => objects.get(path), widths, size, 'log/')) found.push(stray);
  return found;
}

describe('earlier parts', () => {
  it('are no strays where they are the beginning (20 by seed)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const size = 10 + random(190);
      expect(await strays(stored([size, 1 + random(size), 1 + random(size)]), size)).toEqual([]);
    }
  });

  it('are named, with the first record that differs, where any byte of them is another (40 by seed)', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const size = 20 + random(180);
      const width = 1 + random(size - 1);
      const objects = stored([size, width]);
      const [path, step] = [
        [entriesPath(0, width), 178],
        [tilePath(0, 0, width), 32],
      ][random(2)] as [string, number];
      const seq = random(width);
      const bytes = Buffer.from(objects.get(path)!);
      bytes[seq * step + 2 + random(step - 2)]! ^= 1 << random(8);
      objects.set(path, bytes);
      expect(await strays(objects, size), `seed ${seed}`).toEqual([{ seq, place: `log/${path}` }]);
    }
  });

  it('are not held against a head that is smaller than they are', async () => {
    expect(await strays(stored([50, 120]), 50)).toEqual([]);
  });
});
