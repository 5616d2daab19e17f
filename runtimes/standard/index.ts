/**
 * Web standards alone answer four of the five questions: browsers, their workers, and whatever else has WebAssembly and
 * Web Crypto. Who is asking they cannot say.
 *
 * Relies on: `#core`, `crypto.getRandomValues`, timers. Refuses: policy, and to guess a source: pass `source` to the
 * adapter, or every request counts as the one unknown.
 *
 * A page with a Content-Security-Policy needs `script-src 'wasm-unsafe-eval'`, or `core: instantiate` of
 * `tracehound/core/js`, which needs nothing.
 *
 * @module
 */
import { digest, instantiate } from '#core';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types/index';

export * from '../../src/index';

interface Waiting {
  waitUntil?: (work: Promise<unknown>) => void;
}

/** The runtime of web standards. */
export const standard: Runtime = {
  name: 'standard',
  clockSource: 'Date.now',
  coreDigest: digest,
  core: instantiate,
  now: () => Date.now(),
  random: (bytes) => {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  },
  // A service worker's event can keep work alive; elsewhere it lives as long as the page.
  defer: (work, context) => {
    const reported = work.catch((error: unknown) => console.warn('Tracehound:', error));
    (context as Waiting | undefined)?.waitUntil?.(reported);
  },
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  source: () => undefined,
};

/**
 * One instance of Tracehound in a browser, a worker, or any engine of web standards. Throws `TypeError` (wrong kind, unknown option) or `RangeError` (wrong value),
 * always "part: problem, expected X, got Y".
 *
 * @example
 * const th = createTracehound({ rateLimit: { windowMs: 60_000, limit: 100 } });
 * th.intercept({ source: { key: 'tab' }, payload: message, threat: { category: 'xss', severity: 'high' } });
 */
export function createTracehound(options?: TracehoundOptions): Tracehound {
  return wire(standard, options);
}
