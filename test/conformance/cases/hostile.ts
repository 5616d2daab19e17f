/**
 * Input that wants something: to be let through, to end the process, or to be taken for somebody else.
 */
import type { Scent } from '../../../src/types/index';
import { same, that } from '../assert';
import { type Case, THREAT } from '../stage';

const part = 'hostile';

/** Payloads that nobody can keep. */
function unkeepable(): [name: string, payload: unknown][] {
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = [deep];
  const loop: unknown[] = [];
  loop.push(loop);
  return [
    ['NaN', { a: Number.NaN }],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['undefined inside', { a: undefined }],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a hundred levels', deep],
    ['a loop', loop],
    ['a getter that throws', Object.defineProperty({}, 'a', { enumerable: true, get: () => that(false, 'touched') })],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
    ['a thousand and one keys', Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`k${i}`, i]))],
    ['a date', new Date(0)],
  ];
}

export const hostile: readonly Case[] = [
  {
    part,
    promise: 'lets no flagged request through for what it carries',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false });
      for (const [name, payload] of unkeepable()) {
        const scent = { source: 'x', threat: THREAT, payload } as Scent;
        for (const result of [th.intercept(scent), await th.interceptAsync(scent)]) {
          that(!['clean', 'error'].includes(result.status), `${name}: expected a refusal, got ${result.status}`);
        }
      }
      same(th.watcher.snapshot().core.panics, 0, 'panics');
    },
  },
  {
    part,
    promise: 'never throws, and lets no malformed scent pass',
    run: async ({ instance }) => {
      const { th } = instance();
      const trap = new Proxy(
        {},
        {
          get: () => {
            throw new Error('no');
          },
        },
      );
      for (const scent of [null, undefined, 7, 'x', [], trap]) {
        const result = th.intercept(scent as Scent);
        // What cannot be read may have carried a threat, and is refused as one.
        that(['error', 'dropped'].includes(result.status), `expected a refusal, got ${result.status}`);
        same((await th.interceptAsync(scent as Scent)).status, result.status, 'the same, later');
      }
      // Nobody at all is somebody: the source that all unknown clients share.
      same(th.intercept(Object.create(null)).status, 'clean', 'no source');
    },
  },
  {
    part,
    promise: 'refuses threats that are named badly, under the name it gives them',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false });
      const threats: unknown[] = [
        {},
        { category: 'A B', severity: 'worst' },
        { category: '__proto__' },
        { severity: 3 },
        [],
      ];
      for (const threat of threats) {
        const result = th.intercept({
          source: 'x',
          threat,
          payload: String(Math.imul(threats.indexOf(threat), 3)),
        } as Scent);
        that(result.status === 'quarantined', `expected evidence, got ${result.status}`);
        that(['unknown', '__proto__'].includes(result.evidence.category), `got category ${result.evidence.category}`);
        same(result.evidence.severity, 'high', 'severity');
      }
    },
  },
  {
    part,
    promise: 'keeps own `__proto__` keys as data and pollutes nothing',
    run: async ({ instance }) => {
      const { th } = instance();
      const payload = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as never;
      const result = th.intercept({ source: 'x', threat: THREAT, payload });
      that(result.status === 'quarantined', `expected evidence, got ${result.status}`);
      const text = new TextDecoder().decode(th.quarantine.read(result.evidence.signature));
      same(text, '{"__proto__":{"polluted":true},"constructor":1}', 'bytes');
      that(!('polluted' in {}), 'expected Object.prototype to be clean');
    },
  },
  {
    part,
    promise: 'keeps one source from emptying the quarantine of the others',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false, quarantine: { maxCount: 32, maxBytes: 65_536, maxShare: 1 / 8 } });
      const victim = th.intercept({
        source: '192.0.2.1',
        threat: { category: 'c', severity: 'low' },
        payload: 'victim',
      });
      that(victim.status === 'quarantined', `expected evidence, got ${victim.status}`);
      for (let i = 0; i < 200; i++) {
        th.intercept({
          source: '198.51.100.1',
          threat: { category: 'c', severity: 'critical' },
          payload: `flood ${i}`,
        });
      }
      that(th.quarantine.has(victim.evidence.signature), 'expected the victim to stay');
      that(th.quarantine.stats.count <= 5, `expected at most 5 items, got ${th.quarantine.stats.count}`);
    },
  },
  {
    part,
    promise: 'takes a source of any length or shape for somebody, in bounded time',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: { limit: 1_000 } });
      const odd: unknown[] = [
        'k'.repeat(20_000),
        '\ud800',
        '\0',
        '🔑',
        { key: 'k'.repeat(9_000) },
        { address: {} },
        7,
        null,
      ];
      for (const source of odd) {
        const result = th.intercept({ source, threat: THREAT, payload: 'a' } as Scent);
        that(['quarantined', 'duplicate'].includes(result.status), `expected evidence, got ${result.status}`);
      }
    },
  },
  {
    part,
    promise: 'is not moved by a polluted Object.prototype',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: { limit: 1 } });
      const polluted = Object.prototype as unknown as Record<string, unknown>;
      polluted.rate = { allowed: true, limit: 9 };
      polluted.threat = undefined;
      try {
        same(th.intercept({ source: 'x' }).status, 'clean', 'the first');
        same(th.intercept({ source: 'x' }).status, 'rate_limited', 'the second');
      } finally {
        delete polluted.rate;
        delete polluted.threat;
      }
    },
  },
];
