/**
 * What is passed in: the runtime below, the signer beside, the stores behind. Each is a type that anybody can implement.
 *
 * Relies on: nothing. Refuses: logic.
 * @module
 */

/**
 * Who is asking. A string that is strictly an IP address is canonicalised, any other string is a key; `address` is an
 * address or nobody; `key` is never parsed. With both, the key is the source and the address is ignored by the limiter.
 */
export type Source = string | { address?: string; key?: string };

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
  /**
   * Takes an object away that nobody replaces any more; `false` when there is none. Where a store has it, a log takes away
   * the parts that a later part holds too; where it has none, or refuses, they stay.
   */
  delete?(key: string): Promise<boolean>;
}

/** A store that can also replace one object, if it is still what the caller last saw. A log needs it for `checkpoint`. */
export interface LogStore extends Store {
  /**
   * Puts `bytes` in the place of exactly `expected`; `undefined` expects nothing there. Atomic and durable: whoever reads
   * sees the old or the new bytes, and of two callers with the same expectation one is told `conflict`.
   */
  swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'>;
}
