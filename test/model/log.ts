/**
 * The log, slow and obvious: every record ever written is kept, every root is computed from all leaves as RFC 9162
 * §2.1.1 defines it, and a loss is a list of numbers.
 *
 * Relies on: node:crypto. Refuses: cleverness.
 */
import { createHash } from 'node:crypto';

export const sha256 = (...parts: (Uint8Array | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const leafHash = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right);
export const genesisPrev = (origin: string): Buffer => sha256('tracehound/log/v1\n', origin);

/** MTH(D[n]) over leaf hashes. */
export function treeHead(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return nodeHash(treeHead(leaves.slice(0, left)), treeHead(leaves.slice(left)));
}

/** What a record says; what is left out is zero, and the severity none. */
export interface Fields {
  kind: number;
  time: number;
  severity?: number;
  reason?: number;
  flags?: number;
  disposition?: number;
  epoch?: number;
  id?: Uint8Array;
  length?: number;
  count?: number;
  payload?: Uint8Array;
  detail?: Uint8Array;
  source?: Uint8Array;
}

const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const u64 = (value: number): Buffer => {
  const out = zeros(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
};

export function encode(fields: Fields, seq: number, prev: Uint8Array): Buffer {
  const head = Buffer.from([
    1,
    fields.kind,
    fields.severity ?? 0xff,
    fields.reason ?? 0,
    (fields.flags ?? 0) >> 8,
    (fields.flags ?? 0) & 0xff,
    fields.disposition ?? 0,
    fields.epoch ?? 0,
  ]);
  const numbers = zeros(8);
  numbers.writeUInt32BE(fields.length ?? 0, 0);
  numbers.writeUInt32BE(fields.count ?? 0, 4);
  return Buffer.concat([
    head,
    u64(seq),
    u64(fields.time),
    fields.id ?? zeros(16),
    numbers,
    prev,
    fields.payload ?? zeros(32),
    fields.detail ?? zeros(32),
    fields.source ?? zeros(32),
  ]);
}

export const gapFields = (from: number, to: number, time: number): Fields => ({
  kind: 12,
  time,
  count: to - from,
  payload: Buffer.concat([u64(from), u64(to), zeros(16)]),
});

export class LogModel {
  readonly records: Buffer[] = [];
  readonly leaves: Buffer[] = [];
  /** Every range a GAP has named. */
  readonly gaps: [from: number, to: number][] = [];
  prev: Buffer;
  heldFrom = 0;
  releasedTo = 0;
  lost = 0;
  /** Lost, and in no GAP yet: consecutive numbers. */
  unnamed: number[] = [];
  readonly #capacity: number;

  constructor(capacity: number, origin: string) {
    this.#capacity = capacity;
    this.prev = genesisPrev(origin);
  }

  get size(): number {
    return this.records.length;
  }

  append(fields: Fields): number {
    const strangers = this.unnamed.length > 0 && this.#losesNext() && !this.#joins() ? this.unnamed : [];
    if (strangers.length > 0) this.unnamed = [];
    const seq = this.#push(fields);
    if (strangers.length > 0) this.#gap(strangers, fields.time);
    else if (this.unnamed.length > 0 && this.unnamed.length + (this.#joins() ? 1 : 0) >= 256) this.flush(fields.time);
    return seq;
  }

  flush(time: number): void {
    if (this.unnamed.length === 0) return;
    if (this.#joins()) this.#drop();
    const named = this.unnamed;
    this.unnamed = [];
    this.#gap(named, time);
  }

  release(to: number): void {
    this.releasedTo = Math.max(this.releasedTo, Math.min(to, this.size));
  }

  root(): string {
    return treeHead(this.leaves).toString('hex');
  }

  #push(fields: Fields): number {
    if (this.size - this.heldFrom === this.#capacity) this.#drop();
    const seq = this.size;
    const record = encode(fields, seq, this.prev);
    this.records.push(record);
    this.prev = leafHash(record);
    this.leaves.push(this.prev);
    return seq;
  }

  #gap(named: number[], time: number): void {
    const from = named[0]!;
    const to = from + named.length;
    this.gaps.push([from, to]);
    this.#push(gapFields(from, to, time));
  }

  #drop(): void {
    if (this.heldFrom >= this.releasedTo) {
      this.unnamed.push(this.heldFrom);
      this.lost++;
    }
    this.heldFrom++;
  }

  #losesNext(): boolean {
    return this.size - this.heldFrom === this.#capacity && this.heldFrom >= this.releasedTo;
  }

  /** The next record to fall out follows on the last that was lost. */
  #joins(): boolean {
    return this.#losesNext() && this.unnamed.at(-1) === this.heldFrom - 1;
  }
}
