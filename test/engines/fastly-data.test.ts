/**
 * Guards what Tracehound does with the stores and counters of Fastly Compute, in its own engine and through its own SDK: the
 * KV store as every store, keys from the secret store, the rate counter and the penalty box, and evidence that lies in KV
 * after a refusal and proves itself to our command.
 *
 * What the real stores do late and the real counters badly is not here: our host is exact. See docs/deploy/fastly.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { generateKey } from '../../src/signers/index';
import { fastlyKvStore } from '../../src/stores/fastly-kv';
import { kvStore } from '../lab/fastly-kv';
import { prefixed, storeSuite } from '../lab/suite';
import { fastlyModule } from './engines';
import { FastlyData } from './fastly-data';
import { FastlyHost, type HostResponse } from './fastly-host';
import { remoteStore } from './fastly-remote';
import { bundleFile, bundleText } from './programs';

const client = Uint8Array.of(192, 0, 2, 1);
const text = (of: Uint8Array): string => new TextDecoder().decode(of);
const here = (file: string): string => JSON.stringify(join(import.meta.dirname, file));

/** A program that answers each request with what `answer(path, body)` returns. */
async function program(name: string, source: string): Promise<Uint8Array> {
  const folder = join(inject('consumer'), name);
  const tail = `addEventListener('fetch', (event) => event.respondWith((async () => {
  const { request } = event;
  try {
    return new Response(await answer(new URL(request.url).pathname, await request.text()));
  } catch (error) {
    return new Response(error + ', ' + error.cause + error.stack, { status: 500 });
  }
})()));`;
  await bundleText(`${source}\n${tail}`, folder, 'fastly', inject('consumer'));
  return readFileSync(await fastlyModule(folder));
}

/** What our command prints, as a user of the packed package runs it. */
const tracehoundCommand = (...args: string[]): string =>
  execFileSync(join(inject('consumer'), 'node_modules', '.bin', 'tracehound'), args, { encoding: 'utf8' });

function ask(host: FastlyHost, path: string, body = ''): string {
  const bytes = new TextEncoder().encode(body);
  const answer = host.serve({ method: 'POST', url: `https://shop.example${path}`, body: bytes, client });
  if (answer.status !== 200)
    throw new Error(`fastly: answered ${answer.status}, expected 200, got ${text(answer.body)}`);
  return text(answer.body);
}

describe('a KV store', () => {
  let host: FastlyHost;

  beforeAll(async () => {
    const source = `import { KVStore } from 'fastly:kv-store';
import { fastlyKvStore } from 'tracehound/stores/fastly-kv';
import { answering } from ${here('fastly-remote.ts')};
import { storing } from ${here('stores.ts')};
const answer = async (path, body) => {
  if (path === '/storing') return JSON.stringify(await storing(fastlyKvStore(new KVStore('logs'), { prefix: 'storing' })));
  const prefix = path.slice(1);
  return answering(fastlyKvStore(new KVStore('logs'), prefix === '' ? {} : { prefix }), body);
};`;
    host = new FastlyHost(await program('kv', source));
    host.data.kv.set('logs', new Map());
  });

  let made = 0;
  storeSuite('in StarlingMonkey', () => {
    const at = (where: string) => remoteStore((body) => ask(host, where, body));
    return { store: prefixed(at(`/p${made++}`), at('/')) };
  });

  it('keeps a log, and loses no update of eight who count together in one instance', () => {
    expect(JSON.parse(ask(host, '/storing'))).toEqual([
      ...['created', 'exists', 'a', null],
      ...['swapped', 'conflict', 'swapped', 'conflict', 'swapped', '3'],
      ...['created', 'RangeError'],
      '8',
    ]);
    expect(text(host.data.kv.get('logs')!.get('storing/log/checkpoint')!.bytes)).toBe('3');
  });

  it('that takes no more says so, and what was swapped without being shown is found', async () => {
    const store = remoteStore((body) => ask(host, '/busy', body));
    const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);
    await store.swap('checkpoint', bytes('1'), undefined);
    host.data.refuses = (act) => act === 'overwrite';
    expect(await store.swap('checkpoint', bytes('2'), bytes('1'))).toBe('swapped');
    expect(text((await store.get('checkpoint'))!)).toBe('2');
    host.data.refuses = () => true;
    const failed = { code: 'STORE_FAILED' };
    await expect(store.get('checkpoint')).rejects.toMatchObject(failed);
    await expect(store.putIfAbsent('x', bytes('1'))).rejects.toMatchObject(failed);
    host.data.refuses = () => false;
  });

  it('holds the same objects as the stand-in of the unit tests', async () => {
    const stand = kvStore();
    const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);
    for (const store of [remoteStore((body) => ask(host, '/same', body)), fastlyKvStore(stand, { prefix: 'same' })]) {
      await store.putIfAbsent('tile', bytes('t'));
      await store.swap('checkpoint', bytes('1'), undefined);
      await store.swap('checkpoint', bytes('2'), bytes('1'));
      await store.swap('checkpoint', bytes('3'), bytes('1'));
      await store.swap('tile', bytes('u'), bytes('t'));
    }
    const objects = [...host.data.kv.get('logs')!]
      .filter(([key]) => key.startsWith('same/'))
      .map(([key, { bytes: of, metadata }]) => [key, text(of), metadata.length === 0 ? null : text(metadata)]);
    expect(objects.sort()).toEqual(
      [...stand.objects].map(([key, { bytes: of, metadata }]) => [key, text(of), metadata]).sort(),
    );
  });
});

it('a log in KV is written in one request, opened in the next, and verifies as files', async () => {
  const { skey, vkey } = await generateKey('example.com/deployment', 'P-256');
  const source = `import { KVStore } from 'fastly:kv-store';
import { SecretStore } from 'fastly:secret-store';
import { createTracehound, openLog, signerFrom } from 'tracehound/fastly';
import { storedLog } from 'tracehound/log';
import { fastlyKvStore } from 'tracehound/stores/fastly-kv';
const answer = async (path, vkey) => {
  const origin = 'example.com/edge';
  const signer = await signerFrom(new SecretStore('tracehound'), 'signing-key');
  const store = fastlyKvStore(new KVStore('logs'));
  if (path === '/open') return String((await openLog(store, { origin, keys: [vkey] })).size);
  const th = createTracehound({ rateLimit: false, audit: { maxRecords: 1_024, signer, origin, log: storedLog(store) } });
  for (let i = 0; i < 150; i++) {
    th.intercept({ source: 's' + i, payload: 'p' + i, threat: { category: 'sqli', severity: 'high' } });
    if (i % 50 === 0) await th.audit.flush();
  }
  await th.close();
  return String(th.audit.head().size);
};`;
  const host = new FastlyHost(await program('log', source));
  host.data.kv.set('logs', new Map());
  host.data.secrets.set('tracehound', new Map([['signing-key', new TextEncoder().encode(skey)]]));
  const [size, opened] = ['/write', '/open'].map((path) => Number(ask(host, path, vkey)));
  expect(size).toBeGreaterThan(150);
  expect(opened).toBe(size);

  const folder = mkdtempSync(join(inject('consumer'), 'log-'));
  for (const [key, { bytes }] of host.data.kv.get('logs')!) {
    if (key.includes('~')) continue;
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), bytes);
  }
  const report = tracehoundCommand('verify', folder, '--key', vkey, '--require-close');
  expect(report).toMatch(new RegExp(`^records +${size},`, 'm'));
  for (const verdict of ['integrity', 'authenticity', 'completeness', 'verdict']) {
    expect(report).toMatch(new RegExp(`^${verdict} +good$`, 'm'));
  }
});

describe('the example with Hono', () => {
  let host: FastlyHost;
  let vkey = '';
  let skey = '';

  beforeAll(async () => {
    ({ skey, vkey } = await generateKey('example.com/deployment', 'P-256'));
    const folder = mkdtempSync(join(inject('consumer'), 'example-'));
    await bundleFile(join(import.meta.dirname, '../../examples/fastly/hono.ts'), folder, 'fastly', inject('consumer'));
    host = new FastlyHost(readFileSync(await fastlyModule(folder)), data());
  });

  function data(): FastlyData {
    const made = new FastlyData();
    const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);
    made.kv.set('evidence', new Map());
    made.secrets.set(
      'tracehound',
      new Map([
        ['secret', bytes('5b1d0f9a3c7e42866af1d5907c2be8134d6a90f7e1c3258bb47f0e6d92a8c513')],
        ['signing-key', bytes(`${skey}\n`)],
      ]),
    );
    made.now = () => 1_000_000;
    return made;
  }

  const get = (path: string, from = client): HostResponse =>
    host.serve({ method: 'GET', url: `https://shop.example${path}`, client: from });
  const field = ({ headers }: HostResponse, name: string) => headers.find(([each]) => each === name)?.[1];

  it('leaves evidence of a refusal in KV that `tracehound verify` finds good', async () => {
    expect(get('/search?q=%27%20or%201=1').status).toBe(403);
    const [[key, object] = [], ...more] = [...host.data.kv.get('evidence')!];
    expect(more).toEqual([]);
    expect(key).toMatch(/^sqli-[0-9a-f]{64}\.json$/);
    const file = join(inject('consumer'), 'evidence.json');
    writeFileSync(file, object!.bytes);
    const report = tracehoundCommand('verify', file, '--key', vkey);
    for (const verdict of ['integrity', 'authenticity', 'verdict']) {
      expect(report).toMatch(new RegExp(`^${verdict} +good$`, 'm'));
    }
    expect(tracehoundCommand('inspect', file)).toContain('GET /search?q=%27%20or%201=1');
    const other = await generateKey('example.com/deployment', 'P-256');
    expect(() => tracehoundCommand('verify', file, '--key', other.vkey)).toThrow(
      expect.objectContaining({ status: 3 }),
    );
  });

  it('the program of the guide does the same', async () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/deploy/fastly.md'), 'utf8');
    const [, own = ''] = /```js\n([^`]*(?:`[^`]+`[^`]*)*?)\n```/.exec(guide) ?? [];
    const detector = "const yourDetector = () => ({ category: 'sqli', severity: 'high' });";
    const folder = join(inject('consumer'), 'guide');
    await bundleText(`${own}\n${detector}`, folder, 'fastly', inject('consumer'));
    const guided = new FastlyHost(readFileSync(await fastlyModule(folder)), data());
    expect(guided.serve({ method: 'GET', url: 'https://shop.example/', client }).status).toBe(403);
    expect([...guided.data.kv.get('evidence')!.keys()]).toEqual([expect.stringMatching(/^sqli-[0-9a-f]{64}\.json$/)]);
  });

  it('keeps one bundle of an attack that is repeated', () => {
    for (let i = 0; i < 3; i++) expect(get('/search?q=%27%20or%201=1').status).toBe(403);
    expect(host.data.kv.get('evidence')!.size).toBe(1);
    expect(get('/?q=<script>').status).toBe(403);
    expect(host.data.kv.get('evidence')!.size).toBe(2);
  });

  it('refuses all the same when KV takes nothing', () => {
    host.data.refuses = () => true;
    expect(get('/?q=%24%7Bjndi:ldap://x%7D').status).toBe(403);
    host.data.refuses = () => false;
    expect(host.data.kv.get('evidence')!.size).toBe(2);
  });

  it('limits by the rate counter across requests, keeps out by the penalty box, and calls both approximate', () => {
    const from = Uint8Array.of(192, 0, 2, 2);
    let answer = get('/', from);
    expect([answer.status, field(answer, 'ratelimit-policy')]).toEqual([
      200,
      expect.stringContaining('"approximate";q=100;w=10'),
    ]);
    expect(field(answer, 'ratelimit')).toContain('"approximate";r=99;t=10');
    for (let i = 1; i < 100; i++) answer = get('/', from);
    expect(answer.status).toBe(200);
    for (let i = 0; i < 2; i++) answer = get('/', from);
    expect([answer.status, field(answer, 'retry-after'), field(answer, 'content-type')]).toEqual([
      ...[429, '120', 'application/problem+json'],
    ]);
    expect(JSON.parse(text(answer.body))).toMatchObject({ 'violated-policies': ['approximate'] });
    expect(get('/').status).toBe(200);
    host.data.now = () => 1_000_000 + 120_001;
    expect(get('/', from).status).toBe(200);
  });

  it('does not answer without its keys', () => {
    const { secrets } = host.data;
    const kept = secrets.get('tracehound')!;
    secrets.set('tracehound', new Map([...kept].filter(([name]) => name !== 'secret')));
    expect(get('/').status).toBe(500);
    secrets.set('tracehound', kept);
    expect(get('/').status).toBe(200);
  });
});
