/**
 * Errors: the world failing, or a caller's mistake. Expected answers are results, never errors.
 *
 * Relies on: nothing. Refuses: to carry a caller's data — messages name the part, the problem, what was expected and
 * the *kind* of what came. Codes are API; messages are not.
 *
 * @module
 */

/** Stable codes of {@link TracehoundError}. */
export type ErrorCode =
  /** The core stopped on a failed assertion and was replaced; this call was not carried out. */
  | 'CORE_PANIC'
  /** The core panicked three times within a minute and is not revived any more. */
  | 'CORE_DOWN'
  /** The core could not be brought up: no WebAssembly, out of memory, another ABI version. */
  | 'CORE_START'
  /** A scent without a threat could not be read. */
  | 'SCENT_INVALID'
  /** The runtime's clock, randomness or digest failed. */
  | 'RUNTIME_FAILED'
  /** The instance was closed. */
  | 'CLOSED'
  /** `rateLimiter` was called although `rateLimit` is `false`. */
  | 'RATE_LIMIT_OFF'
  /** No such evidence; no such key or setting in a store of the platform. */
  | 'NOT_FOUND'
  /** A snapshot is damaged, of another version, or sealed under another secret. */
  | 'SNAPSHOT_INVALID'
  /** A snapshot needs a `secret` (or `{ unsealed: true }`). */
  | 'SNAPSHOT_UNSEALED'
  /** An audit range asks for records that are not held. */
  | 'RANGE_UNAVAILABLE'
  /** A signed note, a checkpoint, a key or a proof that is not spelt as its specification says. */
  | 'NOTE_INVALID'
  /** A signature by a known key that does not verify, or no signature by a known key. */
  | 'NOTE_UNVERIFIED'
  /** A policy file that is not a C2SP tlog-policy. */
  | 'POLICY_INVALID'
  /** A log file, an evidence bundle or a tile that is not spelt as docs/format.md says. */
  | 'LOG_INVALID'
  /** Somebody else wrote to this log: one origin has one writer. */
  | 'LOG_CONFLICT'
  /** The store holds less of a log than it held before. */
  | 'LOG_ROLLBACK'
  /** `policy` of `storedLog` is `halt` and the next record might be lost. */
  | 'LOG_FULL'
  /** A store did not answer, or not as a store answers. */
  | 'STORE_FAILED'
  /** A ledger did not answer, or not as a ledger answers. */
  | 'LEDGER_FAILED'
  /** A signer did not answer, or not with a signature. */
  | 'SIGNER_FAILED'
  /** A trusted detector's header holds no verdict (`(null)`, nothing, other text): the request counts as uninspected. */
  | 'SIGNAL_UNREADABLE'
  /** A trusted detector said nothing, and `silence` says that it should have: the request counts as uninspected. */
  | 'SIGNAL_SILENT'
  /** `quarantine.authorize` refused the act. */
  | 'ACCESS_DENIED'
  /** The object that decides for this source did not answer in time, or failed. */
  | 'SHARD_UNREACHABLE'
  /** A question to another process holds a value that cannot be copied there. */
  | 'NOT_SENDABLE'
  /** A call that this build cannot carry out yet. */
  | 'UNSUPPORTED';

/** The one error class. `recoverable`: the same call may succeed later. */
export class TracehoundError extends Error {
  override readonly name = 'TracehoundError';
  readonly code: ErrorCode;
  readonly recoverable: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; recoverable?: boolean } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.recoverable = options.recoverable ?? false;
  }
}
