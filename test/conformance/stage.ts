/**
 * What a case gets: an instance on the core and digest of the runtime that is looked at, in a world whose clock and
 * randomness the case moves; and the runtime itself, as the platform answers.
 *
 * Relies on: `World`. Refuses: anything shared between cases.
 */
import { wire } from '../../src/tracehound';
import type { InterceptResult, Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';
import type { Held } from './hold';
import { World } from './world';

export interface Stage {
  /** The five answers as the platform gives them. */
  readonly runtime: Runtime;
  /** A fresh instance in a fresh world. */
  instance(options?: TracehoundOptions, seed?: number): { th: Tracehound; world: World };
}

/** One promise of a runtime, as a sentence about an instance on it. */
export type Case = Held<
  Stage,
  'decisions' | 'evidence' | 'ids' | 'audit' | 'http' | 'body' | 'hostile' | 'runtime' | 'engine'
>;

/** What is not asked for is small: the JavaScript build takes and zeroes all of its memory at once. */
const SMALL = { quarantine: { maxCount: 64, maxBytes: 262_144, maxShare: 1 }, audit: { maxRecords: 512 } } as const;

export function stage(runtime: Runtime): Stage {
  return {
    runtime,
    instance: (options = {}, seed = 1) => {
      const world = new World(runtime, seed);
      const th = wire(world.runtime, {
        secret: world.secret,
        ...options,
        rateLimit: limits(options.rateLimit),
        quarantine: { ...SMALL.quarantine, ...options.quarantine },
        audit: { ...SMALL.audit, ...options.audit },
      });
      return { th, world };
    },
  };
}

export const THREAT = { category: 'sqli', severity: 'high' } as const;

/** The evidence of a result that must have some. */
export function evidenceOf(result: InterceptResult): Extract<InterceptResult, { status: 'quarantined' }>['evidence'] {
  if (result.status === 'quarantined' || result.status === 'duplicate') return result.evidence;
  throw new Error(`expected evidence, got ${result.status}`);
}

/** A table of ours is small; what is not ours is passed on. */
function limits(given: TracehoundOptions['rateLimit']): NonNullable<TracehoundOptions['rateLimit']> {
  return given === false || (given !== undefined && 'charge' in given) ? given : { maxSources: 64, ...given };
}
