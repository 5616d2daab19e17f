/**
 * Guards the Durable Object inside real workerd: one limit for all isolates, decisions that outlive the process, and the way
 * of a threat from `request.cf` to a bundle in R2 that the command verifies.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/signers/index';
import { bundleText } from '../engines/programs';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tracehound-object-'));
const ISOLATES = ['front-a', 'front-b', 'front-c'] as const;
const LIMIT = 100;

const SETTINGS = `
const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
export const settings = {
  secret,
  rateLimit: { windowMs: 600_000, limit: ${LIMIT}, maxSources: 1_024 },
  quarantine: { maxCount: 256, maxBytes: 1_048_576, maxShare: 1 },
};`;

const OBJECT = `
import { TracehoundObject } from './runtimes/cloudflare/object';
import { signerFromText } from './src/signers/index';
import { r2Store } from './src/stores/r2';
${SETTINGS}
export class Shard extends TracehoundObject {
  async options(env, id) {
    return {
      ...settings,
      audit: { signer: await signerFromText(env.SIGNING_KEY), maxRecords: 2_048 },
      log: { store: r2Store(env.LOGS, { prefix: 'logs/' + id }) },
      evidence: r2Store(env.EVIDENCE, { prefix: 'evidence' }),
      blocks: env.BLOCKS,
    };
  }
  forget(source) {
    return this.act((th) => th.rateLimiter.reset(source));
  }
}
export class Blocker extends TracehoundObject {
  options = (env) => ({ ...settings, rateLimit: { ...settings.rateLimit, blockMs: 300_000, limit: 2 }, blocks: env.BLOCKS });
}
export default { fetch: () => new Response('') };`;

const FRONT = `
import { shardedTracehound } from './runtimes/cloudflare/object';
import { tracehound } from './src/adapters/fetch';
import { cloudflareSignals } from './src/signals/cloudflare';
${SETTINGS}
let instances;
const make = (env) => ({
  '/': shardedTracehound(env.SHARDS, { ...settings, shards: 4 }),
  '/blocks': shardedTracehound(env.BLOCKER, { ...settings, rateLimit: { ...settings.rateLimit, blockMs: 300_000, limit: 2 }, shards: 4, blocks: env.BLOCKS }),
});
export default {
  async fetch(request, env, context) {
    instances ??= make(env);
    const { pathname, searchParams } = new URL(request.url);
    const th = instances[pathname] ?? instances['/'];
    if (pathname === '/own') {
      const source = request.headers.get('cf-connecting-ip');
      for (let i = 0; i < 4; i++) await env.SHARDS.getByName('tracehound-' + i).forget(source);
      return new Response('forgotten');
    }
    if (pathname === '/ask') return Response.json(await ask(th, searchParams));
    const guarded = tracehound(th, {
      signals: [cloudflareSignals({ botScore: { atMost: 10 } })],
      detect: (request) => (request.headers.has('x-attack') ? { category: 'xss', severity: 'high' } : undefined),
    });
    return guarded(async () => new Response('hello'))(request, env, context);
  },
};
async function ask(th, params) {
  const source = params.get('source');
  const shard = th.shardOf(source);
  switch (params.get('what')) {
    case 'peek': return shard.peek(source);
    case 'stats': return shard.stats();
    case 'head': return shard.head();
    case 'list': return shard.list();
    case 'flush': return (await shard.flush()) ?? null;
    case 'watch': return shard.watch();
    case 'seen': return (await Promise.all(instances['/blocks'].shards.map((one) => one.watch()))).reduce((sum, { totals }) => sum + totals.seen, 0);
    case 'find': return (await th.find(params.get('id')))?.evidence ?? null;
    case 'read': return new TextDecoder().decode(await shard.read(params.get('id'), { actor: 'test', purpose: 'look' }));
  }
}`;

let flare: Miniflare;
let vkey: string;
let skey: string;

function start(): Miniflare {
  const modules = (name: string) => [
    { type: 'ESModule' as const, path: join(folder, name, 'app.mjs') },
    { type: 'CompiledWasm' as const, path: join(folder, name, 'core.wasm') },
  ];
  const shared = {
    compatibilityDate: '2026-11-01',
    modulesRoot: folder,
    kvNamespaces: ['BLOCKS'],
    r2Buckets: ['LOGS', 'EVIDENCE'],
  };
  const bound = (scriptName?: string) => ({
    SHARDS: { className: 'Shard', useSQLite: true, ...(scriptName && { scriptName }) },
    BLOCKER: { className: 'Blocker', useSQLite: true, ...(scriptName && { scriptName }) },
  });
  return new Miniflare(
    convertV4MiniflareOptions({
      resourcePersistencePath: join(folder, 'state'),
      workers: [
        ...ISOLATES.map((name) => ({ name, ...shared, modules: modules('front'), durableObjects: bound('object') })),
        {
          name: 'object',
          ...shared,
          modules: modules('object'),
          durableObjects: bound(),
          bindings: { SIGNING_KEY: skey },
        },
      ],
    }),
  );
}

async function send(isolate: string, path: string, init: Record<string, unknown> = {}): Promise<Response> {
  const worker = await flare.getWorker(isolate);
  return (await worker.fetch(`http://example.com${path}`, init as never)) as unknown as Response;
}

const from = (address: string, more: Record<string, string> = {}) => ({
  headers: { 'cf-connecting-ip': address, ...more },
});

async function ask<T>(what: string, source: string, id = ''): Promise<T> {
  const params = new URLSearchParams({ what, source, id });
  const response = await send('front-a', `/ask?${params}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as T;
}

/** Takes the objects out of memory, as Cloudflare does with those that nobody asks; answers how many were there. */
async function evict(className: string): Promise<number> {
  const evicted = await Promise.allSettled(
    [0, 1, 2, 3].map((shard) => flare.unsafeEvictDurableObject('object', className, { name: `tracehound-${shard}` })),
  );
  return evicted.filter((each) => {
    if (each.status === 'rejected' && !String(each.reason).includes('not currently running')) throw each.reason;
    return each.status === 'fulfilled';
  }).length;
}

/** All of a bucket's objects, as files below `into`. */
async function download(bucketName: string, prefix: string, into: string): Promise<string[]> {
  const bucket = await flare.getR2Bucket(bucketName, 'object');
  const { objects } = await bucket.list({ prefix });
  for (const { key } of objects) {
    const file = join(into, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, new Uint8Array(await (await bucket.get(key))!.arrayBuffer()));
  }
  return objects.map(({ key }) => key);
}

/** Until something is there: a bounded number of looks. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 100; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('still nothing');
}

beforeAll(async () => {
  ({ skey, vkey } = await generateKey('example.com/deployment'));
  await bundleText(OBJECT, join(folder, 'object'), 'workerd', root);
  await bundleText(FRONT, join(folder, 'front'), 'workerd', root);
  flare = start();
});

afterAll(async () => {
  await flare?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('a Durable Object decides', () => {
  it(`1,000 requests of one source at once, over ${ISOLATES.length} isolates: ${LIMIT} pass, exactly`, async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        send(ISOLATES[i % 3]!, '/', from(i % 2 ? '192.0.2.1' : '::ffff:192.0.2.1')).then(({ status }) => status),
      ),
    );
    expect(answers.filter((status) => status === 200)).toHaveLength(LIMIT);
    expect(answers.filter((status) => status === 429)).toHaveLength(1_000 - LIMIT);
  });

  it('goes on after the process ended: limits, evidence and log are as they were', async () => {
    const attack = await send('front-b', '/', from('192.0.2.2', { 'x-attack': '1' }));
    expect(attack.status).toBe(403);
    const { trace } = (await attack.json()) as { trace: string };
    expect((await send('front-c', '/', from('192.0.2.2', { 'x-attack': '1' }))).status).toBe(403);
    const before = await ask<{ size: number; root: string; origin: string }>('head', '192.0.2.2');
    const peek = await ask<{ remaining: number }>('peek', '192.0.2.1');
    expect(peek.remaining).toBe(0);
    for (let i = 0; i < 2; i++) {
      await flare.dispose();
      flare = start();
      expect((await send('front-c', '/', from('192.0.2.1'))).status).toBe(429);
      const head = await ask<typeof before>('head', '192.0.2.2');
      expect(head.origin).toBe(before.origin);
      expect(head.size).toBeGreaterThanOrEqual(before.size);
      expect(await ask('stats', '192.0.2.2')).toMatchObject({ count: 1 });
    }
    const found = await ask<{ signature: string }>('find', '', trace);
    expect(found).toMatchObject({ category: 'xss', severity: 'high', seen: 2 });
    const evidence = await ask<string>('read', '192.0.2.2', found.signature);
    expect(evidence).toContain('x-attack: 1');
  });

  it('goes on after it was evicted, also between two requests of many', async () => {
    const source = '192.0.2.3';
    const { signature } = await (async () => {
      expect((await send('front-a', '/', from(source, { 'x-attack': '1' }))).status).toBe(403);
      return (await ask<{ signature: string }[]>('list', source)).at(-1)!;
    })();
    const statuses: number[] = [];
    for (let round = 0; round < 6; round++) {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) => send(ISOLATES[i % 3]!, '/', from(source)).then(({ status }) => status)),
      );
      statuses.push(...answers);
      expect(await evict('Shard')).toBeGreaterThan(0);
    }
    // The attack was charged, too.
    expect(statuses.filter((status) => status === 200)).toHaveLength(LIMIT - 1);
    expect((await ask<object[]>('list', source)).at(-1)).toMatchObject({ signature, seen: 1 });
  });

  it('writes blocks into KV, and who reads them there asks no object', async () => {
    const source = '192.0.2.4';
    const blocked = () => send('front-b', '/blocks', from(source));
    expect([(await blocked()).status, (await blocked()).status, (await blocked()).status]).toEqual([200, 200, 429]);
    const kv = await flare.getKVNamespace('BLOCKS', 'object');
    const [key] = await until(async () => {
      const { keys } = await kv.list();
      return keys.length > 0 ? keys : undefined;
    });
    expect(key!.name).toMatch(/^[0-9a-f]{16}$/);
    expect(Number(await kv.get(key!.name))).toBeGreaterThan(Date.now());
    // Another isolate: whatever the objects say now, it has read the list.
    expect(await evict('Blocker')).toBeGreaterThan(0);
    const before = await ask<number>('seen', '/blocks');
    expect((await send('front-c', '/blocks', from(source))).status).toBe(429);
    expect(await ask<number>('seen', '/blocks')).toBe(before);
  });

  /** Status of `count` requests at once. */
  const flood = (source: string, count: number): Promise<number[]> =>
    Promise.all(Array.from({ length: count }, () => send('front-a', '/', from(source)).then(({ status }) => status)));

  it('stores its log when nobody asks any more: an alarm does', async () => {
    const source = '198.51.100.9';
    await ask('flush', source);
    const { origin } = await ask<{ origin: string }>('head', source);
    const bucket = await flare.getR2Bucket('LOGS', 'object');
    const { objects } = await bucket.list({ prefix: 'logs/' });
    const key = objects.map(({ key }) => key).find((key) => key.endsWith(`${origin}/checkpoint`))!;
    const signed = async (): Promise<number> => Number((await (await bucket.get(key))!.text()).split('\n')[1]);
    const before = await signed();
    // Refusals are recorded, and nothing but the alarm sends them on: nobody asks for anything else.
    expect((await flood(source, LIMIT + 9)).filter((status) => status === 429)).toHaveLength(9);
    await until(async () => ((await signed()) > before ? true : undefined));
  });

  it('has methods of its own that are stored as ours are', async () => {
    const source = '198.51.100.10';
    await flood(source, LIMIT);
    expect(await flood(source, 1)).toEqual([429]);
    expect(await (await send('front-a', '/own', from(source))).text()).toBe('forgotten');
    await evict('Shard');
    expect(await flood(source, 1)).toEqual([200]);
  });

  it('a threat that request.cf names is answered 403, and its evidence lies in R2 and verifies', async () => {
    const cf = { botManagement: { score: 2, verifiedBot: false } };
    const answer = await send('front-a', '/', { ...from('198.51.100.7'), cf });
    expect(answer.status).toBe(403);
    const { trace } = (await answer.json()) as { trace: string };
    const handle = await ask<{ id: string }>('find', '', trace);
    const bucket = await flare.getR2Bucket('EVIDENCE', 'object');
    const key = `evidence/${handle.id}.json`;
    const bundle = await until(async () => (await bucket.get(key)) ?? undefined);
    const file = join(folder, 'bundle.json');
    writeFileSync(file, new Uint8Array(await bundle.arrayBuffer()));
    const policy = join(folder, 'policy');
    writeFileSync(policy, `log ${vkey}\nquorum none\n`);
    const cli = (...args: string[]) =>
      run(join(root, 'node_modules', 'node', 'bin', 'node'), [join(root, 'dist/runtimes/node/cli.js'), ...args]);
    const { stdout } = await cli('verify', file, '--policy', policy);
    expect(stdout).toContain(handle.id);
    // The whole log, as it lies in the bucket.
    const shard = '198.51.100.7';
    await ask('flush', shard);
    const { origin, size } = await ask<{ origin: string; size: number }>('head', shard);
    const keys = await download('LOGS', 'logs/', join(folder, 'logs'));
    const checkpoint = keys.find((name) => name.endsWith(`/${origin}/checkpoint`))!;
    expect(checkpoint).toBeDefined();
    const log = join(folder, 'logs', dirname(checkpoint));
    expect(readFileSync(join(log, 'checkpoint'), 'utf8')).toContain(`${origin}\n${size}\n`);
    expect((await cli('verify', log, '--policy', policy)).stdout).toContain('good');
    // A changed byte is seen.
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"category":"', '"category":"x'));
    await expect(cli('verify', file, '--policy', policy)).rejects.toMatchObject({ code: 1 });
  });
});
