/**
 * Guards, on every engine that serves and through both adapters: a blocked client that resets reaches nobody and evidence
 * never names an address that is none; whoever asks about a copy of a request gets the original's peer; a request without
 * Host has an absolute URL or is refused.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Seed } from '../lab/seed';
import { modules } from './engines';
import { bundleFile } from './programs';

const HOST = '127.0.0.1';
const BLOCKED = '127.0.0.9';
const VARIANTS = 24;
const require = createRequire(import.meta.url);

/** How each engine runs a file. Binaries themselves: a script around one would outlive its end. */
const ENGINES = {
  'node 20': { runtime: 'node', command: [join(modules, 'node20', 'bin', 'node')] },
  'node 24': { runtime: 'node', command: [process.execPath] },
  'node 26': { runtime: 'node', command: [join(modules, 'node26', 'bin', 'node')] },
  deno: {
    runtime: 'deno',
    command: [join(require.resolve('deno/bin.cjs'), '..', 'deno'), 'run', '--quiet', '--cached-only', '-A'],
  },
  bun: { runtime: 'bun', command: [require.resolve('bun/bin/bun.exe'), 'run', '--no-install'] },
} as const;
/** Hono's helper for each, as a module. */
const CONN_INFO = {
  node: '@hono/node-server/dist/conninfo.mjs',
  deno: 'hono/dist/adapter/deno/conninfo.js',
  bun: 'hono/dist/adapter/bun/conninfo.js',
};
const HOUSES = Object.keys(ENGINES).flatMap((engine) =>
  (['hono', 'fetch'] as const).map((frame) => [engine as keyof typeof ENGINES, frame] as const),
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends bytes from an address of its own; resolves with all that came, when the other side has closed. */
function send(port: number, bytes: string, localAddress: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST, localAddress });
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
    socket.on('connect', () => socket.write(bytes, 'latin1'));
  });
}

/** Sends bytes and resets. */
function hitAndRun(port: number, bytes: string, seed: Seed): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST, localAddress: BLOCKED });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      if (seed.below(2) === 0) socket.write(bytes, 'latin1', () => socket.resetAndDestroy());
      else {
        socket.write(bytes, 'latin1');
        setImmediate(() => socket.resetAndDestroy());
      }
    });
  });
}

function requestOf(path: string, seed: Seed): string {
  const padding = `X-Padding: ${'p'.repeat(seed.below(400))}\r\n`;
  const body = seed.one(['', 'x', 'y'.repeat(seed.below(2_000))]);
  const method = body === '' ? 'GET' : 'POST';
  return `${method} ${path} HTTP/1.1\r\nHost: a.example\r\n${padding}Content-Length: ${body.length}\r\n\r\n${body}`;
}

describe.each(HOUSES)('%s through %s', (engine, frame) => {
  let port = 0;
  let child: ChildProcess;

  beforeAll(async () => {
    const { runtime, command } = ENGINES[engine];
    const folder = mkdtempSync(join(inject('consumer'), 'house-'));
    const entry = join(folder, 'entry.ts');
    const app = JSON.stringify(join(import.meta.dirname, 'house.ts'));
    const peer = JSON.stringify(join(import.meta.dirname, '..', '..', 'node_modules', CONN_INFO[runtime]));
    writeFileSync(
      entry,
      `import { createTracehound } from 'tracehound/${runtime}';
import { tracehound as fetchGuard } from 'tracehound/fetch';
import { tracehound as honoGuard } from 'tracehound/hono';
import { getConnInfo } from ${peer};
import { open } from ${app};
open({ createTracehound, fetchGuard, honoGuard, getConnInfo }, '${frame}');
`,
    );
    await bundleFile(entry, folder, 'script', inject('consumer'));
    port = await freePort();
    const [binary, ...args] = command;
    child = spawn(binary, [...args, join(folder, 'app.mjs')], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PORT: String(port) },
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`${engine}: ended with ${child.exitCode}, expected it to listen`);
      if ((await send(port, 'GET /report HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', HOST)) !== '') break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
  afterAll(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.kill('SIGKILL')) await gone;
  });

  const report = async (): Promise<{ reached: string[]; evidence: string[] }> =>
    (await (await fetch(`http://${HOST}:${port}/report`)).json()) as never;

  it('a blocked client that resets reaches nobody, and evidence names it or nobody', async () => {
    const seed = new Seed(31);
    for (let i = 0; i < VARIANTS; i++)
      await hitAndRun(port, requestOf(i % 4 === 0 ? `/attack${i}` : `/r${i}`, seed), seed);
    const crowd = Array.from({ length: VARIANTS }, (_, i) => hitAndRun(port, requestOf(`/c${i}`, seed), seed));
    await Promise.all(crowd);
    // Ten answers later everything that came before was decided about.
    for (let i = 0; i < 10; i++) await report();
    const { reached, evidence } = await report();
    expect(reached).toEqual([]);
    for (const one of evidence) {
      expect(one).not.toMatch(/0\.0\.0\.0|\[::\]/);
      const [, source] = /^Tracehound-Source: (.*)\r$/m.exec(one) ?? [];
      expect(source ?? BLOCKED).toBe(BLOCKED);
    }
  });

  it('a second guard and the application get the peer of a copy', async () => {
    const peer = '127.0.0.7';
    const statuses: string[] = [];
    for (let i = 0; i < 5; i++) {
      const got = await send(port, 'GET /twice HTTP/1.1\r\nHost: a\r\nX-Forged: 1\r\nConnection: close\r\n\r\n', peer);
      statuses.push(got.slice(9, 12));
      if (got.startsWith('HTTP/1.1 200')) expect(got).toContain(`"peer":"${peer}"`);
    }
    // Three from this address; nobody else's limit is touched.
    expect(statuses).toEqual(['200', '200', '200', '429', '429']);
    const other = await send(port, 'GET /twice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', '127.0.0.6');
    expect(other.slice(9, 12)).toBe('200');
  });

  it('a request without Host has an absolute URL, for the detector and the application, or is refused', async () => {
    const seed = new Seed(32);
    const before = (await report()).reached.length;
    for (let i = 0; i < VARIANTS; i++) {
      const segments = Array.from({ length: 1 + seed.below(4) }, () =>
        // biome-ignore lint/suspicious/noTemplateCurlyInString: as attackers send it.
        seed.one(['a', 'b%20c', '..', '.', '', 'admin', 'report', 'twice', '%2e%2e', '${x}']),
      );
      const isAttack = seed.below(3) === 0;
      const path = `/n${i}/${segments.join('/')}${isAttack ? '/attack' : ''}?q=${seed.below(9)}`;
      const host = seed.one(['', 'Host: \r\n']);
      const got = await send(port, `GET ${path} HTTP/1.0\r\n${host}\r\n`, '127.0.0.5');
      const status = got.slice(9, 12);
      expect(['200', '400', '403'], `${path}: ${got.slice(0, 80)}`).toContain(status);
      if (isAttack) expect(status, path).not.toBe('200');
      if (status === '200') {
        const { url } = JSON.parse(got.slice(got.indexOf('{'), got.lastIndexOf('}') + 1)) as { url: string };
        const parsed = new URL(url); // or this throws
        const meant = new URL(path, 'http://a.example');
        expect(parsed.pathname + parsed.search).toBe(meant.pathname + meant.search);
      }
    }
    const { reached } = await report();
    expect(reached.slice(before).filter((url) => url.includes('attack'))).toEqual([]);
  });
});
