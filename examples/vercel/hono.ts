/** A function of Vercel with Hono: `npm run example vercel/hono`. To deploy it: docs/deploy/vercel.md. */
import { Hono } from 'hono';
import { handle } from 'hono/vercel';
import { tracehound } from 'tracehound/hono';
import { createTracehound } from 'tracehound/vercel';
import { signal } from '../signal.ts';

// At the edge. Leave it out for Vercel's Node functions: the code is the same.
export const config = { runtime: 'edge' };

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from edge-runtime\n'));

export default handle(app);
