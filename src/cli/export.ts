/**
 * `tracehound export`: a log as one file, to be mailed, archived, piped.
 *
 * Relies on: find, verify/file. Refuses: to overwrite a file, to leave half of one behind, and to write bytes to a terminal.
 */
import { TracehoundError } from '../errors';
import { packLog } from '../verify/file';
import type { LogSource } from '../verify/source';
import { type Args, onlyWord, type Takes, UsageError } from './args';
import { type Subject, withSubject } from './find';
import { Output } from './output';
import type { CommandPort } from './port';
import { escaped } from './text';

export const EXPORT_OPTIONS: Readonly<Record<string, Takes>> = { '--log': 'one', '--output': 'one', '-o': 'one' };

const TAMPERED = 1;
const INCOMPLETE = 2;
const NOTHING = 3;

export async function exportCommand(port: CommandPort, args: Args): Promise<number> {
  const word = onlyWord(args, 'a folder, a file or -');
  const log = args.one('--log');
  const path = args.one('-o') ?? args.one('--output');
  if (path === undefined && port.isTerminal.out)
    throw new UsageError('-o: expected a file, for a terminal reads no bytes');
  return withSubject(port, word, log === undefined ? {} : { log }, async (subject) => {
    const source = sourceOf(subject);
    if (source === undefined) {
      port.err(escaped(`tracehound: ${subject.name}: no log to export`) + '\n');
      return NOTHING;
    }
    try {
      await (path === undefined ? toOutput(port, source) : toFile(port, source, path));
      return 0;
    } catch (error) {
      if (!(error instanceof TracehoundError)) throw error;
      port.err(escaped(`tracehound: ${error.message}`) + '\n');
      return error.code === 'RANGE_UNAVAILABLE' ? INCOMPLETE : TAMPERED;
    }
  });
}

function sourceOf(subject: Subject): LogSource | undefined {
  if (subject.kind === 'file') return subject.source;
  if (subject.kind !== 'folder') return undefined;
  const [log, another] = subject.found.logs;
  if (another !== undefined) throw new UsageError(`${subject.name}: several logs, expected --log <origin>`);
  return log?.source;
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
