/** A function of Vercel without a framework: `npm run example vercel/fetch`. To deploy it: docs/deploy/vercel.md. */
import { tracehound } from 'tracehound/fetch';
import { createTracehound } from 'tracehound/vercel';
import { signal } from '../signal.ts';

// At the edge. Leave it out for Vercel's Node functions: the code is the same.
export const config = { runtime: 'edge' };

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

export default guarded((_request: Request, _context: unknown) => new Response('hello from edge-runtime\n'));
