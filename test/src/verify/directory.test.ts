/**
 * Guards `src/verify/directory.ts`: a folder is a log or a store of logs, and no name from outside leads out of it.
 */
import { describe, expect, it } from 'vitest';
import { pathOrigin } from '../../../src/formats/tlog';
import { findLogs, type Root } from '../../../src/verify/directory';

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A root of these files, and everything that was asked of it. */
function rootOf(files: Readonly<Record<string, string>>, lists = true): Root & { asked: string[] } {
  const asked: string[] = [];
  const list = async (path: string): Promise<string[]> => {
    const prefix = path === '' ? '' : `${path}/`;
    const below = Object.keys(files).filter((key) => key.startsWith(prefix));
    return [...new Set(below.map((key) => key.slice(prefix.length).split('/')[0]!))];
  };
  return {
    asked,
    get: async (path) => {
      asked.push(path);
      return files[path] === undefined ? undefined : bytes(files[path]);
    },
    ...(lists ? { list } : {}),
  };
}

const found = async (root: Root, options = {}): Promise<[string, string, (string | undefined)[]]> => {
  const { by, logs } = await findLogs(root, options);
  return [by, logs.map(({ path }) => path).join(' '), logs.map(({ source }) => source.origin)];
};

const STORE = {
  latest: 'example.com/b\ntoken\n',
  'example.com/a/checkpoint': 'example.com/a\n',
  'example.com/a/heir/checkpoint': 'example.com/a/heir\n',
  'example.com/a/tile/0/000': '',
  'example.com/b/checkpoint': 'example.com/b\n',
  'example.com/b/checkpoint~/1.x': 'old',
  '~tmp/checkpoint': 'no log',
};

const FOLDERS_MAX = 100_000;

describe('a folder', () => {
  it('with a checkpoint is a log, whatever it is called', async () => {
    expect(await found(rootOf({ checkpoint: 'x\n' }))).toEqual(['log', '', [undefined]]);
    expect(await found(rootOf({ checkpoint: 'x\n' }, false))).toEqual(['log', '', [undefined]]);
  });

  it('without a checkpoint but with tiles is a log whose checkpoint was taken away', async () => {
    expect(await found(rootOf({ 'tile/entries/000': '' }))).toEqual(['log', '', [undefined]]);
  });

  it('with `latest` is a store, of which the newest log is meant', async () => {
    expect(await found(rootOf(STORE))).toEqual(['latest', 'example.com/b', ['example.com/b']]);
    expect(await found(rootOf(STORE, false))).toEqual(['latest', 'example.com/b', ['example.com/b']]);
  });

  it('says of everything where it lies below the root', async () => {
    const note = `x\n256\n${Buffer.alloc(32).toString('base64')}\n\n— x ${Buffer.alloc(68, 1).toString('base64')}\n`;
    const place = async (files: Readonly<Record<string, string>>): Promise<string | undefined> => {
      for await (const [entry] of (await findLogs(rootOf(files))).logs[0]!.source.entries()) return entry?.place;
      return undefined;
    };
    expect(await place({ checkpoint: note })).toBe('tile/entries/000');
    expect(await place({ latest: 'a/b\n', 'a/b/checkpoint': note })).toBe('a/b/tile/entries/000');
  });

  it('gives every log when asked, those within others too, and none of the store’s own files', async () => {
    const all = ['example.com/a', 'example.com/a/heir', 'example.com/b'];
    expect(await found(rootOf(STORE), { all: true })).toEqual(['walk', all.join(' '), all]);
    const { latest: _, ...rest } = STORE;
    expect(await found(rootOf(rest))).toEqual(['walk', all.join(' '), all]);
  });

  it('keeps a place for the log that `latest` names when nothing is left of it', async () => {
    const root = rootOf({ latest: 'gone\ntoken\n', 'x/checkpoint': 'x\n' });
    expect(await found(root)).toEqual(['latest', 'gone', ['gone']]);
    expect(await found(root, { all: true })).toEqual(['walk', 'x gone', ['x', 'gone']]);
    expect(await found(rootOf({ latest: 'gone\ntoken\n' }, false), { all: true })).toEqual(['walk', 'gone', ['gone']]);
  });

  it('gives the log of a name, in its place or as the folder itself', async () => {
    expect(await found(rootOf(STORE), { log: 'example.com/a' })).toEqual(['named', 'example.com/a', ['example.com/a']]);
    expect(await found(rootOf(STORE), { log: 'example.com' })).toEqual(['named', '', []]);
    const alone = rootOf({ checkpoint: 'mine\n12\n' });
    expect(await found(alone, { log: 'mine' })).toEqual(['named', '', ['mine']]);
    expect(await found(alone, { log: 'min' })).toEqual(['named', '', []]);
    expect(await found(rootOf({ 'tile/0/000': '' }), { log: 'mine' })).toEqual(['named', '', []]);
  });

  it('is nothing when there is nothing', async () => {
    expect(await found(rootOf({}))).toEqual(['walk', '', []]);
    expect(await found(rootOf({ 'readme.md': 'x' }))).toEqual(['walk', '', []]);
  });

  it.each([
    '',
    '\n',
    'v1.2.3\n',
    '\ntoken\n',
    'go.sum database tree\n1\nroot\n\n— sum.golang.org x\n',
    'x'.repeat(70_000),
  ])('with a file called `latest` that no writer of ours made is no store (%#)', async (latest) => {
    expect(await found(rootOf({ latest }))).toEqual(['walk', '', []]);
    expect(await found(rootOf({ latest, 'a/checkpoint': 'a\n' }))).toEqual(['walk', 'a', ['a']]);
  });

  it('with several stores in it is all of their logs, each called as its store calls it', async () => {
    const shards = Object.fromEntries(
      [0, 1, 2].flatMap((n) => [
        [`shard-${n}/latest`, `example.com/th/${n}\ntoken\n`],
        [`shard-${n}/example.com/th/${n}/checkpoint`, `example.com/th/${n}\n`],
        [`shard-${n}/example.com/th/old/checkpoint`, 'example.com/th/old\n'],
      ]),
    );
    const { logs } = await findLogs(rootOf(shards));
    expect(logs.map(({ path, store, isLatest, source }) => [path, store, isLatest, source.origin])).toEqual(
      [0, 1, 2].flatMap((n) => [
        [`shard-${n}/example.com/th/${n}`, `shard-${n}`, true, `example.com/th/${n}`],
        [`shard-${n}/example.com/th/old`, `shard-${n}`, false, 'example.com/th/old'],
      ]),
    );
    expect((await findLogs(rootOf(shards), { log: 'example.com/th/1' })).logs.map(({ path }) => path)).toEqual([
      'shard-1/example.com/th/1',
    ]);
  });

  it('with copies of logs in it, at places that are not theirs, is those logs', async () => {
    const copies = rootOf({ '2026-11/checkpoint': 'example.com/b\n', 'x/example.com/c/checkpoint': 'example.com/c\n' });
    const { logs } = await findLogs(copies);
    expect(logs.map(({ path, store, source }) => [path, store, source.origin])).toEqual([
      ['2026-11', '2026-11', 'example.com/b'],
      ['x/example.com/c', 'x', 'example.com/c'],
    ]);
  });

  it('in a store must be where its name puts it', async () => {
    const moved = { latest: 'a\ntoken\n', 'a/checkpoint': 'a\n', 'b/checkpoint': 'a\n' };
    expect(await found(rootOf(moved), { all: true })).toEqual(['walk', 'a b', ['a', 'b']]);
  });

  it('of links to itself ends at once, and a link that leads out is named and not followed', async () => {
    let asked = 0;
    const loop: Root = {
      get: async () => undefined,
      list: async () => {
        asked++;
        return ['a', 'b', 'c', 'out'];
      },
      real: async (path) => (path.endsWith('out') ? '/etc' : path.endsWith('c') ? '/home/c' : '/home'),
    };
    const { logs, links } = await findLogs(loop);
    expect([logs, asked]).toEqual([[], 3]); // The root twice: once as a log, once to look around.
    expect(links).toEqual(['c/out']);
  });

  it('is not left, whatever a name says', async () => {
    for (const name of ['../../etc/passwd', '/etc/passwd', '..', 'a\\..\\b', 'a//b', '%2E%2E/x', 'ä\u202e']) {
      const root = rootOf({ latest: `${name}\ntoken\n` });
      const { logs } = await findLogs(root);
      await logs[0]!.source.checkpoints();
      for (const path of root.asked)
        expect(
          path.split('/').filter((part) => /^\.{1,2}$|^$|[^\w.~-]/.test(part)),
          path,
        ).toEqual([]);
      expect(pathOrigin(logs[0]!.path), name).toBe(name);
    }
  });

  it('is not walked for ever', async () => {
    const deep: Root = { get: async () => undefined, list: async () => ['down'] };
    await expect(findLogs(deep)).rejects.toThrow(`expected ≤ ${FOLDERS_MAX} folders, 64 deep`);
    const wide: Root = {
      get: async () => undefined,
      list: async (path) => (path === '' ? Array.from({ length: FOLDERS_MAX }, (_, i) => `f${i}`) : []),
    };
    await expect(findLogs(wide)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
