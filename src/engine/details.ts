/**
 * Sidecars: what a record's detail field commits to. One is kept for as long as its record is held, so that what can be
 * exported is complete; the records that are held are bounded, and sidecars by them.
 *
 * Relies on: inbox for hashing, the core for which records it holds. Refuses: to know what a sidecar says, and a bound of
 * its own: a sidecar that went before its record would be lost without a count, and with it who did what, or the key of the
 * log.
 */
import * as abi from '../../assembly/abi';
import { hashInto } from './inbox';
import type { Core } from './link';

const HASH_AT = abi.INBOX_AT + abi.INBOX_DETAIL_HASH;
const FLAGS = abi.INBOX_AT >>> 2;

interface Kept {
  readonly detail: Uint8Array;
  /** 0 of an act, 1 of a threat: as it is written down. */
  readonly sort: number;
  /** No record behind this one commits to it; infinite until the core was asked. */
  seq: number;
}

export class Details {
  /** By the hash that records commit to, as a string of 32 characters, in the order of their records. */
  readonly #kept = new Map<string, Kept>();
  /** Some were read back, and nobody knows of which record each is. */
  #isReadBack = false;

  /** Runs a call whose record commits to `detail`, if there is one; keeps the sidecar if a record does. */
  with<T>(core: Core, detail: Uint8Array | undefined, call: () => T): T {
    return detail === undefined ? call() : this.#with(core, detail, call, 0);
  }

  /** As `with`, for what a detector said. */
  withThreat<T>(core: Core, detail: Uint8Array, call: () => T): T {
    return this.#with(core, detail, call, 1);
  }

  #with<T>(core: Core, detail: Uint8Array, call: () => T, sort: number): T {
    hashInto(core, detail, abi.INBOX_DETAIL_HASH);
    core.u32[FLAGS] = abi.IN_DETAIL;
    const hash = core.bytes.slice(HASH_AT, HASH_AT + 32);
    const key = keyOf(hash, 0);
    const result = call();
    if (((core.u32[FLAGS] as number) & abi.IN_DETAIL_USED) !== 0) {
      this.#put(key, { detail, sort, seq: numberIn(core, abi.AUDIT_SIZE) - 1 });
      this.#forget(core);
      core.detailed?.(hash, sort, detail);
    }
    core.u32[FLAGS] = 0;
    return result;
  }

  #put(key: string, kept: Kept): void {
    this.#kept.delete(key); // Two records may commit to one sidecar: it goes with the later one.
    this.#kept.set(key, kept);
  }

  /** Forgets what belongs to records that are held no more. */
  #forget(core: Core): void {
    if (this.#isReadBack) {
      const last = numberIn(core, abi.AUDIT_SIZE) - 1;
      for (const kept of this.#kept.values()) kept.seq = Math.min(kept.seq, last);
      this.#isReadBack = false;
    }
    const heldFrom = numberIn(core, abi.AUDIT_HELD_FROM);
    for (const [key, { seq }] of this.#kept) {
      if (seq >= heldFrom) return;
      this.#kept.delete(key);
    }
  }

  /** Keeps a sidecar that was written down, to which a record commits by `hash`. */
  keep(hash: Uint8Array, sort: number, detail: Uint8Array): void {
    this.#put(keyOf(hash, 0), { detail, sort, seq: Number.POSITIVE_INFINITY });
    this.#isReadBack = true;
  }

  /** All that are kept, oldest first, as `keep` takes them. */
  all(): [hash: Uint8Array, sort: number, detail: Uint8Array][] {
    return [...this.#kept].map(([key, { sort, detail }]) => [bytesOf(key), sort, detail]);
  }

  /** The sidecar that `record` commits to; `null` when it has none or it is not there. */
  of(record: Uint8Array): Uint8Array | null {
    if (((record[abi.LOG_FLAGS + 1] as number) & abi.FLAG_SIDECAR) === 0) return null;
    return this.#kept.get(keyOf(record, abi.LOG_DETAIL))?.detail ?? null;
  }
}

const numberIn = (core: Core, field: number): number => core.f64[(core.places.audit + field) >>> 3] as number;
const bytesOf = (key: string): Uint8Array => Uint8Array.from(key, (character) => character.charCodeAt(0));
const keyOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 32));
