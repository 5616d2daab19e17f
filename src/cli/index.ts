/**
 * The command `tracehound`: its words, and which part carries them out.
 *
 *   0 good   1 tampered   2 incomplete   3 cannot be told   4 called in a wrong way, or something could not be read
 *
 * Relies on: port; one file for each command. Refuses: a platform.
 */
import { TracehoundError } from '../errors';
import { VERSION } from '../version';
import { type Args, readArgs, type Takes, UsageError } from './args';
import { EXPORT_OPTIONS, exportCommand } from './export';
import { FIND_OPTIONS, findCommand } from './find';
import { INSPECT_OPTIONS, inspectCommand } from './inspect';
import { NobodyReads } from './output';
import type { CommandPort } from './port';
import { TAG_OPTIONS, tagCommand } from './tag';
import { harmless } from './text';
import { VERIFY_OPTIONS, verifyCommand } from './verify';

export type { CommandPort, Lies, NewFile, Spool } from './port';

const TAMPERED = 1;
const USAGE = 4;

const HELP = `tracehound: is this log as it was written?

  tracehound verify <folder|file|->…    logs, stores of logs, folders with either in them, logs in files, bundles of evidence
      --policy <file>     whom to trust (C2SP tlog-policy). Nothing beside or inside what is verified is believed
      --key <vkey>        trust this key too; may be given again
      --known <file>      a checkpoint that was kept elsewhere; may be given again
      --mac-key <file>    the master of a log whose heads carry tags: bytes, or hex digits
      --log <origin>      of a store, this log; without it, the newest
      --all               of a store, every log, and how they follow on each other
      --store <module|url>              a store (the default export of ./store.mjs) or https://…; words are then prefixes in it
      --max-age <ms>      how old the newest record of a log that is not closed may be; else 180000
      --require-close     the log must have ended in good order
      --json              for scripts

  tracehound inspect <folder|file|->…   what a log says, what a bundle holds; verifies nothing but a bundle's payload
      --log <origin>, --all, --store <module|url>
      --from <time>, --to <time>        2026-01-31, 2026-01-31T12:00:00Z or unix ms, both included
      --severity <s>, --kind <k>        may be given again, or with commas
      --source-tag <hex>, --id <id>     or how they begin
      --source <address|key>            with --secret-file <file>; exit code 3 when nothing is of it
      --hex               a payload as bytes, also when it is text
      --json              one line for each record

  tracehound export <folder|file|->…    a log as one file: what is signed of it
      --log <origin>, --all, --store <module|url>
      -o <file|folder>    a new file, or a folder for a file of each log; else to the output

  tracehound find <trace|id> <folder|file|->…
                          what the logs say of the id in an answer that refused, or of evidence; 3 when nothing
      --secret-file <file>              the deployment's secret, in hex, base64 or bytes; again for former ones
      --log <origin>, --store <module|url>, --json

  tracehound tag <address>              the tag of a source in the records of a deployment
  tracehound tag --key <key>
      --secret-file <file>
      --prefix <bits>     of the address's network: what lies behind so many bits is zero

  tracehound --help, --version

Exit codes: 0 good, 1 tampered, 2 incomplete, 3 cannot be told with what was given, 4 wrong call or unreadable.
`;

interface Command {
  readonly options: Readonly<Record<string, Takes>>;
  readonly run: (port: CommandPort, args: Args) => Promise<number>;
}

const COMMANDS: ReadonlyMap<string | undefined, Command> = new Map([
  ['verify', { options: VERIFY_OPTIONS, run: verifyCommand }],
  ['inspect', { options: INSPECT_OPTIONS, run: inspectCommand }],
  ['export', { options: EXPORT_OPTIONS, run: exportCommand }],
  ['find', { options: FIND_OPTIONS, run: findCommand }],
  ['tag', { options: TAG_OPTIONS, run: tagCommand }],
]);

const NAMES = [...COMMANDS.keys()].join(', ');

/** Carries out what the port's arguments say; answers the exit code. Never rejects. */
export async function run(port: CommandPort): Promise<number> {
  try {
    return await carryOut(port);
  } catch (error) {
    port.err(`${harmless(`tracehound: ${said(error)}`)}\n`);
    if (error instanceof UsageError) port.err('tracehound: --help says how it is called\n');
    return error instanceof TracehoundError && error.code === 'LOG_INVALID' ? TAMPERED : USAGE;
  }
}

async function carryOut(port: CommandPort): Promise<number> {
  const [name, ...words] = port.args;
  const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (name === '--help' || name === '-h' || name === 'help' || options.includes('--help')) return print(port, HELP);
  if (name === '--version' || name === '-V') return print(port, `${VERSION}\n`);
  const command = COMMANDS.get(name);
  if (command === undefined) {
    throw new UsageError(name === undefined ? `expected ${NAMES}` : `${name}: no such command`);
  }
  return command.run(port, readArgs(words, command.options));
}

async function print(port: CommandPort, text: string): Promise<number> {
  await port.out(new TextEncoder().encode(text));
  return 0;
}

function said(error: unknown): string {
  if (error instanceof NobodyReads) return 'nobody reads the output any more';
  return error instanceof Error ? error.message : String(error);
}
