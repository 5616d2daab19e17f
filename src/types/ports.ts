/**
 * What is passed in: the runtime below, the signer beside, the stores behind. Each is a type that anybody can implement.
 *
 * Relies on: `results` for who is asking, what a ledger answers and an event says. Refuses: logic.
 * @module
 */
import type { Disposition, Json, RateLimitResult, Severity, Source } from './results';

/** Five answers about the platform. Everything else is the same everywhere. */
export interface Runtime {
  /** `node`, `workerd` …: written into GENESIS. */
  readonly name: string;
  /** Says what `now` reads, e.g. `Date.now`: written into GENESIS. */
  readonly clockSource: string;
  /** A fresh core. Synchronous; many instances may live side by side. */
  core(): CoreInstance;
  /** Lowercase hex SHA-256 of `core.wasm`. */
  readonly coreDigest: string;
  /** Unix ms. */
  now(): number;
  /** Fills the array with cryptographic randomness. */
  random(bytes: Uint8Array): void;
  /** Keeps `work` alive after the response. Its failure is the runtime's to report, never to throw. */
  defer(work: Promise<unknown>, context?: unknown): void;
  /** Who is asking, from the platform's own knowledge, never from a header a client can send. */
  source(request: unknown, context?: unknown): Source | undefined;
  /** Whether the client has gone: nobody is left who could get an answer. Only where the platform shows it. */
  gone?(request: unknown, context?: unknown): boolean | Promise<boolean>;
  /** Calls `work` once, `ms` from now, between requests; answers how to call it off. Only where the platform has such timers. */
  after?(ms: number, work: () => void): () => void;
  /** SHA-256 without waiting, where the platform has it (node:crypto). */
  digest?(bytes: Uint8Array): Uint8Array;
  /** From this many bytes on `crypto.subtle.digest` is worth waiting for, where there is no `digest`. Default: 8,192. */
  readonly asyncDigestBytes?: number;
}

/** A linked core: its memory and its exports (see `assembly/index.ts`). */
export interface CoreInstance {
  readonly exports: CoreExports;
}

/** Functions by name, plus `memory`. The engine alone knows which. */
export type CoreExports = Readonly<Record<string, unknown>>;

/**
 * Signs notes with a key that is kept somewhere. *Trusted*: whoever holds its key could sign another history, not change
 * one that somebody already holds.
 */
export interface Signer {
  /** Name of the key, as in the signature line of a C2SP signed note: no spaces, no plus sign. */
  readonly name: string;
  /** The verifier key, `name+hash+base64` (C2SP signed-note), by which others recognise the signature. */
  readonly vkey: string;
  /**
   * The key that signs the heads of this log itself, one after the other. Only where signatures are chained to the log
   * (HMAC mode): given, no key is made and no KEY record written.
   */
  forLog?(origin: string): Signer;
  /** The signature over `message`, as the key's type wants it. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Bytes by key, create-only. *Untrusted*: its owner could lose or withhold bytes, not change them unseen. */
export interface Store {
  /** Never overwrites. Resolves once the bytes are durable. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keys that begin with `prefix`, in the order of their bytes, `limit` at most; with `after` where more follow. */
  list?(prefix: string, page?: { after?: string; limit?: number }): Promise<KeyPage>;
  /**
   * Whether there was something to delete. For what nobody replaces any more: where a store has it, a log takes away the
   * parts that a later part holds too; where it has none, or refuses, they stay.
   */
  delete?(key: string): Promise<boolean>;
  /** How long what was put is kept from everybody, asked of the server: `unknown` where it does not say. */
  retention?(): Promise<Retention>;
}

/** Keys, and what to ask for next; without `after` these are the last. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly after?: string;
}

/** `locked`: from its owner too. `governance`: from those without a special right. `removable`: by a rule, which can go. */
export type Retention = 'locked' | 'governance' | 'removable' | 'none' | 'unknown';

/** A store that can also replace one object, if it is still what the caller last saw. A log needs it for `checkpoint`. */
export interface LogStore extends Store {
  /**
   * Puts `bytes` in the place of exactly `expected`; `undefined` expects nothing there. Atomic and durable: whoever reads
   * sees the old or the new bytes, and of two callers with the same expectation one is told `conflict`.
   */
  swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'>;
}

/**
 * Where wrapped data keys lie, one object `keys/<id>` for each item of evidence (docs/format.md, "The key of an envelope").
 * Reserved: no part uses it yet. *Trusted* to forget: whoever controls it could keep a key that was deleted, so that erased
 * evidence can be read again by somebody who also has the deployment's key. It never lies under an object lock.
 */
export interface KeyStore extends Store {
  /** Resolves once nobody can read the key any more, copies and older versions included. */
  delete(key: string): Promise<boolean>;
}

/**
 * What several instances know together. *Trusted*: whoever controls it could admit or refuse anybody. Time is the ledger's
 * own. A failure rejects with `LEDGER_FAILED`, recoverable where time alone may mend it.
 */
export interface Ledger {
  read(key: string): Promise<Uint8Array | undefined>;
  /** As a store's, on one object that everybody sees. */
  swap(key: string, next: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'>;
  /**
   * Adds `n`, an integer ≥ 1; answers the total. The key ends `ttlMs` after the call that began it: later calls do not
   * prolong it.
   */
  add(key: string, n: number, ttlMs: number): Promise<number>;
  /** Strict: in no interval of `windowMs` is a key admitted more than `limit`, whoever asks. Only admitted cost counts. */
  charge(key: string, policy: LedgerPolicy, cost: number): Promise<RateLimitResult>;
  /** Blocks a source for everybody; a block that is there already ends at the later of the two times. */
  block(tag: string, ms: number): Promise<void>;
  /** Ends a block; whether there was one. */
  unblock(tag: string): Promise<boolean>;
  /** Every block that has not ended; with `since`, an earlier answer's `at`, what changed after it. */
  blocks(since?: string): Promise<BlockChanges>;
}

export interface LedgerPolicy {
  readonly limit: number;
  readonly windowMs: number;
}

export interface BlockChanges {
  /** `ms`: how long the block lasts from now on. */
  readonly blocked: readonly { readonly tag: string; readonly ms: number }[];
  /** Tags of blocks that were ended before their time; none without `since`. */
  readonly unblocked: readonly string[];
  /** Where the next question begins. */
  readonly at: string;
}

/** Where alerts go. *Untrusted*: its owner could lose, repeat or invent alerts; the log stays what it is. */
export interface Sink {
  readonly name: string;
  /** The caller makes no larger batches. */
  readonly maxBatchBytes: number;
  readonly maxBatchEvents: number;
  /**
   * Delivers a batch. Each event is in exactly one of the three lists of the answer. Never rejects: what a failing
   * destination or `signal` kept from arriving is to be sent again.
   */
  send(events: readonly LogEvent[], signal: AbortSignal): Promise<Sent>;
}

/** What became of a batch, by the ids of its events. */
export interface Sent {
  readonly accepted: readonly string[];
  /** To be sent again, as they are. */
  readonly retry: readonly string[];
  /** Never to be sent again. */
  readonly rejected: readonly { readonly id: string; readonly reason: string }[];
  /** How long the destination asks to be left alone. */
  readonly retryAfterMs?: number;
}

/** One record of the log, as alerts carry it: no body, and nothing that JSON would change. */
export interface LogEvent {
  /** `<origin>#<seq>`: the same record is the same event, however often it is sent. */
  readonly id: string;
  readonly origin: string;
  readonly seq: number;
  readonly kind: string;
  /** Unix ms. */
  readonly at: number;
  readonly severity?: Severity;
  readonly category?: string;
  /** Folded events. */
  readonly count: number;
  readonly disposition: Disposition;
  readonly sourceTag?: string;
  /** Evidence id. */
  readonly evidence?: string;
  readonly detail?: { readonly [name: string]: Json };
}
