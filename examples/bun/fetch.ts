/** Bun without a framework: `npm run example bun/fetch`. To deploy it: docs/deploy/bun.md. */
import { createTracehound } from 'tracehound/bun';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

declare const Bun: { serve(options: object): unknown };

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 8_787),
  fetch: guarded((_request: Request, _server: unknown) => new Response('hello from Bun\n')),
});
