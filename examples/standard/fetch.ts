/**
 * A service worker without a framework: `npm run example standard/fetch`, then open the address it prints. It guards what
 * the page asks for below `/api/`: an embedded script of somebody else's, for one.
 */
import { tracehound } from 'tracehound/fetch';
import { createTracehound } from 'tracehound/standard';
import { signal } from '../signal.ts';

interface FetchEvent {
  request: Request;
  clientId: string;
  respondWith(answer: Promise<Response>): void;
}

const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 20 } });
/** Web standards name no peer: here a source is a tab. */
const source = (request: Request): { key: string } => ({ key: request.referrer });
const guarded = tracehound(th, { source, detect: (_, { rawTarget }) => signal(rawTarget) })(
  (_request: Request, _event: FetchEvent) => new Response('hello from the worker\n'),
);

addEventListener('fetch', ((event: FetchEvent) => {
  if (new URL(event.request.url).pathname.startsWith('/api/')) event.respondWith(guarded(event.request, event));
}) as never);
