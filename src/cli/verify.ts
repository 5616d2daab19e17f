/**
 * `tracehound verify`: is it as it was written, by whom it should be, whole, and young?
 *
 * Relies on: subject, trust, chain, report; src/verify/index.ts for every judgement. Refuses: exit code 0 for nothing.
 */
import { TracehoundError } from '../errors';
import type { FoundLog, FoundLogs } from '../verify/directory';
import type { Open } from '../verify/file';
import { type BundleReport, verifyBundle, verifyLog } from '../verify/index';
import type { VerifyOptions } from '../verify/options';
import type { ExitCode, Finding, LogReport } from '../verify/report';
import { type Args, type Takes, UsageError } from './args';
import { Chain, type Judged } from './chain';
import { NobodyReads, Output, Progress } from './output';
import type { CommandPort } from './port';
import { bundleLines, conclusion, field, logLines, withFinding, worst } from './report';
import { forEachSubject, SUBJECT_OPTIONS, type Subject, searched } from './subject';
import { escapedJson } from './text';
import { readTrust, TRUST_OPTIONS, type Trusted } from './trust';

export const VERIFY_OPTIONS: Readonly<Record<string, Takes>> = {
  ...TRUST_OPTIONS,
  ...SUBJECT_OPTIONS,
  '--max-age': 'one',
  '--require-close': 'nothing',
  '--json': 'nothing',
};

const TAMPERED = 1;
const NOT_VERIFIED = 3;

/** What came of one word. */
interface Outcome {
  readonly name: string;
  readonly exitCode: ExitCode;
  readonly logs?: readonly { readonly path: string; readonly report: LogReport }[];
  readonly bundle?: BundleReport;
  /** Why there is no report. */
  readonly problem?: string;
  /** Worth saying, and no finding. */
  readonly remarks: readonly string[];
}

export async function verifyCommand(port: CommandPort, args: Args): Promise<ExitCode> {
  const wanted = searched(args);
  const trust = await readTrust(port, args);
  const options = { ...optionsOf(port, args), ...trust.options };
  const outcomes: Outcome[] = [];
  await forEachSubject(port, args.words, wanted, async (subject) => {
    outcomes.push({ name: subject.name, ...(await judge(port, subject, options)) });
  });
  await say(port, outcomes, trust, args.has('--json'));
  return worst(outcomes.map(({ exitCode }) => exitCode));
}

function optionsOf(port: CommandPort, args: Args): VerifyOptions {
  const age = args.one('--max-age');
  if (age !== undefined && !/^\d{1,15}$/.test(age)) {
    throw new UsageError('--max-age: expected milliseconds, got something else');
  }
  return {
    now: port.now(),
    ...(age === undefined ? {} : { maxAgeMs: Number(age) }),
    ...(args.has('--require-close') ? { requireClose: true } : {}),
    ...(port.digest === undefined ? {} : { digest: port.digest }),
  };
}

type Judgement = Omit<Outcome, 'name'>;

async function judge(port: CommandPort, subject: Subject, options: VerifyOptions): Promise<Judgement> {
  switch (subject.kind) {
    case 'empty':
      return { exitCode: NOT_VERIFIED, problem: 'there is nothing to verify', remarks: [] };
    case 'other':
      return { exitCode: NOT_VERIFIED, problem: subject.problem, remarks: [] };
    case 'bundle':
      return judgeBundle(subject.open, options);
    case 'file': {
      const log = { path: '', store: '', isLatest: false, source: subject.source };
      return judgeLogs(port, { by: 'log', logs: [log] }, options);
    }
    case 'folder':
      return judgeLogs(port, subject.found, options);
  }
}

async function judgeBundle(open: Open, options: VerifyOptions): Promise<Judgement> {
  try {
    const bundle = await verifyBundle(open(), options);
    return { exitCode: bundle.exitCode, bundle, remarks: [] };
  } catch (error) {
    if (!(error instanceof TracehoundError)) throw error;
    return { exitCode: TAMPERED, problem: error.message, remarks: [] };
  }
}

async function judgeLogs(port: CommandPort, found: FoundLogs, options: VerifyOptions): Promise<Judgement> {
  const { by, logs, links = [] } = found;
  const chains = new Map(logs.map(({ store }) => [store, { chain: new Chain(), judged: [] as Judged[] }]));
  const reports = new Map<FoundLog, LogReport>();
  for (const log of logs) {
    const known = logs.length === 1 ? (options.known ?? []) : knownOf(options, log.source.origin);
    const { chain, judged } = chains.get(log.store) as { chain: Chain; judged: Judged[] };
    const report = await judgeLog(port, chain, log, { ...options, known });
    judged.push({ log, report });
    reports.set(log, log.isLatest && report.size === 0 ? withFinding(report, GONE) : report);
  }
  const remarks = links.map((path) => `${path} is a link that leads out, and was not followed: name it itself`);
  for (const { chain, judged } of chains.values()) {
    if (by === 'latest' || by === 'named') remarks.push(...chain.named(judged).map(followsOn));
    if (by !== 'walk') continue;
    for (const { log, finding } of await chain.compare(judged)) {
      reports.set(log, withFinding(reports.get(log) as LogReport, finding));
    }
  }
  const exitCode = worst([...reports.values()].map((report) => report.exitCode));
  return { exitCode, logs: logs.map((log) => ({ path: log.path, report: reports.get(log) as LogReport })), remarks };
}

const GONE: Finding = {
  verdict: 'completeness',
  severity: 'bad',
  code: 'LOG_MISSING',
  message: 'the store says that this is its newest log, and there is nothing of it',
  place: 'latest',
};

const followsOn = (origin: string): string => `follows on the log ${origin}, which was not looked at: --all does`;

/** Of several logs, each is held against its own heads only. */
function knownOf({ known = [] }: VerifyOptions, origin: string | undefined): readonly string[] {
  return known.filter((note) => origin === undefined || note.startsWith(`${origin}\n`));
}

async function judgeLog(port: CommandPort, chain: Chain, log: FoundLog, options: VerifyOptions): Promise<LogReport> {
  const progress = new Progress(port);
  try {
    return await verifyLog(chain.watch(log), {
      ...options,
      onProgress: (records, total) => progress.at(records, total),
    });
  } finally {
    progress.end();
  }
}

async function say(port: CommandPort, outcomes: readonly Outcome[], trust: Trusted, json: boolean): Promise<void> {
  const output = new Output(port);
  const lines = json ? [jsonText(outcomes, trust)] : textLines(outcomes, trust);
  try {
    for (const line of lines) await output.line(line);
    await output.flush();
  } catch (error) {
    // The exit code says it too.
    if (!(error instanceof NobodyReads)) throw error;
  }
}

function* textLines(outcomes: readonly Outcome[], trust: Trusted): Generator<string> {
  for (const { name, logs = [], bundle, problem, remarks } of outcomes) {
    for (const { path, report } of logs) {
      yield* logLines(path === '' ? name : `${name}, ${path}`, report);
      yield '';
    }
    if (bundle !== undefined) {
      yield* bundleLines(name, bundle);
      yield '';
    }
    if (problem !== undefined) yield field('problem', `${name}: ${problem}`);
    for (const remark of remarks) yield field('', remark);
  }
  yield field('trust', trustText(trust));
  yield field('verdict', conclusion(worst(outcomes.map(({ exitCode }) => exitCode))));
}

function trustText({ policyPath, keys }: Trusted): string {
  const given = keys === 0 ? [] : [`${keys} key${keys === 1 ? '' : 's'} given`];
  const named = [...(policyPath === undefined ? [] : [policyPath]), ...given];
  return named.join(', ') || 'nobody: no policy, no key. --policy or --key says whom';
}

/** One word is one report; several are a list of them. */
function jsonText(outcomes: readonly Outcome[], trust: Trusted): string {
  const facts = outcomes.map(({ name, exitCode, logs, bundle, problem, remarks }) => {
    // A payload is an attack, and nobody asked for it here: `tracehound inspect` shows it.
    const { payload: _, ...shown } = bundle ?? {};
    return {
      exitCode,
      name,
      policy: trust.policyPath ?? null,
      ...(logs === undefined ? {} : { logs: logs.map(({ path, report }) => ({ path, ...report })) }),
      ...(bundle === undefined ? {} : { bundle: shown }),
      ...(problem === undefined ? {} : { problem }),
      remarks,
    };
  });
  const exitCode = worst(outcomes.map((outcome) => outcome.exitCode));
  const whole = facts.length === 1 ? facts[0] : { exitCode, policy: trust.policyPath ?? null, subjects: facts };
  return escapedJson(JSON.stringify(whole, null, 2));
}
