/**
 * Every public type, and nothing else: the words that the parts of Tracehound speak to each other.
 *
 * Relies on: `events`, `http`, `options`, `ports`, `results`, `signals`. Refuses: logic.
 * @module
 */
import type { TracehoundEvents, Trouble } from './events';
import type { GuardPort, HttpPort } from './http';
import type {
  Actor,
  EvidenceHandle,
  InterceptResult,
  PurgeReason,
  RateLimitResult,
  Scent,
  Severity,
  Source,
} from './results';

export type * from './events';
export type * from './http';
export type * from './options';
export type * from './ports';
export type * from './results';
export type * from './signals';

export interface RateLimiter {
  /** Charges `cost` (integer 1 … limit) to the source. Never throws on denial. */
  check(source: Source, cost?: number): RateLimitResult;
  /** As `check`, charging nothing. */
  peek(source: Source, cost?: number): RateLimitResult;
  /** Forgets what the source has used and its block. Recorded when there was anything to forget. */
  reset(source: Source, who?: Actor): void;
  /** Refuses the source for `ms`, whatever it used. Recorded. */
  block(source: Source, ms: number, who?: Actor): void;
  /**
   * Ends a block. Recorded. `false` when there was none. What the source has used stays used, so it may be refused until
   * its window has moved on; but for one window no refusal blocks it again.
   */
  unblock(source: Source, who?: Actor): boolean;
}

export interface QuarantineStats {
  readonly count: number;
  readonly bytes: number;
  readonly bySeverity: Readonly<Record<Severity, number>>;
}

export interface Quarantine {
  has(signature: string): boolean;
  get(signature: string): EvidenceHandle | undefined;
  /** By evidence id, its UUID, or a trace id that a refusal carried. */
  find(id: string): EvidenceHandle | undefined;
  /** A copy of the payload bytes. Recorded as ACCESSED. Throws `NOT_FOUND`, `ACCESS_DENIED`. */
  read(signature: string, who?: Actor): Uint8Array;
  /**
   * The item as one file that proves itself (docs/format.md, evidence bundle): bytes, salt, its records and sidecars, their
   * inclusion proofs, the signed head. Recorded as EXPORTED, which is in it. Rejects with `NOT_FOUND`, `ACCESS_DENIED`,
   * `RANGE_UNAVAILABLE` when a record of it is gone, and as `audit.flush`.
   */
  export(signature: string, who?: Actor): Promise<Uint8Array>;
  /** Ends the item as dealt with. `false` when it is not held. */
  neutralize(signature: string, who?: Actor): boolean;
  purge(signature: string, reason: PurgeReason, who?: Actor): boolean;
  /** Puts `scent` in the place of an item; keeps the old unless the new one fits. */
  replace(oldSignature: string, scent: Scent, who?: Actor): InterceptResult;
  /** Destroys everything that is held, each item with a PURGED record. Returns the number of items. */
  purgeAll(who?: Actor): number;
  /** @deprecated The old name of `purgeAll`: `audit.flush` saves, this destroys. */
  flush(who?: Actor): number;
  /** Oldest first; `after` is the `id` of the last handle of the page before. */
  list(options?: { limit?: number; after?: string }): EvidenceHandle[];
  readonly stats: QuarantineStats;
}

export interface AuditHead {
  readonly origin: string;
  /** Records ever appended. */
  readonly size: number;
  /** Lowercase hex Merkle tree head, RFC 9162 §2.1.1. */
  readonly root: string;
}

/** Hashes from the leaf up. `verifyInclusion` of `tracehound/verify` checks it against a head that you trust. */
export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
  /** Leaf hash of the record. */
  readonly leaf: Uint8Array;
  /** Lowercase hex tree head at `size`. Trust the one of a checkpoint instead. */
  readonly root: string;
}

/** `verifyConsistency` of `tracehound/verify` checks it against two heads. */
export interface ConsistencyProof {
  readonly from: number;
  readonly to: number;
  readonly hashes: readonly Uint8Array[];
}

export interface AuditExport {
  readonly origin: string;
  readonly from: number;
  readonly records: Uint8Array[];
  readonly details: (Uint8Array | null)[];
}

export interface Audit {
  head(): AuditHead;
  /** Recomputes every link over the records held. `gaps`: records that fell out unreleased. */
  verify(): { ok: boolean; from: number; to: number; gaps: number };
  /**
   * Writes what was folded; with a `storedLog`, resolves when everything up to now lies there, signed. Rejects with
   * `STORE_FAILED`, `SIGNER_FAILED`, `LOG_CONFLICT` or `LOG_ROLLBACK`; nothing is lost by that.
   */
  flush(): Promise<void>;
  /**
   * The signed head of the log as it is now: a C2SP checkpoint. Rejects as `flush`, and `UNSUPPORTED` where nobody can sign;
   * of a lean instance without `audit.log` so do the two proofs and `quarantine.export`.
   */
  checkpoint(): Promise<string>;
  /** Proof that record `seq` is in the log (RFC 9162 §2.1.3). Rejects with `RANGE_UNAVAILABLE` when leaves are gone. */
  proveInclusion(seq: number): Promise<InclusionProof>;
  /** Proof that the log at size `from` is a prefix of the log at size `to` (RFC 9162 §2.1.4). Default: up to now. */
  proveConsistency(from: number, to?: number): Promise<ConsistencyProof>;
  /** Records `from` (default: the oldest unreleased) up to `to` (exclusive, default all). Does not acknowledge. */
  export(range?: { from?: number; to?: number }): AuditExport;
  /** Acknowledges every record below `toSeq`. */
  release(toSeq: number): void;
  /** Logs of earlier epochs (before a panic or a restore) whose records were not yet released. */
  carried(): AuditExport[];
  /** Forgets the carried log of `origin`: it was stored. */
  releaseCarried(origin: string): void;
}

/** Everything countable, at one moment. Numbers only, no source, no signature. */
export interface Readings {
  readonly at: number;
  readonly runtime: string;
  readonly status: 'up' | 'idle' | 'down' | 'closed';
  readonly totals: {
    readonly seen: number;
    readonly flagged: number;
    readonly uninspected: number;
    readonly skipped: number;
    /** Exempt by `allow`, since this instance began. */
    readonly allowed: number;
    /** Unflagged, and not passed on because the client had gone. */
    readonly gone: number;
    readonly failedOpen: number;
    readonly byStatus: Readonly<Record<InterceptResult['status'], number>>;
  };
  readonly rateLimiter:
    | { readonly tracked: number; readonly maxSources: number; readonly evictions: number; readonly pressure: number }
    | undefined;
  readonly quarantine: QuarantineStats & {
    readonly maxCount: number;
    readonly maxBytes: number;
    readonly sources: number;
  };
  readonly audit: AuditHead & {
    readonly held: number;
    readonly unreleased: number;
    readonly lost: number;
    /** Size of the newest signed head in the store. */
    readonly signed: number;
    /**
     * `off` without a store; `slow` when it takes long to answer; `failing` when it did not take the last part; `stopped`
     * when another writer, or a store that went backwards, ended the writing.
     */
    readonly store: 'off' | 'ok' | 'slow' | 'failing' | 'stopped';
    /** Since when, unix ms; 0 for `off`, and while it never was anything but `ok`. */
    readonly since: number;
  };
  /** What is wrong now, oldest first. */
  readonly troubles: readonly Trouble[];
  readonly core: { readonly memoryBytes: number; readonly panics: number; readonly abi: number };
}

export interface Watcher {
  snapshot(): Readonly<Readings>;
}

/** An instance as adapters take it: one of `createTracehound`, or one that asks others. */
export interface GuardedTracehound extends Omit<Tracehound, 'http'> {
  readonly http: GuardPort;
}

export interface Tracehound {
  /** Synchronous, local, never throws. */
  intercept(scent: Scent): InterceptResult;
  /** Same order and results, plus async digest. Adapters use it. Never rejects. */
  interceptAsync(scent: Scent): Promise<InterceptResult>;
  readonly rateLimiter: RateLimiter;
  readonly quarantine: Quarantine;
  readonly audit: Audit;
  readonly watcher: Watcher;
  readonly http: HttpPort;
  /** 36-char UUIDv7 + '-' + 16 hex characters of fresh randomness. */
  id(): string;
  /**
   * Calls `handler` after each call that caused such an event has returned; answers how to stop. What a handler throws is
   * counted (`HANDLER_FAILED`) and reaches nobody. In a Durable Object handlers run in the object.
   *
   * @example
   * const off = th.on('trouble', ({ code, count }) => console.error(code, count));
   */
  on<Name extends keyof TracehoundEvents>(name: Name, handler: (event: TracehoundEvents[Name]) => unknown): () => void;
  /** A sealed image of this instance. */
  snapshot(options?: { unsealed?: boolean }): Promise<Uint8Array>;
  /** Flushes, writes the CLOSE record, stops timers. The instance answers `error` from then on. */
  close(): Promise<void>;
}
