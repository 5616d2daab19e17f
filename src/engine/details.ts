/**
 * Sidecars: what a record's detail field commits to. Kept for export, bounded; one that fell out is "detail unavailable",
 * never "tampered".
 *
 * Relies on: inbox for hashing. Refuses: to know what a sidecar says.
 */
import * as abi from '../../assembly/abi';
import { hashInto } from './inbox';
import type { Core } from './link';

/** Of each of the two sorts. */
const DETAILS_MAX = 1_024;
const HASH_AT = abi.INBOX_AT + abi.INBOX_DETAIL_HASH;
const FLAGS = abi.INBOX_AT >>> 2;

export class Details {
  /** Of acts, by the hash that records commit to, as a string of 32 characters. */
  readonly #acts = new Map<string, Uint8Array>();
  /** Of threats: apart, so that no flood of them pushes out who did what, and with which key. */
  readonly #threats = new Map<string, Uint8Array>();

  /** Runs a call whose record commits to `detail`, if there is one; keeps the sidecar if a record does. */
  with<T>(core: Core, detail: Uint8Array | undefined, call: () => T): T {
    return detail === undefined ? call() : this.#with(core, detail, call, this.#acts);
  }

  /** As `with`, for what a detector said. */
  withThreat<T>(core: Core, detail: Uint8Array, call: () => T): T {
    return this.#with(core, detail, call, this.#threats);
  }

  #with<T>(core: Core, detail: Uint8Array, call: () => T, kept: Map<string, Uint8Array>): T {
    hashInto(core, detail, abi.INBOX_DETAIL_HASH);
    core.u32[FLAGS] = abi.IN_DETAIL;
    const key = keyOf(core.bytes, HASH_AT);
    const result = call();
    if (((core.u32[FLAGS] as number) & abi.IN_DETAIL_USED) !== 0) {
      kept.set(key, detail);
      if (kept.size > DETAILS_MAX) kept.delete(kept.keys().next().value as string);
    }
    core.u32[FLAGS] = 0;
    return result;
  }

  /** The sidecar that `record` commits to; `null` when it has none or it is kept no more. */
  of(record: Uint8Array): Uint8Array | null {
    if (((record[abi.LOG_FLAGS + 1] as number) & abi.FLAG_SIDECAR) === 0) return null;
    const key = keyOf(record, abi.LOG_DETAIL);
    return this.#acts.get(key) ?? this.#threats.get(key) ?? null;
  }
}

const keyOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 32));
