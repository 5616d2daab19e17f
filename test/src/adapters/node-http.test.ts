/**
 * Guards src/adapters/node-http.ts: a refusal reaches a client that is still sending, over HTTP and TLS and through every
 * adapter; what it still sends is bounded, and none of it becomes a request.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createAdaptorServer } from '@hono/node-server';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTracehound, guardUpgrades } from '../../../runtimes/node/index';
import { endGently } from '../../../src/adapters/node-http';
import type { Tracehound } from '../../../src/types/index';
import { FRAMES } from '../../lab/frames';
import { Seed } from '../../lab/seed';
import { CERTIFICATE, KEY } from '../../lab/tls';

const MiB = 1024 * 1024;
const VARIANTS = 24;

const open: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of open.splice(0)) await close();
});

interface House {
  th: Tracehound;
  reached: string[];
  dial(): Promise<Socket>;
}

async function house(frame: (typeof FRAMES)[number], secure: boolean, limit = 1_000): Promise<House> {
  const th = createTracehound({ rateLimit: { limit }, secret: new Uint8Array(32).fill(5) });
  const reached: string[] = [];
  const detect = (request: Request) =>
    request.url.includes('attack') ? ({ category: 'test', severity: 'high' } as const) : undefined;
  const fetch = frame.guarded(th, { detect, captureTimeoutMs: 100 }, reached);
  const server = createAdaptorServer(
    secure ? { fetch, createServer: createTlsServer, serverOptions: { cert: CERTIFICATE, key: KEY } } : { fetch },
  ) as Server;
  guardUpgrades(server, th, {
    detect: ({ url }) => (url?.includes('attack') ? { category: 'test', severity: 'high' } : undefined),
  });
  server.on('upgrade', (request, socket) => {
    reached.push(String(request.url));
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  open.push(async () => {
    server.closeAllConnections();
    server.close();
    await th.close();
  });
  return {
    th,
    reached,
    async dial() {
      const plain = connect(port, '127.0.0.1');
      const socket = secure ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
      open.push(() => plain.destroy());
      await once(socket, secure ? 'secureConnect' : 'connect');
      return socket;
    },
  };
}

interface Said {
  text: string;
  /** What the system said instead of an end. */
  error: string | undefined;
}

/** What a client gets that sends all of it, and reads at once or only afterwards. */
async function upload(socket: Socket, head: string, body: readonly Buffer[], readsLate: boolean): Promise<Said> {
  const said: Said = { text: '', error: undefined };
  socket.on('error', (error: Error & { code?: string }) => {
    said.error = error.code ?? error.message;
  });
  socket.on('data', (bytes) => {
    said.text += bytes.toString('latin1');
  });
  if (readsLate) socket.pause();
  const closed = ended(socket);
  socket.write(head, 'latin1');
  for (const part of body) {
    if (socket.destroyed) break;
    if (!socket.write(part)) await drained(socket);
  }
  socket.resume();
  await closed;
  return said;
}

/** Not `once`, which takes a reset for its own failure. */
const ended = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', () => resolve());
  });

const statuses = ({ text }: Said): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => code as string);
const calm = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe.each(FRAMES)('$name', (frame) => {
  test.each([
    ['HTTP', false],
    ['TLS', true],
  ])('a refused upload gets its answer and an end without a reset, over %s', async (_, secure) => {
    const { dial, reached } = await house(frame, secure);
    const seed = new Seed(secure ? 77 : 7);
    for (let round = 0; round < VARIANTS; round++) {
      const count = 1 + seed.below(5);
      const size = 20_000 + Math.floor(seed.below(20 * MiB) / count); // below what is dropped at most
      const parts = Array.from({ length: count }, () => Buffer.alloc(size, 0x78));
      const chunked = seed.below(2) === 0;
      const declared = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${parts.length * size}`;
      const body = chunked
        ? parts.flatMap((part) => [Buffer.from(`${size.toString(16)}\r\n`), part, Buffer.from('\r\n')])
        : parts;
      const head = `POST /attack?${round} HTTP/1.1\r\nHost: a\r\n${declared}\r\n\r\n`;
      // What hides behind the body must stay what it is: bytes that nobody reads.
      const smuggled = Buffer.from('0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n');
      const said = await upload(await dial(), head, [...body, smuggled], seed.below(2) === 0);
      expect(said.error, `round ${round}`).toBeUndefined();
      expect(statuses(said), `round ${round}`).toEqual(['403']);
      expect(said.text).toMatch(/\r\nconnection: close\r\n/i);
    }
    expect(reached).toEqual([]);
  });

  test('so does one that is over its limit, or blocked', async () => {
    const { th, dial, reached } = await house(frame, false, 1);
    th.rateLimiter.block('127.0.0.1', 60_000);
    for (let round = 0; round < 6; round++) {
      const head = `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 * MiB}\r\n\r\n`;
      const said = await upload(await dial(), head, [Buffer.alloc(4 * MiB)], round % 2 === 0);
      expect([said.error, statuses(said)]).toEqual([undefined, ['429']]);
    }
    expect(reached).toEqual([]);
  });

  test('and requests in the pipe behind a refused body are not read as requests', async () => {
    const { dial, reached } = await house(frame, false);
    const head = 'POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n';
    const rest = [Buffer.alloc(100_000), Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50))];
    const socket = await dial();
    const answered = once(socket, 'data');
    const said: Said = { text: '', error: undefined };
    socket.on('data', (bytes) => {
      said.text += bytes.toString('latin1');
    });
    socket.write(head);
    await answered; // the capture waits for a body of this size no longer than its time
    for (const part of rest) socket.write(part);
    await once(socket, 'close');
    await calm();
    expect(statuses(said)).toEqual(['403']);
    expect(reached).toEqual([]);
  });

  test('the answer waits for a sender that pauses longer than the server would', async () => {
    const { dial } = await house(frame, false);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const socket = await dial();
    let error: unknown;
    socket.on('error', (one) => {
      error = one;
    });
    const answered = once(socket, 'data');
    const closed = ended(socket);
    socket.write('POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc');
    await vi.advanceTimersByTimeAsync(100); // the capture's time
    const tick = setInterval(() => vi.advanceTimersByTime(100), 5);
    await answered;
    clearInterval(tick);
    socket.allowHalfOpen = true;
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(300);
      await new Promise<void>((resolve) => socket.write(Buffer.alloc(30_000), () => resolve()));
      await calm();
    }
    socket.end();
    socket.resume();
    await closed;
    expect(error).toBeUndefined();
  });

  test('a sender that never ends is cut off: by bytes, and by time', async () => {
    const { dial } = await house(frame, false);
    const endless = await dial();
    endless.allowHalfOpen = true; // it ignores that the other side has ended
    let sent = 0;
    const closed = ended(endless);
    endless.on('error', () => {});
    endless.resume();
    endless.write('POST /attack HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = Buffer.concat([Buffer.from(`${MiB.toString(16)}\r\n`), Buffer.alloc(MiB), Buffer.from('\r\n')]);
    while (!endless.destroyed && sent < 128 * MiB) {
      if (!endless.write(chunk)) await drained(endless);
      sent += MiB;
    }
    await closed;
    // 32 MiB, and what the sockets of both sides hold.
    expect(sent).toBeGreaterThanOrEqual(32 * MiB);
    expect(sent).toBeLessThan(64 * MiB);

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const silent = await dial();
    silent.on('error', () => {});
    silent.allowHalfOpen = true; // it reads its answer and the end, and stays: only time is left
    const answered = once(silent, 'end');
    silent.resume();
    silent.write('POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc');
    const tick = setInterval(() => vi.advanceTimersByTime(500), 5);
    await answered;
    await ended(silent.end('more'));
    clearInterval(tick);
  });
});

test('an upgrade that is refused while its client sends gets its answer and no reset', async () => {
  const { dial, reached } = await house(FRAMES[0] as (typeof FRAMES)[number], false);
  const seed = new Seed(9);
  for (let round = 0; round < VARIANTS; round++) {
    const head = 'GET /attack HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const said = await upload(await dial(), head, [Buffer.alloc(seed.below(4 * MiB))], seed.below(2) === 0);
    expect([said.error, statuses(said)], `round ${round}`).toEqual([undefined, ['403']]);
  }
  expect(reached).toEqual([]);
});

test('what is no connection of Node’s HTTP/1 is left alone', () => {
  const closing = new Response('', { headers: { connection: 'close' } });
  const destroySoon = (): void => {};
  for (const platform of [undefined, null, {}, { incoming: {} }, { incoming: { socket: null, httpVersion: '1.1' } }]) {
    expect(() => endGently(platform, closing)).not.toThrow();
  }
  const socket = { destroySoon, removeAllListeners: () => {} };
  endGently({ incoming: { httpVersion: '2.0', socket } }, closing);
  endGently({ incoming: { httpVersion: '1.1', socket } }, new Response(''));
  expect(socket.destroySoon).toBe(destroySoon);
});
