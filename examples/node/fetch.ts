/** Node without a framework, on a server of the web's kind: `npm run example node/fetch`. With Hono: `server.ts`. */
import { serve } from '@hono/node-server';
import { tracehound } from 'tracehound/fetch';
import { createTracehound } from 'tracehound/node';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 8_787),
  fetch: guarded((_request: Request, _env: unknown) => new Response('hello from Node\n')),
});
