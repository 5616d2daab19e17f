/**
 * The log's way into a store: segments, their tiles, a signed head; then the records are released.
 *
 * One part of at most 256 records after the other: put its objects (create-only), sign its head, swap `checkpoint`. A part
 * is asked for after 64 records, when a segment is full, by `flush`, and once a second where the platform has timers.
 *
 * When the store does not take them, in this order and each step in the log itself:
 *   1. tried again, with growing pauses; the records wait in the core's ring       EVACUATION_FAILED, once an outage
 *   2. the ring is nearly full: they wait here, without those of low severity; their leaf hashes stay
 *   3. too many wait here: the oldest segments shrink to one hash each                          GAP, once it is over
 *   or `policy: 'halt'`: nothing is given up; what would append a record is refused with LOG_FULL.
 * When the store takes them again: EVACUATED.
 *
 * Relies on: engine's log, segments, checkpoints; a store, which is *not trusted*: at most it loses or withholds what it
 * was given, and whoever verifies is told. Refuses: to overwrite what it did not write, to write behind another writer of
 * the same log (one origin, one writer), to hold up a request.
 */

import type { EngineLog } from '../engine/index';
import { compareBytes } from '../engine/index';
import { TracehoundError } from '../errors';
import { formatNote, type NoteSignature, parseNote } from '../formats/note';
import { sidecar } from '../formats/sidecar';
import { originPath, TILE_WIDTH } from '../formats/tlog';
import { signNote } from '../signers/index';
import type { LogStore } from '../types/index';
import { asked } from './asking';
import type { Checkpoints } from './heads';
import { type Part, Segments, type StoredObject } from './segments';

/** Records between two signed heads under load. */
const CHECKPOINT_RECORDS = 64;
/**
 * Records a single call of the core may append, and some: kept free in its ring. An admission evicts up to 512 items while
 * `maxPayloadBytes` is at most 64 KiB; with a larger one a call may append more, and then GAP names what a full ring loses.
 */
const RING_RESERVE = 576;
/** Segments that may wait here: 64 × 256 records, 3 MiB at most. */
const SEGMENTS_MAX = 64;
/** Of those, how many may wait whole. */
const SEGMENTS_WHOLE = 16;
/** Signatures that a writer leaves on a head: of its key, and of the one before when that changed. A claim comes after. */
const OWN_SIGNATURES = 2;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

export interface WriterPort {
  readonly log: EngineLog;
  readonly store: LogStore;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  readonly policy: 'continue' | 'halt';
  readonly maxRecords: number;
  /** Asks for a `flush`, when there is reason to. */
  readonly nudge: () => void;
  /** Makes the log the newest of the store, before anything of it is written. */
  readonly claim: (writer: LogWriter) => Promise<void>;
}

/** A log in the store that somebody left, for us to go on with. */
export interface Continued {
  /** What is stored, ready for more. */
  readonly segments: Segments;
  /** What `checkpoint` holds; `undefined` before the first part was signed. */
  readonly checkpoint: Uint8Array | undefined;
  /** Key changes it has seen. */
  readonly epoch: number;
}

export class LogWriter {
  readonly #port: WriterPort;
  readonly origin: string;
  readonly #prefix: string;
  readonly #checkpoints: Checkpoints;
  readonly #continues: boolean;
  readonly #segments: Segments;
  #checkpoint: Uint8Array | undefined;
  /** The last head that was sent, until the store answers: the answer may be lost on its way. */
  #sent: Uint8Array | undefined;
  #signed = 0;
  #claimed = false;
  #working: Promise<void> | undefined;
  /** Why this log is not written any more. */
  #stopped: TracehoundError | undefined;
  /** Records given up but for their hash, which no GAP names yet. */
  readonly #lost: { from: number; to: number }[] = [];
  #failures = 0;
  #failingSince = 0;
  #failingFrom = 0;
  #retryAt = 0;

  constructor(port: WriterPort, checkpoints: Checkpoints, origin: string, continued?: Continued) {
    this.#port = port;
    this.origin = origin;
    this.#prefix = `${originPath(origin)}/`;
    this.#checkpoints = checkpoints;
    this.#continues = continued !== undefined;
    this.#segments = continued?.segments ?? new Segments();
    this.#checkpoint = continued?.checkpoint;
    this.#signed = this.#segments.size;
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
    return this.#checkpoint && new TextDecoder().decode(this.#checkpoint);
  }

  get segments(): Segments {
    return this.#segments;
  }

  /** The store did not take the last part. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  get stopped(): TracehoundError | undefined {
    return this.#stopped;
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
        ...(this.#stopped === undefined ? {} : { cause: this.#stopped }),
      },
    );
  }

  /** Asks to be called before the ring could lose a record, and when enough waits to be signed. */
  watch(): void {
    const { maxRecords, log } = this.#port;
    if (log.origin !== this.origin) return; // It has ended, and another writer watches.
    const full = (log.state()?.releasedTo ?? 0) + maxRecords - RING_RESERVE;
    const due = this.#working === undefined && !this.failing ? this.#signed + CHECKPOINT_RECORDS : full;
    log.alarmAt('log', Math.min(due, full), (now) => {
      if (this.#unreleased() >= maxRecords - RING_RESERVE) this.#relieve(now);
      this.#port.nudge();
      this.watch();
    });
  }

  /** Takes over from the ring what would fall out of it. With `halt` it stays, and `refusal` speaks. */
  #relieve(now: number): void {
    if (this.#port.policy === 'halt' || this.#stopped !== undefined) return;
    const { maxRecords } = this.#port;
    while (this.#unreleased() >= Math.min(maxRecords / 2, maxRecords - RING_RESERVE)) {
      if (this.#pull(now, TILE_WIDTH) === 0) break;
      this.#port.log.release(now, this.#segments.size);
    }
    while (this.#segments.whole > SEGMENTS_WHOLE && this.#segments.thin());
    while (this.#segments.kept > SEGMENTS_MAX) {
      const range = this.#segments.collapse();
      if (range === undefined) break;
      const last = this.#lost.at(-1);
      if (last?.to === range.from) last.to = range.to;
      else this.#lost.push(range);
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
    return this.#working === undefined && this.#stopped === undefined && this.#port.now() >= this.#retryAt;
  }

  /** Stores and signs everything that is in the log now. Rejects with why that failed. */
  async flush(): Promise<void> {
    const goal = this.#goal();
    // A panic meanwhile ends this log: what is missing of it comes from what was carried over, and not from the core.
    while (this.#signed < Math.min(goal, this.#goal())) {
      if (this.#stopped !== undefined) throw this.#stopped;
      const others = this.#working;
      // What fails of work that somebody else began is no answer yet: we have not tried.
      if (others !== undefined) await others.catch(() => {});
      else await this.#begin();
    }
  }

  #begin(): Promise<void> {
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
      this.watch();
    });
    return this.#working;
  }

  #goal(): number {
    const { origin, size } = this.#port.log.link(this.#port.now());
    return origin === this.origin ? size : this.#segments.size;
  }

  /** Stores part after part until the log is stored as it was when this began. */
  async #work(): Promise<void> {
    try {
      if (!this.#claimed) await this.#claim();
      await this.#checkpoints.prepare(this.failing);
      await this.#store();
      if (this.#nameLost() || this.#recovered()) await this.#store();
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  async #store(): Promise<void> {
    const goal = this.#goal();
    while (this.#signed < goal) {
      this.#pull(this.#port.now(), this.#segments.room);
      const part = this.#segments.next();
      if (part === undefined) return;
      await this.#put(part);
    }
  }

  async #put(part: Part): Promise<void> {
    const { log, now } = this.#port;
    await Promise.all(part.objects.map((object) => this.#create(object)));
    const isCovered = this.#checkpoints.covers(part.size);
    if (isCovered) {
      const note = await this.#checkpoints.sign({ origin: this.origin, size: part.size, root: part.root });
      await this.#publish(note);
    }
    this.#signed = part.size;
    this.#segments.stored();
    // What no signed head covers yet is kept: a writer that sleeps begins again behind the newest head.
    if (isCovered && log.link(now()).origin === this.origin) log.release(now(), part.size);
  }

  /**
   * Says in the store that we are its writer from here on. A log that somebody left keeps its head, with one more
   * signature, of a key that is only ours: who else believed to be the writer finds another head than the one it left, and
   * stops.
   */
  async #claim(): Promise<void> {
    if (this.#checkpoint !== undefined) await this.#publish(await this.#claimedHead(this.#checkpoint));
    await this.#port.claim(this);
    this.#claimed = true;
  }

  async #claimedHead(head: Uint8Array): Promise<string> {
    const { text, signatures } = parseNote(head);
    const [ours] = parseNote(await signNote(text, [await this.#checkpoints.next()])).signatures;
    const kept = signatures.slice(0, OWN_SIGNATURES);
    return formatNote(text, [...kept, ours as NoteSignature]);
  }

  async #publish(note: string): Promise<void> {
    const { store } = this.#port;
    const key = `${this.#prefix}checkpoint`;
    const bytes = new TextEncoder().encode(note);
    if (this.#sent !== undefined) {
      // Was it taken, and only the answer lost?
      const found = await asked('get', () => store.get(key));
      if (equal(found, this.#sent)) this.#checkpoint = found;
    }
    this.#sent = bytes;
    const answer = await asked('swap', () => store.swap(key, bytes, this.#checkpoint));
    this.#sent = undefined;
    if (answer !== 'swapped') throw this.#stop(conflict(await asked('get', () => store.get(key)), this.#signed));
    this.#checkpoint = bytes;
  }

  /** Create-only. What is there already must be the same, or what nobody ever signed and nobody will. */
  async #create([path, bytes]: StoredObject): Promise<void> {
    const { store } = this.#port;
    const key = this.#prefix + path;
    if ((await asked('putIfAbsent', () => store.putIfAbsent(key, bytes))) === 'created') return;
    const found = await asked('get', () => store.get(key));
    if (equal(found, bytes)) return;
    if (found !== undefined && (await this.#isOrphan()) && (await this.#swapped(key, bytes, found))) return;
    throw this.#stop(
      new TracehoundError('LOG_CONFLICT', `store: ${path} is another's, expected our bytes, got others`),
    );
  }

  /**
   * Whether what was found is of a writer before us, who did not live to sign it. We claimed the log before we wrote; who
   * claims it after us does so before writing, too. So as long as the head is ours, what was there before we looked at the
   * head is of no writer after us.
   */
  async #isOrphan(): Promise<boolean> {
    if (this.#checkpoint === undefined) return false;
    return equal(await asked('get', () => this.#port.store.get(`${this.#prefix}checkpoint`)), this.#checkpoint);
  }

  async #swapped(key: string, bytes: Uint8Array, found: Uint8Array): Promise<boolean> {
    return (await asked('swap', () => this.#port.store.swap(key, bytes, found))) === 'swapped';
  }

  #stop(error: TracehoundError): TracehoundError {
    this.#stopped = error;
    return error;
  }

  // ── outages ─────────────────────────────────────────────────────────────────────────────────────

  #failed(cause: unknown): TracehoundError {
    const { now } = this.#port;
    const error =
      cause instanceof TracehoundError
        ? cause
        : new TracehoundError('STORE_FAILED', 'store: failed, expected an answer, got an error', {
            cause,
            recoverable: true,
          });
    this.#failures++;
    this.#retryAt = now() + Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MS_MAX);
    if (this.#failures === 1) {
      this.#failingSince = now();
      this.#failingFrom = this.#signed;
      this.#note('evacuation_failed', { code: error.code, from: this.#failingFrom });
    }
    return error;
  }

  /** Names what was given up, once the store takes records again: before, the names would be given up as well. */
  #nameLost(): boolean {
    const { log, now } = this.#port;
    if (this.#lost.length === 0 || log.link(now()).origin !== this.origin) return false;
    for (const { from, to } of this.#lost.splice(0)) {
      const overlay = new DataView(new ArrayBuffer(32));
      overlay.setBigUint64(0, BigInt(from));
      overlay.setBigUint64(8, BigInt(to));
      log.append(now(), 'gap', { count: to - from, overlay: new Uint8Array(overlay.buffer) });
    }
    this.#recovered();
    return true;
  }

  /** Whether there was something to recover from: then the log says so, and has a record more. */
  #recovered(): boolean {
    if (this.#failures === 0) return false;
    const outageMs = Math.max(0, this.#port.now() - this.#failingSince);
    const attempts = this.#failures;
    this.#failures = 0;
    this.#retryAt = 0;
    this.#note('evacuated', { from: this.#failingFrom, to: this.#signed, outageMs, attempts });
    return true;
  }

  #note(kind: 'evacuated' | 'evacuation_failed', facts: Parameters<typeof sidecar>[0]): void {
    const { log, now, random } = this.#port;
    if (log.link(now()).origin !== this.origin) return;
    log.append(now(), kind, { detail: sidecar({ what: 'log', ...facts }, random) });
  }
}

/** What it means that `checkpoint` is not what this writer left there. */
function conflict(found: Uint8Array | undefined, signed: number): TracehoundError {
  const theirs = found === undefined ? 0 : Number(new TextDecoder().decode(found).split('\n')[1]);
  const expected = `expected the head of size ${signed} that we left`;
  if (found === undefined || theirs < signed) {
    const got = found === undefined ? 'none' : String(theirs);
    return new TracehoundError('LOG_ROLLBACK', `store: went backwards, ${expected}, got ${got}`);
  }
  return new TracehoundError('LOG_CONFLICT', `store: another writer of this origin, ${expected}, got its head`);
}

const equal = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && compareBytes(a, 0, b, 0, a.length) === 0;
