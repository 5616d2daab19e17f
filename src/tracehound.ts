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
import { Agent } from './instance/agent';
import { audit } from './instance/audit';
import { OpenClock, steady } from './instance/clock';
import { type Resolved, resolveOptions } from './instance/config';
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
import type { Begun, LogPlug } from './log/keeper';
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
  const runtime = withModule(options.runtime ?? defaultRuntime, options.module);
  const { now, steps: clockSteps } = steady(options.clock ?? (() => runtime.now()));
  const random = (bytes: Uint8Array): void => runtime.random(bytes);
  const events = new Events((name) => troubles.raise('HANDLER_FAILED', { event: name }));
  const troubles = new Troubles(now, events, options.quiet ? undefined : warn);
  const begun = options.audit.log.begin();
  const engine = engineOf({ options, runtime, random, troubles, continues: begun.continues, persistence });
  if (options.restore !== undefined) engine.restore(parts.restorable(options.restore));
  // What cannot go on should say so now, and not to the first who asks something.
  if (persistence !== undefined) engine.inherit(now);
  const isUp = (): boolean => engine.status === 'up';
  const { audit: auditOptions } = options;
  const keeper = begun.keep({
    log: engine.log,
    runtime,
    now,
    random,
    options: auditOptions,
    clockSteps,
    isUp,
    troubles,
  });
  const feed = new Feed(engine, events, now);
  const agent = new Agent(engine, now, runtime, keeper.refusal, options.limiter, feed.poke);
  const trace = new TraceIds(engine, random);
  const clock = new OpenClock(now, keeper.refusal);
  const { time, actTime } = clock;
  const detail = (who: Actor | undefined): Uint8Array | undefined => {
    const facts = actorFacts(who);
    return facts && sidecar(facts, random);
  };
  const { authorize } = options;
  return {
    intercept: (scent) => agent.intercept(scent),
    interceptAsync: (scent) => agent.interceptAsync(scent),
    rateLimiter: rateLimiter(options, engine, actTime, detail, feed.poke),
    quarantine: new Evidence({ engine, agent, trace, now, time, actTime, detail, random, keeper, authorize }),
    // The log may be read after close(): its last record would be out of reach otherwise.
    audit: audit(engine, keeper, now),
    watcher: watcher({ engine, agent, keeper, runtime, troubles, now, closed: () => clock.isClosed }),
    http: httpPort({ options, engine, agent, keeper, trace, runtime, time: actTime }),
    on: (name, handler) => feed.listen(name, handler),
    id: () => engine.makeId(time()),
    snapshot: async (given) => parts.takeSnapshot(engine, time(), given, options.secret, runtime),
    close: () => {
      clock.isClosed = true;
      agent.close();
      return keeper.close();
    },
  };
}

interface EngineParts {
  readonly options: Resolved;
  readonly runtime: Runtime;
  readonly random: (bytes: Uint8Array) => void;
  readonly troubles: Troubles;
  readonly continues: Begun['continues'];
  readonly persistence: Persistence | undefined;
}

/** The engine, and what its log says of itself when it begins and when it follows on another. */
function engineOf({ options, runtime, random, troubles, continues, persistence }: EngineParts): Engine {
  const engine = new Engine({
    config: coreConfig(options),
    runtime,
    secret: options.secret,
    formerSecrets: options.formerSecrets,
    origin: options.audit.origin,
    continues,
    persistence,
    genesis: (origin, instance, size, secretId) => {
      if (options.secret === undefined) troubles.raise('SECRET_NOT_SET');
      const named = secretId === undefined ? {} : { secretId };
      const facts = { ...genesisFacts(options, runtime, origin, instance), ...named };
      return sidecar(size === 0 ? facts : { ...facts, size }, random);
    },
    succession: (origin, size, restored) => {
      if (engine.panics > 0) troubles.raise('CORE_PANIC', { panics: engine.panics });
      return sidecar(successionFacts(origin, size, restored), random);
    },
  });
  return engine;
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
