/**
 * A laboratory for whole instances: a runtime whose clock, randomness and cores the test holds in its hands.
 *
 * Relies on: a build of the core. Refuses: real time and real randomness. Everything comes from one seed, so a run can
 * be repeated from its name. Every core is watched: one that failed and is called again is a broken promise, and noted.
 */
import { createHash } from 'node:crypto';
import * as abi from '../../assembly/abi';
import { instantiate } from '../../build/core.inline.js';
import { wire } from '../../src/tracehound';
import type { CoreExports, Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

/** mulberry32: small, seeded, good enough to choose what to do next. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = <T>(roll: () => number, from: readonly T[]): T => from[Math.floor(roll() * from.length)] as T;

/** One core that the runtime made, as the test sees it. */
export interface Watched {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Names of the functions called, in order. */
  readonly calls: string[];
  /** It threw once. */
  dead: boolean;
  /** Stops it in the next call of `name`, with this code in its header, as a failed assertion does. */
  stopAt: { name: string; code: number } | undefined;
}

export interface Lab {
  readonly runtime: Runtime;
  readonly cores: Watched[];
  /** The clock. */
  now: number;
  /** Everything that `random` has handed out. */
  readonly drawn: Uint8Array[];
  /** Calls of a core after it had failed: must stay empty. */
  readonly violations: string[];
  /** Runs when a core is made; may arm it. */
  onCore: (core: Watched) => void;
  make(options?: TracehoundOptions): Tracehound;
  last(): Watched;
}

export interface LabOptions {
  seed?: number;
  instantiate?: () => { readonly exports: CoreExports };
  digest?: (bytes: Uint8Array) => Uint8Array;
}

export function lab(options: LabOptions = {}): Lab {
  const roll = dice(options.seed ?? 1);
  const make = options.instantiate ?? instantiate;
  const it: Lab = {
    cores: [],
    now: 1_700_000_000_000,
    drawn: [],
    violations: [],
    onCore: () => {},
    make: (given) => wire(it.runtime, given),
    last: () => it.cores.at(-1) as Watched,
    runtime: {
      name: 'lab',
      clockSource: 'lab.now',
      coreDigest: '00'.repeat(32),
      now: () => it.now,
      random: (bytes) => {
        for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(roll() * 256);
        it.drawn.push(bytes.slice());
      },
      defer: () => {},
      source: () => undefined,
      core: () => {
        const watched = watch(make().exports, it.violations);
        it.cores.push(watched.core);
        it.onCore(watched.core);
        return { exports: watched.exports };
      },
      ...(options.digest === undefined ? {} : { digest: options.digest }),
    },
  };
  return it;
}

function watch(inner: CoreExports, violations: string[]): { core: Watched; exports: CoreExports } {
  const memory = inner.memory as { readonly buffer: ArrayBuffer };
  const core: Watched = { memory, calls: [], dead: false, stopAt: undefined };
  const exports: Record<string, unknown> = { memory };
  for (const [name, value] of Object.entries(inner)) {
    if (typeof value !== 'function') continue;
    exports[name] = (...args: unknown[]) => {
      if (core.dead) violations.push(name);
      core.calls.push(name);
      try {
        if (core.stopAt?.name === name) {
          new DataView(memory.buffer).setUint32(abi.HEADER_AT + abi.HEADER_PANIC, core.stopAt.code, true);
          throw new Error('unreachable');
        }
        return value(...args);
      } catch (cause) {
        core.dead = true;
        throw cause;
      }
    };
  }
  return { core, exports };
}

// ── reading and damaging memory ───────────────────────────────────────────────────────────────────

export const view = (core: Watched): DataView => new DataView(core.memory.buffer);
export const word = (core: Watched, at: number): number => view(core).getUint32(at, true);
/** Where a region begins, by its HEADER_* offset. */
export const region = (core: Watched, header: number): number => word(core, abi.HEADER_AT + header);

/** The bytes that two equal runs share (DESIGN: determinism). */
export function stateOf(core: Watched): Uint8Array {
  return new Uint8Array(core.memory.buffer).slice(
    region(core, abi.HEADER_STATE_FROM),
    region(core, abi.HEADER_STATE_TO),
  );
}

/** Addresses of the slots that hold something. */
export function heldSlots(core: Watched): number[] {
  const slots = region(core, abi.HEADER_SLOTS);
  const high = word(core, region(core, abi.HEADER_QUARANTINE) + abi.QUARANTINE_SLOT_HIGH);
  const bytes = new Uint8Array(core.memory.buffer);
  return Array.from({ length: high }, (_, i) => slots + i * abi.SLOT_BYTES).filter(
    (at) => ((bytes[at + abi.SLOT_STATE] as number) & abi.STATE_HELD) !== 0,
  );
}

// ── reading logs ──────────────────────────────────────────────────────────────────────────────────

/** The fields of a record that these tests speak of. */
export function parsed(record: Uint8Array): {
  kind: number;
  reason: number;
  seq: number;
  id: string;
  count: number;
  size: number;
  overlay: string;
  source: string;
} {
  const fields = new DataView(record.buffer, record.byteOffset, record.length);
  const hex = (from: number, bytes: number): string => Buffer.from(record.subarray(from, from + bytes)).toString('hex');
  return {
    kind: record[abi.LOG_KIND] as number,
    reason: record[abi.LOG_REASON] as number,
    seq: Number(fields.getBigUint64(abi.LOG_SEQ)),
    id: hex(abi.LOG_ID, 16),
    count: fields.getUint32(abi.LOG_COUNT),
    size: Number(fields.getBigUint64(abi.LOG_ID)),
    overlay: hex(abi.LOG_PAYLOAD, 32),
    source: hex(abi.LOG_SOURCE, 32),
  };
}

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** RFC 9162 §2.1.1 tree head of whole records, the slow way. */
export function treeHead(records: readonly Uint8Array[]): string {
  const head = (leaves: readonly Uint8Array[]): Uint8Array => {
    if (leaves.length === 1) return leaves[0] as Uint8Array;
    let half = 1;
    while (half * 2 < leaves.length) half *= 2;
    return sha256(Uint8Array.of(1), head(leaves.slice(0, half)), head(leaves.slice(half)));
  };
  return Buffer.from(head(records.map((record) => sha256(Uint8Array.of(0), record)))).toString('hex');
}

/** What the sidecar of the newest record of `kind` says. */
export function sidecarOf(th: Tracehound, kind: number): Record<string, unknown> {
  const { records, details } = th.audit.export({ from: 0 });
  const at = records.findLastIndex((record) => record[abi.LOG_KIND] === kind);
  return JSON.parse(Buffer.from(details[at] as Uint8Array).toString());
}

/** The newest record of `kind`. */
export function recordOf(th: Tracehound, kind: number): ReturnType<typeof parsed> {
  const record = th.audit.export({ from: 0 }).records.findLast((each) => each[abi.LOG_KIND] === kind);
  return parsed(record as Uint8Array);
}
