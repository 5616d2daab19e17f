/**
 * A list of blocked sources that others read before they ask: written by who blocked, a mirror and never the truth. A block
 * that is not in it yet, or not any more, costs one question and nothing else.
 *
 * Relies on: a list that takes entries by place (instance/place.ts) and may answer late, stale or not at all. Refuses: to
 * fail a request, to wait longer than `LIST_MS`, and to write the same block again and again: a blocked source that keeps
 * asking passes by here with each refusal.
 *
 * @module
 */
import { inTime, lateStore } from '../time/deadline';

/** Where blocks are listed. */
export interface BlockList {
  /** The source at `place` is blocked for `ms` from `now` on. */
  add(place: Uint8Array, now: number, ms: number): Promise<void>;
  remove(place: Uint8Array): Promise<void>;
  /** Ms that the source at `place` is still blocked, as far as the list knows; 0 when it is not. */
  leftMs(place: Uint8Array, now: number): Promise<number>;
}

/** How long a reader believes what the list said, ms: so much longer than it lasted is a lifted block believed. */
export const BELIEVED_MS = 60_000;

/** Blocks remembered as listed; and by how much an end must differ to be listed again. */
const LISTED_MAX = 1_024;
const DIFFERENCE_MS = 1_000;
/** How long the list may take, ms. */
const LIST_MS = 10_000;

export class BlockMirror {
  readonly #list: BlockList;
  readonly #report: (error: unknown) => void;
  /** Ends of the blocks that were listed last, unix ms, by place. */
  readonly #listed = new Map<string, number>();
  /** One write after the other: a block that is lifted must not be listed by a write that was sent before and came later. */
  #last: Promise<void> = Promise.resolve();

  constructor(list: BlockList, report: (error: unknown) => void) {
    this.#list = list;
    this.#report = report;
  }

  /** Lists a block; `undefined` when it is listed already. Never rejects. */
  blocked(place: Uint8Array, now: number, ms: number): Promise<void> | undefined {
    const key = place.join();
    const until = now + ms;
    if (ms < 1 || (this.#listed.get(key) ?? 0) > until - DIFFERENCE_MS) return undefined;
    this.#listed.set(key, until);
    if (this.#listed.size > LISTED_MAX) this.#listed.delete(this.#listed.keys().next().value as string);
    return this.#write(() => this.#list.add(place, now, ms));
  }

  /** Takes a block off the list. Never rejects. */
  lifted(place: Uint8Array): Promise<void> {
    this.#listed.delete(place.join());
    return this.#write(() => this.#list.remove(place));
  }

  #write(write: () => Promise<void>): Promise<void> {
    this.#last = this.#last
      .then(() => inTime(write(), LIST_MS, lateStore('list of blocks', LIST_MS)))
      .catch(this.#report);
    return this.#last;
  }
}
