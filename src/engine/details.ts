/**
 * Sidecars: what a record's detail field commits to. Kept for export, bounded; one that fell out is "detail unavailable",
 * never "tampered".
 *
 * Relies on: inbox for hashing. Refuses: to know what a sidecar says.
 */
import * as abi from '../../assembly/abi';
import { hashInto } from './inbox';
import type { Core } from './link';

const DETAILS_MAX = 1_024;
const HASH_AT = abi.INBOX_AT + abi.INBOX_DETAIL_HASH;
const FLAGS = abi.INBOX_AT >>> 2;

export class Details {
  /** By the hash that records commit to, as a string of 32 characters. */
  readonly #byHash = new Map<string, Uint8Array>();

  /** Runs a call whose record commits to `detail`, if there is one, and keeps the sidecar. */
  with<T>(core: Core, detail: Uint8Array | undefined, call: () => T): T {
    const flags = (core.u32[FLAGS] as number) & ~abi.IN_DETAIL;
    core.u32[FLAGS] = flags;
    if (detail === undefined) return call();
    hashInto(core, detail, abi.INBOX_DETAIL_HASH);
    core.u32[FLAGS] = flags | abi.IN_DETAIL;
    const key = keyOf(core.bytes, HASH_AT);
    const result = call();
    this.#byHash.set(key, detail);
    if (this.#byHash.size > DETAILS_MAX) this.#byHash.delete(this.#byHash.keys().next().value as string);
    return result;
  }

  /** The sidecar that `record` commits to; `null` when it has none or it is kept no more. */
  of(record: Uint8Array): Uint8Array | null {
    if (((record[abi.LOG_FLAGS + 1] as number) & abi.FLAG_SIDECAR) === 0) return null;
    return this.#byHash.get(keyOf(record, abi.LOG_DETAIL)) ?? null;
  }
}

const keyOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 32));
