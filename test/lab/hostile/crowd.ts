/**
 * A hostile crowd over real sockets: sends each request of a plan in its way, from its address, and notes what was answered.
 *
 * Relies on: node:net and node:http2, whose sockets may be bound to any address of the loopback network. Refuses: to judge
 * what comes back, to hold more than `ACTS_MAX` requests at a time, and to wait for one longer than `PATIENCE_MS`.
 */
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type Act, isForDoor } from './plan.ts';

/** What became of a request: its head was sent whole, and this was the answer. No answer is asked for after a reset. */
export interface Fate {
  readonly sent: boolean;
  readonly status?: number;
  /** The answer to the clean request that was sent before on the same connection. */
  readonly before?: number;
}

export interface Ports {
  readonly http1: number;
  readonly http2: number;
  readonly door: number;
}

const ACTS_MAX = 150;
export const PATIENCE_MS = 20_000;
const PIECES = 12;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function headOf({ path, way, body }: Act): string {
  const lines = [`${body === 0 ? 'GET' : 'POST'} ${path} HTTP/1.1`, 'Host: hostile.example'];
  if (body > 0) lines.push(`Content-Length: ${body}`);
  lines.push(...(way === 'upgrade' ? ['Connection: Upgrade', 'Upgrade: hostile'] : ['Connection: close']));
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A socket from an address; what breaks it ends it, and nobody else. */
function dial(port: number, localAddress: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** Resolves true once the system has the bytes. */
const write = (socket: Socket, bytes: string | Uint8Array): Promise<boolean> =>
  new Promise((resolve) => {
    if (socket.destroyed || socket.writableEnded) return resolve(false);
    socket.write(bytes, (error) => resolve(!error));
  });

/** The status of the first answer on a socket. */
function answerOn(socket: Socket): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on('data', (chunk) => {
      if (text.length < 64) text += chunk.toString('latin1');
    });
    socket.once('close', () => {
      clearTimeout(late);
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve(status === undefined ? undefined : Number(status));
    });
  });
}

/** Sends a clean request on a connection that stays open; its answer. The server has then accepted the connection. */
async function acquainted(socket: Socket, { sender, index }: Act): Promise<number> {
  const text = new Promise<string>((resolve) => {
    let all = '';
    const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
    const take = (chunk: Buffer): void => {
      all += chunk.toString('latin1');
      const [head = '', body] = all.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (body === undefined || body.length < length) return;
      clearTimeout(late);
      socket.off('data', take);
      resolve(all);
    };
    socket.on('data', take);
    socket.once('close', () => resolve(all));
  });
  await write(socket, `GET /clean/${sender}/before/${index} HTTP/1.1\r\nHost: hostile.example\r\n\r\n`);
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(await text)?.[1] ?? 0);
}

async function overHttp1(act: Act, port: number): Promise<Fate> {
  const socket = await dial(port, act.source);
  const head = headOf(act);
  if (act.way === 'reset' || act.way === 'stranger') {
    const before = act.way === 'reset' ? await acquainted(socket, act) : undefined;
    const sent = await write(socket, head);
    socket.resetAndDestroy();
    return before === undefined ? { sent } : { sent, before };
  }
  const answer = answerOn(socket);
  const body = new Uint8Array(act.body).fill(0x61);
  if (act.way !== 'dribble') {
    const sent = await write(socket, head);
    if (act.body > 0) await write(socket, body);
    const status = await answer;
    return status === undefined ? { sent } : { sent, status };
  }
  // The head in pieces, then the body: of one that is not to be read in time, half, and then nothing.
  let sent = true;
  for (let at = 0; at < head.length; at += Math.ceil(head.length / 4)) {
    sent = (await write(socket, head.slice(at, at + Math.ceil(head.length / 4)))) && sent;
    await pause(10);
  }
  const end = act.kind === 'unread' ? act.body / 2 : act.body;
  for (let at = 0; at < end && !socket.destroyed; at += Math.ceil(act.body / PIECES)) {
    await write(socket, body.subarray(at, Math.min(end, at + Math.ceil(act.body / PIECES))));
    await pause(25);
  }
  const status = await answer;
  return status === undefined ? { sent } : { sent, status };
}

async function overHttp2(act: Act, port: number): Promise<Fate> {
  const socket = await dial(port, act.source);
  return new Promise((resolve) => {
    const session = connectHttp2('http://hostile.example', { createConnection: () => socket });
    let status: number | undefined;
    const late = setTimeout(() => session.destroy(), PATIENCE_MS);
    const end = (): void => {
      clearTimeout(late);
      session.close();
      socket.destroy();
      resolve(status === undefined ? { sent: true } : { sent: true, status });
    };
    session.on('error', end);
    const stream = session.request({ ':path': act.path, ':method': 'GET' });
    stream.on('response', (headers) => {
      status = headers[':status'];
    });
    stream.on('error', () => {});
    stream.on('close', end);
    stream.resume();
  });
}

/** Sends what is planned, each at its time or as soon as there is room. `fates[i]` is that of the act with index i. */
export class Crowd {
  readonly fates: Fate[] = [];
  readonly #ports: Ports;
  readonly #began = performance.now();
  readonly #under = new Set<Promise<void>>();
  /** Connections that could not be made. */
  unmade = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async send(acts: readonly Act[], pausedMs: () => number): Promise<void> {
    for (const act of acts) {
      const early = act.at + pausedMs() - (performance.now() - this.#began);
      if (early > 0) await pause(early);
      while (this.#under.size >= ACTS_MAX) await Promise.race(this.#under);
      const done = this.#one(act).finally(() => this.#under.delete(done));
      this.#under.add(done);
    }
    await Promise.all(this.#under);
  }

  async #one(act: Act): Promise<void> {
    try {
      const { http1, http2, door } = this.#ports;
      const sending = act.way === 'http2' ? overHttp2(act, http2) : overHttp1(act, isForDoor(act) ? door : http1);
      this.fates[act.index] = await sending;
    } catch {
      this.unmade++;
      this.fates[act.index] = { sent: false };
    }
  }
}

/** One flagged request a second on the quiet server, until `stopped`. Answers how many. */
export async function trickle(port: number, stopped: () => boolean): Promise<number> {
  let count = 0;
  for (const began = performance.now(); !stopped(); ) {
    const socket = await dial(port, '127.0.4.1');
    const answer = answerOn(socket);
    await write(socket, `GET /attack/quiet/${count} HTTP/1.1\r\nHost: hostile.example\r\nConnection: close\r\n\r\n`);
    await answer;
    count++;
    await pause(Math.max(0, count * 1_000 - (performance.now() - began)));
  }
  return count;
}
