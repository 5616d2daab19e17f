/** An auditor's program that names every public type of `tracehound/verify`. It is compiled (`types.test.ts`), never run. */
import {
  type BundleEvent,
  type BundleItem,
  type BundleReport,
  type ExitCode,
  type Finding,
  type FindOptions,
  type FoundLog,
  type FoundLogs,
  fileSource,
  findLogs,
  type Get,
  type Group,
  type LeafEntry,
  type LogEntry,
  type LogReport,
  type LogSource,
  type MissingEntry,
  type Open,
  type OpenedCheckpoint,
  openCheckpoint,
  type Policy,
  packLog,
  parsePolicy,
  type RecordEntry,
  type Root,
  type StoreSourceOptions,
  type SubtreeEntry,
  storeSource,
  TracehoundError,
  type Verdict,
  type VerdictName,
  type Verdicts,
  type VerifierKey,
  type VerifyOptions,
  verifyBundle,
  verifyConsistency,
  verifyInclusion,
  verifyLog,
} from 'tracehound/verify';

const policy: Policy = parsePolicy('quorum none');
export const keys: readonly VerifierKey[] = policy.logs;
export const group: Group | undefined = policy.groups.get('a');
const options: VerifyOptions = {
  policy,
  known: ['note'],
  macKey: new Uint8Array(32),
  digest: (bytes) => bytes,
  now: 0,
  maxAgeMs: 1,
  requireClose: true,
  onProgress: (records, total) => records / total,
};

const record: RecordEntry = {
  kind: 'record',
  record: new Uint8Array(176),
  detail: new Uint8Array(),
  place: 'x',
  at: 0,
};
const leaf: LeafEntry = { kind: 'leaf', hash: new Uint8Array(32), place: 'x' };
const subtree: SubtreeEntry = { kind: 'subtree', level: 8, hash: new Uint8Array(32), place: 'x' };
const missing: MissingEntry = { kind: 'missing', count: 1, place: 'x' };
const entries: readonly LogEntry[] = [record, leaf, subtree, missing];
const source: LogSource = {
  origin: 'x',
  checkpoints: async () => [],
  entries: async function* () {
    yield entries;
  },
  tile: async () => undefined,
};
const get: Get = async () => undefined;
const where: StoreSourceOptions = { origin: 'x', prefix: 'x/', widths: async () => [1] };
const open: Open = async function* () {
  yield new Uint8Array();
};
export const sources: (LogSource | Promise<LogSource>)[] = [storeSource(get, where), fileSource(open, 'log.thlog')];
export const packed: unknown = packLog(source);
const root: Root = { get, list: async () => [] };
const find: FindOptions = { log: 'x', all: true };

export async function check(): Promise<string> {
  const found: FoundLogs = await findLogs(root, find);
  const first: FoundLog | undefined = found.logs[0];
  const report: LogReport = await verifyLog(first?.source ?? source, options);
  const bundle: BundleReport = await verifyBundle('{}', options);
  const item: BundleItem = bundle.item;
  const event: BundleEvent | undefined = bundle.events[0];
  const verdicts: Verdicts = report;
  const [verdict, name]: [Verdict, VerdictName] = [verdicts.integrity, 'completeness'];
  const code: ExitCode = report.exitCode;
  const finding: Finding | undefined = report.findings[0];
  const head: OpenedCheckpoint = await openCheckpoint('note', policy);
  const isIn = verifyInclusion(head.root, { index: 0, size: head.size, hashes: [] }, head.root);
  const isPrefix = verifyConsistency({ from: 1, to: 1, hashes: [] }, head.root, 'hex');
  // @ts-expect-error A report is read-only.
  report.integrity = 'good';
  // @ts-expect-error A policy is read first.
  await verifyLog(source, { policy: 'log x' });
  return `${verdict}${name}${code}${finding?.code}${item.id}${event?.kind}${isIn}${isPrefix}${TracehoundError.name}`;
}
