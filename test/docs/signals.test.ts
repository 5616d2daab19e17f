/** Guards docs/signals.md and docs/upgrades.md: their examples are taken from the pages and run. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Hono } from 'hono';
import { afterAll, describe, expect, it } from 'vitest';
import { createTracehound } from '../../runtimes/node/index';
import type { tracehound } from '../../src/adapters/hono';
import type { CrowdsecSignals } from '../../src/signals/crowdsec';
import type { Signals, Tracehound } from '../../src/types/index';

const root = join(import.meta.dirname, '..', '..');
const examplesOf = (name: string): string[] =>
  [...readFileSync(join(root, 'docs', name), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(
    ([, text]) => text as string,
  );
const examples = examplesOf('signals.md');
const example = (word: string): string => examples.find((text) => text.includes(word)) ?? expect.fail(`no ${word}`);

const folder = mkdtempSync(join(tmpdir(), 'tracehound-signals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run<T>(text: string): Promise<T> {
  const outfile = join(folder, `${createHash('sha256').update(text).digest('hex')}.mjs`);
  const names = ['cloudflare', 'aws-waf', 'fastly', 'modsecurity', 'crowdsec'];
  await build({
    stdin: { contents: text, resolveDir: folder },
    alias: {
      'tracehound/hono': join(root, 'src', 'adapters', 'hono.ts'),
      'tracehound/node': join(root, 'runtimes', 'node', 'index.ts'),
      '#core': join(root, 'build', 'core.inline.js'),
      ...Object.fromEntries(
        names.map((name) => [`tracehound/signals/${name}`, join(root, 'src', 'signals', `${name}.ts`)]),
      ),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return (await import(outfile)) as T;
}

async function categories(text: string, fields: Record<string, string>, request?: object): Promise<unknown[]> {
  const { signals } = await run<{ signals: Signals[] }>(text);
  return signals.map(
    (signal) => signal.read({ headers: new Headers(fields), request, peer: '127.0.0.1:1' }).threat?.category,
  );
}

async function listening(server: Server): Promise<{ port: number; close(): void }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe('docs/signals.md', () => {
  it('guards an application with a signal and a detector', async () => {
    const { guard } = await run<{ guard(th: Tracehound): ReturnType<typeof tracehound> }>(
      example('export const guard'),
    );
    const app = new Hono();
    app.use(guard(createTracehound()));
    app.get('/', (c) => c.text('in'));
    const env = { incoming: { socket: { remoteAddress: '10.1.2.3', remotePort: 1 } } };
    const ask = async (path: string, score: string) =>
      (await app.request(path, { headers: { 'x-waf-score': score } }, env)).status;
    expect([await ask('/', '3'), await ask('/', '5'), await ask('/?debug=1', '0')]).toEqual([200, 403, 403]);
  });

  it('reads every detector it shows', async () => {
    const cloudflare = example('cloudflareSignals');
    expect(await categories(cloudflare, { 'x-waf-score': '7', 'x-waf-sqli': '7' })).toEqual(['sqli']);
    expect(await categories(cloudflare, { 'malicious-uploads-detection': '2' })).toEqual(['malicious-upload']);
    expect(await categories(cloudflare, {}, { cf: { botManagement: { score: 2, verifiedBot: false } } })).toEqual([
      'bot',
    ]);
    expect(await categories(example('awsWafSignals'), { 'x-amzn-waf-bot': 'unverified' })).toEqual(['bot']);
    const hop = { 'x-hop': 'a long random text that only the edge knows' };
    expect(await categories(example('fastlySignals'), { ...hop, 'x-sigsci-tags': 'TOR,SQLI' })).toEqual(['sqli']);
    const crs = examples.find(
      (text) => text.includes('export const signals') && text.includes('modsecuritySignals'),
    ) as string;
    expect(await categories(crs, { 'x-waf-score': '8', 'x-waf-sqli': '5' })).toEqual(['sqli']);
  });

  it('fetches decisions from a local API', async () => {
    const asked: unknown[] = [];
    const decision = { duration: '1h', scope: 'Ip', type: 'ban', value: '192.0.2.7', scenario: 'crowdsecurity/ssh-bf' };
    const server = createServer((request, response) => {
      asked.push([request.url, request.headers['x-api-key']]);
      response.statusCode = request.headers['x-api-key'] === 'key' ? 200 : 403;
      response.end(JSON.stringify({ new: [decision], deleted: null }));
    });
    const { port, close } = await listening(server);
    const page = await run<{
      crowdsec: CrowdsecSignals;
      refresh(url: string, key: string): Promise<void>;
      renew(): void;
    }>(example('crowdsecSignals'));
    const url = `http://127.0.0.1:${port}`;
    await page.refresh(url, 'key');
    await page.refresh(url, 'key');
    await expect(page.refresh(url, 'wrong')).rejects.toThrow('crowdsec: 403');
    // Whatever failed, and once an hour: the next answer is the whole list.
    await page.refresh(url, 'key');
    await page.refresh(url, 'key');
    page.renew();
    await page.refresh(url, 'key');
    close();
    expect(asked).toEqual(
      ['true', 'false', 'false', 'true', 'false', 'true'].map((startup, i) => [
        `/v1/decisions/stream?startup=${startup}`,
        i === 2 ? 'wrong' : 'key',
      ]),
    );
    expect(page.crowdsec.read({ headers: new Headers(), source: '192.0.2.7' }).threat?.reason).toBe(
      'crowdsecurity/ssh-bf',
    );
  });

  it('shows a signal of one’s own', async () => {
    const { vercelBot } = await run<{ vercelBot: Signals }>(example('vercelBot'));
    const read = (digest: string) =>
      vercelBot.read({ headers: new Headers({ 'x-vercel-ja4-digest': digest }) }).threat?.category;
    expect([read('t13d1516h2_8daaf6152771_b0da82dd1658'), read('other')]).toEqual(['bot', undefined]);
  });
});

describe('docs/upgrades.md', () => {
  it('guards a server with WebSockets', async () => {
    type Page = {
      listen(th: Tracehound, application: () => void, sockets: { handleUpgrade(...given: unknown[]): void }): Server;
    };
    const page = await run<Page>(examplesOf('upgrades.md')[0] as string);
    const handled: unknown[] = [];
    const sockets = {
      handleUpgrade: (request: { url: string }, socket: { end(text: string): void }): void => {
        handled.push(request.url);
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      },
    };
    const { port, close } = await listening(page.listen(createTracehound(), () => {}, sockets as never));
    const ask = async (path: string): Promise<string> => {
      const client = connect(port, '127.0.0.1');
      client.end(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      let got = '';
      for await (const bytes of client) got += String(bytes);
      return got;
    };
    expect([await ask('/chat'), await ask('/admin')].map((answer) => answer.slice(9, 12))).toEqual(['101', '403']);
    close();
    expect(handled).toEqual(['/chat']);
  });
});
