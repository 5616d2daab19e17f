/**
 * Guards what Fastly's own local server runs: the suite and the recorded life, decided as Node decides them, in
 * StarlingMonkey behind Fastly's host calls and within its 128 MiB; who is asking, by the event, whatever headers say; the
 * examples, over HTTP.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { createTracehound, node } from '../../runtimes/node/index';
import { generateKey } from '../../src/signers/index';
import { CASES, type CaseReport, type ReplayReport, replay, TRACE } from '../conformance/index';
import { fastlyModule } from '../engines/engines';
import { bundleFile, bundleText } from '../engines/programs';
import { decided } from '../lab/decided';
import { type Served, serveInViceroy, viceroy } from './viceroy';

const consumer = inject('consumer');
const examples = join(import.meta.dirname, '..', '..', 'examples', 'fastly');
const ATTACK = '/search?q=%27%20or%201=1';
const THREAT = { category: 'sqli', severity: 'high' } as const;
const SECRET = 'thirty-two bytes, from the store';
/** As in the examples: what one request needs. */
const SMALL = { rateLimit: false, quarantine: { maxCount: 4, maxBytes: 262_144 }, audit: { maxRecords: 16 } } as const;

const PROGRAM = `
import { SecretStore } from 'fastly:secret-store';
import { CASES, conform, replay, TRACE } from 'tracehound/conformance';
import { createTracehound, fastly } from 'tracehound/fastly';
import { tracehound } from 'tracehound/fetch';
const doors = {
  suite: (_, index) => conform(fastly, [CASES[index]]),
  life: () => replay(fastly, TRACE),
  source: async (event) => {
    const secret = (await new SecretStore('tracehound').get('secret')).rawBytes();
    const th = createTracehound({ ...${JSON.stringify(SMALL)}, secret });
    const guarded = tracehound(th, { detect: () => (${JSON.stringify(THREAT)}) })(() => new Response());
    const { status } = await guarded(event.request, event);
    return [status, th.quarantine.list()[0].sourceTag];
  },
};
addEventListener('fetch', (event) => {
  const [door, index] = new URL(event.request.url).pathname.slice(1).split('/');
  event.respondWith(doors[door](event, Number(index)).then((said) => Response.json(said)));
});`;

/** The guide's program in short, with a door to what it left in the KV store. */
const KEEPER = `
import { KVStore } from 'fastly:kv-store';
import { SecretStore } from 'fastly:secret-store';
import { createTracehound, secretFrom, signerFrom } from 'tracehound/fastly';
import { tracehound } from 'tracehound/fetch';
import { fastlyKvStore } from 'tracehound/stores/fastly-kv';
const answer = async (event) => {
  const evidence = fastlyKvStore(new KVStore('evidence'));
  const { pathname } = new URL(event.request.url);
  if (pathname.startsWith('/kept/')) return new Response(await evidence.get(pathname.slice(6)));
  const secrets = new SecretStore('tracehound');
  const signer = await signerFrom(secrets, 'signing-key');
  const secret = await secretFrom(secrets, 'secret');
  const th = createTracehound({ ...${JSON.stringify(SMALL)}, secret, audit: { maxRecords: 16, signer } });
  const onResult = async (_, { evidence: { id, signature } }) => {
    await evidence.putIfAbsent('newest', await th.quarantine.export(signature));
  };
  return tracehound(th, { detect: () => (${JSON.stringify(THREAT)}), onResult })(() => new Response())(event.request, event);
};
addEventListener('fetch', (event) => event.respondWith(answer(event)));`;

describe.skipIf(viceroy.missing !== undefined)(`Viceroy ${viceroy.version}`, () => {
  describe('one program, an instance of its own for each request', () => {
    let served: Served | undefined;

    beforeAll(async () => {
      const folder = mkdtempSync(join(consumer, 'viceroy-'));
      await bundleText(PROGRAM, folder, 'fastly', consumer);
      await fastlyModule(folder);
      served = await serveInViceroy(folder, `secret_stores.tracehound = [{ key = "secret", data = "${SECRET}" }]`);
    });
    afterAll(() => served?.stop());

    const ask = async (path: string, headers: Record<string, string> = {}): Promise<unknown> => {
      const response = await fetch(served!.url + path, { headers });
      const text = await response.text();
      expect(response.status, text).toBe(200);
      return JSON.parse(text);
    };

    it('keeps every promise', async () => {
      // One at a time: what one instance of the default size leaves behind must not weigh on the next within 128 MiB.
      const suite: CaseReport[] = [];
      for (const i of CASES.keys()) suite.push(...((await ask(`/suite/${i}`)) as CaseReport[]));
      expect(suite.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(suite.map(({ promise }) => promise)).toEqual(CASES.map(({ promise }) => promise));
    });

    it('ends ten thousand requests as Node does, to the byte', async () => {
      const life = (await ask('/life')) as ReplayReport;
      expect(decided(life)).toEqual(decided(await replay(node, TRACE)));
      // The engine has no WebAssembly, and its Web Crypto no AES-GCM.
      expect([life.core, life.sealed]).toEqual(['js', 'RUNTIME_FAILED']);
      const digests = `${life.state.slice(0, 16)} ${life.root.slice(0, 16)}`;
      console.log(`viceroy ${viceroy.version} js: ${CASES.length}/${CASES.length} ${life.ms} ms ${digests}`);
    });

    it('takes the address that Fastly saw for the source, whatever headers say, and the secret from a Secret Store', async () => {
      const th = createTracehound({ ...SMALL, secret: Buffer.from(SECRET) });
      th.intercept({ source: { address: '127.0.0.1' }, threat: THREAT, payload: 'x' });
      const lie = { 'fastly-client-ip': '192.0.2.1', 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' };
      expect(await ask('/source', lie)).toEqual([403, th.quarantine.list()[0]!.sourceTag]);
    });
  });

  it.each(['fetch', 'hono'])('answers for examples/fastly/%s.ts, and refuses', async (name) => {
    const folder = mkdtempSync(join(consumer, 'viceroy-'));
    await bundleFile(join(examples, `${name}.ts`), folder, 'fastly', consumer);
    await fastlyModule(folder);
    const { url, stop } = await serveInViceroy(folder, (await stores()).config);
    onTestFinished(stop);
    const visit = await fetch(`${url}/search?q=shoes`);
    expect([visit.status, await visit.text()]).toEqual([200, 'hello from StarlingMonkey\n']);
    const attack = await fetch(url + ATTACK);
    expect([attack.status, attack.headers.get('content-type')]).toEqual([403, 'application/problem+json']);
    expect(await attack.json()).toMatchObject({ title: 'Forbidden', trace: expect.stringMatching(/^[0-9a-f]{48}$/) });
  });

  it('leaves evidence in the KV store that our command finds good', async () => {
    const folder = mkdtempSync(join(consumer, 'viceroy-'));
    await bundleText(KEEPER, folder, 'fastly', consumer);
    await fastlyModule(folder);
    const { config, vkey } = await stores();
    const { url, stop } = await serveInViceroy(folder, config);
    onTestFinished(stop);
    expect((await fetch(url + ATTACK)).status).toBe(403);
    const file = join(folder, 'evidence.json');
    // The bundle is made after the answer, in a request of its own: a bounded number of looks.
    for (let i = 0; i < 50; i++) {
      const bytes = new Uint8Array(await (await fetch(`${url}/kept/newest`)).arrayBuffer());
      writeFileSync(file, bytes);
      if (bytes.length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const command = join(consumer, 'node_modules', '.bin', 'tracehound');
    expect(execFileSync(command, ['verify', file, '--key', vkey], { encoding: 'utf8' })).toMatch(/^verdict +good$/m);
  });
});

/** What the examples open. */
async function stores(): Promise<{ config: string; vkey: string }> {
  const { skey, vkey } = await generateKey('example.com/deployment', 'P-256');
  const secrets = `{ key = "secret", data = "5b1d0f9a3c7e42866af1d5907c2be8134d6a90f7e1c3258bb47f0e6d92a8c513" }, { key = "signing-key", data = "${skey}" }`;
  return { config: `kv_stores.evidence = []\nsecret_stores.tracehound = [${secrets}]`, vkey };
}
