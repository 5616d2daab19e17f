/**
 * Guards runtimes/node/peers.ts: a client that resets its connection is charged, blocked and named like any other, over every
 * protocol that Node serves; and a request whose client has gone never reaches the application.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect as connect2, createSecureServer, createServer as createServer2 } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { createTracehound, guardUpgrades } from '../../../runtimes/node/index';
import { isGone, peerAddress } from '../../../runtimes/node/peers';
import { tracehound as fetchGuard } from '../../../src/adapters/fetch';
import { tracehound } from '../../../src/adapters/hono';
import type { Tracehound } from '../../../src/types/index';
import { Seed } from '../../lab/seed';
import { CERTIFICATE, KEY } from '../../lab/tls';

/** Linux answers on all of 127/8. */
const ATTACKER = '127.0.0.9';
const VARIANTS = 24;

type Protocol = 'http' | 'https' | 'h2c' | 'h2' | 'upgrade';
type Frame = 'hono' | 'fetch' | 'sync';

interface House {
  th: Tracehound;
  port: number;
  /** Requests that reached the application. */
  reached: string[];
  /** Requests that the guard has answered or passed on. */
  settled(count: number): Promise<void>;
}

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const serverOf: Record<Protocol, (fetch: never) => unknown> = {
  http: (fetch) => createAdaptorServer({ fetch }),
  https: (fetch) =>
    createAdaptorServer({ fetch, createServer: createTlsServer, serverOptions: { cert: CERTIFICATE, key: KEY } }),
  h2c: (fetch) => createAdaptorServer({ fetch, createServer: createServer2 }),
  h2: (fetch) =>
    createAdaptorServer({ fetch, createServer: createSecureServer, serverOptions: { cert: CERTIFICATE, key: KEY } }),
  upgrade: (fetch) => createAdaptorServer({ fetch }),
};

async function house(
  protocol: Protocol,
  frame: Frame,
  detect: (url: string) => unknown = () => undefined,
): Promise<House> {
  const th = createTracehound({ rateLimit: { limit: 1_000, windowMs: 60_000 } });
  const reached: string[] = [];
  let done = 0;
  let wake = (): void => {};
  const seen = async (url: string): Promise<never> => {
    try {
      return (await detect(url)) as never;
    } finally {
      setImmediate(() => {
        done++;
        wake();
      });
    }
  };
  const app = new Hono();
  app.use(tracehound(th, { detect: (c: Context) => seen(c.req.url), detectTimeoutMs: 60_000 }));
  app.all('*', (c) => {
    reached.push(c.req.url);
    return c.text('ok');
  });
  const guarded = fetchGuard(th, { detect: (request) => seen(request.url), detectTimeoutMs: 60_000 })((request) => {
    reached.push(request.url);
    return new Response('ok');
  });
  const sync = fetchGuard(th, { detect: () => undefined })((request) => {
    reached.push(request.url);
    return new Response('ok');
  });
  const fetch = { hono: app.fetch, fetch: guarded, sync }[frame];
  const server = serverOf[protocol](fetch as never) as Server;
  if (protocol === 'upgrade') {
    server.on('upgrade', (request, socket) => {
      reached.push(String(request.url));
      socket.destroy();
    });
    guardUpgrades(server, th, { detect: (request) => seen(String(request.url)), detectTimeoutMs: 60_000 });
  }
  server.on('sessionError', () => {}); // what a reset leaves behind on HTTP/2
  server.on('clientError', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(async () => {
    server.closeAllConnections?.();
    server.close();
    await th.close();
  });
  return {
    th,
    port: (server.address() as AddressInfo).port,
    reached,
    settled: async (count) => {
      while (done < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** Frames of HTTP/2 (RFC 9113 §4.1), so that the whole request is one write. */
function frame2(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const literal = (index: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([index, text.length]), Buffer.from(text)]);
const request2 = (path: string): Buffer =>
  Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame2(4, 0, 0, Buffer.alloc(0)),
    // :method GET, :scheme http, :authority and :path as literals without indexing.
    frame2(1, 5, 1, Buffer.concat([Buffer.from([0x82, 0x86]), literal(0x01, 'shop.example'), literal(0x04, path)])),
  ]);

function requestOf(protocol: Protocol, seed: Seed, path: string): Buffer {
  if (protocol === 'h2' || protocol === 'h2c') return request2(path);
  const padding = Array.from({ length: seed.below(8) }, (_, i) => `X-${i}: ${'p'.repeat(seed.below(200))}\r\n`).join(
    '',
  );
  if (protocol === 'upgrade') {
    return Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${padding}\r\n`,
    );
  }
  const body = seed.one(['', 'a=1', 'x'.repeat(seed.below(4_000))]);
  const half = body.slice(0, seed.below(body.length + 1));
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: a\r\n${padding}Content-Length: ${body.length}\r\n\r\n${half}`);
}

/** Writes one request and resets, in the manner of the seed. Resolves when the client's side is gone. */
async function hitAndRun(protocol: Protocol, port: number, seed: Seed, path: string): Promise<void> {
  const secure = protocol === 'https' || protocol === 'h2';
  const plain = connect({ port, host: '127.0.0.1', localAddress: ATTACKER });
  plain.on('error', () => {});
  const socket: Socket = secure
    ? connectTls({ socket: plain, rejectUnauthorized: false, ALPNProtocols: protocol === 'h2' ? ['h2'] : ['http/1.1'] })
    : plain;
  socket.on('error', () => {});
  await once(socket, secure ? 'secureConnect' : 'connect');
  const gone = once(plain, 'close');
  const bytes = requestOf(protocol, seed, path);
  if (seed.below(2) === 0) socket.write(bytes, () => plain.resetAndDestroy());
  else {
    socket.write(bytes);
    setImmediate(() => plain.resetAndDestroy());
  }
  await gone;
}

const PROTOCOLS: readonly Protocol[] = ['http', 'https', 'h2c', 'h2', 'upgrade'];
const GROUNDS = PROTOCOLS.flatMap((protocol) =>
  (protocol === 'upgrade' ? (['hono'] as const) : (['hono', 'fetch'] as const)).map(
    (frame) => [protocol, frame] as const,
  ),
);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function calm(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

describe.each(GROUNDS)('%s through %s', (protocol, frame) => {
  test('a blocked client that resets reaches nobody, one after the other and all at once', async () => {
    const { th, port, reached } = await house(protocol, frame);
    th.rateLimiter.block(ATTACKER, 3_600_000);
    const seed = new Seed(20 + PROTOCOLS.indexOf(protocol));
    for (let i = 0; i < VARIANTS; i++) await hitAndRun(protocol, port, seed, `/t${i}`);
    await Promise.all(Array.from({ length: VARIANTS }, (_, i) => hitAndRun(protocol, port, seed, `/c${i}`)));
    await calm();
    expect(reached).toEqual([]);
  });

  test('evidence of a client that resets names it', async () => {
    const { th, port, settled } = await house(protocol, frame, () => ({ category: 'test', severity: 'high' }));
    const seed = new Seed(40 + PROTOCOLS.indexOf(protocol));
    // A request that was cut off inside its handshake or fields is none; of this many, most arrive.
    for (let i = 0; i < VARIANTS; i++) await hitAndRun(protocol, port, seed, `/e${i}`);
    await Promise.race([settled(VARIANTS), calm()]);
    const held = th.quarantine.list({ limit: 1_000 });
    expect(held.length).toBeGreaterThan(VARIANTS / 2);
    for (const { signature } of held) {
      const text = Buffer.from(th.quarantine.read(signature)).toString('latin1');
      expect(text).toContain(`Tracehound-Source: ${ATTACKER}`);
    }
  });

  test('a client that leaves while the detector looks is not served', async () => {
    const left: Promise<unknown>[] = [];
    const { th, port, reached, settled } = await house(protocol, frame, async () => {
      // Until the other side has closed, and the server has come around to it.
      await Promise.all(left);
      await calm();
      return undefined;
    });
    const seed = new Seed(60 + PROTOCOLS.indexOf(protocol));
    for (let i = 0; i < VARIANTS; i++) left.push(hitAndRun(protocol, port, seed, `/g${i}`));
    await Promise.all(left);
    await settled(1);
    await calm();
    await calm();
    // Every one that was charged is decided about: one by one, as their connections end.
    for (;;) {
      const { seen, gone } = th.watcher.snapshot().totals;
      if (gone === seen || reached.length > 0) break;
      await turn();
    }
    expect(reached).toEqual([]);
  });
});

test('a client that had reset before its request was read reaches nobody, although nothing is awaited', async () => {
  const { th, port, reached } = await house('http', 'sync');
  for (let i = 0; i < 3 * VARIANTS; i++) await hitAndRun('http', port, new Seed(2), `/s${i}`);
  await calm();
  expect(reached).toEqual([]);
  expect(th.watcher.snapshot().totals.seen).toBe(3 * VARIANTS);
});

test('one stream of HTTP/2 that is cancelled is not served, and its connection goes on', async () => {
  let cancelled = Promise.resolve<unknown>(undefined);
  const { port, reached } = await house('h2c', 'hono', async (url) => {
    if (!url.includes('cancelled')) return undefined;
    await cancelled;
    await calm();
  });
  const session = connect2(`http://127.0.0.1:${port}`);
  open.push(() => session.destroy());
  const stream = session.request({ ':path': '/cancelled' });
  stream.on('error', () => {});
  cancelled = once(stream, 'close');
  await turn();
  stream.close(8);
  await cancelled;
  const other = session.request({ ':path': '/other' });
  other.resume();
  await once(other, 'end');
  await calm();
  expect(reached.map((url) => new URL(url).pathname)).toEqual(['/other']);
});

test('a client that stays is served, whatever it closes on its own side, and a Unix socket has nobody to miss', async () => {
  const { th, port, reached } = await house('http', 'hono');
  const half = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  half.end('GET /half HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let got = '';
  for await (const chunk of half) got += chunk;
  expect(got).toMatch(/^HTTP\/1\.1 200 /);

  const app = new Hono();
  app.use(tracehound(th, { detect: () => undefined }));
  app.all('*', (c) => c.text('ok'));
  const path = join(tmpdir(), `tracehound-${process.pid}.sock`);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.listen(path);
  await once(server, 'listening');
  open.push(() => server.close());
  const client = connect(path);
  client.end('GET /unix HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  got = '';
  for await (const chunk of client) got += chunk;
  expect(got).toMatch(/^HTTP\/1\.1 200 /);
  expect(reached).toHaveLength(1);
});

test('what is no connection of Node’s has no address and is not gone', () => {
  for (const one of [undefined, {}, { remoteAddress: undefined }, { _parent: null }, { _handle: null }]) {
    expect([peerAddress(one), isGone(one)]).toEqual([undefined, false]);
  }
  expect(peerAddress({ _parent: { remoteAddress: '192.0.2.1' } })).toBe('192.0.2.1');
  expect(isGone({ destroyed: true, remoteAddress: '192.0.2.1' })).toBe(true);
  expect(isGone({ writable: false, remoteAddress: '192.0.2.1' })).toBe(true);
  expect(isGone({ localAddress: '127.0.0.1' })).toBe(true);
  expect(isGone({ remoteAddress: '192.0.2.1', _handle: { getpeername: () => -107 } })).toBe(true);
  expect(isGone({ remoteAddress: '192.0.2.1', _handle: { getpeername: () => 0 } })).toBe(false);
});
