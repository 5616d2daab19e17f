/** Guards runtimes/node/upgrades.ts: upgrades and tunnels, which no middleware sees, are limited, inspected and kept like any request. */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { serve, upgradeWebSocket } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTracehound, guardUpgrades, type UpgradeOptions } from '../../../runtimes/node/index';
import { tracehound as fetchGuard } from '../../../src/adapters/fetch';
import { tracehound } from '../../../src/adapters/hono';
import { modsecuritySignals } from '../../../src/signals/modsecurity';
import type { ThreatSignal, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { Seed } from '../../lab/seed';

const threat: ThreatSignal = { category: 'sqli', severity: 'high', detector: 'test' };
const detect = (request: { url?: string | undefined }): ThreatSignal | undefined =>
  request.url?.includes('attack') ? threat : undefined;

const open: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const close of open.splice(0)) await close();
});

interface House {
  th: Tracehound;
  server: Server;
  port: number;
  /** Requests that reached a listener or the middleware's application. */
  reached: string[];
  stop(): void;
}

/** A listener that agrees to every upgrade and tunnel, and sends back what it gets. */
function agree(reached: string[]) {
  return (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    reached.push(`${request.method} ${request.url}`);
    socket.on('error', () => {});
    socket.write(request.method === 'CONNECT' ? 'HTTP/1.1 200 OK\r\n\r\n' : 'HTTP/1.1 101 Switching Protocols\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  };
}

async function house(options: UpgradeOptions<IncomingMessage> = {}, instance: TracehoundOptions = {}): Promise<House> {
  const th = createTracehound(instance);
  const reached: string[] = [];
  const app = new Hono();
  app.use(tracehound(th, { detect: (c) => detect(c.req) }));
  app.all('*', (c) => {
    reached.push(`app ${c.req.path}`);
    return c.text('app');
  });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
  await once(server, 'listening');
  server.on('upgrade', agree(reached)); // one before, one after
  const stop = guardUpgrades(server, th, { detect, ...options });
  server.on('connect', agree(reached));
  open.push(async () => {
    server.closeAllConnections();
    server.close();
    await th.close();
  });
  return { th, server, port: (server.address() as AddressInfo).port, reached, stop };
}

const upgrade = (target: string, ...fields: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: shop.example', 'Connection: Upgrade', 'Upgrade: websocket', ...fields, '', ''].join(
    '\r\n',
  );
const tunnel = (target: string): string => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;

/** A client on a socket: what it got so far, and its end. */
function client(port: number, first: string) {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('data', (bytes) => {
    got += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  const ended = once(socket, 'close').then(() => got);
  open.push(async () => socket.destroy());
  socket.write(first, 'latin1');
  return {
    socket,
    ended,
    async until(text: string): Promise<string> {
      while (!got.includes(text)) await once(socket, 'data');
      return got;
    },
  };
}

const evidenceOf = (th: Tracehound): string =>
  Buffer.from(th.quarantine.read(th.quarantine.list().at(-1)?.signature as string)).toString('latin1');

describe.each([
  [
    'an upgrade',
    upgrade('/chat'),
    upgrade('/attack?x=%27'),
    '101 Switching Protocols',
    /^GET \/attack\?x=%27 HTTP\/1\.1\r\nHost: shop\.example\r\n/,
  ],
  [
    'a tunnel',
    tunnel('shop.example:443'),
    tunnel('attack.example:443'),
    '200 OK',
    /^CONNECT attack\.example:443 HTTP\/1\.1\r\nHost: attack\.example:443\r\n/,
  ],
])('%s', (_, clean, attack, agreed, evidence) => {
  test('that is flagged is refused, quarantined as it came, and reaches no listener', async () => {
    const { th, port, reached } = await house();
    const answer = await client(port, attack).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 403 Refused\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n/);
    const [head, body] = answer.split('\r\n\r\n') as [string, string];
    expect(head).toContain(`content-length: ${body.length}`);
    const { trace } = JSON.parse(body) as { trace: string };
    expect(th.quarantine.find(trace)).toMatchObject({ category: 'sqli', disposition: 'refused' });
    expect(evidenceOf(th)).toMatch(evidence);
    expect(evidenceOf(th)).toMatch(/\r\nTracehound-Target: raw\r\n[\s\S]*\r\nTracehound-Peer: 127\.0\.0\.1:\d+\r\n/);
    expect(reached).toEqual([]);
  });

  test('that passes is the listener’s, with everything that was sent meanwhile, once and in order', async () => {
    let decide: (said: undefined) => void = () => {};
    const { port, reached } = await house({
      detect: () =>
        new Promise((resolve) => {
          decide = resolve;
        }),
    });
    const { socket, until } = client(port, `${clean}one `);
    for (const word of ['two ', 'three ']) await new Promise((done) => socket.write(word, done));
    while (reached.length === 0) {
      await new Promise(setImmediate);
      decide(undefined);
    }
    socket.write('four.');
    const got = await until('four.');
    expect(got).toContain(agreed);
    expect(got.slice(got.indexOf('\r\n\r\n') + 4)).toBe('one two three four.');
    expect(reached).toHaveLength(1);
  });

  test('is charged with ordinary requests: over the limit, 429 and nothing else', async () => {
    const seen = vi.fn(() => undefined);
    const { port, reached } = await house({ detect: seen }, { rateLimit: { limit: 2, windowMs: 3_600_000 } });
    await (await fetch(`http://127.0.0.1:${port}/page`)).text();
    await client(port, clean).until(agreed);
    const answer = await client(port, clean).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 429 [\s\S]*\r\nretry-after: \d+\r\n/);
    expect(answer).toMatch(/\r\nratelimit: "default";r=0;/);
    expect([seen.mock.calls.length, reached.length]).toEqual([1, 2]);
  });

  test('whose detector fails or hangs: passed or refused as configured', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const passing = await house({ detect: boom });
    await client(passing.port, clean).until(agreed);
    expect(passing.th.watcher.snapshot().totals.uninspected).toBe(1);
    const refusing = await house({
      detect: () => new Promise(() => {}),
      detectTimeoutMs: 20,
      onDetectorFailure: 'refuse',
    });
    expect(await client(refusing.port, clean).ended).toMatch(/^HTTP\/1\.1 503 /);
    expect(refusing.reached).toEqual([]);
  });

  test('in shadow passes and is recorded', async () => {
    const { th, port } = await house({ shadow: true });
    await client(port, attack).until(agreed);
    expect(th.quarantine.list()).toMatchObject([{ category: 'sqli', disposition: 'observed' }]);
  });

  test('whose client goes away while we look reaches nobody and harms nobody', async () => {
    let decide: (said: undefined) => void = () => {};
    const { server, port, reached } = await house({
      detect: () =>
        new Promise((resolve) => {
          decide = resolve;
        }),
    });
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const { socket } = client(port, clean);
    const [theirs] = await arrived;
    while (socket.bytesWritten === 0 || theirs.bytesRead === 0) await new Promise(setImmediate);
    const gone = new Promise((resolve) => theirs.on('close', resolve));
    socket.resetAndDestroy();
    await gone;
    decide(undefined);
    await new Promise(setImmediate);
    expect(reached).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${port}/page`)).status).toBe(200);
  });

  test('is nobody’s any more once the guard is stopped', async () => {
    const { th, port, stop } = await house();
    stop();
    await client(port, attack).until(agreed);
    expect(th.watcher.snapshot().totals.seen).toBe(0);
  });
});

describe('the server', () => {
  test('without listeners for it treats an upgrade as a request, which the middleware sees', async () => {
    const { server, port, reached } = await house();
    server.removeAllListeners('upgrade');
    server.removeAllListeners('connect');
    expect(
      await client(port, upgrade('/attack').replace('Connection: Upgrade', 'Connection: close, Upgrade')).ended,
    ).toMatch(/^HTTP\/1\.1 403 Forbidden/);
    expect(await client(port, tunnel('a:1')).ended).toBe('');
    expect(reached).toEqual([]);
  });

  test('keeps its other events, and what `emit` answers', () => {
    const { th } = { th: createTracehound() };
    const server = createServer();
    guardUpgrades(server, th, { detect });
    const heard = vi.fn();
    server.on('mine', heard);
    expect([server.emit('mine', 1, 2), server.emit('nobody'), server.emit('upgrade')]).toEqual([true, false, false]);
    expect(heard.mock.calls).toEqual([[1, 2]]);
  });

  test('must be one of HTTP/1.1, with an instance and a detector', () => {
    const th = createTracehound();
    for (const wrong of [undefined, {}, 5, createHttp2Server()]) {
      expect(() => guardUpgrades(wrong as never, th, { detect })).toThrow(/no server/);
    }
    expect(() => guardUpgrades(createServer(), {} as never, { detect })).toThrow(/no instance/);
    expect(() => guardUpgrades(createServer(), th, {})).toThrow(/^tracehound\.detect: /);
  });
});

describe('a forged field', () => {
  test('is gone from every place where Node keeps it', async () => {
    const { server, port } = await house({ signals: [modsecuritySignals({ trust: () => false })], allow: () => true });
    server.removeAllListeners('upgrade');
    const shown = new Promise<unknown[]>((resolve) => {
      server.on('upgrade', ({ headers, headersDistinct, rawHeaders }: IncomingMessage, socket: Socket) => {
        resolve([Object.keys(headers), Object.keys(headersDistinct), rawHeaders.filter((_, at) => at % 2 === 0)]);
        socket.destroy();
      });
    });
    client(port, upgrade('/chat', 'X-Waf-Score: 0', 'X-Own: 1', 'x_waf_score: 1', 'X-WAF-Score: 2'));
    const rest = ['host', 'connection', 'upgrade', 'x-own'];
    expect(await shown).toEqual([rest, rest, ['Host', 'Connection', 'Upgrade', 'X-Own']]);
  });
});

describe('a refusal', () => {
  test('may be replaced, and still ends the connection', async () => {
    const { port } = await house({
      onRefused: () =>
        new Response('mine', { status: 418, statusText: 'Teapot', headers: { connection: 'keep-alive' } }),
    });
    const answer = await client(port, upgrade('/attack')).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 418 Teapot\r\n[\s\S]*\r\n\r\nmine$/);
    expect(answer).toContain('connection: close\r\n');
    expect(answer).not.toContain('keep-alive');
  });

  test('whose body fails ends the connection without it, and is reported', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (const error of [new Error('boom'), 'boom']) {
      const broken = (): Response =>
        new Response(new ReadableStream({ start: (controller) => controller.error(error) }));
      const { port, reached } = await house({ onRefused: broken });
      expect(await client(port, upgrade('/attack')).ended).toBe('');
      expect(reached).toEqual([]);
      expect(warned).toHaveBeenLastCalledWith(error, 'Tracehound');
    }
  });

  /** A stream that takes what it is given and never says that it was sent. */
  class Stuck extends EventEmitter {
    destroyed = false;
    readonly written: string[] = [];
    end(bytes: Uint8Array): void {
      this.written.push(Buffer.from(bytes).toString('latin1'));
    }
    resume(): void {}
    destroy(): void {
      this.destroyed = true;
      this.emit('close');
    }
  }
  /** What a lenient parser lets through. */
  const odd = {
    method: 'GET',
    url: 'http://a.example/attack',
    httpVersion: '1.1',
    headers: {},
    rawHeaders: ['x-own', '1', 'x-odd', '\u0100', 'x'],
  };

  function stage(options: UpgradeOptions = {}): { th: Tracehound; ask(request: object): Stuck } {
    const th = createTracehound();
    open.push(() => th.close());
    const server = new EventEmitter();
    server.on('upgrade', () => {});
    guardUpgrades(server, th, { detect, ...options });
    const ask = (request: object): Stuck => {
      const socket = new Stuck();
      server.emit('upgrade', request, socket, Buffer.alloc(0));
      return socket;
    };
    return { th, ask };
  }

  test('that a client does not take is given up after two seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { th, ask } = stage();
    const socket = ask(odd);
    while (socket.written.length === 0) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(evidenceOf(th)).toMatch(/^GET http:\/\/a\.example\/attack HTTP\/1\.1\r\nx-own: 1\r\nx-odd: \xc4\x80\r\n/);
  });

  test('to somebody who has left is not written', async () => {
    const { th, ask } = stage();
    const socket = ask({ ...odd, rawHeaders: [] });
    socket.destroyed = true;
    await vi.waitFor(() => expect(th.quarantine.stats.count).toBe(1));
    await new Promise(setImmediate);
    expect(socket.written).toEqual([]);
  });

  test('of something without method or target is a refusal too; nothing waits for who has gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { th, ask } = stage({ detect: () => threat });
    const socket = ask({ httpVersion: '1.1', headers: {}, rawHeaders: [] });
    while (socket.written.length === 0) await new Promise(setImmediate);
    expect(th.quarantine.stats.count).toBe(1);
    expect(vi.getTimerCount()).toBe(1);
    socket.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is spared a request without the map of distinct fields', async () => {
    const { ask } = stage({ signals: [modsecuritySignals({ trust: () => false })], allow: () => true });
    const request = {
      ...odd,
      headers: { 'x-waf-score': '1', host: 'a' },
      rawHeaders: ['X-Waf-Score', '1', 'Host', 'a'],
    };
    ask(request);
    await vi.waitFor(() => expect(request.rawHeaders).toEqual(['Host', 'a']));
    expect(request.headers).toEqual({ host: 'a' });
  });
});

describe.each(['hono', 'fetch'] as const)('a WebSocket that meets two guards, %s behind the upgrade', (frame) => {
  /** As the documents say: one instance, the middleware, and the guard of the server's upgrades. */
  async function two(instance: TracehoundOptions = {}) {
    const th = createTracehound({ rateLimit: { limit: 200 }, secret: new Uint8Array(32).fill(1), ...instance });
    const reached: string[] = [];
    const agreed = (socket: Socket): void => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    };
    const app = new Hono();
    app.use(tracehound(th, { detect: (c) => detect(c.req) }));
    app.use('/twice/*', tracehound(th, { detect: (c) => detect(c.req) }));
    app.get(
      '*',
      upgradeWebSocket(() => ({})),
    );
    app.all('*', (c) => {
      reached.push(c.req.path);
      return c.text('app');
    });
    const guarded = fetchGuard(th, { detect })((request: Request, _platform: unknown) => {
      reached.push(new URL(request.url).pathname);
      return new Response('app');
    });
    /** `ws`, as far as Hono uses it. */
    const sockets = Object.assign(new EventEmitter(), {
      options: { noServer: true },
      close: () => {},
      handleUpgrade: (request: IncomingMessage, socket: Socket) => {
        reached.push(String(request.url));
        agreed(socket);
      },
    });
    const server = serve({
      fetch: frame === 'hono' ? app.fetch : (guarded as never),
      hostname: '127.0.0.1',
      port: 0,
      ...(frame === 'hono' ? { websocket: { server: sockets as never } } : {}),
    }) as Server;
    await once(server, 'listening');
    if (frame === 'fetch') {
      // An application of the web's kind that is asked about the upgrade first.
      server.on('upgrade', async (incoming: IncomingMessage, socket: Socket) => {
        const { status } = await guarded(new Request(`http://a.example${incoming.url}`), { incoming });
        if (status === 200) agreed(socket);
        else socket.destroy();
      });
    }
    guardUpgrades(server, th, { detect });
    open.push(async () => {
      server.closeAllConnections();
      server.close();
      await th.close();
    });
    return { th, reached, port: (server.address() as AddressInfo).port };
  }

  test('is charged once, in any mixture with ordinary requests', async () => {
    const { th, reached, port } = await two();
    const seed = new Seed(23);
    const requests = 48;
    for (let i = 0; i < requests; i++) {
      const path = `${seed.one(['', '/twice'])}/r${i}`;
      const isUpgrade = seed.below(2) === 0;
      const asked = isUpgrade
        ? upgrade(path)
        : `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
      expect(await client(port, asked).ended).toContain(isUpgrade ? '101 Switching' : '200 OK');
      expect(th.rateLimiter.peek('127.0.0.1').remaining).toBe(200 - (i + 1));
    }
    expect(reached).toHaveLength(requests);
    expect(th.watcher.snapshot().totals.seen).toBe(requests);
  });

  test('is refused by the first of them', async () => {
    const { th, reached, port } = await two({ rateLimit: { limit: 3 } });
    for (const answer of ['101', '101', '101', '429']) {
      expect((await client(port, upgrade('/a')).ended).slice(9, 12)).toBe(answer);
    }
    expect(reached).toHaveLength(3);
    th.rateLimiter.reset('127.0.0.1');
    expect((await client(port, upgrade('/attack')).ended).slice(9, 12)).toBe('403');
    expect(th.quarantine.stats.count).toBe(1);
  });
});
