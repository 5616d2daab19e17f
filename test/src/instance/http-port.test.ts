/** Guards src/instance/http-port.ts, what adapters stand on: one charge, constant-length tokens, and counts that add up. */

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Source } from '../../../src/index';
import { httpPort } from '../../../src/instance/http-port';
import { BUILDS, ground, recordsOf, T0 } from '../../ground';

const A = '192.0.2.1';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe.each(BUILDS)('http port, on the %s build', (_, core) => {
  test('says the policy, the fail mode and the payload bound', () => {
    const { th } = ground(
      { rateLimit: { windowMs: 320, limit: 7 }, failMode: 'closed', maxPayloadBytes: 512 },
      { core },
    );
    expect(th.http).toMatchObject({
      settings: { failMode: 'closed', maxPayloadBytes: 512 },
      limits: { policy: { limit: 7, windowMs: 320 } },
    });
    const off = ground({ rateLimit: false }, { core }).th.http;
    expect(off).toMatchObject({ settings: { failMode: 'open' }, limits: { policy: undefined } });
    expect(off.limits.charge(A)).toBeUndefined();
  });

  test('asks the runtime who is asking, what time it is, and to keep work alive', () => {
    const world = ground({}, { core });
    const asked: unknown[] = [];
    world.runtime.source = (request, context) => {
      asked.push(request, context);
      return { address: A };
    };
    world.runtime.defer = (work, context) => void asked.push(work, context);
    const work = Promise.resolve();
    expect(world.th.http.runtime.source('request', 'context')).toEqual({ address: A });
    world.th.http.runtime.defer(work, 'context');
    expect(asked).toEqual(['request', 'context', work, 'context']);
    expect(world.th.http.runtime.now()).toBe(T0);
  });

  test('a charge is what intercept would charge, and a refusal says what became of the request', () => {
    const { th } = ground({ rateLimit: { limit: 1 } }, { core });
    expect(th.http.limits.charge(A)).toMatchObject({ allowed: true, remaining: 0 });
    expect(th.http.limits.charge(A, 'observed')).toMatchObject({ allowed: false });
    expect(th.http.limits.charge('192.0.2.2')).toMatchObject({ allowed: true });
    expect(th.http.limits.charge('192.0.2.2', 'refused')).toMatchObject({ allowed: false });
    expect(recordsOf(th, 1)).toMatchObject([
      { kind: 'LIMITED', disposition: 2 },
      { kind: 'LIMITED', disposition: 1 },
    ]);
    expect(th.watcher.snapshot().totals).toMatchObject({ seen: 4, byStatus: { rate_limited: 2, clean: 0 } });
  });

  test('what passed is counted once, with a limiter and without', () => {
    for (const rateLimit of [{ limit: 10 }, false] as const) {
      const { th } = ground({ rateLimit }, { core });
      for (let i = 0; i < 3; i++) {
        th.http.limits.charge(A);
        th.http.counters.count('passed');
      }
      expect(th.watcher.snapshot().totals).toMatchObject({ seen: 3, byStatus: { clean: 3 } });
    }
  });

  test('a redacted value is 16 hex characters: equal for equal values under one secret, of any length', () => {
    const { th } = ground({ maxPayloadBytes: 256 }, { core });
    const values = ['', 'a', 'b', 'x'.repeat(256), 'x'.repeat(257), 'x'.repeat(100_000), 'ü', '\ud800'];
    const said = values.map((value) => th.http.keys.redact(value));
    for (const [i, token] of said.entries()) {
      expect(token).toMatch(/^[0-9a-f]{16}$/);
      expect(th.http.keys.redact(values[i]!)).toBe(token);
    }
    expect(new Set(said).size).toBe(values.length);
    expect(ground({ maxPayloadBytes: 256 }, { core, seed: 9 }).th.http.keys.redact('a')).toBe(said[1]);
    expect(ground({ secret: new Uint8Array(32) }, { core }).th.http.keys.redact('a')).not.toBe(said[1]);
  });

  test('a partition key is eight bytes of who is asking, the same however they are spelled', () => {
    const { th } = ground({}, { core });
    const key = (source: unknown): string => hex(th.http.limits.partition(source as Source));
    expect(key(A)).toMatch(/^[0-9a-f]{16}$/);
    expect(key('::ffff:192.0.2.1')).toBe(key({ address: A }));
    expect(new Set([A, '192.0.2.2', { key: A }, ''].map(key)).size).toBe(4);
    expect(key(null)).toBe(key(''));
    // Not the tag that the log shows: a client that sees its own key learns nothing about the log.
    const { evidence } = th.intercept({ source: A, threat: { category: 'a', severity: 'low' } }) as {
      evidence: { sourceTag: string };
    };
    expect(evidence.sourceTag.startsWith(key(A))).toBe(false);
  });

  test('each key has the label that docs/identity.md publishes', () => {
    const secret = new Uint8Array(32).fill(7);
    const { th } = ground({ secret }, { core });
    const table = readFileSync(new URL('../../../docs/identity.md', import.meta.url), 'utf8');
    const keyOf = (name: string): Buffer => {
      const label = new RegExp(`^\\| ${name} \\| \`([^\`]+)\` \\|`, 'm').exec(table)?.[1] as string;
      return createHmac('sha256', secret).update(label).digest();
    };
    const mac = (name: string, data: Uint8Array | string): Buffer =>
      createHmac('sha256', keyOf(name)).update(data).digest();
    const { evidence } = th.intercept({ source: A, threat: { category: 'a', severity: 'low' } }) as {
      evidence: { id: string; sourceTag: string };
    };
    // `pk` is made of the tag, so nobody who has one can try addresses for the other.
    const pk = mac('partition', Buffer.from(evidence.sourceTag, 'hex')).subarray(0, 8);
    expect(hex(th.http.limits.partition(A))).toBe(pk.toString('hex'));
    expect(th.http.keys.redact('hunter2')).toBe(mac('redact', 'hunter2').toString('hex').slice(0, 16));
    const trace = Buffer.from(th.http.keys.traceId(evidence.id), 'hex');
    const mask = mac('trace', trace.subarray(0, 8));
    const uuid = Buffer.from(trace.subarray(8).map((byte, i) => byte ^ mask[i]!)).toString('hex');
    expect(uuid).toBe(evidence.id.slice(0, 36).replaceAll('-', ''));
  });

  test('a detector that failed is recorded with how, and folded by source', () => {
    const { th } = ground({}, { core });
    th.http.counters.uninspected(A, 'passed', 'threw');
    th.http.counters.uninspected('192.0.2.2', 'refused', 'timeout');
    for (let i = 0; i < 4; i++) th.http.counters.uninspected(A, 'passed', 'timeout');
    expect(recordsOf(th, 1).map(({ kind, reason, disposition, count }) => [kind, reason, disposition, count])).toEqual([
      ['UNINSPECTED', 1, 3, 1],
      ['UNINSPECTED', 2, 1, 1],
      ['UNINSPECTED', 2, 3, 1],
      ['UNINSPECTED', 2, 3, 2],
    ]);
    expect(th.watcher.snapshot().totals.uninspected).toBe(6);
  });

  test('after close everything that needs an open instance says CLOSED', async () => {
    const { th } = ground({}, { core });
    await th.close();
    const { http } = th;
    for (const call of [
      () => http.limits.charge(A),
      () => http.runtime.now(),
      () => http.keys.redact('x'),
      () => http.keys.traceId(),
      () => http.limits.partition(A),
      () => http.counters.count('skipped'),
      () => http.counters.uninspected(A, 'passed', 'threw'),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    }
  });
});

test('the policy is that of the platform where the platform limits', () => {
  const policyOf = (options: object) => httpPort({ options } as never).limits.policy;
  const platforms = { limit: 9, windowMs: 10_000, charge: () => expect.unreachable() };
  expect(policyOf({ limiter: platforms, rateLimit: false })).toEqual({ limit: 9, windowMs: 10_000 });
  expect(policyOf({ rateLimit: { limit: 3, windowMs: 64, blockMs: 5 } })).toEqual({ limit: 3, windowMs: 64 });
  expect(policyOf({ rateLimit: false })).toBeUndefined();
});
