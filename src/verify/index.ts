/**
 * The second opinion: checks a log, a checkpoint, a proof or a bundle of evidence with nothing but what is handed in. No
 * network, no secret, no core; the same in Node, at the edge and in a browser.
 *
 *   verifyLog          a whole log, wherever it lies         four verdicts, memory that does not grow with the log
 *   verifyBundle       one item of evidence, from one file   the same verdicts, and what the log says of the item
 *   storeSource        a log in a store, to be read          fileSource, packLog      a log in one file
 *   openCheckpoint     a signed head                         parsePolicy          whom to trust (C2SP tlog-policy)
 *   verifyInclusion    one record in a head                  verifyConsistency    one head a prefix of another
 *
 * Relies on: SHA-256 in plain TypeScript and, for signatures, Web Crypto. Refuses: to know the engine (it would share its
 * mistakes), and a verdict that was not earned. Trusted: whoever hands in the policy. Not trusted: everything else.
 *
 * @module
 */

import { toHex } from '../formats/bytes';
import { Findings } from './findings';
import { KnownHeads, pinnedKeys, type Trust } from './heads';
import { Keys } from './keys';
import type { VerifyOptions } from './options';
import { prunedTo } from './pruned';
import type { LogReport } from './report';
import { MacKeys } from './signature';
import type { LogSource } from './source';
import { Walk } from './walk';

export { TracehoundError } from '../errors';
export type { VerifierKey } from '../formats/note';
export { verifyConsistency, verifyInclusion } from '../formats/tlog';
export { type BundleEvent, type BundleItem, type BundleReport, verifyBundle } from './bundle';
export type { BundleInput } from './bundle-format';
export { type OpenedCheckpoint, openCheckpoint } from './checkpoint';
export { type FindOptions, type FoundLog, type FoundLogs, findLogs, type Root } from './directory';
export { fileSource, type Open, packLog } from './file';
export type { VerifyOptions } from './options';
export { type Policy, parsePolicy, type WitnessGroup as Group } from './policy';
export type { ExitCode, Finding, LogReport, Verdict, VerdictName, Verdicts } from './report';
export type { Get, LeafEntry, LogEntry, LogSource, MissingEntry, RecordEntry, SubtreeEntry } from './source';
export { type StoreSourceOptions, storeSource } from './store';

/** Three heartbeats: an idle log writes one a minute. */
const AGE_MS_MAX = 180_000;
/**
 * Records that a writer stores before it has their head signed (docs/format.md, "Heads"). More than these behind the newest
 * head were not left there by one that was killed.
 */
const FLUSH_RECORDS = 64;

/**
 * Checks a log from its first leaf to its last, in memory that grows only with the evidence that is still open.
 *
 * Rejects when the source cannot be read, and with `NOTE_INVALID` when one of `known` is no checkpoint; whatever is wrong
 * with the log itself is a finding.
 *
 * @example
 * const report = await verifyLog(source, { policy: parsePolicy(text), now: Date.now() });
 * if (report.exitCode !== 0) console.error(report.findings);
 */
export async function verifyLog(source: LogSource, options: VerifyOptions = {}): Promise<LogReport> {
  const findings = new Findings();
  const heads = new KnownHeads(await source.checkpoints(), options.known ?? [], findings);
  const origin = source.origin ?? heads.newest?.origin;
  heads.origin = origin;
  const keys = new Keys(findings);
  const { digest, onProgress, policy, macKey } = options;
  const trust = { policy, macKeys: macKey && new MacKeys(macKey) };
  const retention = await prunedTo(source, origin, trust);
  const walk = new Walk(source, heads, keys, findings, { origin, digest, onProgress, prunedTo: retention });
  await walk.run(source);
  const cut = source.cut?.();
  if (cut !== undefined) findings.bad('completeness', 'CUT', cut, { seq: walk.size });
  const { size, root } = walk.judged;
  heads.end(size);
  const stored = Math.min(walk.read, heads.newest?.size ?? walk.read);
  for await (const spot of source.strayParts?.(stored) ?? []) {
    findings.bad('integrity', 'PART', 'an earlier part of what is stored is not its beginning', spot);
  }
  await judgeSigners(trust, walk, heads, keys, findings);
  judgeEnd(walk, heads, findings, options);
  const { records, unavailable, from, to, lifecycle } = walk;
  return {
    ...(origin === undefined ? {} : { origin }),
    size,
    ...(walk.size > size ? { unsigned: walk.size - size } : {}),
    root: root === undefined ? '' : toHex(root),
    integrity: findings.is('integrity'),
    authenticity: findings.is('authenticity'),
    completeness: findings.is('completeness'),
    freshness: findings.is('freshness'),
    findings: findings.list,
    findingsTotal: findings.total,
    open: lifecycle.open,
    closed: lifecycle.closed,
    records,
    unavailable,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    exitCode: findings.exitCode,
  };
}

async function judgeSigners(
  trust: Trust,
  walk: Walk,
  heads: KnownHeads,
  keys: Keys,
  findings: Findings,
): Promise<void> {
  const { origin } = heads;
  if (origin === undefined) findings.unknown('integrity', 'ORIGIN_UNKNOWN', 'nobody says which log this is');
  if (heads.newest === undefined && !heads.damaged) {
    findings.unknown('authenticity', 'NO_CHECKPOINT', 'nobody signed anything: there is no checkpoint');
  }
  if (origin === undefined) return;
  await keys.judge(pinnedKeys(origin, trust), trust.macKeys);
  await heads.judge(origin, walk.judged.size, keys, trust);
}

/** Is there anything at all, does it end as it should, and how old is it? What is signed answers. */
function judgeEnd(walk: Walk, heads: KnownHeads, findings: Findings, options: VerifyOptions): void {
  const { to, lifecycle } = walk;
  const { size } = walk.judged;
  if (size === 0) findings.unknown('integrity', 'EMPTY', 'there is no record, and of nothing nothing can be said');
  if (size < walk.size) judgeTail(size, walk.size, findings);
  if (options.requireClose === true && !lifecycle.closed) {
    const problem = heads.newest === undefined ? 'its last record' : 'the last record that is signed';
    findings.bad('completeness', 'NOT_CLOSED', `the log did not end in good order: ${problem} is not CLOSE`);
  }
  const { now, maxAgeMs = AGE_MS_MAX } = options;
  if (now === undefined || to === undefined) {
    findings.unknown(
      'freshness',
      'NO_CLOCK',
      now === undefined ? 'nobody said what time it is' : 'no record has a time',
    );
    return;
  }
  const ageMs = now - to;
  if (ageMs < -maxAgeMs) {
    findings.unknown('freshness', 'FUTURE', 'the newest record is from the future: one of two clocks is wrong');
  } else if (ageMs > maxAgeMs) {
    findings.bad('freshness', 'STALE', `the newest record is ${Math.floor(ageMs / 1_000)} seconds old`);
    if (lifecycle.closed) return;
    const message = 'the log stopped without CLOSE: up to one checkpoint interval of events may be missing';
    findings.bad('completeness', 'UNCLEAN_END', message, { seq: Math.max(0, size - 1) });
  }
}

/**
 * Records behind the newest head. A writer that was killed leaves a few; where there are more, a later head was taken away,
 * and whoever took it may have written them anew.
 */
function judgeTail(signed: number, size: number, findings: Findings): void {
  const message = `records ${signed} to ${size - 1} are behind the newest head: nobody signed them, and they count for nothing`;
  if (size - signed <= FLUSH_RECORDS) findings.note('completeness', 'UNSIGNED_TAIL', message, { seq: signed });
  else findings.unknown('completeness', 'UNSIGNED_TAIL', message, { seq: signed });
}
