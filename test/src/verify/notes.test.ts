/**
 * Guards `src/verify/notes.ts`: what stands before a checkpoint is seen, be it a byte order mark or any stray byte, and a note of
 * more signatures than x/mod reads is none.
 */
import { describe, expect, it } from 'vitest';
import { NOTE_BYTES_MAX, parseNote } from '../../../src/formats/note';
import { parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { noteText } from '../../../src/verify/notes';
import { seeded } from '../../ground';
import { LabLog, LabSource, labKey, tilePath } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${own.vkey}\nquorum none\n`);
const log = new LabLog().grow(40);
const note = Buffer.from(log.checkpoint([own]));

/** The log in a store whose `checkpoint` is these bytes. */
async function judged(checkpoint: Uint8Array): Promise<number> {
  const tiles = new LabSource(log, [], { tiles: true }).tiles!;
  const bundle = (entries: readonly (Buffer | undefined)[]): Buffer =>
    Buffer.concat(
      entries.flatMap((entry = Buffer.alloc(0)) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]),
    );
  const objects = new Map<string, Uint8Array>([
    ...tiles,
    [tilePath(0, 0, 40).replace('tile/0', 'tile/entries'), bundle(log.records)],
    [tilePath(0, 0, 40).replace('tile/0', 'tile/details'), bundle(log.details)],
    ['checkpoint', checkpoint],
  ]);
  return (
    await verifyLog(
      storeSource(async (path) => objects.get(path)),
      { policy },
    )
  ).exitCode;
}

describe('a checkpoint', () => {
  it('is good as it is', async () => {
    expect(await judged(note)).toBe(0);
  });

  it.each<[string, number[]]>([
    ['a byte order mark', [0xef, 0xbb, 0xbf]],
    ['two of them', [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf]],
    ['one of UTF-16', [0xff, 0xfe]],
    ['a space', [0x20]],
    ['an empty line', [0x0a]],
    ['a zero', [0]],
    ['a carriage return', [0x0d]],
    ['half a character', [0xe2, 0x80]],
  ])('is not good behind %s', async (_, bytes) => {
    expect(await judged(Buffer.concat([Buffer.from(bytes), note]))).toBe(1);
  });

  it('is not good with a stray byte anywhere in its text (40 by seed)', async () => {
    const random = seeded(9);
    const textBytes = note.indexOf('\n\n') + 1;
    for (let i = 0; i < 40; i++) {
      const at = random(textBytes);
      const stray = [0xef, 0xbb, 0xbf, 0x80, 0xff, 0x0d, 0x00, 0x20, 0x41][random(9)]!;
      const bytes = Buffer.concat([note.subarray(0, at), Buffer.of(stray), note.subarray(at)]);
      expect(await judged(bytes), `${stray} at ${at}`).not.toBe(0);
    }
  });

  it('keeps every byte as text, and no more than shows that it is none', () => {
    expect(noteText(Buffer.from('\ufeffx'))).toBe('\ufeffx');
    expect(noteText(Uint8Array.of(0x78, 0xff))).toBe('');
    expect(noteText(new Uint8Array(10 * NOTE_BYTES_MAX))).toHaveLength(NOTE_BYTES_MAX + 1);
  });

  it('has a hundred signatures at most (1 to 130)', () => {
    const [text, line] = [note.subarray(0, note.indexOf('\n\n') + 1).toString(), own.line('x')];
    for (let count = 1; count <= 130; count++) {
      const read = (): number => parseNote(`${text}\n${line.repeat(count)}`).signatures.length;
      if (count <= 100) expect(read()).toBe(count);
      else expect(read, String(count)).toThrow('too many signatures');
    }
  });
});
