/**
 * Links one core: checks that it is ours, gives it its numbers, and names its functions and views.
 *
 * Relies on: a runtime's `core()`. Refuses: a core of another ABI, with imports, or whose own layout disagrees with
 * the host's. The core grows its memory only inside `init`, so the views taken here stay valid for its whole life.
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import type { CoreInstance, Runtime } from '../types/index';
import { arenaEnd, type CoreConfig, writeConfig } from './memory';

/** The exports of the core; `assembly/index.ts` is their contract. Times are unix ms. */
export interface CoreFunctions {
  init(): void;
  seed(): void;
  refill(): void;
  begin(now: number): void;
  intercept(now: number): number;
  rateCheck(now: number, peek: number): void;
  rateReset(now: number): number;
  rateBlock(now: number): void;
  rateUnblock(now: number): number;
  tag(): void;
  uninspected(now: number): void;
  refused(now: number): void;
  find(): number;
  findId(): number;
  page(): number;
  listed(): number;
  neutralize(now: number): number;
  purge(now: number): number;
  erase(now: number): number;
  setHold(now: number, on: number): number;
  evacuated(now: number): number;
  replace(now: number): number;
  flush(now: number): number;
  access(now: number): number;
  append(now: number): void;
  settle(now: number, closing: number): number;
  root(): void;
  verify(): number;
  release(): void;
  recordAt(): number;
  hashStart(): void;
  hashUpdate(): void;
  hashFinish(): void;
  keyedHash(): void;
  makeId(now: number): void;
  restoreItem(now: number): number;
  restoreLimiter(): number;
  restoreWay(): number;
}

/** Where the regions of a core begin, read once while it was sound: a core that stopped is not asked for its layout. */
export interface Places {
  readonly limiter: number;
  readonly tags: number;
  readonly sources: number;
  readonly quarantine: number;
  readonly slots: number;
  readonly slab: number;
  readonly audit: number;
  readonly ring: number;
}

/** A linked, initialised core. */
export interface Core {
  readonly call: CoreFunctions;
  readonly places: Places;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Where payload bytes go. */
  readonly payload: Uint8Array;
  readonly source: Uint8Array;
  /** SHA-256 by the platform, where it can do so at once. */
  readonly digest: Runtime['digest'];
  /** The host has written state itself: tells whoever writes down what changes. */
  readonly poked?: (at: number, bytes: number) => void;
  /** A record commits to this sidecar, by its hash: the same. */
  readonly detailed?: (hash: Uint8Array, sort: number, detail: Uint8Array) => void;
}

/** Brings up a core from `instance`. Throws `CORE_START`. */
export function link(instance: CoreInstance, config: CoreConfig, digest: Runtime['digest']): Core {
  const exports = instance.exports as unknown as CoreFunctions & { memory: { buffer: ArrayBuffer } };
  if (typeof exports.init !== 'function' || !(exports.memory?.buffer instanceof ArrayBuffer)) {
    throw new TracehoundError(
      'CORE_START',
      'core: not a Tracehound core, expected its exports and memory, got neither',
    );
  }
  writeConfig(new DataView(exports.memory.buffer), config);
  try {
    exports.init();
  } catch (cause) {
    throw new TracehoundError('CORE_START', 'core: init failed, expected memory for this configuration, got a trap', {
      cause,
    });
  }
  const buffer = exports.memory.buffer;
  const view = new DataView(buffer);
  const word = (offset: number): number => view.getUint32(abi.HEADER_AT + offset, true);
  const expectations: [part: string, expected: number, got: number][] = [
    ['magic', abi.MAGIC, word(abi.HEADER_MAGIC)],
    ['ABI version', abi.ABI_VERSION, word(abi.HEADER_ABI)],
    ['arena end', arenaEnd(config), word(abi.HEADER_ARENA_NEXT)],
  ];
  for (const [part, expected, got] of expectations) {
    if (expected !== got) {
      throw new TracehoundError('CORE_START', `core: another ${part}, expected ${expected}, got ${got}`);
    }
  }
  const bytes = new Uint8Array(buffer);
  const payloadAt = word(abi.HEADER_PAYLOAD);
  const sourceAt = abi.INBOX_AT + abi.INBOX_SOURCE;
  return {
    call: exports,
    places: {
      limiter: word(abi.HEADER_LIMITER),
      tags: word(abi.HEADER_LIMITER_TAGS),
      sources: word(abi.HEADER_LIMITER_RECORDS),
      quarantine: word(abi.HEADER_QUARANTINE),
      slots: word(abi.HEADER_SLOTS),
      slab: word(abi.HEADER_SLAB),
      audit: word(abi.HEADER_AUDIT),
      ring: word(abi.HEADER_RING),
    },
    bytes,
    view,
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    payload: bytes.subarray(payloadAt, payloadAt + config.maxPayloadBytes),
    source: bytes.subarray(sourceAt, sourceAt + abi.SOURCE_BYTES_MAX),
    digest,
  };
}
