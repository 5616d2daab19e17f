/**
 * What must be equal of a recorded life wherever it is replayed.
 *
 * Relies on: the conformance suite's report. Refuses: judgement.
 */
import type { ReplayReport } from '../conformance/replay';

/** All but the kind of core, whether the platform can seal, and the time it took. */
export const decided = ({
  ms: _,
  core: __,
  sealed: ___,
  ...rest
}: ReplayReport): Omit<ReplayReport, 'ms' | 'core' | 'sealed'> => rest;
