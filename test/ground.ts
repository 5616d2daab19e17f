/**
 * Ground for tests: a runtime whose clock and randomness come from one seed, on either build of the core. It keeps every
 * core it hands out, so that a test may look at all of linear memory, and every batch of entropy, so that a model may
 * draw the same.
 *
 * Relies on: the built cores. Refuses: the wall clock.
 */
import { createHash } from 'node:crypto';
import { digest, instantiate as instantiateWasm } from '../build/core.inline.js';
import { instantiate as instantiateJs } from '../build/core.js.js';
import { createTracehound } from '../runtimes/node/index';
import type { CoreInstance, Runtime, Tracehound, TracehoundOptions } from '../src/index';

export const BUILDS: [build: 'wasm' | 'js', core: () => CoreInstance][] = [
  ['wasm', instantiateWasm],
  ['js', instantiateJs],
];

/** A window drawn for a limiter, in ms. 60 is refused: somebody who writes it means seconds. */
export const windowOf = (drawn: number): number => (drawn === 60 ? 61 : drawn);

export const T0 = 1_700_000_000_000;
export const SECRET: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const ENTROPY_BYTES = 1_024;

export interface Ground {
  readonly th: Tracehound;
  readonly runtime: Runtime;
  /** What the next reading of the clock will say. */
  now: number;
  /** Batches of entropy the core was given, oldest first. */
  readonly batches: Uint8Array[];
  readonly cores: CoreInstance[];
  /** All linear memory of the newest core. */
  memory(): Uint8Array;
}

/** mulberry32: the same numbers everywhere. Answers an integer from 0 to `below` − 1. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below) >>> 0;
  };
}

export interface GroundOptions {
  readonly core?: () => CoreInstance;
  readonly seed?: number;
  /** Whether the platform can hash without waiting. Default true. */
  readonly digest?: boolean;
}

/**
 * An instance on deterministic ground. `options.runtime` is not used. What is not asked for is small: the JavaScript
 * build takes and zeroes all of its memory at once.
 */
export function ground(options: TracehoundOptions = {}, over: GroundOptions = {}): Ground {
  const random = seeded(over.seed ?? 1);
  const cores: CoreInstance[] = [];
  const batches: Uint8Array[] = [];
  const runtime: Runtime = {
    name: 'ground',
    clockSource: 'test',
    coreDigest: digest,
    core: () => {
      const core = (over.core ?? instantiateWasm)();
      cores.push(core);
      return core;
    },
    now: () => self.now,
    random: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = random(256);
      if (bytes.length === ENTROPY_BYTES) batches.push(bytes.slice());
    },
    defer: () => undefined,
    source: () => '192.0.2.1',
    ...(over.digest === false ? {} : { digest: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest() }),
  };
  const self: Ground = {
    th: createTracehound({
      secret: SECRET,
      quiet: true,
      ...options,
      rateLimit: options.rateLimit === false ? false : { maxSources: 256, ...options.rateLimit },
      quarantine: { maxCount: 256, maxBytes: 524_288, maxShare: 1, ...options.quarantine },
      runtime,
    }),
    runtime,
    now: T0,
    batches,
    cores,
    memory: () => new Uint8Array((cores.at(-1)!.exports.memory as WebAssembly.Memory).buffer),
  };
  return self;
}

/** Where `needle` lies in `haystack`, −1 if nowhere. */
export const indexOf = (haystack: Uint8Array, needle: Uint8Array | string): number =>
  Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length).indexOf(
    typeof needle === 'string' ? Buffer.from(needle) : needle,
  );

/** A record, read as docs/format.md says. */
export interface LogRecord {
  kind: string;
  severity: number;
  reason: number;
  flags: number;
  disposition: number;
  seq: number;
  time: number;
  id: string;
  length: number;
  count: number;
  prev: string;
  payload: string;
  detail: string;
  source: string;
}

export const KINDS = [
  '',
  'GENESIS',
  'QUARANTINED',
  'EVICTED',
  'NEUTRALIZED',
  'PURGED',
  'EVACUATED',
  'PANIC',
  'RESUME',
  'HEARTBEAT',
  'KEY',
  'CLOSE',
  'GAP',
  'ACCESSED',
  'REPLACED',
  'ANCHOR',
  'EVACUATION_FAILED',
  'DUPLICATE',
  'DROPPED',
  'LIMITED',
  'BLOCKED',
  'UNBLOCKED',
  'UNINSPECTED',
  'CONFIG',
  'HOLD',
  'RELEASED',
  'ERASED',
  'EXPORTED',
  'ACCESS_DENIED',
  'FAILSAFE',
  'LOST',
  'FINDING',
  'PRUNED',
  'ALLOWED',
  'TROUBLE',
] as const;

export function readRecord(bytes: Uint8Array): LogRecord {
  const record = Buffer.from(bytes);
  const hex = (from: number, length: number): string => record.subarray(from, from + length).toString('hex');
  return {
    kind: KINDS[record[1]!] ?? String(record[1]),
    severity: record[2]!,
    reason: record[3]!,
    flags: record.readUInt16BE(4),
    disposition: record[6]!,
    seq: Number(record.readBigUInt64BE(8)),
    time: Number(record.readBigUInt64BE(16)),
    id: hex(24, 16),
    length: record.readUInt32BE(40),
    count: record.readUInt32BE(44),
    prev: hex(48, 32),
    payload: hex(80, 32),
    detail: hex(112, 32),
    source: hex(144, 32),
  };
}

/** Every record that is held and not released. */
export const recordsOf = (th: Tracehound, from?: number): LogRecord[] =>
  th.audit.export(from === undefined ? {} : { from }).records.map(readRecord);
export const kindsOf = (th: Tracehound): string[] => recordsOf(th).map((record) => record.kind);

export const sha256hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
