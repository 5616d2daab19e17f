/**
 * What `tracehound verify` says: four verdicts, what they rest on, the first bad record, one word at the end.
 *
 * Relies on: text, verify/report. Refuses: to print a character that a log's writer chose without escaping it.
 */
import type { BundleReport } from '../verify/bundle';
import type { ExitCode, Finding, LogReport, VerdictName, Verdicts } from '../verify/report';
import { counted, harmless, timeText } from './text';

const NAMES: readonly VerdictName[] = ['integrity', 'authenticity', 'completeness', 'freshness'];
const WORDS: Readonly<Record<ExitCode, string>> = {
  0: 'good',
  1: 'TAMPERED: something was changed, or somebody else signed it',
  2: 'INCOMPLETE: something is missing',
  3: 'NOT VERIFIED: with what was given, nobody can tell',
};
/** What outweighs what: see the exit codes in docs/verify.md. */
const WEIGHT: Readonly<Record<ExitCode, number>> = { 1: 3, 2: 2, 3: 1, 0: 0 };

export const worst = (codes: readonly ExitCode[]): ExitCode =>
  codes.reduce((a, b) => (WEIGHT[b] > WEIGHT[a] ? b : a), 0);

/** The report with one more finding. */
export function withFinding<T extends Verdicts>(report: T, finding: Finding): T {
  const findings = [...report.findings, finding];
  const more = { findings, findingsTotal: report.findingsTotal + 1 };
  if (finding.severity === 'note') return { ...report, ...more };
  const isBad = finding.severity === 'bad';
  const isOfContent = finding.verdict === 'integrity' || finding.verdict === 'authenticity';
  const exitCode = worst([report.exitCode, !isOfContent ? 2 : isBad ? 1 : 3]);
  const verdict = isBad || report[finding.verdict] === 'good' ? finding.severity : report[finding.verdict];
  return { ...report, ...more, [finding.verdict]: verdict, exitCode };
}

/** The last line: what all of it comes to. */
export const conclusion = (code: ExitCode): string => WORDS[code];

export function* logLines(name: string, report: LogReport): Generator<string> {
  const { origin, size, unsigned = 0, records, unavailable, root, from, to, open, closed } = report;
  yield field('log', origin ?? 'nobody says which');
  if (name !== '') yield field('at', name);
  const content = unavailable === 0 ? '' : `, ${counted(unavailable)} of them without their content`;
  const time = from === undefined ? '' : `, ${timeText(from)} to ${timeText(to as number)}`;
  yield field('records', `${counted(size)}${content}${time}`);
  if (unsigned > 0) yield field('', `${counted(unsigned)} more behind the newest head, which nobody signed`);
  if (records > 0) yield field('head', root === '' ? 'cannot be computed' : root);
  yield field('evidence', `${counted(open)} open${closed ? '; the log was closed' : ''}`);
  yield* verdictLines(report);
}

export function* bundleLines(name: string, report: BundleReport): Generator<string> {
  const { origin, size, item, events } = report;
  yield field('bundle', name);
  yield field('evidence', item.id);
  yield field('what', `${item.signature}, ${item.severity}, ${counted(item.size)} bytes`);
  yield field('log', `${origin}, head of ${counted(size)} records`);
  const own = events.filter(({ isItem }) => isItem);
  for (const { seq, kind, time } of own) yield field('', `${timeText(time)} ${kind}, record ${seq}`);
  yield* verdictLines(report);
}

function* verdictLines(report: Verdicts): Generator<string> {
  for (const name of NAMES) yield field(name, report[name]);
  for (const finding of report.findings) yield findingLine(finding);
  const more = report.findingsTotal - report.findings.length;
  if (more > 0) yield `  … and ${counted(more)} more`;
  const first = firstBad(report.findings);
  if (first !== undefined) yield field('first bad', spotOf(first));
}

/**
 * The bad record that comes first in the log. A tile speaks of the first of its records, which need not be the bad one: it
 * is named only if nothing else is.
 */
function firstBad(findings: readonly Finding[]): Finding | undefined {
  const bad = findings.filter(({ severity, seq }) => severity === 'bad' && seq !== undefined);
  const exact = bad.filter(({ code }) => code !== 'TILE');
  const first = (a: Finding | undefined, b: Finding): Finding => (a !== undefined && seqOf(a) <= seqOf(b) ? a : b);
  return (exact.length > 0 ? exact : bad).reduce<Finding | undefined>(first, undefined);
}

const seqOf = ({ seq }: Finding): number => seq as number;

function findingLine(finding: Finding): string {
  const { severity, verdict, code, message } = finding;
  const spot = spotOf(finding);
  return harmless(`  ${severity.padEnd(7)}  ${verdict}, ${code}: ${message}${spot === '' ? '' : ` (${spot})`}`);
}

function spotOf({ seq, place }: Finding): string {
  return [seq === undefined ? [] : `record ${seq}`, place ?? []].flat().join(' at ');
}

export const field = (name: string, value: string): string => harmless(`${name.padEnd(13)} ${value}`);
