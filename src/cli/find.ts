/**
 * What the word on a command line points to: a folder with logs, a log in a file, a bundle of evidence, a stream of either.
 *
 * Relies on: port, the readers of src/verify. Refuses: to believe a name. What a file is, its first bytes tell.
 */
import { TracehoundError } from '../errors';
import { type FindOptions, type FoundLogs, findLogs } from '../verify/directory';
import { fileSource, isLogFile, type Open } from '../verify/file';
import type { LogSource } from '../verify/source';
import { UsageError } from './args';
import type { CommandPort } from './port';

/** What was found. `name` is for people. */
export type Subject =
  | { readonly kind: 'folder'; readonly name: string; readonly found: FoundLogs }
  | { readonly kind: 'file'; readonly name: string; readonly source: LogSource }
  | { readonly kind: 'bundle'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'empty' | 'other'; readonly name: string };

/** As large as a bundle may be: 2²⁸ characters. */
const BUNDLE_BYTES_MAX = 2 ** 28;
const HEAD_BYTES = 8;
/** Marks of a bundle, at its beginning and its end: neither one changed byte nor a cut takes all of them away. */
const BUNDLE_MARKS = ['{"checkpoint":"', '"tracehound"', '"bundle/v1"'];
const OPENING_BRACE = 0x7b;

/** Looks at what `word` points to and hands it to `use`; whatever had to be put aside is taken away afterwards. */
export async function withSubject<T>(
  port: CommandPort,
  word: string,
  options: FindOptions,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  if (word === '-') return withStream(port, port.input(), 'standard input', use);
  const lies = await port.lies(word);
  if (lies === undefined) throw new UsageError(`${word}: no such file or folder`);
  if (lies === 'folder') return use(await folderSubject(port, word, options));
  // A pipe that has a name, as a shell's <(…) has: it can be read only once.
  if (lies === 'other') return withStream(port, port.open(word), word, use);
  return use(await fileSubject(() => port.open(word), word));
}

async function withStream<T>(
  port: CommandPort,
  stream: AsyncIterable<Uint8Array>,
  name: string,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  const spool = await port.spool(stream);
  try {
    return await use(await fileSubject(spool.open, name));
  } finally {
    await spool.drop();
  }
}

async function folderSubject(port: CommandPort, word: string, options: FindOptions): Promise<Subject> {
  const at = (path: string): string => (path === '' ? word : `${word.replace(/\/+$/, '')}/${path}`);
  const root = {
    get: (path: string, bytesMax: number) => port.read(at(path), bytesMax),
    list: (path: string) => port.list(at(path)),
  };
  const found = await findLogs(root, options);
  if (found.logs.length > 0) return { kind: 'folder', name: word, found };
  if (options.log !== undefined) throw new UsageError(`${word}: no log called ${options.log}`);
  return { kind: 'empty', name: word };
}

async function fileSubject(open: Open, name: string): Promise<Subject> {
  const head = await beginning(open);
  if (head.length === 0) return { kind: 'empty', name };
  if (isLogFile(head)) return { kind: 'file', name, source: await sourceOf(open, name) };
  if (head[0] !== OPENING_BRACE) return { kind: 'other', name };
  const bytes = await all(open, name);
  const text = new TextDecoder().decode(bytes);
  return BUNDLE_MARKS.some((mark) => text.includes(mark)) ? { kind: 'bundle', name, bytes } : { kind: 'other', name };
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
    head.push(...chunk.subarray(0, HEAD_BYTES - head.length));
    if (head.length >= HEAD_BYTES) break;
  }
  return Uint8Array.from(head);
}

async function all(open: Open, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of open()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > BUNDLE_BYTES_MAX) throw new UsageError(`${name}: too large for a bundle, expected ≤ 256 MiB`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
