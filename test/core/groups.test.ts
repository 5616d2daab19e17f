/**
 * Guards that share, folds and limits mean the same by "one source": addresses of one IPv6 prefix are one. A /64 once filled
 * the whole store, an address at a time, while the limiter counted it as one client.
 */
import { describe, expect, test } from 'vitest';
import type { TracehoundOptions } from '../../src/index';
import { BUILDS, ground, recordsOf, seeded } from '../ground';

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const AGGREGATE = 16;
const KiB = 1_024;

type Random = ReturnType<typeof seeded>;

const group4 = (random: Random): string => random(65_536).toString(16);
/** An address whose first `bits` are those of 2001:db8:a:bcde::. */
const address = (random: Random, bits: 48 | 56 | 64): string => {
  const fourth = bits === 64 ? 'bcde' : bits === 56 ? `bc${random(256).toString(16).padStart(2, '0')}` : group4(random);
  return `2001:db8:a:${fourth}:${group4(random)}:${group4(random)}:${group4(random)}:${group4(random)}`;
};

const LIMITERS: [name: string, rateLimit: TracehoundOptions['rateLimit'], bits: 48 | 56 | 64][] = [
  ['the default limiter, within a /64', { limit: 1_000 }, 64],
  ['the default limiter, within a /56', { limit: 1_000 }, 56],
  ['ipv6Prefix 48', { limit: 1_000, ipv6Prefix: 48 }, 48],
  ['ipv6Prefix 64', { limit: 1_000, ipv6Prefix: 64 }, 64],
  ['no limiter', false, 56],
];

describe.each(BUILDS)('on the %s build', (_build, core) => {
  test.each(SEEDS)('the addresses of one group hold no more than one share, seed %i', (seed) => {
    const random = seeded(seed);
    const [name, rateLimit, bits] = LIMITERS[seed % LIMITERS.length]!;
    const quarantine = { maxCount: 160, maxBytes: 320 * KiB, maxShare: 1 / 16 };
    const { th } = ground({ quarantine, maxPayloadBytes: 8 * KiB, rateLimit: rateLimit! }, { core, seed });
    const threat = { category: 'sqli', severity: 'high' as const };
    const others = Array.from({ length: 100 }, (_, i) =>
      th.intercept({ source: `198.51.100.${i}`, payload: `of another ${i}`.padEnd(2 * KiB, '.'), threat }),
    );
    for (let i = 0; i < 400; i++) {
      const payload = `of the group ${i}`.padEnd(1 + random(8 * KiB - 1), '.');
      const status = th.intercept({ source: address(random, bits), payload, threat }).status;
      expect(status, name).toMatch(/^(quarantined|duplicate)$/);
    }
    for (const each of others) {
      if (each.status !== 'quarantined') throw new Error('setup');
      expect(th.quarantine.has(each.evidence.signature), name).toBe(true);
    }
    const own = th.quarantine.list({ limit: 1_000 }).slice(100);
    expect(own.length, name).toBeLessThanOrEqual(10);
    expect(
      own.reduce((sum, { size }) => sum + size, 0),
      name,
    ).toBeLessThanOrEqual(20 * KiB);
    expect(new Set(own.map(({ sourceTag }) => sourceTag)).size, 'tags stay those of the addresses').toBe(own.length);
  });

  test('addresses that are their own group have a share each, and so have keys', () => {
    const random = seeded(7);
    const { th } = ground({ quarantine: { maxShare: 1 / 16 }, rateLimit: { limit: 1_000, ipv6Prefix: 128 } }, { core });
    const send = (source: string | { key: string }, i: number): string =>
      th.intercept({ source, payload: `payload ${i}`, threat: { category: 'sqli', severity: 'high' } }).status;
    for (let i = 0; i < 64; i++) send(address(random, 64), i);
    for (let i = 64; i < 128; i++) send({ key: `2001:db8:a:bcde::${i}` }, i);
    expect(th.quarantine.stats.count).toBe(128);
  });

  test.each(SEEDS)('a flood from many addresses of one group costs a logarithm of records, seed %i', (seed) => {
    const random = seeded(seed);
    const [name, rateLimit, bits] = LIMITERS[seed % LIMITERS.length]!;
    const { th } = ground({ rateLimit: rateLimit! }, { core, seed });
    th.audit.head();
    const events = 50 + random(500);
    const single = address(random, bits);
    const one = 1 + random(20);
    for (let i = 0; i < one; i++) th.http.counters.uninspected(single, 'passed', 'threw');
    for (let i = 0; i < events; i++) th.http.counters.uninspected(address(random, bits), 'passed', 'threw');
    void th.audit.flush();
    const records = recordsOf(th, 1).filter(({ kind }) => kind === 'UNINSPECTED');
    expect(records.length, name).toBeLessThanOrEqual(Math.log2(one + events) + 3);
    expect(
      records.reduce((sum, { count }) => sum + count, 0),
      name,
    ).toBe(one + events);
    const known = new Set(records.map(({ source }) => source));
    for (const { flags, source, count } of records) {
      const isNamed = !/^0+$/.test(source);
      expect((flags & AGGREGATE) === 0, 'flag 16 where none is named').toBe(isNamed);
      // Random addresses of a group never repeat: what accounts for two of them names neither.
      if (isNamed && count > 1) expect([...known].filter((tag) => tag === source)).toHaveLength(1);
    }
    expect(records.filter(({ count, flags }) => count > 8 && (flags & AGGREGATE) === 0)).toEqual(
      records.filter(
        ({ count, flags, seq }) => count > 8 && (flags & AGGREGATE) === 0 && seq <= 1 + Math.log2(one) + 1,
      ),
    );
  });

  test('refusals of one address keep its tag, and of several of its group name none', () => {
    const random = seeded(3);
    const { th } = ground({ rateLimit: { limit: 4, windowMs: 60_000 } }, { core });
    const [first, second] = [address(random, 64), address(random, 64)];
    for (let i = 0; i < 4; i++) th.rateLimiter.check(first);
    for (let i = 0; i < 4; i++) th.rateLimiter.check(first);
    for (const source of [first, second, first, second]) th.rateLimiter.check(source);
    const limited = recordsOf(th, 1).filter(({ kind }) => kind === 'LIMITED');
    expect(limited.map(({ count, flags }) => [count, flags])).toEqual([
      [1, 0],
      [1, 0],
      [2, 0],
      [4, AGGREGATE],
    ]);
    expect(new Set(limited.slice(0, 3).map(({ source }) => source)).size).toBe(1);
    expect(limited[3]!.source).toMatch(/^0+$/);
  });

  test('what is held keeps its group through a snapshot', async () => {
    const random = seeded(5);
    const quarantine = { maxCount: 64, maxBytes: 64 * KiB, maxShare: 1 / 16 };
    const world = ground({ quarantine }, { core });
    const threat = { category: 'sqli', severity: 'high' as const };
    const send = (th: typeof world.th, i: number): string =>
      th.intercept({ source: address(random, 64), payload: `payload ${i}`, threat }).status;
    for (let i = 0; i < 4; i++) send(world.th, i);
    const { openSnapshot } = await import('../../src/index');
    const { SECRET } = await import('../ground');
    const opened = await openSnapshot(await world.th.snapshot(), { secret: SECRET });
    const heir = ground({ quarantine, restore: opened }, { core, seed: 2 });
    for (let i = 4; i < 12; i++) expect(send(heir.th, i)).toBe('quarantined');
    expect(heir.th.quarantine.stats.count).toBe(4);
  });
});
