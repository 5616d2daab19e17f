/**
 * A time in which a log cannot be stored: when it is tried again, what was given up meanwhile, and what the log says of it.
 *
 *   the first failure   EVACUATION_FAILED, once an outage      then growing pauses
 *   its end             a GAP for each range that was given up, then EVACUATED
 *
 * Relies on: the engine's log, time. Refuses: to decide what is given up; the writer does.
 */
import type { EngineLog } from '../engine/index';
import { TracehoundError } from '../errors';
import { sidecar } from '../formats/sidecar';
import { Failures, pauseMs } from '../time/retry';
import type { LogTroubles } from './keeper';

const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;
const OVERLAY_BYTES = 32;

export interface OutagePort {
  readonly log: EngineLog;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  readonly trouble: LogTroubles;
}

export class Outage {
  readonly #port: OutagePort;
  readonly #origin: string;
  readonly #failures = new Failures();
  /** Records given up but for their hash, which no GAP names yet. */
  readonly #lost: { from: number; to: number }[] = [];
  /** When it began; after its end, when it ended. */
  #since: number | undefined;
  /** The first record that was not stored when it began. */
  #from = 0;
  #retryAt = 0;

  constructor(port: OutagePort, origin: string) {
    this.#port = port;
    this.#origin = origin;
  }

  /** The store did not take the last part. */
  get isOn(): boolean {
    return this.#failures.count > 0;
  }

  /** When this outage began or the last one ended; `undefined` before the first. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Whether the pause after the last failure is over. */
  get isDue(): boolean {
    return this.#port.now() >= this.#retryAt;
  }

  /** Counts one more failure, with `signed` records stored; answers the error to reject with. */
  fail(cause: unknown, signed: number): TracehoundError {
    const { now, trouble } = this.#port;
    const error = cause instanceof TracehoundError ? cause : storeFailed(cause);
    const isFirst = !this.isOn;
    this.#failures.add();
    this.#retryAt = now() + pauseMs(this.#failures.count, RETRY_MS, RETRY_MS_MAX);
    trouble.raise(error.code === 'SIGNER_FAILED' ? 'SIGNER_FAILED' : 'LOG_NOT_STORED', { code: error.code });
    if (!isFirst) return error;
    this.#since = now();
    this.#from = signed;
    this.#note('evacuation_failed', { code: error.code, from: signed });
    return error;
  }

  /** Remembers that records `from` … `to` − 1 were given up. */
  lose(range: { from: number; to: number }): void {
    this.#port.trouble.raise('RECORDS_LOST', { count: range.to - range.from });
    const last = this.#lost.at(-1);
    if (last?.to === range.from) last.to = range.to;
    else this.#lost.push(range);
  }

  /**
   * The store took everything. Names what was given up — before, the names would be given up as well — and says that it is
   * over; answers whether the log has a record more now.
   */
  end(signed: number): boolean {
    const named = this.#nameLost();
    return this.#recovered(signed) || named;
  }

  #nameLost(): boolean {
    const { log, now } = this.#port;
    if (this.#lost.length === 0 || !this.#isOurs()) return false;
    for (const { from, to } of this.#lost.splice(0)) {
      const overlay = new DataView(new ArrayBuffer(OVERLAY_BYTES));
      overlay.setBigUint64(0, BigInt(from));
      overlay.setBigUint64(8, BigInt(to));
      log.append(now(), 'gap', { count: to - from, overlay: new Uint8Array(overlay.buffer) });
    }
    return true;
  }

  #recovered(signed: number): boolean {
    if (!this.isOn) return false;
    const { now, trouble } = this.#port;
    const outageMs = Math.max(0, now() - (this.#since ?? 0));
    const attempts = this.#failures.count;
    this.#failures.end();
    this.#retryAt = 0;
    this.#since = now();
    trouble.end('LOG_NOT_STORED');
    trouble.end('SIGNER_FAILED');
    this.#note('evacuated', { from: this.#from, to: signed, outageMs, attempts });
    return true;
  }

  #note(kind: 'evacuated' | 'evacuation_failed', said: Parameters<typeof sidecar>[0]): void {
    const { log, now, random } = this.#port;
    if (this.#isOurs()) log.append(now(), kind, { detail: sidecar({ what: 'log', ...said }, random) });
  }

  /** After a panic another log is in the core, to which none of this belongs. */
  #isOurs(): boolean {
    const { log, now } = this.#port;
    return log.link(now()).origin === this.#origin;
  }
}

const storeFailed = (cause: unknown): TracehoundError =>
  new TracehoundError('STORE_FAILED', 'store: storeFailed, expected an answer, got an error', {
    cause,
    recoverable: true,
  });
