/**
 * One question to another process, with an end: an answer, or an error that says why there is none.
 *
 * Relies on: the caller's word for which errors another try may help against. Refuses: to wait longer than `timeoutMs` for
 * both tries together, and to try again after that: the caller answers by itself (fallback.ts).
 *
 * @module
 */
import { TracehoundError } from '../errors';
import { inTime } from '../time/deadline';

export interface Asking {
  /** For messages, e.g. `object.charge`. */
  readonly name: string;
  readonly timeoutMs: number;
  /** Whether a second try may do, e.g. because the other moved. */
  isRetryable(error: unknown): boolean;
}

/**
 * What `once` answers. It is asked a second time where that may help: charged twice is refused early, never admitted late.
 * Rejects with `SHARD_UNREACHABLE` when nobody answers in time, with `NOT_SENDABLE` when the question itself cannot be sent.
 */
export async function askOther<T>(once: () => Promise<T>, { name, timeoutMs, isRetryable }: Asking): Promise<T> {
  const twice = async (): Promise<T> => {
    try {
      return await once();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return await once();
    }
  };
  const late = new TracehoundError('SHARD_UNREACHABLE', `${name}: late, expected an answer in time, got none`, {
    recoverable: true,
  });
  try {
    return await inTime(twice(), timeoutMs, () => late);
  } catch (cause) {
    if (cause === late) throw late;
    if (isCloneError(cause)) {
      const problem = 'cannot be sent, expected values that can be copied, got one that cannot';
      throw new TracehoundError('NOT_SENDABLE', `${name}: ${problem}`, { cause });
    }
    throw new TracehoundError('SHARD_UNREACHABLE', `${name}: failed, expected an answer in time, got an error`, {
      cause,
      recoverable: true,
    });
  }
}

/** What `structuredClone` and RPC throw for a value that has no copy (HTML, "StructuredSerialize"). */
const isCloneError = (error: unknown): boolean => (error as { name?: unknown } | null)?.name === 'DataCloneError';
