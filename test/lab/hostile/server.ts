/**
 * The server that a hostile crowd is let loose on: a process of its own with the built package, as a user runs it. HTTP/1.1 and
 * HTTP/2 over Hono, upgrades, a log in a folder, a signer; beside it a quiet instance, and one for clean requests of strangers (the
 * door), each with a log of its own.
 *
 *   node --expose-gc server.ts '{"folder": …, "blocked": […]}'    speaks over the IPC channel
 *
 * Relies on: `dist`, an IPC channel. Refuses: to know what was sent.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { ThreatSignal, Tracehound } from 'tracehound';
import { tracehound } from 'tracehound/hono';
import { storedLog } from 'tracehound/log';
import { createTracehound, guardUpgrades } from 'tracehound/node';
import { generateKey, signerFromText } from 'tracehound/signer';
import { fsStore } from 'tracehound/stores/fs';

export interface Given {
  readonly folder: string;
  readonly blocked: readonly string[];
  readonly checkpointMs: number;
}

/** What the server answers to `begin`, `look` and `end`. */
export interface Begun {
  readonly http1: number;
  readonly http2: number;
  readonly quiet: number;
  readonly door: number;
  readonly vkey: string;
}

export interface Looked {
  /** Bytes of the heap, after it was collected. */
  readonly heap: number;
  /** Requests that reached the application or its upgrade listeners, as `kind/sender`. */
  readonly reached: Readonly<Record<string, number>>;
  /** The longest time that the event loop stood still, ms. */
  readonly stallMs: number;
  /** What the watcher says, for people. */
  readonly readings: unknown;
}

const given = JSON.parse(process.argv[2] ?? '{}') as Given;
const HOUR_MS = 3_600_000;
const TICK_MS = 20;

const { skey, vkey } = await generateKey('hostile.example/log');
const reached: Record<string, number> = {};

/** A log in `name`, whose HEARTBEAT records come each second: the totals of the last one are all that were counted. */
async function instance(name: string): Promise<Tracehound> {
  const store = fsStore(join(given.folder, name));
  const log = storedLog(store, {
    checkpointMs: given.checkpointMs,
    ...(name === 'quiet' ? {} : { heartbeatMs: 1_000 }),
  });
  return createTracehound({
    quiet: true,
    secret: new Uint8Array(32).fill(7),
    rateLimit: { windowMs: 4_000, limit: 40, maxSources: 4_096 },
    quarantine: { maxCount: 256, maxBytes: 512 * 1_024, maxShare: 1 / 4 },
    maxPayloadBytes: 8_192,
    audit: { origin: `hostile.example/${name}`, signer: await signerFromText(skey), log },
  });
}

const kindOf = (path: string): string => path.split('/')[1] ?? '';

function reach(path: string): void {
  const [, kind, sender] = path.split('/');
  const name = `${kind}/${sender}`;
  reached[name] = (reached[name] ?? 0) + 1;
}

function judge(path: string, body: () => Promise<unknown>): ThreatSignal | undefined | Promise<undefined> {
  switch (kindOf(path)) {
    case 'attack':
    case 'repeat':
      return { category: 'hostile', severity: path.length % 2 === 0 ? 'high' : 'low', rule: 'path' };
    case 'broken':
      throw new Error('the detector is broken');
    case 'unread':
      return body().then(() => undefined);
    default:
      return undefined;
  }
}

const LIMITS = { detectTimeoutMs: 250, captureTimeoutMs: 500 };

function application(th: Tracehound): Hono {
  const app = new Hono();
  app.use(
    tracehound(th, {
      ...LIMITS,
      detect: (c: Context, inspection) => judge(c.req.path, () => inspection.body(65_536)),
      skip: (c: Context) => kindOf(c.req.path) === 'exempt',
      allow: (c: Context) => kindOf(c.req.path) === 'trusted',
    }),
  );
  app.all('*', async (c) => {
    reach(c.req.path);
    let bytes = 0;
    for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) bytes += chunk.length;
    return c.text(`read ${bytes}\n`);
  });
  return app;
}

const th = await instance('log');
const quiet = await instance('quiet');
const door = await instance('door');
for (const source of given.blocked) {
  for (const each of [th, door]) each.rateLimiter.block(source, HOUR_MS, { actor: 'hostile.ts', purpose: 'test' });
}

const app = application(th);
const open = (fetch: Hono['fetch'], createServerOf: typeof createServer | typeof createHttp2): Promise<Server> =>
  new Promise((resolve) => {
    const options = { fetch, hostname: '127.0.0.1', port: 0, createServer: createServerOf as typeof createServer };
    const server = serve(options, () => resolve(server as Server));
  });
const http1 = await open(app.fetch, createServer);
const http2 = await open(app.fetch, createHttp2);
const calm = await open(application(quiet).fetch, createServer);
const side = await open(application(door).fetch, createServer);
guardUpgrades(http1, th, {
  ...LIMITS,
  detect: ({ url = '' }) => judge(url, async () => undefined),
  skip: ({ url = '' }) => kindOf(url) === 'exempt',
  allow: ({ url = '' }) => kindOf(url) === 'trusted',
});
http1.on('upgrade', ({ url = '' }, socket) => {
  reach(url);
  socket.on('error', () => {});
  socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: hostile\r\n\r\n');
});

let stallMs = 0;
let tick = performance.now();
setInterval(() => {
  const now = performance.now();
  stallMs = Math.max(stallMs, now - tick - TICK_MS);
  tick = now;
}, TICK_MS).unref();

async function look(): Promise<Looked> {
  // What was answered leaves through timers and finalizers of several turns.
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    globalThis.gc?.();
  }
  return { heap: process.memoryUsage().heapUsed, reached, stallMs, readings: th.watcher.snapshot() };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const say = (what: unknown): void => void process.send?.(what);

process.on('message', async (word) => {
  if (word === 'look') say(await look());
  if (word !== 'end') return;
  for (const server of [http1, http2, calm, side]) {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  }
  await Promise.all([th.close(), quiet.close(), door.close()]);
  say({ closed: true });
  process.disconnect();
});
const begun: Begun = { http1: portOf(http1), http2: portOf(http2), quiet: portOf(calm), door: portOf(side), vkey };
say(begun);
