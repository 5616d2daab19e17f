/**
 * A guarded server for the tests of connections, on whatever engine runs it: two guards with an instance each, one around
 * the other, and an application that says what it saw. Bundled with the packed package, it listens on `PORT`.
 *
 * Relies on: the engine's own way to serve. Refuses: to decide anything; it blocks 127.0.0.9 and flags what says `attack`.
 */
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import type { tracehound as fetchGuards } from '../../src/adapters/fetch';
import type { tracehound as honoGuards } from '../../src/adapters/hono';
import type { Signals, Tracehound, TracehoundOptions } from '../../src/types/index';

type Handler = (request: Request, context: unknown) => Response | Promise<Response>;

interface Globals {
  Bun?: { serve(options: object): unknown };
  Deno?: { serve(options: object, handler: Handler): unknown };
  process?: { env: Record<string, string | undefined> };
}

const { Bun, Deno, process } = globalThis as Globals;
/** Takes a field away from every request, so that every request is passed on as a copy. */
const copying: Signals = { detector: 'test', secrets: [], read: () => ({ strip: ['x-forged'] }) };
const flag = (target: string) =>
  target.includes('attack') ? ({ category: 'test', severity: 'high' } as const) : undefined;

/** Of the packed package, for the engine. */
interface Package {
  createTracehound(options: TracehoundOptions): Tracehound;
  fetchGuard: typeof fetchGuards;
  honoGuard: typeof honoGuards;
  /** Hono's own way to ask this engine for the peer. */
  getConnInfo: GetConnInfo;
}

/** Serves, behind the guards of `frame`. */
export function open({ createTracehound, fetchGuard, honoGuard, getConnInfo }: Package, frame: string): void {
  const secret = new Uint8Array(32).fill(7);
  const outer = createTracehound({ rateLimit: { limit: 10_000 }, secret });
  const inner = createTracehound({ rateLimit: { limit: 3 }, secret });
  outer.rateLimiter.block('127.0.0.9', 3_600_000);
  const reached: string[] = [];
  const seen = (request: Request, peer: unknown): Response => {
    reached.push(request.url);
    return Response.json({ url: request.url, peer });
  };
  const report = (): Response =>
    Response.json({
      reached,
      evidence: outer.quarantine
        .list({ limit: 1_000 })
        .map(({ signature }) => new TextDecoder().decode(outer.quarantine.read(signature))),
    });
  const detect = (_: unknown, { rawTarget }: { rawTarget: string }) => flag(rawTarget);

  const app = new Hono();
  app.get('/report', report);
  app.use(honoGuard(outer, { detect, signals: [copying] }));
  app.use('/twice', honoGuard(inner, { detect: () => undefined }));
  app.all('*', (c) => seen(c.req.raw, getConnInfo(c).remote.address));

  const twice = fetchGuard(inner, { detect: () => undefined })((request, context) =>
    seen(request, peerOf(request, context)),
  );
  const once = fetchGuard(outer, { detect, signals: [copying] })((request, context) =>
    new URL(request.url).pathname === '/twice' ? twice(request, context) : seen(request, peerOf(request, context)),
  );
  const bare: Handler = (request, context) => (request.url.endsWith('/report') ? report() : once(request, context));
  listen(frame === 'hono' ? (app.fetch as Handler) : bare);
}

/** As an application asks its engine. */
function peerOf(request: Request, context: unknown): unknown {
  const given = context as {
    requestIP?(of: Request): { address: string } | null;
    remoteAddr?: { hostname: string };
    incoming?: { socket: { remoteAddress?: string } };
  };
  return given.requestIP?.(request)?.address ?? given.remoteAddr?.hostname ?? given.incoming?.socket.remoteAddress;
}

function listen(fetch: Handler): void {
  const port = Number(process?.env.PORT);
  const hostname = '127.0.0.1';
  if (Bun) Bun.serve({ port, hostname, fetch, development: false });
  else if (Deno) Deno.serve({ port, hostname, onListen() {} }, fetch);
  else createAdaptorServer({ fetch }).listen(port, hostname);
}
