/**
 * What leaves the core of the log, for all epochs of one instance: which log is being written, which one came before,
 * when somebody signs, and what is said when nothing happens.
 *
 *   latest ──▶ origin of the newest log in the store        each log: checkpoint, tile/… (writer.ts)
 *
 * A log that begins reads `latest`, names the log it finds there in a RESUME record, and puts its own name in its place
 * by compare-and-swap: so logs form a chain, and one that was removed whole is still named by the next.
 *
 * Relies on: engine's log, writer, checkpoints. Refuses: to hold up a request, and timers where the platform has none;
 * there `flush` is asked for when a request is answered.
 */

import { type EngineLog, ORIGIN_BYTES_MAX } from '../engine/index';
import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { LINK } from '../formats/record';
import { sha256 } from '../formats/sha256';
import { sidecar } from '../formats/sidecar';
import { entriesPath, leafHash, originPath, TILE_WIDTH } from '../formats/tlog';
import type { AuditExport, LogStore } from '../types/index';
import { asked } from './asking';
import type { SignedLog } from './bundle';
import { Checkpoints } from './heads';
import type { Keeper, KeeperPort, Notary } from './keeper';
import type { Found } from './opened';
import { notaryOf } from './proofs';
import { type LogReader, storedReader } from './reader';
import { LogWriter } from './writer';

const LATEST = 'latest';
/** How often another instance may be quicker than we with its name in `latest`. */
const CLAIMS_MAX = 8;
const KIND_CLOSE = 11;

/** What `storedLog` was told. */
export interface Stored {
  readonly store: LogStore;
  readonly policy: 'continue' | 'halt';
  readonly checkpointMs: number;
  readonly heartbeatMs: number;
  readonly rotateMs: number;
  /** A log of the store to go on with. */
  readonly found: Found | undefined;
}

export class LogKeeper implements Keeper {
  readonly #port: KeeperPort;
  readonly #stored: Stored;
  readonly #notary: Notary;
  /** Who signs the log that the core holds now. */
  #checkpoints: Checkpoints | undefined;
  #origin = '';
  #writer: LogWriter | undefined;
  /** Logs of earlier epochs that are not stored to their end. */
  #ending: LogWriter[] = [];
  #stopTimer: () => void = () => {};
  #heartbeatAt = 0;
  #shippedAt = 0;
  /** CLOSE was written. */
  #ended = false;
  readonly refusal: Keeper['refusal'];

  constructor(port: KeeperPort, stored: Stored) {
    this.#port = port;
    this.#stored = stored;
    this.#notary = notaryOf({
      checkpoint: () => this.#checkpoint(),
      reader: () => this.#reader(),
      signed: () => this.#signed(),
    });
    if (stored.policy === 'halt') this.refusal = () => this.#writer?.refusal();
    port.log.alarmAt('log', 1, () => this.#follow());
    this.#tickLater();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get signedSize(): number {
    return this.#writer?.signed ?? 0;
  }

  notary(_act: string): Notary {
    return this.#notary;
  }

  get storeState(): 'ok' | 'failing' | 'stopped' {
    if (this.#writer?.stopped !== undefined) return 'stopped';
    return this.#writer?.failing ? 'failing' : 'ok';
  }

  /** The core may have begun another log since we last looked. */
  #follow(): void {
    const { log, now, random, options, troubles } = this.#port;
    const { store, policy, rotateMs, found } = this.#stored;
    const held = log.link(now());
    if (held.origin === this.#origin) return;
    const isOurs = this.#origin === '' && found !== undefined && this.#follows(found);
    // The store holds more than we know of, or something else: it was set back, or we were.
    if (this.#origin === '' && found?.isHeld && !isOurs) {
      if (held.origin === found.origin) troubles.raise('LOG_SET_BACK', { held: held.size, stored: found.size });
      log.renew(now());
    }
    const continued = isOurs ? found : undefined;
    const { origin } = log.link(now());
    const { signer, maxRecords } = options;
    this.#checkpoints = new Checkpoints({ log, now, random, signer, rotateMs }, origin, log.state()?.epoch ?? 0);
    this.#origin = origin;
    this.#heartbeatAt = now();
    if (this.#writer !== undefined) this.#ending.push(this.#writer);
    // Tells our turn in `latest` from that of a namesake.
    const token = new Uint8Array(16);
    random(token);
    const claim = (writer: LogWriter): Promise<void> => this.#claim(writer, toHex(token));
    this.#writer = new LogWriter(
      { log, store, now, random, policy, maxRecords, claim, nudge: () => void this.nudge() },
      this.#checkpoints,
      origin,
      continued,
    );
    this.#writer.watch();
  }

  /** Whether what the core holds is what comes after `found`: its next record names the last one of that. */
  #follows({ origin, size, link }: Found): boolean {
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

  // ── signed heads ────────────────────────────────────────────────────────────────────────────────

  async flush(): Promise<void> {
    this.#follow();
    const { origin } = this.#writer as LogWriter;
    // No log waits for the trouble of another.
    const results = await Promise.allSettled(
      [...this.#ending, this.#writer as LogWriter].map((each) => this.#flush(each)),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    // The core panicked meanwhile: there is an end to store, and a beginning.
    this.#follow();
    if (this.#writer?.origin !== origin) await this.flush();
  }

  async #flush(writer: LogWriter): Promise<void> {
    const { log } = this.#port;
    const isEnding = this.#ending.includes(writer);
    if (isEnding) for (const run of carriedOf(log, writer)) adopt(writer, run);
    await writer.flush();
    if (!isEnding) return;
    this.#ending = this.#ending.filter((each) => each !== writer);
    // What did not follow on what was stored stays with the caller (`audit.carried`).
    if (carriedOf(log, writer).every(({ from, records }) => from + records.length <= writer.signed)) {
      log.releaseCarried(writer.origin);
    }
  }

  /** Flushes, if that makes sense now. What fails is counted and tried again; who must know calls `flush`. */
  async nudge(): Promise<void> {
    try {
      this.#follow();
      const ready = [...this.#ending, this.#writer].filter((writer) => writer?.ready) as LogWriter[];
      await Promise.allSettled(ready.map((writer) => this.#flush(writer)));
    } catch {
      // The core stopped. Whoever calls it next is told; nobody waits here.
    }
  }

  ship(context: unknown): void {
    const { runtime, now } = this.#port;
    if (runtime.after !== undefined) return;
    if (Math.abs(now() - this.#shippedAt) < this.#stored.checkpointMs) return;
    this.#shippedAt = now();
    runtime.defer(this.#tick(), context);
  }

  // ── for the notary ──────────────────────────────────────────────────────────────────────────────

  async #checkpoint(): Promise<string> {
    await this.flush();
    return (this.#writer as LogWriter).checkpoint as string;
  }

  async #signed(): Promise<SignedLog> {
    const checkpoint = await this.#checkpoint();
    const { size } = parseCheckpoint(parseNote(checkpoint).text);
    const { keys } = this.#checkpoints as Checkpoints;
    const { store, found } = this.#stored;
    const begins = found?.origin === this.#origin ? found.size : 0;
    return { reader: storedReader(store, this.#origin, size), checkpoint, begins, keys };
  }

  async #reader(): Promise<LogReader> {
    await this.flush();
    return storedReader(this.#stored.store, this.#origin, this.signedSize);
  }

  // ── one log after the other ─────────────────────────────────────────────────────────────────────

  /** Makes this log ours, and the newest: its head claimed if it was begun by another, our name in `latest`. */
  async #claim(writer: LogWriter, token: string): Promise<void> {
    const { store } = this.#stored;
    const ours = `${writer.origin}\n${token}\n`;
    for (let attempt = 0; attempt < CLAIMS_MAX; attempt++) {
      const found = await asked('get', () => store.get(LATEST));
      const said = found === undefined ? undefined : new TextDecoder().decode(found);
      if (said === ours) return;
      const latest = said === undefined ? undefined : nameIn(said);
      if (!writer.continues && latest === writer.origin) throw taken();
      if (!writer.continues && (await this.#holds(store, writer.origin))) throw taken();
      // The core may have panicked meanwhile: then this log has ended, and the next one speaks for itself.
      if (this.#port.log.link(this.#port.now()).origin !== writer.origin) return;
      const isNews = latest !== undefined && latest !== writer.origin && !this.#wasOurs(latest);
      if (isNews) this.#resume(await this.#predecessor(store, latest));
      if ((await asked('swap', () => store.swap(LATEST, new TextEncoder().encode(ours), found))) === 'swapped') return;
    }
    throw new TracehoundError(
      'LOG_CONFLICT',
      `store: latest is contended, expected a turn in ${CLAIMS_MAX}, got none`,
      {
        recoverable: true,
      },
    );
  }

  async #holds(store: LogStore, origin: string): Promise<boolean> {
    return (await asked('get', () => store.get(`${originPath(origin)}/checkpoint`))) !== undefined;
  }

  /** The PANIC record of the log that took over names it already. */
  #wasOurs(origin: string): boolean {
    return this.#ending.some((writer) => writer.origin === origin);
  }

  #resume({ origin, size, root, ended, checkpoint }: Predecessor): void {
    const { log, now, random } = this.#port;
    const facts = { origin, size, ended, ...(checkpoint === undefined ? {} : { checkpoint }) };
    log.append(now(), 'resume', { size, overlay: root, detail: sidecar(facts, random) });
  }

  /** What the store holds of the log that `latest` names, as far as it can be read: it may hold anything. */
  async #predecessor(store: LogStore, origin: string): Promise<Predecessor> {
    const prefix = `${originPath(origin)}/`;
    const nothing: Predecessor = { origin, size: 0, root: new Uint8Array(32), ended: 'unknown', checkpoint: undefined };
    const note = await asked('get', () => store.get(`${prefix}checkpoint`));
    if (note === undefined) return nothing;
    try {
      const { size, root } = parseCheckpoint(parseNote(note).text);
      const last = size - 1;
      const width = (last % TILE_WIDTH) + 1;
      const entries = await asked('get', () => store.get(prefix + entriesPath(Math.floor(last / TILE_WIDTH), width)));
      const kind = entries?.[entries.length - 175];
      const ended = entries === undefined ? 'unknown' : kind === KIND_CLOSE ? 'closed' : 'open';
      return { origin, size, root, ended, checkpoint: toHex(sha256(note)) };
    } catch {
      return nothing;
    }
  }

  // ── when nothing happens, and at the end ────────────────────────────────────────────────────────

  #tickLater(): void {
    this.#stopTimer =
      this.#port.runtime.after?.(this.#stored.checkpointMs, () => {
        void this.#tick();
        this.#tickLater();
      }) ?? (() => {});
  }

  async #tick(): Promise<void> {
    const { now, isUp } = this.#port;
    if (!isUp() || this.#ended) return;
    try {
      if (now() - this.#heartbeatAt >= this.#stored.heartbeatMs) this.#beat();
    } catch {
      // As above.
    }
    await this.nudge();
  }

  /** A HEARTBEAT record: the totals, and what the host's clock did. */
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
    const checkpoints = this.#checkpoints as Checkpoints;
    // Without a key the end cannot be signed, which `flush` will say; it is written all the same.
    await checkpoints.prepare().catch(() => {});
    if (!this.#ended) log.settle(now(), true);
    this.#ended = true;
    checkpoints.end();
    await this.flush();
  }
}

/** The name of the newest log, as `latest` says it; whatever is too long for a name is none. */
function nameIn(latest: string): string {
  const [name = ''] = latest.split('\n');
  return name.length <= ORIGIN_BYTES_MAX ? name : '';
}

const carriedOf = (log: EngineLog, { origin }: LogWriter): AuditExport[] =>
  log.carried.filter((run) => run.origin === origin);

const taken = (): TracehoundError =>
  new TracehoundError(
    'LOG_CONFLICT',
    'audit.origin: in use, expected a name that has no log in this store (or openLog and `storedLog.resume`), got one that has',
  );

interface Predecessor {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly ended: 'closed' | 'open' | 'unknown';
  /** SHA-256 of the signed note, hex. */
  readonly checkpoint: string | undefined;
}

/** Appends the records of a run that follow on what the writer has; none if a record between is missing. */
function adopt(writer: LogWriter, { from, records, details }: AuditExport): void {
  const { segments } = writer;
  if (from > segments.size) return;
  for (let i = segments.size - from; i < records.length; i++) {
    const record = records[i] as Uint8Array;
    segments.append(leafHash(record), record, details[i] ?? null);
  }
}
