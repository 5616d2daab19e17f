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
  /** By the number they are stored with. */
  readonly #sorts = [this.#acts, this.#threats] as const;

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
    const hash = core.bytes.slice(HASH_AT, HASH_AT + 32);
    const key = keyOf(hash, 0);
    const result = call();
    if (((core.u32[FLAGS] as number) & abi.IN_DETAIL_USED) !== 0) {
      put(kept, key, detail);
      core.detailed?.(hash, kept === this.#acts ? 0 : 1, detail);
    }
    core.u32[FLAGS] = 0;
    return result;
  }

  /** Keeps a sidecar that a record commits to by `hash`; `sort`: 0 of an act, 1 of a threat. */
  keep(hash: Uint8Array, sort: number, detail: Uint8Array): void {
    put(this.#sorts[sort] ?? this.#acts, keyOf(hash, 0), detail);
  }

  /** All that are kept, oldest first, as `keep` takes them. */
  all(): [hash: Uint8Array, sort: number, detail: Uint8Array][] {
    return this.#sorts.flatMap((kept, sort) =>
      [...kept].map(([key, detail]): [Uint8Array, number, Uint8Array] => [bytesOf(key), sort, detail]),
    );
  }

  /** The sidecar that `record` commits to; `null` when it has none or it is kept no more. */
  of(record: Uint8Array): Uint8Array | null {
    if (((record[abi.LOG_FLAGS + 1] as number) & abi.FLAG_SIDECAR) === 0) return null;
    const key = keyOf(record, abi.LOG_DETAIL);
    return this.#acts.get(key) ?? this.#threats.get(key) ?? null;
  }
}

function put(kept: Map<string, Uint8Array>, key: string, detail: Uint8Array): void {
  kept.set(key, detail);
  if (kept.size > DETAILS_MAX) kept.delete(kept.keys().next().value as string);
}

const bytesOf = (key: string): Uint8Array => Uint8Array.from(key, (character) => character.charCodeAt(0));
const keyOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 32));
