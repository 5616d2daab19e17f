/**
 * The simulated world: one seed decides the configuration, the clock, the entropy, who asks, what detectors say, what
 * operators do, and when the core stops. The instance in it is the shipped one.
 *
 * Relies on: the ground, which takes its clock and randomness from here. Refuses: judgement; the checkers have that.
 */
import {
  type CoreInstance,
  type PurgeReason,
  type Scent,
  type Severity,
  TracehoundError,
  type TracehoundOptions,
} from '../../src/index';
import { BUILDS, type Ground, ground, seeded, T0, windowOf } from '../ground';

export type Random = ReturnType<typeof seeded>;

const SEVERITIES: Severity[] = ['low', 'medium', 'high', 'critical'];
const PURGES: PurgeReason[] = ['timeout', 'error', 'abort', 'panic', 'expired', 'erased'];
/** Every payload carries its number behind this, so that a scan of memory can name what it finds. */
export const MARK = 'EVIDENCE#';

/** What happened in a step, for the checkers. */
export type Event =
  | { kind: 'asked'; source: string; scent: Scent; mark: string | undefined; flagged: boolean; result: unknown }
  | { kind: 'charged'; source: string; cost: number; allowed: boolean }
  | { kind: 'forgiven'; source: string }
  /** The limiter read its clock. */
  | { kind: 'clocked' }
  | { kind: 'other' };

export interface Nature {
  readonly build: 'wasm' | 'js';
  readonly windowMs: number;
  readonly limit: number;
  readonly maxSources: number;
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly shareCount: number;
  readonly shareBytes: number;
  readonly maxRecords: number;
  /**
   * Between no two readings does the clock say that more time passed than did: it may be set back, but never catches up.
   * (One that stood still and then catches up has told the limiter a lie that nobody could see.)
   */
  readonly honestClock: boolean;
  readonly panics: boolean;
  /** Whoever exports comes too late now and then, and records are lost. */
  readonly lateExports: boolean;
}

export class World {
  readonly random: Random;
  readonly nature: Nature;
  readonly ground: Ground;
  /** Time as it passes, whatever the clock says. */
  trueTime: number = T0;
  /** Panics that were caused. */
  stopped = 0;
  /** The core stopped in this step before it could read its clock. */
  unread = false;
  #skew = 0;
  #still = 0;
  #marks = 0;
  #stopNext: 'before' | 'after' | undefined;
  #lastStop = Number.NEGATIVE_INFINITY;

  constructor(seed: number) {
    const random = seeded(seed);
    this.random = random;
    const [build, core] = BUILDS[random(4) === 0 ? 1 : 0]!;
    const panics = random(3) === 0;
    const maxCount = 2 + random(24);
    const maxBytes = 512 + random(4_000);
    const maxShare = [1, 0.5, 0.25, 1 / 16][random(4)]!;
    this.nature = {
      build,
      windowMs: windowOf(32 + random(2_000)),
      limit: 1 + random(random(2) === 0 ? 4 : 300),
      // What the sketch remembers dies with a core; the table is put back.
      maxSources: panics || random(2) === 0 ? 1_024 : 16,
      maxCount,
      maxBytes,
      shareCount: Math.max(1, Math.floor(maxCount * maxShare)),
      shareBytes: Math.max(1, Math.floor(maxBytes * maxShare)),
      maxRecords: 64 + random(64),
      honestClock: random(2) === 0,
      panics,
      lateExports: random(3) === 0,
    };
    const { windowMs, limit, maxSources, maxRecords } = this.nature;
    const options: TracehoundOptions = {
      rateLimit: { windowMs, limit, maxSources, blockMs: random(3) === 0 ? 1 + random(3_000) : 0 },
      quarantine: { maxCount, maxBytes, maxShare },
      maxPayloadBytes: 512,
      audit: { maxRecords },
    };
    this.ground = ground(options, { core: () => this.#fragile(core()), seed, digest: random(2) === 0 });
  }

  /** A core that stops when it is told to: before a call or in the middle of what it does. */
  #fragile(core: CoreInstance): CoreInstance {
    const exports: Record<string, unknown> = { ...core.exports };
    for (const name of ['intercept', 'access', 'neutralize', 'purge', 'flush', 'rateCheck', 'rateBlock']) {
      const call = core.exports[name] as (...args: number[]) => unknown;
      exports[name] = (...args: number[]) => {
        const stop = this.#stopNext;
        this.#stopNext = undefined;
        if (stop === undefined) return call(...args);
        this.unread = stop === 'before';
        if (stop === 'after') call(...args);
        throw new WebAssembly.RuntimeError('unreachable');
      };
    }
    // A getter, because the JavaScript build replaces its memory when it grows.
    Object.defineProperty(exports, 'memory', { get: () => core.exports.memory });
    return { exports };
  }

  /** Time passes: as it should, not at all, backwards, in jumps. */
  pass(): void {
    const { random, nature } = this;
    this.unread = false;
    const steps = [0, 0, 0, 1, 2, Math.ceil(nature.windowMs / 32), Math.ceil(nature.windowMs / 3), nature.windowMs];
    this.trueTime += steps[random(steps.length)]!;
    // Before the clock is set: a clock that learns of it one step later would have told a lie in between.
    if (nature.panics && random(30) === 0) this.trueTime += 130_000;
    if (random(60) === 0) this.#skew -= random(3 * nature.windowMs);
    let jitter = 0;
    if (!nature.honestClock) {
      if (this.#still > 0) this.#still--;
      else if (random(50) === 0) this.#still = random(10);
      if (random(60) === 0) this.#skew += [1_000, 10 ** 7, 10 ** 11][random(3)]!;
      if (random(4) === 0) jitter = -random(20);
    }
    if (this.#still === 0) this.ground.now = Math.max(0, this.trueTime + this.#skew + jitter);
    if (nature.panics && random(25) === 0 && this.trueTime - this.#lastStop > 120_000) this.#arm();
  }

  #arm(): void {
    this.#stopNext = this.random(2) === 0 ? 'before' : 'after';
    this.#lastStop = this.trueTime;
    this.stopped++;
    // Three within a minute of the clock would end the revivals.
    this.trueTime += 130_000;
    this.ground.now += 130_000;
  }

  /** A step; an act of an operator that met a stopping core came to nothing, and says so. */
  step(): Event {
    try {
      return this.#act();
    } catch (error) {
      if (this.stopped > 0 && error instanceof TracehoundError && error.code === 'CORE_PANIC')
        return { kind: 'clocked' };
      throw error;
    }
  }

  #act(): Event {
    const { random } = this;
    const { th } = this.ground;
    const act = random(100);
    if (act < 55) return this.#attack();
    const source = this.#source();
    if (act < 70) return this.#ask({ source }, source, undefined, false);
    if (act < 78) {
      const cost = 1 + random(Math.min(this.nature.limit, 5));
      return { kind: 'charged', source, cost, allowed: th.rateLimiter.check(source, cost).allowed };
    }
    if (act < 80) {
      th.rateLimiter.reset(source);
      return { kind: 'forgiven', source };
    }
    if (act < 83) {
      if (act < 82) th.rateLimiter.block(source, 1 + random(5_000), this.#who());
      else th.rateLimiter.unblock(source, this.#who());
      return { kind: 'clocked' };
    }
    if (act < 86) th.http.counters.uninspected(source, 'passed', random(2) === 0 ? 'threw' : 'timeout');
    else if (act < 87) void th.audit.flush();
    else this.#operate();
    return { kind: 'other' };
  }

  /** Loud sources, quiet ones, and a crowd that comes once. */
  #source(): string {
    const { random } = this;
    const kind = random(10);
    if (kind < 5) return `192.0.2.${random(3)}`;
    if (kind < 8) return `2001:db8:${random(6)}::1`;
    return `198.51.${random(4)}.${random(100)}`;
  }

  #attack(): Event {
    const { random } = this;
    const mark = `${MARK}${random(4) === 0 ? random(Math.max(1, this.#marks)) : this.#marks++};`;
    const payload = mark.padEnd([10, 40, 130, 500, 513, 700][random(6)]!, '.');
    const source = this.#source();
    const scent: Scent = {
      source,
      payload: random(12) === 0 ? Number.NaN : random(2) === 0 ? payload : new TextEncoder().encode(payload),
      threat: { category: random(3) === 0 ? 'xss' : 'sqli', severity: SEVERITIES[random(4)]!, detector: 'sim' },
    };
    if (random(8) === 0) scent.fingerprint = `fingerprint ${random(20)}`;
    if (random(8) === 0) scent.disposition = 'observed';
    return this.#ask(scent, source, mark, true);
  }

  #ask(scent: Scent, source: string, mark: string | undefined, flagged: boolean): Event {
    return { kind: 'asked', source, scent, mark, flagged, result: this.ground.th.intercept(scent) };
  }

  #operate(): void {
    const { random } = this;
    const { quarantine } = this.ground.th;
    const held = quarantine.list({ limit: 50 });
    const item = held[random(Math.max(1, held.length))];
    if (item === undefined) return;
    const act = random(12);
    if (act < 5) quarantine.read(item.signature, this.#who());
    else if (act < 8) quarantine.neutralize(item.signature, this.#who());
    else if (act < 11) quarantine.purge(item.signature, PURGES[random(6)]!, this.#who());
    else quarantine.purgeAll(this.#who());
  }

  #who(): { actor: string; purpose: string } | undefined {
    return this.random(2) === 0 ? { actor: 'kim', purpose: 'simulated' } : undefined;
  }
}
