/**
 * `th.on`: handlers that are called after the call that caused an event has returned.
 *
 * Relies on: promises of the language, to come later. Refuses: to let a handler throw into a request, to wait for one, and to
 * hold more events than {@link WAITING_MAX} between two turns.
 */
import type { TracehoundEvents } from '../types/index';

type Name = keyof TracehoundEvents;
type Handler = (event: never) => unknown;

/** A flood between two turns of the event loop costs at most this many events of memory; the others are counted. */
const WAITING_MAX = 1_024;

export class Events {
  readonly #handlers: Readonly<Record<Name, Set<Handler>>> = {
    trouble: new Set(),
    blocked: new Set(),
    quarantined: new Set(),
  };
  readonly #failed: (name: Name) => void;
  #waiting: [name: Name, event: unknown][] = [];
  /** Events that no handler was called for, because too many waited. */
  lost = 0;

  /** `failed`: a handler of `name` threw or rejected. */
  constructor(failed: (name: Name) => void) {
    this.#failed = failed;
  }

  /** Calls `handler` for every event from now on; answers how to stop. Throws `TypeError`, `RangeError`. */
  on<N extends Name>(name: N, handler: (event: TracehoundEvents[N]) => unknown): () => void {
    if (typeof name !== 'string' || !Object.hasOwn(this.#handlers, name)) {
      const names = Object.keys(this.#handlers).join(', ');
      throw new RangeError(`on: unknown event, expected one of ${names}, got another`);
    }
    if (typeof handler !== 'function') {
      throw new TypeError(`on: wrong kind of handler, expected a function, got ${typeof handler}`);
    }
    // The same function may be given twice: each has an end of its own.
    const own: Handler = (event) => handler(event);
    this.#handlers[name].add(own);
    return () => void this.#handlers[name].delete(own);
  }

  has(name: Name): boolean {
    return this.#handlers[name].size > 0;
  }

  emit<N extends Name>(name: N, event: TracehoundEvents[N]): void {
    if (!this.has(name)) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.lost++;
      return;
    }
    this.#waiting.push([name, event]);
    if (this.#waiting.length === 1) void Promise.resolve().then(() => this.#call());
  }

  #call(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [name, event] of waiting) {
      for (const handler of [...this.#handlers[name]]) {
        try {
          const answer = handler(event as never);
          // A promise that rejects must not end the process.
          if (answer instanceof Promise) answer.catch(() => this.#failed(name));
        } catch {
          this.#failed(name);
        }
      }
    }
  }
}
