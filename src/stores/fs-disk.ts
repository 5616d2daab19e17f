/**
 * The few things that a store does to a disk, each of them durable when it is done: make a folder, make a file in one
 * step, replace a name.
 *
 *   <root>/~tmp/<token>      what is being written; a file enters its place complete, by a hard link that fails if the
 *                            name is taken
 *
 * Relies on: an {@link FsPort}. Refuses: to write through a symbolic link below the root. Each part of a path is looked at
 * before it is used; whoever swaps folders for links between the look and the use owns the disk already.
 */
import { TracehoundError } from '../errors';

/** The part of `node:fs/promises` that is used. */
export interface FsPort {
  mkdir(path: string, options: { mode: number; recursive: boolean }): Promise<unknown>;
  lstat(path: string): Promise<{ isDirectory(): boolean; readonly mtimeMs: number }>;
  open(path: string, flags: string, mode?: number): Promise<FsFile>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<string[]>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
}

/** An open file. */
export interface FsFile {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The group may read, nobody else; the process's umask narrows it further. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;
/** What is older in `~tmp` was left by a process that died. Were it alive, its link would fail, and nothing be lost. */
const LEFTOVER_MS = 3_600_000;
/** Folders whose entry is known to be on the disk; forgotten all at once beyond this, and synced again. */
const SYNCED_MAX = 1_024;

/** Codes after which the same call can only fail again until somebody changes the disk, its rights or the key. */
const LASTING: ReadonlySet<string> = new Set(
  'EACCES EPERM EROFS ENOTDIR EISDIR ELOOP ENAMETOOLONG EINVAL ENOSYS ENOTSUP EOPNOTSUPP EXDEV'.split(' '),
);
/** How systems say that a folder cannot be synced, because none has to be (Windows, some network disks). */
const NO_FOLDER_SYNC: ReadonlySet<string> = new Set(['EISDIR', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']);

/** The system's code of an error, such as `ENOENT`; empty if it has none. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,31}$/.test(code) ? code : '';
}

/** Runs `work`; what a system says becomes `STORE_FAILED`. The message has no path: a path may name a person. */
export async function onDisk<T>(act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TracehoundError) throw cause;
    const code = codeOf(cause);
    const message = `fs store: ${act} failed, expected the disk to do it, got ${code || 'an error'}`;
    throw new TracehoundError('STORE_FAILED', message, { cause, recoverable: !LASTING.has(code) });
  }
}

/** The result, or `undefined` if the system says one of these codes. */
export async function unless<T>(codes: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codes.split(' ').includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** Sixteen hex digits that nobody else draws. */
export function token(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A root folder, and what is done below it. */
export class Disk {
  readonly fs: FsPort;
  readonly root: string;
  readonly #synced = new Set<string>();
  #swept = false;

  constructor(fs: FsPort, root: string) {
    this.fs = fs;
    this.root = root;
  }

  /** Path of a folder below the root, made if need be, durably. */
  async folder(parts: readonly string[]): Promise<string> {
    let path = this.root;
    if (!this.#synced.has(path)) {
      await this.fs.mkdir(path, { mode: FOLDER_MODE, recursive: true });
      // It may be somebody else's folder, closed to us, and then the root was not made by us either.
      await unless('EACCES EPERM', this.syncFolder(`${path}/..`));
      this.#synced.add(path);
    }
    for (const part of parts) {
      const parent = path;
      path += `/${part}`;
      await unless('EEXIST', this.makeFolder(path));
      await this.checkFolder(path);
      if (this.#synced.has(path)) continue;
      // Also when somebody else made it: he may not have come to this line.
      await this.syncFolder(parent);
      if (this.#synced.size >= SYNCED_MAX) this.#synced.clear();
      this.#synced.add(path);
    }
    return path;
  }

  /** Makes a folder that must not be there yet. */
  async makeFolder(path: string): Promise<void> {
    await this.fs.mkdir(path, { mode: FOLDER_MODE, recursive: false });
  }

  /** Fails with `STORE_FAILED` unless `path` itself, not what it links to, is a folder. */
  async checkFolder(path: string): Promise<void> {
    if ((await this.fs.lstat(path)).isDirectory()) return;
    throw new TracehoundError(
      'STORE_FAILED',
      'fs store: key passes through something else, expected folders, got a file or a link',
    );
  }

  /** Makes `<folder>/<name>` of `bytes` in one step; false if there is such a name. Durable either way. */
  async create(folder: string, name: string, bytes: Uint8Array): Promise<boolean> {
    const temporary = await this.temporary();
    let isNew = true;
    try {
      await this.write(temporary, bytes);
      isNew =
        (await unless(
          'EEXIST',
          this.fs.link(temporary, `${folder}/${name}`).then(() => true),
        )) ?? false;
    } finally {
      await this.#discard(temporary);
    }
    await this.syncFolder(folder);
    return isNew;
  }

  /**
   * Takes a file away, with versions of it beside it, and its folder if that is empty then; false if there is none. What was
   * taken away may be there again after a crash: nothing depends on it.
   */
  async remove(folders: readonly string[], name: string): Promise<boolean> {
    const folder = [this.root, ...folders].join('/');
    const path = `${folder}/${name}`;
    const found = await unless('ENOENT ENOTDIR', this.fs.lstat(folder));
    if (found === undefined) return false;
    await this.checkFolder(folder);
    const versions = await unless('ENOENT', this.fs.lstat(`${path}~`));
    if (versions?.isDirectory()) await this.removeFolder(`${path}~`);
    const isGone =
      (await unless(
        'ENOENT',
        this.fs.unlink(path).then(() => true),
      )) ?? versions !== undefined;
    if (folders.length > 0) {
      // Whoever makes it again has to make it durable again. A folder that is not empty stays, whatever a system calls that.
      this.#synced.delete(folder);
      await this.fs.rmdir(folder).catch(() => undefined);
    }
    return isGone;
  }

  /** A new path below `~tmp`. The first call takes away what dead processes left there. */
  async temporary(): Promise<string> {
    const folder = await this.folder(['~tmp']);
    const path = `${folder}/${token()}`;
    if (!this.#swept) {
      this.#swept = true;
      await this.#sweep(folder);
    }
    return path;
  }

  /** Writes a file that must not be there yet; its bytes are on the disk afterwards, its name not yet. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.fs.open(path, 'wx', FILE_MODE);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Makes the names in a folder durable. */
  async syncFolder(path: string): Promise<void> {
    try {
      const folder = await this.fs.open(path, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (error) {
      if (!NO_FOLDER_SYNC.has(codeOf(error))) throw error;
    }
  }

  /** Takes a temporary file away. If that fails, a later process sweeps it: nothing depends on it. */
  async #discard(path: string): Promise<void> {
    await this.fs.unlink(path).catch(() => undefined);
  }

  /** By the disk's own clock, because ours may differ: what is an hour older than a file made now. */
  async #sweep(folder: string): Promise<void> {
    const names = await this.fs.readdir(folder);
    if (names.length === 0) return;
    const mark = `${folder}/${token()}`;
    await this.write(mark, new Uint8Array(0));
    const now = (await this.fs.lstat(mark)).mtimeMs;
    await this.#discard(mark);
    for (const name of names) {
      const path = `${folder}/${name}`;
      const found = await unless('ENOENT', this.fs.lstat(path));
      if (found === undefined || now - found.mtimeMs < LEFTOVER_MS) continue;
      if (found.isDirectory()) await this.removeFolder(path);
      else await this.#discard(path);
    }
  }

  /** Takes a folder of files away, as far as it can. */
  async removeFolder(path: string): Promise<void> {
    for (const name of await this.fs.readdir(path).catch(() => [])) await this.#discard(`${path}/${name}`);
    await this.fs.rmdir(path).catch(() => undefined);
  }
}
