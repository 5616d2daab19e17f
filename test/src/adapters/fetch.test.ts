/** Guards src/adapters/fetch.ts, the seam between a bare handler and the guard: arguments, bodies, answers that cannot be written to. */
import { describe, expect, test, vi } from 'vitest';
import { type FetchHandler, type TracehoundFetchOptions, tracehound } from '../../../src/adapters/fetch';
import type { Signals, ThreatSignal } from '../../../src/types/index';
import { type Fake, type FakeOptions, fakeTracehound } from '../../lab/fake-tracehound';

const threat: ThreatSignal = { category: 'sqli', severity: 'high' };
const flagged = (): ThreatSignal => threat;
const echo = async (request: Request): Promise<Response> => new Response(await request.text());

interface Room {
  fake: Fake;
  ask(request: Request | string, ...context: unknown[]): Promise<Response>;
}

function room(
  options: Partial<TracehoundFetchOptions> = {},
  handler: FetchHandler<unknown[]> = echo,
  fakeOptions: FakeOptions = {},
): Room {
  const fake = fakeTracehound(fakeOptions);
  const guarded = tracehound(fake.th, { detect: () => undefined, ...options })(handler);
  const asked = (request: Request | string): Request =>
    typeof request === 'string' ? new Request(`http://a.example${request}`) : request;
  return { fake, ask: (request, ...context) => guarded(asked(request), ...context) };
}

const post = (body: BodyInit): Request => new Request('http://a.example/echo', { method: 'POST', body });

describe('a guard', () => {
  test('is refused without an instance, without a detector, without a handler', () => {
    const { th } = fakeTracehound();
    expect(() => tracehound({} as never, { detect: flagged })).toThrow(/no instance/);
    expect(() => tracehound(th, {})).toThrow(/^tracehound\.detect: /);
    expect(() => tracehound(th, { detect: flagged })(undefined as never)).toThrow(
      new TypeError('tracehound: no handler, expected a function, got undefined'),
    );
  });
});

describe('the arguments', () => {
  test('reach the handler as they came; the request itself, untouched', async () => {
    const handler = vi.fn(() => new Response('in'));
    const { ask } = room({}, handler);
    const request = post('x');
    const [env, ctx] = [{ some: 'binding' }, { waitUntil: () => {} }];
    expect(await (await ask(request, env, ctx)).text()).toBe('in');
    expect(handler.mock.calls).toEqual([[request, env, ctx]]);
    expect((handler.mock.calls as unknown[][])[0]?.[0]).toBe(request);
  });

  test('give the runtime the one that can keep work alive, else the first', async () => {
    const ctx = { waitUntil: () => {} };
    for (const [given, platform] of [
      [[], undefined],
      [['env'], 'env'],
      [[null, 7], null],
      [[{ binding: 1 }, ctx], ctx],
      [[ctx, { more: 1 }], ctx],
    ] as [unknown[], unknown][]) {
      const { fake, ask } = room();
      await ask('/', ...given);
      expect(fake.asked[0]?.[0]).toBeInstanceOf(Request);
      expect(fake.asked[0]?.[1]).toBe(platform);
    }
  });

  test('show the peer and what Node knows, by shape; other contexts are no hindrance', async () => {
    const incoming = {
      url: '/a/../b?x=%27',
      httpVersion: '1.1',
      rawHeaders: ['Host', 'a.example', 'X-Twice', '1', ':path', '/a', 'x-twice', '2', 'odd'],
      socket: { remoteAddress: '::1', remotePort: 4711 },
    };
    const requestIP = (request: Request) => (request.url.endsWith('/b') ? { address: '192.0.2.1', port: 9 } : null);
    for (const [context, peer] of [
      [{ incoming }, '[::1]:4711'],
      [{ server: { incoming } }, '[::1]:4711'],
      [{ remoteAddr: { transport: 'tcp', hostname: '192.0.2.1', port: 80 } }, '192.0.2.1:80'],
      [{ requestIP }, '192.0.2.1:9'],
      [{ server: { requestIP } }, '192.0.2.1:9'],
      [{ requestIP: () => null }, undefined],
      [{ requestIP: 7 }, undefined],
      [{ remoteAddr: null }, undefined],
      [{ remoteAddr: { path: '/run/socket' } }, undefined],
      [{ incoming: { url: 1, httpVersion: 2, rawHeaders: 'x', socket: null } }, undefined],
      [undefined, undefined],
      ['text', undefined],
    ] as [unknown, string | undefined][]) {
      const { fake, ask } = room({ detect: flagged });
      expect((await ask('/b', context)).status).toBe(403);
      const [, said] = /\r\nTracehound-Peer: (\S+)/.exec(fake.payload()) ?? [];
      expect(said).toBe(peer);
      const raw = peer === '[::1]:4711';
      const isDeno =
        typeof context === 'object' && context !== null && 'remoteAddr' in context && context.remoteAddr !== null;
      expect(fake.payload()).toContain(`Tracehound-Target: ${raw ? 'raw' : isDeno ? 'url' : 'normalised'}`);
      if (raw)
        expect(fake.payload()).toMatch(
          /^GET \/a\/\.\.\/b\?x=%27 HTTP\/1\.1\r\nHost: a\.example\r\nX-Twice: 1\r\nx-twice: 2\r\nTrace/,
        );
    }
  });
});

describe('the answer', () => {
  test('carries the fields beside a policy of the application’s own', async () => {
    const { ask } = room({}, () => new Response('x', { status: 201, headers: { RateLimit: '"own";r=1;t=1' } }));
    const answer = await ask('/');
    expect(answer.status).toBe(201);
    expect(answer.headers.get('ratelimit')).toMatch(/^"own";r=1;t=1, "default";r=99;t=60;pk=:.+:$/);
  });

  test('with immutable headers is copied, and keeps what it said', async () => {
    const fixed = Response.redirect('http://a.example/there', 303);
    expect(() => fixed.headers.append('a', 'b')).toThrow();
    const { ask } = room({}, () => fixed);
    const answer = await ask('/');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'http://a.example/there']);
    expect(answer.headers.get('ratelimit')).toContain('r=99');
  });

  test('that cannot be copied (an upgrade) goes as it is', async () => {
    const upgrade = { status: 101, body: null, headers: Response.redirect('http://a.example').headers } as Response;
    expect(await room({}, () => upgrade).ask('/')).toBe(upgrade);
  });

  test('is the handler’s own object when there is nothing to add', async () => {
    const own = new Response('x');
    expect(await room({ headers: false }, () => own).ask('/')).toBe(own);
  });

  test('of a handler that throws is the platform’s matter', async () => {
    const thrown = { not: 'an Error' };
    const { fake, ask } = room({}, () => Promise.reject(thrown));
    await expect(ask('/')).rejects.toBe(thrown);
    expect(fake.reported).toEqual([]);
  });

  test('refused is ours, and the handler is not called', async () => {
    const handler = vi.fn(() => new Response('in'));
    const { ask } = room({ detect: flagged }, handler, { limit: 1 });
    expect([(await ask('/')).status, (await ask('/')).status]).toEqual([403, 429]);
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('the body', () => {
  test('that the detector has read a copy of is kept, and is whole for the handler', async () => {
    const detect = async (request: Request) => ((await request.clone().text()).includes("'") ? threat : undefined);
    const { fake, ask } = room({ detect });
    expect(await (await ask(post('harmless'))).text()).toBe('harmless');
    expect((await ask(post("eve'"))).status).toBe(403);
    expect(fake.payload().endsWith("\r\n\r\neve'")).toBe(true);
    expect(fake.payload()).toContain('Tracehound-Body-State: complete');
  });

  test('that the detector has consumed is said to be consumed', async () => {
    const { fake, ask } = room({ detect: async (request) => ((await request.text()) ? threat : undefined) });
    expect((await ask(post('x'))).status).toBe(403);
    expect(fake.payload()).toContain('Tracehound-Body-State: consumed');
  });

  test('in shadow is whole for the handler, and the request is otherwise the same', async () => {
    const large = 'x'.repeat(300_000);
    const handler = async (request: Request) =>
      Response.json([request.method, request.url, request.headers.get('x-own'), (await request.text()).length]);
    for (const foreign of [false, true]) {
      const { fake, ask } = room({ detect: flagged, shadow: true }, handler);
      const request = new Request('http://a.example/s', { method: 'PUT', body: large, headers: { 'x-own': '1' } });
      const { method, url, headers, signal, body } = request;
      // What a server's own Request looks like to the native constructor.
      const shown = foreign ? ({ method, url, headers, signal, body, bodyUsed: false } as Request) : request;
      expect(await (await ask(shown)).json()).toEqual(['PUT', 'http://a.example/s', '1', 300_000]);
      expect(fake.scents[0]).toMatchObject({ disposition: 'observed', truncated: true });
    }
  });
});

describe('fields that somebody forged', () => {
  const forged: Signals = { detector: 'd', secrets: [], read: () => ({ strip: ['x-score', 'x_score'] }) };
  const handler = async (request: Request): Promise<Response> =>
    Response.json([[...request.headers.keys()], request.method, await request.text()]);
  const asking = (): Request =>
    new Request('http://a.example/', {
      method: 'POST',
      body: 'whole',
      headers: { 'content-type': 'a/b', 'x-score': '1', x_score: '2', 'x-other': '3' },
    });
  const rest = [['content-type', 'x-other'], 'POST', 'whole'];

  test('are gone for the handler, and nothing else is', async () => {
    const { ask } = room({ signals: [forged] }, handler);
    expect(await (await ask(asking())).json()).toEqual(rest);
  });

  test('are gone from requests that the native constructor does not take, read or not', async () => {
    const request = asking();
    const { method, url, headers, signal, body } = request;
    const foreign = { method, url, headers, signal, body, bodyUsed: false } as Request;
    const { ask } = room({ signals: [forged] }, handler);
    expect(await (await ask(foreign)).json()).toEqual(rest);
    const consuming = room({ signals: [forged], detect: async (r) => void (await r.text()) }, handler);
    expect(await (await consuming.ask(asking())).json()).toEqual([rest[0], 'POST', '']);
    const empty = { method: 'GET', url, headers, signal, body: null, bodyUsed: false } as Request;
    expect(await (await ask(empty)).json()).toEqual([rest[0], 'GET', '']);
  });

  test('stay in shadow, which changes nothing', async () => {
    const { ask } = room({ signals: [forged], shadow: true }, handler);
    expect((await (await ask(asking())).json())[0]).toEqual(['content-type', 'x-other', 'x-score', 'x_score']);
  });
});
