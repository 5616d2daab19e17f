/**
 * An engine without an instance around it, on the laboratory's runtime. Its sidecars say in JSON what the engine was told.
 *
 * Relies on: `lab`. Refuses: policy, text formats.
 */
import { type CoreConfig, Engine, type EngineOptions } from '../../src/engine/index';
import { configOf } from './core';
import { type Lab, lab } from './lab';

export const SECRET: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
export const LOG = 'example.org/engine';

const said = (facts: object): Uint8Array => new TextEncoder().encode(JSON.stringify(facts));

/** What an engine is made of. */
export const engineOptions = (it: Lab, over: Partial<EngineOptions> & { config?: CoreConfig } = {}): EngineOptions => ({
  config: configOf(),
  runtime: it.runtime,
  secret: SECRET,
  origin: LOG,
  continues: undefined,
  genesis: (origin, instance, size) => said({ genesis: origin, instance, size }),
  succession: (origin, size, restored) =>
    said({ ...restored, succession: origin, size, lostIds: restored.lostIds.length }),
  ...over,
});

export function engineOf(over: Partial<EngineOptions> = {}, it: Lab = lab()): { engine: Engine; it: Lab } {
  return { engine: new Engine(engineOptions(it, over)), it };
}

/** What the sidecars of a log say, in the order of its records; `null` where there is none. */
export const sidecarsOf = (engine: Engine, now: number): unknown[] =>
  engine.log.export(now, 0, undefined).details.map((detail) => detail && JSON.parse(new TextDecoder().decode(detail)));
