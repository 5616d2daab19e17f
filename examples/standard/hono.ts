/** A service worker with Hono: `npm run example standard/hono`, then open the address it prints. */
import { Hono } from 'hono';
import { handle } from 'hono/service-worker';
import { tracehound } from 'tracehound/hono';
import { createTracehound } from 'tracehound/standard';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono().basePath('/api');
/** Web standards name no peer: here a source is a tab. */
app.use(
  tracehound(th, { source: (c) => ({ key: c.req.raw.referrer }), detect: (_, { rawTarget }) => signal(rawTarget) }),
);
app.get('*', (c) => c.text('hello from the worker\n'));

const answer = handle(app);
addEventListener('fetch', ((event: { request: Request }) => {
  if (new URL(event.request.url).pathname.startsWith('/api/')) answer(event as never);
}) as never);
