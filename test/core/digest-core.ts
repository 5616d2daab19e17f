/**
 * A testing core with the log, the ids and the hashes started, on each build, and hands to reach into its memory.
 *
 * Relies on: `build/testing.*`. Refuses: to hide the memory; tests may break it on purpose.
 */
import {
  AUDIT_PREV,
  CONFIG_AT,
  CONFIG_MAX_RECORDS,
  HEADER_AT,
  HEADER_AUDIT,
  HEADER_FOLDS,
  HEADER_IDS,
  HEADER_PANIC,
  HEADER_RING,
  INBOX_AT,
  LOG_BYTES,
} from '../../assembly/abi.ts';
import { instantiate as wasm } from '../../build/testing.inline.js';
import { instantiate as js } from '../../build/testing.js.js';

export type Build = 'wasm' | 'js';
export const builds: readonly Build[] = ['wasm', 'js'];

// biome-ignore lint/suspicious/noExplicitAny: what a linked core exports is typed nowhere
type Exports = Record<string, any>;

/** Where tests put what they hand in, and where they ask answers to be written. */
export const INPUT = INBOX_AT;
export const OUTPUT = 0x3800;

export class DigestCore {
  readonly exports: Exports;
  readonly memory: Uint8Array;
  readonly view: DataView;
  readonly capacity: number;
  readonly audit: number;
  readonly folds: number;
  readonly ring: number;
  readonly ids: number;

  constructor(build: Build, capacity = 4096) {
    this.exports = (build === 'wasm' ? wasm : js)().exports as Exports;
    new DataView(this.exports.memory.buffer).setUint32(CONFIG_AT + CONFIG_MAX_RECORDS, capacity, true);
    this.exports.digestStart();
    // Only now: in the JavaScript build a grown memory is another buffer.
    this.memory = new Uint8Array(this.exports.memory.buffer);
    this.view = new DataView(this.exports.memory.buffer);
    this.capacity = capacity;
    this.audit = this.view.getUint32(HEADER_AT + HEADER_AUDIT, true);
    this.folds = this.view.getUint32(HEADER_AT + HEADER_FOLDS, true);
    this.ring = this.view.getUint32(HEADER_AT + HEADER_RING, true);
    this.ids = this.view.getUint32(HEADER_AT + HEADER_IDS, true);
  }

  put(bytes: Uint8Array | string, at: number = INPUT): number {
    this.memory.set(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, at);
    return at;
  }

  take(at: number, bytes: number): Buffer {
    return Buffer.from(this.memory.slice(at, at + bytes));
  }

  hex(at: number = OUTPUT, bytes = 32): string {
    return this.take(at, bytes).toString('hex');
  }

  sha256(message: Uint8Array): string {
    this.exports.sha256(this.put(message), message.length, OUTPUT);
    return this.hex();
  }

  origin(text: string): void {
    this.exports.auditOrigin(this.put(text), Buffer.byteLength(text));
  }

  /** A number of the log's state, by its AUDIT_* offset. */
  number(offset: number): number {
    return this.view.getFloat64(this.audit + offset, true);
  }

  setNumber(offset: number, value: number): void {
    this.view.setFloat64(this.audit + offset, value, true);
  }
  setWord(offset: number, value: number): void {
    this.view.setUint32(this.audit + offset, value, true);
  }

  root(): string {
    this.exports.auditRoot(OUTPUT);
    return this.hex();
  }

  prev(): string {
    return this.hex(this.audit + AUDIT_PREV);
  }

  record(seq: number): Buffer | undefined {
    const at = this.exports.auditRecordAt(seq);
    return at === 0 ? undefined : this.take(at, LOG_BYTES);
  }

  /** The code the core stopped with, or 0 if `act` went well. */
  panicOf(act: () => unknown): number {
    try {
      act();
    } catch {
      return this.view.getUint32(HEADER_AT + HEADER_PANIC, true);
    }
    return 0;
  }
}

/** mulberry32: small, seeded, the same everywhere. Answers integers 0 … below − 1. */
export function randomFrom(seed: number): (below: number) => number {
  let a = seed >>> 0;
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

export function randomBytes(random: (below: number) => number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => random(256));
}
