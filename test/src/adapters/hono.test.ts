/** Guards src/adapters/hono.ts, the seam between Hono and the guard: context, cache, replaced bodies, headers of others. No network. */
import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { describe, expect, test } from 'vitest';
import { type TracehoundHonoOptions, tracehound } from '../../../src/adapters/hono';
import type { ThreatSignal } from '../../../src/types/index';
import { type Fake, type FakeOptions, fakeTracehound } from '../../lab/fake-tracehound';

const threat: ThreatSignal = { category: 'sqli', severity: 'high' };
const flagged = (): ThreatSignal => threat;

type Detect = NonNullable<TracehoundHonoOptions['detect']>;

function room(options: Partial<TracehoundHonoOptions> = {}, fakeOptions: FakeOptions = {}): { fake: Fake; app: Hono } {
  const fake = fakeTracehound(fakeOptions);
  const app = new Hono();
  app.use(tracehound(fake.th, { detect: () => undefined, ...options }));
  app.all('/echo', async (c) => c.text(await c.req.text()));
  return { fake, app };
}

const post = (body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body, headers });

describe('the context', () => {
  test('carries instance, result and rate to the handlers', async () => {
    const { fake, app } = room({ skip: (c) => c.req.path === '/skipped' });
    app.get('/:any', (c) => {
      const { th, result, rate } = c.get('tracehound');
      return c.json([th === fake.th, result?.status, rate?.remaining]);
    });
    expect(await (await app.request('/a')).json()).toEqual([true, 'clean', 99]);
    expect(await (await app.request('/skipped')).json()).toEqual([true, null, null]);
  });

  test('is given to the user’s functions; the runtime is asked with the request and the platform’s environment', async () => {
    const { fake, app } = room({ detect: (c) => (c.req.query('q') === "'" ? threat : undefined) });
    const env = { some: 'binding' };
    expect((await app.request("/echo?q='", {}, env)).status).toBe(403);
    expect(fake.asked[0]?.[0]).toBeInstanceOf(Request);
    expect(fake.asked[0]?.[1]).toBe(env);
  });

  test('mounted twice, a request is charged once and inspected by both', async () => {
    const { fake, app } = room();
    app.use('/admin/*', tracehound(fake.th, { detect: flagged }));
    app.get('/admin/a', (c) => c.text('in'));
    const refused = await app.request('/admin/a');
    expect(refused.status).toBe(403);
    expect(fake.charges).toHaveLength(1);
    expect(refused.headers.get('ratelimit')).toMatch(/^"default";r=99;t=60;pk=:[\w+/=]+:$/);
  });

  test('mounted with two instances, each charges', async () => {
    const { fake, app } = room();
    const other = fakeTracehound();
    app.use(tracehound(other.th, { detect: () => undefined }));
    app.get('/', (c) => c.text('in'));
    await app.request('/');
    expect([fake.charges.length, other.charges.length]).toEqual([1, 1]);
  });
});

describe('the answer', () => {
  test('of the application carries the fields, found or not, failed or not', async () => {
    const { app } = room();
    app.get('/fails', () => {
      throw new HTTPException(409, { message: 'mine' });
    });
    app.get('/throws', () => {
      throw new Error('mine');
    });
    app.onError((error, c) => c.text(error.message, error instanceof HTTPException ? error.status : 500));
    for (const [path, status] of [
      ['/echo', 200],
      ['/nowhere', 404],
      ['/fails', 409],
      ['/throws', 500],
    ] as const) {
      const answer = await app.request(path);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('ratelimit')).toMatch(/^"default";r=\d+;t=60;pk=:/);
      if (status >= 409) expect(await answer.text()).toBe('mine');
    }
  });

  test('an error that Hono does not catch passes through untouched', async () => {
    const { app } = room();
    const thrown = { not: 'an Error' };
    app.get('/throws', () => {
      throw thrown;
    });
    await expect(app.request('/throws')).rejects.toBe(thrown);
  });

  test('with immutable headers is copied, and keeps what it said', async () => {
    const { app } = room();
    const fetched = new Response('body', { status: 203, headers: { 'x-upstream': '1' } });
    Object.defineProperty(fetched.headers, 'append', {
      value: () => {
        throw new TypeError('immutable');
      },
    });
    app.get('/proxy', () => fetched);
    const answer = await app.request('/proxy');
    expect([answer.status, answer.headers.get('x-upstream'), await answer.text()]).toEqual([203, '1', 'body']);
    expect(answer.headers.get('ratelimit')).toContain('r=99');
  });

  test('keeps a policy of the application’s own beside ours', async () => {
    const { app } = room();
    app.get('/own', (c) => c.text('x', 200, { RateLimit: '"own";r=1;t=1' }));
    expect((await app.request('/own')).headers.get('ratelimit')).toMatch(
      /^"own";r=1;t=1, "default";r=99;t=60;pk=:.+:$/,
    );
  });

  test('refused keeps CORS headers set before, and loses none of its own to them', async () => {
    const fake = fakeTracehound();
    const app = new Hono();
    app.use(cors());
    app.use(async (c, next) => {
      c.res.headers.set('cache-control', 'public, max-age=3600');
      await next();
    });
    app.use(tracehound(fake.th, { detect: flagged }));
    app.get('/', (c) => c.text('in'));
    const refused = await app.request('/');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(await refused.text()).status).toBe(403);
  });

  test('refused is the same when nothing but the middleware is mounted', async () => {
    const app = new Hono();
    app.use(tracehound(fakeTracehound().th, { detect: flagged }));
    expect((await app.request('/')).status).toBe(403);
    const open = new Hono();
    open.use(tracehound(fakeTracehound().th, { detect: () => undefined }));
    expect((await open.request('/')).headers.get('ratelimit')).toContain('r=99');
  });

  test('a client without a peer address is limited with all unknown clients', async () => {
    const { fake, app } = room({}, { limit: 2, source: undefined });
    const answers = [];
    for (let index = 0; index < 3; index++) answers.push((await app.request('/echo')).status);
    expect(answers).toEqual([200, 200, 429]);
    expect(fake.charges).toEqual(['', '', '']);
  });
});

describe('the body', () => {
  const body = 'user=admin%27--&n=1';
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) };

  test('that the detector has read through Hono is kept, however it read it', async () => {
    const ways: [Detect, string, BodyInit, Record<string, string>][] = [
      [async (c) => ((await c.req.text()) ? threat : undefined), body, body, form],
      [async (c) => ((await c.req.parseBody()) ? threat : undefined), body, body, form],
      [async (c) => ((await c.req.arrayBuffer()) ? threat : undefined), body, body, form],
      [async (c) => ((await c.req.blob()) ? threat : undefined), body, body, form],
      [async (c) => ((await c.req.json()) ? threat : undefined), '{"a":1}', '{"a":1}', { 'content-length': '7' }],
      [async (c) => ((await c.req.raw.clone().text()) ? threat : undefined), body, body, form],
    ];
    for (const [detect, kept, sent, headers] of ways) {
      const { fake, app } = room({ detect });
      expect((await app.request('/echo', post(sent, headers))).status).toBe(403);
      expect(fake.payload().endsWith(`\r\n\r\n${kept}`)).toBe(true);
      expect(fake.payload()).toContain('Tracehound-Body-State: complete');
      expect(fake.payload()).not.toContain('Tracehound-Body-Remade');
    }
  });

  test('of undeclared length is exact when the detector took the bytes themselves', async () => {
    for (const detect of [
      async (c: Context) => ((await c.req.arrayBuffer()) ? threat : undefined),
      async (c: Context) => ((await c.req.blob()) ? threat : undefined),
    ]) {
      const { fake, app } = room({ detect });
      await app.request('/echo', post(Uint8Array.of(0xff, 0xfe)));
      expect(fake.payload().endsWith('\r\n\r\n\xff\xfe')).toBe(true);
      expect(fake.payload()).not.toContain('Tracehound-Body-Remade');
    }
  });

  test('that was decoded on the way says that it may differ', async () => {
    const { fake, app } = room({ detect: async (c) => ((await c.req.text()) ? threat : undefined) });
    await app.request('/echo', post(Uint8Array.of(0xff, 0xfe), { 'content-length': '2' }));
    expect(fake.payload()).toContain('Tracehound-Body-Remade: yes');
  });

  test('that only exists as a parsed form is written again, the same for every repeat', async () => {
    const detect: TracehoundHonoOptions['detect'] = async (c) => {
      await c.req.formData().catch(() => {});
      return threat;
    };
    const { fake, app } = room({ detect });
    const send = (body: string) =>
      app.request('/echo', post(body, { 'content-type': 'multipart/form-data; boundary=x' }));
    const upload =
      '--x\r\ncontent-disposition: form-data; name="file"; filename="a.php"\r\n\r\n<?php system(1)\r\n--x--\r\n';
    await send(upload);
    expect(fake.payload()).toMatch(/\r\n\r\n--x+\r\n.+<\?php system\(1\)\r\n--x+--/s);
    expect(fake.payload()).toContain('Tracehound-Body-Remade: yes');
    await send(upload);
    expect(fake.scents[1]?.fingerprint).toEqual(fake.scents[0]?.fingerprint);
    await send('no form at all');
    expect(fake.payload()).toContain('Tracehound-Body-State: consumed');
    expect(fake.scents).toHaveLength(3);
  });

  test('that the detector has consumed behind Hono’s back is said to be consumed', async () => {
    const { fake, app } = room({ detect: async (c) => ((await c.req.raw.text()) ? threat : undefined) });
    expect((await app.request('/echo', post(body))).status).toBe(403);
    expect(fake.payload()).toContain('Tracehound-Body-State: consumed');
  });

  test('in shadow is whole for the handler, read in any way, with or without a detector that has read it', async () => {
    const large = 'x'.repeat(300_000);
    const detectors: Detect[] = [flagged, async (c) => ((await c.req.text()) ? threat : undefined)];
    for (const detect of detectors) {
      const { fake, app } = room({ detect, shadow: true });
      app.post('/json', async (c) => c.json(await c.req.json()));
      app.post('/raw', async (c) => new Response(c.req.raw.body));
      expect(await (await app.request('/echo', post(large))).text()).toBe(large);
      expect(await (await app.request('/json', post('{"a":1}'))).json()).toEqual({ a: 1 });
      if (detect === flagged) expect(await (await app.request('/raw', post(large))).text()).toBe(large);
      expect((await app.request('/echo')).status).toBe(200);
      expect(fake.scents[0]).toMatchObject({ disposition: 'observed', truncated: true });
    }
  });

  test('is handed on with method, headers, URL and signal of the request, even if that cannot be copied', async () => {
    for (const foreign of [false, true]) {
      const { app } = room({ detect: flagged, shadow: true });
      app.put('/seen', async (c) => c.json([c.req.method, c.req.url, c.req.header('x-own'), await c.req.text()]));
      const request = new Request('http://a.example/seen', { method: 'PUT', body, headers: { 'x-own': '1' } });
      // What a server's own Request looks like to the native constructor.
      const shown = foreign
        ? {
            method: request.method,
            url: request.url,
            headers: request.headers,
            signal: request.signal,
            body: request.body,
            bodyUsed: false,
          }
        : request;
      const answer = await app.fetch(shown as Request);
      expect(await answer.json()).toEqual(['PUT', 'http://a.example/seen', '1', body]);
    }
  });
});

describe('what Node knows', () => {
  const incoming = {
    url: '/a/../b?x=%27',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'a.example', 'X-Twice', '1', ':path', '/a', 'x-twice', '2', 'odd'],
    socket: { remoteAddress: '::1', remotePort: 4711 },
  };

  test('raw target, raw fields and the peer are in the evidence', async () => {
    for (const env of [{ incoming }, { server: { incoming } }]) {
      const { fake, app } = room({ detect: flagged });
      await app.request('/b?x=%27', {}, env);
      expect(fake.payload()).toMatch(
        /^GET \/a\/\.\.\/b\?x=%27 HTTP\/1\.1\r\nHost: a\.example\r\nX-Twice: 1\r\nx-twice: 2\r\nTracehound-Target: raw\r\n/,
      );
      expect(fake.payload()).toContain('Tracehound-Peer: [::1]:4711\r\n');
    }
  });

  test('is looked at by shape: other environments are no hindrance', async () => {
    for (const env of [
      undefined,
      {},
      { incoming: 7 },
      { incoming: { url: 1, httpVersion: 2, rawHeaders: 'x', socket: null } },
      { incoming: { socket: { remoteAddress: '192.0.2.1', remotePort: 1 } } },
    ]) {
      const { fake, app } = room({ detect: flagged });
      expect((await app.request('/', {}, env as never)).status).toBe(403);
      expect(fake.payload()).toContain('Tracehound-Target: normalised');
    }
  });
});
