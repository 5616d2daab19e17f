/** Guards that the same configuration, entropy, clock and calls give the same bytes, on both builds and every time. */
import { describe, expect, test } from 'vitest';
import { instantiate as wasm } from '../../build/core.inline.js';
import { instantiate as js } from '../../build/core.js.js';
import { node } from '../../runtimes/node/index';
import { openSnapshot } from '../../src/index';
import type { Severity, TracehoundOptions } from '../../src/types/index';
import { dice, type LabOptions, lab, pick, stateOf } from '../lab/lab';

const configurations: [name: string, options: TracehoundOptions][] = [
  ['bytes', { rateLimit: { limit: 5, windowMs: 1_000, blockMs: 400, maxSources: 16 } }],
  ['words', { rateLimit: { limit: 300, windowMs: 32, maxSources: 16 } }],
  ['long words', { rateLimit: { limit: 70_000, windowMs: 1_000, maxSources: 16 } }],
  ['no limiter', { rateLimit: false }],
];

const shared: TracehoundOptions = {
  secret: new Uint8Array(32).fill(9),
  quarantine: { maxCount: 16, maxBytes: 8_192, maxShare: 0.5 },
  maxPayloadBytes: 1_024,
  audit: { maxRecords: 16 },
};

const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];

/** Some hundred calls of every kind, then a flush. What the core holds, and what the log says. */
function run(
  seed: number,
  options: TracehoundOptions,
  given: LabOptions,
): { state: Buffer; root: string; size: number } {
  const it = lab({ ...given, seed });
  const th = it.make({ ...shared, ...options });
  const roll = dice(seed ^ 0x5eed);
  const source = (): string =>
    pick(roll, ['192.0.2.1', '2001:db8::7', 'key', '', `198.51.100.${Math.floor(roll() * 40)}`]);
  const signature = (): string => pick(roll, th.quarantine.list())?.signature ?? 'none';
  const limited = options.rateLimit !== false;
  const acts: (() => unknown)[] = [
    () => th.intercept({ source: source() }),
    () =>
      th.intercept({
        source: source(),
        payload: 'p'.repeat(Math.floor(roll() * 1_100)) + Math.floor(roll() * 20),
        threat: { category: pick(roll, ['sqli', 'xss']), severity: pick(roll, SEVERITIES), detector: 'dé' },
        ...(roll() < 0.3 ? { fingerprint: `f${Math.floor(roll() * 9)}` } : {}),
      }),
    () => limited && th.rateLimiter.check(source(), 1 + Math.floor(roll() * 3)),
    () => limited && th.rateLimiter.block(source(), 1 + Math.floor(roll() * 900)),
    () => limited && th.rateLimiter.unblock(source()),
    () => limited && th.rateLimiter.reset(source()),
    () => th.quarantine.neutralize(signature(), { actor: 'ann', purpose: 'test' }),
    () => th.quarantine.purge(signature(), 'expired'),
    () => th.http.counters.uninspected(source(), 'passed', 'threw'),
    () => th.audit.release(Math.floor(roll() * th.audit.head().size)),
    () => th.id(),
  ];
  for (let step = 0; step < 400; step++) {
    it.now += Math.floor(roll() * 60) - 5;
    pick(roll, roll() < 0.5 ? acts.slice(0, 2) : acts)();
  }
  th.quarantine.purgeAll();
  const { root, size } = th.audit.head();
  expect(it.violations).toEqual([]);
  expect(it.cores).toHaveLength(1);
  return { state: Buffer.from(stateOf(it.last())), root, size };
}

describe.each(configurations)('with %s', (_, options) => {
  test('both builds, and two runs of one, hold the same bytes and say the same', () => {
    for (const seed of [1, 2, 3]) {
      const first = run(seed, options, { instantiate: wasm });
      for (const given of [{ instantiate: wasm }, { instantiate: js }]) {
        const second = run(seed, options, given);
        expect([second.root, second.size], `seed ${seed}`).toEqual([first.root, first.size]);
        expect(second.state.equals(first.state), `seed ${seed}`).toBe(true);
      }
    }
  });

  test('a digest of the runtime’s own changes nothing', () => {
    const { digest } = node;
    const inside = run(4, options, { instantiate: wasm });
    const outside = run(4, options, { instantiate: wasm, ...(digest === undefined ? {} : { digest }) });
    expect(outside.root).toBe(inside.root);
    expect(outside.state.equals(inside.state)).toBe(true);
  });

  test('another seed is another state', () => {
    expect(run(5, options, {}).state.equals(run(6, options, {}).state)).toBe(false);
  });
});

test('what a panic and a restore leave is the same on both builds', async () => {
  const { secret } = shared as { secret: Uint8Array };
  const tell = async (given: LabOptions): Promise<Buffer[]> => {
    const it = lab({ ...given, seed: 8 });
    const th = it.make(shared);
    for (let i = 0; i < 12; i++) {
      it.now += 3;
      th.intercept({
        source: `192.0.2.${i}`,
        payload: `p${i}`.repeat(90),
        threat: { category: 'xss', severity: 'low' },
      });
      th.rateLimiter.check('192.0.2.1', 1 + i);
    }
    it.last().stopAt = { name: 'intercept', code: 1 };
    th.intercept({ source: 'x' });
    const revived = Buffer.from(stateOf(it.last()));
    const bytes = await th.snapshot();
    const next = it.make({ ...shared, restore: await openSnapshot(bytes, { secret }) });
    next.intercept({ source: '192.0.2.1' });
    return [revived, Buffer.from(bytes), Buffer.from(stateOf(it.last()))];
  };
  const [one, other] = [await tell({ instantiate: wasm }), await tell({ instantiate: js })];
  expect(one.map((part, i) => part.equals(other[i] as Buffer))).toEqual([true, true, true]);
});
