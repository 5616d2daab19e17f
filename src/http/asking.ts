/**
 * Answers that come later, of `skip` and `allow`: a bounded number at a time for each sender, each with a deadline. The
 * functions are the user's and may ask a database; whoever sends requests must not decide how often.
 *
 * Relies on: `within`. Refuses: to wait beyond the deadline, and to take anything but a clear yes in time for a yes.
 */
import { addressOf, masked } from '../formats/address';
import { within } from '../time/deadline';
import type { Source } from '../types/index';

/** Questions in flight for one sender. Beyond it the functions are not asked: the request is charged like any other. */
export const QUESTIONS_PER_SENDER = 64;
/** An IPv6 subscriber has at least this network for itself. */
const IPV6_BITS = 56;

export class Questions {
  readonly #inFlight = new Map<string, number>();

  /** Whether `answer` becomes `true` within `ms`. Rejects as it does. */
  async isYes(source: Source, answer: PromiseLike<unknown>, ms: number): Promise<boolean> {
    const sender = senderOf(source);
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
    return (this.#inFlight.get(senderOf(source)) ?? 0) < QUESTIONS_PER_SENDER;
  }

  /** Senders with a question in flight. */
  get size(): number {
    return this.#inFlight.size;
  }
}

/** One name for all addresses of one network, so that nobody has a place for each of them. */
function senderOf(source: Source): string {
  const { key, address } = typeof source === 'string' ? { key: undefined, address: source } : source;
  if (typeof key === 'string') return `key ${key}`;
  const bytes = typeof address === 'string' ? addressOf(address) : undefined;
  if (bytes === undefined) return `text ${String(address)}`;
  return bytes.length === 4 ? bytes.join('.') : masked(bytes, IPV6_BITS).join('.');
}
