/** A program of Fastly Compute without a framework: `npm run example fastly/fetch`. To deploy it: docs/deploy/fastly.md. */
import { PenaltyBox, RateCounter } from 'fastly:edge-rate-limiter';
import { createTracehound, edgeRateLimit } from 'tracehound/fastly';
import { tracehound } from 'tracehound/fetch';
import { signal } from '../signal.ts';

interface FetchEvent {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}

type Handler = (request: Request, event: FetchEvent) => Promise<Response>;

// Counters open only while a request is served, so everything is made in the first one. Small: each may be the first.
function make(): Handler {
  const counter = new RateCounter('requests');
  const penaltyBox = new PenaltyBox('penalties');
  const th = createTracehound({
    rateLimit: edgeRateLimit({ counter, penaltyBox, limitPerSecond: 10 }),
    quarantine: { maxCount: 4, maxBytes: 262_144 },
    audit: { maxRecords: 16 },
  });
  return tracehound(th, { detect: (_, { rawTarget }) => signal(rawTarget) })(
    () => new Response('hello from StarlingMonkey\n'),
  );
}

let guarded: Handler | undefined;

addEventListener('fetch', ((event: FetchEvent) => {
  guarded ??= make();
  event.respondWith(guarded(event.request, event));
}) as never);
