/**
 * The composition root: options + runtime → one wired instance. The only file that sees everyone.
 *
 * Relies on: everything in `src`. Refuses: rules of its own. Nothing here touches clock, randomness or the core until
 * the first call needs them: several platforms forbid or freeze them at start-up.
 *
 * @module
 */

import { coreConfig, DISPOSITIONS, Engine, type Persistence, type Succession } from './engine/index';
import { TracehoundError } from './errors';
import { toHex } from './formats/bytes';
import { actorFacts, sidecar } from './formats/sidecar';
import { Agent, closedError } from './instance/agent';
import { resolveOptions } from './instance/config';
import { Custody } from './instance/evidence';
import { restorable, takeSnapshot } from './instance/image';
import { readSource } from './instance/scent';
import { TraceIds } from './instance/trace';
import { watcher } from './instance/watcher';
import { heldLog } from './log/index';
import type { Keeper, KeeperPort, LogPlug } from './log/keeper';
import type {
  Actor,
  Audit,
  CoreInstance,
  Disposition,
  HttpPort,
  RateLimiter,
  RateLimitResult,
  ResolvedOptions,
  Runtime,
  Source,
  Tracehound,
  TracehoundOptions,
} from './types/index';
import { kindOf } from './validate/kind';
import { VERSION } from './version';

const encoder = new TextEncoder();

/** What of an instance can be left out (lean.ts), and is then not shipped. */
export interface Parts {
  /** Who keeps the log, when `audit.log` does not say. */
  readonly log: LogPlug;
  readonly takeSnapshot: typeof takeSnapshot;
  readonly restorable: typeof restorable;
}

/** One whole instance on `runtime`, which goes on where the one that `persistence` kept has stopped. */
export function wire(runtime: Runtime, given?: TracehoundOptions, persistence?: Persistence): Tracehound {
  return compose(runtime, given, { log: heldLog() as LogPlug, takeSnapshot, restorable }, persistence);
}

/** Wires one instance of `parts`. Throws `TypeError`/`RangeError` for bad options, naming the part. */
export function compose(
  defaultRuntime: Runtime,
  given: TracehoundOptions | undefined,
  parts: Parts,
  persistence?: Persistence,
): Tracehound {
  const options = resolveOptions(given, parts.log);
  const config = coreConfig(options);
  const runtime = withModule(options.runtime ?? defaultRuntime, options.module);
  const { now: clock, steps: clockSteps } = steady(options.clock ?? (() => runtime.now()));
  const random = (bytes: Uint8Array): void => runtime.random(bytes);
  const begun = options.audit.log.begin();
  const engine = new Engine({
    config,
    runtime,
    secret: options.secret,
    origin: options.audit.origin,
    continues: begun.continues,
    persistence,
    genesis: (origin, instance, size) => {
      const facts = genesisFacts(options, runtime, origin, instance);
      return sidecar(size === 0 ? facts : { ...facts, size }, random);
    },
    succession: (origin, size, restored) => sidecar(successionFacts(origin, size, restored), random),
  });
  if (options.restore !== undefined) engine.restore(parts.restorable(options.restore));
  // What cannot go on should say so now, and not to the first who asks something.
  if (persistence !== undefined) engine.inherit(clock);
  const isUp = (): boolean => engine.status === 'up';
  const port: KeeperPort = { log: engine.log, runtime, now: clock, random, options: options.audit, clockSteps, isUp };
  const keeper = begun.keep(port);
  const { refusal } = keeper;
  const agent = new Agent(engine, clock, runtime, refusal, options.limiter);
  const trace = new TraceIds(engine, random);
  let closed = false;
  /** The clock of a call that needs an open instance. */
  const time = (): number => {
    if (closed) throw closedError();
    return clock();
  };
  /** The clock of a call that appends records. */
  const actTime = (): number => {
    const error = refusal?.();
    if (error !== undefined) throw error;
    return time();
  };
  const detail = (who: Actor | undefined): Uint8Array | undefined => {
    const facts = actorFacts(who);
    return facts && sidecar(facts, random);
  };
  return {
    intercept: (scent) => agent.intercept(scent),
    interceptAsync: (scent) => agent.interceptAsync(scent),
    rateLimiter: rateLimiter(options, engine, actTime, detail),
    quarantine: new Custody({
      engine,
      agent,
      trace,
      now: clock,
      time,
      actTime,
      detail,
      random,
      keeper,
      authorize: options.authorize,
    }),
    // The log may be read after close(): its last record would be out of reach otherwise.
    audit: audit(engine, keeper, clock),
    watcher: watcher(engine, agent, keeper, runtime, clock, () => closed),
    http: httpPort(options, engine, agent, keeper, trace, runtime, actTime),
    id: () => engine.makeId(time()),
    snapshot: async (given) => parts.takeSnapshot(engine, time(), given, options.secret, runtime),
    close: () => {
      closed = true;
      agent.close();
      return keeper.close();
    },
  };
}

/** The escape hatch for bundlers: the caller compiled the core, so nobody here can say which bytes it came from. */
function withModule(runtime: Runtime, module: WebAssembly.Module | undefined): Runtime {
  if (module === undefined) return runtime;
  const core = (): CoreInstance => ({ exports: new WebAssembly.Instance(module).exports });
  // Inherited, not spread: a runtime may be frozen, or an instance of a class.
  return Object.create(runtime, { core: { value: core }, coreDigest: { value: 'unknown' } });
}

/**
 * A clock that answers a number whatever the platform does: a bad reading repeats the last good one. `steps` tells how
 * often it went backwards since the last question, and how far in all.
 */
function steady(read: () => number): { now: () => number; steps: () => { count: number; ms: number } } {
  let last = 0;
  let back = { count: 0, ms: 0 };
  return {
    now: () => {
      const now = read();
      if (!(typeof now === 'number' && now >= 0 && now <= 8.64e15)) return last;
      if (now < last) back = { count: back.count + 1, ms: back.ms + last - now };
      last = now;
      return now;
    },
    steps: () => {
      const said = back;
      back = { count: 0, ms: 0 };
      return said;
    },
  };
}

/** What GENESIS commits to: everything that decides how this log came about, and no key. */
function genesisFacts(
  options: ResolvedOptions,
  runtime: Runtime,
  origin: string,
  instance: string,
): Parameters<typeof sidecar>[0] {
  const { limiter, quarantine, maxPayloadBytes, audit: log, failMode } = options;
  const rateLimit = limiter
    ? { approximate: true, limit: limiter.limit, windowMs: limiter.windowMs }
    : options.rateLimit;
  return {
    origin,
    instance,
    version: VERSION,
    runtime: runtime.name,
    clock: options.clock ? 'option' : runtime.clockSource,
    core: runtime.coreDigest,
    config: { rateLimit, quarantine, maxPayloadBytes, maxRecords: log.maxRecords, failMode },
  };
}

/** Ids of lost evidence that fit the sidecar; the count beside them is complete. */
const LOST_IDS_MAX = 64;

function successionFacts(origin: string, size: number, restored: Succession): Parameters<typeof sidecar>[0] {
  return { origin, size, ...restored, lostIds: restored.lostIds.slice(0, LOST_IDS_MAX).map(toHex) };
}

function rateLimiter(
  options: ResolvedOptions,
  engine: Engine,
  time: () => number,
  detail: (who: Actor | undefined) => Uint8Array | undefined,
): RateLimiter {
  /** The limit, when there is a limiter. */
  const limit = (): number => {
    if (options.rateLimit !== false) return options.rateLimit.limit;
    throw new TracehoundError('RATE_LIMIT_OFF', 'rateLimiter: switched off, expected rateLimit options, got false');
  };
  const ask = (source: Source, cost: number, peek: boolean): RateLimitResult => {
    const max = limit();
    if (typeof cost !== 'number') {
      throw new TypeError(`rateLimiter cost: wrong kind, expected an integer 1 … ${max}, got ${typeof cost}`);
    }
    if (!Number.isInteger(cost) || cost < 1 || cost > max) {
      throw new RangeError(`rateLimiter cost: out of range, expected an integer 1 … ${max}, got ${cost}`);
    }
    return engine.check(time(), readSource(source), cost, peek);
  };
  return {
    check: (source, cost = 1) => ask(source, cost, false),
    peek: (source, cost = 1) => ask(source, cost, true),
    reset: (source) => {
      limit();
      engine.reset(time(), readSource(source));
    },
    block: (source, ms, who) => {
      limit();
      if (typeof ms !== 'number') throw new TypeError(`rateLimiter.block: wrong kind, expected ms, got ${typeof ms}`);
      if (!(ms >= 1 && ms <= 2 ** 40)) {
        throw new RangeError(`rateLimiter.block: out of range, expected 1 … 2^40 ms, got ${ms}`);
      }
      engine.block(time(), readSource(source), Math.ceil(ms), detail(who));
    },
    unblock: (source, who) => {
      limit();
      return engine.unblock(time(), readSource(source), detail(who));
    },
  };
}

function audit(engine: Engine, keeper: Keeper, time: () => number): Audit {
  const seq = (name: string, value: number): number => {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new RangeError(`${name}: out of range, expected a sequence number ≥ 0, got ${kindOf(value)}`);
  };
  return {
    head: () => {
      const { origin, size, root } = engine.log.head(time());
      return { origin, size, root: toHex(root) };
    },
    verify: () => engine.log.verify(time()),
    flush: async () => {
      if (!keeper.ended) engine.log.settle(time(), false);
      await keeper.flush();
    },
    checkpoint: async () => keeper.proofs('audit.checkpoint').checkpoint(),
    proveInclusion: async (index) =>
      keeper.proofs('audit.proveInclusion').proveInclusion(seq('audit.proveInclusion', index)),
    proveConsistency: async (from, to) =>
      keeper
        .proofs('audit.proveConsistency')
        .proveConsistency(
          seq('audit.proveConsistency from', from),
          to === undefined ? undefined : seq('audit.proveConsistency to', to),
        ),
    export: ({ from, to } = {}) => {
      const first = from === undefined ? undefined : seq('audit.export from', from);
      const end = to === undefined ? undefined : seq('audit.export to', to);
      return engine.log.export(time(), first, end);
    },
    release: (toSeq) => {
      if (keeper.storeState.store === 'off') return engine.log.release(time(), seq('audit.release', toSeq));
      throw new TracehoundError('UNSUPPORTED', 'audit.release: the store releases, expected no storedLog, got one');
    },
    carried: () => {
      engine.inherit(time);
      return engine.log.carried.map((log) => ({ ...log, records: [...log.records], details: [...log.details] }));
    },
    releaseCarried: (origin) => {
      engine.inherit(time);
      engine.log.releaseCarried(origin);
    },
  };
}

function httpPort(
  options: ResolvedOptions,
  engine: Engine,
  agent: Agent,
  keeper: Keeper,
  trace: TraceIds,
  runtime: Runtime,
  time: () => number,
): HttpPort {
  const { limiter, rateLimit, failMode, maxPayloadBytes } = options;
  const limits = limiter ?? (rateLimit === false ? undefined : rateLimit);
  return {
    failMode,
    maxPayloadBytes,
    policy: limits && { limit: limits.limit, windowMs: limits.windowMs },
    now: time,
    source: (request, context) => runtime.source(request, context),
    defer: (work, context) => runtime.defer(work, context),
    ship: (context) => keeper.ship(context),
    charge: (source, disposition) => agent.charge(source, disposition === 'observed'),
    redact: (value) => toHex(engine.mac(time(), 'redact', encoder.encode(value)).subarray(0, 8)),
    traceId: (evidenceId) => trace.make(time(), evidenceId),
    partition: (source) => {
      const now = time();
      return engine.mac(now, 'partition', engine.sourceTag(now, readSource(source))).subarray(0, 8);
    },
    count: (what) => (what === 'passed' ? agent.passed() : engine.count(time(), what)),
    uninspected: (source: Source, disposition: Disposition, reason) => {
      engine.uninspected(time(), readSource(source), DISPOSITIONS.indexOf(disposition), reason);
    },
  };
}
