/** Deno with Hono: `npm run example deno/hono`. To deploy it: docs/deploy/deno.md. */
import { Hono } from 'hono';
import { createTracehound } from 'tracehound/deno';
import { tracehound } from 'tracehound/hono';
import { signal } from '../signal.ts';

declare const Deno: {
  env: { get(name: string): string | undefined };
  serve(options: object, handler: unknown): unknown;
};

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const app = new Hono();
app.use(tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) }));
app.get('*', (c) => c.text('hello from Deno\n'));

// `Deno.serve` hands its info to Hono as bindings: from it the runtime knows who is asking.
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT') ?? 8_787) }, app.fetch);
