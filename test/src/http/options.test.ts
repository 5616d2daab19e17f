/**
 * Guards `src/http/options.ts`: what an adapter is configured with is what the operator wrote, and nothing that somebody put
 * on a prototype. With real instances and real requests: an inherited `skip` or `shadow` once turned a 403 into a 200.
 */

import fc from 'fast-check';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { tracehound as fetchGuard } from '../../../src/adapters/fetch';
import { tracehound as honoGuard } from '../../../src/adapters/hono';
import { planOf } from '../../../src/http/options';
import { awsWafSignals } from '../../../src/signals/aws-waf';
import { cloudflareSignals } from '../../../src/signals/cloudflare';
import { crowdsecSignals } from '../../../src/signals/crowdsec';
import { fastlySignals, NGWAF_ATTACKS } from '../../../src/signals/fastly';
import { modsecuritySignals } from '../../../src/signals/modsecurity';

/** What pollution would have to say to let attacks pass or to hide them. Functions come from code, the rest from JSON too. */
const POLLUTION: Readonly<Record<string, unknown>> = {
  skip: () => true,
  allow: () => true,
  shadow: true,
  source: () => 'everybody',
  detect: () => undefined,
  signals: [],
  onRefused: () => new Response('in', { status: 200 }),
  onDetectorFailure: 'pass',
  detectTimeoutMs: 1,
  captureMax: 0,
  headers: false,
  mode: 'allow-list',
  query: ['q'],
  trust: 'platform',
  peers: ['0.0.0.0/0'],
  secret: { header: 'a', value: 'sixteen letters.' },
  forged: 'low',
  silence: 'clean',
  atLeast: 100_000,
  atMost: 1,
  severity: 'low',
  blocked: {},
  tags: {},
  classes: {},
  verifiedBots: 'pass',
  types: {},
  maxDecisions: 1,
  startup: true,
  failMode: 'closed',
  limit: 1,
  windowMs: 32,
  rateLimit: false,
  quarantine: { maxCount: 1 },
  maxCount: 1,
  authorize: () => true,
  audit: {},
  origin: 'other',
  charge: () => undefined,
  clock: () => 0,
};
const added: string[] = [];
const pollute = (names: readonly string[]): void => {
  for (const name of names) {
    added.push(name);
    Object.defineProperty(Object.prototype, name, {
      value: POLLUTION[name],
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
};
const clean = (): void => {
  for (const name of added.splice(0)) delete (Object.prototype as Record<string, unknown>)[name];
};
afterEach(clean);

const detect = () => ({ category: 'sqli', severity: 'high' }) as const;
/** Mounts the guard, and asks it once. */
const ADAPTERS = {
  fetch: (options: object) => {
    const guarded = fetchGuard(
      createTracehound({ secret: new Uint8Array(32) }),
      options as never,
    )(() => new Response('in'));
    return async () => (await guarded(new Request('https://shop.example/?q=1'))).status;
  },
  hono: (options: object) => {
    const app = new Hono();
    app.use(honoGuard(createTracehound({ secret: new Uint8Array(32) }), options as never));
    app.get('/', (c) => c.text('in'));
    return async () => (await app.request('/?q=1')).status;
  },
};

describe.each(Object.entries(ADAPTERS))('%s', (_, mount) => {
  test('refuses an attack, whatever stands on Object.prototype', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(Object.keys(POLLUTION), { minLength: 1, maxLength: 4 }), async (names) => {
        // The groups are there and empty, as most are: each of them inherits.
        const waf = modsecuritySignals({ trust: { peers: ['10.0.0.0/8'] }, silence: 'clean' });
        for (const options of [{ detect }, { detect, redact: {}, signals: [waf] }]) {
          try {
            pollute(names);
            const ask = mount(options);
            // The platform's own `new Request` reads what it inherits.
            clean();
            pollute(names.filter((name) => name !== 'headers'));
            expect(await ask()).toBe(403);
          } finally {
            clean();
          }
        }
      }),
      { seed: 20_261_250, numRuns: 40 },
    );
  });
});

test('every reader of options makes the same of what was written, polluted or not', () => {
  const readers: Record<string, () => unknown> = {
    tracehound: () => {
      const { capture, ...plan } = planOf({ detect, redact: {} }, 'open');
      const shown = ['accept', 'cookie', 'q', 'token'].map((name) => [
        capture.redactHeaders.has(name),
        capture.redactQuery.has(name),
      ]);
      return [plan, shown, capture.timeoutMs, [...capture.trace]];
    },
    createTracehound: () => {
      const th = createTracehound({ secret: new Uint8Array(32), rateLimit: {}, quarantine: {}, audit: {} });
      const { rateLimiter, quarantine } = th.watcher.snapshot();
      return [
        rateLimiter?.maxSources,
        quarantine.maxCount,
        quarantine.maxBytes,
        th.http.settings.failMode,
        th.http.limits.policy,
      ];
    },
  };
  const ask = (signals: { read(view: object): unknown }, fields: Record<string, string>, request?: object) =>
    signals.read({ headers: new Headers(fields), request, peer: '192.0.2.1' });
  const trust = { peers: ['192.0.2.1'] };
  const signals: Record<string, () => unknown> = {
    modsecurity: () => ask(modsecuritySignals({ trust, classes: {} }) as never, { 'x-waf-score': '43' }),
    stranger: () => ask(modsecuritySignals({ trust: { peers: ['10.0.0.1'] } }) as never, { 'x-waf-score': '43' }),
    cloudflare: () =>
      ask(cloudflareSignals({ trust, wafScore: { atMost: 20, header: 'x-waf' } }) as never, { 'x-waf': '5' }),
    bots: () =>
      ask(
        cloudflareSignals({ botScore: { atMost: 29 } }) as never,
        {},
        { cf: { botManagement: { score: 2, verifiedBot: true } } },
      ),
    aws: () =>
      ask(awsWafSignals({ trust, headers: { a: { category: 'a', severity: 'high' } } }) as never, {
        'x-amzn-waf-a': '1',
      }),
    fastly: () => ask(fastlySignals({ trust, tags: NGWAF_ATTACKS, bots: {} }) as never, { 'x-sigsci-tags': 'CMDEXE' }),
    crowdsec: () => {
      const list = crowdsecSignals({});
      const ban = { duration: '1h', scope: 'Ip', type: 'ban', value: '192.0.2.7', scenario: 's', origin: 'cscli' };
      list.apply({ new: [ban] }, 0);
      list.apply({ new: [{ ...ban, value: '192.0.2.8' }] }, 0, {});
      return [list.stats, list.read({ headers: new Headers(), source: '192.0.2.7', now: 1 })];
    },
  };
  for (const [name, make] of Object.entries({ ...readers, ...signals })) {
    const right = JSON.stringify(make());
    fc.assert(
      fc.property(fc.subarray(Object.keys(POLLUTION), { minLength: 1 }), (names) => {
        pollute(names);
        try {
          const got = JSON.stringify(make());
          clean();
          expect([name, got]).toEqual([name, right]);
        } finally {
          clean();
        }
      }),
      { seed: 20_261_251, numRuns: 25 },
    );
  }
});
