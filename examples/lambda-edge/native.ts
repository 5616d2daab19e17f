/** A function of CloudFront without a framework: `npm run example lambda-edge/native`. To deploy it: docs/deploy/lambda-edge.md. */
import { createTracehound, handler as guard } from 'tracehound/lambda-edge';
import { signal } from '../signal.ts';

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });

/** What is not refused goes on to the cache and the origin. */
export const handler = guard(th, { detect: (_, { rawTarget }) => signal(rawTarget) });
