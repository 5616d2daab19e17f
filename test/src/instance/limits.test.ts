/** Guards `src/instance/limits.ts`, the limiter's public half: what it answers, what it refuses to be asked, and that its times are exact. */

import { describe, expect, test } from 'vitest';
import type { RateLimitOptions, Source } from '../../../src/index';
import { rateLimiter } from '../../../src/instance/limits';
import { BUILDS, type Ground, ground, recordsOf, seeded } from '../../ground';

const A = '192.0.2.1';
const FIELDS = ['allowed', 'blocked', 'degraded', 'limit', 'remaining', 'resetMs', 'retryAfterMs'];

describe.each(BUILDS)('rateLimiter, on the %s build', (_, core) => {
  const room = (rateLimit: RateLimitOptions = {}): Ground => ground({ rateLimit }, { core });

  test('a result says everything and nothing else, and is the same for check and peek', () => {
    const { th } = room({ windowMs: 3_200, limit: 5 });
    const idle = {
      allowed: true,
      blocked: false,
      degraded: false,
      limit: 5,
      remaining: 5,
      resetMs: 0,
      retryAfterMs: 0,
    };
    expect(th.rateLimiter.peek(A)).toEqual(idle);
    expect(th.rateLimiter.peek(A, 5)).toEqual(idle);
    const spent = th.rateLimiter.check(A, 3);
    expect(Object.keys(spent).sort()).toEqual(FIELDS);
    expect(spent).toEqual({ ...idle, remaining: 2, resetMs: 3_300 });
    expect(th.rateLimiter.peek(A, 3)).toEqual({ ...spent, allowed: false, retryAfterMs: 3_300 });
    expect(th.rateLimiter.check(A, 2)).toEqual({ ...spent, remaining: 0 });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'retryAfterMs and resetMs are exact: one ms earlier is refused (seed %i)',
    (seed) => {
      const random = seeded(seed);
      const limit = 1 + random(20);
      const world = room({ windowMs: 32 + random(700), limit, blockMs: seed % 3 === 0 ? 1 + random(900) : 0 });
      const { rateLimiter } = world.th;
      for (let i = 0; i < 60; i++) {
        world.now += random(3) === 0 ? random(90) : 0;
        const cost = 1 + random(limit);
        const { allowed, retryAfterMs, resetMs, remaining } = rateLimiter.check(A, cost);
        const now = world.now;
        if (remaining < limit) {
          expect(resetMs).toBeGreaterThan(0);
          if (!allowed) expect(resetMs).toBeLessThanOrEqual(retryAfterMs);
          world.now = now + resetMs - 1;
          expect(rateLimiter.peek(A).remaining, 'one ms before the reset').toBe(remaining);
          world.now = now + resetMs;
          expect(rateLimiter.peek(A).remaining, 'at the reset').toBeGreaterThan(remaining);
        }
        if (allowed) {
          expect(retryAfterMs).toBe(0);
          continue;
        }
        expect(Number.isInteger(retryAfterMs)).toBe(true);
        world.now = now + retryAfterMs - 1;
        expect(rateLimiter.peek(A, cost).allowed, 'one ms early').toBe(false);
        world.now = now + retryAfterMs;
        expect(rateLimiter.peek(A, cost).allowed, 'in time').toBe(true);
      }
    },
  );

  test('the `clock` option is the clock', () => {
    let now = 5;
    const { th } = ground({ rateLimit: { windowMs: 320, limit: 1 }, clock: () => now }, { core });
    expect(th.rateLimiter.check(A).allowed).toBe(true);
    const { retryAfterMs } = th.rateLimiter.check(A);
    now += retryAfterMs;
    expect(th.rateLimiter.check(A).allowed).toBe(true);
    expect(th.watcher.snapshot().at).toBe(now);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 9e15, '5', undefined, null, {}, 1n])(
    'a clock that says %s repeats its last good reading',
    (bad) => {
      const world = room({ windowMs: 320, limit: 1 });
      expect(world.th.rateLimiter.check(A).allowed).toBe(true);
      const { now } = world;
      world.now = bad as number;
      expect(world.th.rateLimiter.check(A)).toMatchObject({ allowed: false });
      expect(world.th.watcher.snapshot().at).toBe(now);
      world.now = now + 340;
      expect(world.th.rateLimiter.check(A).allowed).toBe(true);
    },
  );

  test('a cost that is no integer from 1 to limit is refused with an error, and counts nothing', () => {
    const { th } = room({ limit: 5 });
    for (const cost of ['1', null, {}, 1n, true] as unknown as number[]) {
      expect(() => th.rateLimiter.check(A, cost)).toThrow(TypeError);
      expect(() => th.rateLimiter.peek(A, cost)).toThrow(
        /^rateLimiter cost: wrong kind, expected an integer 1 … 5, got/,
      );
    }
    for (const cost of [0, -1, 1.5, 6, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + 1]) {
      expect(() => th.rateLimiter.check(A, cost)).toThrow(RangeError);
      expect(() => th.rateLimiter.peek(A, cost)).toThrow(/^rateLimiter cost: out of range, expected an integer 1 … 5/);
    }
    expect(th.rateLimiter.peek(A).remaining).toBe(5);
    expect(recordsOf(th).length).toBe(1);
    expect(th.rateLimiter.check(A, undefined).remaining).toBe(4);
  });

  test('what is refused costs nothing', () => {
    const { th } = room({ limit: 5 });
    th.rateLimiter.check(A, 3);
    for (let i = 0; i < 20; i++) expect(th.rateLimiter.check(A, 3).allowed).toBe(false);
    expect(th.rateLimiter.check(A, 2).allowed).toBe(true);
  });

  test('reset forgets what was used, and a block', () => {
    const { th } = room({ limit: 1, blockMs: 60_000 });
    th.rateLimiter.check(A);
    expect(th.rateLimiter.check(A)).toMatchObject({ allowed: false, blocked: true });
    th.rateLimiter.reset(A);
    expect(th.rateLimiter.check(A)).toMatchObject({ allowed: true, blocked: false });
    expect(() => th.rateLimiter.reset('198.51.100.1')).not.toThrow();
  });

  test('a block refuses whatever was used, is recorded with who, and ends in time', () => {
    const world = room({ windowMs: 1_000, limit: 5 });
    const { rateLimiter } = world.th;
    rateLimiter.block(A, 10_000.2, { actor: 'kim', purpose: 'scan' });
    expect(rateLimiter.check(A)).toMatchObject({ allowed: false, blocked: true, remaining: 0, retryAfterMs: 10_001 });
    expect(world.th.intercept({ source: A })).toMatchObject({
      status: 'rate_limited',
      blocked: true,
      retryAfterMs: 10_001,
    });
    world.now += 10_000;
    expect(rateLimiter.peek(A).allowed).toBe(false);
    // A shorter one does not shorten it, a longer one lengthens it.
    rateLimiter.block(A, 1);
    expect(rateLimiter.peek(A).retryAfterMs).toBe(1);
    world.now += 1;
    expect(rateLimiter.peek(A)).toMatchObject({ allowed: true, blocked: false });
    const blocked = recordsOf(world.th).filter(({ kind }) => kind === 'BLOCKED');
    expect(blocked.map(({ reason, length, flags }) => ({ reason, length, flags }))).toEqual([
      { reason: 2, length: 11, flags: 1 },
      { reason: 2, length: 1, flags: 0 },
    ]);
    expect(recordsOf(world.th).filter(({ kind }) => kind === 'LIMITED')[0]!.reason).toBe(2);
  });

  test('unblock says whether there was a block, and only then is it recorded', () => {
    const { th } = room();
    expect(th.rateLimiter.unblock(A)).toBe(false);
    th.rateLimiter.block(A, 1_000);
    expect(th.rateLimiter.unblock(A, { actor: 'kim', purpose: 'mistake' })).toBe(true);
    expect(th.rateLimiter.unblock(A)).toBe(false);
    expect(th.rateLimiter.check(A).allowed).toBe(true);
    expect(recordsOf(th).map(({ kind, flags }) => [kind, flags])).toEqual([
      ['GENESIS', 1],
      ['BLOCKED', 0],
      ['UNBLOCKED', 1],
    ]);
  });

  test('a refusal starts a block of blockMs, which refusals do not lengthen', () => {
    const world = room({ windowMs: 1_000, limit: 1, blockMs: 5_000 });
    const { rateLimiter } = world.th;
    rateLimiter.check(A);
    expect(rateLimiter.peek(A)).toMatchObject({ allowed: false, blocked: false });
    expect(rateLimiter.check(A)).toMatchObject({ blocked: true, retryAfterMs: 5_000 });
    world.now += 4_999;
    expect(rateLimiter.check(A)).toMatchObject({ blocked: true, retryAfterMs: 1 });
    world.now += 1;
    expect(rateLimiter.check(A)).toMatchObject({ allowed: true });
    expect(recordsOf(world.th).filter(({ kind }) => kind === 'BLOCKED')).toMatchObject([{ reason: 1, length: 5 }]);
  });

  test('a block of no known time is an error, and blocks nobody', () => {
    const { th } = room();
    for (const ms of ['1', null, undefined, 1n] as unknown as number[]) {
      expect(() => th.rateLimiter.block(A, ms)).toThrow(TypeError);
    }
    for (const ms of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40 + 1]) {
      expect(() => th.rateLimiter.block(A, ms)).toThrow(RangeError);
    }
    expect(() => th.rateLimiter.block(A, 1, { actor: 5 } as never)).toThrow(TypeError);
    expect(th.rateLimiter.check(A).allowed).toBe(true);
    expect(recordsOf(th).length).toBe(1);
  });

  const same = (...sources: Source[]): boolean => {
    const { th } = room({ limit: sources.length });
    sources.forEach((source, used) => {
      expect(th.rateLimiter.peek(source).remaining, JSON.stringify(source)).toBe(sources.length - used);
      th.rateLimiter.check(source);
    });
    return !th.rateLimiter.peek(sources[0]!).allowed;
  };

  test('every spelling of an address is one source', () => {
    const quad = ['192.0.2.1', '192.0.2.1:80', '::ffff:192.0.2.1', '::FFFF:C000:201', '[::ffff:192.0.2.1]:443'];
    expect(same(...quad, '64:ff9b::192.0.2.1', '2002:c000:201::1', { address: '192.0.2.1' })).toBe(true);
    expect(same('2001:db8::1', '2001:DB8:0:0:0:0:0:1', '[2001:db8::1]', '2001:db8::1%eth0', '[2001:db8::1]:8080')).toBe(
      true,
    );
  });

  test('IPv6 is counted by its prefix, 56 bits unless said otherwise', () => {
    expect(same('2001:db8:0:1::1', '2001:db8:0:ff::2', { address: '2001:db8:0:0:1234::' })).toBe(true);
    const { th } = room({ limit: 1 });
    th.rateLimiter.check('2001:db8:0:1::1');
    expect(th.rateLimiter.check('2001:db8:0:100::1').allowed).toBe(true);
    const { th: exact } = room({ limit: 1, ipv6Prefix: 128 });
    exact.rateLimiter.check('2001:db8::1');
    expect(exact.rateLimiter.check('2001:db8::2').allowed).toBe(true);
  });

  test('a key is never parsed, and never meets an address', () => {
    const { th } = room({ limit: 1 });
    for (const source of ['192.0.2.1', { key: '192.0.2.1' }, { key: '::ffff:192.0.2.1' }, { key: '192.0.2.1 ' }]) {
      expect(th.rateLimiter.check(source).allowed).toBe(true);
    }
    // A text that is no address is the key of that name; a key given beside an address is the source.
    th.rateLimiter.check('tenant');
    expect(th.rateLimiter.check({ key: 'tenant' }).allowed).toBe(false);
    expect(th.rateLimiter.check({ key: 'tenant', address: '192.0.2.77' }).allowed).toBe(false);
    expect(th.rateLimiter.check({ address: '192.0.2.77' }).allowed).toBe(true);
    expect(th.rateLimiter.check('192.000.2.1').allowed).toBe(true);
  });

  test('nobody is one source: `unknown`', () => {
    const nobody = ['', { key: '' }, { address: 'x' }, {}, null, undefined, 5, 'x'.repeat(8_193), '\ud800'];
    expect(same(...(nobody as Source[]))).toBe(true);
  });

  test('more sources than places: decisions come from the sketch, are said to be degraded, and admit no more', () => {
    const world = room({ windowMs: 1_000, limit: 3, maxSources: 16 });
    const { rateLimiter } = world.th;
    for (let i = 0; i < 400; i++) for (let n = 0; n < 3; n++) rateLimiter.check(`198.51.${i >> 8}.${i & 255}`);
    const degraded = Array.from({ length: 400 }, (_v, i) => rateLimiter.check(`198.51.${i >> 8}.${i & 255}`));
    expect(degraded.every(({ allowed }) => !allowed)).toBe(true);
    expect(degraded.filter((rate) => rate.degraded).length).toBeGreaterThan(300);
    const { rateLimiter: said } = world.th.watcher.snapshot();
    expect(said!.tracked).toBeLessThanOrEqual(16);
    expect(said!.evictions).toBeGreaterThan(300);
    world.now += 1_000;
    rateLimiter.check(A);
    expect(world.th.watcher.snapshot().rateLimiter!.pressure).toBe(said!.evictions);
    world.now += 2_000;
    rateLimiter.check(A);
    expect(world.th.watcher.snapshot().rateLimiter!.pressure).toBe(0);
  });

  test.each([255, 256, 65_535, 65_536, 2 ** 31 - 1])('a limit of %i is kept to the last unit', (limit) => {
    const world = room({ windowMs: 2_400, limit, maxSources: 16 });
    const { rateLimiter } = world.th;
    expect(rateLimiter.check(A, limit - 1).remaining).toBe(1);
    expect(rateLimiter.check(A, 2).allowed).toBe(false);
    expect(rateLimiter.check(A, 1)).toMatchObject({ allowed: true, remaining: 0 });
    world.now += 2_400;
    expect(rateLimiter.check(A, 1).allowed).toBe(false);
    world.now += 100;
    expect(rateLimiter.check(A, limit).allowed).toBe(true);
  });
});

test('without a limiter every call says RATE_LIMIT_OFF, and intercept limits nobody', () => {
  const { th } = ground({ rateLimit: false });
  const { rateLimiter } = th;
  for (const call of [
    () => rateLimiter.check(A),
    () => rateLimiter.peek(A),
    () => rateLimiter.reset(A),
    () => rateLimiter.block(A, 1),
    () => rateLimiter.unblock(A),
  ]) {
    expect(call).toThrow(expect.objectContaining({ name: 'TracehoundError', code: 'RATE_LIMIT_OFF' }));
  }
  for (let i = 0; i < 500; i++) expect(th.intercept({ source: A })).toEqual({ status: 'clean' });
  expect(th.watcher.snapshot().rateLimiter).toBeUndefined();
});

test('after close every call says CLOSED', async () => {
  const { th } = ground();
  await th.close();
  const { rateLimiter } = th;
  for (const call of [
    () => rateLimiter.check(A),
    () => rateLimiter.peek(A),
    () => rateLimiter.reset(A),
    () => rateLimiter.block(A, 1),
    () => rateLimiter.unblock(A),
    () => th.id(),
  ]) {
    expect(call).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  }
});

test('switched off, every act says so before anything is read', () => {
  const off = rateLimiter(
    { rateLimit: false } as never,
    {} as never,
    () => expect.unreachable(),
    () => expect.unreachable(),
    () => {},
  );
  for (const act of [
    () => off.check('x'),
    () => off.peek('x'),
    () => off.reset('x'),
    () => off.block('x', 1),
    () => off.unblock('x'),
  ])
    expect(act).toThrow(expect.objectContaining({ code: 'RATE_LIMIT_OFF' }));
});
