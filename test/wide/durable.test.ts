/**
 * Guards the store in the database of a Durable Object with real workerd: one winner among many callers in many requests, a
 * log that outlives workerd, verifies, and is gone on with. What every store promises is asked of it in
 * test/src/stores/durable.test.ts; here the database is the real one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTracehound, openLog } from '../../runtimes/node/index';
import { storedLog } from '../../src/log/index';
import { generateKey, signerFromText } from '../../src/signers/index';
import type { LogStore } from '../../src/types/index';
import { parsePolicy, storeSource, verifyLog } from '../../src/verify/index';

const ORIGIN = 'example.com/durable';
const folder = mkdtempSync(join(tmpdir(), 'tracehound-durable-'));

/** The object, and a door that speaks JSON: bytes as base64. */
const WORKER = `
import { DurableObject } from 'cloudflare:workers';
import { durableStore } from './src/stores/durable';
const bytes = (text) => (text === undefined ? undefined : Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
const text = (bytes) => (bytes === undefined ? null : btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')));
export class Logs extends DurableObject {
  async fetch(request) {
    this.store ??= durableStore(this.ctx.storage);
    const { act, key, value, expected } = await request.json();
    try {
      if (act === 'get') return Response.json({ answer: text(await this.store.get(key)) });
      if (act === 'swap') return Response.json({ answer: await this.store.swap(key, bytes(value), bytes(expected)) });
      return Response.json({ answer: await this.store.putIfAbsent(key, bytes(value)) });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  }
}
export default { fetch: (request, env) => env.LOGS.get(env.LOGS.idFromName('log')).fetch(request) };
`;

let script: string;
let flare: Miniflare;

const start = (): Miniflare =>
  new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script,
      compatibilityDate: '2026-01-01',
      durableObjects: { LOGS: { className: 'Logs', useSQLite: true } },
      resourcePersistencePath: folder,
    }),
  );

async function ask(act: string, key: string, value?: Uint8Array, expected?: Uint8Array): Promise<unknown> {
  const base64 = (bytes?: Uint8Array): string | undefined => bytes && Buffer.from(bytes).toString('base64');
  const body = JSON.stringify({ act, key, value: base64(value), expected: base64(expected) });
  const response = await flare.dispatchFetch('http://localhost/', { method: 'POST', body });
  const { answer, error } = (await response.json()) as { answer?: string | null; error?: string };
  if (error !== undefined) throw new Error(error);
  return answer;
}

const store: LogStore = {
  get: async (key) => {
    const answer = await ask('get', key);
    return answer === null ? undefined : new Uint8Array(Buffer.from(answer as string, 'base64'));
  },
  putIfAbsent: (key, bytes) => ask('putIfAbsent', key, bytes) as Promise<'created' | 'exists'>,
  swap: (key, bytes, expected) => ask('swap', key, bytes, expected) as Promise<'swapped' | 'conflict'>,
};

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: join(import.meta.dirname, '..', '..'), loader: 'ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['cloudflare:workers'],
    write: false,
    logLevel: 'error',
  });
  script = outputFiles[0]!.text;
  flare = start();
});

afterAll(async () => {
  await flare.dispose();
  rmSync(folder, { recursive: true, force: true });
});

it('one of many callers creates, one swaps, and many lose no count together', async () => {
  const one = (n: number): Uint8Array => new TextEncoder().encode(`caller ${n}`);
  const created = await Promise.all(Array.from({ length: 16 }, (_, n) => store.putIfAbsent('race/create', one(n))));
  expect(created.filter((answer) => answer === 'created')).toHaveLength(1);
  const swapped = await Promise.all(Array.from({ length: 16 }, (_, n) => store.swap('race/swap', one(n), undefined)));
  expect(swapped.filter((answer) => answer === 'swapped')).toHaveLength(1);
  const count = async (): Promise<void> => {
    for (let done = 0; done < 10; ) {
      const before = await store.get('race/count');
      const next = String(Number(before === undefined ? 0 : new TextDecoder().decode(before)) + 1);
      if ((await store.swap('race/count', new TextEncoder().encode(next), before)) === 'swapped') done++;
    }
  };
  await Promise.all(Array.from({ length: 6 }, count));
  expect(new TextDecoder().decode((await store.get('race/count'))!)).toBe('60');
  await expect(store.get('../etc')).rejects.toThrow('RangeError: key: ');
});

it('a log is written, outlives workerd, verifies, and is gone on with', async () => {
  const { skey, vkey } = await generateKey('example.com/deployment');
  const signer = await signerFromText(skey);
  const attack = (th: ReturnType<typeof createTracehound>, name: string): void => {
    for (let i = 0; i < 300; i++) {
      th.intercept({ source: `s${i}`, payload: `${name} ${i}`, threat: { category: 'sqli', severity: 'high' } });
    }
  };
  const first = createTracehound({ rateLimit: false, audit: { origin: ORIGIN, signer, log: storedLog(store) } });
  attack(first, 'first');
  await first.close();
  await flare.dispose();
  flare = start();
  const policy = parsePolicy(`log ${vkey}\nquorum none\n`);
  const verdicts = () =>
    verifyLog(
      storeSource((path) => store.get(`${ORIGIN}/${path}`), { origin: ORIGIN }),
      { policy },
    );
  expect(await verdicts()).toMatchObject({ exitCode: 0, closed: true, size: first.audit.head().size });
  const resume = await openLog(store, { origin: ORIGIN, keys: [vkey] });
  const second = createTracehound({ rateLimit: false, audit: { signer, log: storedLog(store, { resume }) } });
  attack(second, 'second');
  await second.close();
  expect(await verdicts()).toMatchObject({ exitCode: 0, closed: true, root: second.audit.head().root });
});
