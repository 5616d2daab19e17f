/**
 * A store in a folder, for Node, Deno and Bun: `src/stores/fs.ts` with `node:fs/promises` put in.
 *
 * Relies on: node:fs, node:path, node:url. Refuses: to know how a store works.
 *
 * @module
 */
import nodeFs from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FsPort, folderStore, type LogStore } from '../../src/stores/fs';
import { readGroup, wrongKind } from '../../src/validate/index';

export type { FsFile, FsPort, LogStore, Store } from '../../src/stores/fs';

/**
 * A store in `directory`, which is made if need be; several processes may share it. A relative path is taken from where
 * the process stands now, not from where it stands later.
 *
 * @example
 * const store = fsStore('/var/lib/tracehound');
 */
export function fsStore(directory: string | URL, options: { fs?: FsPort } = {}): LogStore {
  const { fs } = readGroup('fsStore', 'fsStore.', options, ['fs']);
  const path = directory instanceof URL ? fileURLToPath(directory) : directory;
  if (typeof path !== 'string') throw wrongKind('fsStore.directory', 'a path or a file URL', path);
  if (path === '') throw new RangeError('fsStore.directory: empty, expected a path, got none');
  return folderStore((fs as FsPort | undefined) ?? nodeFs, resolve(path));
}
