/**
 * Answers that come later, of `skip` and `allow`: a bounded number at a time for each sender, each with a deadline. The
 * functions are the user's and may ask a database; whoever sends requests must not decide how often.
 *
 * Relies on: `within`. Refuses: to wait beyond the deadline, and to take anything but a clear yes in time for a yes.
 */
import { within } from '../time/deadline';
import type { Source } from '../types/index';
import { groupOf } from './slots';

/** Questions in flight for one sender. Beyond it the functions are not asked: the request is charged like any other. */
export const QUESTIONS_PER_SENDER = 64;

export class Questions {
  readonly #ipv6Prefix: number;
  readonly #inFlight: Map<string, number> = new Map<string, number>();

  /** Senders are grouped as the limiter groups them, so that nobody has a place for each of many addresses. */
  constructor(ipv6Prefix: number) {
    this.#ipv6Prefix = ipv6Prefix;
  }

  /** Whether `answer` becomes `true` within `ms`. Rejects as it does. */
  async isYes(source: Source, answer: PromiseLike<unknown>, ms: number): Promise<boolean> {
    const sender = groupOf(source, this.#ipv6Prefix);
    this.#inFlight.set(sender, (this.#inFlight.get(sender) ?? 0) + 1);
    try {
      return (await within(answer, ms)) === true;
    } finally {
      const left = (this.#inFlight.get(sender) as number) - 1;
      if (left === 0) this.#inFlight.delete(sender);
      else this.#inFlight.set(sender, left);
    }
  }

  /** Whether one more question about this sender may be asked. */
  has(source: Source): boolean {
    return (this.#inFlight.get(groupOf(source, this.#ipv6Prefix)) ?? 0) < QUESTIONS_PER_SENDER;
  }

  /** Senders with a question in flight. */
  get size(): number {
    return this.#inFlight.size;
  }
}
