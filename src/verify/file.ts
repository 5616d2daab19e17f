/**
 * A log in one file, to be mailed, archived, piped (docs/format.md):
 *
 *   "THLOG\r\n" 0x01 │ frame │ frame │ …          frame: type u8 │ length u32 │ bytes
 *
 *   1 origin       UTF-8; the first frame, and only the first
 *   2 record       176 bytes, then its sidecar
 *   3 leaf         32 bytes: hash of a record that is not available
 *   4 subtree      level u8 │ 32 bytes: hash of the next 2^level leaves, aligned
 *   5 checkpoint   a signed note; behind all leaves, newest last
 *   6 end          u64: how many leaves; the last frame
 *
 * Relies on: source. Refuses: to hold more than a chunk and a frame (64 KiB). A frame that is none is `LOG_INVALID` and the
 * byte at which it begins; a file that stops before its end frame is read as far as it goes, and its source says so: what
 * was cut off is missing, nobody changed it.
 */

import { TracehoundError } from '../errors';
import { joined } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { RECORD_BYTES } from '../formats/record';
import { HASH_BYTES } from '../formats/tlog';
import { noteText } from './notes';
import { entriesUpTo, sizeSigned } from './signed';
import type { LogEntry, LogSource } from './source';

/** What a log file begins with. A transfer that rewrites line ends, or strips the eighth bit, breaks it at once. */
export const FILE_MAGIC: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x54, 0x48, 0x4c, 0x4f, 0x47, 0x0d, 0x0a, 0x01);

/** Not a type: what is left when a file ends within a frame. */
const PIECE = 0;
const ORIGIN = 1;
const RECORD = 2;
const LEAF = 3;
const SUBTREE = 4;
const CHECKPOINT = 5;
const END = 6;
const HEAD_BYTES = 5;
/** An end frame without its number. */
const END_HEAD: readonly number[] = [END, 0, 0, 0, 8];
const FRAME_BYTES_MAX = 65_536;
const LEVEL_MAX = 52;
/** Frames are handed on, and written, in portions of about this size. */
const BATCH_BYTES = 65_536;
const BATCH_ENTRIES = 256;
/** As many checkpoints as a verifier looks at. */
const CHECKPOINTS_KEPT = 64;

// ── reading ───────────────────────────────────────────────────────────────────────────────────────

/** Opens a file to be read from its beginning. Called twice: the checkpoints stand behind the records. */
export type Open = () => AsyncIterable<Uint8Array>;

/**
 * Reads a log file called `name`. Rejects with `LOG_INVALID` when it does not begin as one; whatever is wrong behind the
 * origin is found when entries are read.
 */
export async function fileSource(open: Open, name: string): Promise<LogSource> {
  let origin: string | undefined;
  let isCut = false;
  for await (const frame of frames(open(), name)) {
    if (frame.type !== PIECE) origin = originOf(frame, name);
    break;
  }
  return {
    ...(origin === undefined ? {} : { origin }),
    checkpoints: async () => {
      const notes: string[] = [];
      try {
        for await (const { type, bytes } of frames(open(), name)) {
          if (type !== CHECKPOINT) continue;
          notes.push(noteText(bytes));
          if (notes.length > CHECKPOINTS_KEPT) notes.shift();
        }
      } catch (error) {
        // Who reads the entries meets the same frame, and says so.
        if (!(error instanceof TracehoundError)) throw error;
      }
      return notes;
    },
    entries: async function* () {
      let batch: LogEntry[] = [];
      let bytes = 0;
      const walk = new Walk(name);
      for await (const frame of frames(open(), name)) {
        const entry = walk.take(frame);
        if (entry === undefined) continue;
        batch.push(entry);
        bytes += frame.bytes.length;
        if (batch.length < BATCH_ENTRIES && bytes < BATCH_BYTES) continue;
        yield batch;
        [batch, bytes] = [[], 0];
      }
      if (batch.length > 0) yield batch;
      isCut = !walk.isEnded;
    },
    cut: () => (isCut ? `${name}: ends before its end frame` : undefined),
  };
}

/** Whether `bytes` begin as a log file does, or end before they differ, or are so near that somebody changed them. */
export function isLogFile(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, FILE_MAGIC.length);
  const equal = FILE_MAGIC.filter((byte, i) => byte === bytes[i]).length;
  return length > 0 && equal > (length < FILE_MAGIC.length ? length - 1 : length / 2);
}

interface Frame {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** Byte of the file at which it begins. */
  readonly at: number;
}

/** Checks the order of frames and what they say of themselves. */
class Walk {
  readonly #name: string;
  #leaves = 0;
  #before = PIECE;
  isEnded = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** The entry that a frame is; `undefined` for frames that are none. */
  take(frame: Frame): LogEntry | undefined {
    const { type, at } = frame;
    if (this.isEnded) throw malformedAt(this.#name, at, 'the end of the file after its end frame', 'more');
    if (type === PIECE) return undefined;
    if ((this.#before === PIECE) !== (type === ORIGIN)) {
      throw malformedAt(this.#name, at, 'one origin, and first of all', `frame type ${type}`);
    }
    if (this.#before === CHECKPOINT && type < CHECKPOINT) {
      throw malformedAt(this.#name, at, 'checkpoints behind all records', 'more records');
    }
    this.#before = type;
    if (type === END) this.#end(frame);
    return type === RECORD || type === LEAF || type === SUBTREE ? this.#entry(frame) : undefined;
  }

  #entry({ type, bytes, at }: Frame): LogEntry {
    const where = { place: this.#name, at };
    if (type === SUBTREE) {
      const level = bytes[0] as number;
      const width = 2 ** level;
      if (level > LEVEL_MAX || this.#leaves % width !== 0 || this.#leaves > Number.MAX_SAFE_INTEGER - width) {
        throw malformedAt(this.#name, at, `a subtree that begins at leaf ${this.#leaves}`, `one of level ${level}`);
      }
      this.#leaves += width;
      return { kind: 'subtree', level, hash: bytes.subarray(1), ...where };
    }
    this.#leaves++;
    if (type === LEAF) return { kind: 'leaf', hash: bytes, ...where };
    const record = bytes.subarray(0, RECORD_BYTES);
    return bytes.length === RECORD_BYTES
      ? { kind: 'record', record, ...where }
      : { kind: 'record', record, detail: bytes.subarray(RECORD_BYTES), ...where };
  }

  #end({ bytes, at }: Frame): void {
    const said = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    if (said !== BigInt(this.#leaves)) {
      throw malformedAt(this.#name, at, `an end after ${this.#leaves} leaves`, `one after ${said}`);
    }
    this.isEnded = true;
  }
}

function originOf({ type, bytes, at }: Frame, name: string): string {
  if (type !== ORIGIN) throw malformedAt(name, at, 'the origin first', `frame type ${type}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformedAt(name, at, 'an origin in UTF-8', 'other bytes');
  }
}

/** The frames of a file, and the piece of one with which it ends if it was cut. */
async function* frames(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Frame> {
  let rest: Uint8Array = new Uint8Array(0);
  /** Byte of the file at which `rest` begins. */
  let base = 0;
  let isBegun = false;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : joined([rest, chunk]);
    let at = 0;
    if (!isBegun) {
      checkMagic(bytes, name);
      if (bytes.length < FILE_MAGIC.length) {
        rest = bytes;
        continue;
      }
      isBegun = true;
      at = FILE_MAGIC.length;
    }
    while (bytes.length - at >= HEAD_BYTES) {
      const type = bytes[at] as number;
      const length = new DataView(bytes.buffer, bytes.byteOffset + at + 1).getUint32(0);
      checkFrame(type, length, name, base + at);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      yield { type, bytes: bytes.subarray(at + HEAD_BYTES, end), at: base + at };
      at = end;
    }
    rest = bytes.slice(at);
    base += at;
  }
  if (rest.length === 0) return;
  if (endsWhole(rest)) throw malformedAt(name, base, 'a frame that ends before the end frame', 'a longer one');
  yield { type: PIECE, bytes: rest, at: base };
}

/** What was cut does not end with an end frame: then it was a length that somebody changed. */
function endsWhole(bytes: Uint8Array): boolean {
  const at = bytes.length - END_HEAD.length - 8;
  return at > 0 && END_HEAD.every((byte, i) => byte === bytes[at + i]);
}

function checkMagic(bytes: Uint8Array, name: string): void {
  const wrong = FILE_MAGIC.findIndex((byte, i) => i < bytes.length && byte !== bytes[i]);
  if (wrong >= 0) throw malformedAt(name, wrong, 'THLOG and version 1', 'another byte');
}

/** Lengths that a frame may have: no other one is waited for. */
function checkFrame(type: number, length: number, name: string, at: number): void {
  const [least, most] = LENGTHS[type] ?? [];
  if (least === undefined || most === undefined) throw malformedAt(name, at, 'frame type 1 to 6', `${type}`);
  if (length < least || length > most) {
    const expected = least === most ? String(least) : `${least} to ${most}`;
    throw malformedAt(name, at, `${expected} bytes in a frame of type ${type}`, `${length}`);
  }
}

const LENGTHS: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [ORIGIN]: [1, 4_096],
  [RECORD]: [RECORD_BYTES, FRAME_BYTES_MAX],
  [LEAF]: [HASH_BYTES, HASH_BYTES],
  [SUBTREE]: [1 + HASH_BYTES, 1 + HASH_BYTES],
  [CHECKPOINT]: [1, FRAME_BYTES_MAX],
  [END]: [8, 8],
};

function malformedAt(name: string, at: number, expected: string, got: string): TracehoundError {
  return new TracehoundError('LOG_INVALID', `${name}, byte ${at}: expected ${expected}, got ${got}`);
}

// ── writing ───────────────────────────────────────────────────────────────────────────────────────

/**
 * The log of a source as one file: what its newest head covers, or everything when it has none. Rejects for what a file cannot hold: with `RANGE_UNAVAILABLE` for leaves of which nothing
 * is left (no root can be computed without them), with `LOG_INVALID` for records of another length, notes or sidecars that
 * are too long, a log without a name.
 */
export async function* packLog(source: LogSource): AsyncGenerator<Uint8Array> {
  const notes = await source.checkpoints();
  const out = new Out();
  out.raw(FILE_MAGIC);
  out.frame(ORIGIN, new TextEncoder().encode(source.origin ?? namedBy(notes)));
  let leaves = 0;
  for await (const entries of entriesUpTo(source, sizeSigned(notes))) {
    for (const entry of entries) {
      leaves += packEntry(out, entry, leaves);
      if (out.isFull) yield out.take();
    }
  }
  for (const note of notes) out.frame(CHECKPOINT, new TextEncoder().encode(note));
  const end = new Uint8Array(8);
  new DataView(end.buffer).setBigUint64(0, BigInt(leaves));
  out.frame(END, end);
  yield out.take();
}

function namedBy(notes: readonly string[]): string {
  const newest = notes.at(-1);
  if (newest === undefined)
    throw new TracehoundError('LOG_INVALID', 'pack: no name, expected an origin or a checkpoint, got neither');
  return parseCheckpoint(parseNote(newest).text).origin;
}

/** Writes an entry; answers how many leaves it is. */
function packEntry(out: Out, entry: LogEntry, leaf: number): number {
  switch (entry.kind) {
    case 'record':
      if (entry.record.length !== RECORD_BYTES) {
        const problem = `expected a record of ${RECORD_BYTES} bytes, got ${entry.record.length}`;
        throw new TracehoundError('LOG_INVALID', `pack: record ${leaf}, ${entry.place}: ${problem}`);
      }
      out.frame(RECORD, entry.record, entry.detail);
      return 1;
    case 'leaf':
      out.frame(LEAF, entry.hash);
      return 1;
    case 'subtree':
      out.frame(SUBTREE, Uint8Array.of(entry.level), entry.hash);
      return 2 ** entry.level;
    case 'missing':
      throw new TracehoundError(
        'RANGE_UNAVAILABLE',
        `pack: record ${leaf}, ${entry.place}: expected a record or at least its hash, got neither of ${entry.count}`,
      );
  }
}

/** Frames on their way out. */
class Out {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES;
  }

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  frame(type: number, ...parts: readonly (Uint8Array | undefined)[]): void {
    const length = parts.reduce((sum, part) => sum + (part?.length ?? 0), 0);
    const [least, most] = LENGTHS[type] as readonly [number, number];
    if (length < least || length > most) {
      const problem = `frame of type ${type}: expected ${least} to ${most} bytes, got ${length}`;
      throw new TracehoundError('LOG_INVALID', `pack: ${problem}`);
    }
    const head = new Uint8Array(HEAD_BYTES);
    head[0] = type;
    new DataView(head.buffer).setUint32(1, length);
    this.raw(head);
    for (const part of parts) if (part !== undefined) this.raw(part);
  }

  take(): Uint8Array {
    const bytes = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    [this.#parts, this.#bytes] = [[], 0];
    return bytes;
  }
}
