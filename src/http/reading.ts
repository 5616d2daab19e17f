/**
 * What a detector may read of a request beside its framework's object: the target as it came, and a prefix of the body that
 * is still there afterwards, for the evidence and for the application.
 *
 * Relies on: what the adapter shows. Refuses: to read more of the body than was asked for (by more than one chunk), and to
 * read on for a detector whose time is over.
 */

import { LATE, within } from '../time/deadline';
import type { Inspection } from '../types/index';
import { declaredLength } from './capture';
import type { Facts } from './facts';
import { joinedWithin } from './message';
import { askedOf } from './target';

type Chunk = ReadableStreamReadResult<Uint8Array>;

export class Reading {
  readonly #show: () => Facts;
  #shown: Facts | undefined;
  /** Given to the detector. */
  readonly inspection: Inspection;
  #asked = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** A read that was begun: its chunk is the next one, whoever gets it. */
  #pending: Promise<Chunk> | undefined;
  /** The detector's time is over. */
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();
  #rest: ReadableStream<Uint8Array> | undefined;

  constructor(show: () => Facts) {
    this.#show = show;
    this.inspection = new DetectorView(
      () => this.#facts,
      (max) => {
        // One after the other: two at once would get each other's chunks.
        const turn = this.#turn.then(() => this.#prefix(max));
        this.#turn = turn.catch(() => {});
        return turn;
      },
    );
  }

  /** Most detectors want nothing of it: made when it is first looked at. */
  get #facts(): Facts {
    this.#shown ??= this.#show();
    return this.#shown;
  }

  async #prefix(max: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(max) || max < 0) {
      throw new RangeError('body: wrong number of bytes, expected an integer ≥ 0, got something else');
    }
    if (this.#closed)
      throw new TypeError('body: asked too late, expected a question before the answer, got one after it');
    this.#asked = true;
    const buffered = this.#reader === undefined ? this.#facts.buffered?.() : undefined;
    if (buffered !== undefined) return (await buffered).bytes.slice(0, max);
    await this.#pull(max);
    return joinedWithin(this.#chunks, max);
  }

  async #pull(max: number): Promise<void> {
    this.#reader ??= this.#facts.body()?.getReader();
    const reader = this.#reader;
    if (reader === undefined) return;
    while (this.#bytes < max && !this.#ended) {
      if (this.#failure !== undefined) throw this.#failure.error;
      try {
        this.#pending ??= reader.read();
        const { done, value } = await this.#pending;
        if (this.#closed) return;
        this.#pending = undefined;
        if (done) this.#ended = true;
        else {
          this.#chunks.push(value);
          this.#bytes += value.byteLength;
        }
      } catch (error) {
        this.#failure = { error };
        throw error;
      }
    }
  }

  /** The detector's time is over: what comes from now on belongs to the application. */
  close(): void {
    this.#closed = true;
  }

  /** The request as it was, for the capture. */
  facts(): Facts {
    const again = this.rest();
    return again === undefined ? this.#facts : { ...this.#facts, body: () => again, buffered: () => undefined };
  }

  /** The whole body again; `undefined` when nothing of it was read here. */
  rest(): ReadableStream<Uint8Array> | undefined {
    if (this.#reader === undefined) return undefined;
    this.#rest ??= this.#again(this.#reader);
    return this.#rest;
  }

  /**
   * Whether there is a body that had not come whole by now. `strictly`: only one that the detector waits for, as far as
   * we know; else also one that nobody is known to have read.
   */
  async isWaiting(strictly: boolean): Promise<boolean> {
    if (this.#ended) return false;
    if (this.#reader !== undefined) return true;
    if (strictly && !this.#asked) return false;
    const { headers, complete, buffered, body } = this.#facts;
    if (complete?.() === true) return false;
    const cached = attempt(() => buffered?.());
    if (cached !== undefined)
      return (
        (await within(
          cached.catch(() => LATE),
          0,
        )) === LATE
      );
    const declared = declaredLength(headers);
    return (declared !== 'none' && declared !== '0') || body() !== null;
  }

  #again(reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
    let index = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = this.#chunks[index++];
          if (chunk !== undefined) return controller.enqueue(chunk);
          if (this.#failure !== undefined) return controller.error(this.#failure.error);
          if (this.#ended) return controller.close();
          const { done, value } = await (this.#pending ?? reader.read());
          this.#pending = undefined;
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }
}

/** Also in pieces: `detect: (c, { rawTarget, body }) => …`. */
class DetectorView implements Inspection {
  readonly #facts: () => Facts;
  readonly body: Inspection['body'];

  constructor(facts: () => Facts, body: Inspection['body']) {
    this.#facts = facts;
    this.body = body;
  }

  get rawTarget(): string {
    return askedOf(this.#facts()).target;
  }
}

/** What a framework refuses to say about its cache, it does not say. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
