/**
 * A store in a folder: each object a file at its key, so that a log is a folder of static C2SP tlog-tiles, which any web
 * server can serve and any tool can read. Names with a `~` are the store's own; readers leave them out.
 *
 * Any number of processes may share the folder. A process that is killed at any point leaves the old bytes or the new, no
 * lock, and at most a file in `~tmp` that a later process takes away. Durable means: file and folder were synced.
 *
 * Relies on: fs-disk, fs-versions; an injected {@link FsPort} with hard links. Refuses: a platform. On Node, Deno and Bun
 * `tracehound/stores/fs` brings `node:fs/promises` along.
 *
 * Not trusted: whoever can write the folder could take bytes away or put old ones back; a log shows it to whoever knows a
 * later checkpoint.
 *
 * @module
 */
import type { LogStore } from '../types/ports';
import { Disk, type FsPort, onDisk } from './fs-disk';
import { Versions } from './fs-versions';
import { copyOf, isEqual, partsOf } from './keys';

export type { LogStore, Store } from '../types/ports';
export type { FsFile, FsPort } from './fs-disk';

/**
 * A store below `root`, which is made if need be. What the disk refuses is `STORE_FAILED`, recoverable if time alone may
 * help (`ENOSPC`, `EMFILE` …; not `EACCES`). After such a failure the act may have happened all the same: read, then decide.
 */
export function folderStore(fs: FsPort, root: string): LogStore {
  const disk = new Disk(fs, root);
  return Object.freeze({
    async putIfAbsent(key: string, bytes: Uint8Array) {
      const [folders, name] = split(key);
      const copy = copyOf(bytes);
      return onDisk('putIfAbsent', async () => {
        const folder = await disk.folder(folders);
        return (await disk.create(folder, name, copy)) ? 'created' : 'exists';
      });
    },
    async get(key: string) {
      const [folders, name] = split(key);
      return onDisk('get', () => new Versions(disk, [root, ...folders].join('/'), name).read());
    },
    async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined) {
      const [folders, name] = split(key);
      const copy = copyOf(bytes);
      const before = expected === undefined ? undefined : copyOf(expected, 'expected');
      return onDisk('swap', async () => {
        const folder = await disk.folder(folders);
        const versions = new Versions(disk, folder, name);
        if (before !== undefined) {
          return (await versions.replace(copy, (current) => isEqual(current, before))) ? 'swapped' : 'conflict';
        }
        // Somebody may have taken the file away and left its versions: they count.
        if ((await versions.read()) !== undefined) return 'conflict';
        return (await disk.create(folder, name, copy)) ? 'swapped' : 'conflict';
      });
    },
    async delete(key: string) {
      const [folders, name] = split(key);
      return onDisk('delete', () => disk.remove(folders, name));
    },
  } satisfies LogStore);
}

function split(key: string): [folders: string[], name: string] {
  const parts = partsOf(key);
  return [parts.slice(0, -1), parts.at(-1)!];
}
