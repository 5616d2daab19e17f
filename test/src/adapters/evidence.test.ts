/**
 * Guards that evidence shows the attack wherever in a request it lies: in the target, in whom it was asked of, in how, and
 * in the body of any method. Two attacks on two hosts are two items. Real servers of HTTP/1.1, HTTP/2 and TLS under every
 * adapter of the web's kind; clients are sockets, because no HTTP client sends what attackers send.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import http2 from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, test } from 'vitest';
import { createTracehound, guardUpgrades } from '../../../runtimes/node/index';
import type { ThreatSignal, Tracehound } from '../../../src/types/index';
import { Dice } from '../../conformance/trace';
import { FRAMES, type Frame, type FrameOptions } from '../../lab/frames';

const threat: ThreatSignal = { category: 'open-proxy', severity: 'high' };
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface House {
  th: Tracehound;
  port: number;
}

async function house(frame: Frame, options: FrameOptions = {}, version: 1 | 2 = 1): Promise<House> {
  const th = createTracehound({ rateLimit: false });
  const fetch = frame.guarded(th, { detect: () => threat, ...options }, []);
  const given = { fetch, port: 0, hostname: '127.0.0.1' };
  const server = version === 1 ? serve(given) : serve({ ...given, createServer: http2.createServer } as never);
  await once(server, 'listening');
  open.push(async () => {
    if ('closeAllConnections' in server) (server as Server).closeAllConnections();
    server.close();
    await th.close();
  });
  return { th, port: (server.address() as AddressInfo).port };
}

/** What the server says to these bytes, until `answers` heads came or it closes. */
function raw(port: number, bytes: string, answers = 1): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('error', () => {});
  socket.on('data', (data) => {
    got += data.toString('latin1');
    if (got.split('HTTP/1.1 ').length > answers && got.endsWith('}')) socket.destroy();
  });
  socket.write(bytes, 'latin1');
  return new Promise((resolve) => socket.on('close', () => resolve(got)));
}

interface Message {
  start: string;
  fields: Map<string, string>;
  body: string;
}

/** Everything that is held, in the order in which it came. */
function evidence(th: Tracehound): Message[] {
  return th.quarantine.list({ limit: 1_000 }).map(({ signature }) => {
    const text = Buffer.from(th.quarantine.read(signature)).toString('latin1');
    const [head = ''] = text.split('\r\n\r\n', 1);
    const [start = '', ...lines] = head.split('\r\n');
    const fields = new Map(lines.map((line) => line.split(': ', 2) as [string, string]));
    return { start, fields, body: text.slice(head.length + 4) };
  });
}

const own = ({ fields }: Message, name: string): string | undefined => fields.get(`Tracehound-${name}`);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** 24 authorities as attackers write them, by seed. */
const AUTHORITIES = ((): string[] => {
  const dice = new Dice(7);
  const made = Array.from(
    { length: 20 },
    (_, i) => `h${i}-${dice.below(1_000)}.example${dice.below(2) ? '' : `:${1 + dice.below(65_535)}`}`,
  );
  return ['169.254.169.254', '[::1]:8080', 'Metadata.Internal', 'metadata.internal:80', ...made];
})();

describe.each(FRAMES)('$name', (frame) => {
  test('an absolute target is kept as it came, and each host is an attack of its own', async () => {
    const { th, port } = await house(frame);
    for (const authority of AUTHORITIES) {
      expect(await raw(port, `GET http://${authority}/latest/../meta HTTP/1.1\r\nHost: shop.example\r\n\r\n`)).toMatch(
        / 403 /,
      );
    }
    const kept = evidence(th);
    expect(kept.map(({ start }) => start)).toEqual(
      AUTHORITIES.map((one) => `GET http://${one}/latest/../meta HTTP/1.1`),
    );
    for (const [index, message] of kept.entries()) {
      const said = ['Target', 'Authority', 'Authority-From', 'Scheme', 'Version'].map((name) => own(message, name));
      expect(said).toEqual(['raw', AUTHORITIES[index], 'target', 'http', undefined]);
      expect(message.fields.get('Host')).toBe('shop.example');
    }
  });

  test('HTTP/2 says whom it asks in `:authority`, and so does the evidence', async () => {
    const { th, port } = await house(frame, {}, 2);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    open.push(() => session.destroy());
    const names = AUTHORITIES.filter((one) => !/\[/.test(one));
    for (const authority of names) {
      const stream = session.request({ ':path': '/latest/../meta', ':authority': authority, 'x-a': '1' });
      stream.resume();
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect(head[':status']).toBe(403);
      await once(stream, 'close');
    }
    const kept = evidence(th);
    expect(kept.map((message) => own(message, 'Authority'))).toEqual(names);
    for (const message of kept) {
      expect(message.start).toBe('GET /latest/../meta HTTP/2.0');
      expect(['Target', 'Authority-From', 'Scheme'].map((name) => own(message, name))).toEqual([
        'raw',
        'pseudo',
        'http',
      ]);
      expect([...message.fields.keys()].filter((name) => name.startsWith(':'))).toEqual([]);
    }
  });

  test('the same attack by another version of the protocol is another item, and the version is the one that was spoken', async () => {
    const { th, port } = await house(frame);
    for (const version of ['1.0', '1.1', '1.0', '1.1']) {
      await raw(port, `GET /x HTTP/${version}\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
    }
    expect(evidence(th).map(({ start }) => start)).toEqual(['GET /x HTTP/1.0', 'GET /x HTTP/1.1']);
    expect(th.watcher.snapshot().totals.byStatus.duplicate).toBe(2);
  });

  test('a request without Host claims none', async () => {
    const { th, port } = await house(frame);
    await raw(port, 'GET /x HTTP/1.0\r\n\r\n');
    const [message] = evidence(th);
    expect([own(message!, 'Authority'), own(message!, 'Authority-From')]).toEqual([undefined, undefined]);
  });

  const METHODS = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'TRACE', 'PROPFIND', 'SEARCH'];
  const FRAMINGS = ['length', 'chunked'] as const;
  const bodies = METHODS.flatMap((method) => FRAMINGS.map((framing) => [method, framing] as const));

  test.each(bodies)('the body of %s (%s) is evidence, and another body another attack', async (method, framing) => {
    const { th, port } = await house(frame);
    const sent = ["user=admin'--", "user=other'--"];
    for (const body of sent) {
      const head = `${method} /search HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n`;
      const bytes =
        framing === 'length'
          ? `${head}Content-Length: ${body.length}\r\n\r\n${body}`
          : `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      expect(await raw(port, bytes)).toMatch(/ 403 /);
    }
    const kept = evidence(th);
    expect(kept.map(({ body }) => body)).toEqual(sent);
    for (const message of kept)
      expect([own(message, 'Body-State'), own(message, 'Body-Captured')]).toEqual(['complete', '13']);
  });

  test('a GET over HTTP/2 needs to declare no body to have one', async () => {
    const { th, port } = await house(frame, {}, 2);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    open.push(() => session.destroy());
    for (const body of ['', 'attack one', 'attack two']) {
      const stream = session.request({ ':path': '/x' }, { endStream: body === '' });
      stream.resume();
      if (body !== '') stream.end(body);
      await once(stream, 'close');
    }
    expect(evidence(th).map((message) => [message.body, own(message, 'Body-State')])).toEqual([
      ['', 'none'],
      ['attack one', 'complete'],
      ['attack two', 'complete'],
    ]);
  });

  test('a GET whose body was kept leaves its connection in order', async () => {
    const { th, port } = await house(frame, {
      detect: (request) => (request.url.includes('attack') ? threat : undefined),
    });
    const bad = 'GET /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    const good = 'GET /headers/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const answer = await raw(port, bad + good, 3);
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*HTTP\/1\.1 200 /);
    expect(evidence(th)[0]?.body).toBe('hello');
  });
});

describe('tunnels and upgrades', () => {
  test('are evidence with the target that they asked for', async () => {
    const th = createTracehound({ rateLimit: false });
    const server = createServer();
    server.on('upgrade', () => {});
    server.on('connect', () => {});
    guardUpgrades(server, th, { detect: () => threat });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(async () => {
      server.closeAllConnections();
      server.close();
      await th.close();
    });
    const { port } = server.address() as AddressInfo;
    const upgrade = 'Host: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody';
    for (const authority of AUTHORITIES) {
      await raw(port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
      await raw(port, `GET http://${authority}/ws HTTP/1.1\r\n${upgrade}`);
    }
    expect(evidence(th).map(({ start }) => start)).toEqual(
      AUTHORITIES.flatMap((one) => [`CONNECT ${one} HTTP/1.1`, `GET http://${one}/ws HTTP/1.1`]),
    );
  });
});

describe.each(FRAMES)('places for bodies: $name', (frame) => {
  const GUESTS = 20;
  const head = (method: string, body: string): string =>
    `${method} /x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n${body}`;

  test.each(['POST', 'GET'])(
    '64 dribbled uploads (%s) from one address leave everybody else’s evidence whole',
    async (method) => {
      let flagged = 0;
      const counting = (): ThreatSignal => {
        flagged++;
        return threat;
      };
      const { th, port } = await house(frame, { captureTimeoutMs: 20_000, detect: counting });
      const begin = (localAddress: string, body: string): Socket => {
        const socket = connect({ port, host: '127.0.0.1', localAddress });
        socket.on('error', () => {});
        socket.write(head(method, body));
        open.push(() => void socket.destroy());
        return socket;
      };
      let answered = 0;
      for (let index = 0; index < 64; index++) begin('127.0.0.9', `dribble ${index}`).once('data', () => answered++);
      await until(() => flagged === 64);
      expect([answered, th.quarantine.stats.count]).toEqual([0, 0]); // all of them are waited for
      const guests = Array.from({ length: GUESTS }, (_, index) => begin(`127.0.1.${index + 1}`, `guest ${index} `));
      // Whoever loses a place is refused at once: nobody is kept waiting for evidence.
      await until(() => answered === GUESTS);
      const rest = async (socket: Socket, index: number): Promise<string> => {
        const answer = once(socket, 'data') as Promise<[Buffer]>;
        socket.write('x'.repeat(1_000 - `guest ${index} `.length));
        return (await answer)[0].toString('latin1');
      };
      for (const answer of await Promise.all(guests.map(rest))) expect(answer).toMatch(/^HTTP\/1\.1 403 /);
      const kept = evidence(th);
      expect(
        kept
          .filter(({ body }) => body.startsWith('guest'))
          .map((message) => [own(message, 'Body-State'), message.body.length]),
      ).toEqual(Array.from({ length: GUESTS }, () => ['complete', 1_000]));
      const displaced = kept.filter((message) => own(message, 'Body-State') === 'displaced');
      expect(displaced.length).toBe(GUESTS);
      for (const message of displaced) {
        expect(message.body).toMatch(/^dribble \d+$/);
        expect(own(message, 'Truncated')).toBe('body');
      }
    },
  );
});
