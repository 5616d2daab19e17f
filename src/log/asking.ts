/**
 * Asks a store, and says in our words when it does not answer as a store does, or not in time.
 *
 * Relies on: errors, time, paths for where a log lies. Refuses: to wait for longer than `timeoutMs`, and to ask twice; its caller decides that. After a
 * call that was late, nobody knows whether it happened: it may still do.
 */
import { TracehoundError } from '../errors';
import { originPath } from '../formats/tlog';
import { LATE, within } from '../time/deadline';
import type { LogStore } from '../types/index';

/** How long a store or a signer may take for one answer. */
export const TIMEOUT_MS = 10_000;
/** From here on a store is slow. */
const SLOW_MS = 1_000;

/** Whatever `ask` throws becomes a recoverable `STORE_FAILED` with that cause; an error of ours stays. */
export async function asked<T>(
  what: keyof LogStore,
  ask: () => Promise<T>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<T> {
  let answer: T | typeof LATE;
  try {
    answer = await within(ask(), timeoutMs);
  } catch (cause) {
    if (cause instanceof TracehoundError) throw cause;
    throw new TracehoundError('STORE_FAILED', `store.${what}: failed, expected an answer, got an error`, {
      cause,
      recoverable: true,
    });
  }
  if (answer === LATE) throw late(what, timeoutMs);
  return answer;
}

const late = (what: keyof LogStore, timeoutMs: number): TracehoundError =>
  new TracehoundError('STORE_FAILED', `store.${what}: late, expected an answer within ${timeoutMs} ms, got none`, {
    recoverable: true,
  });

/** Reads the objects of the log `origin` in `store` by their paths within it. */
export function objectsOf(store: LogStore, origin: string): (path: string) => Promise<Uint8Array | undefined> {
  const prefix = `${originPath(origin)}/`;
  return (path) => asked('get', () => store.get(prefix + path));
}

export interface AskingPort {
  readonly now: () => number;
  readonly timeoutMs: number;
  /** Called when a store becomes slow, and when it is quick again. */
  readonly onSlow?: (isSlow: boolean) => void;
}

/** A store of which every call ends, and of which one can tell how quick it is. */
export class AskedStore implements LogStore {
  readonly #store: LogStore;
  readonly #port: AskingPort;
  /** Calls under way that are slow. */
  #waiting = 0;
  #slowSince: number | undefined;
  /** Takes an object away, where the store can. */
  readonly remove: ((key: string) => Promise<boolean>) | undefined;

  constructor(store: LogStore, port: AskingPort) {
    this.#store = store;
    this.#port = port;
    this.remove = store.delete && ((key) => this.#ask('delete', async () => store.delete?.(key) ?? false));
  }

  /** Since when calls have taken longer than they should; `undefined` when they do not. */
  get slowSince(): number | undefined {
    return this.#slowSince;
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.#ask('putIfAbsent', async () => this.#store.putIfAbsent(key, bytes));
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#ask('get', async () => this.#store.get(key));
  }

  swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'> {
    return this.#ask('swap', async () => this.#store.swap(key, bytes, expected));
  }

  #ask<T>(what: keyof LogStore, ask: () => Promise<T>): Promise<T> {
    // The deadline is within: it must be over before the next call is told how this one went.
    return asked(what, () => this.#timed(what, ask()), 2 * this.#port.timeoutMs);
  }

  async #timed<T>(what: keyof LogStore, work: Promise<T>): Promise<T> {
    const { now, timeoutMs, onSlow } = this.#port;
    const since = now();
    const slowMs = Math.min(SLOW_MS, timeoutMs / 2);
    const soon = await within(work, slowMs);
    if (soon !== LATE) {
      if (this.#waiting === 0 && this.#slowSince !== undefined) {
        this.#slowSince = undefined;
        onSlow?.(false);
      }
      return soon;
    }
    this.#waiting++;
    if (this.#slowSince === undefined) {
      this.#slowSince = since;
      onSlow?.(true);
    }
    try {
      const answer = await within(work, timeoutMs - slowMs);
      if (answer === LATE) throw late(what, timeoutMs);
      return answer;
    } finally {
      this.#waiting--;
    }
  }
}
