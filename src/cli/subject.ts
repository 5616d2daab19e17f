/**
 * What the words of a command line point to: folders with logs, logs in files, bundles of evidence, streams of either, logs in a
 * store that a module or a URL gives.
 *
 * Relies on: port, store, the readers of src/verify. Refuses: to believe a name. What a file is, its first bytes tell.
 */
import { TracehoundError } from '../errors';
import { type FindOptions, type FoundLogs, findLogs, type Root } from '../verify/directory';
import { FILE_MAGIC, fileSource, isLogFile, type Open } from '../verify/file';
import type { LogSource } from '../verify/source';
import { type Args, type Takes, UsageError } from './args';
import { bundleIn } from './bundle';
import type { CommandPort } from './port';
import { openStore } from './store';

/** What was found. `name` is for people. */
export type Subject =
  | { readonly kind: 'folder'; readonly name: string; readonly found: FoundLogs }
  | { readonly kind: 'file'; readonly name: string; readonly source: LogSource }
  | { readonly kind: 'bundle'; readonly name: string; readonly open: Open }
  | { readonly kind: 'empty' | 'other'; readonly name: string; readonly problem: string };

/** Options by which a command finds what it looks at. */
export const SUBJECT_OPTIONS: Readonly<Record<string, Takes>> = {
  '--log': 'one',
  '--all': 'nothing',
  '--store': 'one',
};

/** Versions of a file that may come. */
const VERSION_MAX = 15;
const NOTHING = 'there is nothing in it';
const ELSE = 'neither a log nor a bundle of evidence';

export interface Searched extends FindOptions {
  /** A module or a URL: words are then prefixes of its keys. */
  readonly store?: string;
}

/** What the options say; `all`: every log of a store, whether or not they say so. */
export function searched(args: Args, all: boolean = args.has('--all')): Searched {
  const [log, store] = [args.one('--log'), args.one('--store')];
  if (log !== undefined && args.has('--all')) throw new UsageError('--log, --all: expected one of them, got both');
  return {
    ...(log === undefined ? {} : { log }),
    ...(store === undefined ? {} : { store }),
    all: all && log === undefined,
  };
}

/** Looks at what each word points to and hands it to `use`; whatever had to be put aside is taken away afterwards. */
export async function forEachSubject(
  port: CommandPort,
  words: readonly string[],
  options: Searched,
  use: (subject: Subject) => Promise<void>,
): Promise<void> {
  if (words.includes('')) throw new UsageError('expected a folder, a file or -, got an empty word');
  if (options.store !== undefined) {
    const rootOf = await openStore(port, options.store);
    for (const word of words.length === 0 ? [''] : words) {
      const prefix = word.replace(/^\/+|\/+$/g, '');
      await use(
        await rootSubject(rootOf(prefix), prefix === '' ? options.store : `${options.store}, ${prefix}`, options),
      );
    }
    return;
  }
  if (words.length === 0) throw new UsageError('expected a folder, a file or -, got nothing');
  if (words.filter((word) => word === '-').length > 1) throw new UsageError('-: expected once, got twice');
  for (const word of words) await withSubject(port, word, options, use);
}

async function withSubject(
  port: CommandPort,
  word: string,
  options: FindOptions,
  use: (subject: Subject) => Promise<void>,
): Promise<void> {
  if (word === '-') return withStream(port, port.input(), 'standard input', use);
  const lies = await port.lies(word);
  if (lies === undefined) throw new UsageError(`${word}: no such file or folder`);
  if (lies === 'folder') return use(await rootSubject(folderRoot(port, word), word, options));
  // A pipe that has a name, as a shell's <(…) has: it can be read only once.
  if (lies === 'other') return withStream(port, port.open(word), word, use);
  return use(await fileSubject(() => port.open(word), word));
}

async function withStream(
  port: CommandPort,
  stream: AsyncIterable<Uint8Array>,
  name: string,
  use: (subject: Subject) => Promise<void>,
): Promise<void> {
  const spool = await port.spool(stream);
  try {
    await use(await fileSubject(spool.open, name));
  } finally {
    await spool.drop();
  }
}

function folderRoot(port: CommandPort, word: string): Root {
  const at = (path: string): string => (path === '' ? word : `${word.replace(/\/+$/, '')}/${path}`);
  const { real } = port;
  return {
    get: (path, bytesMax) => port.read(at(path), bytesMax),
    list: (path) => port.list(at(path)),
    ...(real === undefined ? {} : { real: (path: string) => real(at(path)) }),
  };
}

async function rootSubject(root: Root, name: string, options: FindOptions): Promise<Subject> {
  const found = await findLogs(root, options);
  if (found.logs.length > 0) return { kind: 'folder', name, found };
  if (options.log !== undefined) throw new UsageError(`${name}: no log called ${options.log}`);
  return { kind: 'empty', name, problem: NOTHING };
}

async function fileSubject(open: Open, name: string): Promise<Subject> {
  const head = await beginning(open);
  if (head.length === 0) return { kind: 'empty', name, problem: NOTHING };
  if (isLaterFile(head)) return { kind: 'other', name, problem: 'a log in a file of a later version of the format' };
  if (isLogFile(head)) return { kind: 'file', name, source: await sourceOf(open, name) };
  const bundle = await bundleIn(open, head, name);
  if (bundle === 'ours') return { kind: 'bundle', name, open };
  return { kind: 'other', name, problem: bundle === 'later' ? 'a bundle of a later version of the format' : ELSE };
}

/** A log file in all but its version, the last byte of what it begins with. */
const isLaterFile = (head: Uint8Array): boolean => {
  const at = FILE_MAGIC.length - 1;
  const isMade = head.length === FILE_MAGIC.length && FILE_MAGIC.every((byte, i) => i === at || byte === head[i]);
  return isMade && head[at]! > FILE_MAGIC[at]! && head[at]! <= VERSION_MAX;
};

/** The logs of a subject, each with a name for people; none where it has none. */
export function logsOf(subject: Subject): { readonly name: string; readonly source: LogSource }[] {
  if (subject.kind === 'file')
    return [{ name: `${subject.source.origin ?? 'no name'}, in ${subject.name}`, source: subject.source }];
  if (subject.kind !== 'folder') return [];
  return subject.found.logs.map(({ path, source }) => ({
    name: path === '' ? subject.name : `${subject.name}, ${path}`,
    source,
  }));
}

/** A file that does not even begin as a log is one that says so as soon as it is read. */
async function sourceOf(open: Open, name: string): Promise<LogSource> {
  try {
    return await fileSource(open, name);
  } catch (error) {
    if (!(error instanceof TracehoundError)) throw error;
    return {
      checkpoints: async () => [],
      // biome-ignore lint/correctness/useYield: there is nothing to yield before it fails
      entries: async function* () {
        throw error;
      },
    };
  }
}

async function beginning(open: Open): Promise<Uint8Array> {
  const head: number[] = [];
  for await (const chunk of open()) {
    head.push(...chunk.subarray(0, FILE_MAGIC.length - head.length));
    if (head.length >= FILE_MAGIC.length) break;
  }
  return Uint8Array.from(head);
}
