/** Guards `src/instance/watcher.ts`: everything countable, nothing that identifies, and no cost until somebody asks. */

import { describe, expect, test } from 'vitest';
import { watcher } from '../../../src/instance/watcher';
import { BUILDS, ground, T0 } from '../../ground';

const threat = { category: 'sqli', severity: 'critical' } as const;
const EMPTY_ROOT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function leaves(value: unknown, path = ''): [path: string, leaf: unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  expect(Object.isFrozen(value), `${path || 'snapshot'} is frozen`).toBe(true);
  return Object.entries(value).flatMap(([name, part]) => leaves(part, path ? `${path}.${name}` : name));
}

describe.each(BUILDS)('watcher, on the %s build', (_, core) => {
  test('of an instance that nobody used says idle, and brings up no core to say so', () => {
    const world = ground({}, { core });
    expect(world.th.watcher.snapshot()).toEqual({
      at: T0,
      runtime: 'ground',
      status: 'idle',
      totals: {
        seen: 0,
        flagged: 0,
        uninspected: 0,
        skipped: 0,
        allowed: 0,
        gone: 0,
        failedOpen: 0,
        byStatus: {
          clean: 0,
          rate_limited: 0,
          quarantined: 0,
          duplicate: 0,
          dropped: 0,
          payload_too_large: 0,
          error: 0,
        },
      },
      rateLimiter: { tracked: 0, maxSources: 256, evictions: 0, pressure: 0 },
      quarantine: {
        count: 0,
        bytes: 0,
        bySeverity: { low: 0, medium: 0, high: 0, critical: 0 },
        maxCount: 256,
        maxBytes: 524_288,
        sources: 0,
      },
      audit: {
        origin: '',
        size: 0,
        root: EMPTY_ROOT,
        held: 0,
        unreleased: 0,
        lost: 0,
        signed: 0,
        store: 'off',
        since: 0,
      },
      troubles: [],
      core: { memoryBytes: expect.any(Number), panics: 0, abi: expect.any(Number) },
    });
    expect(world.cores.length).toBe(0);
    const { memoryBytes } = world.th.watcher.snapshot().core;
    world.th.id();
    expect(world.th.watcher.snapshot().core.memoryBytes).toBe(memoryBytes);
    expect(world.memory().length).toBe(memoryBytes);
  });

  test('counts everything, frozen through and through, in numbers', () => {
    const { th } = ground({ rateLimit: { limit: 3 }, maxPayloadBytes: 256 }, { core });
    const snapshots = [th.watcher.snapshot()];
    const ask = (source: string, payload?: string): void => {
      th.intercept(payload === undefined ? { source } : { source, payload, threat });
      snapshots.push(th.watcher.snapshot());
    };
    ask('192.0.2.1');
    ask('192.0.2.1', 'a');
    ask('192.0.2.1', 'a');
    ask('192.0.2.1', 'a');
    ask('192.0.2.2', 'b'.repeat(257));
    ask('192.0.2.3', 'b');
    th.intercept(null as never);
    th.http.counters.uninspected('192.0.2.2', 'passed', 'threw');
    th.http.counters.count('skipped'); // exempt requests are seen here, charged ones by their charge
    th.http.counters.count('allowed');
    th.http.counters.count('gone');
    th.http.counters.count('failedOpen');
    th.http.counters.count('failedOpen');
    const last = th.watcher.snapshot();
    expect(last).toMatchObject({
      status: 'up',
      totals: {
        seen: 8,
        flagged: 5,
        uninspected: 1,
        skipped: 1,
        allowed: 1,
        gone: 1,
        failedOpen: 2,
        byStatus: {
          clean: 3,
          rate_limited: 1,
          quarantined: 2,
          duplicate: 1,
          dropped: 0,
          payload_too_large: 1,
          error: 1,
        },
      },
      rateLimiter: { tracked: 3 },
      quarantine: { count: 2, bytes: 2, bySeverity: { critical: 2 }, sources: 2 },
      audit: th.audit.head(),
    });
    expect(last.audit).toMatchObject({ held: last.audit.size, unreleased: last.audit.size, lost: 0 });
    for (const snapshot of [...snapshots, last]) {
      for (const [path, leaf] of leaves(snapshot)) {
        if (['status', 'runtime', 'audit.origin', 'audit.root', 'audit.store'].includes(path))
          expect(leaf, path).toBeTypeOf('string');
        else expect(Number.isSafeInteger(leaf), path).toBe(true);
      }
    }
    // A snapshot is a moment: the first still says what it said.
    expect(snapshots[0]!.totals.seen).toBe(0);
  });

  test('says closed after close, and its last numbers', async () => {
    const { th } = ground({}, { core });
    th.intercept({ source: '192.0.2.1', payload: 'x', threat });
    await th.close();
    expect(th.watcher.snapshot()).toMatchObject({ status: 'closed', quarantine: { count: 1 }, totals: { seen: 1 } });
  });

  test('says nothing of a limiter that is off', () => {
    expect(ground({ rateLimit: false }, { core }).th.watcher.snapshot().rateLimiter).toBeUndefined();
  });
});

test('what it gives is frozen to the last number, and it asks for one time', () => {
  const { th } = ground();
  th.intercept({ source: '192.0.2.1' });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(th.watcher.snapshot())).toBe(true);
  let asked = 0;
  const idle = { config: { limit: 0 }, status: 'idle', quarantine: () => undefined, limiter: () => undefined };
  const parts = {
    engine: { ...idle, log: { state: () => undefined }, memoryBytes: 0, panics: 0 },
    agent: { counts: {} },
    keeper: { signedSize: 3, storeState: 'ok' },
    runtime: { name: 'lab' },
    troubles: { list: () => [] },
    now: () => ++asked,
    closed: () => true,
  };
  expect(watcher(parts as never).snapshot()).toMatchObject({
    at: 1,
    status: 'closed',
    audit: { signed: 3, store: 'ok' },
  });
  expect(asked).toBe(1);
});
