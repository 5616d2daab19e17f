/**
 * What runs inside the engines: three applications that are the same but for their guard — none, Tracehound,
 * hono-rate-limiter — and seven kinds of requests to them.
 *
 * Relies on: Hono and web standards, the packages as they are published. Refuses: to judge; it reports times. A detector
 * is the user's, so the one here reads one word of the path and costs nothing.
 */
import { Hono } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import type { Tracehound } from 'tracehound';
import { tracehound } from 'tracehound/hono';

export type AppName = 'bare' | 'guard' | 'peer';

interface Kind {
  readonly app: AppName;
  readonly path: '/' | '/form' | '/flagged' | '/denied';
  readonly status: number;
}

/** A POST carries 1 KiB; nobody but who keeps evidence reads it. */
export const KINDS = {
  bare: { app: 'bare', path: '/', status: 200 },
  clean: { app: 'guard', path: '/', status: 200 },
  'peer.clean': { app: 'peer', path: '/', status: 200 },
  'bare.form': { app: 'bare', path: '/form', status: 200 },
  block: { app: 'guard', path: '/flagged', status: 403 },
  deny: { app: 'guard', path: '/denied', status: 429 },
  'peer.deny': { app: 'peer', path: '/denied', status: 429 },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];

/** Longer than any run: who is over the limit stays over it. */
const WINDOW_MS = 900_000;
const LIMIT = 100;
/** Sources in turn, so many that none comes near its limit. */
const SOURCES = 4_096;
const SOURCE = 'x-client';
const PAYLOAD_BYTES = 1_024;

/** As the example of each platform makes it; on Fastly an instance lives for one request and limits nobody. */
export const OPTIONS = { rateLimit: { windowMs: WINDOW_MS, limit: LIMIT } };
export const FASTLY_OPTIONS = {
  rateLimit: false as const,
  quarantine: { maxCount: 4, maxBytes: 262_144 },
  audit: { maxRecords: 16 },
};

type App = Pick<Hono, 'fetch'>;

function app(mount: (app: Hono) => void): App {
  const made = new Hono();
  mount(made);
  made.all('*', (c) => c.text('hello'));
  return made;
}

export const bareApp = (): App => app(() => {});

export const guardApp = (th: Tracehound): App =>
  app((made) => {
    made.use(
      tracehound(th, {
        source: (c) => c.req.header(SOURCE),
        detect: (c) => (c.req.path === '/flagged' ? { category: 'sqli', severity: 'high' } : undefined),
      }),
    );
  });

/** Its default store. Where an instance lives for one request it could refuse nobody, so `/denied` may do nothing. */
export const peerApp = (): App =>
  app((made) => {
    made.use(
      rateLimiter({
        windowMs: WINDOW_MS,
        limit: (c) => (c.req.path === '/denied' ? 0 : LIMIT),
        keyGenerator: (c) => c.req.header(SOURCE) ?? '',
      }),
    );
  });

export type Apps = Readonly<Record<AppName, App>>;

export const appsOf = (th: Tracehound): Apps => ({ bare: bareApp(), guard: guardApp(th), peer: peerApp() });

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: Kind['path'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The `n`-th request of a kind. What is flagged differs each time: a repeat would be cheaper. */
export function askOf(kind: KindName, n: number): Ask {
  const { path } = KINDS[kind];
  const source = n % SOURCES;
  const client = path === '/denied' ? '203.0.113.9' : `10.0.${source >> 8}.${source & 255}`;
  if (path === '/') return { method: 'GET', path, headers: { [SOURCE]: client } };
  const headers = { [SOURCE]: client, 'content-type': 'text/plain', 'content-length': String(PAYLOAD_BYTES) };
  return { method: 'POST', path, headers, body: `${n} `.padEnd(PAYLOAD_BYTES, "' OR 1=1") };
}

export interface Sample {
  /** ms of one request, for each round: CPU time of the process, or wall time where an engine cannot tell. */
  readonly rounds: number[];
  /** ms of single requests. */
  readonly each: number[];
}

export type Samples = Readonly<Partial<Record<KindName, Sample>>>;

export interface Order {
  readonly rounds: number;
  readonly calls: number;
  /** Rounds before that, which are not reported: they compile, and use up what `/denied` may ask. */
  readonly warmup: number;
}

/** Blocks of every kind in turn, there and back: what slows one block slows its neighbours too. `clock` tells ms. */
export async function measure(apps: Apps, { rounds, calls, warmup }: Order, clock: () => number): Promise<Samples> {
  const samples = {} as Record<KindName, Sample>;
  for (const name of KIND_NAMES) samples[name] = { rounds: [], each: [] };
  let asked = 0;
  for (let round = -warmup; round < rounds; round++) {
    for (const name of round % 2 === 0 ? KIND_NAMES : [...KIND_NAMES].reverse()) {
      const requests = Array.from({ length: calls }, () => {
        const { path, ...init } = askOf(name, asked++);
        return new Request(`https://shop.example${path}`, init);
      });
      const { fetch } = apps[KINDS[name].app];
      const times: number[] = [];
      const statuses = new Set<number>();
      // What earlier blocks left to do is theirs.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const began = clock();
      let last = performance.now();
      for (const request of requests) {
        const { status } = await fetch(request);
        const now = performance.now();
        times.push(now - last);
        last = now;
        statuses.add(status);
      }
      const spent = clock() - began;
      if (round < 0) continue;
      for (const status of statuses) expectStatus(name, status);
      samples[name].rounds.push(spent / calls);
      samples[name].each.push(...times);
    }
  }
  return samples;
}

export function expectStatus(name: KindName, status: number): void {
  const expected = KINDS[name].status;
  if (status !== expected) throw new Error(`edge: ${name} answered ${status}, expected ${expected}`);
}
