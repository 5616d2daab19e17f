/**
 * A site that refuses every request and answers with the evidence that it kept of it, in the engine of each platform: what
 * a platform's server does to a request is seen in what becomes evidence.
 *
 * Relies on: `serve`. Refuses: anything about the answer but its bytes. Clients are sockets, because no HTTP client sends
 * what attackers send.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Platform, type Served, serveExample } from './serve';

/** How each platform shows a rejection that nobody handled, where it does. */
const WEB = "addEventListener('unhandledrejection', () => faults++);";
const LISTEN: Readonly<Record<string, string>> = {
  ...{ deno: WEB, cloudflare: WEB, vercel: WEB },
  ...{
    node: "process.on('unhandledRejection', () => faults++);",
    bun: "process.on('unhandledRejection', () => faults++);",
  },
};

/** Every path is refused with its evidence, but for `/shadow…`, which echoes, and `/state`, which says how the site is. */
const GUARD = (runtime: string): string => `
import { createTracehound } from 'tracehound/${runtime}';
import { tracehound } from 'tracehound/fetch';

const small = { rateLimit: false, quarantine: { maxCount: 64, maxBytes: 262_144, maxShare: 1 }, audit: { maxRecords: 128 } };
const options = { source: () => '192.0.2.1', detect: () => ({ category: 'probe', severity: 'high' }) };
let th;
let faults = 0;
${LISTEN[runtime] ?? ''}

const onRefused = (_request, { evidence }) =>
  new Response(th.quarantine.read(evidence.signature), { status: 403, headers: { 'x-signature': evidence.signature } });
const echo = async (request) => new Response(await request.text());
const state = () =>
  Response.json({ faults, kept: th.quarantine.list().map(({ disposition, truncated }) => [disposition, truncated]) });

// Fastly makes nothing before the first request; Deno gives a handler as many arguments as it names.
const guarded = (request, context) => {
  th ??= createTracehound(small);
  if (request.url.endsWith('/state')) return state();
  if (request.url.includes('/shadow')) return tracehound(th, { ...options, shadow: true })(echo)(request, context);
  return tracehound(th, { ...options, onRefused })(echo)(request, context);
};
`;

/** The project's own server for Node: the consumer has none. */
const SERVER = JSON.stringify(fileURLToPath(import.meta.resolve('@hono/node-server')));

const NODE = `${GUARD('node')}
import { createAdaptorServer, serve } from ${SERVER};
serve({ fetch: guarded, hostname: '127.0.0.1', port: Number(process.env.PORT) });
createAdaptorServer({ fetch: guarded }).listen('site.sock');
`;

const PROGRAMS: Readonly<Partial<Record<Platform, string>>> = {
  ...{ node: NODE, node20: NODE, node22: NODE, node26: NODE },
  deno: `${GUARD('deno')}
Deno.serve({ path: 'site.sock' }, guarded);
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')) }, guarded);
`,
  bun: `${GUARD('bun')}
Bun.serve({ unix: 'site.sock', fetch: guarded });
Bun.serve({ hostname: '127.0.0.1', port: Number(process.env.PORT), fetch: guarded });
`,
  cloudflare: `${GUARD('cloudflare')}
export default { fetch: guarded };
`,
  vercel: `${GUARD('vercel')}
export default guarded;
`,
  fastly: `${GUARD('fastly')}
addEventListener('fetch', (event) => event.respondWith(guarded(event.request, event)));
`,
};

export const SITES: readonly Platform[] = Object.keys(PROGRAMS) as Platform[];

export interface Site extends Served {
  /** A Unix socket of the same site, where the platform can listen on one. */
  readonly path: string;
}

export async function serveSite(platform: Platform, consumer: string): Promise<Site> {
  const folder = join(mkdtempSync(join(consumer, 'site-')), platform);
  mkdirSync(folder);
  const file = join(folder, 'site.ts');
  writeFileSync(file, PROGRAMS[platform]!);
  const out = join(folder, 'out');
  return { ...(await serveExample(file, out, consumer)), path: join(out, 'site.sock') };
}

/** What a server said to these bytes. */
export interface Answer {
  readonly status: number;
  readonly signature: string | undefined;
  readonly body: string;
  /** Empty when the server refused before anybody of ours saw the request. */
  readonly evidence: Evidence | undefined;
}

export interface Evidence {
  readonly start: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Longest that a server may say nothing more. */
const SILENCE_MS = 20_000;

/** Sends bytes to a site, by its URL or by the path of its socket. */
export async function ask(where: string, bytes: string): Promise<Answer> {
  const socket = where.startsWith('/') ? connect(where) : connect(Number(new URL(where).port), '127.0.0.1');
  socket.setTimeout(SILENCE_MS, () => socket.destroy());
  const chunks: Buffer[] = [];
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    if (bodyOf(text(), false) !== undefined) socket.destroy();
  });
  socket.write(bytes, 'latin1');
  await new Promise((resolve) => socket.on('close', resolve));
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(text())?.[1] ?? 0);
  const signature = /\r\nx-signature: (\S+)/i.exec(text())?.[1];
  const body = bodyOf(text(), true) ?? '';
  return { status, signature, body, evidence: signature === undefined ? undefined : read(body) };
}

/** The body of an answer once all of it came; without a length, all of it came when the connection ended. */
function bodyOf(text: string, ended: boolean): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const rest = text.slice(end + 4);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return rest.length >= Number(length) ? rest : undefined;
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) return ended ? rest : undefined;
  let body = '';
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at);
    const size = Number.parseInt(rest.slice(at, line), 16);
    if (line < 0 || Number.isNaN(size) || rest.length < line + size + 4) return undefined;
    if (size === 0) return body;
    body += rest.slice(line + 2, line + 2 + size);
    at = line + size + 4;
  }
}

function read(message: string): Evidence {
  const end = message.indexOf('\r\n\r\n');
  const [start = '', ...lines] = message.slice(0, end).split('\r\n');
  const fields = new Map(lines.map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  return { start, fields, body: message.slice(end + 4) };
}
