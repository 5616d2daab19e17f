/**
 * Hono: `app.use(tracehound(th, { detect }))`. Sets `c.get('tracehound')`.
 *
 * Relies on: `guard` for every decision, Hono's context for the facts, and — where Hono runs on Node — the server's
 * own request for what the web's `Request` hides: the raw target, the raw header fields, the peer.
 * Refuses: policy. What happens to a request is decided in `guard`, what is said in `refusal`.
 *
 * Mounted twice with one instance (once for all, once more strictly for `/admin`), the second inspects with the
 * receipt of the first: a request is charged once.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from 'hono';
import { takenBody } from '../http/capture';
import type { Buffered, Facts } from '../http/facts';
import { type GuardOptions, guard, leaveReceipt, type Visit } from '../http/guard';
import { absolute, factsOf, rewritten } from '../http/request';
import type { GuardedTracehound, InterceptResult, RateLimitResult } from '../types/index';
import { endGently } from './node-http';

export type TracehoundHonoOptions = GuardOptions<Context>;

/** `c.get('tracehound')`: present behind the middleware. */
export interface TracehoundVariables {
  tracehound: {
    readonly th: GuardedTracehound;
    /** Absent when nobody looked: skipped, allowed, or a failure that passed. */
    readonly result: InterceptResult | undefined;
    readonly rate: RateLimitResult | undefined;
  };
}

declare module 'hono' {
  interface ContextVariableMap extends TracehoundVariables {}
}

/** Guards everything behind it. Mount it before anything that reads the body or answers. */
export function tracehound(th: GuardedTracehound, options: TracehoundHonoOptions): MiddlewareHandler {
  const decide = guard(th, options);
  return async function tracehound(c, next) {
    const before = c.get('tracehound');
    const receipt = before?.th === th ? before.rate : undefined;
    const { response, result, rate, fields, body, strip } = await decide(visit(c, receipt));
    c.set('tracehound', { th, result, rate });
    if (response !== undefined) {
      // Hono lets headers that were set earlier (CORS, for one) win over the response: ours are put back.
      const own = [...response.headers];
      c.res = response;
      for (const [name, value] of own) c.res.headers.set(name, value);
      endGently(c.env, c.res);
      return;
    }
    if (body !== undefined || strip !== undefined) c.req.raw = rewritten(c.req.raw, { body, strip }, c.env);
    const takeBack = leaveReceipt(th, c.req.raw, c.env, rate);
    try {
      await next();
    } finally {
      takeBack();
    }
    for (const [name, value] of fields) append(c, name, value);
  };
}

function visit(c: Context, receipt: RateLimitResult | undefined): Visit<Context> {
  const came = c.req.raw;
  // Without Host, Bun's URL is a bare path, and Hono has chosen its routes by a part of it.
  const raw = absolute(came, c.env);
  if (raw !== came) c.req.raw = raw;
  const misread = raw !== came || !raw.url.includes('://');
  return { context: c, request: raw, platform: c.env, receipt, misread, facts: () => facts(c) };
}

function facts(c: Context): Facts {
  return { ...factsOf(c.req.raw, c.env), buffered: () => cachedBody(c) };
}

/** The body from Hono's cache, when a detector or an earlier middleware has read it through `c.req`. */
function cachedBody(c: Context): Promise<Buffered> | undefined {
  const { bodyCache } = c.req;
  const [first] = Object.keys(bodyCache);
  if (first === undefined) return takenBody(c.req.raw, '`c.req.text()` and its like');
  if (bodyCache.arrayBuffer !== undefined || bodyCache.blob !== undefined) {
    return c.req.arrayBuffer().then((bytes) => ({ bytes: new Uint8Array(bytes), remade: false }));
  }
  if (first === 'formData') return remadeForm(c);
  return c.req.arrayBuffer().then((bytes) => {
    // Text that has as many bytes as were declared lost nothing in decoding.
    const exact = c.req.header('content-length') === String(bytes.byteLength);
    return { bytes: new Uint8Array(bytes), remade: !exact };
  });
}

/** A form that only exists parsed is written again; its random boundary is blanked, so that repeats stay repeats. */
async function remadeForm(c: Context): Promise<Buffered> {
  const bytes = new Uint8Array(await new Response(await c.req.formData()).arrayBuffer());
  const boundary = bytes.slice(2, bytes.indexOf(0x0d)); // RFC 2046 §5.1.1: "--" boundary CRLF
  const first = boundary[0] as number;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (boundary.every((byte, index) => bytes[at + index] === byte)) bytes.fill(0x78, at, at + boundary.length);
  }
  return { bytes, remade: true };
}

/** Adds a field to the application's answer. Both are lists: a policy of the application's own stays beside ours. */
function append(c: Context, name: string, value: string): void {
  try {
    c.res.headers.append(name, value);
  } catch {
    // Immutable headers (a fetched response): Hono copies the response.
    c.header(name, value, { append: true });
  }
}
