/**
 * What comes in and what is answered: sources, scents, signals, rate limits, evidence, results.
 *
 * Relies on: `errors` for one class. Refuses: logic.
 * @module
 */
import type { TracehoundError } from '../errors';

/**
 * Who is asking. A string that is strictly an IP address is canonicalised, any other string is a key; `address` is an
 * address or nobody; `key` is never parsed. With both, the key is the source and the address is ignored by the limiter.
 */
export type Source = string | { address?: string; key?: string };

/** How bad an external detector says it is. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';

/** What an external detector said about one request. Strings longer than stated are cut, never refused. */
export interface ThreatSignal {
  /** Class of the attack, `[a-z0-9_.-]{1,64}`; anything else is recorded as `unknown`. */
  category: string;
  /** Anything but the four words is recorded as `high`. */
  severity: Severity;
  /** Who said so, ≤ 64 bytes: `modsecurity`, `cloudflare-waf`, your own rule's name. */
  detector?: string;
  /** The next five go, cut to a size, into the sidecar of the record. Id of the rule that spoke, ≤ 64 bytes. */
  rule?: string;
  /** Version of the rule set, ≤ 32 bytes. */
  version?: string;
  /** Any finite number, in the detector's own scale. */
  score?: number;
  /** For people, ≤ 96 bytes. */
  reason?: string;
  /** What the detector said, as it said it, ≤ 96 bytes: how the signal was trusted can be told again from it. */
  raw?: string;
}

/** JSON values as RFC 8785 understands them. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What happened to the request, for the log: did the attack get in? Default `refused` with a threat, else `none`. */
export type Disposition = 'none' | 'refused' | 'observed' | 'passed';

/**
 * Why nobody inspected a request: the detector threw; it took too long; its verdict came and could not be read; the hop that
 * should have given one said nothing; the body that the detector asked for did not arrive in time.
 */
export type UninspectedReason = 'threw' | 'timeout' | 'unreadable' | 'silent' | 'unsent';

/** What came in. */
export interface Scent {
  source: Source;
  /** The bytes to keep when there is a threat. Bytes and strings as they are, JSON values by RFC 8785. */
  payload?: Uint8Array | string | Json;
  /** The caller's own id of the request. Not used for any decision. */
  id?: string;
  /** Unix ms, the caller's. Not used for any decision: only the runtime's clock counts. */
  timestamp?: number;
  threat?: ThreatSignal;
  /** What makes two threats the same; default the payload, then the source. */
  fingerprint?: Uint8Array | string;
  /** A receipt of an earlier charge: the scent is not charged again. */
  rate?: RateLimitResult;
  disposition?: Disposition;
  /** The payload is a prefix of what came. */
  truncated?: boolean;
}

/** The limiter's answer, and the receipt for it. */
export interface RateLimitResult {
  readonly allowed: boolean;
  /** The source is under a block penalty. */
  readonly blocked: boolean;
  readonly limit: number;
  /** Cost that would still be admitted now, 0 … limit. */
  readonly remaining: number;
  /** Ms until `remaining` next rises; 0 when nothing is used. */
  readonly resetMs: number;
  /** Ms after which the same cost is admitted if nobody else spends; 0 when allowed. One ms earlier is refused. */
  readonly retryAfterMs: number;
  /** Decided from the approximate memory of evicted sources, which may over-count, never under-count. */
  readonly degraded: boolean;
  /** Decided by a limiter of the platform, which counts in its own places and may under-count: the numbers are estimates. */
  readonly approximate?: true;
}

/** Frozen facts about one quarantined scent. No bytes, no clear source. */
export interface EvidenceHandle {
  /** 36-char UUIDv7 + '-' + 16 hex characters. */
  readonly id: string;
  /** Sequence number of its QUARANTINED record. */
  readonly seq: number;
  /** `category:sha256hex`. */
  readonly signature: string;
  /** Lowercase hex SHA-256 of the payload bytes. */
  readonly hash: string;
  /** Payload bytes kept. */
  readonly size: number;
  readonly truncated: boolean;
  readonly severity: Severity;
  readonly category: string;
  readonly detector: string | undefined;
  /** Lowercase hex HMAC-SHA-256 of the canonical source: equal for equal sources under one `secret`. */
  readonly sourceTag: string;
  /** Unix ms. */
  readonly capturedAt: number;
  readonly lastSeenAt: number;
  /** Times seen, the first included. */
  readonly seen: number;
  readonly disposition: Disposition;
}

export type DropReason = 'capacity' | 'oversized' | 'invalid';

/** `rate` is absent when `rateLimit` is `false`. Only `clean` may pass. */
export type InterceptResult =
  | { readonly status: 'clean'; readonly rate?: RateLimitResult }
  | {
      readonly status: 'rate_limited';
      readonly rate: RateLimitResult;
      readonly retryAfterMs: number;
      readonly blocked: boolean;
    }
  | { readonly status: 'quarantined'; readonly rate?: RateLimitResult; readonly evidence: EvidenceHandle }
  | { readonly status: 'duplicate'; readonly rate?: RateLimitResult; readonly evidence: EvidenceHandle }
  | {
      readonly status: 'dropped';
      readonly rate?: RateLimitResult;
      readonly id: string;
      readonly signature?: string;
      readonly reason: DropReason;
    }
  | {
      readonly status: 'payload_too_large';
      readonly rate?: RateLimitResult;
      readonly id: string;
      readonly limit: number;
      readonly size: number;
    }
  | { readonly status: 'error'; readonly error: TracehoundError };

/** Who touches evidence, for the record. */
export interface Actor {
  actor: string;
  purpose: string;
  case?: string;
}

export type PurgeReason = 'timeout' | 'error' | 'abort' | 'panic' | 'expired' | 'erased';

export interface OpenSnapshotOptions {
  /** The `secret` of the instance that made it; former ones are tried too. Given, an unsealed snapshot is refused. */
  secret?: Uint8Array | { current: Uint8Array; former?: readonly Uint8Array[] };
  /** Opens an unsealed snapshot although a `secret` is given. */
  unsealed?: boolean;
}

/** What `openSnapshot` returns: verified bytes, opaque. */
export interface OpenedSnapshot {
  readonly version: number;
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** @internal sections by name. */
  readonly sections: Readonly<Record<string, Uint8Array>>;
}
