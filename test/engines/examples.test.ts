/**
 * Guards that every example runs as its first line says, with the packed package in the engine of its platform: a visitor
 * is answered, an attack is refused, and where the platform keeps state between requests a flood is limited.
 */
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { serveExample } from './serve';

const root = join(import.meta.dirname, '..', '..');
const examples = join(root, 'examples');
/** Its limit in the examples. */
const LIMIT = 20;

const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'standard')
  .flatMap(({ name }) => readdirSync(join(examples, name)).map((file) => `${name}/${file}`))
  .filter((name) => /\/(fetch|hono|object|native|middleware)\.ts$/.test(name));

it('there are two of each platform: with Hono and without', () => {
  for (const platform of ['node', 'cloudflare', 'vercel', 'fastly', 'lambda-edge', 'deno', 'bun']) {
    const own = names.filter((name) => name.startsWith(`${platform}/`));
    expect(own).toContain(`${platform}/hono.ts`);
    expect(own.length).toBeGreaterThanOrEqual(2);
  }
});

describe.each(names)('examples/%s', (name) => {
  it('answers, refuses, limits', async () => {
    const folder = mkdtempSync(join(inject('consumer'), 'example-'));
    const { url, stop } = await serveExample(join(examples, name), folder, inject('consumer'));
    // workerd is told the address by Cloudflare, Vercel's function by its proxy: here the test stands before them.
    const ask = (path: string, client = '192.0.2.1'): Promise<Response> =>
      fetch(url + path, { headers: { 'cf-connecting-ip': client, 'x-real-ip': client } });
    try {
      const first = await ask('/search?q=shoes');
      const text = await first.text();
      if (name.endsWith('middleware.ts')) expect(first.headers.get('x-middleware-next')).toBe('1');
      else expect(text).toMatch(/^hello from /);
      expect(first.status).toBe(200);

      const attack = await ask('/search?q=%27%20or%201=1');
      expect([attack.status, attack.headers.get('content-type')]).toEqual([403, 'application/problem+json']);
      expect(await attack.json()).toMatchObject({ title: 'Forbidden', trace: expect.stringMatching(/^[0-9a-f]{48}$/) });

      const statuses: number[] = [];
      for (let i = 0; i < LIMIT; i++) statuses.push((await ask('/search?q=shoes')).status);
      // On Fastly each request has an instance of its own, and its limits are the platform's.
      const limited = name.startsWith('fastly/') ? 0 : 2;
      expect(statuses.filter((status) => status === 429)).toHaveLength(limited);
      const proxied = /^(cloudflare|vercel)\//.test(name);
      if (proxied) expect((await ask('/', '192.0.2.2')).status).toBe(200);
    } finally {
      await stop();
    }
  });
});
