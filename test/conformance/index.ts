/**
 * The suites that everything which is passed in must pass, for what comes in the package and for yours.
 *
 * Of runtimes: what an instance decides, keeps, writes and answers on one, and one recorded life whose end must be the same
 * to the byte everywhere. Of stores, ledgers, sinks and signers: what each promises, with a fresh one for each promise.
 *
 * Relies on: web standards; it runs inside the engine that is looked at and needs no test runner there.
 * Refuses: the network and the file system of its own; it takes seconds, and minutes where the core is interpreted.
 *
 * @example
 * import { conform, replay, TRACE } from 'tracehound/conformance';
 * import { myRuntime } from 'my-runtime';
 *
 * const failures = (await conform(myRuntime)).filter(({ error }) => error !== undefined);
 * const { state, root } = await replay(myRuntime, TRACE); // compare with the same on Node
 * const broken = (await conformStore(() => ({ store: myStore() }))).filter(({ error }) => error !== undefined);
 *
 * @module
 */
import type { LogStore, Runtime } from '../../src/types/index';
import { audit } from './cases/audit';
import { decisions } from './cases/decisions';
import { engine } from './cases/engine';
import { evidence } from './cases/evidence';
import { hostile } from './cases/hostile';
import { http } from './cases/http';
import { runtimes } from './cases/runtime';
import { hold, type Report } from './hold';
import { LEDGER_CASES, type LedgerStage } from './ledger';
import type { ReplayOptions } from './replay';
import { SIGNER_CASES, type SignerStage } from './signer';
import { SINK_CASES, type SinkStage } from './sink';
import { type Case, stage } from './stage';
import { LOG_STORE_CASES, STORE_CASES, type StoreStage } from './store';

export type { Held, Report } from './hold';
export { LEDGER_CASES, type LedgerStage } from './ledger';
export { LIVES, type Mode, type ReplayOptions, type ReplayReport, replay } from './replay';
export { SIGNER_CASES, type SignerStage } from './signer';
export { type Answer, type Destination, SINK_CASES, type SinkStage } from './sink';
export type { Case, Stage } from './stage';
export { LOG_STORE_CASES, STORE_CASES, type StoreStage } from './store';
export type { ProfileName } from './trace';

/** Every promise of a runtime, in the order of the suite. */
export const CASES: readonly Case[] = [
  ...runtimes,
  ...decisions,
  ...evidence,
  ...audit,
  ...http,
  ...engine,
  ...hostile,
];

/** The recorded life by which runtimes are compared: ten thousand requests of a crowd, floods among them. */
export const TRACE: ReplayOptions = { seed: 1, count: 10_000, profile: 'crowd', mode: 'interceptAsync' };

/** What became of one promise of a runtime. */
export type CaseReport = Report<Case['part']>;

/** Holds every promise against `runtime`, one after the other. Never rejects. */
export function conform(runtime: Runtime, cases: readonly Case[] = CASES): Promise<CaseReport[]> {
  return hold(() => stage(runtime), cases);
}

/** One report a promise. Never rejects. */
export type Reports = Promise<Report[]>;

/** Something to look at, made anew for each promise. */
export type Make<Stage> = () => Stage | Promise<Stage>;

/** Holds what every store promises against stores that `make` makes empty. */
export const conformStore = (make: Make<StoreStage>): Reports => hold(make, STORE_CASES);

/** The same of stores that can hold a log: with `swap`. */
export const conformLogStore = (make: Make<StoreStage<LogStore>>): Reports => hold(make, LOG_STORE_CASES);

/** Holds what every ledger promises against ledgers that `make` makes empty. */
export const conformLedger = (make: Make<LedgerStage>): Reports => hold(make, LEDGER_CASES);

/** Holds what every sink promises against sinks that `make` makes, each before a destination of its own. */
export const conformSink = (make: Make<SinkStage>): Reports => hold(make, SINK_CASES);

/** Holds what every signer promises against signers that `make` makes. */
export const conformSigner = (make: Make<SignerStage>): Reports => hold(make, SIGNER_CASES);
