/** Bun with Hono: `npm run example bun/hono`. To deploy it: docs/deploy/bun.md. */
import { Hono } from 'hono';
import { createTracehound } from 'tracehound/bun';
import { tracehound } from 'tracehound/hono';
import { signal } from '../signal.ts';

declare const Bun: { serve(options: object): unknown };

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from Bun\n'));

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 8_787),
  // The server is part of Hono's bindings: from it the runtime knows who is asking.
  fetch: (request: Request, server: unknown) => app.fetch(request, { server }),
});
