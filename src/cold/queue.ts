/**
 * Evidence that waits to be sent to a store: one bundle after the other, the oldest first.
 *
 *   sent          removed from the queue
 *   held no more  removed: it was evicted, or ended, and the log says how
 *   hopeless      removed and reported: it can never have a bundle, and must not hold up the others
 *   failed        moved to the end, so that one item that a store refuses does not hold up the others either
 *
 * Relies on: somebody who remembers the ids for as long as the evidence is held; create-only stores, so that an item that
 * is sent twice is one object. Refuses: to wait for a store longer than `STORE_MS`, and to know what a bundle is.
 *
 * @module
 */
import { type ErrorCode, TracehoundError } from '../errors';
import { tightBytes } from '../formats/bytes';
import { inTime, lateStore } from '../time/deadline';
import type { Store } from '../types/ports';

/** Ids of evidence, in the order in which they were added. */
export interface WaitingIds {
  /** At the end, unless it waits already. */
  add(id: string): void;
  first(): string | undefined;
  remove(id: string): void;
}

export interface QueuePort {
  readonly waiting: WaitingIds;
  readonly store: Store;
  /** The bundle of an item; `undefined` when it is held no more. */
  bundle(id: string): Promise<Uint8Array | undefined>;
  report(error: unknown): void;
}

/** Bundles that one turn sends. */
const BUNDLES_MAX = 64;
/** After this many failures in a row it is the store that fails, not an item. */
const FAILURES_MAX = 2;
/** How long a store may take for one bundle, ms. */
const STORE_MS = 10_000;
/** Why an item can have no bundle, now or later: its records are gone, it is gone, or `authorize` says no. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set(['RANGE_UNAVAILABLE', 'NOT_FOUND', 'ACCESS_DENIED']);

export class EvidenceQueue {
  readonly #port: QueuePort;
  #turn: Promise<void> | undefined;

  constructor(port: QueuePort) {
    this.#port = port;
  }

  add(id: string): void {
    this.#port.waiting.add(id);
  }

  get isEmpty(): boolean {
    return this.#port.waiting.first() === undefined;
  }

  /** Sends what waits, `BUNDLES_MAX` at most; whoever asks meanwhile waits for the same turn. Rejects with the first failure. */
  turn(): Promise<void> {
    this.#turn ??= this.#sendAll().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  async #sendAll(): Promise<void> {
    const { waiting } = this.#port;
    const failures = new Map<string, unknown>();
    let sent = 0;
    let inARow = 0;
    while (sent < BUNDLES_MAX && inARow < FAILURES_MAX) {
      const id = waiting.first();
      if (id === undefined || failures.has(id)) break;
      try {
        if (await this.#send(id)) sent++;
        waiting.remove(id);
        inARow = 0;
      } catch (error) {
        failures.set(id, error);
        waiting.remove(id);
        waiting.add(id);
        inARow++;
      }
    }
    for (const error of failures.values()) throw error;
  }

  /** Whether there was something to send. */
  async #send(id: string): Promise<boolean> {
    const { store, report } = this.#port;
    let bundle: Uint8Array | undefined;
    try {
      bundle = await this.#port.bundle(id);
    } catch (error) {
      if (!(error instanceof TracehoundError && HOPELESS.has(error.code))) throw error;
      report(error);
    }
    if (bundle === undefined) return false;
    await inTime(store.putIfAbsent(`${id}.json`, tightBytes(bundle)), STORE_MS, lateStore('evidence store', STORE_MS));
    return true;
  }
}
