/**
 * What an instance tells while it runs: records that somebody may want to know of at once, and troubles of its own.
 *
 * Relies on: `results`. Refuses: logic.
 * @module
 */
import type { EvidenceHandle, Severity } from './results';

/**
 * Stable names of what can go wrong behind an operator's back. Each has a page, `docs/trouble/<code>.md`: what it means,
 * what still holds, what to do.
 */
export type TroubleCode =
  /** The log's store takes no records. */
  | 'LOG_NOT_STORED'
  /** The log's store takes longer than it should; nothing is lost so far. */
  | 'LOG_SLOW'
  /** Another writer, or a store that went backwards, ended the writing for good. */
  | 'LOG_STOPPED'
  /** Parts of the log that it does not need any more could not be taken away: they cost room, and nothing else. */
  | 'LOG_LEFTOVERS'
  /** What is held of the log and what its store has do not follow on each other: one of them was set back. */
  | 'LOG_SET_BACK'
  /** The signer did not sign. */
  | 'SIGNER_FAILED'
  /** Records left memory before they were stored. */
  | 'RECORDS_LOST'
  /** Sidecars left memory before they were stored: their records prove less. */
  | 'SIDECARS_LOST'
  /** A detector threw, came too late or could not be read; `detail` says what became of its requests. */
  | 'DETECTOR_FAILED'
  /** Every request comes from one source: they share one limit. */
  | 'ONE_SOURCE'
  /** `X-Forwarded-For` or `Forwarded` is present, and nothing reads it. */
  | 'FORWARDED_UNREAD'
  /** Without `secret` tags, trace ids and blocks mean nothing outside this instance. */
  | 'SECRET_NOT_SET'
  /** The core stopped on a failed assertion, and a fresh one took over. */
  | 'CORE_PANIC'
  /** A handler that was given to `on` threw. */
  | 'HANDLER_FAILED';

/** One kind of trouble, as it stands. */
export interface Trouble {
  readonly code: TroubleCode;
  /** Unix ms: when it began. */
  readonly since: number;
  /** How often it happened since then. */
  readonly count: number;
  /** Numbers and names of ours; nothing of a request, no address, no key. */
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** A source was blocked: by refusals, or by hand. From its BLOCKED record. */
export interface BlockedEvent {
  /** Sequence number of the record. */
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
  /** Lowercase hex, as `sourceTag` of evidence. */
  readonly sourceTag: string;
  /** For how long, ms, rounded up to seconds. */
  readonly ms: number;
  readonly by: 'limit' | 'hand';
}

/** Evidence was taken in. From its QUARANTINED record; the item may be gone again. */
export interface QuarantinedEvent {
  readonly seq: number;
  readonly at: number;
  readonly severity: Severity;
  readonly sourceTag: string;
  /** `undefined` when it was evicted or ended before handlers were called. */
  readonly evidence: EvidenceHandle | undefined;
}

/** What can be listened to, and what a handler gets. */
export interface TracehoundEvents {
  trouble: Trouble;
  blocked: BlockedEvent;
  quarantined: QuarantinedEvent;
}
