/** A program of Fastly Compute without a framework: `npm run example fastly/fetch`. To deploy it: docs/deploy/fastly.md. */
import { createTracehound } from 'tracehound/fastly';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

interface FetchEvent {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}

// Small, because each request makes it anew; limits across requests are for Fastly's own rate counter.
const th = createTracehound({
  rateLimit: false,
  quarantine: { maxCount: 4, maxBytes: 262_144 },
  audit: { maxRecords: 16 },
});
const guarded = tracehound(th, { detect: ({ url }) => signal(url) })(
  (_request: Request, _event: FetchEvent) => new Response('hello from StarlingMonkey\n'),
);

addEventListener('fetch', ((event: FetchEvent) => event.respondWith(guarded(event.request, event))) as never);
