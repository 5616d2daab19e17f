/**
 * The composition root: options + runtime → one wired instance. The only file that sees everyone.
 *
 * Relies on: the rooms of an instance. Refuses: to touch clock, randomness or the core before the first call needs them:
 * several platforms forbid or freeze them at start-up.
 *
 * @module
 */

import { coreConfig, Engine, type Persistence } from './engine/index';
import { actorFacts, sidecar } from './formats/sidecar';
import { Agent, closedError } from './instance/agent';
import { audit } from './instance/audit';
import { steady } from './instance/clock';
import { resolveOptions } from './instance/config';
import { Events } from './instance/events';
import { Evidence } from './instance/evidence';
import { Feed } from './instance/feed';
import { genesisFacts, successionFacts } from './instance/genesis';
import { httpPort } from './instance/http-port';
import { restorable, takeSnapshot } from './instance/image';
import { rateLimiter } from './instance/limits';
import { TraceIds } from './instance/trace';
import { Troubles } from './instance/trouble';
import { watcher } from './instance/watcher';
import { heldLog } from './log/index';
import type { KeeperPort, LogPlug } from './log/keeper';
import type { Actor, CoreInstance, Runtime, Tracehound, TracehoundOptions } from './types/index';

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
  const events = new Events((name) => troubles.raise('HANDLER_FAILED', { event: name }));
  const troubles = new Troubles(clock, events, options.quiet ? undefined : warn);
  const begun = options.audit.log.begin();
  const engine = new Engine({
    config,
    runtime,
    secret: options.secret,
    origin: options.audit.origin,
    continues: begun.continues,
    persistence,
    genesis: (origin, instance, size) => {
      if (options.secret === undefined) troubles.raise('SECRET_NOT_SET');
      const facts = genesisFacts(options, runtime, origin, instance);
      return sidecar(size === 0 ? facts : { ...facts, size }, random);
    },
    succession: (origin, size, restored) => {
      if (engine.panics > 0) troubles.raise('CORE_PANIC', { panics: engine.panics });
      return sidecar(successionFacts(origin, size, restored), random);
    },
  });
  if (options.restore !== undefined) engine.restore(parts.restorable(options.restore));
  // What cannot go on should say so now, and not to the first who asks something.
  if (persistence !== undefined) engine.inherit(clock);
  const isUp = (): boolean => engine.status === 'up';
  const port: KeeperPort = {
    log: engine.log,
    runtime,
    now: clock,
    random,
    options: options.audit,
    clockSteps,
    isUp,
    troubles,
  };
  const keeper = begun.keep(port);
  const { refusal } = keeper;
  const feed = new Feed(engine, events, clock);
  const agent = new Agent(engine, clock, runtime, refusal, options.limiter, feed.poke);
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
    rateLimiter: rateLimiter(options, engine, actTime, detail, feed.poke),
    quarantine: new Evidence({
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
    watcher: watcher({ engine, agent, keeper, runtime, troubles, now: clock, closed: () => closed }),
    http: httpPort({ options, engine, agent, keeper, trace, runtime, time: actTime }),
    on: (name, handler) => {
      if (!events.has('blocked') && !events.has('quarantined')) feed.begin();
      return events.on(name, handler);
    },
    id: () => engine.makeId(time()),
    snapshot: async (given) => parts.takeSnapshot(engine, time(), given, options.secret, runtime),
    close: () => {
      closed = true;
      agent.close();
      return keeper.close();
    },
  };
}

/** Standard error, on every platform that has one. */
const warn = (line: string): void => console.warn(line);

/** The escape hatch for bundlers: the caller compiled the core, so nobody here can say which bytes it came from. */
function withModule(runtime: Runtime, module: WebAssembly.Module | undefined): Runtime {
  if (module === undefined) return runtime;
  const core = (): CoreInstance => ({ exports: new WebAssembly.Instance(module).exports });
  // Inherited, not spread: a runtime may be frozen, or an instance of a class.
  return Object.create(runtime, { core: { value: core }, coreDigest: { value: 'unknown' } });
}
