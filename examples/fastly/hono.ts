/** A program of Fastly Compute with Hono: `npm run example fastly/hono`. To deploy it: docs/deploy/fastly.md. */
import { PenaltyBox, RateCounter } from 'fastly:edge-rate-limiter';
import { KVStore } from 'fastly:kv-store';
import { SecretStore } from 'fastly:secret-store';
import { Hono } from 'hono';
import { createTracehound, edgeRateLimit, secretFrom, signerFrom } from 'tracehound/fastly';
import { tracehound } from 'tracehound/hono';
import { fastlyKvStore } from 'tracehound/stores/fastly-kv';
import { signal } from '../signal.ts';

interface FetchEvent {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}

// Stores open only while a request is served, so everything is made in the first one. Small: each request may be the first.
async function make(): Promise<Hono> {
  const secrets = new SecretStore('tracehound');
  const evidence = fastlyKvStore(new KVStore('evidence'));
  const th = createTracehound({
    secret: await secretFrom(secrets, 'secret'),
    rateLimit: edgeRateLimit({
      counter: new RateCounter('requests'),
      penaltyBox: new PenaltyBox('penalties'),
      limitPerSecond: 10,
    }),
    quarantine: { maxCount: 4, maxBytes: 262_144 },
    audit: { maxRecords: 16, signer: await signerFrom(secrets, 'signing-key') },
  });
  const app = new Hono();
  app.use(
    tracehound(th, {
      detect: (_, { rawTarget }) => signal(rawTarget),
      onResult: async (_c, result) => {
        if (result.status !== 'quarantined') return;
        const { signature } = result.evidence;
        const key = `${signature.replace(':', '-')}.json`;
        // Another request may have met the same attack: looking costs less than signing.
        if ((await evidence.get(key)) !== undefined) return;
        await evidence.putIfAbsent(key, await th.quarantine.export(signature));
      },
    }),
  );
  app.get('*', (c) => c.text('hello from StarlingMonkey\n'));
  return app;
}

let app: Promise<Hono> | undefined;

async function serve(event: FetchEvent): Promise<Response> {
  app ??= make();
  // The event is Hono's bindings: from it the runtime knows who is asking.
  return (await app).fetch(event.request, { event });
}

addEventListener('fetch', ((event: FetchEvent) => event.respondWith(serve(event))) as never);
