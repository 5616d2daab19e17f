/**
 * Options of `createTracehound`: what can be chosen, and what is chosen when nothing is said.
 *
 * Relies on: `ports`, `results`. Refuses: logic; `instance/config.ts` checks.
 * @module
 */
import type { Runtime, Signer } from './ports';
import type { Actor, EvidenceHandle, OpenedSnapshot, RateLimitResult, Source } from './results';

export interface RateLimitOptions {
  /** Integer ms ≥ 32. Default 60,000. */
  windowMs?: number;
  /** Cost admitted per source in any `windowMs`: integer 1 … 2³¹−1. Default 100. */
  limit?: number;
  /** Ms a refused source stays blocked; 0 = no penalty. Default 0. */
  blockMs?: number;
  /** Sources tracked exactly; rounded up to a power of two. Default 65,536. */
  maxSources?: number;
  /** IPv6 addresses are counted by this prefix, 1 … 128 bits. Default 56. */
  ipv6Prefix?: number;
}

/**
 * A limiter that the platform keeps across instances, such as `edgeRateLimit` of `tracehound/fastly`. It counts as the
 * platform counts, so its answers carry `approximate`. Adapters ask it once for each request; `intercept` and
 * `rateLimiter` do not know it.
 */
export interface PlatformLimiter {
  /** Requests of one source in a window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Counts one request and says whether it may pass. */
  readonly charge: (source: Source) => RateLimitResult;
}

export interface QuarantineOptions {
  /** Items held. Default 10,000. */
  maxCount?: number;
  /** Sum of payload bytes held. Default 16 MiB. */
  maxBytes?: number;
  /** Share of items and bytes one source may hold, (0, 1]. Default 1/16. */
  maxShare?: number;
  /**
   * Asked before evidence is read or exported. Anything but `true`, and an exception, refuses: the caller gets
   * `ACCESS_DENIED` and the log an ACCESS_DENIED record. Default: everybody who holds the instance may.
   */
  authorize?: (act: 'read' | 'export', evidence: EvidenceHandle, who: Actor | undefined) => boolean;
}

export interface AuditOptions {
  /** Name of the log; `{instance}` becomes the instance's UUID. One origin = one writer. Default `local/{instance}`. */
  origin?: string;
  /** Records held until exported and released; with a `storedLog` at least 1,024. Default 4,096. */
  maxRecords?: number;
  /** The deployment's key. It says which keys may sign heads of the log; without it nobody can tell our log from another. */
  signer?: Signer;
  /**
   * Who signs the log, proves what is in it and writes it away: `heldLog()` or `storedLog(store)` of `tracehound/log`.
   * Default: `heldLog()`; then `export` and `release` are yours.
   */
  log?: AuditLog;
}

/** What `heldLog` and `storedLog` return. Opaque. */
export interface AuditLog {
  /** @internal For one instance. */
  readonly begin: (...of: never[]) => unknown;
}

/** What `openLog` returns: a log in a store, verified, to go on with. Opaque. */
export interface OpenedLog {
  readonly origin: string;
  readonly size: number;
  /** Lowercase hex. */
  readonly root: string;
}

/**
 * The key from which all keys of an instance are made: 32 to 1,024 random bytes. To change it, give the new one as `current`
 * and keep the old ones as `former`, at most 16: trace ids and snapshots made under them are still found and opened, and
 * nothing new is made with them. A log names the secret it was written under (`secretId` in GENESIS), never the secret.
 */
export type Secret = Uint8Array | { current: Uint8Array; former?: readonly Uint8Array[] };

export type FailMode = 'open' | 'closed';

export interface TracehoundOptions {
  /** `false` switches the limiter off; one of the platform's takes its place. */
  rateLimit?: RateLimitOptions | PlatformLimiter | false;
  quarantine?: QuarantineOptions;
  /** Largest payload kept, bytes. Default 65,536. */
  maxPayloadBytes?: number;
  audit?: AuditOptions;
  /** ≥ 32 bytes. Default: random per instance — then source tags do not correlate across instances. */
  secret?: Secret;
  /** What becomes of *unflagged* requests when Tracehound itself fails. Default `open`. */
  failMode?: FailMode;
  /** No line on stderr when something goes wrong; `th.on('trouble')` is told all the same. Default `false`. */
  quiet?: boolean;
  runtime?: Runtime;
  /** Unix ms; default the runtime's clock. */
  clock?: () => number;
  /** Escape hatch for bundlers: a compiled `core.wasm`. */
  module?: WebAssembly.Module;
  /** An opened snapshot to begin from. */
  restore?: OpenedSnapshot;
}

export interface ResolvedAudit {
  readonly origin: string;
  readonly maxRecords: number;
  readonly signer: Signer | undefined;
}

/** Options after validation: every field present. */
export interface ResolvedOptions {
  /** `false` where there is none, and where the platform's limits. */
  rateLimit: Required<RateLimitOptions> | false;
  limiter: PlatformLimiter | undefined;
  quarantine: Required<Omit<QuarantineOptions, 'authorize'>>;
  maxPayloadBytes: number;
  audit: ResolvedAudit;
  secret: Uint8Array | undefined;
  /** Secrets before it, newest first: they find, and make nothing. */
  formerSecrets: readonly Uint8Array[];
  failMode: FailMode;
  quiet: boolean;
  clock: (() => number) | undefined;
}
