/**
 * Guards that the core's limiter is its model: every verdict, every count, on both builds, with tables so small that
 * everything collides and clocks that lie.
 */
import { describe, expect, test } from 'vitest';
import { seeded } from '../model/attacks.ts';
import { LimiterModel, type LimiterOptions } from '../model/limiter.ts';
import { BUILDS, CoreLimiter } from './limiter.harness.ts';

const T0 = 1_700_000_000_000;

const stateOf = (model: LimiterModel) => ({
  window: model.clock.window,
  forward: model.clock.forward,
  tracked: model.tracked,
  evictions: model.evictions,
  pending: model.pending,
  orphaned: model.orphaned,
  pressure: model.pressure,
});

interface Run {
  seed: number;
  steps: number;
  sources: number;
  /** How often the clock lies, 0 … 1. */
  lies: number;
  options: LimiterOptions;
}

function run(instantiate: (typeof BUILDS)[number][1], { seed, steps, sources, lies, options }: Run): void {
  const random = seeded(seed);
  const model = new LimiterModel(options);
  const core = new CoreLimiter(instantiate, options);
  const { windowMs, limit } = options;
  let now = T0 + Math.floor(random() * 1e6);
  for (let step = 0; step < steps; step++) {
    if (random() < 0.5) now += Math.floor(random() ** 3 * windowMs * 0.4);
    if (random() < 0.01) now += Math.floor(random() * 3 * windowMs);
    let reading = now;
    if (random() < lies) {
      // Back for good, a glitch for one reading, or nonsense.
      const lie = Math.floor(random() * 5);
      if (lie === 0) now = reading = now - Math.floor(random() ** 2 * 4 * windowMs);
      if (lie === 1) reading = now + Math.floor(random() ** 2 * 4 * windowMs);
      if (lie === 2) reading = now - Math.floor(random() * windowMs);
      if (lie === 3) reading = [Number.NaN, Number.POSITIVE_INFINITY, -1e300, 8.65e15][Math.floor(random() * 4)]!;
      if (lie === 4) reading = now + random();
    }
    core.clock(reading);
    model.clock.read(reading);
    const source = `source ${Math.floor(random() ** 2 * sources)}`;
    const where = `seed ${seed} step ${step} ${source}`;
    const act = random();
    if (act < 0.01) {
      core.reset(source);
      model.reset(source);
    } else if (act < 0.02) {
      const ms = random() * 3 * windowMs;
      core.block(source, ms);
      model.block(source, ms);
    } else if (act < 0.03) {
      expect(core.unblock(source), where).toBe(model.unblock(source));
    } else if (act < 0.032) {
      expect(core.orphans(), where).toBe(model.orphans());
    } else {
      const cost = 1 + Math.floor(random() ** 4 * limit);
      const peek = random() < 0.1;
      expect(core.check(source, cost, peek), where).toEqual(model.check(source, cost, peek));
    }
    if (step % 20 === 0) expect(core.state, where).toEqual(stateOf(model));
  }
  expect(core.state, `seed ${seed}`).toEqual(stateOf(model));
}

describe.each(BUILDS)('the core is its model (%s)', (build, instantiate) => {
  const steps = build === 'wasm' ? 1_500 : 500;

  test.each([
    [1, 32],
    [5, 33],
    [100, 64],
    [255, 97],
    [256, 40],
    [65_535, 80],
    [65_536, 48],
    [2_000_000_000, 61],
  ])('limit %i per %i ms, one set, honest clocks and liars', (limit, windowMs) => {
    for (let seed = 1; seed <= 3; seed++) {
      const options = { windowMs, limit, maxSources: 16, blockMs: seed === 1 ? 0 : seed * 20 };
      run(instantiate, { seed: seed * 31 + limit, steps, sources: 40, lies: seed === 1 ? 0 : 0.08, options });
    }
  });

  test('several sets', () => {
    run(instantiate, {
      seed: 9,
      steps,
      sources: 300,
      lies: 0.02,
      options: { windowMs: 50, limit: 20, maxSources: 128, blockMs: 70 },
    });
  });

  test.each([
    [200, 2_048],
    [5_000, 1_024],
    [3_000_000, 1_024],
  ])('limit %i with thousands of sources in a narrow sketch', (limit, width) => {
    const options = { windowMs: 4_000, limit, maxSources: 16, width, times: false };
    run(instantiate, { seed: 77, steps: build === 'wasm' ? 20_000 : 6_000, sources: 4_000, lies: 0.001, options });
  });
});
