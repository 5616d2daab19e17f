/**
 * What was found so far, and what follows from it.
 *
 * Relies on: report. Refuses: to keep more than a hundred findings, however many there are; it counts the rest.
 */
import type { ExitCode, Finding, Verdict, VerdictName } from './report';

const FINDINGS_MAX = 100;

/** Where a finding is. */
export interface Spot {
  readonly seq?: number | undefined;
  readonly place?: string | undefined;
}

export class Findings {
  readonly list: Finding[] = [];
  total = 0;
  readonly #verdicts: Record<VerdictName, Verdict> = {
    integrity: 'good',
    authenticity: 'good',
    completeness: 'good',
    freshness: 'good',
  };

  /** Something is not as it must be. */
  bad(verdict: VerdictName, code: string, message: string, spot: Spot = {}): void {
    this.#verdicts[verdict] = 'bad';
    this.#add(verdict, 'bad', code, message, spot);
  }

  /** Something cannot be told. */
  unknown(verdict: VerdictName, code: string, message: string, spot: Spot = {}): void {
    if (this.#verdicts[verdict] === 'good') this.#verdicts[verdict] = 'unknown';
    this.#add(verdict, 'unknown', code, message, spot);
  }

  /** Something is worth a line. */
  note(verdict: VerdictName, code: string, message: string, spot: Spot = {}): void {
    this.#add(verdict, 'note', code, message, spot);
  }

  is(verdict: VerdictName): Verdict {
    return this.#verdicts[verdict];
  }

  #add(verdict: VerdictName, severity: Finding['severity'], code: string, message: string, spot: Spot): void {
    this.total++;
    if (this.list.length >= FINDINGS_MAX) return;
    const { seq, place } = spot;
    this.list.push({
      verdict,
      severity,
      code,
      ...(seq === undefined ? {} : { seq }),
      ...(place === undefined ? {} : { place }),
      message,
    });
  }

  /**
   * One number. What is forged outweighs what is missing, and that what cannot be told. That a log is old is no failure by
   * itself: one that should still be written is incomplete then, and says so.
   */
  get exitCode(): ExitCode {
    const { integrity, authenticity, completeness } = this.#verdicts;
    if (integrity === 'bad' || authenticity === 'bad') return 1;
    if (completeness === 'bad') return 2;
    if (integrity === 'unknown' || authenticity === 'unknown') return 3;
    return completeness === 'unknown' ? 2 : 0;
  }
}

/**
 * A name that somebody else chose, for people to read: cut, and without anything that could move their cursor, turn their
 * line around or end it (control, C1 and bidirectional characters, separators).
 */
export function shown(name: string): string {
  const cut = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return `“${cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`)}”`;
}

export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
