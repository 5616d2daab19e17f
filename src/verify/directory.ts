/**
 * Where logs lie below a root: the root is a log itself, or a store that several logs share.
 *
 *   <root>/checkpoint, tile/…                          a log, wherever it was copied to
 *   <root>/latest ── origin ──▶ <originPath>/checkpoint   a store; `latest` names the newest log
 *
 * Relies on: stored, tlog. Refuses: to follow what it finds into other folders: a name from outside becomes a path by
 * `originPath` alone, and a walk ends after {@link FOLDERS_MAX} folders.
 */
import { TracehoundError } from '../errors';
import { originPath, pathOrigin } from '../formats/tlog';
import type { Get, LogSource } from './source';
import { BUNDLE_BYTES_MAX, storeSource } from './store';

/** What is asked of a root. Paths are relative to it, with `/` between their parts. */
export interface Root {
  /** The bytes of a file; `undefined` when there is none. Rejects for one of more than `bytesMax` bytes. */
  readonly get: (path: string, bytesMax: number) => Promise<Uint8Array | undefined>;
  /** Names in a folder, the root's own for `''`; none when there is no such folder. Absent: nobody can look around. */
  readonly list?: (path: string) => Promise<readonly string[]>;
}

/** A log that was found. */
export interface FoundLog {
  /** Its path below the root, `''` for the root itself. */
  readonly path: string;
  readonly source: LogSource;
}

/** How it was found: the root is a log, `latest` named it, the caller named it, or somebody had to look for it. */
export type Found = 'log' | 'latest' | 'named' | 'walk';

export interface FoundLogs {
  readonly by: Found;
  readonly logs: readonly FoundLog[];
  /** What `latest` says; absent where nobody looked. */
  readonly latest?: string;
}

export interface FindOptions {
  /** The log of this origin. */
  readonly log?: string;
  /** Every log of a store, not only the newest. */
  readonly all?: boolean;
}

/** Folders that a walk enters, and how deep: an origin of 4,096 characters may have as many parts. */
export const FOLDERS_MAX = 100_000;
const DEPTH_MAX = 64;
const LATEST_BYTES_MAX = 65_536;

/** The logs below a root that were asked for; none when there is nothing that looks like one. */
export async function findLogs(root: Root, { log, all }: FindOptions = {}): Promise<FoundLogs> {
  if (log !== undefined) return { by: 'named', logs: await named(root, log) };
  if (await isLog(root, '')) return { by: 'log', logs: [logAt(root, '', undefined)] };
  const latest = await latestOf(root);
  const facts = latest === undefined ? {} : { latest };
  if (latest !== undefined && !all) return { by: 'latest', logs: [logAt(root, originPath(latest), latest)], ...facts };
  const paths = await walk(root);
  // What `latest` names belongs to the store, also when nothing is left of it.
  if (latest !== undefined && !paths.includes(originPath(latest))) paths.push(originPath(latest));
  return { by: 'walk', logs: paths.map((path) => logAt(root, path, pathOrigin(path))), ...facts };
}

/** The log of a name, in its place in a store; or the root, if that is the log of this name. */
async function named(root: Root, log: string): Promise<FoundLog[]> {
  const path = originPath(log);
  if (await isLog(root, path)) return [logAt(root, path, log)];
  if (!(await isLog(root, ''))) return [];
  const text = new TextDecoder().decode(await root.get('checkpoint', BUNDLE_BYTES_MAX));
  return text.startsWith(`${log}\n`) ? [logAt(root, '', log)] : [];
}

/** A checkpoint makes a log; where it was taken away, its tiles still do. */
async function isLog(root: Root, path: string): Promise<boolean> {
  if (root.list === undefined) return (await root.get(below(path, 'checkpoint'), BUNDLE_BYTES_MAX)) !== undefined;
  const names = await root.list(path);
  return names.includes('checkpoint') || names.includes('tile');
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

function logAt(root: Root, path: string, origin: string | undefined): FoundLog {
  const get: Get = (name) => root.get(below(path, name), BUNDLE_BYTES_MAX);
  const { list } = root;
  const widths = async (entries: string): Promise<number[]> => {
    const names = await (list as NonNullable<Root['list']>)(below(path, `${entries}.p`));
    return names.filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number);
  };
  const options = {
    ...(origin === undefined ? {} : { origin }),
    ...(list === undefined ? {} : { widths }),
    prefix: path === '' ? '' : `${path}/`,
  };
  return { path, source: storeSource(get, options) };
}

/** The origin of the newest log, the first line of `latest`. */
async function latestOf(root: Root): Promise<string | undefined> {
  const bytes = await root.get('latest', LATEST_BYTES_MAX);
  if (bytes === undefined) return undefined;
  const [origin = ''] = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n');
  if (origin !== '') return origin;
  throw new TracehoundError('LOG_INVALID', 'latest: expected the origin of the newest log in its first line, got none');
}

/** Paths of all logs below a root, in the order of their names. */
async function walk({ list }: Root): Promise<string[]> {
  const logs: string[] = [];
  let folders = 0;
  const enter = async (path: string, depth: number): Promise<void> => {
    if (++folders > FOLDERS_MAX || depth > DEPTH_MAX) {
      const problem = `expected ≤ ${FOLDERS_MAX} folders, ${DEPTH_MAX} deep, got more`;
      throw new TracehoundError('LOG_INVALID', `${path}: too much to look through, ${problem}`);
    }
    const names = [...((await list?.(path)) ?? [])].sort();
    if (names.includes('checkpoint') || names.includes('tile')) logs.push(path);
    for (const name of names) {
      // A name with `~` is the store's own; what lies in `tile` is no log.
      if (!/^(?:checkpoint|tile|latest)$|~/.test(name)) await enter(below(path, name), depth + 1);
    }
  };
  await enter('', 0);
  return logs;
}
