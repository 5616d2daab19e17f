/**
 * Guards what each runtime says about its platform: who is asking, and what keeps work alive after the answer. What they
 * share is guarded by the conformance suite, in their own engines.
 *
 * Files: `runtimes/bun/index.ts`, `runtimes/cloudflare/index.ts`, `runtimes/deno/index.ts`, `runtimes/fastly/index.ts`,
 * `runtimes/lambda-edge/index.ts`, `runtimes/node/index.ts`, `runtimes/standard/index.ts`, `runtimes/vercel/index.ts`.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bun } from '../../runtimes/bun/index';
import { cloudflare } from '../../runtimes/cloudflare/index';
import { deno } from '../../runtimes/deno/index';
import { fastly } from '../../runtimes/fastly/index';
import { lambdaEdge, settle } from '../../runtimes/lambda-edge/index';
import { node } from '../../runtimes/node/index';
import { standard } from '../../runtimes/standard/index';
import { vercel } from '../../runtimes/vercel/index';
import type { Runtime, Source } from '../../src/index';

const ADDRESS = '192.0.2.7';
const CLAIMS = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1', 'true-client-ip': '198.51.100.1' };
const request = (headers: Record<string, string> = {}): Request =>
  new Request('https://shop.example/', { headers: { ...CLAIMS, ...headers } });

const raw = request();
const peer = { remoteAddress: ADDRESS };
const bunServer = { requestIP: (of: Request) => (of === raw ? { address: ADDRESS, port: 1 } : null) };
const SAYS: [runtime: Runtime, how: string, request: unknown, context: unknown, said: Source | undefined][] = [
  [node, 'the socket of its request', { socket: peer }, undefined, { address: ADDRESS }],
  [node, 'the request in the bindings of Hono', raw, { incoming: { socket: peer } }, { address: ADDRESS }],
  [node, 'a connection that was reset', { socket: {} }, undefined, undefined],
  [cloudflare, 'CF-Connecting-IP', request({ 'cf-connecting-ip': ADDRESS }), {}, { address: ADDRESS }],
  [cloudflare, 'no CF-Connecting-IP', request({ 'x-real-ip': ADDRESS }), {}, undefined],
  [vercel, 'X-Real-IP', request({ 'x-real-ip': ADDRESS }), undefined, { address: ADDRESS }],
  [vercel, 'X-Real-IP of a request of Node', { headers: { 'x-real-ip': ADDRESS } }, undefined, { address: ADDRESS }],
  [
    vercel,
    'two X-Real-IP of a request of Node',
    { headers: { 'x-real-ip': [ADDRESS, ADDRESS] } },
    undefined,
    undefined,
  ],
  [vercel, 'no X-Real-IP', request(), undefined, undefined],
  [fastly, 'the event', raw, { client: { address: ADDRESS } }, { address: ADDRESS }],
  [fastly, 'the event in the bindings of Hono', raw, { event: { client: { address: ADDRESS } } }, { address: ADDRESS }],
  [fastly, 'no event', request({ 'fastly-client-ip': ADDRESS }), undefined, undefined],
  [lambdaEdge, 'the request of CloudFront', { clientIp: ADDRESS }, undefined, { address: ADDRESS }],
  [lambdaEdge, 'the bindings of Hono', raw, { request: { clientIp: ADDRESS } }, { address: ADDRESS }],
  [deno, 'the info of Deno.serve', raw, { remoteAddr: { hostname: ADDRESS } }, { address: ADDRESS }],
  [deno, 'a Unix socket', raw, { remoteAddr: { path: '/run/a', transport: 'unix' } }, undefined],
  [bun, 'the server', raw, bunServer, { address: ADDRESS }],
  [bun, 'the server in the bindings of Hono', raw, { server: bunServer }, { address: ADDRESS }],
  [bun, 'a request that the server does not know', request(), bunServer, undefined],
  [standard, 'nothing', request({ 'x-real-ip': ADDRESS, 'cf-connecting-ip': ADDRESS }), {}, undefined],
];

const CONTEXT = Symbol.for('@vercel/request-context');
/** As on Vercel. */
const onVercel = (context: unknown): void => void Object.assign(globalThis, { [CONTEXT]: { get: () => context } });
const offVercel = (): void => void delete (globalThis as Record<symbol, unknown>)[CONTEXT];

const RUNTIMES = [node, cloudflare, vercel, fastly, lambdaEdge, deno, bun, standard];

describe('who is asking', () => {
  beforeEach(() => onVercel({}));
  afterEach(offVercel);

  it.each(SAYS.map(([runtime, how, ...rest]) => ({ name: runtime.name, how, runtime, rest })))(
    '$name: $how',
    ({ runtime, rest: [asked, context, said] }) => {
      expect(runtime.source(asked, context)).toEqual(said);
    },
  );

  it.each(RUNTIMES)('$name: nobody, whatever a client claims', (runtime) => {
    for (const context of [undefined, null, {}, { incoming: {} }, { event: {} }, { server: {} }]) {
      expect(runtime.source(request(), context)).toBeUndefined();
    }
  });
});

describe('an address that a client could write itself', () => {
  afterEach(offVercel);
  const headers = (fields: Record<string, string>): unknown[] => [
    { headers: fields },
    { headers: new Headers(fields) },
    new Request('https://shop.example/', { headers: fields }),
  ];

  it('vercel: is nobody\u2019s off Vercel, whatever contexts others hand over (Next.js on a server of one\u2019s own)', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const given = fc.constantFrom(undefined, null, {}, { waitUntil: () => {} }, { get: () => ({}) });
    const ambient = fc.constantFrom(undefined, null, 0, '', 'x', true);
    fc.assert(
      fc.property(address, given, ambient, (text, context, found) => {
        for (const request of headers({ 'x-real-ip': text })) {
          offVercel();
          expect(vercel.source(request, context)).toBeUndefined();
          Object.assign(globalThis, { [Symbol.for('@next/request-context')]: { get: () => ({ value: {} }) } });
          onVercel(found);
          expect(vercel.source(request, context)).toBeUndefined();
          onVercel({});
          expect(vercel.source(request, context)).toEqual({ address: text });
        }
      }),
      { seed: 20_261_230, numRuns: 40 },
    );
    delete (globalThis as Record<symbol, unknown>)[Symbol.for('@next/request-context')];
  });

  it('cloudflare: CF-Connecting-IPv6 counts where Pseudo IPv4 overwrote the address, and nowhere else', () => {
    const six = fc.ipV6().filter((text) => text.length > 2);
    const four = fc.ipV4();
    fc.assert(
      fc.property(six, four, fc.integer({ min: 240, max: 255 }), (real, plain, first) => {
        const pseudo = plain.replace(/^\d+/, String(first));
        const isClassE = Number(plain.split('.')[0]) >= 240;
        const asked = (fields: Record<string, string>) =>
          cloudflare.source(new Request('https://shop.example/', { headers: fields }));
        expect(asked({ 'cf-connecting-ip': pseudo, 'cf-connecting-ipv6': real })).toEqual({ address: real });
        expect(asked({ 'cf-connecting-ip': pseudo })).toEqual({ address: pseudo });
        if (!isClassE)
          expect(asked({ 'cf-connecting-ip': plain, 'cf-connecting-ipv6': real })).toEqual({ address: plain });
        expect(asked({ 'cf-connecting-ip': real, 'cf-connecting-ipv6': '2001:db8::1' })).toEqual({ address: real });
        expect(asked({ 'cf-connecting-ipv6': real })).toBeUndefined();
      }),
      { seed: 20_261_231, numRuns: 100 },
    );
  });
});

describe('work after the answer', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    delete (globalThis as Record<symbol, unknown>)[Symbol.for('@vercel/request-context')];
  });

  /** A context that is told to wait, as the platform hands it over. */
  const waiting = () => {
    const kept: Promise<unknown>[] = [];
    return { kept, waitUntil: (work: Promise<unknown>) => void kept.push(work) };
  };

  it.each([
    ['cloudflare, by its context', cloudflare, (context: object) => context],
    ['vercel, by its context', vercel, (context: object) => context],
    ['fastly, by its event', fastly, (context: object) => context],
    ['fastly, in the bindings of Hono', fastly, (event: object) => ({ event })],
    ['standard, by the event of a service worker', standard, (context: object) => context],
  ] as const)('%s: is kept alive, and what fails there is reported', async (_, runtime, given) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const context = waiting();
    runtime.defer(Promise.reject(new Error('sink down')), given(context));
    expect(context.kept).toHaveLength(1);
    await expect(context.kept[0]).resolves.toBeUndefined();
    expect(warn).toHaveBeenCalledWith('Tracehound:', expect.objectContaining({ message: 'sink down' }));
  });

  it('vercel: is kept alive by the context of the request, where nobody hands one over', () => {
    const context = waiting();
    Object.assign(globalThis, { [Symbol.for('@vercel/request-context')]: { get: () => context } });
    vercel.defer(Promise.resolve());
    expect(context.kept).toHaveLength(1);
  });

  it('cloudflare: just runs where its own module does not exist', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    cloudflare.defer(Promise.reject(new Error('sink down')), { ASSETS: {} });
    await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce());
  });

  it('lambda-edge: has ended when `settle` resolves', async () => {
    let done = false;
    lambdaEdge.defer(
      new Promise<void>((resolve) => setTimeout(resolve, 10)).then(() => {
        done = true;
      }),
    );
    await settle();
    expect(done).toBe(true);
  });
});

describe('timers between requests', () => {
  it('are offered exactly where the platform keeps running', () => {
    expect(RUNTIMES.filter(({ after }) => after !== undefined).map(({ name }) => name)).toEqual([
      ...['node', 'deno', 'bun', 'standard'],
    ]);
  });
});
