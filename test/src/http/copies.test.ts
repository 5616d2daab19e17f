/** Guards src/http/copies.ts: a copy of a request is the request to whoever asks about its peer, and a bare target gets a URL. */
import { describe, expect, test } from 'vitest';
import { absolute, originalOf, remember, serverOf } from '../../../src/http/copies';
import { factsOf, rewritten } from '../../../src/http/request';

/** A server that knows the requests it made, and no others. */
function server(...made: Request[]) {
  return {
    url: 'http://127.0.0.1:8080/',
    port: 8_080,
    requestIP: (request: unknown) => (made.includes(request as Request) ? { address: '192.0.2.1', port: 9 } : null),
  };
}

describe('a copy', () => {
  test('of a copy of a copy is known to the server, whoever asks', () => {
    const made = new Request('http://a.example/', { headers: { 'x-a': '1', 'x-b': '2' } });
    const bun = server(made);
    for (const platform of [bun, { server: bun }]) {
      const once = rewritten(made, { strip: ['x-a'] }, platform);
      const twice = rewritten(once, { strip: ['x-b'] }, platform);
      expect([...twice.headers]).toEqual([]);
      expect(originalOf(twice)).toBe(made);
      expect(bun.requestIP(twice)).toEqual({ address: '192.0.2.1', port: 9 });
      expect(bun.requestIP(made)).toEqual({ address: '192.0.2.1', port: 9 });
      expect(bun.requestIP(new Request(twice))).toBeNull();
    }
  });

  test('is remembered also where the server cannot be taught, and where there is none', () => {
    const made = new Request('http://a.example/');
    const copy = new Request(made);
    const frozen = Object.freeze(server(made));
    expect(() => remember(copy, made, frozen)).not.toThrow();
    for (const platform of [undefined, null, 'x', {}, { server: {} }]) {
      expect(serverOf(platform)).toBeUndefined();
      expect(originalOf(remember(new Request(made), made, platform))).toBe(made);
    }
    expect(remember(made, made, undefined)).toBe(made);
    for (const other of [undefined, null, 'x', {}]) expect(originalOf(other)).toBe(other);
  });
});

describe('a URL', () => {
  /** As Bun shows a request without Host. */
  const bare = (url: string, init: RequestInit = {}): Request =>
    Object.defineProperty(new Request('http://placeholder/', init), 'url', { value: url });

  test('that is a bare target gets the name of the server, and never another one', async () => {
    for (const target of ['/', '/a?b=c', '//evil.example/p', '/a/../b', '/http://evil.example/', '/%2f%2fevil/']) {
      const request = bare(target, { method: 'POST', body: 'x', headers: { 'x-a': '1' } });
      const full = absolute(request, server(request));
      expect(new URL(full.url).host).toBe('127.0.0.1:8080');
      expect(originalOf(full)).toBe(request);
      expect(factsOf(full, server(request)).target).toBe(target);
      expect([full.method, full.headers.get('x-a'), await full.text()]).toEqual(['POST', '1', 'x']);
    }
  });

  test('that is absolute stays, and so does one whose server has no name', () => {
    const request = new Request('http://a.example/');
    expect(absolute(request, server(request))).toBe(request);
    const nameless = bare('/x');
    for (const platform of [undefined, {}, { ...server(), url: undefined }, { ...server(), url: 'unix:///x' }]) {
      expect(absolute(nameless, platform)).toBe(nameless);
    }
  });
});
