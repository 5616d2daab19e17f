/**
 * Guards src/stores/fs-disk.ts: each act is durable when it is done, leaves nothing half done, and passes through no link; what
 * the system says becomes one error that repeats no path.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { TracehoundError } from '../../../src/errors';
import { Disk, onDisk, token, unless } from '../../../src/stores/fs-disk';
import { steppedFs } from '../../lab/fs-port';

const top = mkdtempSync(join(tmpdir(), 'tracehound-disk-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
let made = 0;
let root = '';
let steps: string[] = [];
beforeEach(() => {
  root = join(top, String(made++));
  steps = [];
});
const fs = () => steppedFs((_, name) => void steps.push(name), { isSynced: false });
const coded = (code: unknown): Error => Object.assign(new Error(`${code}: /home/a-name`), { code });
const BYTES = Uint8Array.of(1, 2, 3);

describe('what a system says', () => {
  it('becomes STORE_FAILED with its code and without its path; what is ours stays', async () => {
    const cause = coded('ENOSPC');
    const error = await onDisk('get', () => Promise.reject(cause)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'STORE_FAILED', recoverable: true, cause });
    expect((error as Error).message).toBe('fs store: get failed, expected the disk to do it, got ENOSPC');
    const own = new TracehoundError('STORE_FAILED', 'ours');
    await expect(onDisk('get', () => Promise.reject(own))).rejects.toBe(own);
    expect(await onDisk('get', async () => 7)).toBe(7);
  });

  it.each(['', 'E', 'enospc', 'ENOSPC /home/a-name', 'E'.repeat(33), '1ABC', 7, null, undefined])(
    'is repeated only if it is a code: %j is none',
    async (code) => {
      const error = await onDisk('get', () => Promise.reject(coded(code))).catch((reason: unknown) => reason);
      expect((error as Error).message).toBe('fs store: get failed, expected the disk to do it, got an error');
    },
  );

  it('is nothing when it was expected, and only then', async () => {
    expect(await unless('ENOENT EEXIST', Promise.reject(coded('EEXIST')))).toBeUndefined();
    expect(await unless('ENOENT', Promise.resolve(1))).toBe(1);
    for (const code of ['ENOEN', 'ENOENTX', 'EACCES', undefined])
      await expect(unless('ENOENT EEXIST', Promise.reject(coded(code)))).rejects.toMatchObject({ code });
  });
});

it('tokens are sixteen hex digits, and nobody draws one twice', () => {
  const drawn = Array.from({ length: 500 }, token);
  for (const one of drawn) expect(one).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(drawn).size).toBe(500);
});

describe('a folder', () => {
  it('is made part by part, each synced where its name stands, and is not synced again', async () => {
    const disk = new Disk(fs(), root);
    expect(await disk.folder(['a', 'b'])).toBe(`${root}/a/b`);
    // The root and its parent; then for each part: make, look, sync the folder that has its name.
    const sync = ['open', 'sync', 'close'];
    expect(steps).toEqual(['mkdir', ...sync, 'mkdir', 'lstat', ...sync, 'mkdir', 'lstat', ...sync]);
    steps = [];
    await disk.folder(['a', 'b']);
    expect(steps).toEqual(['mkdir', 'lstat', 'mkdir', 'lstat']);
  });

  it('that somebody else made is synced all the same', async () => {
    await new Disk(fs(), root).folder(['a']);
    steps = [];
    await new Disk(fs(), root).folder(['a']);
    expect(steps.filter((name) => name === 'sync')).toHaveLength(2);
  });

  it('is none when a file or a link stands in its place, wherever that leads', async () => {
    mkdirSync(join(root, 'real'), { recursive: true });
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'real'), join(root, 'link'));
    const disk = new Disk(fs(), root);
    for (const part of ['file', 'link']) {
      const refused = { code: 'STORE_FAILED', message: expect.stringContaining('got a file or a link') };
      await expect(disk.folder([part, 'below']), part).rejects.toMatchObject(refused);
      await expect(disk.checkFolder(join(root, part)), part).rejects.toMatchObject(refused);
    }
    await disk.checkFolder(join(root, 'real'));
    expect(readdirSync(join(root, 'real'))).toEqual([]);
  });

  it('may be one that cannot be synced, because none has to be; other failures are failures', async () => {
    for (const code of ['EISDIR', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EIO', 'EACCES', 'ENOENT']) {
      const disk = new Disk({ ...fs(), open: () => Promise.reject(coded(code)) }, root);
      const told = await disk.syncFolder(root).then(
        () => 'synced',
        () => 'failed',
      );
      expect(told, code).toBe(['EIO', 'EACCES', 'ENOENT'].includes(code) ? 'failed' : 'synced');
    }
  });
});

describe('a file', () => {
  it('is made complete and in one step: written and synced elsewhere, linked, its folder synced', async () => {
    const disk = new Disk(fs(), root);
    const folder = await disk.folder(['a']);
    await disk.folder(['~tmp']);
    steps = [];
    expect(await disk.create(folder, 'name', BYTES)).toBe(true);
    const written = steps.filter((name) => !['mkdir', 'lstat', 'readdir'].includes(name));
    expect(written).toEqual(['open', 'write', 'write', 'sync', 'close', 'link', 'unlink', 'open', 'sync', 'close']);
    expect(new Uint8Array(readFileSync(join(folder, 'name')))).toEqual(BYTES);
    expect(readdirSync(join(root, '~tmp'))).toEqual([]);
  });

  it('that is there stays as it is, and the folder is synced before anybody is told', async () => {
    const disk = new Disk(fs(), root);
    const folder = await disk.folder(['a']);
    await disk.create(folder, 'name', BYTES);
    steps = [];
    expect(await disk.create(folder, 'name', Uint8Array.of(9))).toBe(false);
    expect(steps.slice(-3)).toEqual(['open', 'sync', 'close']);
    expect(new Uint8Array(readFileSync(join(folder, 'name')))).toEqual(BYTES);
  });

  it('is closed and leaves nothing behind when the disk fails', async () => {
    for (const failing of ['write', 'sync', 'link']) {
      const broken = steppedFs(
        (_, name) => {
          steps.push(name);
          if (name === failing && steps.includes('write')) throw coded('EIO');
        },
        { isSynced: false },
      );
      const disk = new Disk(broken, root);
      const folder = await disk.folder(['a']);
      await expect(disk.create(folder, 'name', BYTES), failing).rejects.toMatchObject({ code: 'EIO' });
      expect(readdirSync(folder)).toEqual([]);
      expect(readdirSync(join(root, '~tmp'))).toEqual([]);
      expect(steps.filter((name) => name === 'open')).toHaveLength(steps.filter((name) => name === 'close').length);
      steps = [];
    }
  });

  it('that is taken away was there: of a folder or a name that is not there, nothing was', async () => {
    const disk = new Disk(fs(), root);
    expect(await disk.remove([], 'name'), 'no root').toBe(false);
    const folder = await disk.folder(['a']);
    await disk.create(folder, 'name', BYTES);
    await disk.create(folder, 'other', BYTES);
    expect(await disk.remove(['b'], 'name'), 'no folder').toBe(false);
    expect(await disk.remove(['a', 'name', 'c'], 'name'), 'below a file').toBe(false);
    await expect(disk.remove(['a', 'name'], 'name'), 'a file in the place of a folder').rejects.toMatchObject({
      code: 'STORE_FAILED',
    });
    expect(await disk.remove(['a'], 'nobody'), 'no file').toBe(false);
    expect(await disk.remove(['a'], 'name')).toBe(true);
    expect(await disk.remove(['a'], 'name'), 'again').toBe(false);
    expect(readdirSync(folder)).toEqual(['other']);
    expect(await disk.remove(['a'], 'other')).toBe(true);
    expect(readdirSync(root), 'the folder went with its last file').toEqual(['~tmp']);
  });

  it('is written only where none is', async () => {
    const disk = new Disk(fs(), root);
    await disk.folder([]);
    await disk.write(join(root, 'x'), BYTES);
    await expect(disk.write(join(root, 'x'), BYTES)).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

it('what is an hour old in ~tmp is taken away once, by the disk’s own clock, folders too; younger things stay', async () => {
  const temporary = join(root, '~tmp');
  mkdirSync(join(temporary, 'folder'), { recursive: true });
  writeFileSync(join(temporary, 'folder', 'file'), '');
  for (const name of ['old', 'young', 'almost']) writeFileSync(join(temporary, name), '');
  const ago = (seconds: number): number => Date.now() / 1_000 - seconds;
  for (const [name, seconds] of [
    ['folder', 3_700],
    ['old', 3_700],
    ['almost', 3_500],
  ] as const)
    utimesSync(join(temporary, name), ago(seconds), ago(seconds));
  const disk = new Disk(fs(), root);
  await disk.temporary();
  expect(readdirSync(temporary).sort()).toEqual(['almost', 'young']);
  utimesSync(join(temporary, 'almost'), ago(3_700), ago(3_700));
  await disk.temporary();
  expect(readdirSync(temporary).sort(), 'a process looks once').toEqual(['almost', 'young']);
});
