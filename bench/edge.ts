/**
 * What a guard adds to a request where it runs: the same Hono application without one, with Tracehound and with
 * hono-rate-limiter, in Node, Deno, Bun, workerd and Fastly's engine.
 *
 * Relies on: the engines of `test/engines`, bundled for and run as the tests do. Refuses: to pass over an engine; one that
 * is missing or fails is named and counted. "Added" is a median: of the differences to the same request to the bare
 * application in the same round. In Node, Deno and Bun a round is a block of requests and costs CPU time of the process,
 * collecting garbage included; whole requests and their p99 are wall time. workerd cannot tell CPU time and its clock
 * stands at whole milliseconds, so it is measured twice: from outside request by request, over one connection that stays
 * open, with the noise of HTTP, and from inside in large blocks, without quantiles. A program of Fastly's runs once for
 * each request, so there the CPU time of the whole visit counts; the engine is compiled by V8, not by Fastly's compiler.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINES, type Engine, fastlyModule } from '../test/engines/engines.ts';
import { bundle, bundleText } from '../test/engines/programs.ts';
import { serveBundle } from '../test/engines/serve.ts';
import { collectGarbage, hire, inTurns } from './child.ts';
import {
  type AppName,
  type Ask,
  askOf,
  expectStatus,
  KIND_NAMES,
  KINDS,
  type KindName,
  type Order,
  type Sample,
  type Samples,
} from './edge-apps.ts';
import { cpuMicros, type Figure, median, medianRatio, quantile, type Size, type Task } from './measure.ts';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const text = (path: string): string => JSON.stringify(file(path));

/** The published JavaScript for a runtime, and the applications. */
const head = (runtime: string): string => `
  import { createTracehound } from ${text(`../dist/runtimes/${runtime}/index.js`)};
  import * as edge from ${text('edge-apps.ts')};`;

// ── in the engines ──────────────────────────────────────────────────────────────────────────────

/** Measures in a folder of its own, in one way or in several. */
type Run = (size: Size, folder: string) => Promise<Readonly<Record<string, Samples>>>;

const SMALL: Order = { rounds: 2, calls: 5, warmup: 25 };

const CPU_MS = '() => { const { user, system } = process.cpuUsage(); return (user + system) / 1_000; }';

const script =
  (engine: Engine): Run =>
  async (size, folder) => {
    const order = size === 'full' ? { rounds: 80, calls: 250, warmup: 12 } : SMALL;
    const source = `${head(engine.runtime)}
    const apps = edge.appsOf(createTracehound(edge.OPTIONS));
    const main = async () => JSON.stringify(await edge.measure(apps, ${JSON.stringify(order)}, ${CPU_MS}));`;
    return { '': JSON.parse(await engine.run(await bundle(folder, 'app', 'script', source))) as Samples };
  };

/** One worker for both ways to measure. Everything is made in a request: outside of one, workerd refuses the peer's timer. */
const workerd: Run = async (size, folder) => {
  const inside = size === 'full' ? { rounds: 30, calls: 1_000, warmup: 2 } : SMALL;
  const source = `${head('cloudflare')}
    let apps;
    export default { fetch: async (request) => {
      apps ??= edge.appsOf(createTracehound(edge.OPTIONS));
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === '/measure')
        return Response.json(await edge.measure(apps, JSON.parse(searchParams.get('order')), () => Date.now()));
      return apps[request.headers.get('x-app')].fetch(request);
    } };`;
  await bundleText(source, folder, 'workerd', file('.'));
  const { url, stop } = await serveBundle('cloudflare', folder);
  try {
    const response = await fetch(`${url}/measure?order=${encodeURIComponent(JSON.stringify(inside))}`);
    if (!response.ok) throw new Error(`workerd: answered ${response.status}, got ${await response.text()}`);
    const blocks = (await response.json()) as Record<KindName, Sample>;
    for (const { each } of Object.values(blocks)) each.length = 0; // of whole milliseconds
    return { '': await visit(url, turnsOf(size, 1_500)), '.inside': blocks };
  } finally {
    await stop();
  }
};

type Asked = Ask & { readonly app: AppName };

interface Answer {
  readonly status: number;
  readonly ms: number;
}

type Turns = Pick<Order, 'rounds' | 'warmup'>;
const turnsOf = (size: Size, rounds: number): Turns =>
  size === 'full' ? { rounds, warmup: Math.ceil(rounds / 5) } : { rounds: 1, warmup: 0 };

/** One request of each kind in every round. */
async function turns(
  names: readonly KindName[],
  { rounds, warmup }: Turns,
  ask: (asked: Asked) => Promise<Answer>,
): Promise<Samples> {
  let asked = 0;
  const one = (name: KindName): Promise<Answer> => ask({ ...askOf(name, asked++), app: KINDS[name].app });
  await inTurns(names, warmup, one);
  const answers = await inTurns(names, rounds, one);
  return Object.fromEntries(
    names.map((name, index) => {
      const times = answers[index]!.map(({ ms }) => ms);
      for (const { status } of answers[index]!) expectStatus(name, status);
      return [name, { rounds: times, each: times }];
    }),
  );
}

/** Asks over one connection, which stays open. */
async function visit(url: string, order: Turns): Promise<Samples> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let opened = 0;
  const knock = ({ app, method, path, headers, body }: Asked): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      const options = { agent, method, headers: { ...headers, 'x-app': app } };
      const asking = request(`${url}${path}`, options, (response) => {
        response.resume();
        response.once('error', reject);
        response.once('end', () => {
          if (!asking.reusedSocket) opened++;
          resolve({ status: response.statusCode!, ms: performance.now() - began });
        });
      });
      asking.once('error', reject).end(body);
    });
  try {
    const samples = await turns(KIND_NAMES, order, knock);
    if (opened !== 1) throw new Error(`workerd: opened ${opened} connections, expected to keep one`);
    return samples;
  } finally {
    agent.destroy();
  }
}

/**
 * Each request has a fresh instance of the module, which is as far as its program came before any request: there the
 * applications are made, but for the peer's, whose timer is refused there.
 */
const fastly: Run = async (size, folder) => {
  const serve = (app: string): string =>
    `addEventListener('fetch', (event) => event.respondWith((${app}).fetch(event.request, { event })));`;
  const programs: Readonly<Record<AppName, string>> = {
    bare: `const app = edge.bareApp(); ${serve('app')}`,
    guard: `const app = edge.guardApp(createTracehound(edge.FASTLY_OPTIONS)); ${serve('app')}`,
    peer: serve('edge.peerApp()'),
  };
  const files: Record<string, string> = {};
  for (const [app, program] of Object.entries(programs)) {
    await bundleText(`${head('fastly')}\n${program}`, join(folder, app), 'fastly', file('.'));
    files[app] = await fastlyModule(join(folder, app));
  }
  const host = await hire<typeof hostRole>(size, import.meta.url, 'host', files);
  try {
    return { '': await host.ask('serve', turnsOf(size, 80)) };
  } finally {
    await host.dismiss();
  }
};

async function hostRole(files: Readonly<Record<string, string>>) {
  const { FastlyHost } = await import('../test/engines/fastly-host.ts');
  const hosts = new Map(Object.entries(files).map(([app, path]) => [app, new FastlyHost(readFileSync(path))]));
  // An instance that never saw anybody denies nobody.
  const names = KIND_NAMES.filter((name) => name !== 'deny');
  return {
    serve: (order: Turns): Promise<Samples> =>
      turns(names, order, async ({ app, method, path, headers, body = '' }) => {
        const asked = {
          ...{ method, url: `https://shop.example${path}`, headers: Object.entries(headers) },
          ...{ body: new TextEncoder().encode(body), client: Uint8Array.of(192, 0, 2, 1) },
        };
        // The host's garbage is nobody's cost, and would fall on whoever comes when it is full.
        collectGarbage();
        const before = cpuMicros();
        const { status } = hosts.get(app)!.serve(asked);
        return { status, ms: (cpuMicros() - before) / 1_000 };
      }),
  };
}

export const roles = { host: hostRole };

const engineOf = (name: string): Engine => ENGINES.find((engine) => engine.name === name)!;
const NODE = engineOf('node 24');
const DENO = engineOf('deno');
const BUN = engineOf('bun');
const RUNS: Readonly<Record<string, readonly [Engine, Run]>> = {
  node: [NODE, script(NODE)],
  deno: [DENO, script(DENO)],
  bun: [BUN, script(BUN)],
  workerd: [engineOf('workerd'), workerd],
  fastly: [engineOf('fastly'), fastly],
};

// ── figures ─────────────────────────────────────────────────────────────────────────────────────

const SAYS: readonly (readonly [id: string, kind: KindName, base: KindName, what: string])[] = [
  ['clean.added', 'clean', 'bare', 'clean request, added by tracehound'],
  ['peer.clean.added', 'peer.clean', 'bare', 'clean request, added by hono-rate-limiter'],
  ['block', 'block', 'bare.form', 'threat of 1 KiB refused (403), added by tracehound'],
  ['deny', 'deny', 'bare.form', 'over the limit (429), added by tracehound'],
  ['peer.deny', 'peer.deny', 'bare.form', 'over the limit (429), added by hono-rate-limiter'],
];

/** Ids of all figures, when no engine is missing. */
export const EDGE_FIGURES: readonly string[] = [
  ...[...Object.keys(RUNS), 'workerd.inside'].flatMap((where) =>
    SAYS.filter(([, kind]) => where !== 'fastly' || kind !== 'deny').map(([id]) => `edge.${where}.${id}`),
  ),
  'edge.missing',
];

function figuresOf(where: string, samples: Samples): Figure[] {
  const unit = where.startsWith('workerd') ? 'ms' : 'ms CPU';
  const brief = (value: number): string => String(Number(value.toPrecision(2)));
  /** Of the whole request. */
  const whole = ({ rounds, each }: Sample): string => {
    if (each.length === 0) return brief(median(rounds));
    const sorted = Float64Array.from(each).sort();
    return `${brief(quantile(sorted, 0.5))}, p99 ${brief(quantile(sorted, 0.99))}`;
  };
  return SAYS.flatMap(([id, kind, without, what]) => {
    const [sample, base] = [samples[kind], samples[without]];
    if (sample === undefined || base === undefined) return [];
    return {
      id: `edge.${where}.${id}`,
      what: `${where.replace('.', ', ')}: ${what}`,
      value: median(sample.rounds.map((ms, round) => ms - base.rounds[round]!)),
      unit,
      note: `whole ${whole(sample)} ms; without it ${whole(base)} ms; × ${brief(medianRatio(sample.rounds, base.rounds))}`,
    };
  });
}

export async function edge({ size, progress }: Task): Promise<Figure[]> {
  const figures: Figure[] = [];
  const missing: string[] = [];
  if (size === 'full') {
    // What cannot be installed is missing below.
    spawnSync(process.execPath, [file('../tools/engines.ts'), 'test/engines'], { stdio: ['ignore', 2, 2] });
  }
  for (const [name, [engine, run]] of Object.entries(RUNS)) {
    progress(`edge: ${name}`);
    const folder = mkdtempSync(join(tmpdir(), 'tracehound-edge-'));
    try {
      engine.version();
      for (const [way, samples] of Object.entries(await run(size, folder))) {
        figures.push(...figuresOf(`${name}${way}`, samples));
      }
    } catch (error) {
      missing.push(name);
      progress(`edge: ${name} is missing: ${(error as Error).message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  figures.push({
    id: 'edge.missing',
    what: 'edge: engines that are missing or failed',
    value: missing.length,
    unit: 'engines',
    ...(missing.length > 0 && { note: missing.join(', ') }),
  });
  return figures;
}
