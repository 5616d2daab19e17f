/**
 * Guards src/instance/place.ts: one place for all spellings of a source, exactly as the limiter counts, and one that says
 * nothing to who has not the secret.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { placeOf } from '../../../src/instance/place';
import type { Source, Tracehound } from '../../../src/types/index';

const secret = new Uint8Array(32).fill(3);

it('a source has one place exactly when the limiter counts it as one source', () => {
  const byte = fc.integer({ min: 0, max: 2 });
  const source: fc.Arbitrary<Source> = fc.oneof(
    byte.map((n) => `192.0.2.${n}`),
    byte.map((n) => `::ffff:192.0.2.${n}`),
    byte.map((n) => `[::ffff:c000:20${n}]:443`),
    byte.map((n) => `64:ff9b::192.0.2.${n}`),
    fc.tuple(byte, byte).map(([a, b]) => `2001:db8:0:${a}00::${b}`),
    fc.tuple(byte, byte).map(([a, b]) => `2001:DB8:0:${a}00:0:0:0:${b}%eth0`),
    byte.map((n) => ({ address: `192.0.2.${n}` })),
    byte.map((n) => ({ key: `192.0.2.${n}` })),
    byte.map((n) => ({ address: `no address ${n}` })),
    byte.map((n) => `text ${n}`),
    byte.map((n) => ({ key: `text ${n}` })),
    fc.constantFrom('', '192.0.2.01', '192.0.2.1:99999', '::', '::1', '::0:1'),
  );
  fc.assert(
    fc.property(source, source, fc.constantFrom(56, 64, 128, 1), (one, other, ipv6Prefix) => {
      const th = createTracehound({ secret, rateLimit: { limit: 2, ipv6Prefix, maxSources: 64 } });
      th.rateLimiter.check(one);
      const isOne = th.rateLimiter.peek(other).remaining === 1;
      const [here, there] = [placeOf(th, one, ipv6Prefix), placeOf(th, other, ipv6Prefix)];
      expect(Buffer.from(here).equals(Buffer.from(there))).toBe(isOne);
    }),
    { numRuns: 600 },
  );
});

it('a source has its place by the secret, and no clear text in it', () => {
  const [a, b] = [1, 2].map((n) => createTracehound({ secret: new Uint8Array(32).fill(n) })) as [
    Tracehound,
    Tracehound,
  ];
  expect(placeOf(a, '192.0.2.1', 56)).toHaveLength(8);
  expect(placeOf(a, '192.0.2.1', 56)).not.toEqual(placeOf(b, '192.0.2.1', 56));
});
