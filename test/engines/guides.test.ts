/**
 * Guards that the programs of the deployment guides run as they stand there, with the packed package in the engine of their
 * platform: a visitor is answered, an attack refused, a flood limited. Only what a reader has to fill in is filled in.
 *
 * Cloudflare's are served by wrangler (test/wide), Fastly's is run in fastly-data.test.ts, Node's is the README.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { node24 } from './engines';
import { bundle } from './programs';
import { serveExample } from './serve';

const consumer = inject('consumer');
const SECRET = '7c2f0a6b9e41d85310fb6ac2d97e4835b1c60f8e2a7d93546e0b8fc1a25d7394';
const DETECTOR = `
function yourDetector(subject) {
  const text = typeof subject === 'string' ? subject : subject.url ?? subject.querystring;
  return text.includes('%27') ? { category: 'sqli', severity: 'high' } : undefined;
}`;

/** The first program of a guide. `changes`: what only a test needs, and must find there. */
function guide(name: string, changes: readonly (readonly [string, string])[] = []): string {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploy', `${name}.md`), 'utf8');
  let program = page.split('```ts\n')[1]!.split('```')[0]!;
  for (const [text, other] of changes) {
    expect(program).toContain(text);
    program = program.replaceAll(text, other);
  }
  return program + DETECTOR;
}

async function served(platform: string, program: string, visit: (url: string) => Promise<void>): Promise<void> {
  const folder = join(mkdtempSync(join(consumer, 'guide-')), platform);
  mkdirSync(folder);
  const file = join(folder, 'guide.ts');
  writeFileSync(file, program);
  process.env.TRACEHOUND_SECRET = SECRET;
  const { url, stop } = await serveExample(file, join(folder, 'out'), consumer);
  try {
    await visit(url);
  } finally {
    delete process.env.TRACEHOUND_SECRET;
    await stop();
  }
}

describe('the guide for', () => {
  it.each<[string, (readonly [string, string])[], string]>([
    [
      'deno',
      [['Deno.serve(guarded', "Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')) }, guarded"]],
      'hello',
    ],
    ['bun', [], 'hello'],
    ['lambda-edge', [['yourDetector(request, response)', 'yourDetector(request)']], 'hello from the origin\n'],
  ])('%s is a program that answers, refuses and limits', async (name, changes, hello) => {
    await served(name, guide(name, changes), async (url) => {
      const first = await fetch(`${url}/search?q=shoes`);
      expect([first.status, await first.text()]).toEqual([200, hello]);
      expect((await fetch(`${url}/search?q=%27%20or%201=1`)).status).toBe(403);
      const statuses: number[] = [];
      for (let i = 0; i < 100; i++) statuses.push((await fetch(url)).status);
      expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    });
  });

  it('vercel is a function of Node that answers and refuses', async () => {
    const program = guide('vercel', [['export default {', 'const api = {']]);
    const folder = await bundle(
      consumer,
      'guide-vercel',
      'script',
      `process.env.TRACEHOUND_SECRET = '${SECRET}';
${program}
const main = async () => {
  const ask = async (query) => (await api.fetch(new Request('https://shop.example/' + query))).status;
  return JSON.stringify([await ask(''), await ask('?q=%27')]);
};`,
    );
    expect(await node24.script(join(folder, 'app.mjs'))).toBe('[200,403]');
  });

  it('web standards judges a message', async () => {
    const source = `const [tab, message] = ['tab 1', 'drop table %27'];
${guide('standard')}
const main = async () => verdict.status;`;
    const folder = await bundle(consumer, 'guide-standard', 'script', source);
    expect(await node24.script(join(folder, 'app.mjs'))).toBe('quarantined');
  });
});
