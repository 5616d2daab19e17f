/**
 * A function of CloudFront with Hono, for one that answers by itself: `npm run example lambda-edge/hono`. To guard an origin,
 * `native.ts` is simpler: Hono's handler passes a request on through a callback and filters no header.
 */
import { Hono } from 'hono';
import { handle } from 'hono/lambda-edge';
import { tracehound } from 'tracehound/hono';
import { createTracehound } from 'tracehound/lambda-edge';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from Lambda\n'));

export const handler = handle(app);
