/**
 * Guards that the core's limiter is its model: every verdict, every count, on both builds, with tables so small that
 * everything collides, clocks that lie and ticks that wrap.
 *
 * Files: `assembly/limiter.ts`, `assembly/counters.ts`, `assembly/clock.ts`, `assembly/table.ts`, `assembly/rate.ts`.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { LIMITER_TICKS, SKETCH_EPOCHS } from '../../assembly/abi.ts';
import { seeded } from '../model/attacks.ts';
import { halfSipHash } from '../model/halfsiphash.ts';
import { LimiterModel, type LimiterOptions, type Verdict } from '../model/limiter.ts';
import { BUILDS, CoreLimiter } from './limiter-harness.ts';

const T0 = 1_700_000_000_000;

/** What the runs met: a run that never meets a block proves nothing about blocks. */
const met: Record<string, number> = {};
const meet = (what: string, condition: boolean): void => {
  met[what] = (met[what] ?? 0) + (condition ? 1 : 0);
};
const notice = (verdict: Verdict, model: LimiterModel, peek: boolean): void => {
  meet('degraded and allowed', verdict.allowed && verdict.degraded);
  meet('refused on the word of the sketch', !verdict.allowed && verdict.degraded && !verdict.blocked);
  meet('blocked and degraded', verdict.blocked && verdict.degraded);
  meet('a block starts', verdict.blockStarted);
  meet('a miss is refused', verdict.unrecorded);
  meet('refusals fold', verdict.account > 1);
  meet('an admission closes a fold', verdict.allowed && verdict.account > 0);
  meet('orphans', model.orphaned > 0);
  meet('pressure', model.pressure > 0);
  meet('behind, far', model.clock.behind && model.clock.window - model.clock.raw - model.clock.offset > 100);
  meet('refused while behind', model.clock.behind && !verdict.allowed);
  meet('a peek is refused', peek && !verdict.allowed);
};

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
  /** Where on the window clock to begin. */
  jump?: number;
  /** How fast time goes: less is a crowd. */
  pace?: number;
}

function run(
  instantiate: (typeof BUILDS)[number][1],
  { seed, steps, sources, lies, options, jump = 0, pace = 1 }: Run,
): void {
  const random = seeded(seed);
  const model = new LimiterModel(options);
  const core = new CoreLimiter(instantiate, options);
  const { windowMs, limit } = options;
  const seen = new Set<string>();
  core.clock(T0);
  model.clock.read(T0);
  let now = T0 + jump + Math.floor(random() * windowMs);
  for (let step = 0; step < steps; step++) {
    if (random() < 0.5) now += Math.floor(random() ** 3 * windowMs * 0.4 * pace);
    if (random() < 0.01 * pace) now += Math.floor(random() * 3 * windowMs);
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
      const verdict = model.check(source, cost, peek);
      expect(core.check(source, cost, peek), where).toEqual(verdict);
      notice(verdict, model, peek);
      meet('a stranger shares cells', verdict.degraded && !seen.has(source));
      seen.add(source);
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
    const options = { windowMs: 50, limit: 20, maxSources: 128, blockMs: 70 };
    run(instantiate, { seed: 9, steps, sources: 300, lies: 0.02, options });
  });

  test.each([
    [200, 2_048],
    [5_000, 1_024],
    [3_000_000, 1_024],
  ])('limit %i with thousands of sources in a narrow sketch', (limit, width) => {
    const options = { windowMs: 4_000, limit, maxSources: 16, width, times: false };
    run(instantiate, {
      seed: 77,
      steps: build === 'wasm' ? 10_000 : 5_000,
      sources: 6_000,
      lies: 0.001,
      options,
      pace: 0.002,
    });
  });

  test('a newcomer in a set that has room is nobody whom the sketch remembers, whatever it says', () => {
    const options = { windowMs: 60_000, limit: 100, maxSources: 32, width: 64 };
    const core = new CoreLimiter(instantiate, options);
    core.clock(T0);
    const keys = Array.from({ length: 1_200 }, (_, i) => `source ${i}`);
    const inSet = (set: number): string[] =>
      keys.filter((key) => halfSipHash(Buffer.from(key), 0x03020100, 0x07060504)[1] % 2 === set);
    for (const key of inSet(0)) core.check(key, 5); // all but sixteen are evicted, and fill every cell
    expect(core.check('one more', 1, true).degraded || core.check('and another', 1, true).degraded).toBe(true);
    for (const key of inSet(1).slice(0, 16)) {
      expect(core.check(key), key).toMatchObject({ allowed: true, degraded: false, remaining: 99 });
    }
  });

  test.each([
    ['ticks', 32, 50, LIMITER_TICKS],
    ['wide ticks', 48, 70_000, 2 * LIMITER_TICKS],
    ['generations', 32, 50, 7 * SKETCH_EPOCHS],
    ['wide generations', 24 * 2, 70_000, 2 * 5 * SKETCH_EPOCHS],
  ])('across the wrap of %s', (_, windowMs, limit, wrap) => {
    for (let seed = 1; seed <= 4; seed++) {
      const options = { windowMs, limit, maxSources: 16 };
      run(instantiate, { seed, steps: 300, sources: 40, lies: 0, options, jump: wrap - 100 - seed * 40 });
    }
  });

  test('every short story of two sources: all clocks, all costs', () => {
    const options = { windowMs: 32, limit: 2, blockMs: 5, maxSources: 16 };
    const core = new CoreLimiter(instantiate, options);
    const steps = [0, 1, 4, 32, 33, -40];
    const acts: [string, number][] = [
      ['a', 1],
      ['a', 2],
      ['b', 1],
    ];
    const moves = steps.flatMap((step) => acts.map(([source, cost]) => ({ step, source, cost })));
    const length = build === 'wasm' ? 3 : 2;
    const fresh = core.save();
    for (let story = 0; story < moves.length ** length; story++) {
      core.load(fresh);
      const model = new LimiterModel({ ...options, width: 64 });
      let now = T0;
      core.clock(now);
      model.clock.read(now);
      // Begin with a spent budget, or nothing short ever happens.
      for (let rest = story, i = 0; i <= length; i++) {
        const move = i === 0 ? { step: 0, source: 'a', cost: 2 } : moves[rest % moves.length]!;
        if (i > 0) rest = Math.floor(rest / moves.length);
        now += move.step;
        core.clock(now);
        model.clock.read(now);
        expect(core.check(move.source, move.cost), `story ${story} act ${i}`).toEqual(
          model.check(move.source, move.cost),
        );
      }
    }
  });
});

afterAll(() => {
  for (const [what, times] of Object.entries(met)) expect(times, `the runs never met: ${what}`).toBeGreaterThan(0);
});
