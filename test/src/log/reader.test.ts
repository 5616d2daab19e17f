/**
 * Guards `src/log/reader.ts`: a log that is read back gives the records, sidecars and hashes that went in, from memory and
 * from a store, of every size up to a bundle and beyond; what is not there any more is said to be gone.
 */
import { describe, expect, test } from 'vitest';
import {
  detailsPath,
  entriesOf,
  entriesPath,
  leafHash,
  originPath,
  TILE_WIDTH,
  tilePath,
  treeHead,
} from '../../../src/formats/tlog';
import { heldReader, storedReader } from '../../../src/log/reader';
import { treeHead as modelHead } from '../../model/log';

const ORIGIN = 'example.com/log';
const records = Array.from({ length: 300 }, (_, i) => new Uint8Array(176).fill(i % 251));
const sidecars = records.map((_, i) => (i % 3 === 0 ? Uint8Array.of(i % 256, 1) : null));
const leaves = records.map((record) => Buffer.from(leafHash(record)));

const held = (size: number) =>
  heldReader({ records: records.slice(0, size), details: sidecars.slice(0, size), leaves: leaves.slice(0, size) });

function stored(size: number) {
  const kept = new Map<string, Uint8Array>();
  for (let from = 0, index = 0; from < size; from += TILE_WIDTH, index++) {
    const width = Math.min(TILE_WIDTH, size - from);
    kept.set(entriesPath(index, width), entriesOf(records.slice(from, from + width)));
    kept.set(detailsPath(index, width), entriesOf(sidecars.slice(from, from + width)));
    kept.set(tilePath(0, index, width), new Uint8Array(Buffer.concat(leaves.slice(from, from + width))));
  }
  if (size >= TILE_WIDTH) kept.set(tilePath(1, 0, size >> 8), modelHead(leaves.slice(0, TILE_WIDTH)));
  const prefix = `${originPath(ORIGIN)}/`;
  const asked: string[] = [];
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    expect(key.startsWith(prefix)).toBe(true);
    asked.push(key.slice(prefix.length));
    return kept.get(key.slice(prefix.length));
  };
  return { kept, asked, reader: storedReader({ get } as never, ORIGIN, size) };
}

describe.each([1, 2, 3, 7, 255, 256, 257, 300])('a log of %i records', (size) => {
  test('is read back whole from memory, and its head is that of the tree', async () => {
    const reader = held(size);
    for (const seq of [0, size >> 1, size - 1])
      expect(await reader.record(seq)).toEqual({ record: records[seq], sidecar: sidecars[seq] });
    expect(await reader.record(size)).toBeUndefined();
    const root = await treeHead(size, reader.hash);
    expect(Buffer.from(root)).toEqual(modelHead(leaves.slice(0, size)));
  });

  test('is read back whole from a store', async () => {
    const { reader } = stored(size);
    for (let seq = 0; seq < size; seq++)
      expect(await reader.record(seq)).toEqual({ record: records[seq], sidecar: sidecars[seq] });
    const root = await treeHead(size, reader.hash);
    expect(Buffer.from(root)).toEqual(modelHead(leaves.slice(0, size)));
  });
});

test('a log that is read record by record asks the store once for each bundle', async () => {
  const { kept, reader, asked } = stored(300);
  for (let seq = 0; seq < 300; seq++) await reader.record(seq);
  expect(asked.sort()).toEqual([...kept.keys()].filter((path) => !/^tile\/\d/.test(path)).sort());
});

test('a sidecar that is gone leaves its record; a record of another length is none', async () => {
  const { kept, reader } = stored(7);
  kept.delete(detailsPath(0, 7));
  expect(await reader.record(3)).toEqual({ record: records[3], sidecar: null });
  const short = stored(2);
  short.kept.set(entriesPath(0, 2), entriesOf([records[0]!, new Uint8Array(175)]));
  expect(await short.reader.record(0)).toEqual({ record: records[0], sidecar: sidecars[0] });
  expect(await short.reader.record(1)).toBeUndefined();
});

test('a bundle that is gone has no records, and one that grew answers for what it was', async () => {
  const { kept, reader } = stored(7);
  kept.delete(entriesPath(0, 7));
  expect(await reader.record(3)).toBeUndefined();
  const grown = stored(7);
  grown.kept.delete(entriesPath(0, 7));
  grown.kept.set(entriesPath(0, TILE_WIDTH), entriesOf(records.slice(0, TILE_WIDTH)));
  expect((await grown.reader.record(3))?.record).toEqual(records[3]);
});
