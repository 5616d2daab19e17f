/**
 * One small application on every adapter of the web's kind, so that one suite can be held against all of them.
 *
 * Relies on: the adapters. Refuses: to hide how a framework differs where that matters; such tests have files of their
 * own.
 */
import { type Context, Hono } from 'hono';
import { tracehound as fetchGuard } from '../../src/adapters/fetch';
import { tracehound as honoGuard } from '../../src/adapters/hono';
import type { GuardOptions } from '../../src/http/guard';
import type { Tracehound } from '../../src/types/index';

export type Fetch = (request: Request, platform?: unknown) => Response | Promise<Response>;
/** Options in terms of the web's `Request`, which every framework has somewhere. */
export type FrameOptions = Partial<Pick<GuardOptions<Request>, 'detect' | 'skip' | 'allow'>> &
  Partial<Omit<GuardOptions<never>, 'detect' | 'skip' | 'allow' | 'source' | 'onRefused'>>;

export interface Frame {
  readonly name: string;
  /** `reached`: paths that came through. */
  guarded(th: Tracehound, options: FrameOptions, reached: string[]): Fetch;
  /** The same application without us. */
  bare(reached: string[]): Fetch;
}

async function application(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [, route] = pathname.split('/');
  switch (route) {
    case 'echo':
      return new Response(`${request.method} ${await request.text()}`);
    case 'ignore':
      return new Response('did not read');
    case 'count': {
      let bytes = 0;
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length;
      return new Response(String(bytes));
    }
    case 'mirror':
      return new Response(request.body);
    case 'headers':
      return Response.json([...request.headers]);
    case 'fails':
      return new Response('the application’s own', { status: 500 });
    default:
      return new Response('not found', { status: 404 });
  }
}

const arrived = (request: Request, reached: string[]): void => {
  reached.push(new URL(request.url).pathname);
};

const hono: Frame = {
  name: 'hono',
  guarded(th, { detect, skip, allow, ...others }, reached) {
    const app = new Hono();
    app.use(
      honoGuard(th, {
        ...(others as GuardOptions<Context>),
        ...(detect === undefined ? {} : { detect: (c, inspection) => detect(c.req.raw, inspection) }),
        ...(skip === undefined ? {} : { skip: (c) => skip(c.req.raw) }),
        ...(allow === undefined ? {} : { allow: (c) => allow(c.req.raw) }),
      }),
    );
    return routed(app, reached);
  },
  bare: (reached) => routed(new Hono(), reached),
};

/** Through Hono's own ways of reading and failing. */
function routed(app: Hono, reached: string[]): Fetch {
  app.use(async (c, next) => {
    arrived(c.req.raw, reached);
    await next();
  });
  app.all('/echo/*', async (c) => c.text(`${c.req.method} ${await c.req.text()}`));
  app.get('/headers/*', (c) => c.json(Object.entries(c.req.header())));
  app.get('/fails/*', () => {
    throw new Error('the application’s own');
  });
  app.onError((error, c) => c.text(error.message, 500));
  app.all('*', (c) => application(c.req.raw));
  return app.fetch as Fetch;
}

const fetch: Frame = {
  name: 'fetch',
  guarded(th, options, reached) {
    return fetchGuard(
      th,
      options as GuardOptions<Request>,
    )((request: Request, _platform?: unknown) => {
      arrived(request, reached);
      return application(request);
    }) as Fetch;
  },
  bare: (reached) => (request) => {
    arrived(request, reached);
    return application(request);
  },
};

export const FRAMES: readonly Frame[] = [hono, fetch];
