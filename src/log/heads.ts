/**
 * Signed heads of one log: by which keys, and until when.
 *
 * Each log has a key of its own, made when first needed and never exported; the deployment's key, where there is one,
 * only says that it may (KEY record, docs/keys.md). Whoever steals the key in use can rewrite what came after the last
 * key change and nothing before: the key before is gone, and its last signature covers the change.
 *
 * The deployment's key signs complete heads too, so that a reader who knows that key alone, and nothing of KEY records, can
 * check them. Where it cannot sign at the moment, the head goes without. Where the platform cannot make a key for the log,
 * and in HMAC mode, the deployment's key is the only one. Where there is neither, nobody signs, and that is an error.
 *
 * Relies on: engine's log, signers, note, time. Refuses: to sign a head that its key is not in force for, and to wait for a
 * signer longer than its time.
 */

import type { EngineLog } from '../engine/index';
import { TracehoundError } from '../errors';
import { formatCheckpoint, formatNote, parseNote } from '../formats/note';
import { sidecar } from '../formats/sidecar';
import { generateSigner, keyNoteText, signNote } from '../signers/index';
import { LATE, within } from '../time/deadline';
import { Failures, pauseMs } from '../time/retry';
import type { Signer } from '../types/index';
import type { LogTroubles } from './keeper';

/** The record's key epoch is one byte: after this many changes a log keeps its key. */
const EPOCH_MAX = 255;
/** A key note names a place in the log that verifiers still remember when they reach the KEY record (docs/format.md). */
const KEY_NOTE_REACH = 4_096;
/** A deployment's key that did not sign a head is asked again after this long, doubled each time. */
const AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 60_000;

export interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export interface HeadsPort {
  readonly log: EngineLog;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  /** The deployment's key. */
  readonly signer: Signer | undefined;
  /** Ms after which a key is changed. */
  readonly rotateMs: number;
  /** How long a signer may take. */
  readonly timeoutMs: number;
  readonly trouble: LogTroubles;
}

interface Key {
  readonly signer: Signer;
  readonly since: number;
  /** The KEY record that brought it; −1 for the deployment's own key, which needs none. */
  readonly seq: number;
}

export class Heads {
  readonly #port: HeadsPort;
  readonly #origin: string;
  #epoch: number;
  #key: Key | undefined;
  /** Until a head that covers the change is signed by both. */
  #previous: Key | undefined;
  /** A key for this log that no record names yet. */
  #made: Signer | undefined;
  #preparing: Promise<void> | undefined;
  /** KEY records that this instance wrote. */
  readonly keys: number[] = [];
  /** The log has its last record: there is no room for another key. */
  #ended = false;
  /** Heads in a row that the deployment's key did not sign, and when it is asked again. */
  readonly #unsigned = new Failures();
  #againAt = 0;

  /** `epoch`: key changes that the log has seen before this instance took it over. */
  constructor(port: HeadsPort, origin: string, epoch = 0) {
    this.#port = port;
    this.#origin = origin;
    this.#epoch = epoch;
  }

  /**
   * Makes the key if there is none, and a new one when it is time. Appends a KEY record for each. Not while the store is
   * `failing`: what waits then may have to be given up, and KEY records may not.
   */
  prepare(failing = false): Promise<void> {
    this.#preparing ??= this.#prepare(failing).finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #prepare(failing: boolean): Promise<void> {
    if (this.#ended) return;
    const { now, rotateMs, signer } = this.#port;
    if (this.#key !== undefined) {
      const due = this.#key.seq >= 0 && this.#epoch < EPOCH_MAX && this.#previous === undefined;
      if (failing || !due || now() - this.#key.since < rotateMs) return;
    } else if (signer?.forLog !== undefined) {
      this.#key = { signer: signer.forLog(this.#origin), since: now(), seq: -1 };
      return;
    }
    let next: Signer | undefined;
    let cause: unknown;
    try {
      next = await this.next();
    } catch (error) {
      cause = error;
    }
    if (next !== undefined && (await this.#change(next))) return;
    // No key for this log, or none any more: the deployment signs its heads, if it can.
    if (this.#key !== undefined || (signer === undefined && next !== undefined)) return;
    if (signer === undefined) {
      throw new TracehoundError(
        'UNSUPPORTED',
        'audit.signer: missing, expected a signer where the platform makes no keys, got none',
        { cause },
      );
    }
    this.#key = { signer, since: now(), seq: -1 };
  }

  /** The key that this log will have next: made once, when first asked for. */
  async next(): Promise<Signer> {
    this.#made ??= await generateSigner(this.#origin);
    return this.#made;
  }

  /** False when the core panicked while we waited: its log has ended, and so has this. */
  async #change(next: Signer): Promise<boolean> {
    const { log, now, random, signer } = this.#port;
    const epoch = this.#epoch + 1;
    for (;;) {
      const { origin, size, link } = log.link(now());
      if (origin !== this.#origin) return false;
      const text = keyNoteText({ origin, epoch, vkey: next.vkey, size, link });
      const signers = [next, ...(signer ? [signer] : []), ...(this.#key ? [this.#key.signer] : [])];
      const signing = signNote(text, signers);
      const note = await (signer === undefined ? signing : this.#inTime(signing));
      const after = log.link(now());
      if (after.origin !== origin) return false;
      if (after.size - size > KEY_NOTE_REACH) continue;
      const seq = log.append(now(), 'key', { detail: sidecar({ note }, random) });
      this.keys.push(seq);
      this.#made = undefined;
      this.#previous = this.#key;
      this.#key = { signer: next, since: now(), seq };
      this.#epoch = epoch;
      return true;
    }
  }

  /** CLOSE was written. Who signs now signs the end. */
  end(): void {
    this.#ended = true;
  }

  /** Whether somebody may sign the head of this size: a key is in force at its last record. */
  covers(size: number): boolean {
    return this.#signers(size).length > 0;
  }

  /** The signed note of a head; `isWhole`: everything below it lies in bundles and tiles. */
  async sign(head: Head, isWhole = true): Promise<string> {
    const signers = this.#signers(head.size);
    if (signers.length === 0) {
      throw new TracehoundError(
        'SIGNER_FAILED',
        `checkpoint: no key in force at size ${head.size}, expected one, got none`,
      );
    }
    const signing = signNote(formatCheckpoint(head), signers);
    // A key that the platform made for us is at hand; whoever passes a signer in may have it a network away.
    const note = await (this.#key?.seq === -1 ? this.#inTime(signing) : signing);
    if (signers.length > 1) this.#previous = undefined;
    return isWhole ? this.#vouched(note, signers) : note;
  }

  /** The note with a signature by the deployment's key, if that signs now. */
  async #vouched(note: string, signers: readonly Signer[]): Promise<string> {
    const { signer, now, trouble } = this.#port;
    if (signer === undefined || signer.forLog !== undefined || signers.includes(signer)) return note;
    if (now() < this.#againAt) return note;
    try {
      const { text, signatures } = parseNote(note);
      const theirs = parseNote(await this.#inTime(signNote(text, [signer]))).signatures;
      if (this.#unsigned.count > 0) trouble.end('SIGNER_FAILED');
      this.#unsigned.end();
      return formatNote(text, [...signatures, ...theirs]);
    } catch {
      // The log's own key has signed: the log need not wait for another, and whoever operates it is told.
      this.#unsigned.add();
      this.#againAt = now() + pauseMs(this.#unsigned.count, AGAIN_MS, AGAIN_MS_MAX);
      trouble.raise('SIGNER_FAILED');
      return note;
    }
  }

  async #inTime(signing: Promise<string>): Promise<string> {
    const { timeoutMs } = this.#port;
    const note = await within(signing, timeoutMs);
    if (note !== LATE) return note;
    throw new TracehoundError('SIGNER_FAILED', `signer: late, expected a signature within ${timeoutMs} ms, got none`, {
      recoverable: true,
    });
  }

  /** The key in force at the last record of that size; at the first head that covers a change, the one before too. */
  #signers(size: number): Signer[] {
    const [key, previous] = [this.#key, this.#previous];
    if (key !== undefined && size > key.seq) return previous ? [key.signer, previous.signer] : [key.signer];
    return previous !== undefined && size > previous.seq ? [previous.signer] : [];
  }
}
