/**
 * Guards `skip` and `allow` behind real servers: exempt means exempt, over both adapters and upgrades, at once and later, for
 * sources that have spent everything or are blocked; and a 429 has something to read out.
 */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { afterEach, describe, expect, test } from 'vitest';
import { createTracehound, guardUpgrades } from '../../../runtimes/node/index';
import type { Signals } from '../../../src/types/index';
import { FRAMES, type FrameOptions } from '../../lab/frames';
import { Seed } from '../../lab/seed';

const secret = new Uint8Array(32).fill(1);
const VARIANTS = 24;
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Strips one field of everybody: somebody forged it. */
const forged: Signals = { detector: 'test', secrets: [], read: () => ({ strip: ['x-forged'] }) };

const RULES: readonly [string, Partial<FrameOptions>, 'skipped' | 'allowed'][] = [
  ['skip at once', { skip: () => true }, 'skipped'],
  ['skip later', { skip: async () => true }, 'skipped'],
  ['allow at once', { allow: () => true }, 'allowed'],
  ['allow later', { allow: async () => true }, 'allowed'],
  ['allow after a skip that says no', { skip: async () => false, allow: () => true }, 'allowed'],
];

async function house(frame: (typeof FRAMES)[number], options: object) {
  const th = createTracehound({ rateLimit: { limit: 5 }, secret });
  const reached: string[] = [];
  const detect = (): never => {
    throw new Error('an exempt request is not inspected');
  };
  const all = { detect, signals: [forged], onDetectorFailure: 'refuse', ...options } as FrameOptions;
  const server = serve({ fetch: frame.guarded(th, all, reached), hostname: '127.0.0.1', port: 0 }) as Server;
  server.on('upgrade', (request, socket) => {
    reached.push(String(request.url));
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  guardUpgrades(server, th, all as never);
  await once(server, 'listening');
  open.push(async () => {
    server.closeAllConnections();
    server.close();
    await th.close();
  });
  const { port } = server.address() as AddressInfo;
  return { th, reached, port };
}

/** From an address of its own. */
async function ask(
  port: number,
  path: string,
  options: object = {},
): Promise<{ status: number; text: string; headers: object }> {
  const request = httpRequest({ port, host: '127.0.0.1', path, ...options });
  request.end();
  const [answer] = (await Promise.race([once(request, 'response'), once(request, 'upgrade')])) as [IncomingMessage];
  let text = '';
  if (answer.statusCode === 101) answer.socket.destroy();
  else for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode as number, text, headers: answer.headers };
}

describe.each(FRAMES)('$name', (frame) => {
  test.each(RULES)(
    '%s: never charged, never refused, never inspected, and forged fields are gone',
    async (_, rules, counted) => {
      const { th, reached, port } = await house(frame, rules);
      th.rateLimiter.block('127.0.0.2', 60_000);
      const seed = new Seed(11);
      for (let i = 0; i < VARIANTS; i++) {
        const localAddress = seed.one(['127.0.0.1', '127.0.0.2']);
        const method = seed.one(['GET', 'POST', 'HEAD']);
        const { status, text, headers } = await ask(port, '/headers', {
          localAddress,
          method,
          headers: { 'x-forged': '1' },
        });
        expect(status).toBe(200);
        expect(text).not.toContain('x-forged');
        expect(headers).not.toHaveProperty('ratelimit');
      }
      for (let i = 0; i < VARIANTS; i++) {
        const upgrade = { connection: 'Upgrade', upgrade: 'x' };
        expect((await ask(port, `/up${i}`, { localAddress: '127.0.0.2', headers: upgrade })).status).toBe(101);
      }
      expect(reached).toHaveLength(2 * VARIANTS);
      expect(th.rateLimiter.peek('127.0.0.1')).toMatchObject({ allowed: true, remaining: 5 });
      const { totals } = th.watcher.snapshot();
      expect(totals).toMatchObject({
        seen: 2 * VARIANTS,
        skipped: 0,
        allowed: 0,
        [counted]: 2 * VARIANTS,
        uninspected: 0,
      });
      expect(totals.byStatus).toMatchObject({ clean: 2 * VARIANTS, rate_limited: 0 });
    },
  );

  test('who is limited gets a trace that is long, new each time, and finds no evidence', async () => {
    const { th, port } = await house(frame, { detect: () => undefined });
    const traces = new Set<string>();
    for (let i = 0; i < VARIANTS; i++) {
      const { status, text } = await ask(port, '/ignore');
      if (i < 5) expect(status).toBe(200);
      else {
        const { trace, ...rest } = JSON.parse(text) as { trace: string };
        expect(rest).toMatchObject({ status: 429 });
        expect(trace).toMatch(/^[0-9a-f]{48}$/);
        expect(th.quarantine.find(trace)).toBeUndefined();
        traces.add(trace);
      }
    }
    expect(traces.size).toBe(VARIANTS - 5);
  });
});
