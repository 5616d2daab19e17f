#!/usr/bin/env node
/**
 * The command `tracehound` on Node, and unchanged on Deno and Bun, which bring the same `node:` modules.
 *
 * Relies on: node:fs, node:os, node:crypto; `fetch` for what `--store https://…` names. Refuses: logic, which is in src/cli;
 * any other use of the network; and to run a file that nobody named: only `--store` loads a module.
 */
import nodeCrypto from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { type CommandPort, type NewFile, run, type Spool } from '../../src/cli/index';

const CHUNK_BYTES = 65_536;
/** A server that does not answer is one that cannot be read. */
const FETCH_MS = 30_000;

/** Nothing is there, or something that is no folder stands in the way. */
const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');

async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** A folder in the place of a file is no file; a pipe or a device would keep us waiting. */
async function readPath(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const found = await ifThere(() => stat(path));
  if (found === undefined || found.isDirectory()) return undefined;
  if (!found.isFile()) throw new Error(`${path}: no file, expected a file, got something else`);
  return readWhole(path, found, bytesMax);
}

async function readWhole(path: string, { size }: Stats, bytesMax: number): Promise<Uint8Array | undefined> {
  if (size > bytesMax) throw new Error(`${path}: too large, expected ≤ ${bytesMax} bytes, got ${size}`);
  const file = await ifThere(() => open(path));
  if (file === undefined) return undefined;
  try {
    // One byte more than it had: whoever makes it longer meanwhile is found out.
    const bytes = new Uint8Array(size + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
    }
    throw new Error(`${path}: grew while it was read, expected ${size} bytes, got more`);
  } finally {
    await file.close();
  }
}

/** What lies at a URL, in pieces until it is whole or longer than it may be. */
async function fetchBytes(url: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
  if (answer.status === 404 || answer.status === 410) {
    await answer.body?.cancel();
    return undefined;
  }
  if (!answer.ok) throw new Error(`${url}: expected 200 or 404, got ${answer.status}`);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body ?? []) {
    pieces.push(piece);
    length += piece.length;
    if (length > bytesMax) throw new Error(`${url}: too large, expected ≤ ${bytesMax} bytes, got more`);
  }
  return Buffer.concat(pieces);
}

/** What must not be left behind: input put aside, which may be evidence, and half a file. */
const passing = new Set<string>();
let isListening = false;

/**
 * Makes something that is taken away also when somebody stops us. `make` is synchronous: no signal is heard between the
 * moment at which it is there and that at which we know of it.
 */
function passes<T>(make: () => T, pathOf: (made: T) => string): T {
  if (!isListening) {
    isListening = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        // A file may just be appearing in a folder that is taken away.
        for (const each of passing) rmSync(each, { recursive: true, force: true, maxRetries: 5 });
        process.exit(128 + constants.signals[signal]);
      });
    }
  }
  const made = make();
  passing.add(pathOf(made));
  return made;
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
  passing.delete(path);
}

async function spool(stream: AsyncIterable<Uint8Array>): Promise<Spool> {
  const folder = passes(
    () => mkdtempSync(join(tmpdir(), 'tracehound-')),
    (made) => made,
  );
  const path = join(folder, 'input');
  const drop = async (): Promise<void> => remove(folder);
  try {
    // Only we may read it: it may be evidence.
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const chunk of stream) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
  } catch (error) {
    await drop();
    throw error;
  }
  return { open: () => createReadStream(path, { highWaterMark: CHUNK_BYTES }), drop };
}

async function create(path: string): Promise<NewFile> {
  const file = passes(
    () => openSync(path, 'wx'),
    () => path,
  );
  return {
    write: async (bytes) => writeFileSync(file, bytes),
    done: async () => {
      fsyncSync(file);
      closeSync(file);
      passing.delete(path);
    },
    drop: async () => {
      closeSync(file);
      remove(path);
    },
  };
}

/** Waits until the bytes are taken, so that a slow reader never fills our memory. */
function out(bytes: Uint8Array): Promise<boolean> {
  return new Promise((done, failed) => {
    process.stdout.write(bytes, (error) => {
      if (!error) done(true);
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE') done(false);
      else failed(error);
    });
  });
}

const port: CommandPort = {
  args: process.argv.slice(2),
  lies: async (path) => {
    const found = await ifThere(() => stat(path));
    return found && (found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other');
  },
  read: readPath,
  open: (path) => createReadStream(path, { highWaterMark: CHUNK_BYTES }),
  list: async (path) => (await ifThere(() => readdir(path))) ?? [],
  real: realpath,
  load: async (path) => (await import(pathToFileURL(resolve(path)).href)).default,
  readUrl: fetchBytes,
  input: () => process.stdin,
  spool,
  create,
  out,
  err: (text) => {
    process.stderr.write(text);
  },
  isTerminal: { err: process.stderr.isTTY === true, out: process.stdout.isTTY === true },
  now: () => Date.now(),
  digest:
    typeof nodeCrypto.hash === 'function'
      ? (bytes) => nodeCrypto.hash('sha256', bytes, 'buffer')
      : (bytes) => nodeCrypto.createHash('sha256').update(bytes).digest(),
};

// A stream that was closed at the other end says so by an event too, which nobody else listens to.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.exitCode = await run(port);
