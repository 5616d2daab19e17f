/**
 * `tracehound export`: a log as one file, to be mailed, archived, piped; several logs as a file each.
 *
 * Relies on: subject, verify/file. Refuses: to overwrite a file, to leave half of one behind, to write bytes to a terminal, and
 * to export what nobody signed.
 */
import { TracehoundError } from '../errors';
import { originPath } from '../formats/tlog';
import { packLog } from '../verify/file';
import type { LogSource } from '../verify/source';
import { type Args, type Takes, UsageError } from './args';
import { Output } from './output';
import type { CommandPort } from './port';
import { forEachSubject, SUBJECT_OPTIONS, type Subject, searched } from './subject';
import { harmless } from './text';

export const EXPORT_OPTIONS: Readonly<Record<string, Takes>> = { ...SUBJECT_OPTIONS, '--output': 'one', '-o': 'one' };

const GOOD = 0;
const TAMPERED = 1;
const INCOMPLETE = 2;
const NOTHING = 3;
/** What came of several: the first of these that applies. */
const WORST_FIRST = [TAMPERED, INCOMPLETE, NOTHING, GOOD];

interface Exported {
  readonly name: string;
  readonly source: LogSource;
}

export async function exportCommand(port: CommandPort, args: Args): Promise<number> {
  const path = args.one('-o') ?? args.one('--output');
  if (path === undefined && port.isTerminal.out)
    throw new UsageError('-o: expected a file, for a terminal reads no bytes');
  const isFolder = path !== undefined && (await port.lies(path)) === 'folder';
  const codes: number[] = [];
  await forEachSubject(port, args.words, searched(args), async (subject) => {
    const logs = sourcesOf(subject);
    if (logs.length === 0) {
      port.err(harmless(`tracehound: ${subject.name}: no log to export`) + '\n');
      codes.push(NOTHING);
    }
    if (!isFolder && logs.length + codes.length > 1) {
      throw new UsageError(`${subject.name}: several logs, expected --log <origin>, or -o and a folder that is there`);
    }
    for (const log of logs) codes.push(await exported(port, log, path, isFolder));
  });
  return WORST_FIRST.find((code) => codes.includes(code)) ?? NOTHING;
}

function sourcesOf(subject: Subject): Exported[] {
  if (subject.kind === 'file') return [{ name: subject.name, source: subject.source }];
  if (subject.kind !== 'folder') return [];
  return subject.found.logs.map(({ path, source }) => ({ name: path === '' ? subject.name : path, source }));
}

async function exported(
  port: CommandPort,
  log: Exported,
  path: string | undefined,
  isFolder: boolean,
): Promise<number> {
  const { name, source } = log;
  try {
    if (path === undefined) await toOutput(port, source);
    else await toFile(port, source, isFolder ? `${path.replace(/\/+$/, '')}/${fileName(log)}` : path);
    return GOOD;
  } catch (error) {
    if (!(error instanceof TracehoundError)) throw error;
    port.err(harmless(`tracehound: ${isFolder ? `${name}: ` : ''}${error.message}`) + '\n');
    return error.code === 'RANGE_UNAVAILABLE' ? INCOMPLETE : TAMPERED;
  }
}

/** A file of the log's own name: no two logs have one, and none leads out of the folder. */
function fileName({ name, source: { origin = name } }: Exported): string {
  return `${originPath(origin).replaceAll('/', '_2F')}.thlog`;
}

async function toOutput(port: CommandPort, source: LogSource): Promise<void> {
  const output = new Output(port);
  for await (const bytes of packLog(source)) await output.bytes(bytes);
}

async function toFile(port: CommandPort, source: LogSource, path: string): Promise<void> {
  const file = await port.create(path);
  try {
    for await (const bytes of packLog(source)) await file.write(bytes);
    await file.done();
  } catch (error) {
    await file.drop();
    throw error;
  }
}
