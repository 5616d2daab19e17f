/**
 * Before everything else of a project on Vercel, whatever serves it: `npm run example vercel/middleware`. As `middleware.ts`
 * in the root of a project it is Vercel's Routing Middleware; for Next.js 16 see `proxy.ts` beside it.
 */
import { tracehound } from 'tracehound/fetch';
import { createTracehound } from 'tracehound/vercel';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

/** What `next()` of `@vercel/functions` returns: go on to what was asked for. */
const next = (): Response => new Response(null, { headers: { 'x-middleware-next': '1' } });

export default guarded((_request: Request, _context: unknown) => next());
