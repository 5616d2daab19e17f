/**
 * Functions of the user that must answer at once: what they say is acted on in the same turn, so a promise would be taken
 * for an answer that it is not.
 *
 * Relies on: nothing. Refuses: promises, with a sentence. Their rejection, which nobody will ever await, is handled: it
 * must not end the process.
 */

/** The answer as it is. Throws `TypeError` for a promise, whatever becomes of it. */
export function atOnce<T>(part: string, answer: T): T {
  if (!isThenable(answer)) return answer;
  Promise.resolve(answer).catch(() => {});
  throw new TypeError(`${part}: answers later, expected an answer at once, got a promise`);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
