/** A Worker with Hono: `npm run example cloudflare/hono`. To deploy it: docs/deploy/cloudflare.md. */
import { Hono } from 'hono';
import { createTracehound } from 'tracehound/cloudflare';
import { tracehound } from 'tracehound/hono';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from workerd\n'));

export default app;
