/** Node with Hono, as short as it gets: `npm run example node/hono`. A larger one, with pages to attack: `npm start`. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { tracehound } from 'tracehound/hono';
import { createTracehound } from 'tracehound/node';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from Node\n'));

serve({ hostname: '127.0.0.1', port: Number(process.env.PORT ?? 8_787), fetch: app.fetch });
