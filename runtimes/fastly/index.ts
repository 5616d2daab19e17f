/**
 * Fastly Compute answers five questions: the core comes as JavaScript because its engine has no WebAssembly, time and
 * randomness are the web's, the fetch event keeps work alive and says who is asking.
 *
 * Relies on: `#core` under the condition `fastly`; the event as context (`tracehound/fetch` and Hono's
 * `app.fetch(request, { event })` hand it on). Refuses: policy, and timers: nothing runs between requests.
 *
 * Everything is made anew for each request unless sandboxes are reused, so limits across requests need the platform's own
 * counters (`edgeRateLimit`), evidence a KV store (`tracehound/stores/fastly-kv`), keys a secret store (`secretFrom`). What is read while a module loads is frozen into every instance: nothing is read here before a request.
 *
 * @module
 */
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';
export { type EdgeRateLimitOptions, edgeRateLimit, type PenaltyBoxPort, type RateCounterPort } from './edge-rate-limit';
export {
  type ConfigStorePort,
  type SecretStorePort,
  secretFromStore as secretFrom,
  settingFrom,
  signerFrom,
} from './keys';

interface FetchEvent {
  client?: { address?: string };
  waitUntil?: (work: Promise<unknown>) => void;
}

/** The event itself, or Hono's bindings around it. */
const eventOf = (context: unknown): FetchEvent | undefined =>
  (context as { event?: FetchEvent } | undefined)?.event ?? (context as FetchEvent | undefined);

/** The Fastly runtime. */
export const fastly: Runtime = {
  name: 'fastly',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  // Two blocks: interpreted, each takes the core 34 µs; the platform's digest takes 15 and a turn of the loop.
  asyncDigestBytes: 128,
  now: () => Date.now(),
  random: (bytes) => {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  },
  defer: (work, context) => {
    const reported = work.catch((error: unknown) => console.warn('Tracehound:', error));
    eventOf(context)?.waitUntil?.(reported);
  },
  source: (_request, context) => {
    const address = eventOf(context)?.client?.address;
    return address ? { address } : undefined;
  },
};

/**
 * One instance of Tracehound on Fastly Compute. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ secret, quarantine: { maxCount: 16, maxBytes: 262_144 } });
 * const guarded = tracehound(th, { detect })(() => new Response('hello'));
 * addEventListener('fetch', (event) => event.respondWith(guarded(event.request, event)));
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(fastly, options);
}
