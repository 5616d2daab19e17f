/** A program of Fastly Compute with Hono: `npm run example fastly/hono`. To deploy it: docs/deploy/fastly.md. */
import { Hono } from 'hono';
import { createTracehound } from 'tracehound/fastly';
import { tracehound } from 'tracehound/hono';
import { signal } from '../signal.ts';

interface FetchEvent {
  request: Request;
  respondWith(answer: Response | Promise<Response>): void;
}

// Small, because each request makes it anew; limits across requests are for Fastly's own rate counter.
const th = createTracehound({
  rateLimit: false,
  quarantine: { maxCount: 4, maxBytes: 262_144 },
  audit: { maxRecords: 16 },
});
const app = new Hono();
app.use(tracehound(th, { detect: (c) => signal(c.req.url) }));
app.get('*', (c) => c.text('hello from StarlingMonkey\n'));

// The event is Hono's bindings: from it the runtime knows who is asking.
addEventListener('fetch', ((event: FetchEvent) => event.respondWith(app.fetch(event.request, { event }))) as never);
