/**
 * Guards `src/verify/file.ts`: a log in one file is the same log, in whatever pieces it arrives; a changed one is refused
 * with the byte; a cut one is told from a changed one.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { originPath } from '../../../src/formats/tlog';
import { FILE_MAGIC, fileSource, isLogFile, packLog } from '../../../src/verify/file';
import { verifyLog } from '../../../src/verify/index';
import type { LogEntry, LogSource } from '../../../src/verify/source';
import { storeSource } from '../../../src/verify/store';
import { chunked } from '../../lab/port';
import { ORIGIN, type Written, written } from '../../lab/written';

let log: Written;
let file: Buffer;
const options = (): object => ({ now: log.now, policy: undefined });

const sourceOf = ({ store }: Written): LogSource =>
  storeSource(async (path) => store.objects.get(`${originPath(ORIGIN)}/${path}`), { origin: ORIGIN });

async function packed(source: LogSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLog(source)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const opened = (bytes: Uint8Array, size?: number): Promise<LogSource> =>
  fileSource(() => chunked(bytes, size), 'a.thlog');

async function entriesOf(source: LogSource): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const batch of source.entries()) all.push(...batch);
  return all;
}

const sourceFrom = (entries: readonly LogEntry[], checkpoints: readonly string[] = [], origin?: string): LogSource => ({
  ...(origin === undefined ? {} : { origin }),
  checkpoints: async () => checkpoints,
  entries: async function* () {
    yield entries;
  },
});

/** A frame, by hand. */
function frame(type: number, ...bytes: Uint8Array[]): Buffer {
  const body = Buffer.concat(bytes);
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}
const NAME = frame(1, Buffer.from('x'));
const end = (leaves: bigint): Buffer => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(leaves);
  return frame(6, body);
};
const fileOf = (...frames: Buffer[]): Buffer => Buffer.concat([FILE_MAGIC, ...frames]);
const LEAF = frame(3, Buffer.alloc(32, 1));

beforeAll(async () => {
  log = await written({ count: 300 });
  file = await packed(sourceOf(log));
});

describe('a log in one file', () => {
  it('is the same log: records, sidecars, heads, verdicts', async () => {
    const source = await opened(file);
    const [theirs, ours] = [await entriesOf(sourceOf(log)), await entriesOf(source)];
    const content = (entry: LogEntry): unknown =>
      entry.kind === 'record' && [Buffer.from(entry.record), entry.detail && Buffer.from(entry.detail)];
    expect(ours.map(content)).toEqual(theirs.map(content));
    expect(await source.checkpoints()).toEqual(await sourceOf(log).checkpoints());
    expect(source.origin).toBe(ORIGIN);
    const [a, b] = [await verifyLog(sourceOf(log), options()), await verifyLog(source, options())];
    expect(b).toEqual(a);
    expect(b).toMatchObject({ integrity: 'good', completeness: 'good' });
    expect(await packed(source)).toEqual(file);
  });

  it('is the same in pieces of every size', async () => {
    const small = await packed(sourceFrom([{ kind: 'leaf', hash: new Uint8Array(32), place: '' }], [], 'x'));
    for (let size = 1; size <= small.length; size++) {
      const source = await opened(small, size);
      expect([source.origin, (await entriesOf(source)).length, source.cut!()], String(size)).toEqual([
        'x',
        1,
        undefined,
      ]);
    }
    for (const size of [1, 7, 181, 65_537]) {
      expect((await entriesOf(await opened(file, size))).length, String(size)).toBe(
        (await entriesOf(await opened(file))).length,
      );
    }
  });

  it('cut at any byte is incomplete, and never taken for changed or for whole', async () => {
    const whole = (await verifyLog(await opened(file), options())).size;
    const cuts = [
      ...Array(40).keys(),
      500,
      1_000,
      file.length - 14,
      ...Array.from({ length: 13 }, (_, i) => file.length - 1 - i),
    ];
    for (let at = 1; at < file.length; at += 997) cuts.push(at);
    for (const at of cuts.filter((each) => each > 0)) {
      const report = await verifyLog(await opened(file.subarray(0, at)), options());
      expect([report.integrity === 'bad', report.completeness, report.exitCode], String(at)).toEqual([false, 'bad', 2]);
      expect(
        report.findings.map(({ code }) => code),
        String(at),
      ).toContain('CUT');
      expect(report.size, String(at)).toBeLessThanOrEqual(whole);
    }
  });

  it('with any byte changed is tampered with', async () => {
    const at = [...Array(60).keys()];
    for (let i = 60; i < file.length; i += 241) at.push(i);
    for (let i = file.length - 600; i < file.length; i++) at.push(i);
    // A signature by a key that nobody here knows is not checked: the deployment's, and one whose name was changed.
    const unknown = /\u00e2\u0080\u0094 (?:\S+\/deployment \S+|\S+ \S{6})/g;
    const lines = [...Buffer.from(file).toString('latin1').matchAll(unknown)];
    const isUnknown = (byte: number): boolean =>
      lines.some(({ index, 0: line }) => byte >= index && byte < index + line.length);
    for (const byte of at.filter((each) => !isUnknown(each))) {
      const changed = Buffer.from(file);
      changed[byte]! ^= 1 << (byte % 8);
      const source = await opened(changed).catch(() => undefined);
      if (source === undefined) continue;
      const report = await verifyLog(source, { ...options(), macKey: new Uint8Array(32) });
      expect(report.exitCode, `byte ${byte}: ${JSON.stringify(report.findings[0])}`).toBe(1);
    }
  });

  it('holds leaves and subtrees where that is all that is left', async () => {
    const entries: LogEntry[] = [
      { kind: 'subtree', level: 8, hash: new Uint8Array(32).fill(1), place: '' },
      { kind: 'leaf', hash: new Uint8Array(32).fill(2), place: '' },
    ];
    const source = await opened(await packed(sourceFrom(entries, [], 'x')));
    const place = 'a.thlog';
    expect(
      (await entriesOf(source)).map((entry) => ({ ...entry, hash: [...(entry as { hash: Uint8Array }).hash].length })),
    ).toEqual([
      { kind: 'subtree', level: 8, hash: 32, place, at: 14 },
      { kind: 'leaf', hash: 32, place, at: 52 },
    ]);
  });

  it('is named by its newest checkpoint when the source does not name it', async () => {
    const [note] = await sourceOf(log).checkpoints();
    const other = note!.replace(ORIGIN, 'another');
    expect((await opened(await packed(sourceFrom([], [other, note!])))).origin).toBe(ORIGIN);
    await expect(packed(sourceFrom([]))).rejects.toMatchObject({ code: 'LOG_INVALID' });
  });

  it('has the very name it was given', async () => {
    const source = await opened(await packed(sourceFrom([], [], '\ufeffx/\u0000\ud83d\ude00')));
    expect(source.origin).toBe('\ufeffx/\u0000\ud83d\ude00');
  });

  it('comes in batches of at most 256 entries, and of about 64 KiB', async () => {
    const sizes = async (entries: readonly LogEntry[]): Promise<number[]> => {
      const all: number[] = [];
      for await (const batch of (await opened(await packed(sourceFrom(entries, [], 'x')))).entries())
        all.push(batch.length);
      return all;
    };
    const leaf: LogEntry = { kind: 'leaf', hash: new Uint8Array(32), place: '' };
    expect(await sizes(Array(600).fill(leaf))).toEqual([256, 256, 88]);
    const long: LogEntry = {
      kind: 'record',
      record: new Uint8Array(176),
      detail: new Uint8Array(32_768 - 176),
      place: '',
    };
    expect(await sizes(Array(5).fill(long))).toEqual([2, 2, 1]);
  });

  it('keeps the newest 64 checkpoints', async () => {
    const notes = Array.from({ length: 70 }, (_, i) => `note ${i}`);
    const source = await opened(await packed(sourceFrom([], notes, 'x')));
    expect(await source.checkpoints()).toEqual(notes.slice(6));
  });

  it.each<[string, LogEntry[], string[], string, RegExp]>([
    [
      'missing leaves',
      [{ kind: 'missing', count: 3, place: 'tile/0' }],
      [],
      'RANGE_UNAVAILABLE',
      /record 0, tile\/0: .* neither of 3/,
    ],
    [
      'short records',
      [{ kind: 'record', record: new Uint8Array(175), place: 'p' }],
      [],
      'LOG_INVALID',
      /of 176 bytes, got 175/,
    ],
    [
      'endless sidecars',
      [{ kind: 'record', record: new Uint8Array(176), detail: new Uint8Array(65_361), place: 'p' }],
      [],
      'LOG_INVALID',
      /got 65537/,
    ],
    ['endless notes', [], ['n'.repeat(65_537)], 'LOG_INVALID', /got 65537/],
  ])('cannot hold %s', async (_, entries, notes, code, message) => {
    const work = packed(sourceFrom(entries, notes, 'x'));
    await expect(work).rejects.toMatchObject({ code });
    await expect(work).rejects.toThrow(message);
  });

  it.each<[string, Buffer, RegExp]>([
    ['no origin first', fileOf(LEAF), /byte 8: expected the origin first, got frame type 3/],
    ['two origins', fileOf(NAME, NAME), /byte 14: expected one origin, and first of all, got frame type 1/],
    ['an unknown frame', fileOf(NAME, frame(7)), /byte 14: expected frame type 1 to 6, got 7/],
    ['frame type 0', fileOf(NAME, frame(0)), /byte 14: expected frame type 1 to 6, got 0/],
    [
      'a leaf of 31 bytes',
      fileOf(NAME, frame(3, Buffer.alloc(31))),
      /byte 14: expected 32 bytes in a frame of type 3, got 31/,
    ],
    ['a record of 175 bytes', fileOf(NAME, frame(2, Buffer.alloc(175))), /expected 176 to 65536 bytes/],
    ['a frame of 4 GiB', fileOf(NAME, Buffer.of(2, 255, 255, 255, 255)), /got 4294967295/],
    [
      'records behind a checkpoint',
      fileOf(NAME, frame(5, Buffer.from('n')), LEAF),
      /byte 20: expected checkpoints behind all records/,
    ],
    ['more behind its end', fileOf(NAME, end(0n), LEAF), /byte 27: expected the end of the file after its end frame/],
    ['a byte behind its end', fileOf(NAME, end(0n), Buffer.of(0)), /byte 27: expected the end of the file/],
    ['another number of leaves', fileOf(NAME, LEAF, end(2n)), /expected an end after 1 leaves, got one after 2/],
    [
      'a subtree where none begins',
      fileOf(NAME, LEAF, frame(4, Buffer.of(8), Buffer.alloc(32))),
      /begins at leaf 1, got one of level 8/,
    ],
    ['a subtree above the sky', fileOf(NAME, frame(4, Buffer.of(53), Buffer.alloc(32))), /got one of level 53/],
    [
      'more leaves than there are numbers',
      fileOf(NAME, ...Array(3).fill(frame(4, Buffer.of(52), Buffer.alloc(32)))),
      /got one of level 52/,
    ],
    [
      'a frame beyond the end frame',
      fileOf(NAME, Buffer.of(2, 0, 0, 255, 0), LEAF, end(1n)),
      /byte 14: expected a frame that ends before the end frame/,
    ],
    ['an origin that is no text', fileOf(frame(1, Buffer.of(0xff))), /byte 8: expected an origin in UTF-8/],
    [
      'another version',
      Buffer.concat([FILE_MAGIC.subarray(0, 7), Buffer.of(2), NAME]),
      /byte 7: expected THLOG and version 1/,
    ],
  ])('is refused with %s', async (_, bytes, message) => {
    const read = async (size: number): Promise<LogEntry[]> => entriesOf(await opened(bytes, size));
    for (const size of [1, 1_000]) {
      await expect(read(size)).rejects.toThrow(message);
      await expect(read(size)).rejects.toMatchObject({ code: 'LOG_INVALID' });
    }
  });

  it('leaves it to the entries to say what is wrong, and passes on what the world says', async () => {
    const source = await opened(fileOf(NAME, frame(5, Buffer.from('note')), frame(7)));
    expect(await source.checkpoints()).toEqual(['note']);
    let isBroken = false;
    const fragile = await fileSource(async function* () {
      if (isBroken) throw new Error('the disk is on fire');
      yield file;
    }, 'a.thlog');
    isBroken = true;
    await expect(fragile.checkpoints()).rejects.toThrow('the disk is on fire');
  });

  it('is told by its first bytes, one changed byte notwithstanding', () => {
    for (let at = 0; at < 8; at++) {
      const bytes = Buffer.from(file);
      bytes[at]! ^= 0x20;
      expect(isLogFile(bytes), String(at)).toBe(true);
    }
    expect(isLogFile(Buffer.from('{"tracehound":'))).toBe(false);
    expect([0, 1, 4, 7].map((length) => isLogFile(file.subarray(0, length)))).toEqual([false, true, true, true]);
    expect(isLogFile(Buffer.from('TX'))).toBe(false);
  });
});
