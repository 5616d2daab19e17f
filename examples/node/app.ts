/** The example's application: one line of middleware, a few pages, and a view of what was caught. */
import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { type AuditOptions, createTracehound, type Tracehound } from 'tracehound';
import { type TracehoundHonoOptions, tracehound } from 'tracehound/hono';
import { detect } from './detector.ts';
import { pages } from './pages.ts';

type AppOptions = Pick<TracehoundHonoOptions, 'source'> & { audit?: AuditOptions };

/**
 * `source`: who is asking. Left out, it is the address of the connection, which is right without a proxy in front.
 * `audit`: where the log goes; left out, it stays in memory.
 */
export function createApp({ audit, ...options }: AppOptions = {}): { app: Hono; th: Tracehound } {
  const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 }, ...(audit && { audit }) });
  const app = new Hono();

  // Before the middleware, so that looking does not cost from one's own limit.
  app.get('/_tracehound/', (c) => {
    if (!isLocal(c)) return c.notFound();
    c.header('Cache-Control', 'no-store');
    return c.json({
      snapshot: th.watcher.snapshot(),
      quarantine: th.quarantine.list({ limit: 50 }),
      audit: th.audit.head(),
    });
  });

  app.use(tracehound(th, { ...options, detect, onDetectorFailure: 'refuse' }));
  pages(app);
  return { app, th };
}

/**
 * From this machine, by its own name, and not through a proxy on it: a proxy makes every visitor look local, and a
 * page elsewhere can point its own name at 127.0.0.1.
 */
function isLocal(c: Context): boolean {
  const address = getConnInfo(c).remote.address ?? '';
  const { hostname } = new URL(c.req.url);
  const near = address === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
  const named = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return near && named && !c.req.header('x-forwarded-for') && !c.req.header('forwarded');
}
