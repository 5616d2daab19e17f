/**
 * Guards what is read of a platform's request (src/http/request.ts), by shape: every server's own way to show a connection,
 * and nothing where there is another thing under the same name.
 */
import { describe, expect, test } from 'vitest';
import { factsOf, pairsOf, rewritten, spelt } from '../../../src/http/request';

const request = (over: object = {}): Request =>
  Object.assign(new Request('https://shop.example/a', { headers: { host: 'shop.example' } }), over);

const incoming = {
  url: '/a/../b',
  httpVersion: '1.0',
  rawHeaders: ['Host', 'Shop.Example', 'X', '1', 'x', '2'],
  socket: { remoteAddress: '::1', remotePort: 4711 },
};

describe('Node’s message', () => {
  test('shows the request line, the fields as they came, and how the connection came', () => {
    for (const platform of [{ incoming }, { server: { incoming } }]) {
      expect(factsOf(request(), platform)).toMatchObject({
        ...{ version: '1.0', target: '/a/../b', scheme: 'http', peer: '[::1]:4711', incoming },
        ...{ authority: undefined, spelling: undefined },
        fields: [
          ['Host', 'Shop.Example'],
          ['X', '1'],
          ['x', '2'],
        ],
      });
    }
    const tls = { ...incoming, socket: { ...incoming.socket, encrypted: true } };
    expect(factsOf(request(), { incoming: tls }).scheme).toBe('https');
  });

  test('shows the target before a router cut it', () => {
    expect(factsOf(request(), { incoming: { ...incoming, originalUrl: '/mounted/a' } }).target).toBe('/mounted/a');
  });

  test('of HTTP/2 has its pseudo fields first, and only those count', () => {
    const pseudo = [':method', 'GET', ':authority', 'Two.Example', ':scheme', 'https', ':path', '/x'];
    const seen = factsOf(request(), { incoming: { ...incoming, rawHeaders: [...pseudo, 'x', '1'] } });
    expect(seen).toMatchObject({ authority: 'Two.Example', scheme: 'https', fields: [['x', '1']] });
    const alone = factsOf(request(), { incoming: { ...incoming, rawHeaders: pseudo.slice(0, 6) } });
    expect(alone, 'and no fields').toMatchObject({ authority: 'Two.Example', scheme: 'https', fields: [] });
    const late = factsOf(request(), { incoming: { ...incoming, rawHeaders: ['x', '1', ':authority', 'evil'] } });
    expect(late).toMatchObject({ authority: undefined, scheme: 'http', fields: [['x', '1']] });
  });
});

test.each([
  [{ remoteAddr: { hostname: '192.0.2.1', port: 1 } }, 'sent'],
  [{ remoteAddr: { path: '/run/socket' } }, 'sent'],
  [{ requestIP: () => null }, 'normalised'],
  [{ server: { requestIP: () => null } }, 'normalised'],
  [{ remoteAddr: null }, undefined],
  [{ requestIP: 7 }, undefined],
  [{}, undefined],
  [undefined, undefined],
  ['text', undefined],
] as const)('%j spells a URL as %s', (platform, spelling) => {
  expect(factsOf(request(), platform)).toMatchObject({ spelling, version: undefined, target: undefined });
});

test.each([
  ['HTTP/1.1', '1.1'],
  ['HTTP/2', '2.0'],
  ['HTTP/3', '3.0'],
  ['HTTP/11', undefined],
  ['', undefined],
  [2, undefined],
  [undefined, undefined],
])('Cloudflare’s word for the protocol, %s, is %s', (httpProtocol, version) => {
  expect(factsOf(request({ cf: { httpProtocol } }), {})).toMatchObject({ version, spelling: 'sent' });
  expect(factsOf(request({ cf: null }), {}).version).toBe(undefined);
});

test('a request with another body, or fewer fields, is otherwise the same', async () => {
  const post = new Request('https://shop.example/a', { method: 'POST', body: 'old', headers: { a: '1', b: '2' } });
  const body = new Response('new').body!;
  const changed = rewritten(post, { body, strip: ['a'] });
  expect([changed.url, changed.method, changed.headers.get('a'), changed.headers.get('b')]).toEqual([
    ...['https://shop.example/a', 'POST', null, '2'],
  ]);
  expect(await changed.text()).toBe('new');
  expect(post.bodyUsed).toBe(false);
});

test('an odd list of fields loses its odd end, and an address its brackets never', () => {
  expect(pairsOf(['a', '1', 'b'])).toEqual([['a', '1']]);
  expect(pairsOf('a')).toBe(undefined);
  expect(spelt('192.0.2.1', 80)).toBe('192.0.2.1:80');
  expect(spelt(undefined, 80)).toBe(undefined);
});
