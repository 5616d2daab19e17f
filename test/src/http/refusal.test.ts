/** Guards src/http/refusal.ts, what clients are told: constant texts, fields that parse, times that never invite too early. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { forbidden, limited, type Manner, rateFields, unavailable, unserved } from '../../../src/http/refusal';
import type { RateLimitResult } from '../../../src/types/index';
import { parseList } from '../../lab/structured-fields';

const plain: Manner = { head: false, close: false, fields: [] };
const rate: RateLimitResult = {
  allowed: false,
  blocked: false,
  limit: 100,
  remaining: 0,
  resetMs: 1_001,
  retryAfterMs: 29_001,
  degraded: false,
};
const trace = 'ab'.repeat(24);

const all = (manner: Manner): Response[] => [
  forbidden(trace, manner),
  limited(rate, trace, manner),
  limited({ ...rate, blocked: true }, trace, manner),
  unavailable(manner),
  unserved(manner),
];

describe('every refusal', () => {
  test('is problem+json, not stored, not sniffed, and says its own status', async () => {
    for (const response of all(plain)) {
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.has('connection')).toBe(false);
      const problem = (await response.json()) as Record<string, unknown>;
      expect(problem.status).toBe(response.status);
      expect(typeof problem.type).toBe('string');
      expect(typeof problem.title).toBe('string');
    }
  });

  test('has no body for HEAD, and the same fields', async () => {
    const [withBody, without] = [all(plain), all({ ...plain, head: true })];
    for (const [index, response] of without.entries()) {
      expect(response.body).toBe(null);
      expect(await response.text()).toBe('');
      expect([...response.headers]).toEqual([...(withBody[index] as Response).headers]);
    }
  });

  test('closes the connection when it is told that a body was left unread', () => {
    for (const response of all({ ...plain, close: true })) expect(response.headers.get('connection')).toBe('close');
  });

  test('carries the RateLimit fields it is given', () => {
    for (const response of all({ ...plain, fields: [['RateLimit', '"default";r=0;t=2']] })) {
      expect(response.headers.get('ratelimit')).toBe('"default";r=0;t=2');
    }
  });
});

describe('403', () => {
  test('differs from another only in its trace', async () => {
    const other = 'cd'.repeat(24);
    const [a, b] = [await forbidden(trace, plain).text(), await forbidden(other, plain).text()];
    expect(a).not.toBe(b);
    expect(a.replace(trace, other)).toBe(b);
    expect(JSON.parse(a)).toMatchObject({ type: 'about:blank', status: 403, trace });
  });
});

describe('429', () => {
  test('names the draft’s problem types and the policy', async () => {
    const quota = (await limited(rate, trace, plain).json()) as Record<string, unknown>;
    expect(quota.type).toBe('https://iana.org/assignments/http-problem-types#quota-exceeded');
    expect(quota['violated-policies']).toEqual(['default']);
    const abnormal = (await limited({ ...rate, blocked: true }, trace, plain).json()) as Record<string, unknown>;
    expect(abnormal.type).toBe('https://iana.org/assignments/http-problem-types#abnormal-usage-detected');
  });

  test('carries a trace, so that who was limited has something to read out, and differs only in it', async () => {
    const other = 'cd'.repeat(24);
    const [a, b] = [await limited(rate, trace, plain).text(), await limited(rate, other, plain).text()];
    expect(JSON.parse(a)).toMatchObject({ status: 429, trace });
    expect(a.replace(trace, other)).toBe(b);
  });

  test('Retry-After is whole seconds, at least 1, never early, and never before t', () => {
    const times = fc.double({ min: 0, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(times, times, (retryAfterMs, resetMs) => {
        const text = limited({ blocked: false, retryAfterMs, resetMs }, trace, plain).headers.get(
          'retry-after',
        ) as string;
        expect(text).toMatch(/^[1-9]\d*$/);
        const after = Number(text);
        expect(after * 1_000).toBeGreaterThanOrEqual(retryAfterMs);
        expect(after * 1_000).toBeGreaterThanOrEqual(resetMs);
        expect((after - 1) * 1_000).toBeLessThan(Math.max(retryAfterMs, resetMs, 1));
      }),
      { seed: 1_009 },
    );
    expect(limited(rate, trace, plain).headers.get('retry-after')).toBe('30');
    expect(
      limited({ blocked: true, retryAfterMs: Number.POSITIVE_INFINITY, resetMs: 0 }, trace, plain).headers.get(
        'retry-after',
      ),
    ).toBe('999999999999999');
  });
});

describe('RateLimit fields', () => {
  test('parse as RFC 9651 lists with the draft’s parameters, seconds rounded up', () => {
    const partition = Uint8Array.of(0, 1, 2, 3, 250, 251, 252, 255);
    const fields = new Map(rateFields({ limit: 100, windowMs: 60_001 }, { ...rate, remaining: 50 }, partition));
    expect(parseList(fields.get('RateLimit-Policy') as string)).toEqual([
      ['default', { q: 100, w: 61, pk: partition }],
    ]);
    expect(parseList(fields.get('RateLimit') as string)).toEqual([['default', { r: 50, t: 2, pk: partition }]]);
  });

  test('go without pk when the source has no partition', () => {
    const fields = rateFields({ limit: 1, windowMs: 32 }, rate, undefined);
    expect(fields).toEqual([
      ['RateLimit-Policy', '"default";q=1;w=1'],
      ['RateLimit', '"default";r=0;t=2'],
    ]);
  });

  test('the checker of these tests refuses what is not a structured field', () => {
    for (const bad of [
      'default;q=1',
      '"a";q=1.5',
      '"a"; q=:x',
      '"a";q=01234567890123456',
      '"a";Q=1',
      '"a",',
      '"a"q=1',
      '"é"',
      '"a";pk=:AA:',
    ]) {
      expect(() => parseList(bad), bad).toThrow();
    }
  });
});
