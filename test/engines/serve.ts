/**
 * Serves an example on a port of this machine, in the engine of its platform: what a person sees is what the test asks.
 *
 * Relies on: `npm ci --prefix test/engines`. Refuses: other addresses than 127.0.0.1. What it started, `stop` ends.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastlyData } from './fastly-data.ts';
import { bundleFile, type Target } from './programs.ts';

const require = createRequire(import.meta.url);
const HOST = '127.0.0.1';
/** Longest that an engine may take to listen. */
const START_MS = 20_000;

export interface Served {
  readonly url: string;
  /** What a visitor should know of it. */
  readonly note?: string;
  stop(): Promise<void>;
}

export type Platform =
  | 'node'
  | 'node20'
  | 'node22'
  | 'node26'
  | 'deno'
  | 'bun'
  | 'cloudflare'
  | 'vercel'
  | 'fastly'
  | 'lambda-edge'
  | 'standard';

const TARGETS: Readonly<Record<Platform, Target>> = {
  ...{ node: 'script', node20: 'script', node22: 'script', node26: 'script' },
  ...{ deno: 'script', bun: 'script', cloudflare: 'workerd', vercel: 'edge-light', fastly: 'fastly' },
  ...{ 'lambda-edge': 'lambda-edge', standard: 'worker' },
};

type Start = (folder: string, port: number, example: string, resolveFrom: string) => Promise<Served>;

/** A Node of another version than the project's own, installed beside the other engines. */
const otherNode =
  (name: string): Start =>
  (folder, port) =>
    command(join(import.meta.dirname, 'node_modules', name, 'bin', 'node'), ['app.mjs'], folder, port);

const ENGINES = {
  node: (folder, port) =>
    command(join(import.meta.dirname, '..', '..', 'node_modules', 'node', 'bin', 'node'), ['app.mjs'], folder, port),
  node20: otherNode('node20'),
  node22: otherNode('node22'),
  node26: otherNode('node26'),
  deno: (folder, port, example) => {
    // The binary itself: the package's script would outlive its end.
    const isSite = example.endsWith('/site.ts'); // which listens on a Unix socket too, and that is a file
    const net = `${HOST}:${port}${isSite ? `,unix:${join(folder, 'site.sock')}` : ''}`;
    const allowed = ['run', '--quiet', '--cached-only', `--allow-net=${net}`, '--allow-env'];
    if (isSite) allowed.push(`--allow-read=${folder}`, `--allow-write=${folder}`);
    return command(join(require.resolve('deno/bin.cjs'), '..', 'deno'), [...allowed, 'app.mjs'], folder, port);
  },
  bun: (folder, port) => command(require.resolve('bun/bin/bun.exe'), ['run', '--no-install', 'app.mjs'], folder, port),
  cloudflare: (folder, port, example) => {
    mkdirSync(join(folder, 'state'), { recursive: true });
    const object = example.endsWith('object.ts')
      ? `durableObjectNamespaces = [(className = "Shard", uniqueKey = "shards", enableSql = true)],
    durableObjectStorage = (localDisk = "disk"),
    bindings = [(name = "SHARDS", durableObjectNamespace = "Shard")],`
      : '';
    writeFileSync(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "app.mjs", esModule = embed "app.mjs"), (name = "core.wasm", wasm = embed "core.wasm")],
    compatibilityDate = "2026-11-01",
    ${object}
  )), (name = "disk", disk = (path = "state", writable = true))],
  sockets = [(name = "http", address = "${HOST}:${port}", http = (), service = "main")],
);
`,
    );
    return command((require('workerd') as { default: string }).default, ['serve', 'config.capnp'], folder, port);
  },
  vercel: async (folder, port) => {
    const { EdgeRuntime, runServer } = require('edge-runtime') as {
      EdgeRuntime: new (options: object) => object;
      runServer(options: object): Promise<{ close(): Promise<void> }>;
    };
    const runtime = new EdgeRuntime({
      // It lets bytes be compiled where production does not.
      initialCode: `globalThis.WebAssembly = { Instance: WebAssembly.Instance };
${readFileSync(join(folder, 'app.mjs'), 'utf8')}
addEventListener('fetch', (event) => event.respondWith(example.default(event.request, event)));`,
      extend: (context: object) =>
        Object.assign(context, {
          wasm_core: new WebAssembly.Module(readFileSync(join(folder, 'core.wasm'))),
          // As on Vercel: without its own context of the request nobody's address is believed.
          [Symbol.for('@vercel/request-context')]: { get: () => ({}) },
        }),
    });
    const server = await runServer({ runtime, host: HOST, port });
    return { url: `http://${HOST}:${port}`, stop: () => server.close() };
  },
  fastly: async (folder, port, _example, resolveFrom) => {
    const cli = join(
      import.meta.dirname,
      'node_modules',
      '@fastly',
      'js-compute',
      'dist',
      'cli',
      'js-compute-runtime-cli.js',
    );
    await ended(spawn(process.execPath, [cli, 'app.mjs', 'app.wasm'], { cwd: folder, stdio: 'inherit' }));
    // Only here: node:wasi says that it is an experiment wherever it is loaded.
    const { FastlyHost } = await import('./fastly-host.ts');
    const { data, note } = await fastlyData(join(folder, 'evidence'), resolveFrom);
    const host = new FastlyHost(readFileSync(join(folder, 'app.wasm')), data);
    const served = await listening(port, async (request) => {
      const { method, url, body } = await read(request);
      const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
      const client = Uint8Array.from(
        (request.socket.remoteAddress ?? '').replace('::ffff:', '').split('.').map(Number),
      );
      return host.serve({
        method,
        url: `http://${request.headers.host ?? `${HOST}:${port}`}${url}`,
        headers,
        body,
        client,
      });
    });
    return { ...served, note };
  },
  'lambda-edge': async (folder, port) => {
    const { handler } = require(join(folder, 'app.cjs')) as { handler(...of: unknown[]): Promise<CloudFrontAnswer> };
    return listening(port, async (request) => {
      const cf = await viewerRequest(request);
      const passed: CloudFrontAnswer = { status: '200', body: 'hello from the origin\n' };
      let called: unknown;
      const result = await handler({ Records: [{ cf }] }, {}, (_: unknown, value: unknown) => {
        called = value;
      });
      const answer = called === undefined && result?.status !== undefined ? result : passed;
      const headers = Object.values(answer.headers ?? {}).flatMap((list) =>
        list.map(({ key, value }) => [key, value] as [string, string]),
      );
      const body = Buffer.from(answer.body ?? '', answer.bodyEncoding === 'base64' ? 'base64' : 'utf8');
      return { status: Number(answer.status), headers, body };
    });
  },
  standard: async (folder, port, example) => {
    const page = readFileSync(join(example, '..', 'index.html'));
    const worker = readFileSync(join(folder, 'app.mjs'));
    return listening(port, async ({ url }) =>
      url === '/worker.js'
        ? { status: 200, headers: [['content-type', 'text/javascript']], body: worker }
        : { status: url === '/' ? 200 : 404, headers: [['content-type', 'text/html']], body: page },
    );
  },
} satisfies Readonly<Record<Platform, Start>>;

interface CloudFrontAnswer {
  status?: string;
  headers?: Record<string, { key: string; value: string }[]>;
  body?: string;
  bodyEncoding?: string;
}

/** Bundles `<platform>/<name>.ts` into `folder`, with the package that `resolveFrom` sees, and serves it. */
export async function serveExample(
  example: string,
  folder: string,
  resolveFrom: string,
  port?: number,
): Promise<Served> {
  const platform = example.split('/').at(-2) as Platform;
  if (!(platform in TARGETS))
    throw new Error(`example: no such platform, expected one of ${Object.keys(TARGETS).join(', ')}`);
  await bundleFile(example, folder, TARGETS[platform], resolveFrom);
  return ENGINES[platform](folder, port ?? (await freePort()), example, resolveFrom);
}

/** The stores that the examples open: keys made for this run, and evidence that is written to a folder as well. */
async function fastlyData(folder: string, resolveFrom: string): Promise<{ data: FastlyData; note: string }> {
  const { FastlyData } = await import('./fastly-data.ts');
  const path = createRequire(join(resolveFrom, 'package.json')).resolve('tracehound/signer');
  const { generateKey } = (await import(path)) as typeof import('../../src/signers/index');
  const { skey, vkey } = await generateKey('example.com/deployment', 'P-256');
  const data = new FastlyData();
  data.kv.set('evidence', new Map());
  const secret = randomBytes(32).toString('hex');
  data.secrets.set(
    'tracehound',
    new Map(Object.entries({ secret: Buffer.from(secret), 'signing-key': Buffer.from(skey) })),
  );
  data.kept = (key, bytes) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, key), bytes);
  };
  return {
    data,
    note: `Evidence is kept in the KV store and copied to ${folder}. Check it:\n\n  npx tracehound verify '${folder}/'*.json --key '${vkey}'\n`,
  };
}

/** Serves a program that was bundled into `folder`. */
export async function serveBundle(platform: 'cloudflare', folder: string): Promise<Served> {
  return ENGINES[platform](folder, await freePort(), '');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A process that listens on `PORT`; resolves when it does. */
async function command(file: string, args: readonly string[], cwd: string, port: number): Promise<Served> {
  const child = spawn(file, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PORT: String(port) },
  });
  const url = `http://${HOST}:${port}`;
  const stop = async (): Promise<void> => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
  };
  const until = performance.now() + START_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`example: ended with ${child.exitCode}, expected it to listen`);
    // Any answer says that it listens, and no answer is counted against anybody: it asks nothing that is guarded.
    if (await isOpen(port)) return { url, stop };
    if (performance.now() > until) {
      await stop();
      throw new Error(`example: did not listen on ${url} within ${START_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function isOpen(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`example: a command ended with ${code}, expected 0`);
}

interface Answer {
  status: number;
  headers: [string, string][];
  body: Uint8Array;
}

/** A server whose every answer comes from a function of the request. */
async function listening(port: number, answer: (request: IncomingMessage) => Promise<Answer>): Promise<Served> {
  const server: Server = createServer((request, response) => {
    answer(request).then(
      ({ status, headers, body }) => {
        for (const [name, value] of headers) response.appendHeader(name, value);
        response.writeHead(status).end(body);
      },
      (error: unknown) => response.writeHead(502).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, HOST, resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://${HOST}:${port}`, stop };
}

async function read(request: IncomingMessage): Promise<{ method: string; url: string; body: Uint8Array }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return { method: request.method ?? 'GET', url: request.url ?? '/', body: Buffer.concat(chunks) };
}

/** The record that CloudFront would make of a request at the viewer. */
async function viewerRequest(request: IncomingMessage): Promise<object> {
  const { method, url, body } = await read(request);
  const [uri, querystring = ''] = url.split('?', 2);
  const headers: Record<string, { key: string; value: string }[]> = {};
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [key, value] = [request.rawHeaders[i]!, request.rawHeaders[i + 1]!];
    headers[key.toLowerCase()] = [...(headers[key.toLowerCase()] ?? []), { key, value }];
  }
  const data = Buffer.from(body).toString('base64');
  return {
    config: { eventType: 'viewer-request', distributionId: 'LOCAL', requestId: 'local' },
    request: {
      ...{ clientIp: (request.socket.remoteAddress ?? '').replace('::ffff:', ''), method, uri, querystring, headers },
      ...(body.length > 0 && { body: { action: 'read-only', encoding: 'base64', data, inputTruncated: false } }),
    },
  };
}
