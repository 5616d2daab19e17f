/**
 * Guards `src/verify/store.ts`: a log as it lies in a store comes out in order, with a place for everything; what is gone is
 * said to be gone; what a checkpoint claims costs nothing.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { NOTE_BYTES_MAX } from '../../../src/formats/note';
import { originPath } from '../../../src/formats/tlog';
import { verifyLog } from '../../../src/verify/index';
import type { Get, LogEntry } from '../../../src/verify/source';
import { storeSource } from '../../../src/verify/store';
import type { LabStore } from '../../lab/store';
import { ORIGIN, type Written, written } from '../../lab/written';

/** Bundles in a row of which nothing is left, after which the rest is one piece. */
const BLANK_BUNDLES_MAX = 256;
const PREFIX = `${originPath(ORIGIN)}/`;
let log: Written;
beforeAll(async () => {
  log = await written({ count: 600 });
});

/** Objects below the log's prefix, some of them taken away or put in the place of others. */
function objects(
  store: LabStore,
  changes: Readonly<Record<string, Uint8Array | undefined>> = {},
): Map<string, Uint8Array> {
  const found = new Map(store.keys(PREFIX).map((key) => [key.slice(PREFIX.length), store.objects.get(key)!]));
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) found.delete(path);
    else found.set(path, bytes);
  }
  return found;
}

const getOf =
  (found: ReadonlyMap<string, Uint8Array>): Get =>
  async (path) =>
    found.get(path);

const widthsOf = (found: ReadonlyMap<string, Uint8Array>) => async (path: string) =>
  [...found.keys()].filter((key) => key.startsWith(`${path}.p/`)).map((key) => Number(key.slice(path.length + 3)));

async function batches(found: ReadonlyMap<string, Uint8Array>, options = {}): Promise<(readonly LogEntry[])[]> {
  const all: (readonly LogEntry[])[] = [];
  for await (const batch of storeSource(getOf(found), options).entries()) all.push(batch);
  return all;
}

const kindsOf = (entries: readonly LogEntry[]): string[] => {
  const runs: string[] = [];
  for (const entry of entries) {
    const word =
      entry.kind === 'missing'
        ? `missing ${entry.count}`
        : entry.kind === 'subtree'
          ? `subtree ${entry.level}`
          : entry.kind;
    const [last, times] = runs.at(-1)?.split(' × ') ?? [];
    if (last === word) runs[runs.length - 1] = `${word} × ${Number(times) + 1}`;
    else runs.push(`${word} × 1`);
  }
  return runs;
};

const sizeOf = (store: LabStore): number => Number(store.text(`${PREFIX}checkpoint`)!.split('\n')[1]);

const seqOf = (entry: LogEntry): number =>
  entry.kind === 'record' ? Number(Buffer.from(entry.record).readBigUInt64BE(8)) : Number.NaN;

describe('a log in a store', () => {
  it('comes in order, at most 256 records at a time, each with its place and its byte', async () => {
    const all = await batches(objects(log.store), { prefix: 'a/' });
    expect(all.map((batch) => batch.length)).toEqual([256, 256, sizeOf(log.store) - 512]);
    const [first, second] = [all[0]![0]!, all[1]![3]!];
    expect([first.place, first.at]).toEqual(['a/tile/entries/000', 2]);
    expect([second.place, second.at]).toEqual(['a/tile/entries/001', 2 + 3 * 178]);
    for (const [seq, entry] of all.flat().entries()) {
      expect(entry.kind === 'record' && Buffer.from(entry.record).readBigUInt64BE(8)).toBe(BigInt(seq));
    }
    expect(sizeOf(log.store)).toBe(603); // GENESIS, KEY, CLOSE and the threats
  });

  it('has its sidecars with it, and is good', async () => {
    const found = objects(log.store);
    const report = await verifyLog(storeSource(getOf(found), { origin: ORIGIN, widths: widthsOf(found) }), {
      now: log.now,
    });
    expect(report).toMatchObject({ integrity: 'good', completeness: 'good', size: sizeOf(log.store), unavailable: 0 });
  });

  it('reads the beginning of a full bundle where a checkpoint was put back, and the rest as a tail that nobody signed', async () => {
    const earlier = await written({ count: 100, close: false, signer: log.signer });
    const found = objects(log.store, { checkpoint: earlier.store.objects.get(`${PREFIX}checkpoint`)! });
    const entries = (await batches(found, { widths: widthsOf(found) })).flat();
    expect(kindsOf(entries)).toEqual([`record × ${sizeOf(log.store)}`]);
    // Without a list of names only full bundles are found.
    expect((await batches(found)).flat()).toHaveLength(512);
    const report = await verifyLog(storeSource(getOf(found), { widths: widthsOf(found) }));
    const signed = sizeOf(earlier.store);
    expect([report.size, report.unsigned]).toEqual([signed, sizeOf(log.store) - signed]);
    expect(report.completeness).toBe('unknown');
  });

  it('answers a partial tile from the full one, once the parts are taken away', async () => {
    const found = objects(log.store);
    const source = storeSource(getOf(found));
    const full = found.get('tile/0/000')!;
    expect(await source.tile!(0, 0, 256)).toEqual(full);
    expect(await source.tile!(0, 0, 100)).toEqual(full.subarray(0, 3_200));
    expect(await source.tile!(0, 9, 100)).toBeUndefined();
    expect(await source.tile!(0, 9, 256)).toBeUndefined();
  });

  it('gives leaf hashes where records are gone, alone or all of a bundle', async () => {
    const bundle = objects(log.store).get('tile/entries/000')!;
    const hole = Buffer.concat([bundle.subarray(0, 178), Buffer.of(0, 0), bundle.subarray(356)]);
    const one = (await batches(objects(log.store, { 'tile/entries/000': hole })))[0]!;
    expect(kindsOf(one)).toEqual(['record × 1', 'leaf × 1', 'record × 254']);
    expect([one[1]!.place, one[1]!.at]).toEqual(['tile/0/000', 32]);
    const all = (await batches(objects(log.store, { 'tile/entries/000': undefined })))[0]!;
    expect(kindsOf(all)).toEqual(['leaf × 256']);
    const neither = await batches(objects(log.store, { 'tile/entries/000': hole, 'tile/0/000': undefined }));
    expect(kindsOf(neither[0]!)).toEqual(['record × 1', 'missing 1 × 1', 'record × 254']);
  });

  it('gives the hash of a subtree where a run of records is gone, and says what is missing where that is gone too', async () => {
    const lost = { 'tile/entries/000': undefined, 'tile/details/000': undefined, 'tile/0/000': undefined };
    const entries = (await batches(objects(log.store, lost))).flat();
    const rest = sizeOf(log.store) - 256;
    expect(kindsOf(entries)).toEqual(['subtree 8 × 1', `record × ${rest}`]);
    expect([entries[0]!.place, entries[0]!.at]).toEqual(['tile/1/000.p/2', 0]);
    expect(entries.slice(1).map(seqOf)).toEqual(Array.from({ length: rest }, (_, i) => 256 + i));
    const more = (await batches(objects(log.store, { ...lost, 'tile/1/000.p/2': undefined }))).flat();
    expect(kindsOf(more)).toEqual(['missing 256 × 1', `record × ${rest}`]);
    const last = objects(log.store);
    for (const path of [...last.keys()]) if (path.includes('/002.p/')) last.delete(path);
    expect(kindsOf((await batches(last)).flat())).toEqual(['record × 512', `missing ${rest - 256} × 1`]);
  });

  it('skips a pruned beginning by the largest subtrees of which a hash is left', async () => {
    const size = 2 * 65_536 + 256;
    const found = new Map([
      ['checkpoint', noteOf(size)],
      ['tile/2/000.p/2', new Uint8Array(64).fill(7)],
      ['tile/1/002.p/1', new Uint8Array(32).fill(8)],
    ]);
    const entries = (await batches(found)).flat();
    expect(kindsOf(entries)).toEqual(['subtree 16 × 2', 'subtree 8 × 1']);
    expect(entries.map(({ at }) => at)).toEqual([0, 32, 0]);
    // What was asked for ahead and then skipped is not taken for what follows.
    const follows = new Map([
      ['checkpoint', noteOf(65_536 + 256)],
      ['tile/2/000.p/1', new Uint8Array(32)],
      ['tile/entries/001', new Uint8Array(objects(log.store).get('tile/entries/001')!)],
      ['tile/entries/256', new Uint8Array(objects(log.store).get('tile/entries/000')!)],
    ]);
    const [subtree, ...records] = (await batches(follows)).flat();
    expect([subtree!.kind, records.length, records[0]!.place]).toEqual(['subtree', 256, 'tile/entries/256']);
    expect(records.map(seqOf)).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });

  it('is not made to ask for ever by a size that nobody can have', async () => {
    let asked = 0;
    const found = new Map([['checkpoint', noteOf(Number.MAX_SAFE_INTEGER)]]);
    const source = storeSource(async (path) => {
      asked++;
      return found.get(path);
    });
    let [leaves, batchCount] = [0, 0];
    for await (const batch of source.entries()) {
      batchCount++;
      for (const entry of batch) leaves += entry.kind === 'missing' ? entry.count : 1;
    }
    expect(leaves).toBe(Number.MAX_SAFE_INTEGER);
    expect(batchCount).toBe(BLANK_BUNDLES_MAX);
    expect(asked).toBeLessThan(BLANK_BUNDLES_MAX * 20);
  });

  it.each([
    ['checkpoint is gone', undefined],
    ['checkpoint is no note', new TextEncoder().encode('nothing\n')],
    ['checkpoint is no text', Uint8Array.of(0xff, 0xfe)],
  ])('is read from its beginning as far as it goes when its %s', async (_, checkpoint) => {
    const found = objects(log.store, { checkpoint });
    expect((await batches(found, { widths: widthsOf(found) })).flat()).toHaveLength(sizeOf(log.store));
    const notes = await storeSource(getOf(found)).checkpoints();
    expect(notes).toHaveLength(checkpoint === undefined ? 0 : 1);
  });

  it('has no tail that does not follow on what was signed', async () => {
    const early = await written({ count: 300, close: false, signer: log.signer, seed: 9 });
    const checkpoint = early.store.objects.get(`${PREFIX}checkpoint`)!;
    const size = sizeOf(early.store); // within the second bundle
    const first = Object.fromEntries(
      [...objects(early.store)].filter(([path]) => path.startsWith('tile/entries/001.p/') || path.endsWith('/000')),
    );
    const other = objects(log.store, { ...first, checkpoint });
    expect((await batches(other, { widths: widthsOf(other) })).flat()).toHaveLength(size);
    // What lies before is known by its hash alone: that is enough.
    const hash = objects(log.store, { checkpoint: noteOf(256), 'tile/entries/000': undefined });
    expect(kindsOf((await batches(hash, { widths: widthsOf(hash) })).flat())).toEqual(['leaf × 256', 'record × 347']);
    // Of what lies before, nothing may be left to compare with.
    const lost = { checkpoint: noteOf(256), 'tile/entries/000': undefined, 'tile/0/000': undefined };
    expect(kindsOf((await batches(objects(log.store, lost))).flat())).toEqual(['subtree 8 × 1', 'record × 256']);
    const blind = objects(log.store, { ...lost, 'tile/1/000.p/1': undefined });
    expect(kindsOf((await batches(blind)).flat())).toEqual(['missing 256 × 1', 'record × 256']);
    const open = Buffer.concat([
      objects(log.store)
        .get('tile/entries/000')!
        .subarray(0, 178 * 255),
      Buffer.of(0, 0),
    ]);
    const bare = objects(log.store, { ...lost, 'tile/entries/000': open });
    expect(kindsOf((await batches(bare)).flat())).toEqual(['record × 255', 'missing 1 × 1', 'record × 256']);
    const hole = Buffer.concat([
      Buffer.of(0, 0),
      Buffer.from(objects(log.store).get('tile/entries/001')!).subarray(178),
    ]);
    const blank = objects(log.store, { checkpoint: noteOf(256), 'tile/entries/001': hole });
    expect(kindsOf((await batches(blank)).flat())).toEqual(['record × 256']);
  });

  it('hands on no more of a checkpoint than shows that it is none', async () => {
    const [note] = await storeSource(async () => new Uint8Array(10_000_000)).checkpoints();
    expect(note).toHaveLength(NOTE_BYTES_MAX + 1);
  });

  it('ends a tail where its records end, whatever the names say', async () => {
    const found = objects(log.store, { checkpoint: undefined });
    const entries = await batches(found, { widths: async () => [0, 77, 256, 1_000] });
    expect(entries.flat()).toHaveLength(512);
  });

  it.each([
    [
      'ends within an entry',
      (bytes: Buffer) => bytes.subarray(0, -1),
      /tile\/entries\/000, byte \d+: expected 256 entries, got 255/,
    ],
    ['ends before its last entry', (bytes: Buffer) => bytes.subarray(0, -178), /expected 256 entries, got 255/],
    [
      'goes on behind its last entry',
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]),
      /byte 45568: expected the end/,
    ],
  ])('says where a bundle %s', async (_, change, message) => {
    const bundle = Buffer.from(objects(log.store).get('tile/entries/000')!);
    const found = objects(log.store, { 'tile/entries/000': change(bundle) });
    await expect(batches(found)).rejects.toThrow(message);
    await expect(batches(found)).rejects.toMatchObject({ code: 'LOG_INVALID' });
  });

  it('says which tile has the wrong length where a hash is needed from it', async () => {
    const leaves = { 'tile/entries/000': undefined, 'tile/0/000': new Uint8Array(31) };
    await expect(batches(objects(log.store, leaves))).rejects.toThrow('tile/0/000: expected 256 hashes, got 31 bytes');
    const above = { 'tile/entries/000': undefined, 'tile/0/000': undefined, 'tile/1/000.p/2': new Uint8Array(65) };
    await expect(batches(objects(log.store, above))).rejects.toThrow('tile/1/000.p/2: expected 2 hashes, got 65 bytes');
  });

  it('passes on what the world says, also while it looks ahead of a reader who has stopped', async () => {
    const found = objects(log.store);
    const source = storeSource(async (path) => {
      if (path === 'tile/entries/001') throw new Error('the disk is on fire');
      return found.get(path);
    });
    for await (const batch of source.entries()) {
      expect(batch).toHaveLength(256);
      break;
    }
    const read = async (): Promise<void> => {
      for await (const _ of source.entries());
    };
    await expect(read()).rejects.toThrow('the disk is on fire');
  });
});

function noteOf(size: number): Uint8Array {
  const signature = Buffer.alloc(68, 1).toString('base64');
  return new TextEncoder().encode(`x\n${size}\n${Buffer.alloc(32).toString('base64')}\n\n— x ${signature}\n`);
}
