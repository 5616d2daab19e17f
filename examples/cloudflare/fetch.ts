/** A Worker without a framework: `npm run example cloudflare/fetch`. To deploy it: docs/deploy/cloudflare.md. */
import { createTracehound } from 'tracehound/cloudflare';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
const guarded = tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) });

export default { fetch: guarded(() => new Response('hello from workerd\n')) };
