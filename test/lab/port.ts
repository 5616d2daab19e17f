/**
 * A platform for commands, in memory: files by their path, what was said, what the exit code was.
 *
 * Relies on: src/cli. Refuses: a disk.
 */
import { createHash } from 'node:crypto';
import { type CommandPort, run } from '../../src/cli/index';

export type Files = Map<string, Uint8Array>;

export interface Platform extends Partial<CommandPort> {
  readonly files?: Files;
  readonly stdin?: Uint8Array;
  readonly terminal?: boolean;
  readonly time?: number;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
  /** Temporary files that were not taken away. */
  readonly left: number;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A stream in chunks of `size`. */
export async function* chunked(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Runs the command with these words. */
export async function command(args: readonly string[], platform: Platform = {}): Promise<Ran> {
  const { files = new Map(), stdin = new Uint8Array(0), terminal = false, time = 0, ...rest } = platform;
  const out: Buffer[] = [];
  let err = '';
  let left = 0;
  const isFolder = (path: string): boolean => [...files.keys()].some((key) => key.startsWith(`${path}/`));
  const plain = (path: string): string => path.replace(/(?<=.)\/+$/, '');
  const port: CommandPort = {
    args,
    lies: async (path) => (files.has(path) ? 'file' : isFolder(plain(path)) ? 'folder' : undefined),
    read: async (path, bytesMax) => {
      const bytes = files.get(path);
      if (bytes !== undefined && bytes.length > bytesMax) throw new Error(`${path}: too large`);
      return bytes;
    },
    open: (path) => chunked(files.get(path)!),
    list: async (path) => {
      const below = [...files.keys()].filter((key) => key.startsWith(`${plain(path)}/`));
      return [...new Set(below.map((key) => key.slice(plain(path).length + 1).split('/')[0]!))];
    },
    input: () => chunked(stdin),
    spool: async (stream) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      left++;
      return {
        open: () => chunked(Buffer.concat(chunks)),
        drop: async () => {
          left--;
        },
      };
    },
    create: async (path) => {
      if (files.has(path)) throw new Error(`EEXIST: ${path}`);
      const chunks: Uint8Array[] = [];
      return {
        write: async (bytes) => {
          chunks.push(bytes);
        },
        done: async () => {
          files.set(path, Buffer.concat(chunks));
        },
        drop: async () => {},
      };
    },
    out: async (bytes) => {
      out.push(Buffer.from(bytes));
      return true;
    },
    err: (said) => {
      err += said;
    },
    isTerminal: { err: terminal, out: terminal },
    now: () => time,
    digest: (bytes) => createHash('sha256').update(bytes).digest(),
    ...rest,
  };
  const code = await run(port);
  const bytes = Buffer.concat(out);
  return { code, out: bytes.toString(), bytes, err, left };
}
