/**
 * Guards `src/cli/store.ts`: logs in a store that a module exports or a URL leads to are read as those in a folder are, also over
 * many prefixes.
 */
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/cli/store';
import { seeded } from '../../ground';
import { command, type Ran, text } from '../../lab/port';
import { LabStore } from '../../lab/store';
import { deploymentKey, written } from '../../lab/written';

const signer = deploymentKey();

/** What a module may export: the store of CONTRACT with pages of a few keys, in order. */
function listing(objects: ReadonlyMap<string, Uint8Array>, page: number): object {
  return {
    get: async (key: string) => objects.get(key),
    list: async (prefix: string, { after = '' }: { after?: string } = {}) => {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      const some = keys.slice(0, page);
      return { keys: some, ...(some.length < keys.length ? { after: some.at(-1) } : {}) };
    },
  };
}

/** Shards below prefixes of one bucket. */
async function shards(count: number, seed: number): Promise<{ objects: Map<string, Uint8Array>; now: number }> {
  const objects = new Map<string, Uint8Array>();
  let now = 0;
  for (let i = 0; i < count; i++) {
    const log = await written({
      count: 3 + i,
      signer,
      seed: seed + i,
      store: new LabStore(),
      audit: { origin: `example.com/th/${i}` },
    });
    for (const [key, bytes] of log.store.objects) objects.set(`logs/shard-${i}/${key}`, bytes);
    now = Math.max(now, log.now);
  }
  return { objects, now };
}

const verify = (exported: unknown, now: number, ...args: string[]): Promise<Ran> =>
  command(['verify', '--store', './store.mjs', '--key', signer.vkey, ...args], {
    load: async (path: string) => {
      expect(path).toBe('./store.mjs');
      return exported;
    },
    time: now,
  });

describe('a store of a module', () => {
  it('is verified shard by shard, by their prefixes, from their parent, or as one (20 by seed)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const count = 1 + random(4);
      const { objects, now } = await shards(count, seed * 10);
      const exported = [
        listing(objects, 1 + random(40)),
        () => listing(objects, 1_000),
        Promise.resolve(listing(objects, 7)),
      ][seed % 3];
      const names = Array.from({ length: count }, (_, i) => `logs/shard-${i}`);
      const each = await verify(exported, now, ...names);
      expect([each.code, each.out.match(/^log +example\.com\/th\/\d$/gm)?.length], each.out + each.err).toEqual([
        0,
        count,
      ]);
      const parent = await verify(exported, now, 'logs/');
      expect([parent.code, parent.out.match(/^log +example\.com\/th\/\d$/gm)?.length]).toEqual([0, count]);
      expect((await verify(exported, now)).code).toBe(0);
      const one = names[random(count)]!;
      const [key] = [...objects.keys()].filter((name) => name.startsWith(`${one}/`) && name.includes('/tile/entries/'));
      const bytes = Uint8Array.from(objects.get(key!)!);
      bytes[10 + random(160)]! ^= 1;
      objects.set(key!, bytes);
      expect((await verify(listing(objects, 50), now, 'logs')).code).toBe(1);
    }
  });

  it('needs no list: `latest` and heads lead to everything', async () => {
    const { objects, now } = await shards(1, 7);
    const plain = { get: async (key: string) => objects.get(`logs/shard-0/${key}`) };
    expect((await verify(plain, now)).code).toBe(0);
    expect((await verify(plain, now, '--log', 'example.com/th/0')).code).toBe(0);
    expect((await verify(plain, now, '--all')).code).toBe(0);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /expected a store as its default export/],
    ['something without `get`', { put: () => {} }, /expected a store as its default export/],
    [
      'one that answers no bytes',
      { get: async () => 'text' },
      /not readable, expected bytes from the store, got string/,
    ],
    ['one that fails', { get: () => Promise.reject(new Error('no credentials')) }, /no credentials/],
    ['one that answers too much', { get: async () => new Uint8Array(2 ** 24 + 70_000) }, /too large/],
  ])('is refused with %s', async (_, exported, message) => {
    const { code, err } = await verify(exported, 0);
    expect(code).toBe(4);
    expect(err).toMatch(message);
  });

  it('of nothing is nothing', async () => {
    expect((await verify({ get: async () => undefined }, 0)).code).toBe(3);
    expect((await command(['verify', '--store', './x.mjs'], {})).err).toMatch(/no modules can be loaded here/);
  });
});

describe('a store behind a URL', () => {
  it('is read with GET, below prefixes too', async () => {
    const { objects, now } = await shards(2, 3);
    const asked: string[] = [];
    const readUrl = async (url: string): Promise<Uint8Array | undefined> => {
      asked.push(url);
      return objects.get(new URL(url).pathname.slice(1));
    };
    const run = (...args: string[]): Promise<Ran> =>
      command(['verify', '--store', 'https://bucket.example/logs/', '--key', signer.vkey, ...args], {
        readUrl,
        time: now,
      });
    expect((await run('shard-0', 'shard-1')).code).toBe(0);
    expect(asked.every((url) => /^https:\/\/bucket\.example\/logs\/shard-[01]\/[\w./-]+$/.test(url))).toBe(true);
    expect((await run()).code).toBe(3);
    expect((await command(['verify', '--store', 'https://x.example'], {})).err).toMatch(/no URL can be read here/);
  });

  it('lists nothing, so nothing is looked for in it', async () => {
    const root = (await openStore({ readUrl: async () => text('x') } as never, 'http://x.example'))('a');
    expect([root.list, await root.get('b', 9)]).toEqual([undefined, text('x')]);
  });
});
