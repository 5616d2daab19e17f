/**
 * The life of cores: one is brought up in the first call that needs it, fed with entropy, and retired when it panicked.
 * A retired core is never called again: what it held is salvaged where it verifies, a fresh core takes its place, and the
 * log says so. Three panics within a minute end the revivals.
 *
 * Relies on: a runtime for cores and randomness. Refuses: to know what the calls mean.
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import type { AuditExport, Runtime } from '../types/index';
import { Alarms } from './alarms';
import { Details } from './details';
import { hashOf, writeAppend, writeText } from './inbox';
import { Subkeys } from './keys';
import { type Core, link } from './link';
import type { CoreConfig } from './memory';
import type { Describe, Persistence } from './persistence';
import { logProof, prove } from './proof';
import { readId } from './records';
import { restoreInto } from './restore';
import { type Salvaged, salvage } from './salvage';
import { type Continues, owed, provenRuns, type Succession } from './succession';

export interface EngineOptions {
  readonly config: CoreConfig;
  readonly runtime: Runtime;
  readonly secret: Uint8Array | undefined;
  /** Secrets before it, newest first. */
  readonly formerSecrets?: readonly Uint8Array[];
  /** Origin of the log, perhaps with `{instance}`. */
  readonly origin: string;
  /** A log of the store to go on with, instead of a new one. */
  readonly continues: Continues | undefined;
  /** Where cores live on while nobody runs them. */
  readonly persistence?: Persistence | undefined;
  /** The sidecar that GENESIS commits to; of a log that goes on after `size` records, RESUME. */
  genesis(origin: string, instance: string, size: number, secretId: string | undefined): Uint8Array;
  /** The sidecar that RESUME and PANIC commit to. */
  succession(origin: string, size: number, restored: Succession): Uint8Array;
}

const PANICS_MAX = 3;
const PANICS_MS = 60_000;
/** Logs of earlier epochs kept until released. */
const CARRIED_MAX = 4;

const IN = abi.INBOX_AT;
const SECRET_ID_BYTES = 8;
const ENTROPY_LEFT = (abi.OUTBOX_AT + abi.OUTBOX_ENTROPY_LEFT) >>> 2;

export class Life {
  readonly config: CoreConfig;
  readonly #options: EngineOptions;
  /** The core that is up. */
  core: Core | undefined;
  keys: Subkeys | undefined;
  /** Of the secrets before, newest first. */
  readonly formerKeys: readonly Subkeys[];
  /** Name of this epoch's log, and the UUID of the epoch. */
  origin = '';
  instance = '';
  details: Details = new Details();
  readonly alarms: Alarms = new Alarms();
  /** Logs of earlier epochs, until released. */
  carried: AuditExport[] = [];
  panics = 0;
  #epochs = 0;
  #panicTimes: number[] = [];
  /** What the last core stopped on. */
  #panicCode = 0;
  #down: TracehoundError | undefined;
  /** What the next core begins from. */
  #salvaged: Salvaged | undefined;

  constructor(options: EngineOptions) {
    this.formerKeys = (options.formerSecrets ?? []).map((secret) => new Subkeys(secret));
    this.#options = options;
    this.config = options.config;
  }

  get status(): 'up' | 'idle' | 'down' {
    if (this.#down) return 'down';
    return this.core ? 'up' : 'idle';
  }

  /** A snapshot, or a core that was left, waits to be put in place by the first call. */
  get inherits(): boolean {
    const waits = this.#salvaged !== undefined || this.#options.persistence?.origin !== undefined;
    return waits && this.status === 'idle';
  }

  /** Begins from what a snapshot held. Only before the first call. */
  restore(salvaged: Salvaged): void {
    this.#salvaged = salvaged;
  }

  /** The core, brought up in the first call that needs it. Throws `CORE_START`, `RUNTIME_FAILED` or `CORE_DOWN`. */
  up(now: number): Core {
    if (this.core) return this.core;
    if (this.#down) throw this.#down;
    try {
      return this.#start(now, abi.KIND_RESUME);
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      const error = new TracehoundError(
        'CORE_START',
        'core: stopped while starting, expected a sound core, got a panic',
        {
          cause,
        },
      );
      this.#countPanic(now);
      if (this.#panicTimes.length >= PANICS_MAX) throw this.#giveUp(error);
      throw error;
    }
  }

  /** As `up`, after the alarms that are due. They come first because what the last call answered has been read by then. */
  ready(now: number): Core {
    const core = this.up(now);
    const size = core.f64[(core.places.audit + abi.AUDIT_SIZE) >>> 3] as number;
    if (size < this.alarms.next) return core;
    this.alarms.ring(size, now);
    return this.up(now);
  }

  /** A fresh core, with the inheritance if there is one. */
  #start(now: number, kind: number): Core {
    const woken = this.#wake();
    if (woken !== undefined) {
      this.core = woken;
      return woken;
    }
    const salvaged = this.#salvaged;
    let core = this.#fresh(now);
    if (salvaged !== undefined) {
      try {
        this.#resume(core, now, kind, salvaged);
      } catch (cause) {
        if (cause instanceof TracehoundError) throw cause;
        // It stopped on what it inherited. Another one takes over, and takes nothing but the count of what is lost.
        this.#countPanic(now);
        core = this.#fresh(now);
        this.#resume(core, now, kind, { ...salvaged, content: () => undefined, limiter: undefined });
      }
    }
    this.#salvaged = undefined;
    this.core = this.#kept(core, false);
    return this.core;
  }

  /**
   * The core that an earlier process left. Under another configuration, another build of the core or another secret it
   * does not go on: what it holds is salvaged for the one that does.
   */
  #wake(): Core | undefined {
    const { persistence, runtime, config, secret, origin } = this.#options;
    const woken = persistence?.wake((its) => link(runtime.core(), its, runtime.digest));
    if (woken === undefined) return undefined;
    const { core, facts, details, isOwn } = woken;
    this.details = details;
    this.origin = facts.origin;
    this.carried = [...facts.carried];
    this.panics = facts.panics;
    const isSame =
      isOwn && facts.core === runtime.coreDigest && facts.template === origin && isSameConfig(facts.config, config);
    if (!isSame) {
      this.#salvaged = this.salvage(core, [], facts.config);
      return undefined;
    }
    this.instance = facts.instance;
    this.#epochs = 1; // Some core was here before.
    this.keys = new Subkeys(secret ?? this.#randomBytes(32));
    return this.#kept(core, true);
  }

  /** `core`, with whoever writes down what changes it. */
  #kept(core: Core, isStored: boolean): Core {
    const { persistence, config, runtime, origin: template } = this.#options;
    if (persistence === undefined) return core;
    const describe: Describe = () => {
      const { origin, instance, panics, carried } = this;
      return {
        facts: { config, core: runtime.coreDigest, template, origin, instance, panics, carried },
        details: this.details,
      };
    };
    return persistence.keep(core, describe, isStored);
  }

  /** A linked core with keys, entropy and record 0. Its name and sidecars become the engine's. */
  #fresh(now: number): Core {
    const { runtime, config, secret, origin } = this.#options;
    let instance: ReturnType<Runtime['core']>;
    try {
      instance = runtime.core();
    } catch (cause) {
      throw new TracehoundError('CORE_START', 'core: the runtime has none, expected an instance, got an error', {
        cause,
      });
    }
    const core = link(instance, config, runtime.digest);
    const keys = this.keys ?? new Subkeys(secret ?? this.#randomBytes(32));
    const tag = keys.of(core, 'tag');
    // Names the secret in a log and tells nothing of it: 64 bits of a key that serves for nothing else.
    const secretId = secret && toHex(keys.of(core, 'id').subarray(0, SECRET_ID_BYTES));
    this.#fill(core);
    core.bytes.set(tag, IN + abi.INBOX_KEY);
    core.call.seed();
    core.call.makeId(now);
    const uuid = readId(core).slice(0, 36);
    let name = origin.replaceAll('{instance}', uuid);
    const continues = this.#epochs === 0 ? this.#options.continues : undefined;
    if (continues !== undefined) {
      name = continues.origin;
      this.#continue(core, now, continues, uuid, secretId);
    } else {
      // One origin = one writer: a later epoch of a verbatim origin must not continue it from record 0 (docs/identity.md).
      if (name === origin && (this.#epochs > 0 || this.#salvaged)) name = `${origin}/${uuid}`;
      this.#begin(core, now, name, uuid, secretId);
    }
    this.keys = keys;
    this.origin = name;
    this.instance = uuid;
    this.#epochs++;
    return core;
  }

  #begin(core: Core, now: number, origin: string, instance: string, secretId: string | undefined): void {
    this.details = new Details();
    this.details.with(core, this.#options.genesis(origin, instance, 0, secretId), () => {
      writeText(core, origin);
      core.call.begin(now);
    });
  }

  /** Goes on where a log ended: its state, then the record that says who goes on. */
  #continue(core: Core, now: number, log: Continues, instance: string, secretId: string | undefined): void {
    const at = core.places.audit;
    for (const field of [abi.AUDIT_SIZE, abi.AUDIT_HELD_FROM, abi.AUDIT_RELEASED_TO])
      core.f64[(at + field) >>> 3] = log.size;
    core.u32[(at + abi.AUDIT_EPOCH) >>> 2] = log.epoch;
    core.bytes.set(log.link, at + abi.AUDIT_PREV);
    for (const { level, hash } of log.subtrees) core.bytes.set(hash, at + abi.AUDIT_FRONTIER + 32 * level);
    this.details = new Details();
    this.details.with(core, this.#options.genesis(log.origin, instance, log.size, secretId), () => {
      writeAppend(core, abi.KIND_RESUME, { overlay: log.root, size: log.size });
      core.call.append(now);
    });
  }

  /** Puts what an earlier core held into this one, and records where it came from. */
  #resume(core: Core, now: number, kind: number, salvaged: Salvaged): void {
    const hash = (bytes: Uint8Array): Uint8Array => hashOf(core, bytes);
    const { items, lost, lostIds, limiter, sourcesLost, log } = restoreInto(core, salvaged, this.config, now, hash);
    const carried = [...this.carried, ...salvaged.earlier, ...provenRuns(salvaged, log)];
    const forgotten = carried.splice(0, Math.max(0, carried.length - CARRIED_MAX));
    const { records, origin } = salvaged.log;
    const state = new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length);
    const size = state.getFloat64(abi.AUDIT_SIZE, true);
    const sizeKnown = Number.isSafeInteger(size) && size >= 0 ? size : 0;
    const detail = this.#options.succession(origin, sizeKnown, {
      items,
      lost,
      lostIds,
      limiter,
      sourcesLost,
      recordsLost: salvaged.recordsLost + records.length - Math.min(records.length, log.head + log.tail),
      recordsForgotten: forgotten.reduce((sum, old) => sum + old.records.length, 0),
      unaccounted: owed(salvaged, state, limiter === 'restored'),
      panic: kind === abi.KIND_PANIC ? this.#panicCode : 0,
    });
    writeAppend(core, kind, { count: lost, size: sizeKnown, ...(log.root && { overlay: log.root }) });
    this.details.with(core, detail, () => core.call.append(now));
    this.carried = carried;
  }

  #countPanic(now: number): void {
    this.panics++;
    // A clock that steps back must not make old panics new, nor new ones forgotten.
    this.#panicTimes = this.#panicTimes.filter((at) => Math.abs(now - at) < PANICS_MS);
    this.#panicTimes.push(now);
  }

  /** Retires the core after `cause`: salvages it, brings up a fresh one, and returns the error to answer with. */
  retire(cause: unknown, now: number): TracehoundError {
    const dead = this.core;
    this.core = undefined;
    this.#countPanic(now);
    this.#panicCode = dead?.view.getUint32(abi.HEADER_AT + abi.HEADER_PANIC, true) ?? 0;
    const error = new TracehoundError('CORE_PANIC', `core: stopped, expected no panic, got code ${this.#panicCode}`, {
      cause,
      recoverable: true,
    });
    if (dead) this.#salvaged = this.salvage(dead);
    if (this.#panicTimes.length >= PANICS_MAX) return this.#giveUp(error);
    try {
      this.#start(now, abi.KIND_PANIC);
    } catch (failure) {
      return this.#giveUp(failure);
    }
    return error;
  }

  /** Begins another log, with everything that the core holds: as after a restore. */
  renew(now: number): void {
    const core = this.up(now);
    this.core = undefined;
    this.#salvaged = this.salvage(core);
    this.#start(now, abi.KIND_RESUME);
  }

  /** No more cores for this instance. */
  #giveUp(cause: unknown): TracehoundError {
    this.#down = new TracehoundError(
      'CORE_DOWN',
      `core: not revived, expected a sound core and fewer than ${PANICS_MAX} panics a minute, got ${this.#panicTimes.length}`,
      { cause },
    );
    this.#bury();
    return this.#down;
  }

  /** What `core` holds, to be read before the next call; `earlier` logs come with it. */
  salvage(core: Core, earlier: readonly AuditExport[] = [], config: CoreConfig = this.config): Salvaged {
    const { details } = this;
    return salvage(core, config, this.origin, earlier, (record) => details.of(record));
  }

  /** Nobody follows: the records that verify can still be exported. A core is brought up to hash, and for nothing else. */
  #bury(): void {
    const salvaged = this.#salvaged;
    this.#salvaged = undefined;
    if (salvaged === undefined) return;
    try {
      const core = link(this.#options.runtime.core(), this.config, this.#options.runtime.digest);
      const log = prove(logProof(salvaged), (bytes) => hashOf(core, bytes));
      this.carried = [...this.carried, ...provenRuns(salvaged, log)].slice(-CARRIED_MAX);
    } catch {
      // Without a core there is no proof, and what is not proven is not handed out.
    }
  }

  /**
   * Runs `work` on a core that is up and has entropy. Whatever it throws that is not ours retires the core: a trap
   * leaves memory in any state, and so does a host error half-way through a call.
   */
  run<T>(now: number, work: (core: Core) => T): T {
    const core = this.ready(now);
    try {
      this.refill(core);
      return work(core);
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      throw this.retire(cause, now);
    }
  }

  #randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    try {
      this.#options.runtime.random(bytes);
    } catch (cause) {
      throw new TracehoundError('RUNTIME_FAILED', 'runtime.random: failed, expected random bytes, got an error', {
        cause,
      });
    }
    return bytes;
  }

  #fill(core: Core): void {
    core.bytes.set(this.#randomBytes(abi.ENTROPY_BYTES), IN + abi.INBOX_ENTROPY);
  }

  /** Draws a fixed batch before the pool can run dry, so that equal runs draw equally. */
  refill(core: Core): void {
    if ((core.u32[ENTROPY_LEFT] as number) >= abi.ENTROPY_LOW) return;
    this.#fill(core);
    core.call.refill();
  }
}

const isSameConfig = (a: CoreConfig, b: CoreConfig): boolean =>
  (Object.keys(b) as (keyof CoreConfig)[]).every((name) => a[name] === b[name]);
