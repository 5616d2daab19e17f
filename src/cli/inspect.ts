/**
 * `tracehound inspect`: what a log says, record after record; what a bundle holds. For people who look for something.
 *
 * Relies on: subject, record, secrets, text. Refuses: to say that any of it is true, which is the business of
 * `tracehound verify`; to list what nobody signed; and to let what it prints do anything: evidence is an attack.
 */

import { KINDS, RECORD_BYTES } from '../formats/record';
import { BundleReader } from '../verify/bundle-format';
import type { Open } from '../verify/file';
import { verifyBundle } from '../verify/index';
import { entriesUpTo, sizeSigned } from '../verify/signed';
import type { LogEntry, LogSource } from '../verify/source';
import { type Args, type Takes, UsageError } from './args';
import { NobodyReads, Output } from './output';
import { Payload } from './payload';
import type { CommandPort } from './port';
import { type RecordFacts, recordFacts, recordLine } from './record';
import { field } from './report';
import { SECRET_FILE, secretsOf, sourceOfAddress, sourceOfKey, tagOf } from './secrets';
import { forEachSubject, logsOf, SUBJECT_OPTIONS, type Subject, searched } from './subject';
import { decoded, escapedJson, harmless, timeOf } from './text';

export const INSPECT_OPTIONS: Readonly<Record<string, Takes>> = {
  ...SUBJECT_OPTIONS,
  [SECRET_FILE]: 'many',
  '--source': 'one',
  '--from': 'one',
  '--to': 'one',
  '--severity': 'many',
  '--source-tag': 'one',
  '--kind': 'many',
  '--id': 'one',
  '--hex': 'nothing',
  '--json': 'nothing',
};

const SEVERITIES = ['low', 'medium', 'high', 'critical'];
const SHOWN = 0;
const NOTHING = 3;

type Wanted = (facts: RecordFacts) => boolean;

/** One reading: where it goes, what of it, and how much that was. */
interface Inspection {
  readonly output: Output;
  readonly wanted: Wanted;
  readonly json: boolean;
  readonly hex: boolean;
  shown: number;
}

export async function inspectCommand(port: CommandPort, args: Args): Promise<number> {
  const wanted = await filterOf(port, args);
  const found = searched(args);
  const inspection = { output: new Output(port), wanted, json: args.has('--json'), hex: args.has('--hex'), shown: 0 };
  let code = SHOWN;
  try {
    try {
      await forEachSubject(port, args.words, found, async (subject) => {
        if (!(await showSubject(port, subject, inspection))) code = NOTHING;
      });
    } finally {
      // Where a log cannot be read on, what stands before is shown all the same.
      await inspection.output.flush();
    }
  } catch (error) {
    // Whoever closed the other end has seen what they wanted to see.
    if (error instanceof NobodyReads) return SHOWN;
    throw error;
  }
  // Somebody who asks for one source wants to know whether it is there.
  return args.has('--source') && inspection.shown === 0 ? NOTHING : code;
}

/** False when there is nothing to be shown. */
async function showSubject(port: CommandPort, subject: Subject, inspection: Inspection): Promise<boolean> {
  const { output, json } = inspection;
  switch (subject.kind) {
    case 'folder':
    case 'file':
      for (const { name, source } of logsOf(subject)) {
        if (!json) await output.line(field('log', name));
        await showLog(port, name, source, inspection);
      }
      return true;
    case 'bundle':
      await showBundle(subject.open, inspection);
      return true;
    default:
      await output.line(field('problem', `${subject.name}: ${subject.problem}`));
      return false;
  }
}

async function showLog(port: CommandPort, name: string, source: LogSource, inspection: Inspection): Promise<void> {
  const signed = sizeSigned(await source.checkpoints());
  if (signed === undefined) port.err(harmless(`tracehound: ${name}: no head, so nobody signed any of it`) + '\n');
  for await (const batch of entriesUpTo(source, signed)) {
    for (const entry of batch) {
      if (entry.kind === 'record' && entry.record.length === RECORD_BYTES) {
        await showRecord(entry.record, entry.detail, inspection);
      } else if (!inspection.json)
        await inspection.output.line(harmless(`          ${without(entry)}  ${entry.place}`));
    }
  }
}

/** What is there instead of a record. */
function without(entry: LogEntry): string {
  switch (entry.kind) {
    case 'record':
      return `${entry.record.length} bytes, which are no record`;
    case 'leaf':
      return 'a record whose content is not available';
    case 'subtree':
      return `${2 ** entry.level} records whose content is not available`;
    case 'missing':
      return `${entry.count} records that are missing`;
  }
}

async function showRecord(record: Uint8Array, detail: Uint8Array | undefined, inspection: Inspection): Promise<void> {
  const { output, wanted, json } = inspection;
  const facts = recordFacts(record);
  if (!wanted(facts)) return;
  inspection.shown++;
  const text = detail === undefined ? undefined : decoded(detail);
  if (json) {
    await output.line(escapedJson(JSON.stringify(text === undefined ? facts : { ...facts, detail: text })));
    return;
  }
  await output.line(recordLine(facts));
  if (text !== undefined) await output.line(harmless(`           ${text}`));
}

/** The item, what the log says of it, and the evidence itself — only if it is what the log committed to. */
async function showBundle(open: Open, inspection: Inspection): Promise<void> {
  const { output, wanted, json } = inspection;
  const { item, origin, proved, integrity } = await verifyBundle(open());
  if (json) {
    const records: unknown[] = [];
    await eachRecord(open, async (record, detail) => {
      const facts = recordFacts(record);
      if (wanted(facts)) records.push({ ...facts, ...(detail === undefined ? {} : { detail: decoded(detail) }) });
    });
    inspection.shown += records.length;
    await output.line(escapedJson(JSON.stringify({ origin, item, integrity, records })));
    return;
  }
  const { id, category, signature, severity, detector, sourceTag, size, truncated, hash } = item;
  const facts = { id, log: origin, category, severity, detector: detector ?? 'nobody', signature, source: sourceTag };
  for (const [name, value] of Object.entries(facts)) await output.line(field(name, value));
  await output.line(field('size', `${size} bytes${truncated ? ', the beginning of more' : ''}`));
  await output.line(field('sha-256', hash));
  await output.line('');
  await eachRecord(open, (record, detail) => showRecord(record, detail, inspection));
  await output.line('');
  await output.line(field('integrity', integrity));
  if (!proved) {
    await output.line(field('payload', 'not shown: it is not what the log committed to'));
    return;
  }
  await output.line(field('payload', 'an attack: what could move a cursor is escaped'));
  await showPayload(open, inspection);
}

async function eachRecord(
  open: Open,
  use: (record: Uint8Array, detail: Uint8Array | undefined) => Promise<void>,
): Promise<void> {
  const reader = new BundleReader(open());
  await reader.checkpoint();
  await reader.item();
  for await (const { record, detail } of reader.records()) await use(record, detail);
}

/** The evidence, read once more, for nobody holds it: first whether it is text, then as that or as bytes. */
async function showPayload(open: Open, { output, hex }: Inspection): Promise<void> {
  const payload = new Payload(hex);
  if (!hex) await eachPiece(open, (piece) => payload.look(piece));
  await eachPiece(open, async (piece) => {
    for (const line of payload.lines(piece)) await output.line(line);
  });
  for (const line of payload.end()) await output.line(line);
}

async function eachPiece(open: Open, use: (piece: Uint8Array) => void | Promise<void>): Promise<void> {
  const reader = new BundleReader(open());
  await reader.checkpoint();
  await reader.item(use);
  await reader.stop();
}

// ── what is looked for ────────────────────────────────────────────────────────────────────────────

async function filterOf(port: CommandPort, args: Args): Promise<Wanted> {
  const tags = await wantedTags(port, args);
  const from = timeOption(args, '--from') ?? Number.NEGATIVE_INFINITY;
  const to = timeOption(args, '--to') ?? Number.POSITIVE_INFINITY;
  const severities = wordsOf(args, '--severity', SEVERITIES);
  const kinds = wordsOf(args, '--kind', KINDS.slice(1));
  const tag = hexOption(args, '--source-tag', /^[0-9a-f]{1,64}$/);
  const id = hexOption(args, '--id', /^[0-9a-f-]{1,53}$/)?.slice(0, 36); // the suffix is not in the log
  return (facts) =>
    facts.time >= from &&
    facts.time <= to &&
    (severities.size === 0 || severities.has(facts.severity)) &&
    (kinds.size === 0 || kinds.has(facts.kind)) &&
    (tag === undefined || facts.source.startsWith(tag)) &&
    (tags === undefined || tags.has(facts.source)) &&
    (id === undefined || facts.id.startsWith(id));
}

/** The tags that a source may have, one for each secret: an address in any spelling, else a key. */
async function wantedTags(port: CommandPort, args: Args): Promise<ReadonlySet<string> | undefined> {
  const secrets = await secretsOf(port, args);
  const text = args.one('--source');
  if (text === undefined) return undefined;
  if (secrets.length === 0)
    throw new UsageError(`${SECRET_FILE}: expected one with --source, for tags are made with it`);
  const source = sourceOfAddress(text) ?? sourceOfKey(text);
  return new Set(secrets.map((secret) => tagOf(secret, source)));
}

function timeOption(args: Args, name: string): number | undefined {
  const text = args.one(name);
  const time = text === undefined ? undefined : timeOf(text);
  if (text !== undefined && time === undefined) {
    throw new UsageError(`${name}: expected a date, a time with its zone or unix ms: 2026-01-31T12:00:00Z`);
  }
  return time;
}

/** Words of a list, given several times or with commas. */
function wordsOf(args: Args, name: string, known: readonly string[]): Set<string> {
  const spelling = new Map(known.map((word) => [word.toLowerCase(), word]));
  const words = args.many(name).flatMap((value) => value.split(','));
  return new Set(
    words.map((word) => {
      const found = spelling.get(word.toLowerCase());
      if (found === undefined) throw new UsageError(`${name}: expected one of ${known.join(', ')}`);
      return found;
    }),
  );
}

function hexOption(args: Args, name: string, pattern: RegExp): string | undefined {
  const text = args.one(name)?.trim().toLowerCase();
  if (text !== undefined && !pattern.test(text))
    throw new UsageError(`${name}: expected hex digits, or the first of them`);
  return text;
}
