/**
 * Guards what needs large tools: the suite and the recorded life in Chromium, also under a Content-Security-Policy; the
 * bundle of a function under AWS's own Lambda client; a Worker through wrangler; a Next.js application with a proxy.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { node } from '../../runtimes/node/index';
import { generateKey } from '../../src/signers/index';
import { type CaseReport, type ReplayReport, replay, TRACE } from '../conformance/index';
import { bundleFile, bundleText } from '../engines/programs';
import { decided } from '../lab/decided';
import { event, faults } from '../runtimes/cloudfront';
import { findChromium, inChromium } from './chromium';
import { invoked } from './lambda';

const exec = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const consumer = inject('consumer');
const modules = join(import.meta.dirname, 'node_modules');
interface Said {
  suite: CaseReport[];
  life: ReplayReport;
  agent: string;
}

const ATTACK = '/search?q=%27%20or%201=1';

describe.skipIf(findChromium() === undefined)('Chromium', () => {
  let reference: ReplayReport;

  beforeAll(async () => {
    reference = await replay(node, TRACE);
  });

  /** What `main` returns on a page with this policy. */
  const ask = async (source: string, policy?: string): Promise<unknown> => {
    const folder = mkdtempSync(join(consumer, 'chromium-'));
    const say = "main().then((said) => fetch('/said', { method: 'POST', body: said }));";
    await bundleText(`${source}\n${say}`, folder, 'worker', consumer);
    const files: Record<string, string | Uint8Array> = { '/main.js': readFileSync(join(folder, 'app.mjs')) };
    if (policy !== undefined) {
      const head = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">`;
      files['/'] = `<!doctype html>${head}<script type="module" src="/main.js"></script>`;
    }
    return JSON.parse(await inChromium(files));
  };

  const CSP = "script-src 'self'";
  it.each([
    ['as it is', 'standard', undefined, 'wasm'],
    ['on a page that allows WebAssembly', 'standard', `${CSP} 'wasm-unsafe-eval'`, 'wasm'],
    [
      'on a page that allows scripts alone, with the core that is JavaScript',
      '{ ...standard, core: instantiate }',
      CSP,
      'js',
    ],
  ])('%s: keeps every promise, and decides as Node does, to the byte', async (_, subject, policy, core) => {
    const source = `import { standard } from 'tracehound/standard';
import { instantiate } from 'tracehound/core/js';
import { conform, replay, TRACE } from 'tracehound/conformance';
const subject = ${subject};
const main = async () =>
  JSON.stringify({ suite: await conform(subject), life: await replay(subject, TRACE), agent: navigator.userAgent });`;
    const { suite, life, agent } = (await ask(source, policy)) as Said;
    expect(suite.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(decided(life)).toEqual(decided(reference));
    expect([life.core, life.sealed]).toEqual([core, reference.sealed]);
    const version = /Chrome\/(\S+)/.exec(agent)?.[1];
    console.log(
      `chromium ${version} ${core}: ${suite.length}/${suite.length} ${life.ms} ms ${life.state.slice(0, 16)} ${life.root.slice(0, 16)}`,
    );
  });

  it('on a page that allows scripts alone, the core as WebAssembly: cannot decide, and says so without throwing', async () => {
    const source = `import { createTracehound } from 'tracehound';
const th = createTracehound();
const threat = { category: 'xss', severity: 'high' };
const main = async () => {
  const clean = th.intercept({ source: 'x' });
  return JSON.stringify([clean.status, clean.error?.code, th.intercept({ source: 'x', threat, payload: 'a' }).status]);
};`;
    expect(await ask(source, CSP)).toEqual(['error', 'CORE_START', 'error']);
  });
});

describe('the Lambda runtime interface client', () => {
  it.each(['native', 'hono'])('calls examples/lambda-edge/%s.ts: refuses, limits, keeps its state', async (name) => {
    const folder = mkdtempSync(join(consumer, 'ric-'));
    await bundleFile(join(root, 'examples', 'lambda-edge', `${name}.ts`), folder, 'lambda-edge', consumer);
    const attack = event('viewer-request', { uri: '/../etc/passwd' });
    const events = [attack, ...Array.from({ length: 20 }, () => event('viewer-request'))];
    const node22 = join(root, 'test', 'engines', 'node_modules', 'node22', 'bin', 'node');
    const answers = (await invoked(node22, folder, events)) as { status?: string }[];
    expect(answers.map(({ status }) => status ?? 'passed')).toEqual([
      '403',
      ...Array.from({ length: 19 }, () => (name === 'native' ? 'passed' : '200')),
      '429',
    ]);
    if (name === 'native') {
      for (const [i, answer] of answers.entries()) expect(faults(events[i]!, answer as never)).toEqual([]);
    }
  });
});

/** A command with a server of its own, on a free port; ended with everything it started. */
async function serving(
  args: (port: number) => string[],
  cwd: string,
  ask: (url: string) => Promise<void>,
): Promise<void> {
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  const env = {
    ...process.env,
    ...{ WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', NEXT_TELEMETRY_DISABLED: '1' },
  };
  const child = spawn(process.execPath, args(port), {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  try {
    const until = performance.now() + 60_000;
    while (
      await fetch(url).then(
        () => false,
        () => true,
      )
    ) {
      if (child.exitCode !== null || performance.now() > until) throw new Error(`${args(port)[0]}: did not listen`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await ask(url);
  } finally {
    process.kill(-child.pid!, 'SIGKILL');
    await gone;
  }
}

const WRANGLER = join(modules, 'wrangler', 'bin', 'wrangler.js');
const wranglerDev = (port: number): string[] => {
  const quiet = ['--inspector-port', '0', '--log-level', 'error'];
  return [WRANGLER, 'dev', '--ip', '127.0.0.1', '--port', String(port), ...quiet];
};

/** Type-checks a Worker as a strict project would, against Cloudflare's own types. Throws what the compiler says. */
function compiled(folder: string): void {
  const bindings = `{
  TRACEHOUND_SECRET: string; SIGNING_KEY: string; LOGS: R2Bucket; EVIDENCE: R2Bucket; BLOCKS: KVNamespace;
  SHARDS: DurableObjectNamespace<import('./index').Shard>;
}`;
  writeFileSync(
    join(folder, 'env.d.ts'),
    `interface Env ${bindings}\ndeclare namespace Cloudflare { interface Env ${bindings} }`,
  );
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'ES2022', module: 'ESNext', moduleResolution: 'bundler' },
    ...{ lib: ['ES2022'], customConditions: ['workerd'] },
    types: [join(modules, '@cloudflare', 'workers-types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  try {
    execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder], {
      encoding: 'utf8',
    });
  } catch (error) {
    throw new Error(`the guide does not compile:\n${(error as { stdout: string }).stdout}`);
  }
}

describe('wrangler', () => {
  it('serves the Worker of the guide from the packed package', async () => {
    const folder = join(consumer, 'wrangler');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'index.ts'),
      `import { env } from 'cloudflare:workers';
import { createTracehound, secretFrom } from 'tracehound';
import { tracehound } from 'tracehound/fetch';
const th = createTracehound({ secret: secretFrom(env.TRACEHOUND_SECRET), rateLimit: { limit: 20 } });
const detect = (request) => (request.url.includes('%27') ? { category: 'sqli', severity: 'high' } : undefined);
// A detector that waits keeps the request alive; work after the answer is kept by the platform.
const guarded = tracehound(th, { detect, onResult: () => new Promise((resolve) => setTimeout(resolve, 20)) });
export default { fetch: guarded(() => new Response(th.watcher.snapshot().runtime)) };
`,
    );
    const secret = '7c2f0a6b9e41d85310fb6ac2d97e4835b1c60f8e2a7d93546e0b8fc1a25d7394';
    writeFileSync(
      join(folder, 'wrangler.jsonc'),
      JSON.stringify({
        name: 'guard',
        main: 'index.ts',
        compatibility_date: '2026-11-01',
        vars: { TRACEHOUND_SECRET: secret },
      }),
    );
    const { stdout } = await exec(process.execPath, [WRANGLER, 'deploy', '--dry-run', '--outdir', 'out'], {
      cwd: folder,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    });
    expect(stdout).toContain('exiting now');
    expect(readdirSync(join(folder, 'out')).some((file) => file.endsWith('core.wasm'))).toBe(true);
    await serving(wranglerDev, folder, async (url) => {
      expect(await (await fetch(url)).text()).toBe('workerd');
      expect((await fetch(url + ATTACK)).status).toBe(403);
    });
  });

  it('serves the Durable Objects of the guide, word for word', async () => {
    const folder = join(consumer, 'wrangler-objects');
    mkdirSync(folder);
    const guide = readFileSync(join(root, 'docs', 'deploy', 'cloudflare.md'), 'utf8').split('## One limit for all')[1]!;
    const block = (language: string): string => guide.split(`\`\`\`${language}\n`)[1]!.split('```')[0]!;
    // There is no site behind this one.
    const program = block('ts').replace('guarded((request) => fetch(request))', "guarded(() => new Response('hello'))");
    expect(program).toContain('hello');
    writeFileSync(join(folder, 'index.ts'), program);
    compiled(folder);
    const { skey } = await generateKey('example.com/guide');
    const vars = {
      TRACEHOUND_SECRET: '7c2f0a6b9e41d85310fb6ac2d97e4835b1c60f8e2a7d93546e0b8fc1a25d7394',
      SIGNING_KEY: skey,
    };
    const head = JSON.stringify({ name: 'hounds', main: 'index.ts', compatibility_date: '2026-11-01', vars }).slice(
      0,
      -1,
    );
    writeFileSync(join(folder, 'wrangler.jsonc'), block('jsonc').replace('{', `${head},`));
    await serving(wranglerDev, folder, async (url) => {
      const statuses: number[] = [];
      for (let i = 0; i < 102; i++) {
        statuses.push((await fetch(url, { headers: { 'cf-connecting-ip': '192.0.2.1' } })).status);
      }
      expect(statuses.slice(0, 100).every((status) => status === 200)).toBe(true);
      expect(statuses.slice(100)).toEqual([429, 429]);
    });
  });
});

describe('Next.js', () => {
  it('calls examples/vercel/proxy.ts before its pages, and builds a route for the edge', async () => {
    const folder = join(consumer, 'next');
    mkdirSync(join(folder, 'app', 'edge'), { recursive: true });
    const signal = readFileSync(join(root, 'examples', 'signal.ts'), 'utf8');
    const proxy = readFileSync(join(root, 'examples', 'vercel', 'proxy.ts'), 'utf8').replace(
      '../signal.ts',
      './signal',
    );
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    write('signal.ts', signal);
    write('proxy.ts', proxy);
    write('package.json', '{ "private": true, "type": "module" }');
    write(
      'next.config.mjs',
      `export default { typescript: { ignoreBuildErrors: true }, turbopack: { root: ${JSON.stringify(consumer)} } };`,
    );
    write('app/layout.js', 'export default ({ children }) => <html><body>{children}</body></html>;');
    write('app/page.js', 'export default () => <p>hello from Next</p>;');
    write(
      'app/edge/route.js',
      `import { createTracehound } from 'tracehound';
export const runtime = 'edge';
const th = createTracehound();
export const GET = () => new Response(th.intercept({ source: 'x' }).status + ' on ' + th.watcher.snapshot().runtime);`,
    );
    // Next wants its packages where the application is.
    for (const name of ['next', 'react', 'react-dom', '@next', '@swc', 'client-only', 'styled-jsx', 'scheduler']) {
      await exec('cp', ['-r', join(modules, name), join(consumer, 'node_modules', name)]).catch(() => {});
    }
    const cli = join(consumer, 'node_modules', 'next', 'dist', 'bin', 'next');
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_PATH: modules, CI: '1' };
    await exec(process.execPath, [cli, 'build'], { cwd: folder, env, maxBuffer: 2 ** 24 });
    await serving(
      (port) => [cli, 'start', '-H', '127.0.0.1', '-p', String(port)],
      folder,
      async (url) => {
        expect(await (await fetch(url)).text()).toContain('hello from Next');
        expect((await fetch(url + ATTACK)).status).toBe(403);
        expect(await (await fetch(`${url}/edge`)).text()).toBe('clean on vercel');
      },
    );
    rmSync(join(folder, '.next'), { recursive: true, force: true });
  });
});
