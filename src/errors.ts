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
  /** No such evidence. */
  | 'NOT_FOUND'
  /** A snapshot is damaged, of another version, or sealed under another secret. */
  | 'SNAPSHOT_INVALID'
  /** A snapshot needs a `secret` (or `{ unsealed: true }`). */
  | 'SNAPSHOT_UNSEALED'
  /** An audit range asks for records that are not held. */
  | 'RANGE_UNAVAILABLE'
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
