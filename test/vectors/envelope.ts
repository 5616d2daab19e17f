/**
 * An independent reader of envelopes, written from docs/format.md ("The envelope") alone, and of the vectors in
 * `envelope.txt`. It is the slow, obvious version, against which the reader that ships will be held.
 *
 * Relies on: node:crypto, node:zlib. Refuses: to know anything of `src`, and to be fast.
 */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { crc32, inflateRawSync } from 'node:zlib';

const HEADER_BYTES = 96;
const CHUNK_BYTES = 65_536;
const CONTENT_BYTES_MAX = 66_560;
const MAGIC = Buffer.from('THENV\r\n\x01', 'latin1');

export type Refusal = 'ENVELOPE_INVALID' | 'ENVELOPE_TOO_LARGE' | 'ENVELOPE_KEY';

export interface Vector {
  readonly name: string;
  readonly verdict: 'valid' | Refusal;
  readonly key?: Buffer;
  readonly max: number;
  readonly envelope: Buffer;
  readonly plain?: Buffer;
}

class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}

function need(fact: boolean, refusal: Refusal = 'ENVELOPE_INVALID'): void {
  if (!fact) throw new Refused(refusal);
}

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

/** What was read of an envelope before it was refused, or all of it. */
export interface Read {
  readonly plain: Buffer;
  readonly refusal?: Refusal;
}

export function readEnvelope(bytes: Buffer, max: number, key?: Buffer): Read {
  const chunks: Buffer[] = [];
  try {
    for (const chunk of chunksOf(bytes, max, key)) chunks.push(chunk);
    return { plain: Buffer.concat(chunks) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { plain: Buffer.concat(chunks), refusal: error.refusal };
  }
}

function* chunksOf(bytes: Buffer, max: number, key: Buffer | undefined): Generator<Buffer> {
  const header = bytes.subarray(0, HEADER_BYTES);
  need(header.length === HEADER_BYTES && header.subarray(0, 8).equals(MAGIC));
  const flags = header.readUInt8(8);
  need(flags < 4 && isZero(header.subarray(9, 16)));
  const isEncrypted = (flags & 2) !== 0;
  need(isEncrypted === (key !== undefined), 'ENVELOPE_KEY');
  if (!isEncrypted) need(isZero(header.subarray(16)));
  const chunkKey = key === undefined ? undefined : chunkKeyOf(header, key);
  const hash = createHash('sha256');
  let at = HEADER_BYTES;
  let sum = 0;
  for (let index = 0, last = false; !last; index++) {
    const frame = bytes.subarray(at, at + 9);
    need(frame.length === 9 && frame.readUInt8(0) < 2);
    last = frame.readUInt8(0) === 1;
    const [size, n] = [frame.readUInt32BE(1), frame.readUInt32BE(5)];
    need(last ? size <= CHUNK_BYTES && (size > 0 || index === 0) : size === CHUNK_BYTES);
    need(n <= CONTENT_BYTES_MAX);
    sum += size;
    need(sum <= max, 'ENVELOPE_TOO_LARGE');
    const end = at + 9 + n + (isEncrypted ? 16 : 32);
    need(bytes.length >= end);
    const content = open(
      { header, index, frame, content: bytes.subarray(at + 9, at + 9 + n) },
      bytes.subarray(at + 9 + n, end),
      chunkKey,
    );
    const plain = (flags & 1) === 0 ? content : inflate(content, size);
    need(plain.length === size);
    hash.update(plain);
    at = end;
    yield plain;
  }
  need(isEncrypted ? bytes.length === at : bytes.subarray(at).equals(hash.digest()));
}

function chunkKeyOf(header: Buffer, key: Buffer): Buffer {
  const made = Buffer.from(hkdfSync('sha256', key, header.subarray(32, 64), 'tracehound/envelope/v1', 64));
  need(header.subarray(64).equals(made.subarray(32)), 'ENVELOPE_KEY');
  return made.subarray(0, 32);
}

interface Chunk {
  readonly header: Buffer;
  readonly index: number;
  readonly frame: Buffer;
  readonly content: Buffer;
}

/** The content of a chunk, once its seal was found right. */
function open({ header, index, frame, content }: Chunk, seal: Buffer, chunkKey: Buffer | undefined): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(index));
  if (chunkKey === undefined) {
    need(sha256(Buffer.from([4]), header, place, frame, content).equals(seal));
    return content;
  }
  const cipher = createDecipheriv('aes-256-gcm', chunkKey, Buffer.concat([Buffer.alloc(4), place]), {
    authTagLength: 16,
  });
  cipher.setAAD(Buffer.concat([header, place, frame]));
  cipher.setAuthTag(seal);
  const plain = cipher.update(content);
  try {
    return Buffer.concat([plain, cipher.final()]);
  } catch {
    throw new Refused('ENVELOPE_INVALID');
  }
}

/** One gzip member without optional fields, and nothing behind it (RFC 1952 §2.3). */
function inflate(content: Buffer, size: number): Buffer {
  need(content.length >= 18 && content.subarray(0, 4).equals(Buffer.from([31, 139, 8, 0])));
  const body = content.subarray(10, -8);
  let plain: Buffer;
  let used: number;
  try {
    const options = { info: true, maxOutputLength: size + 1 } as const;
    // `info` is missing in the types: it hands over the engine, which knows how much it read.
    const read = inflateRawSync(body, options) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    [plain, used] = [read.buffer, read.engine.bytesWritten];
  } catch {
    throw new Refused('ENVELOPE_INVALID');
  }
  need(used === body.length && content.readUInt32LE(content.length - 8) === crc32(plain));
  need(content.readUInt32LE(content.length - 4) === plain.length);
  return plain;
}

/** Bytes as the vectors write them. */
export function bytesOf(text: string): Buffer {
  if (text === '-') return Buffer.alloc(0);
  const pieces = text.split(' ').map((piece) => {
    const [, digits, times] = /^((?:[0-9a-f]{2})+)(?:\*(\d+))?$/.exec(piece) ?? [];
    if (digits === undefined) throw new Error('vector: no bytes, expected hexadecimal digits, got another text');
    return Buffer.from(digits.repeat(Number(times ?? 1)), 'hex');
  });
  return Buffer.concat(pieces);
}

/** The vectors of a file. Throws for a line that is none. */
export function vectorsOf(text: string): Vector[] {
  const blocks = text
    .replace(/^#.*\n/gm, '')
    .trim()
    .split(/\n\n+/);
  return blocks.map((block) => {
    const lines = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const field = (name: string): string | undefined => lines.get(name);
    const unknown = [...lines.keys()].filter((name) => !/^(name|verdict|key|max|envelope|plain)$/.test(name));
    const [name, verdict, envelope] = [field('name'), field('verdict'), field('envelope')];
    if (unknown.length > 0 || name === undefined || verdict === undefined || envelope === undefined)
      throw new Error(`vector: a block is not whole, expected name, verdict and envelope, got ${name ?? 'no name'}`);
    const [key, plain] = [field('key'), field('plain')];
    return {
      name,
      verdict: verdict as Vector['verdict'],
      envelope: bytesOf(envelope),
      max: Number(field('max') ?? 1_048_576),
      ...(key === undefined ? {} : { key: bytesOf(key) }),
      ...(plain === undefined ? {} : { plain: bytesOf(plain) }),
    };
  });
}
