/**
 * The suite that every runtime passes, for the ones in the package and for yours: what an instance decides, keeps, writes
 * and answers on a runtime, and one recorded life whose end must be the same to the byte everywhere.
 *
 * Relies on: web standards; it runs inside the engine that is looked at and needs no test runner there.
 * Refuses: the network and the file system; it takes seconds, and minutes where the core is interpreted.
 *
 * @example
 * import { conform, replay, TRACE } from 'tracehound/conformance';
 * import { myRuntime } from 'my-runtime';
 *
 * const failures = (await conform(myRuntime)).filter(({ error }) => error !== undefined);
 * const { state, root } = await replay(myRuntime, TRACE); // compare with the same on Node
 *
 * @module
 */
import type { Runtime } from '../../src/types/index';
import { audit } from './cases/audit';
import { decisions } from './cases/decisions';
import { evidence } from './cases/evidence';
import { hostile } from './cases/hostile';
import { http } from './cases/http';
import { runtimes } from './cases/runtime';
import type { ReplayOptions } from './replay';
import { type Case, stage } from './stage';

export { LIVES, type Mode, type ReplayOptions, type ReplayReport, replay } from './replay';
export type { Case, Stage } from './stage';
export type { ProfileName } from './trace';

/** Every promise, in the order of the suite. */
export const CASES: readonly Case[] = [...runtimes, ...decisions, ...evidence, ...audit, ...http, ...hostile];

/** The recorded life by which runtimes are compared: ten thousand requests of a crowd, floods among them. */
export const TRACE: ReplayOptions = { seed: 1, count: 10_000, profile: 'crowd', mode: 'interceptAsync' };

/** What became of one promise. */
export interface CaseReport {
  readonly part: Case['part'];
  readonly promise: string;
  /** Absent when it was kept. */
  readonly error?: string;
}

/** Holds every promise against `runtime`, one after the other. Never rejects. */
export async function conform(runtime: Runtime, cases: readonly Case[] = CASES): Promise<CaseReport[]> {
  const reports: CaseReport[] = [];
  for (const { part, promise, run } of cases) {
    try {
      await run(stage(runtime));
      reports.push({ part, promise });
    } catch (error) {
      reports.push({ part, promise, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return reports;
}
