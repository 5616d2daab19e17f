/**
 * `tracehound find`: what the logs say of a trace id that a refused client was given, or of an evidence id.
 *
 *   trace id ── secret ──▶ the id of evidence, or the beginning of a source tag (a request that was limited)
 *
 * Relies on: subject, secrets, record. Refuses: to verify; `tracehound verify` does. And to tell a trace id of another secret
 * from one of nothing: both are random.
 */
import { toHex } from '../formats/bytes';
import { BLOCKED, ID, ID_BYTES, KIND, LIMITED, RECORD_BYTES, SOURCE } from '../formats/record';
import { sizeSigned } from '../verify/signed';
import type { RecordEntry } from '../verify/source';
import { type Args, type Takes, UsageError } from './args';
import { NobodyReads, Output } from './output';
import type { CommandPort } from './port';
import { recordFacts, recordLine } from './record';
import { field } from './report';
import { HIDDEN_BYTES, hiddenIn, SECRET_FILE, secretsOf } from './secrets';
import { forEachSubject, logsOf, SUBJECT_OPTIONS, type Subject, searched } from './subject';
import { decoded, escapedJson, harmless } from './text';

export const FIND_OPTIONS: Readonly<Record<string, Takes>> = {
  ...SUBJECT_OPTIONS,
  [SECRET_FILE]: 'many',
  '--json': 'nothing',
};

const FOUND = 0;
const NOT_FOUND = 3;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[0-9a-f]{16})?$/;
const TRACE = /^[0-9a-f]{48}$/;
/** Kinds that are about a source without evidence: what the trace id of a 429 leads to. */
const OF_SOURCES: ReadonlySet<number> = new Set([LIMITED, BLOCKED]);

/** Sixteen bytes in lowercase hex: of an evidence id, or of either where a trace id hides them. */
interface Wanted {
  readonly ids: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
}

export async function findCommand(port: CommandPort, args: Args): Promise<number> {
  const [what, ...words] = args.words;
  if (what === undefined) throw new UsageError('expected a trace id or an evidence id, got nothing');
  const wanted = await wantedBy(port, args, what.trim().toLowerCase());
  const output = new Output(port);
  const json = args.has('--json');
  let found = 0;
  try {
    await forEachSubject(port, words, searched(args, true), async (subject) => {
      found += await search(subject, wanted, output, json);
    });
    if (found === 0 && !json) await output.line(field('found', 'nothing: not in these logs, or of another secret'));
    await output.flush();
  } catch (error) {
    if (!(error instanceof NobodyReads)) throw error;
  }
  return found > 0 ? FOUND : NOT_FOUND;
}

async function wantedBy(port: CommandPort, args: Args, text: string): Promise<Wanted> {
  const secrets = await secretsOf(port, args);
  if (UUID.test(text)) return { ids: new Set([text.slice(0, 36).replaceAll('-', '')]), sources: new Set() };
  if (!TRACE.test(text))
    throw new UsageError('expected a trace id (48 hex digits) or an evidence id, got another word');
  if (secrets.length === 0)
    throw new UsageError(`${SECRET_FILE}: expected one, for a trace id says nothing without it`);
  const hidden = new Set(secrets.map((secret) => hiddenIn(secret, text) as string));
  return { ids: hidden, sources: hidden };
}

async function search(subject: Subject, wanted: Wanted, output: Output, json: boolean): Promise<number> {
  let found = 0;
  for (const { name, source } of logsOf(subject)) {
    // What nobody signed yet may be what just happened: it is shown, and said to be that.
    const signed = sizeSigned(await source.checkpoints());
    let isNamed = json;
    for await (const batch of source.entries()) {
      for (const entry of batch) {
        if (entry.kind !== 'record' || !isWanted(entry.record, wanted)) continue;
        found++;
        if (!isNamed) await output.line(field('log', name));
        isNamed = true;
        await showFound(entry, name, signed, output, json);
      }
    }
  }
  return found;
}

function isWanted(record: Uint8Array, { ids, sources }: Wanted): boolean {
  if (record.length !== RECORD_BYTES) return false;
  if (ids.has(toHex(record.subarray(ID, ID + ID_BYTES)))) return true;
  return isOfSource(record) && sources.has(toHex(record.subarray(SOURCE, SOURCE + HIDDEN_BYTES)));
}

const isOfSource = (record: Uint8Array): boolean => OF_SOURCES.has(record[KIND]!);

async function showFound(
  { record, detail }: RecordEntry,
  log: string,
  signed: number | undefined,
  output: Output,
  json: boolean,
): Promise<void> {
  const facts = recordFacts(record);
  const isSigned = signed !== undefined && facts.seq < signed;
  if (json) {
    const text = detail === undefined ? {} : { detail: decoded(detail) };
    await output.line(escapedJson(JSON.stringify({ log, ...facts, ...text, signed: isSigned })));
    return;
  }
  await output.line(recordLine(facts) + (isSigned ? '' : '  not signed yet'));
  if (detail !== undefined) await output.line(harmless(`           ${decoded(detail)}`));
}
