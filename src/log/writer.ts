/**
 * The log's way into a store: segments, their tiles, a signed head; then the records are released.
 *
 * One part after the other: put its objects (create-only), sign its head, swap `checkpoint`. A part is either *whole* — the
 * bundles and tiles of at most 256 records — or a piece of the *tail*: only what came since the last part. Whole parts are
 * stored by `flush`, after 64 records and when 256 are full; what waits in between goes into the tail (tail.ts), because a
 * bundle under way that is stored again for each head costs the square of what it holds.
 *
 * When the store does not take them, in this order and each step in the log itself (outage.ts):
 *   1. tried again, with growing pauses; the records wait in the core's ring
 *   2. the ring is nearly full: they wait here, without those of low severity; their leaf hashes stay
 *   3. too many wait here: the oldest segments shrink to one hash each
 *   or `policy: 'halt'`: nothing is given up; what would append a record is refused with LOG_FULL.
 *
 * Relies on: engine's log, segments, heads, objects, outage. Refuses: to hold up a request, and to decide when it works:
 * its keeper calls it (stored.ts).
 */

import type { EngineLog } from '../engine/index';
import { TracehoundError } from '../errors';
import { TILE_WIDTH } from '../formats/tlog';
import { signNote } from '../signers/index';
import type { AskedStore } from './asking';
import type { Heads } from './heads';
import type { LogTroubles } from './keeper';
import { LogObjects } from './objects';
import type { Opened } from './opened';
import { Outage } from './outage';
import { type Part, Segments } from './segments';

/** Records between two whole parts under load. */
const WHOLE_RECORDS = 64;
/**
 * Records a single call of the core may append, and some: kept free in its ring. An admission evicts up to 512 items while
 * `maxPayloadBytes` is at most 64 KiB; with a larger one a call may append more, and then GAP names what a full ring loses.
 */
const RING_RESERVE = 576;
/** Segments that may wait here: 64 × 256 records, 3 MiB at most. */
const SEGMENTS_MAX = 64;
/** Of those, how many may wait whole. */
const SEGMENTS_WHOLE = 16;

export interface WriterPort {
  readonly log: EngineLog;
  readonly store: AskedStore;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  readonly policy: 'continue' | 'halt';
  readonly maxRecords: number;
  /** Whether heads may be signed beside a tail. */
  readonly tail: boolean;
  readonly trouble: LogTroubles;
  /** Makes the log the newest of the store, before anything of it is written. */
  readonly claim: (writer: LogWriter) => Promise<void>;
}

/** A piece of the tail that the newest head needs. */
interface Piece {
  readonly from: number;
  /** It holds what came with 2^rank heads. */
  readonly rank: number;
  readonly path: string;
}

export class LogWriter {
  readonly #port: WriterPort;
  readonly origin: string;
  readonly #heads: Heads;
  readonly #objects: LogObjects;
  readonly #outage: Outage;
  readonly #continues: boolean;
  readonly #segments: Segments;
  /** Size from which on a tail may be written: before it lies what another writer may have left. */
  readonly #tailFrom: number;
  /** Size of the newest head; and of the newest one of which everything lies in bundles and tiles. */
  #signed = 0;
  #whole = 0;
  #tail: readonly Piece[] = [];
  #claimed = false;
  #working: Promise<void> | undefined;

  constructor(port: WriterPort, heads: Heads, origin: string, opened?: Opened) {
    this.#port = port;
    this.origin = origin;
    this.#heads = heads;
    this.#objects = new LogObjects(port.store, origin, port.trouble, opened?.checkpoint, opened?.parts ?? []);
    this.#outage = new Outage(port, origin);
    this.#continues = opened !== undefined;
    this.#segments = opened?.segments ?? new Segments();
    this.#signed = this.#segments.size;
    this.#whole = this.#signed;
    this.#tailFrom = opened === undefined ? 0 : (Math.floor(opened.size / TILE_WIDTH) + 1) * TILE_WIDTH;
  }

  /** Somebody else began this log. */
  get continues(): boolean {
    return this.#continues;
  }

  /** Tree size of the newest signed head. */
  get signed(): number {
    return this.#signed;
  }

  /** The newest signed head, as it lies in the store. */
  get checkpoint(): string | undefined {
    const { checkpoint } = this.#objects;
    return checkpoint && new TextDecoder().decode(checkpoint);
  }

  get segments(): Segments {
    return this.#segments;
  }

  get outage(): Outage {
    return this.#outage;
  }

  /** Why this log is not written any more. */
  get stopped(): TracehoundError | undefined {
    return this.#objects.stopped;
  }

  // ── before a call of the core ───────────────────────────────────────────────────────────────────

  /** Why nothing may be appended: `policy` is `halt`, and the next record might be lost. */
  refusal(): TracehoundError | undefined {
    if (this.#port.policy !== 'halt' || this.#unreleased() < this.#port.maxRecords - RING_RESERVE) return undefined;
    return new TracehoundError(
      'LOG_FULL',
      'audit: no room for another record, expected the store to take some, got none',
      {
        recoverable: true,
        ...(this.stopped === undefined ? {} : { cause: this.stopped }),
      },
    );
  }

  /** Size of the log at which it is to be looked after: before its ring could lose a record, and when enough waits. */
  get due(): number {
    const { maxRecords, log } = this.#port;
    const full = (log.state()?.releasedTo ?? 0) + maxRecords - RING_RESERVE;
    return this.#working === undefined && !this.#outage.isOn ? Math.min(this.#signed + WHOLE_RECORDS, full) : full;
  }

  /** Takes over from the ring what would fall out of it. With `halt` it stays, and `refusal` says so. */
  relieve(now: number): void {
    const { policy, maxRecords, log } = this.#port;
    if (policy === 'halt' || this.stopped !== undefined || this.#unreleased() < maxRecords - RING_RESERVE) return;
    while (this.#unreleased() >= Math.min(maxRecords / 2, maxRecords - RING_RESERVE)) {
      if (this.#pull(now, TILE_WIDTH) === 0) break;
      log.release(now, this.#segments.size);
    }
    while (this.#segments.whole > SEGMENTS_WHOLE && this.#segments.thin());
    while (this.#segments.kept > SEGMENTS_MAX) {
      const range = this.#segments.collapse();
      if (range === undefined) break;
      this.#outage.lose(range);
    }
  }

  #unreleased(): number {
    const state = this.#port.log.state();
    return state === undefined ? 0 : state.size - Math.max(state.heldFrom, state.releasedTo);
  }

  /** Moves up to `count` records, at most to the end of a segment, from the ring to the segments. */
  #pull(now: number, count: number): number {
    const { log } = this.#port;
    const { origin, size } = log.link(now);
    // After a panic another log is in the core: this one gets the rest of its records from what was carried over.
    if (origin !== this.origin) return 0;
    const from = this.#segments.size;
    const to = Math.min(size, from + Math.min(count, this.#segments.room));
    if (to <= from) return 0;
    const { records, details, leaves } = log.tail(now, from, to);
    for (const [i, record] of records.entries()) {
      this.#segments.append(leaves[i] as Uint8Array, record, details[i] ?? null);
    }
    return records.length;
  }

  // ── to the store ────────────────────────────────────────────────────────────────────────────────

  /** Nothing is under way, and if the last try failed the pause after it is over. */
  get ready(): boolean {
    return this.#working === undefined && this.stopped === undefined && this.#outage.isDue;
  }

  /** Stores everything that is in the log now, in bundles and tiles, and signs it. Rejects with why that failed. */
  flush(): Promise<void> {
    return this.#until(true);
  }

  /** As `flush`, but what is not much may go into the tail. */
  sign(): Promise<void> {
    return this.#until(false);
  }

  async #until(isWhole: boolean): Promise<void> {
    const goal = this.#goal();
    // A panic meanwhile ends this log: what is missing of it comes from what was carried over, and not from the core.
    while (this.#reached(isWhole) < Math.min(goal, this.#goal())) {
      if (this.stopped !== undefined) throw this.stopped;
      const others = this.#working;
      // What fails of work that somebody else began is no answer yet: we have not tried.
      if (others !== undefined) await others.catch(() => {});
      else await this.#begin(isWhole);
    }
  }

  /** Records below the newest head; with `isWhole`, none while it needs a tail. */
  #reached(isWhole: boolean): number {
    return isWhole && this.#whole < this.#signed ? -1 : this.#signed;
  }

  #begin(isWhole: boolean): Promise<void> {
    this.#working = this.#work(isWhole).finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  #goal(): number {
    const { origin, size } = this.#port.log.link(this.#port.now());
    return origin === this.origin ? size : this.#segments.size;
  }

  /** Stores part after part until the log is stored as it was when this began. */
  async #work(isWhole: boolean): Promise<void> {
    try {
      if (!this.#claimed) await this.#claim();
      await this.#heads.prepare(this.#outage.isOn);
      await this.#store(isWhole);
      if (this.#outage.end(this.#signed)) await this.#store(isWhole);
    } catch (cause) {
      throw this.#outage.fail(cause, this.#signed);
    }
  }

  async #store(isWhole: boolean): Promise<void> {
    const goal = this.#goal();
    while (this.#reached(isWhole) < goal) {
      this.#pull(this.#port.now(), this.#segments.room);
      if (!isWhole && (await this.#putTail())) continue;
      const part = this.#segments.next();
      if (part === undefined) return;
      await this.#putWhole(part);
    }
  }

  async #putWhole(part: Part): Promise<void> {
    await this.#objects.create(part.objects);
    const isCovered = this.#heads.covers(part.size);
    if (isCovered) await this.#publish(part, true, []);
    this.#signed = part.size;
    this.#whole = part.size;
    this.#segments.markStored();
    // What no signed head covers yet is kept: a writer that sleeps begins again behind the newest head.
    if (isCovered) this.#release(part.size);
  }

  /** Stores what is new as a piece of the tail; false where that is not possible, or not worth it. */
  async #putTail(): Promise<boolean> {
    const { store, tail: isWanted } = this.#port;
    const isSmall = this.#segments.size - this.#whole < WHOLE_RECORDS;
    if (!isWanted || !isSmall || this.#objects.checkpoint === undefined || this.#whole < this.#tailFrom) return false;
    const pieces = [...this.#tail];
    let rank = 0;
    let from = this.#signed;
    // Two pieces of one rank become one of the next, so that a head needs six at most. Not where the two would stay.
    while (store.remove !== undefined && pieces.at(-1)?.rank === rank) {
      from = (pieces.pop() as Piece).from;
      rank++;
    }
    const part = this.#segments.tail(from);
    if (part === undefined || !this.#heads.covers(part.size)) return false;
    await this.#objects.create(part.objects);
    pieces.push({ from, rank, path: part.objects[0]?.[0] as string });
    await this.#publish(part, false, pieces);
    this.#signed = part.size;
    this.#release(part.size);
    return true;
  }

  async #publish({ size, root }: Part, isWhole: boolean, tail: readonly Piece[]): Promise<void> {
    const note = await this.#heads.sign({ origin: this.origin, size, root }, isWhole);
    const pieces = tail.map(({ path }) => path);
    await this.#objects.publish(note, this.#signed, pieces);
    this.#tail = tail;
  }

  #release(size: number): void {
    const { log, now } = this.#port;
    if (log.link(now()).origin === this.origin) log.release(now(), size);
  }

  /** Says in the store that we are its writer from here on. */
  async #claim(): Promise<void> {
    const sign = async (text: string): Promise<string> => signNote(text, [await this.#heads.next()]);
    await this.#objects.claim(sign, this.#signed);
    await this.#port.claim(this);
    this.#claimed = true;
  }
}
