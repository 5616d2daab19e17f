/**
 * What a verifier says: four verdicts that are never mixed, the findings they rest on, and one number for scripts.
 *
 * - *integrity*: nothing was changed, reordered, inserted or removed from the middle;
 * - *authenticity*: a key that the reader trusts signed it;
 * - *completeness*: nothing is missing, at the end least of all;
 * - *freshness*: the newest record is young.
 *
 * Relies on: nothing. Refuses: a verdict that was not earned. What could not be told with what was given is `unknown`.
 * @module
 */

/** `unknown`: cannot be told with what was given. */
export type Verdict = 'good' | 'bad' | 'unknown';

export type VerdictName = 'integrity' | 'authenticity' | 'completeness' | 'freshness';

/** One thing that was found. */
export interface Finding {
  readonly verdict: VerdictName;
  /** `bad` and `unknown` move the verdict; a `note` does not. */
  readonly severity: 'bad' | 'unknown' | 'note';
  /** Stable, for scripts: `LINK`, `REWRITTEN` … */
  readonly code: string;
  /** Sequence number of the record it is about. */
  readonly seq?: number;
  /** Where that record lies, as the source says. */
  readonly place?: string;
  /** For people. Says nothing that the log's writer could have chosen, other than numbers and escaped names. */
  readonly message: string;
}

/** 0 good · 1 tampered or forged · 2 incomplete · 3 cannot be told. A command adds 4, for how it was called. */
export type ExitCode = 0 | 1 | 2 | 3;

/** The four verdicts and what they rest on. */
export interface Verdicts {
  readonly integrity: Verdict;
  readonly authenticity: Verdict;
  readonly completeness: Verdict;
  readonly freshness: Verdict;
  /** The first 100, in the order in which they were found. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
  readonly exitCode: ExitCode;
}

/** What {@link verifyLog} says of a log. */
export interface LogReport extends Verdicts {
  /** Absent when neither the source nor a checkpoint names it. */
  readonly origin?: string;
  /**
   * Leaves that the newest head covers, as far as they were read; all that were read, where there is no head. Everything
   * else in this report is of these leaves.
   */
  readonly size: number;
  /** Leaves behind the newest head, which nobody signed; absent where there are none. */
  readonly unsigned?: number;
  /** Lowercase hex tree head over those `size` leaves; the empty text when leaves are missing and nobody can compute it. */
  readonly root: string;
  /** Records whose content was read. */
  readonly records: number;
  /** Leaves whose content was not there to be read. */
  readonly unavailable: number;
  /** Evidence that was quarantined and had not ended when the log was read. */
  readonly open: number;
  /** The log ends in good order: its last record is CLOSE. */
  readonly closed: boolean;
  /** Unix ms that the first record states, and the newest: as the host said. */
  readonly from?: number;
  readonly to?: number;
}
