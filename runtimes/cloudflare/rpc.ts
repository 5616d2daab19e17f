/**
 * What a Worker and its object say to each other: the calls, and errors as values, because a class does not survive the way.
 *
 * Relies on: structured clones (Workers RPC). Refuses: stacks and causes: they stay where they were thrown.
 */
import { type ErrorCode, TracehoundError } from '../../src/errors';
import type {
  Actor,
  AuditHead,
  Disposition,
  EvidenceHandle,
  InterceptResult,
  PurgeReason,
  QuarantineStats,
  RateLimitResult,
  Readings,
  Scent,
  Source,
} from '../../src/types/index';

/** What an object can be asked. Every answer is stored before it is given. Errors come as {@link TracehoundError}. */
export interface ObjectCalls {
  /** Charges one request. `undefined` when `rateLimit` is `false`. */
  charge(source: Source, disposition?: Disposition): RateLimitResult | undefined;
  intercept(scent: Scent): InterceptResult;
  uninspected(source: Source, disposition: Disposition, reason: 'threw' | 'timeout'): void;
  peek(source: Source, cost?: number): RateLimitResult;
  reset(source: Source): void;
  block(source: Source, ms: number, who?: Actor): void;
  unblock(source: Source, who?: Actor): boolean;
  find(idOrTraceId: string): EvidenceHandle | undefined;
  list(options?: { limit?: number; after?: string }): EvidenceHandle[];
  stats(): QuarantineStats;
  read(signature: string, who?: Actor): Uint8Array;
  /** An evidence bundle (docs/format.md). */
  export(signature: string, who?: Actor): Uint8Array;
  neutralize(signature: string, who?: Actor): boolean;
  purge(signature: string, reason: PurgeReason, who?: Actor): boolean;
  head(): AuditHead;
  /** Stores and signs everything that is in the log now. */
  flush(): void;
  /** The signed head of the log as it is now. */
  checkpoint(): string;
  watch(): Readings;
}

/** An answer on its way. */
export type Answer<T> = { readonly value: T } | { readonly error: Failure };

interface Failure {
  /** None for `TypeError` and `RangeError`. */
  readonly code: ErrorCode | 'TypeError' | 'RangeError';
  readonly message: string;
  readonly recoverable: boolean;
}

/** What is asked of an object from outside. */
export type ObjectStub = {
  readonly [name in keyof ObjectCalls]: (
    ...args: Parameters<ObjectCalls[name]>
  ) => Promise<Answer<ReturnType<ObjectCalls[name]>>>;
};

export function failureOf(error: unknown): Failure {
  const { message } = error as Error;
  if (error instanceof TracehoundError) return { code: error.code, message, recoverable: error.recoverable };
  if (error instanceof TypeError) return { code: 'TypeError', message, recoverable: false };
  if (error instanceof RangeError) return { code: 'RangeError', message, recoverable: false };
  return {
    code: 'RUNTIME_FAILED',
    message: 'object: the call failed, expected an answer, got an error',
    recoverable: true,
  };
}

export function errorOf({ code, message, recoverable }: Failure): Error {
  if (code === 'TypeError') return new TypeError(message);
  if (code === 'RangeError') return new RangeError(message);
  return new TracehoundError(code, message, { recoverable });
}

/** The value of an answer. Throws the error that came instead. */
export function unwrapped<T>(answer: Answer<T>): T {
  if ('error' in answer) throw errorOf(answer.error);
  return answer.value;
}
