/**
 * Guards the limiter's model against the people who attack limiters, with thresholds that the usual algorithms fail.
 * The core must equal this model (test/core), so what is refused here is refused there.
 */
import { describe, expect, test } from 'vitest';
import {
  boundary,
  crowd,
  fixedWindow,
  flood,
  flush,
  gcra,
  lru,
  peakOf,
  type Subject,
  seeded,
  twoCounters,
} from './attacks.ts';
import { LimiterModel, type LimiterOptions } from './limiter.ts';

const WINDOW = 60_000;
const T0 = 1_700_000_000_000;

const limited = (options: Partial<LimiterOptions> = {}): LimiterModel =>
  new LimiterModel({ windowMs: WINDOW, limit: 100, maxSources: 16, times: false, ...options });

const subject = (model: LimiterModel): Subject => ({
  at: (ms) => model.clock.read(ms),
  admits: (source) => model.check(source).allowed,
});

describe('a boundary attacker', () => {
  test('gets about twice the limit from fixed windows, two counters and GCRA: the harness can see it', () => {
    expect(boundary(fixedWindow(100, WINDOW), WINDOW)).toBeGreaterThan(190);
    expect(boundary(twoCounters(100, WINDOW), WINDOW)).toBeGreaterThan(190);
    expect(boundary(gcra(100, WINDOW), WINDOW)).toBeGreaterThan(190);
  });

  test.each([100, 255, 256, 1_000, 65_535, 65_536])('gets no more than the limit of %i in any window', (limit) => {
    expect(boundary(subject(limited({ limit })), WINDOW)).toBe(limit);
  });
});

describe('a table that is too small', () => {
  test('flush: fresh sources cannot wash an abuser out (an LRU table admits 100 a second)', () => {
    expect(flush(lru(100, WINDOW, 500), 31, WINDOW)).toBeGreaterThan(3_000);
    expect(flush(subject(limited({ maxSources: 512 })), 31, WINDOW)).toBeLessThanOrEqual(100);
  });

  test('crowd: with four times more heavy sources than slots each gets its limit, and no quiet client is refused', () => {
    // An eighth of 8,000 sources on 2,048 slots, and of the sketch; the core meets the whole.
    const result = crowd(subject(limited({ maxSources: 256, width: 4_096 })), 1_000, 400, 65, WINDOW);
    expect(result.peak).toBeLessThanOrEqual(100);
    expect(result.quietDenied).toBe(0);
    expect(crowd(lru(100, WINDOW, 250), 1_000, 10, 65, WINDOW).peak).toBeGreaterThan(250);
  });

  test('flood: 5,000 spoofed sources a second refuse nobody legitimate and free no abuser', () => {
    const result = flood(subject(limited({ maxSources: 4_096 })), 20, WINDOW);
    expect(result.denied).toBe(0);
    expect(result.abuser).toBeLessThanOrEqual(100);
  });

  test('a set full of blocked sources still takes newcomers, and blocks keep half of it', () => {
    const model = limited({ limit: 10 });
    model.clock.read(T0);
    for (let i = 0; i < 16; i++) model.block(`blocked ${i}`, 100_000 + i * 1_000);
    for (let i = 0; i < 200; i++) expect(model.check(`new ${i}`).allowed).toBe(true);
    const held = Array.from({ length: 16 }, (_, i) => model.check(`blocked ${i}`, 1, true).blocked);
    expect(held).toEqual(Array.from({ length: 16 }, (_, i) => i >= 8));
  });

  test('a full sketch refuses what it must, inserts nothing, starts no block, and forgets', () => {
    const model = limited({ limit: 200, blockMs: 1_000_000, width: 8 });
    model.clock.read(T0);
    // 16 sources that have spent half, so that later ones are evicted by each other.
    for (let i = 0; i < 16; i++) model.check(`resident ${i}`, 150);
    for (let i = 0; i < 400; i++) model.check(`new ${i}`, 100);
    const refused = model.check('late', 101);
    expect(refused).toMatchObject({ allowed: false, degraded: true, blocked: false, unrecorded: true });
    expect(model.tracked).toBe(16);
    model.clock.read(T0 + WINDOW * 1.5);
    expect(model.check('late', 200)).toMatchObject({ allowed: true, degraded: false, remaining: 0 });
  });
});

describe('a clock that lies', () => {
  const spend = (model: LimiterModel): number => {
    let admitted = 0;
    while (model.check('one').allowed) admitted++;
    return admitted;
  };

  test('standing still admits the limit once', () => {
    const model = limited();
    model.clock.read(T0);
    expect(spend(model)).toBe(100);
    for (let i = 0; i < 1_000; i++) {
      model.clock.read(T0 + 0.9);
      expect(spend(model)).toBe(0);
    }
  });

  test('jittering by almost a window admits no more than its highest readings do', () => {
    const model = limited();
    const random = seeded(5);
    let high = 0;
    const admitted: [number, number][] = [];
    for (let i = 0; i < 20_000; i++) {
      const reading = i * 20 + Math.floor(random() * (WINDOW - 1));
      high = Math.max(high, reading);
      model.clock.read(T0 + reading);
      if (model.check('one').allowed) admitted.push([high, 1]);
    }
    expect(peakOf(admitted, WINDOW)).toBe(100);
  });

  test('back one hour: admits nothing extra and is forgotten after two windows', () => {
    const model = limited();
    model.clock.read(T0);
    model.clock.read(T0 + 1_000);
    expect(spend(model)).toBe(100);
    const back = T0 - 3_600_000;
    model.clock.read(back);
    expect(spend(model)).toBe(0);
    model.clock.read(back + WINDOW);
    expect(spend(model)).toBe(0);
    model.clock.read(back + 2 * WINDOW);
    expect(spend(model)).toBe(0);
    model.clock.read(back + 2 * WINDOW + WINDOW / 32);
    expect(spend(model)).toBe(100);
  });

  test('a glitch of a year forward locks nobody out for longer than two windows', () => {
    const model = limited({ blockMs: 5_000 });
    model.clock.read(T0);
    spend(model);
    model.clock.read(T0 + 365 * 86_400_000);
    // The glitch itself ends every window and block: more time has passed than both, says the only clock there is.
    expect(spend(model)).toBe(100);
    model.clock.read(T0 + 10);
    expect(spend(model)).toBe(0);
    model.clock.read(T0 + 10 + 2 * WINDOW + WINDOW / 32);
    expect(spend(model)).toBe(100);
  });

  test('readings that are no time change nothing', () => {
    const model = limited();
    model.clock.read(T0);
    spend(model);
    for (const reading of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300]) {
      model.clock.read(reading);
      expect(spend(model)).toBe(0);
    }
    expect(model.clock.window).toBe(0);
  });
});

describe('the promise', () => {
  test.each([
    [1, 32],
    [7, 50],
    [255, 997],
    [300, 1_000],
    [65_535, 64],
    [100_000, 1_001],
  ])(
    'limit %i per %i ms: no closed window admits more, whatever arrives and whatever is evicted',
    (limit, windowMs) => {
      for (let seed = 1; seed <= 6; seed++) {
        const random = seeded(seed * 7_919 + limit);
        const model = limited({ limit, windowMs, width: 64 });
        const admitted = new Map<string, [number, number][]>();
        let now = T0;
        for (let i = 0; i < 3_000; i++) {
          // Mostly bursts, sometimes a pause, sometimes to the millisecond of an edge.
          if (random() < 0.3) now += Math.floor(random() * random() * windowMs);
          if (random() < 0.02) now += windowMs;
          model.clock.read(now);
          const source = `source ${Math.floor(random() * random() * 60)}`;
          const cost = 1 + Math.floor(random() ** 3 * limit);
          if (!model.check(source, cost).allowed) continue;
          const log = admitted.get(source) ?? [];
          admitted.set(source, log);
          log.push([now, cost]);
        }
        for (const log of admitted.values()) {
          expect(peakOf(log, windowMs), `seed ${seed}`).toBeLessThanOrEqual(limit);
        }
        expect(model.evictions).toBeGreaterThan(0);
      }
    },
  );
});
