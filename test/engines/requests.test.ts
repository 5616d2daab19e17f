/**
 * Guards docs/engines.md where it speaks of requests: what the server of each engine makes of a request becomes evidence
 * that claims no more than the server showed. Real servers, the packed package, clients that are sockets.
 */
import http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Platform } from './serve';
import { ask, type Evidence, SITES, type Site, serveSite } from './site';

const HOST = 'Shop.Example:80';
const FIELD = `Host: ${HOST}\r\n`;

/** How much a platform shows. */
type Kind = 'line' | 'sent' | 'normal';
const KINDS: Readonly<Partial<Record<Platform, Kind>>> = {
  ...{ node: 'line', node20: 'line', node22: 'line', node26: 'line' },
  ...{ deno: 'sent', cloudflare: 'sent', bun: 'normal', vercel: 'normal', fastly: 'sent' },
};

/** Start line without the version, reading, authority, and who said that; or `400`, where no application is asked. */
type Expected = readonly [line: string, reading: string, authority: string | undefined, from: string | undefined] | 400;

const ofHost = (line: string, reading: string): Expected => [line, reading, HOST, 'host'];
const own = (evidence: Evidence | undefined, name: string): string | undefined =>
  evidence?.fields.get(`Tracehound-${name}`);

/** What each platform makes of a target. */
function expected(platform: Platform, method: string, target: string): Expected {
  const line = `${method} ${target}`;
  const kind = KINDS[platform]!;
  switch (target) {
    case '/a/../b/./c?x=../y':
      return kind === 'normal' ? ofHost(`${method} /b/c?x=../y`, 'normalised') : ofHost(line, reading(platform));
    case '/a\\..\\b':
      if (kind === 'line') return 400;
      return kind === 'normal' ? ofHost(`${method} /b`, 'normalised') : ofHost(line, 'url');
    case '/a#b?c':
      // workerd and edge-runtime cut it themselves.
      if (platform === 'cloudflare' || platform === 'vercel' || platform === 'fastly')
        return ofHost(`${method} /a`, platform === 'cloudflare' ? 'url' : reading(platform));
      return ofHost(line, reading(platform));
    case 'http://169.254.169.254/latest/../meta':
      if (kind === 'line') return [line, 'raw', '169.254.169.254', 'target'];
      if (platform === 'deno') return [line, 'url', '169.254.169.254', 'url'];
      if (platform === 'vercel')
        return [`${method} http://169.254.169.254/meta`, 'normalised', '169.254.169.254', 'url'];
      // Bun and workerd keep the host of such a target to themselves.
      return ofHost(`${method} ${platform === 'bun' ? '/meta' : '/latest/../meta'}`, reading(platform));
    case '//evil.example/x':
      // edge-runtime resolves a target as a link, so two slashes begin a host.
      if (platform === 'vercel') return [`${method} http://evil.example/x`, 'normalised', 'evil.example', 'url'];
      return ofHost(line, reading(platform));
    case '*':
      if (kind === 'line' || platform === 'bun') return 400;
      return ofHost(`${method} ${platform === 'cloudflare' ? '*' : '/*'}`, reading(platform));
    default:
      return ofHost(line, reading(platform));
  }
}

const reading = (platform: Platform): string =>
  ({ line: 'raw', sent: 'url', normal: 'normalised' })[KINDS[platform] as Kind];

const TARGETS: readonly (readonly [method: string, target: string])[] = [
  ['GET', '/plain?x=1'],
  ['GET', '/a/../b/./c?x=../y'],
  ['GET', '/%2e%2e/%2Fx?a=%zz'],
  ['GET', '//evil.example/x'],
  ['GET', '/a\\..\\b'],
  ['GET', '/a#b?c'],
  ['GET', 'http://169.254.169.254/latest/../meta'],
  ['OPTIONS', '*'],
  ['OPTIONS', '/*'],
];

describe.each(SITES)('%s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await serveSite(platform, inject('consumer'));
  });
  afterAll(() => site?.stop());

  // Our host of Fastly's engine hands the target over as it is, which Fastly's own does not: what is no path is not asked.
  const targets = TARGETS.filter(([, target]) => platform !== 'fastly' || target.startsWith('/'));
  it.each(targets)('%s %s: the evidence says how it was read', async (method, target) => {
    const wanted = target === '/%2e%2e/%2Fx?a=%zz' && KINDS[platform] === 'normal' ? '/%2Fx?a=%zz' : target;
    const { status, evidence } = await ask(site.url, `${method} ${target} HTTP/1.1\r\n${FIELD}\r\n`);
    let what = expected(platform, method, wanted);
    // Not in the normal form of the URL Standard: nothing can have been normalised.
    if (platform === 'fastly' && what !== 400) what = ofHost(what[0], own(evidence, 'Target')!);
    if (what === 400) {
      expect([status, evidence]).toEqual([400, undefined]);
      return;
    }
    const [line, ...said] = what;
    const version = KINDS[platform] === 'line' ? 'HTTP/1.1' : 'HTTP/0.0';
    expect(evidence?.start).toBe(`${line} ${version}`);
    expect([own(evidence, 'Target'), own(evidence, 'Authority'), own(evidence, 'Authority-From')]).toEqual(said);
    expect(own(evidence, 'Version')).toBe(version === 'HTTP/1.1' ? undefined : 'unsaid');
  });

  it('two attacks on two hosts are two items', async () => {
    const signatures = new Set<string | undefined>();
    const hosts = Array.from({ length: 20 }, (_, index) => `host-${index}.example`);
    for (const host of hosts)
      signatures.add((await ask(site.url, `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).signature);
    expect(signatures.size).toBe(hosts.length);
    expect(signatures.has(undefined)).toBe(false);
  });

  it('a request without Host names nobody, or the server names itself and the evidence says so', async () => {
    const { status, evidence } = await ask(site.url, 'GET /a/../x HTTP/1.0\r\n\r\n');
    if (platform === 'cloudflare') {
      expect([status, evidence]).toEqual([400, undefined]);
      return;
    }
    const from = ['deno', 'vercel', 'fastly'].includes(platform) ? 'url' : undefined;
    expect(own(evidence, 'Authority-From')).toBe(from);
    expect(own(evidence, 'Authority') !== undefined).toBe(from === 'url');
    expect(evidence?.start).toMatch(
      KINDS[platform] === 'line' ? /^GET \/a\/\.\.\/x HTTP\/1\.0$/ : /^GET (?:\/a\/\.\.)?\/x HTTP\/0\.0$/,
    );
  });

  const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
  it.each(METHODS)('the body of %s is evidence, or the evidence says that it is hidden', async (method) => {
    if (platform === 'fastly' && method === 'PROPFIND') return; // its engine knows no such method
    const hidden = method === 'GET' && ['deno', 'bun', 'vercel', 'fastly'].includes(platform);
    for (const bytes of [
      `${method} /x HTTP/1.1\r\n${FIELD}Content-Length: 5\r\n\r\nhello`,
      `${method} /x HTTP/1.1\r\n${FIELD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ]) {
      const { evidence } = await ask(site.url, bytes);
      expect([own(evidence, 'Body-State'), evidence?.body]).toEqual(hidden ? ['hidden', ''] : ['complete', 'hello']);
    }
  });

  it('no body is no body, declared or not', async () => {
    for (const rest of ['Content-Length: 0\r\n\r\n', '\r\n']) {
      const { evidence } = await ask(site.url, `POST /x HTTP/1.1\r\n${FIELD}${rest}`);
      expect([own(evidence, 'Body-State'), evidence?.body]).toEqual(['none', '']);
    }
  });

  it('a signal that is aborted after an answer changes nothing that was decided', async () => {
    if (platform === 'fastly') return; // an instance for each request: there is nothing to look at later
    for (let index = 0; index < 5; index++) {
      const { status, body } = await ask(
        site.url,
        `POST /shadow/${index} HTTP/1.1\r\n${FIELD}Content-Length: 5\r\n\r\nhello`,
      );
      expect([status, body]).toEqual([200, 'hello']);
    }
    const { body } = await ask(site.url, `GET /state HTTP/1.1\r\n${FIELD}\r\n`);
    const { faults, kept } = JSON.parse(body) as { faults: number; kept: [string, boolean][] };
    expect(faults).toBe(0);
    expect(kept.filter(([disposition]) => disposition === 'observed')).toEqual(
      Array.from({ length: 5 }, () => ['observed', false]),
    );
  });

  const unix = /^(?:node\d*|deno|bun)$/.test(platform);
  it.runIf(unix)('through a Unix socket a request is what it is through any other', async () => {
    const { evidence } = await ask(site.path, `POST /a/../b HTTP/1.1\r\n${FIELD}Content-Length: 5\r\n\r\nhello`);
    const line = platform === 'bun' ? 'POST /b' : 'POST /a/../b';
    const said = ['Target', 'Scheme', 'Authority', 'Authority-From'].map((name) => own(evidence, name));
    expect([evidence?.start.replace(/ HTTP.*/, ''), ...said]).toEqual([line, reading(platform), 'http', HOST, 'host']);
    expect(evidence?.body).toBe('hello');
    expect(own(evidence, 'Peer')).toBe(undefined);
  });

  it.runIf(platform === 'deno')('HTTP/2 is not called HTTP/1.1, and its authority is evidence', async () => {
    const session = http2.connect(site.url);
    const signatures = new Set<string>();
    for (const authority of ['one.example', 'two.example']) {
      const stream = session.request({ ':path': '/x/../y', ':authority': authority });
      let text = '';
      stream.on('response', (head) => signatures.add(String(head['x-signature'])));
      for await (const chunk of stream) text += chunk;
      expect(text).toMatch(/^GET \/x\/\.\.\/y HTTP\/0\.0\r\n/);
      expect(text).toContain(`\r\nTracehound-Authority: ${authority}\r\n`);
    }
    session.close();
    expect(signatures.size).toBe(2);
  });
});
