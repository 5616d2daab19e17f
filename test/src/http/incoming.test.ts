/**
 * Guards that the body of a GET is seen on Node (src/http/incoming.ts), and that whoever reads the message afterwards reads
 * all of it: real servers of HTTP/1.1 and HTTP/2, every way a body can arrive.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { BodyPrefix } from '../../../src/http/body';
import { hasBody, type IncomingBody, peek } from '../../../src/http/incoming';
import { joinedWithin } from '../../../src/http/message';
import type { Slot } from '../../../src/http/slots';
import { Dice } from '../../conformance/trace';

const BUDGET = 50_000;

interface Seen {
  prefix: BodyPrefix;
  /** What the message gave to whoever read it afterwards. */
  after: Buffer;
}

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Look = (message: IncomingBody) => Promise<BodyPrefix>;

/** Looks at a message, and then reads it as an application would. */
async function seen(message: IncomingBody & AsyncIterable<Buffer>, look: Look): Promise<Seen> {
  const prefix = await look(message);
  await new Promise((resolve) => setImmediate(resolve)); // as long as a decision takes, and longer
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return { prefix, after: Buffer.concat(chunks) };
}

const plainly: Look = (message) => peek(message, BUDGET, 2_000, undefined);

async function one(look: Look = plainly): Promise<{ port: number; seen: Promise<Seen> }> {
  const server = createServer();
  const got = new Promise<Seen>((resolve, reject) => {
    server.on('request', (message: IncomingMessage, answer: ServerResponse) => {
      seen(message as never, look).then((what) => {
        answer.end('ok');
        resolve(what);
      }, reject);
    });
  });
  got.catch(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen: got };
}

async function two(look: Look = plainly): Promise<{ port: number; seen: Promise<Seen> }> {
  const server = http2.createServer();
  const got = new Promise<Seen>((resolve, reject) => {
    server.on('request', (message, answer) => {
      seen(message as never, look).then((what) => {
        answer.end('ok');
        resolve(what);
      }, reject);
    });
  });
  got.catch(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, seen: got };
}

/** Sends a body in pieces, each in a turn of its own. */
async function pieces(write: (piece: Buffer) => void, body: Buffer, dice: Dice): Promise<void> {
  for (let at = 0; at < body.length; ) {
    const size = 1 + dice.below(dice.below(2) === 0 ? 40_000 : 200);
    write(body.subarray(at, at + size));
    at += size;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const bodyOf = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff));

describe.each(['HTTP/1.1', 'HTTP/2'] as const)('%s', (version) => {
  const sizes = [
    0, 1, 2, 100, 16_383, 16_384, 16_385, 40_000, 49_999, 50_000, 50_001, 65_536, 65_537, 131_072, 200_000,
  ];
  const cases = sizes.flatMap((size) => (['GET', 'HEAD', 'TRACE'] as const).map((method) => [method, size] as const));

  test.each(cases)('%s with %i bytes: seen up to the budget, and left whole', async (method, size) => {
    const dice = new Dice(size + method.length);
    const body = bodyOf(size);
    const { port, seen } = await (version === 'HTTP/2' ? two() : one());
    if (version === 'HTTP/2') {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      const stream = session.request({ ':method': method, ':path': '/x' }, { endStream: false });
      stream.on('error', () => {});
      stream.resume();
      await pieces((piece) => stream.write(piece), body, dice);
      stream.end();
      open.push(() => session.destroy());
    } else {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
      await pieces((piece) => socket.write(piece), body, dice);
      open.push(() => socket.destroy());
    }
    const { prefix, after } = await seen;
    const got = joinedWithin(prefix.chunks, BUDGET);
    expect(Buffer.from(got).equals(body.subarray(0, BUDGET))).toBe(true);
    expect(prefix.state).toBe(size > BUDGET ? 'limit' : 'complete');
    expect(after.equals(body)).toBe(true);
    // No further than what was buffered when the budget was passed.
    expect(prefix.chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBeLessThan(BUDGET + 140_000);
  });
});

/** A GET that announces 10 bytes and sends `sent`. */
function begun(port: number, sent: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  open.push(() => socket.destroy());
  socket.write(`GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n${sent}`);
  return socket;
}

describe('a body that does not come', () => {
  /** A place that is lost, or a client that goes, once the first bytes are here. */
  const place = (moved: () => void, lost: Promise<void> = new Promise(() => {})): Slot => ({
    lost,
    progress: moved,
    release: () => {},
  });

  test.each(['timeout', 'displaced'] as const)(
    '(%s) is what came until then, and whole for the application',
    async (how) => {
      let socket: Socket | undefined;
      const { port, seen } = await one(async (message) => {
        let lose = (): void => {};
        const lost = new Promise<void>((resolve) => {
          lose = resolve;
        });
        const slot = how === 'displaced' ? place(() => lose(), lost) : undefined;
        const prefix = await peek(message, BUDGET, how === 'timeout' ? 200 : 60_000, slot);
        socket!.write('after');
        return prefix;
      });
      socket = begun(port, 'half ');
      const { prefix, after } = await seen;
      expect([prefix.state, Buffer.concat(prefix.chunks).toString(), after.toString()]).toEqual([
        how,
        'half ',
        'half after',
      ]);
    },
  );

  test('because the client went away is what came until then', async () => {
    let socket: Socket | undefined;
    const looked = Promise.withResolvers<BodyPrefix>();
    const { port } = await one(async (message) => {
      const prefix = await peek(
        message,
        BUDGET,
        60_000,
        place(() => socket!.destroy()),
      );
      looked.resolve(prefix);
      return prefix;
    });
    socket = begun(port, 'half ');
    const { state, chunks } = await looked.promise;
    expect([state, Buffer.concat(chunks).toString()]).toEqual(['aborted', 'half ']);
  });
});

test('a message that somebody reads is left to them', async () => {
  const { port, seen } = await one(async (message) => {
    const data: string[] = [];
    const listener = (chunk?: unknown): void => void data.push(String(chunk));
    message.on('data', listener as () => void);
    const prefix = await peek(message, BUDGET, 2_000, undefined);
    message.off('data', listener as () => void);
    return prefix;
  });
  begun(port, '0123456789');
  expect((await seen).prefix).toEqual({ state: 'consumed', chunks: [] });
});

test('only a message of Node’s with a body is looked at', () => {
  const message = { read: () => null, unshift: () => {}, on: () => {}, off: () => {}, readableLength: 0 };
  for (const [of, declared, expected] of [
    [message, '5', true],
    [message, 'chunked', true],
    [message, '0', false],
    [message, 'none', false],
    [{ ...message, stream: { endAfterHeaders: false } }, 'none', true],
    [{ ...message, stream: { endAfterHeaders: true } }, 'none', false],
    [{ ...message, upgrade: true }, '5', false],
    [{ url: '/', rawHeaders: [] }, '5', false],
    [undefined, '5', false],
    [null, '5', false],
  ] as const) {
    expect(hasBody(of, declared)).toBe(expected);
  }
});
