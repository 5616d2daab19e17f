/**
 * Where logs lie below a root: the root is a log itself, a store that several logs share, or a folder with logs and stores in it.
 *
 *   <root>/checkpoint, tile/…                             a log, wherever it was copied to
 *   <root>/latest ── origin ──▶ <originPath>/checkpoint   a store; `latest` names the newest log
 *   <root>/<any>/latest …, <root>/<any>/checkpoint        shards of one deployment, copies of several logs
 *
 * Relies on: store, tlog. Refuses: to follow what it finds into other folders: a name from outside becomes a path by
 * `originPath` alone, a link that leads out of the root is named and not followed, a folder is entered once however many
 * links lead to it, and a walk ends after {@link FOLDERS_MAX} folders. Trusts nothing for its place: where no `latest` says
 * that a folder is a store, a log may have been copied to any place and is called by its own name.
 */
import { TracehoundError } from '../errors';
import { originPath, pathOrigin } from '../formats/tlog';
import { noteText } from './notes';
import type { Get, LogSource } from './source';
import { BUNDLE_BYTES_MAX, storeSource } from './store';

/** What is asked of a root. Paths are relative to it, with `/` between their parts. */
export interface Root {
  /** The bytes of a file; `undefined` when there is none. Rejects for one of more than `bytesMax` bytes. */
  readonly get: (path: string, bytesMax: number) => Promise<Uint8Array | undefined>;
  /** Names in a folder, the root's own for `''`; none when there is no such folder. Absent: nobody can look around. */
  readonly list?: (path: string) => Promise<readonly string[]>;
  /** Where a folder really is, links followed; the same text for the same folder. Absent: there are no links. */
  readonly real?: (path: string) => Promise<string>;
}

/** A log that was found. */
export interface FoundLog {
  /** Its path below the root, `''` for the root itself. */
  readonly path: string;
  /** Path of the store it lies in: logs of one store follow on each other. */
  readonly store: string;
  /** The store says that this is its newest log. */
  readonly isLatest: boolean;
  readonly source: LogSource;
}

/** How it was found: the root is a log, `latest` named it, the caller named it, or somebody had to look for it. */
export type FoundBy = 'log' | 'latest' | 'named' | 'walk';

export interface FoundLogs {
  readonly by: FoundBy;
  readonly logs: readonly FoundLog[];
  /** What `latest` of the root says; absent where nobody looked. */
  readonly latest?: string;
  /** Links that lead out of the root and were not followed. */
  readonly links?: readonly string[];
}

export interface FindOptions {
  /** The log of this origin. */
  readonly log?: string;
  /** Every log of a store, not only the newest. */
  readonly all?: boolean;
}

/** Folders that a walk enters, and how deep: an origin of 4,096 characters may have as many parts. */
const FOLDERS_MAX = 100_000;
const DEPTH_MAX = 64;
const LATEST_BYTES_MAX = 65_536;

/** The logs below a root that were asked for; none when there is nothing that looks like one. */
export async function findLogs(root: Root, { log, all }: FindOptions = {}): Promise<FoundLogs> {
  if (log !== undefined) return { by: 'named', logs: await named(root, log) };
  if (await isLog(root, '')) return { by: 'log', logs: [logAt(root, '', undefined)] };
  const latest = await latestOf(root, '');
  if (latest !== undefined && !all) {
    return { by: 'latest', logs: [logAt(root, originPath(latest), latest, '', latest)], latest };
  }
  const walk = new FolderWalk(root);
  await walk.run();
  const links = walk.links.length === 0 ? {} : { links: walk.links };
  return { by: 'walk', logs: walk.logs, ...(latest === undefined ? {} : { latest }), ...links };
}

/** The log of a name: in its place in a store, the root if that is the log, or anywhere below. */
async function named(root: Root, log: string): Promise<FoundLog[]> {
  const path = originPath(log);
  if (await isLog(root, path)) return [logAt(root, path, log, '')];
  if (await isLog(root, '')) return (await nameOf(root, '')) === log ? [logAt(root, '', log)] : [];
  if (root.list === undefined) return [];
  const walk = new FolderWalk(root);
  await walk.run();
  return walk.logs.filter(({ source }) => source.origin === log);
}

/** A checkpoint makes a log; where it was taken away, its tiles still do. */
async function isLog(root: Root, path: string): Promise<boolean> {
  if ((await root.get(inFolder(path, 'checkpoint'), BUNDLE_BYTES_MAX)) !== undefined) return true;
  return (await root.list?.(path))?.includes('tile') ?? false;
}

const inFolder = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

function logAt(root: Root, path: string, origin: string | undefined, store = path, latest?: string): FoundLog {
  const get: Get = (name) => root.get(inFolder(path, name), BUNDLE_BYTES_MAX);
  const { list } = root;
  const widths = async (entries: string): Promise<number[]> => {
    const names = await (list as NonNullable<Root['list']>)(inFolder(path, `${entries}.p`));
    return names.filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number);
  };
  const options = {
    ...(origin === undefined ? {} : { origin }),
    ...(list === undefined ? {} : { widths }),
    prefix: path === '' ? '' : `${path}/`,
  };
  const isLatest = latest !== undefined && origin === latest;
  return { path, store, isLatest, source: storeSource(get, options) };
}

/** The name that the checkpoint of a log gives it; `undefined` where there is none to be read. */
async function nameOf(root: Root, path: string): Promise<string | undefined> {
  const bytes = await root.get(inFolder(path, 'checkpoint'), BUNDLE_BYTES_MAX);
  const [name = ''] = bytes === undefined ? [] : noteText(bytes).split('\n');
  return name === '' ? undefined : name;
}

/**
 * The origin of the newest log of a store: the first line of its `latest`, behind which stands a second with a token. A file
 * of this name that is made otherwise is somebody else's and says nothing.
 */
async function latestOf(root: Root, path: string): Promise<string | undefined> {
  const bytes = await root.get(inFolder(path, 'latest'), BUNDLE_BYTES_MAX);
  if (bytes === undefined || bytes.length > LATEST_BYTES_MAX) return undefined;
  return /^([^\n]+)\n[^\n]+\n$/.exec(noteText(bytes))?.[1];
}

/** A store on the way from the root to a folder. */
interface StoreAbove {
  readonly path: string;
  readonly latest: string;
}

/** All logs below a root, in the order of their paths. */
class FolderWalk {
  readonly #root: Root;
  readonly #entered = new Set<string>();
  #folders = 0;
  #home = '';
  readonly logs: FoundLog[] = [];
  readonly links: string[] = [];

  constructor(root: Root) {
    this.#root = root;
  }

  async run(): Promise<void> {
    this.#home = (await this.#root.real?.('')) ?? '';
    await this.#enter('', 0, undefined);
  }

  async #enter(path: string, depth: number, above: StoreAbove | undefined): Promise<void> {
    if (!(await this.#isNew(path))) return;
    if (++this.#folders > FOLDERS_MAX || depth > DEPTH_MAX) {
      const problem = `expected ≤ ${FOLDERS_MAX} folders, ${DEPTH_MAX} deep, got more`;
      throw new TracehoundError('STORE_FAILED', `${path}: too much to look through, ${problem}`);
    }
    // Where nobody can look around, there is only what `latest` names.
    const names = [...((await this.#root.list?.(path)) ?? ['latest'])].sort();
    const latest = names.includes('latest') ? await latestOf(this.#root, path) : undefined;
    const store = latest === undefined ? above : { path, latest };
    if (names.includes('checkpoint') || names.includes('tile')) this.logs.push(await this.#log(path, store));
    for (const name of names) {
      // A name with `~` is the store's own; what lies in `tile` is no log.
      if (!/^(?:checkpoint|tile|latest)$|~/.test(name)) await this.#enter(inFolder(path, name), depth + 1, store);
    }
    if (latest !== undefined) this.#addLatest(path, latest);
  }

  /** Whether a folder lies below the root and was not entered before, whatever way led to it. */
  async #isNew(path: string): Promise<boolean> {
    const real = (await this.#root.real?.(path)) ?? path;
    if (this.#entered.has(real)) return false;
    this.#entered.add(real);
    const isInside = this.#root.real === undefined || real === this.#home || real.startsWith(`${this.#home}/`);
    if (!isInside && this.#home !== '/') this.links.push(path);
    return isInside || this.#home === '/';
  }

  async #log(path: string, store: StoreAbove | undefined): Promise<FoundLog> {
    if (store !== undefined) {
      const origin = pathOrigin(store.path === '' ? path : path.slice(store.path.length + 1));
      return logAt(this.#root, path, origin, store.path, store.latest);
    }
    const name = await nameOf(this.#root, path);
    if (name === undefined) return logAt(this.#root, path, pathOrigin(path), '');
    const place = originPath(name);
    if (path === place) return logAt(this.#root, path, name, '');
    return path.endsWith(`/${place}`)
      ? logAt(this.#root, path, name, path.slice(0, -place.length - 1))
      : logAt(this.#root, path, name);
  }

  /** What `latest` names belongs to the store, also when nothing is left of it. */
  #addLatest(path: string, latest: string): void {
    if (this.logs.some((log) => log.store === path && log.isLatest)) return;
    this.logs.push(logAt(this.#root, inFolder(path, originPath(latest)), latest, path, latest));
  }
}
