/**
 * Guards the core against the same attackers as its model, at full size: 8,000 heavy sources on 2,048 slots, 2,500
 * fresh sources a second, 5,000 spoofed ones.
 *
 * Files: `assembly/eviction.ts`, `assembly/sketch.ts`.
 */
import { describe, expect, test } from 'vitest';
import { boundary, crowd, flood, flush, type Subject } from '../model/attacks.ts';
import type { LimiterOptions } from '../model/limiter.ts';
import { BUILDS, CoreLimiter } from './limiter-harness.ts';

const WINDOW = 60_000;
const [[, wasm]] = BUILDS as [(typeof BUILDS)[0]];

const subject = (options: Partial<LimiterOptions>, instantiate = wasm): Subject & { core: CoreLimiter } => {
  const core = new CoreLimiter(instantiate, { windowMs: WINDOW, limit: 100, maxSources: 16, ...options });
  return { core, at: (ms) => core.clock(ms), admits: (source) => core.admits(source) };
};

describe.each(BUILDS)('a boundary attacker (%s)', (_, instantiate) => {
  test.each([1, 100, 255, 256, 65_535, 65_536])('gets no more than the limit of %i in any window', (limit) => {
    expect(boundary(subject({ limit }, instantiate), WINDOW)).toBe(limit);
  });
});

describe('a table that is too small', () => {
  test('flush: an abuser stays within 100 a minute while 2,500 fresh sources a second pass by', () => {
    const attacked = subject({ maxSources: 2_048 });
    expect(flush(attacked, 75, WINDOW)).toBeLessThanOrEqual(100);
    expect(attacked.core.state.pressure).toBeGreaterThan(0);
  });

  test('crowd: 8,000 heavy sources on 2,048 slots get 100 a minute each, and no quiet client is refused', () => {
    const result = crowd(subject({ maxSources: 2_048 }), 8_000, 400, 75, WINDOW);
    expect(result.peak).toBeLessThanOrEqual(100);
    expect(result.quietDenied).toBe(0);
  });

  test('flood: 5,000 spoofed sources a second refuse nobody legitimate and free no abuser', () => {
    const result = flood(subject({ maxSources: 4_096 }), 75, WINDOW);
    expect(result.denied).toBe(0);
    expect(result.abuser).toBeLessThanOrEqual(100);
  });

  test('a set full of blocked sources still takes newcomers, and blocks keep half of it', () => {
    const { core } = subject({ limit: 10 });
    core.clock(0);
    for (let i = 0; i < 16; i++) core.block(`blocked ${i}`, 100_000 + i * 1_000);
    for (let i = 0; i < 200; i++) expect(core.admits(`new ${i}`)).toBe(true);
    const held = Array.from({ length: 16 }, (_, i) => core.check(`blocked ${i}`, 1, true).blocked);
    expect(held).toEqual(Array.from({ length: 16 }, (_, i) => i >= 8));
  });
});
