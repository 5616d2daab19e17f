/**
 * Asks a store, and says in our words when it does not answer as a store does.
 *
 * Relies on: errors. Refuses: to wait for less than an answer and to ask twice; whoever asks decides that.
 */
import { TracehoundError } from '../errors';
import type { LogStore } from '../types/index';

/** Whatever `ask` throws becomes a recoverable `STORE_FAILED` with that cause; an error of ours stays. */
export async function asked<T>(what: keyof LogStore, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof TracehoundError) throw cause;
    throw new TracehoundError('STORE_FAILED', `store.${what}: failed, expected an answer, got an error`, {
      cause,
      recoverable: true,
    });
  }
}
