/**
 * Guards src/coordination/fallback.ts: a request is answered whatever its decider does; who is known to be blocked costs no
 * question; a lifted block is believed for a minute at most; and what fails is reported, but not each time.
 */
import { describe, expect, it } from 'vitest';
import { type Decider, Fallback, type FallbackPort } from '../../../src/coordination/fallback';
import { TracehoundError } from '../../../src/index';
import type { RateLimitResult } from '../../../src/types/index';
import { seeded } from '../../ground';
import { lab } from '../../lab/lab';

const LIMIT = 3;
const allowed: RateLimitResult = {
  allowed: true,
  blocked: false,
  limit: LIMIT,
  remaining: 1,
  resetMs: 0,
  retryAfterMs: 0,
  degraded: false,
};
const gone = () => new TracehoundError('SHARD_UNREACHABLE', 'gone', { recoverable: true });

function world(more: Partial<FallbackPort<Decider>> = {}) {
  const ground = lab();
  const reported: unknown[] = [];
  const runtime = {
    ...ground.runtime,
    defer: (work: Promise<unknown>) => void work.catch((error) => reported.push(error)),
  };
  const local = ground.make({ rateLimit: { limit: LIMIT, windowMs: 60_000, maxSources: 64 }, runtime });
  const asked: string[] = [];
  const it = { ground, local, reported, asked, answer: async (): Promise<RateLimitResult | undefined> => allowed };
  const decider: Decider = {
    charge: (source) => {
      asked.push(JSON.stringify(source));
      return it.answer();
    },
  };
  const port = {
    local,
    deciderOf: () => decider,
    listedMs: undefined,
    timeoutMs: 20,
    whenUnreachable: 'local' as const,
  };
  return { ...it, it, fallback: new Fallback<Decider>({ ...port, ...more }) };
}

describe('a request whose source is decided about elsewhere', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'is answered by its decider, or here when that is gone, which is then limited too: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const { it, fallback, asked, reported } = world();
      let here = 0;
      let failures = 0;
      for (let i = 0; i < 30; i++) {
        const isGone = roll(2) === 0;
        it.answer = isGone ? () => Promise.reject(gone()) : async () => allowed;
        const rate = await fallback.charge('192.0.2.1');
        if (!isGone) {
          expect(rate).toBe(allowed);
          continue;
        }
        failures++;
        here++;
        expect(rate).toMatchObject({ allowed: here <= LIMIT, degraded: true });
      }
      expect(asked).toHaveLength(30);
      await new Promise((resolve) => setImmediate(resolve));
      expect(reported).toHaveLength(Math.floor(Math.log2(failures)) + 1);
    },
  );

  it('fails instead where that was asked for', async () => {
    const { it, fallback } = world({ whenUnreachable: 'fail' });
    it.answer = () => Promise.reject(gone());
    await expect(fallback.charge('k')).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE' });
  });

  it('is refused here without a question once a decider said that it is blocked, for a minute at most', async () => {
    const { it, fallback, asked, ground } = world();
    it.answer = async () => ({ ...allowed, allowed: false, blocked: true, retryAfterMs: 3_600_000 });
    await fallback.charge('k');
    for (let i = 0; i < 5; i++) expect(await fallback.charge('k')).toMatchObject({ allowed: false, blocked: true });
    expect(asked).toHaveLength(1);
    ground.now += 60_001;
    it.answer = async () => allowed;
    expect(await fallback.charge('k')).toBe(allowed);
    // A wait too short to be remembered.
    it.answer = async () => ({ ...allowed, allowed: false, blocked: true, retryAfterMs: 0.5 });
    await fallback.charge('short');
    await fallback.charge('short');
    expect(asked).toHaveLength(4);
  });

  it.each<[string, () => Promise<number>, boolean]>([
    ['names it', async () => 5_000, true],
    ['does not', async () => 0, false],
    ['says nonsense', async () => Number.NaN, false],
    ['says minus', async () => -5, false],
    ['fails', () => Promise.reject(new Error('kv')), false],
    ['hangs', () => new Promise(() => {}), false],
  ])('is refused without a question when a list %s: %s', async (_, listedMs, isBlocked) => {
    const { fallback, asked } = world({ listedMs });
    expect(await fallback.charge('k')).toMatchObject({ blocked: isBlocked });
    expect(asked).toHaveLength(isBlocked ? 0 : 1);
  });

  it('is asked about nowhere where there is no limit', async () => {
    const { asked } = world();
    const unlimited = lab().make({ rateLimit: false });
    const fallback = new Fallback({
      local: unlimited,
      deciderOf: () => ({ charge: async () => allowed }),
      listedMs: undefined,
      timeoutMs: 20,
      whenUnreachable: 'local',
    });
    expect(await fallback.charge('k')).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
