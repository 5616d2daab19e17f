/**
 * Keeps the log of one instance in a store, for all its epochs: which log is written, when its writer works, and what is
 * said when nothing happens.
 *
 *   the core's alarm   64 records wait, or the ring is nearly full     a timer     once in `checkpointMs`, where there are timers
 *   flush, close       somebody waits for it                           `ship`      a request was answered, where there are none
 *
 * Relies on: engine's log, writer, heads, latest. Refuses: to hold up a request, and timers where the platform has none.
 */

import type { EngineLog } from '../engine/index';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { LINK } from '../formats/record';
import { sidecar } from '../formats/sidecar';
import { leafHash } from '../formats/tlog';
import type { AuditExport, LogStore } from '../types/index';
import { AskedStore } from './asking';
import type { SignedLog } from './bundle';
import { Heads } from './heads';
import type { Keeper, KeeperPort, LogTroubles, Proofs, StoreState } from './keeper';
import { Turn } from './latest';
import type { Opened } from './opened';
import { proofsOf } from './proofs';
import { type LogReader, storedReader } from './reader';
import { LogWriter } from './writer';

/** What `storedLog` was told. */
export interface StoredOptions {
  readonly store: LogStore;
  readonly policy: 'continue' | 'halt';
  readonly checkpointMs: number;
  readonly heartbeatMs: number;
  readonly rotateMs: number;
  readonly timeoutMs: number;
  readonly tail: boolean;
  /** A log of the store to continue. */
  readonly opened: Opened | undefined;
}

export class LogKeeper implements Keeper {
  readonly #port: KeeperPort;
  readonly #options: StoredOptions;
  readonly #store: AskedStore;
  readonly #trouble: LogTroubles;
  readonly #proofs: Proofs;
  /** The heads and the writer of the log that the core holds now. */
  #heads: Heads | undefined;
  #origin = '';
  #writer: LogWriter | undefined;
  /** Logs of earlier epochs that are not stored to their end. */
  #ending: LogWriter[] = [];
  #stopTimer: () => void = () => {};
  #heartbeatAt = 0;
  #shippedAt = 0;
  #stoppedAt: number | undefined;
  /** CLOSE was written. */
  #ended = false;
  readonly refusal: Keeper['refusal'];

  constructor(port: KeeperPort, options: StoredOptions) {
    this.#port = port;
    this.#options = options;
    const { troubles: trouble } = port;
    this.#trouble = trouble;
    this.#store = new AskedStore(options.store, {
      now: port.now,
      timeoutMs: options.timeoutMs,
      onSlow: (isSlow) => (isSlow ? trouble.raise('LOG_SLOW') : trouble.end('LOG_SLOW')),
    });
    this.#proofs = proofsOf({
      checkpoint: () => this.#checkpoint(),
      reader: () => this.#reader(),
      signed: () => this.#signed(),
    });
    if (options.policy === 'halt') this.refusal = () => this.#writer?.refusal();
    port.log.alarmAt('log', 1, () => this.#follow());
    this.#tickLater();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get signedSize(): number {
    return this.#writer?.signed ?? 0;
  }

  proofs(_act: string): Proofs {
    return this.#proofs;
  }

  get storeState(): StoreState {
    if (this.#writer?.stopped !== undefined) return 'stopped';
    if (this.#writer?.outage.isOn) return 'failing';
    return this.#store.slowSince === undefined ? 'ok' : 'slow';
  }

  get storeSince(): number {
    const state = this.storeState;
    if (state === 'stopped') return this.#stoppedAt ?? 0;
    return (state === 'slow' ? this.#store.slowSince : this.#writer?.outage.since) ?? 0;
  }

  // ── which log ───────────────────────────────────────────────────────────────────────────────────

  /** The core may have begun another log since we last looked. */
  #follow(): void {
    const { log, now } = this.#port;
    if (log.link(now()).origin === this.#origin) return;
    const { opened } = this.#options;
    const isFirst = this.#origin === '';
    const isOurs = isFirst && opened !== undefined && this.#follows(opened);
    // The store holds more than we know of, or something else: it was put back to an earlier state, or we were.
    if (isFirst && opened?.isHeld && !isOurs) {
      const { origin, size } = log.link(now());
      if (origin === opened.origin) this.#trouble.raise('LOG_SET_BACK', { held: size, stored: opened.size });
      log.renew(now());
    }
    if (this.#writer !== undefined) this.#ending.push(this.#writer);
    this.#origin = log.link(now()).origin;
    this.#heartbeatAt = now();
    this.#begin(isOurs ? opened : undefined);
    this.#watch();
  }

  /** Heads and a writer for the log that the core holds. */
  #begin(opened: Opened | undefined): void {
    const { log, now, random, options } = this.#port;
    const { policy, rotateMs, timeoutMs, tail } = this.#options;
    const { signer, maxRecords } = options;
    const [origin, store, trouble] = [this.#origin, this.#store, this.#trouble];
    this.#heads = new Heads(
      { log, now, random, signer, rotateMs, timeoutMs, trouble },
      origin,
      log.state()?.epoch ?? 0,
    );
    const wasOurs = (name: string): boolean => this.#ending.some((writer) => writer.origin === name);
    const turn = new Turn({ log, store, now, random, wasOurs }, origin);
    const claim = ({ continues }: LogWriter): Promise<void> => turn.take(continues);
    const port = { log, store, now, random, policy, maxRecords, tail, trouble, claim };
    this.#writer = new LogWriter(port, this.#heads, origin, opened);
  }

  /** Whether what the core holds is what comes after `opened`: its next record names the last one of that. */
  #follows({ origin, size, link }: Opened): boolean {
    const { log, now } = this.#port;
    const held = log.link(now());
    if (held.origin !== origin || size > held.size) return false;
    if (size === 0) return log.state()?.releasedTo === 0;
    if (size === held.size) return toHex(held.link) === toHex(link);
    const { heldFrom = 0, releasedTo = 0 } = log.state() ?? {};
    if (size < Math.max(heldFrom, releasedTo)) return false; // The store has lost what was released for it.
    const [next] = log.export(now(), size, size + 1).records;
    return toHex((next as Uint8Array).subarray(LINK, LINK + 32)) === toHex(link);
  }

  /** Asks to be called before the ring could lose a record, and when enough waits to be signed. */
  #watch(): void {
    const { log } = this.#port;
    const writer = this.#writer;
    if (writer === undefined || log.origin !== writer.origin) return; // It has ended: the next flush finds the new log.
    log.alarmAt('log', writer.due, (now) => {
      writer.relieve(now);
      void this.nudge();
      this.#watch();
    });
  }

  // ── signed heads ────────────────────────────────────────────────────────────────────────────────

  async flush(): Promise<void> {
    this.#follow();
    const { origin } = this.#writer as LogWriter;
    // No log waits for the trouble of another.
    const results = await Promise.allSettled(
      [...this.#ending, this.#writer as LogWriter].map((each) => this.#flush(each, true)),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    // The core panicked meanwhile: there is an end to store, and a beginning.
    this.#follow();
    if (this.#writer?.origin !== origin) await this.flush();
  }

  /** Stores what waits of one log; all of it in bundles and tiles if `isWhole`, or if it has ended. */
  async #flush(writer: LogWriter, isWhole: boolean): Promise<void> {
    const isEnding = this.#ending.includes(writer);
    try {
      if (isEnding) await this.#storeEnding(writer);
      else await (isWhole ? writer.flush() : writer.sign());
    } finally {
      if (writer.stopped !== undefined) this.#stoppedAt ??= this.#port.now();
      this.#watch();
    }
  }

  async #storeEnding(writer: LogWriter): Promise<void> {
    const { log } = this.#port;
    for (const run of carriedOf(log, writer)) adopt(writer, run);
    await writer.flush();
    this.#ending = this.#ending.filter((each) => each !== writer);
    // What did not follow on what was stored stays with the caller (`audit.carried`).
    if (carriedOf(log, writer).every(({ from, records }) => from + records.length <= writer.signed)) {
      log.releaseCarried(writer.origin);
    }
  }

  /** Stores what waits, if that makes sense now. What fails is counted and tried again; `flush` rejects with it. */
  async nudge(): Promise<void> {
    try {
      this.#follow();
      const ready = [...this.#ending, this.#writer].filter((writer) => writer?.ready) as LogWriter[];
      await Promise.allSettled(ready.map((writer) => this.#flush(writer, false)));
    } catch {
      // The core stopped. Its next caller is told; nobody waits here.
    }
  }

  ship(context: unknown): void {
    const { runtime, now } = this.#port;
    if (runtime.after !== undefined) return;
    if (Math.abs(now() - this.#shippedAt) < this.#options.checkpointMs) return;
    this.#shippedAt = now();
    runtime.defer(this.#tick(), context);
  }

  // ── for proofs ──────────────────────────────────────────────────────────────────────────────────

  async #checkpoint(): Promise<string> {
    await this.flush();
    return (this.#writer as LogWriter).checkpoint as string;
  }

  async #signed(): Promise<SignedLog> {
    const checkpoint = await this.#checkpoint();
    const { size } = parseCheckpoint(parseNote(checkpoint).text);
    const { keys } = this.#heads as Heads;
    const { opened } = this.#options;
    const begins = opened?.origin === this.#origin ? opened.size : 0;
    return { reader: storedReader(this.#store, this.#origin, size), checkpoint, begins, keys };
  }

  async #reader(): Promise<LogReader> {
    await this.flush();
    return storedReader(this.#store, this.#origin, this.signedSize);
  }

  // ── when nothing happens, and at the end ────────────────────────────────────────────────────────

  #tickLater(): void {
    this.#stopTimer =
      this.#port.runtime.after?.(this.#options.checkpointMs, () => {
        void this.#tick();
        this.#tickLater();
      }) ?? (() => {});
  }

  async #tick(): Promise<void> {
    const { now, isUp } = this.#port;
    if (!isUp() || this.#ended) return;
    try {
      if (now() - this.#heartbeatAt >= this.#options.heartbeatMs) this.#beat();
    } catch {
      // As above.
    }
    await this.nudge();
  }

  /** A HEARTBEAT record, a sign of life: the totals, and what the host's clock did. */
  #beat(): void {
    const { log, now, random, clockSteps } = this.#port;
    this.#heartbeatAt = now();
    const { count, ms } = clockSteps();
    log.append(now(), 'heartbeat', count === 0 ? {} : { detail: sidecar({ clockBack: { count, ms } }, random) });
  }

  async close(): Promise<void> {
    this.#stopTimer();
    const { log, now, isUp } = this.#port;
    if (!isUp()) return;
    this.#follow();
    const heads = this.#heads as Heads;
    // Without a key the end cannot be signed, which `flush` will say; it is written all the same.
    await heads.prepare().catch(() => {});
    if (!this.#ended) log.settle(now(), true);
    this.#ended = true;
    heads.end();
    await this.flush();
  }
}

const carriedOf = (log: EngineLog, { origin }: LogWriter): AuditExport[] =>
  log.carried.filter((run) => run.origin === origin);

/** Appends the records of a run that follow on what the writer has; none if a record between is missing. */
function adopt(writer: LogWriter, { from, records, details }: AuditExport): void {
  const { segments } = writer;
  if (from > segments.size) return;
  for (let i = segments.size - from; i < records.length; i++) {
    const record = records[i] as Uint8Array;
    segments.append(leafHash(record), record, details[i] ?? null);
  }
}
