/**
 * `tracehound inspect`: what a log says, record after record; what a bundle holds. For people who look for something.
 *
 * Relies on: find, record, text. Refuses: to say that any of it is true, which is the business of `tracehound verify`; and
 * to let what it prints do anything: evidence is an attack.
 */

import { KINDS } from '../formats/record';
import { readBundle } from '../verify/bundle-format';
import { verifyBundle } from '../verify/index';
import type { LogEntry } from '../verify/source';
import { type Args, onlyWord, type Takes, UsageError } from './args';
import { type Subject, withSubject } from './find';
import { NobodyReads, Output } from './output';
import type { CommandPort } from './port';
import { factsOf, type RecordFacts, recordLine } from './record';
import { field } from './report';
import { decoded, escaped, escapedJson, hexLines, textLines, timeOf } from './text';

export const INSPECT_OPTIONS: Readonly<Record<string, Takes>> = {
  '--log': 'one',
  '--all': 'nothing',
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
const NOTHING = 3;
const RECORD_BYTES = 176;

type Wanted = (facts: RecordFacts) => boolean;

export async function inspectCommand(port: CommandPort, args: Args): Promise<number> {
  const word = onlyWord(args, 'a folder, a file, a bundle or -');
  const wanted = filterOf(args);
  const log = args.one('--log');
  const finding = { ...(log === undefined ? {} : { log }), all: args.has('--all') };
  return withSubject(port, word, finding, async (subject) => {
    const output = new Output(port);
    try {
      try {
        return await show(subject, output, wanted, args);
      } finally {
        // Where a log cannot be read on, what stands before is shown all the same.
        await output.flush();
      }
    } catch (error) {
      // Whoever closed the other end has seen what they wanted to see.
      if (error instanceof NobodyReads) return 0;
      throw error;
    }
  });
}

async function show(subject: Subject, output: Output, wanted: Wanted, args: Args): Promise<number> {
  const json = args.has('--json');
  switch (subject.kind) {
    case 'folder':
      for (const { path, source } of subject.found.logs) {
        const name = path === '' ? subject.name : `${subject.name}, ${path}`;
        if (!json) await output.line(field('log', name));
        await showEntries(source.entries(), output, wanted, json);
      }
      return 0;
    case 'file':
      if (!json) await output.line(field('log', `${subject.source.origin ?? 'no name'}, in ${subject.name}`));
      await showEntries(subject.source.entries(), output, wanted, json);
      return 0;
    case 'bundle':
      await showBundle(subject.bytes, output, wanted, args);
      return 0;
    default: {
      const problem = subject.kind === 'empty' ? 'there is nothing in it' : 'neither a log nor a bundle of evidence';
      await output.line(field('problem', `${subject.name}: ${problem}`));
      return NOTHING;
    }
  }
}

async function showEntries(
  entries: AsyncIterable<readonly LogEntry[]>,
  output: Output,
  wanted: Wanted,
  json: boolean,
): Promise<void> {
  for await (const batch of entries) {
    for (const entry of batch) {
      if (entry.kind === 'record' && entry.record.length === RECORD_BYTES) {
        await showRecord(entry.record, entry.detail, output, wanted, json);
      } else if (!json) await output.line(escaped(`          ${without(entry)}  ${entry.place}`));
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

async function showRecord(
  record: Uint8Array,
  detail: Uint8Array | undefined,
  output: Output,
  wanted: Wanted,
  json: boolean,
): Promise<void> {
  const facts = factsOf(record);
  if (!wanted(facts)) return;
  const text = detail === undefined ? undefined : decoded(detail);
  if (json) {
    await output.line(escapedJson(JSON.stringify(text === undefined ? facts : { ...facts, detail: text })));
    return;
  }
  await output.line(recordLine(facts));
  if (text !== undefined) await output.line(escaped(`           ${text}`));
}

/** The item, what the log says of it, and the evidence itself — only if it is what the log committed to. */
async function showBundle(bytes: Uint8Array, output: Output, wanted: Wanted, args: Args): Promise<void> {
  const { records } = readBundle(bytes);
  const { item, origin, payload, integrity } = await verifyBundle(bytes);
  if (args.has('--json')) {
    const own = records.map(({ record, detail }) => ({
      ...factsOf(record),
      ...(detail === undefined ? {} : { detail: decoded(detail) }),
    }));
    const facts = { origin, item, integrity, records: own.filter(wanted) };
    await output.line(escapedJson(JSON.stringify(facts)));
    return;
  }
  const { id, category, signature, severity, detector, sourceTag, size, truncated, hash } = item;
  const facts = { id, log: origin, category, severity, detector: detector ?? 'nobody', signature, source: sourceTag };
  for (const [name, value] of Object.entries(facts)) await output.line(field(name, value));
  await output.line(field('size', `${size} bytes${truncated ? ', the beginning of more' : ''}`));
  await output.line(field('sha-256', hash));
  await output.line('');
  for (const { record, detail } of records) await showRecord(record, detail, output, wanted, false);
  await output.line('');
  await output.line(field('integrity', integrity));
  if (payload === undefined) {
    await output.line(field('payload', 'not shown: it is not what the log committed to'));
    return;
  }
  await output.line(field('payload', 'an attack: what could move a cursor is escaped'));
  const lines = args.has('--hex') ? undefined : textLines(payload);
  for (const line of lines ?? hexLines(payload)) await output.line(line);
}

// ── what is looked for ────────────────────────────────────────────────────────────────────────────

function filterOf(args: Args): Wanted {
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
    (id === undefined || facts.id.startsWith(id));
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
  const text = args.one(name)?.toLowerCase();
  if (text !== undefined && !pattern.test(text))
    throw new UsageError(`${name}: expected hex digits, or the first of them`);
  return text;
}
