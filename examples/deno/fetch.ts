/** Deno without a framework: `npm run example deno/fetch`. To deploy it: docs/deploy/deno.md. */
import { createTracehound } from 'tracehound/deno';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

declare const Deno: {
  env: { get(name: string): string | undefined };
  serve(options: object, handler: (request: Request, info: unknown) => Promise<Response>): unknown;
};

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

Deno.serve(
  { hostname: '127.0.0.1', port: Number(Deno.env.get('PORT') ?? 8_787) },
  guarded((_request: Request, _info: unknown) => new Response('hello from Deno\n')),
);
