/**
 * `tracehound verify`: is it as it was written, by whom it should be, whole, and young?
 *
 * Relies on: find, trust, chain, report; src/verify/index.ts for every judgement. Refuses: exit code 0 for nothing.
 */
import { TracehoundError } from '../errors';
import type { FoundLog, FoundLogs } from '../verify/directory';
import { type BundleReport, verifyBundle, verifyLog } from '../verify/index';
import type { VerifyOptions } from '../verify/options';
import type { ExitCode, LogReport } from '../verify/report';
import { type Args, onlyWord, type Takes, UsageError } from './args';
import { Chain, type Judged } from './chain';
import { type Subject, withSubject } from './find';
import { NobodyReads, Output, Progress } from './output';
import type { CommandPort } from './port';
import { bundleLines, conclusion, field, logLines, withFinding, worst } from './report';
import { escapedJson } from './text';
import { readTrust, TRUST_OPTIONS, type Trust } from './trust';

export const VERIFY_OPTIONS: Readonly<Record<string, Takes>> = {
  ...TRUST_OPTIONS,
  '--log': 'one',
  '--all': 'nothing',
  '--max-age': 'one',
  '--require-close': 'nothing',
  '--json': 'nothing',
};

const TAMPERED = 1;
const NOT_VERIFIED = 3;

/** What came of it. */
interface Outcome {
  readonly exitCode: ExitCode;
  readonly logs?: readonly { readonly path: string; readonly report: LogReport }[];
  readonly bundle?: BundleReport;
  /** Why there is no report. */
  readonly problem?: string;
  /** Worth saying, and no finding. */
  readonly remarks: readonly string[];
}

export async function verifyCommand(port: CommandPort, args: Args): Promise<ExitCode> {
  const word = onlyWord(args, 'a folder, a file or -');
  const log = args.one('--log');
  if (log !== undefined && args.has('--all')) throw new UsageError('--log, --all: expected one of them, got both');
  const trust = await readTrust(port, args, word === '-' ? undefined : word);
  const options = { ...optionsOf(port, args), ...trust.options };
  const finding = { ...(log === undefined ? {} : { log }), all: args.has('--all') };
  return withSubject(port, word, finding, async (subject) => {
    const outcome = await judge(port, subject, options);
    await say(port, subject, outcome, trust, args.has('--json'));
    return outcome.exitCode;
  });
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

async function judge(port: CommandPort, subject: Subject, options: VerifyOptions): Promise<Outcome> {
  switch (subject.kind) {
    case 'empty':
      return { exitCode: NOT_VERIFIED, problem: 'there is nothing to verify', remarks: [] };
    case 'other':
      return { exitCode: NOT_VERIFIED, problem: 'neither a log nor a bundle of evidence', remarks: [] };
    case 'bundle':
      return judgeBundle(subject.bytes, options);
    case 'file':
      return judgeLogs(port, { by: 'log', logs: [{ path: '', source: subject.source }] }, options);
    case 'folder':
      return judgeLogs(port, subject.found, options);
  }
}

async function judgeBundle(bytes: Uint8Array, options: VerifyOptions): Promise<Outcome> {
  try {
    const bundle = await verifyBundle(bytes, options);
    return { exitCode: bundle.exitCode, bundle, remarks: [] };
  } catch (error) {
    if (!(error instanceof TracehoundError)) throw error;
    return { exitCode: TAMPERED, problem: error.message, remarks: [] };
  }
}

async function judgeLogs(port: CommandPort, { by, logs, latest }: FoundLogs, options: VerifyOptions): Promise<Outcome> {
  const chain = new Chain();
  const judged: Judged[] = [];
  for (const log of logs) {
    const known = logs.length === 1 ? (options.known ?? []) : knownOf(options, log.source.origin);
    judged.push({ log, report: await judgeLog(port, chain, log, { ...options, known }) });
  }
  const reports = new Map(judged.map(({ log, report }) => [log, report]));
  const add = (log: FoundLog, finding: Parameters<typeof withFinding>[1]): void => {
    reports.set(log, withFinding(reports.get(log) as LogReport, finding));
  };
  for (const { log, report } of judged) {
    if (report.size > 0 || log.source.origin !== latest || latest === undefined) continue;
    const message = 'the store says that this is its newest log, and there is nothing of it';
    add(log, { verdict: 'completeness', severity: 'bad', code: 'LOG_MISSING', message, place: 'latest' });
  }
  const remarks = by === 'walk' || by === 'log' ? [] : chain.named(judged).map(followsOn);
  if (by === 'walk') for (const { log, finding } of await chain.compare(judged)) add(log, finding);
  const exitCode = worst([...reports.values()].map((report) => report.exitCode));
  return { exitCode, logs: logs.map((log) => ({ path: log.path, report: reports.get(log) as LogReport })), remarks };
}

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

async function say(port: CommandPort, subject: Subject, outcome: Outcome, trust: Trust, json: boolean): Promise<void> {
  const output = new Output(port);
  const lines = json ? [jsonText(subject, outcome, trust)] : textLines(subject, outcome, trust);
  try {
    for (const line of lines) await output.line(line);
    await output.flush();
  } catch (error) {
    // The exit code says it too.
    if (!(error instanceof NobodyReads)) throw error;
  }
}

function* textLines({ name }: Subject, outcome: Outcome, trust: Trust): Generator<string> {
  const { logs = [], bundle, problem, remarks, exitCode } = outcome;
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
  yield field('trust', trustText(trust));
  yield field('verdict', conclusion(exitCode));
}

function trustText({ policyPath, isFound, keys }: Trust): string {
  const policy = policyPath === undefined ? [] : [`${policyPath}${isFound ? ' (found beside it)' : ''}`];
  const given = keys === 0 ? [] : [`${keys} key${keys === 1 ? '' : 's'} given`];
  return [...policy, ...given].join(', ') || 'nobody: no policy, no key';
}

function jsonText({ name }: Subject, outcome: Outcome, trust: Trust): string {
  const { exitCode, logs, bundle, problem, remarks } = outcome;
  // A payload is an attack, and nobody asked for it here: `tracehound inspect` shows it.
  const { payload: _, ...facts } = bundle ?? {};
  const report = {
    exitCode,
    name,
    policy: trust.policyPath ?? null,
    ...(logs === undefined ? {} : { logs: logs.map(({ path, report }) => ({ path, ...report })) }),
    ...(bundle === undefined ? {} : { bundle: facts }),
    ...(problem === undefined ? {} : { problem }),
    remarks,
  };
  return escapedJson(JSON.stringify(report, null, 2));
}
