/**
 * Guards src/stores/fs.ts: killed, failing or overtaken before any single step, it loses nothing that was there, tells no two
 * callers that they won, blocks nobody, and leaves the folder readable by anything that reads files.
 *
 * Files: `runtimes/node/fs-store.ts`.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import { folderStore } from '../../../src/stores/fs';
import { type Before, failingAt, killedAt, pausedAt, steppedFs } from '../../lab/fs-port';
import { acts, KEY, NEW, OLD } from '../../lab/store-acts';

const top = mkdtempSync(join(tmpdir(), 'tracehound-fs-store-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));

let made = 0;
let root = '';
const fresh = (): string => {
  root = join(top, String(made++));
  return root;
};
beforeEach(() => {
  fresh();
});

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
const is = (bytes: Uint8Array | undefined, other: Uint8Array | undefined): boolean =>
  bytes === other || (bytes !== undefined && other !== undefined && Buffer.compare(bytes, other) === 0);
/** Without waiting for the disk: these tests make thousands of files. */
const quick = (before: Before = () => {}) => steppedFs(before, { isSynced: false });
const quickStore = (where = root) => fsStore(where, { fs: quick() });

/** What must hold of the folder whenever nobody is at work. */
function isTidy(versions: string[]): void {
  expect(versions.filter((name) => name.startsWith('@'))).toHaveLength(versions.length > 0 ? 1 : 0);
}

describe.each(Object.entries(acts))('%s', (_, { prepare, run, before }) => {
  async function stepsOf(): Promise<number> {
    await prepare(quickStore());
    const fs = quick();
    await run(fsStore(root, { fs }));
    return fs.steps;
  }

  it('killed before any step, leaves the old or the new, and nobody waits', async () => {
    const steps = await stepsOf();
    expect(steps).toBeGreaterThan(10);
    const seen = new Set<string>();
    for (let step = 0; step < steps; step++) {
      await prepare(quickStore(fresh()));
      const death = killedAt(step);
      const fs = quick(death);
      await Promise.race([run(fsStore(root, { fs })).then(() => expect.unreachable()), death.reached]);
      await fs.end();

      const store = quickStore();
      const found = await store.get(KEY);
      expect(is(found, before) || is(found, NEW), `step ${step}`).toBe(true);
      seen.add(is(found, NEW) ? 'new' : 'old');
      // The next process goes on from what it finds, whatever it finds.
      expect(await store.swap(KEY, Uint8Array.of(1), found), `step ${step}`).toBe('swapped');
      expect(await store.swap(KEY, Uint8Array.of(2), Uint8Array.of(1)), `step ${step}`).toBe('swapped');
      expect(await store.get(KEY)).toEqual(Uint8Array.of(2));
      expect(new Uint8Array(readFileSync(join(root, KEY)))).toEqual(Uint8Array.of(2));
      const versions = names(join(root, `${KEY}~`));
      isTidy(versions);
      expect(versions, `step ${step}`).toHaveLength(2);
    }
    expect([...seen].sort()).toEqual(['new', 'old']);
  });

  it('killed before any step, leaves at most one thing that a later process takes away', async () => {
    const steps = await stepsOf();
    for (let step = 0; step < steps; step++) {
      await prepare(quickStore(fresh()));
      const death = killedAt(step);
      const fs = quick(death);
      void run(fsStore(root, { fs }));
      await death.reached;
      await fs.end();
      const temporary = join(root, '~tmp');
      const left = names(temporary);
      expect(left.length, `step ${step}`).toBeLessThanOrEqual(1);
      // Somebody young may still be at work.
      await quickStore().putIfAbsent('young', NEW);
      expect(names(temporary)).toEqual(left);
      const past = Date.now() / 1_000 - 3_700;
      for (const name of left) utimesSync(join(temporary, name), past, past);
      await quickStore().putIfAbsent('old', NEW);
      expect(names(temporary), `step ${step}`).toEqual([]);
    }
  });

  it.each([
    ['ENOSPC', true],
    ['EACCES', false],
  ])('failing at any step with %s, says so or succeeds all the same', async (code, recoverable) => {
    const steps = await stepsOf();
    let failures = 0;
    for (let step = 0; step < steps; step++) {
      await prepare(quickStore(fresh()));
      const fs = quick(failingAt(step, code));
      const told = await run(fsStore(root, { fs })).catch((error: unknown) => error);
      await fs.end();
      if (typeof told === 'string') {
        expect(['created', 'swapped']).toContain(told);
      } else {
        failures++;
        expect(told).toMatchObject({ code: 'STORE_FAILED', recoverable, cause: { code } });
        expect(String(told)).toMatch(new RegExp(`fs store: (putIfAbsent|swap) failed, expected .*, got ${code}$`));
      }
      const store = quickStore();
      const found = await store.get(KEY);
      expect(is(found, NEW) || (typeof told !== 'string' && is(found, before)), `step ${step}`).toBe(true);
      expect(await store.swap(KEY, Uint8Array.of(1), found), `step ${step}`).toBe('swapped');
      isTidy(names(join(root, `${KEY}~`)));
    }
    expect(failures).toBeGreaterThan(steps / 2);
  });

  it('failing for want of room, leaves none of it used', async () => {
    const steps = await stepsOf();
    await prepare(quickStore(fresh()));
    const kept = names(join(root, `${KEY}~`)).length;
    let failures = 0;
    for (let step = 0; step < steps; step++) {
      await prepare(quickStore(fresh()));
      const fs = quick((at, name) => {
        if (at >= step && name === 'write') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      });
      const told = await run(fsStore(root, { fs })).catch(() => 'failed');
      await fs.end();
      if (told !== 'failed') continue;
      failures++;
      expect(names(join(root, '~tmp')), `step ${step}`).toEqual([]);
      expect(names(join(root, `${KEY}~`)).length, `step ${step}`).toBeLessThanOrEqual(Math.max(kept, 1));
    }
    expect(failures).toBeGreaterThan(0);
  });
});

describe('two at once', () => {
  const mine = Uint8Array.of(1);
  const theirs = Uint8Array.of(2);

  it.each([
    ['nothing', undefined],
    ['what was put', OLD],
    ['what was swapped', OLD],
  ])('over %s: one who is overtaken at any step is told the truth', async (what, before) => {
    const prepare = async (): Promise<void> => {
      fresh();
      if (what === 'what was put') await quickStore().putIfAbsent(KEY, OLD);
      if (what === 'what was swapped') await acts['swap of what was swapped']!.prepare(quickStore());
    };
    await prepare();
    const alone = quick();
    await fsStore(root, { fs: alone }).swap(KEY, mine, before);
    const outcomes = new Set<string>();
    for (let slow = 0; slow < alone.steps; slow++) {
      // The other one lives, or dies at some of his steps: at other ones for each step of the slow one.
      for (let death = slow % 5; death <= alone.steps + 8; death += 5) {
        await prepare();
        const pause = pausedAt(slow);
        const death_ = killedAt(death);
        const first = fsStore(root, { fs: quick(pause) }).swap(KEY, mine, before);
        await pause.reached;
        const otherFs = quick(death_);
        const second = fsStore(root, { fs: otherFs }).swap(KEY, theirs, before);
        const told2 = await Promise.race([second, death_.reached.then(() => 'dead')]);
        pause.release();
        const told1 = await first;
        await otherFs.end();

        const where = `slow at ${slow}, the other dead at ${death}: ${told1}, ${told2}`;
        const found = await quickStore().get(KEY);
        if (told1 === 'swapped') expect(is(found, mine), where).toBe(true);
        else expect(is(found, theirs), where).toBe(true);
        if (told2 === 'swapped') expect(told1, where).toBe('conflict');
        if (told2 === 'conflict') expect(told1, where).toBe('swapped');
        // Whoever finished left the bytes in force where everybody reads them.
        expect(is(new Uint8Array(readFileSync(join(root, KEY))), found), where).toBe(true);
        const versions = names(join(root, `${KEY}~`));
        isTidy(versions);
        if (told2 !== 'dead' && versions.length > 0) expect(versions, where).toHaveLength(2);
        outcomes.add(`${told1} ${told2}`);
      }
    }
    expect([...outcomes].sort()).toEqual(['conflict dead', 'conflict swapped', 'swapped conflict', 'swapped dead']);
  });

  it('one who is slow to show his bytes shows those of his successor, who may be dead', async () => {
    const steps: string[] = [];
    await acts['swap of what was swapped']!.prepare(quickStore());
    await fsStore(root, { fs: quick((_, name) => void steps.push(name)) }).swap(KEY, mine, OLD);
    // From his swap to his last look at whether what he showed is in force. Whoever dies later leaves old bytes in sight.
    const swap = steps.indexOf('rename');
    const look = steps.indexOf('readdir', steps.lastIndexOf('rename'));
    expect(look).toBeGreaterThan(swap + 5);
    for (let slow = swap + 1; slow <= look; slow++) {
      for (let death = 0; death < steps.length; death++) {
        await acts['swap of what was swapped']!.prepare(quickStore(fresh()));
        const pause = pausedAt(slow);
        const first = fsStore(root, { fs: quick(pause) }).swap(KEY, mine, OLD);
        await pause.reached;
        const end = killedAt(death);
        const otherFs = quick(end);
        const second = fsStore(root, { fs: otherFs }).swap(KEY, theirs, mine);
        await Promise.race([second, end.reached]);
        pause.release();
        expect(await first).toBe('swapped');
        await otherFs.end();
        const where = `slow at ${slow}, the other dead at ${death}`;
        const inForce = await quickStore().get(KEY);
        expect(is(new Uint8Array(readFileSync(join(root, KEY))), inForce), where).toBe(true);
      }
    }
  });

  it('one whose disk renames and then says that there was nothing to rename is told that he swapped', async () => {
    await acts['swap of what was swapped']!.prepare(quickStore());
    const fs = quick();
    const rename: typeof fs.rename = async (from, to) => {
      await fs.rename(from, to);
      if (from.includes('@')) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    };
    expect(await fsStore(root, { fs: { ...fs, rename } }).swap(KEY, NEW, OLD)).toBe('swapped');
    expect(await quickStore().get(KEY)).toEqual(NEW);
  });

  it('one who slept through many swaps neither undoes them nor shows his own', async () => {
    await quickStore().putIfAbsent(KEY, OLD);
    await quickStore().swap(KEY, OLD, OLD);
    const alone = quick();
    await fsStore(root, { fs: alone }).swap(KEY, OLD, OLD);
    for (let slow = 0; slow < alone.steps; slow++) {
      const pause = pausedAt(slow);
      const sleeper = fsStore(root, { fs: quick(pause) }).swap(KEY, NEW, OLD);
      await pause.reached;
      let last = (await quickStore().get(KEY))!;
      const slept = is(last, NEW) ? 'swapped' : 'conflict';
      for (let i = 0; i < 5; i++) {
        expect(await quickStore().swap(KEY, Uint8Array.of(i), last)).toBe('swapped');
        last = Uint8Array.of(i);
      }
      pause.release();
      expect(await sleeper, `step ${slow}`).toBe(slept);
      expect(await quickStore().get(KEY)).toEqual(last);
      expect(new Uint8Array(readFileSync(join(root, KEY)))).toEqual(last);
      expect(await quickStore().swap(KEY, OLD, last)).toBe('swapped');
    }
  });

  it('one who reads while another swaps sees the old or the new', async () => {
    await acts['swap of what was swapped']!.prepare(quickStore());
    const reader = quick();
    await fsStore(root, { fs: reader }).get(KEY);
    for (let slow = 0; slow < reader.steps; slow++) {
      const pause = pausedAt(slow);
      const reading = fsStore(root, { fs: quick(pause) }).get(KEY);
      await pause.reached;
      await quickStore().swap(KEY, NEW, OLD);
      pause.release();
      expect(await reading).toEqual(NEW);
      await quickStore().swap(KEY, OLD, NEW);
    }
  });
});

describe('over a port alone', () => {
  it('each part of a key is a folder but the last, and acts that are refused touch no disk', async () => {
    const fs = quick();
    const store = folderStore(fs, root);
    for (const key of ['', '../a', 'a/../b', 'a~', 7 as unknown as string]) {
      await expect(store.putIfAbsent(key, OLD)).rejects.toThrow(/^key: /);
      await expect(store.get(key)).rejects.toThrow(/^key: /);
      await expect(store.swap(key, OLD, undefined)).rejects.toThrow(/^key: /);
    }
    await expect(store.putIfAbsent('a', 'text' as never)).rejects.toThrow(TypeError);
    await expect(store.swap('a', OLD, 'text' as never)).rejects.toThrow(/^expected: /);
    expect([fs.steps, existsSync(root)]).toEqual([0, false]);
    expect(await store.putIfAbsent('a/b/c', OLD)).toBe('created');
    expect(await store.putIfAbsent('a/b/d', NEW)).toBe('created');
    expect(new Uint8Array(readFileSync(join(root, 'a/b/c')))).toEqual(OLD);
  });

  it('a swap of nothing makes the object once, also when its file was taken away and its versions were not', async () => {
    const store = folderStore(quick(), root);
    expect(await store.swap('a', OLD, undefined)).toBe('swapped');
    expect(await store.swap('a', NEW, undefined)).toBe('conflict');
    expect(await store.swap('a', NEW, OLD)).toBe('swapped');
    rmSync(join(root, 'a'));
    expect(await store.swap('a', OLD, undefined)).toBe('conflict');
    expect(await store.get('a')).toEqual(NEW);
    expect(Object.isFrozen(store)).toBe(true);
  });

  it('the store keeps the bytes that it was given, whatever becomes of their array', async () => {
    const store = folderStore(quick(), root);
    const given = OLD.slice();
    const put = store.putIfAbsent('a', given);
    given.fill(0);
    expect([await put, await store.get('a')]).toEqual(['created', OLD]);
    const [next, expected] = [NEW.slice(), OLD.slice()];
    const swapped = store.swap('a', next, expected);
    next.fill(0);
    expected.fill(0);
    expect([await swapped, await store.get('a')]).toEqual(['swapped', NEW]);
  });
});

describe('the folder', () => {
  it.each([
    ['ENOSPC EDQUOT EMFILE ENFILE EIO EBUSY EAGAIN ENOENT ETIMEDOUT ESTALE ENOMEM', true],
    ['EACCES EPERM EROFS ENOTDIR ELOOP ENAMETOOLONG EXDEV ENOTSUP', false],
  ])('says of %s whether to try again', async (codes, recoverable) => {
    for (const code of codes.split(' ')) {
      const link = (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));
      const put = fsStore(root, { fs: { ...quick(), link } }).putIfAbsent('a', OLD);
      await expect(put, code).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable });
    }
    for (const strange of [new Error('no code'), 'text', null, undefined, { code: 'made up/by me' }]) {
      const fs = { ...quick(), link: () => Promise.reject(strange) };
      const error: unknown = await fsStore(root, { fs })
        .putIfAbsent('a', OLD)
        .catch((reason: unknown) => reason);
      expect(String(error)).toMatch(/got an error$/);
      expect((error as Error).cause).toBe(strange);
    }
  });

  it('is a folder of plain files, for whoever reads those', async () => {
    const store = fsStore(root);
    await store.putIfAbsent('log/tile/0/000', OLD);
    await store.swap('log/checkpoint', OLD, undefined);
    await store.swap('log/checkpoint', NEW, OLD);
    expect(new Uint8Array(readFileSync(join(root, 'log/tile/0/000')))).toEqual(OLD);
    expect(new Uint8Array(readFileSync(join(root, 'log/checkpoint')))).toEqual(NEW);
    expect(names(root).sort()).toEqual(['log', '~tmp']);
    expect(names(join(root, 'log')).sort()).toEqual(['checkpoint', 'checkpoint~', 'tile']);
    expect(names(join(root, '~tmp'))).toEqual([]);
  });

  it('is closed to strangers', async () => {
    const store = fsStore(root);
    await store.putIfAbsent('log/tile', OLD);
    expect(statSync(root).mode & 0o027).toBe(0);
    expect(statSync(join(root, 'log')).mode & 0o027).toBe(0);
    expect(statSync(join(root, 'log/tile')).mode & 0o137).toBe(0);
  });

  it('takes a file URL, and is where it was when the process moves', async () => {
    await fsStore(pathToFileURL(root)).putIfAbsent('a', OLD);
    expect(await fsStore(`${root}/./x/..`).get('a')).toEqual(OLD);
    for (const wrong of [undefined, null, 7, {}]) expect(() => fsStore(wrong as string)).toThrow(TypeError);
    expect(() => fsStore('')).toThrow(RangeError);
  });

  it('is synced, file and folder, before anybody is told', async () => {
    const synced: string[] = [];
    const fs = steppedFs((_, name) => {
      synced.push(name);
    });
    const store = fsStore(root, { fs });
    await store.putIfAbsent('a', OLD);
    synced.length = 0;
    await store.putIfAbsent('b', OLD);
    expect(synced.join(' ')).toMatch(/open write write sync close link unlink open sync close$/);
    synced.length = 0;
    // Whoever finds it there may be told before its maker is: he syncs too.
    await store.putIfAbsent('b', OLD);
    expect(synced.join(' ')).toMatch(/link unlink open sync close$/);
    await store.swap('b', NEW, OLD);
    synced.length = 0;
    await store.swap('b', OLD, NEW);
    expect(synced.join(' ')).toMatch(
      /open write write sync close open sync close rename open sync close readdir link rename unlink open sync close readdir/,
    );
  });

  it('has every new folder synced in the one above, and opens nothing for writing that is there', async () => {
    const opened: string[] = [];
    const fs = steppedFs(() => {});
    const open: typeof fs.open = (path, flags, mode) => {
      opened.push(`${flags} ${path.slice(root.length)}`);
      return fs.open(path, flags, mode);
    };
    const store = fsStore(root, { fs: { ...fs, open } });
    await store.putIfAbsent('a/b/c', OLD);
    await store.swap('a/b/c', NEW, OLD);
    await store.swap('a/b/c', OLD, NEW);
    for (const folder of ['/..', '', '/a', '/a/b', '/a/b/c~']) expect(opened).toContain(`r ${folder}`);
    expect(opened.filter((how) => !/^(?:r|wx) /.test(how))).toEqual([]);
    // Once is enough, also in the folder that each process makes sure of for itself.
    opened.length = 0;
    await store.putIfAbsent('a/b/d', OLD);
    expect(opened.filter((how) => how.startsWith('r '))).toEqual(['r /a/b']);
    opened.length = 0;
    await fsStore(root, { fs: { ...fs, open } }).putIfAbsent('a/b/e', OLD);
    expect(opened).toContain('r /a');
  });

  it('is not written through a link', async () => {
    const elsewhere = join(top, `elsewhere-${made}`);
    mkdirSync(elsewhere);
    mkdirSync(root);
    symlinkSync(elsewhere, join(root, 'log'));
    const store = fsStore(root);
    const failure = { code: 'STORE_FAILED', recoverable: false };
    await expect(store.putIfAbsent('log/a', OLD)).rejects.toMatchObject(failure);
    await expect(store.putIfAbsent('log/a/b', OLD)).rejects.toMatchObject(failure);
    await expect(store.swap('log/a', OLD, undefined)).rejects.toMatchObject(failure);
    expect(names(elsewhere)).toEqual([]);

    // A link in the place of the file: it is there, and what it points to stays as it is.
    writeFileSync(join(elsewhere, 'target'), 'target');
    symlinkSync(join(elsewhere, 'target'), join(root, 'file'));
    symlinkSync(join(elsewhere, 'none'), join(root, 'dangling'));
    expect(await store.putIfAbsent('file', OLD)).toBe('exists');
    expect(await store.putIfAbsent('dangling', OLD)).toBe('exists');
    expect(await store.swap('file', OLD, new TextEncoder().encode('target'))).toBe('swapped');
    expect(readFileSync(join(elsewhere, 'target'), 'utf8')).toBe('target');

    // In the place of its own folders: versions of somebody else's.
    await store.putIfAbsent('c', OLD);
    await store.swap('c', OLD, OLD);
    renameSync(join(root, 'c~'), join(elsewhere, 'versions'));
    symlinkSync(join(elsewhere, 'versions'), join(root, 'c~'));
    const versions = names(join(elsewhere, 'versions'));
    await expect(store.swap('c', NEW, OLD)).rejects.toMatchObject(failure);
    expect(names(join(elsewhere, 'versions'))).toEqual(versions);
    rmSync(join(elsewhere, 'versions'), { recursive: true });
    rmSync(join(root, '~tmp'), { recursive: true });
    symlinkSync(elsewhere, join(root, '~tmp'));
    await expect(fsStore(root).putIfAbsent('d', OLD)).rejects.toMatchObject(failure);
    expect(names(elsewhere)).toEqual(['target']);
  });

  it('may lose a file that was swapped without losing what is in force', async () => {
    const store = fsStore(root);
    await acts['swap of what was swapped']!.prepare(store);
    rmSync(join(root, KEY));
    expect(await store.get(KEY)).toEqual(OLD);
    expect(await store.swap(KEY, NEW, undefined)).toBe('conflict');
    expect(await store.swap(KEY, NEW, OLD)).toBe('swapped');
    expect(new Uint8Array(readFileSync(join(root, KEY)))).toEqual(NEW);
  });

  it('may be copied as plain files only', async () => {
    await acts['swap of what was swapped']!.prepare(fsStore(root));
    rmSync(join(root, `${KEY}~`), { recursive: true });
    const store = fsStore(root);
    expect(await store.get(KEY)).toEqual(OLD);
    expect(await store.swap(KEY, NEW, OLD)).toBe('swapped');
    expect(await store.get(KEY)).toEqual(NEW);
  });

  it.each([
    ['its bytes', (name: string) => !name.startsWith('@')],
    ['its pointer', (name: string) => name.startsWith('@')],
  ])('says that it is damaged when a version has lost %s, and guesses nothing', async (_, isLost) => {
    const store = fsStore(root);
    await acts['swap of what was swapped']!.prepare(store);
    const versions = join(root, `${KEY}~`);
    for (const name of names(versions).filter(isLost)) rmSync(join(versions, name));
    const failure = { code: 'STORE_FAILED', recoverable: false, message: expect.stringContaining('damaged') };
    await expect(store.get(KEY)).rejects.toMatchObject(failure);
    await expect(store.swap(KEY, NEW, OLD)).rejects.toMatchObject(failure);
  });

  it('fails, and says so, where a file stands in the place of a folder', async () => {
    const store = fsStore(root);
    await store.putIfAbsent('a', OLD);
    expect(await store.get('a/b')).toBeUndefined();
    await expect(store.putIfAbsent('a/b', OLD)).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: false });
    await store.putIfAbsent('c/d', OLD);
    await expect(store.get('c')).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: false });
  });

  it.each([
    ['where folders cannot be opened', 'EISDIR', (_: string, flags: string) => flags === 'r'],
    ['where folders cannot be synced', 'EPERM', (_: string, flags: string) => flags === 'r'],
    ['below a folder that it may not read', 'EACCES', (path: string) => path.endsWith('/..')],
  ])('works %s', async (_, code, isRefused) => {
    const fs = steppedFs(() => {});
    const open: typeof fs.open = async (path, flags, mode) => {
      if (isRefused(path, flags)) throw Object.assign(new Error(code), { code });
      return fs.open(path, flags, mode);
    };
    const store = fsStore(root, { fs: { ...fs, open } });
    expect(await store.putIfAbsent('a/b', OLD)).toBe('created');
    expect(await store.swap('a/b', NEW, OLD)).toBe('swapped');
  });

  it('does not say that it is synced when it is not', async () => {
    const fs = steppedFs(() => {});
    const open: typeof fs.open = async (path, flags, mode) => {
      if (flags === 'r' && !path.endsWith('/..')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      return fs.open(path, flags, mode);
    };
    const store = fsStore(root, { fs: { ...fs, open } });
    await expect(store.putIfAbsent('a', OLD)).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: true });
  });
});
