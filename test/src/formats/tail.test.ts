/**
 * Guards `src/formats/tail.ts`: the newest records of a log are read back from pieces as they were stored, whatever the pieces
 * are, and nothing else is taken for a piece.
 */
import { describe, expect, it } from 'vitest';
import { detailsPath, entriesPath, tailPath, tilePath } from '../../../src/formats/paths';
import { formatTail, readLastTile } from '../../../src/formats/tail';
import { entriesOf, leafHash } from '../../../src/formats/tlog';
import { dice } from '../../lab/lab';

const record = (seq: number): Uint8Array => new Uint8Array(176).fill(seq % 251);
const sidecar = (seq: number): Uint8Array | null => (seq % 3 === 0 ? new Uint8Array(1 + (seq % 90)).fill(seq) : null);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** What a writer leaves of records 512 … size − 1 that stored its heads at these sizes. */
function stored(bundled: number, sizes: readonly number[]): Map<string, Uint8Array> {
  const objects = new Map<string, Uint8Array>();
  if (bundled > 512) {
    const all = range(512, bundled);
    objects.set(entriesPath(2, bundled - 512), entriesOf(all.map(record)));
    objects.set(detailsPath(2, bundled - 512), entriesOf(all.map(sidecar)));
    objects.set(tilePath(0, 2, bundled - 512), Buffer.concat(all.map((seq) => leafHash(record(seq)))));
  }
  let from = bundled;
  for (const to of sizes) {
    objects.set(tailPath(to), formatTail(from, range(from, to).map(record), range(from, to).map(sidecar)));
    from = to;
  }
  return objects;
}

const getOf = (objects: ReadonlyMap<string, Uint8Array>) => async (path: string) => objects.get(path);

describe('the last tile of a log', () => {
  it.each(range(0, 30))('is read back from bundles and pieces: seed %i', async (seed) => {
    const roll = dice(seed);
    const bundled = roll() < 0.3 ? 512 : 512 + Math.floor(roll() * 100);
    const sizes: number[] = [];
    for (let at = bundled, left = Math.floor(roll() * 12); left > 0 && at < 760; left--) {
      at += 1 + Math.floor(roll() * 9);
      sizes.push(at);
    }
    const size = sizes.at(-1) ?? bundled;
    if (size === 512) return;
    const { leaves, records, sidecars } = (await readLastTile(getOf(stored(bundled, sizes)), size))!;
    const all = range(512, size);
    expect(records.map((each) => each![0])).toEqual(all.map((seq) => seq % 251));
    expect(leaves.map((leaf) => Buffer.from(leaf))).toEqual(all.map((seq) => Buffer.from(leafHash(record(seq)))));
    expect(sidecars.map((each) => each && Buffer.from(each))).toEqual(
      all.map((seq) => sidecar(seq) && Buffer.from(sidecar(seq)!)),
    );
  });

  it('is nothing when a piece is gone, cut, longer, of another place or too long', async () => {
    const whole = stored(520, [523, 530, 531]);
    const last = whole.get(tailPath(530))!;
    const backwards = last.slice();
    new DataView(backwards.buffer).setBigUint64(0, 531n);
    const before = last.slice();
    new DataView(before.buffer).setBigUint64(0, 100n);
    for (const other of [
      undefined,
      last.subarray(0, 4),
      last.slice(0, -1),
      Buffer.concat([last, Buffer.of(0, 0)]),
      backwards,
      before,
    ]) {
      const objects = new Map(whole);
      if (other === undefined) objects.delete(tailPath(530));
      else objects.set(tailPath(530), other);
      expect(await readLastTile(getOf(objects), 531)).toBeUndefined();
    }
    const empty = new Map(whole).set(tailPath(531), formatTail(530, [new Uint8Array(0)], [null]));
    expect(await readLastTile(getOf(empty), 531)).toBeUndefined();
    expect(await readLastTile(getOf(new Map()), 531)).toBeUndefined();
  });

  it('is that of the bundles where they are, also while their writer was killed before it stored their records', async () => {
    const objects = stored(540, []);
    objects.set(tailPath(540), formatTail(539, [record(1)], [null]));
    expect((await readLastTile(getOf(objects), 540))!.records.at(-1)).toEqual(record(539));
    const killed = new Map([...stored(512, [540]), ...stored(540, [])]);
    killed.delete(entriesPath(2, 28));
    expect((await readLastTile(getOf(killed), 540))!.records).toHaveLength(28);
  });
});
