/**
 * What an adapter may ask of an instance beside `interceptAsync`: five small ports, each for one purpose, held together
 * by `th.http`. Not for applications.
 *
 * Relies on: `options`, `results`. Refuses: logic.
 * @module
 */
import type { FailMode } from './options';
import type { Disposition, RateLimitResult, Source, UninspectedReason } from './results';

/** Options of the instance that an adapter must obey. */
export interface HttpSettings {
  readonly failMode: FailMode;
  readonly maxPayloadBytes: number;
  /** Bits of an IPv6 address that name one source, with and without a limiter. */
  readonly ipv6Prefix: number;
}

/** The platform, as this instance asks it. */
export interface HttpRuntime {
  now(): number;
  /** The runtime's own answer to who is asking. */
  source(request: unknown, context?: unknown): Source | undefined;
  /** Whether the client of this request has gone. `false` where the platform does not show it. */
  gone(request: unknown, context?: unknown): boolean | Promise<boolean>;
  defer(work: Promise<unknown>, context?: unknown): void;
  /** A request was answered. Where the platform has no timers, what waits for the log's store goes there now. */
  ship(context?: unknown): void;
}

/** The limiter, as far as a request needs it. */
export interface HttpLimits {
  /** `undefined` when `rateLimit` is `false`. Of the platform's limiter what it was made with. */
  readonly policy: { readonly limit: number; readonly windowMs: number } | undefined;
  /**
   * Charges one request; `undefined` when `rateLimit` is `false`. Throws only `TracehoundError`. A refusal is recorded
   * with `disposition`: `refused`, or `observed` when the request passes all the same.
   */
  charge(source: Source, disposition?: Disposition): RateLimitResult | undefined;
  /** Partition key of a source for `RateLimit` fields: 8 keyed bytes, not reversible. */
  partition(source: Source): Uint8Array;
}

/** What is made with subkeys of the instance's secret. */
export interface HttpKeys {
  /** 16 hex characters: keyed fingerprint of a secret header or query value. */
  redact(value: string): string;
  /** A fresh trace id for this evidence id (or for none): resolved by `quarantine.find`. Constant length. */
  traceId(evidenceId?: string): string;
  /** The same for who was limited: it hides the first 16 bytes of the source tag, and `quarantine.find` knows nothing of it. */
  traceOf(source: Source): string;
}

/** What the log and the watcher are told about requests that nobody intercepted. */
export interface HttpCounters {
  /**
   * Counts one request. `passed`: unflagged, or passed by `shadow` · `skipped`, `allowed`: exempt, so that no charge counted
   * it as seen · `gone`: its client left before it was passed on · `failedOpen`: passed because Tracehound failed.
   */
  count(what: 'passed' | 'skipped' | 'allowed' | 'gone' | 'failedOpen'): void;
  /** Records (folded per source) that a detector failed and what became of the request. */
  uninspected(source: Source, disposition: Disposition, reason: UninspectedReason): void;
}

/** Of an instance that decides by itself, at once. */
export interface HttpPort {
  readonly settings: HttpSettings;
  readonly runtime: HttpRuntime;
  readonly limits: HttpLimits;
  readonly keys: HttpKeys;
  readonly counters: HttpCounters;
}

/** `HttpPort` of an instance whose decisions may be made elsewhere, and come later. */
export interface GuardPort extends Omit<HttpPort, 'limits' | 'counters'> {
  readonly limits: Omit<HttpLimits, 'charge'> & {
    charge(
      source: Source,
      disposition?: Disposition,
    ): RateLimitResult | undefined | Promise<RateLimitResult | undefined>;
  };
  readonly counters: Omit<HttpCounters, 'uninspected'> & {
    uninspected(source: Source, disposition: Disposition, reason: UninspectedReason): void | Promise<void>;
  };
}
