/**
 * Events that are records: what was appended to the log since handlers were last called, read from it.
 *
 * Relies on: the engine's log, which holds new records for a while; `events`. Refuses: to read anything while nobody listens,
 * and to read within the call that appended.
 */
import { type Engine, SEVERITIES } from '../engine/index';
import { toHex } from '../formats/bytes';
import {
  BLOCKED,
  ID,
  ID_BYTES,
  KIND,
  LENGTH,
  numberAt,
  QUARANTINED,
  REASON,
  SEQ,
  SEVERITY,
  SOURCE,
  TIME,
  u32At,
} from '../formats/record';
import type { Severity, TracehoundEvents } from '../types/index';
import type { Events } from './events';

const HASH_BYTES = 32;
/** Reason of a BLOCKED record (docs/format.md): refusals did it. */
const BY_LIMIT = 1;

/** Read at one time: after a larger burst the newest are told. */
const RECORDS_MAX = 1_024;

export class Feed {
  readonly #engine: Engine;
  readonly #events: Events;
  readonly #now: () => number;
  #origin = '';
  /** Size of the log up to which events were told. */
  #told = 0;
  #isDue = false;

  constructor(engine: Engine, events: Events, now: () => number) {
    this.#engine = engine;
    this.#events = events;
    this.#now = now;
  }

  /** As `Events.on`. What is in the log already is no news. */
  listen<N extends keyof TracehoundEvents>(name: N, handler: (event: TracehoundEvents[N]) => unknown): () => void {
    if (!this.#isHeard()) {
      const { log } = this.#engine;
      this.#origin = log.origin;
      this.#told = log.state()?.size ?? 0;
    }
    return this.#events.on(name, handler);
  }

  #isHeard(): boolean {
    return this.#events.has('blocked') || this.#events.has('quarantined');
  }

  /** Something may have been appended. Costs two comparisons while nobody listens. */
  readonly poke = (): void => {
    if (this.#isDue || !this.#isHeard()) return;
    this.#isDue = true;
    void Promise.resolve().then(() => {
      this.#isDue = false;
      try {
        this.#tell();
      } catch {
        // A core that stopped while it was asked is replaced; its log is another one, told from its beginning.
      }
    });
  };

  #tell(): void {
    const { log } = this.#engine;
    const state = log.state();
    if (state === undefined) return;
    if (log.origin !== this.#origin) {
      this.#origin = log.origin;
      this.#told = 0;
    }
    const from = Math.max(this.#told, state.heldFrom, state.size - RECORDS_MAX);
    this.#told = state.size;
    if (from >= state.size) return;
    const now = this.#now();
    for (const record of log.export(now, from, state.size).records) this.#read(now, record);
  }

  #read(now: number, record: Uint8Array): void {
    const [seq, at] = [numberAt(record, SEQ), numberAt(record, TIME)];
    const sourceTag = toHex(record.subarray(SOURCE, SOURCE + HASH_BYTES));
    if (record[KIND] === BLOCKED) {
      const by = record[REASON] === BY_LIMIT ? 'limit' : 'hand';
      this.#events.emit('blocked', Object.freeze({ seq, at, sourceTag, ms: u32At(record, LENGTH) * 1_000, by }));
    } else if (record[KIND] === QUARANTINED && this.#events.has('quarantined')) {
      const isHeld = this.#engine.findId(now, record.subarray(ID, ID + ID_BYTES)) !== 0;
      const evidence = isHeld ? this.#engine.handle() : undefined;
      const severity = SEVERITIES[record[SEVERITY] as number] as Severity;
      this.#events.emit('quarantined', Object.freeze({ seq, at, severity, sourceTag, evidence }));
    }
  }
}
