/**
 * Guards `src/instance/feed.ts`: every BLOCKED and QUARANTINED record that is appended while somebody listens is told once,
 * in order, after the call; a clean request costs nothing and changes nothing.
 */
import { describe, expect, test } from 'vitest';
import { Feed } from '../../../src/instance/feed';
import type { BlockedEvent, QuarantinedEvent, ThreatSignal } from '../../../src/types/index';
import { BUILDS, ground, recordsOf, seeded, T0 } from '../../ground';

const threat: ThreatSignal = { category: 'sqli', severity: 'high' };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each(BUILDS)('events of an instance (%s)', (_, core) => {
  test('blocked: by refusals and by hand, once for each BLOCKED record', async () => {
    const world = ground({ rateLimit: { limit: 2, windowMs: 1_000, blockMs: 5_000 } }, { core });
    const { th } = world;
    const told: BlockedEvent[] = [];
    th.on('blocked', (event) => told.push(event));
    for (let i = 0; i < 6; i++) th.intercept({ source: '192.0.2.1' });
    expect(told).toEqual([]);
    await turn();
    th.rateLimiter.block('192.0.2.2', 60_001);
    th.http.limits.charge('192.0.2.3');
    await turn();
    const records = recordsOf(th).filter(({ kind }) => kind === 'BLOCKED');
    expect(told).toEqual([
      { seq: records[0]!.seq, at: T0, sourceTag: records[0]!.source, ms: 5_000, by: 'limit' },
      { seq: records[1]!.seq, at: T0, sourceTag: records[1]!.source, ms: 61_000, by: 'hand' },
    ]);
  });

  test('quarantined: the handle while it is held; nothing of what was there before somebody listened', async () => {
    const { th } = ground({ quarantine: { maxCount: 1 } }, { core });
    th.intercept({ source: '192.0.2.1', threat, payload: 'before' });
    await turn();
    const told: QuarantinedEvent[] = [];
    const off = th.on('quarantined', (event) => told.push(event));
    th.intercept({ source: '192.0.2.1', threat, payload: 'one' });
    th.intercept({ source: '192.0.2.1', threat: { ...threat, severity: 'critical' }, payload: 'two' });
    await turn();
    expect(told.map(({ severity, evidence }) => [severity, evidence === undefined])).toEqual([
      ['high', true],
      ['critical', false],
    ]);
    expect(told[1]?.evidence).toEqual(th.quarantine.list()[0]);
    off();
    th.intercept({ source: '192.0.2.1', threat, payload: 'three' });
    await turn();
    expect(told).toHaveLength(2);
  });

  test('twenty seeded lives: what is told is what the log says, event for event', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const world = ground({ rateLimit: { limit: 3, windowMs: 1_000, blockMs: 2_000 } }, { core, seed });
      const { th } = world;
      const told: [string, number][] = [];
      th.on('blocked', ({ seq }) => told.push(['BLOCKED', seq]));
      th.on('quarantined', ({ seq }) => told.push(['QUARANTINED', seq]));
      for (let step = 0; step < 60; step++) {
        const source = `192.0.2.${random(4)}`;
        world.now += random(300);
        if (random(3) === 0) await th.interceptAsync({ source, threat, payload: `${random(9)}` });
        else if (random(8) === 0) th.rateLimiter.block(source, 1 + random(9_000));
        else th.http.limits.charge(source);
        if (random(5) === 0) await turn();
      }
      await turn();
      const expected = recordsOf(th, 0).flatMap(({ kind, seq }) =>
        kind === 'BLOCKED' || kind === 'QUARANTINED' ? [[kind, seq]] : [],
      );
      expect(expected.length, `seed ${seed}`).toBeGreaterThan(5);
      expect(told, `seed ${seed}`).toEqual(expected);
    }
  });
});

test('while nobody listens nothing is read', () => {
  let read = 0;
  const engine = {
    get log() {
      read++;
      return { origin: '', state: () => undefined };
    },
  };
  const feed = new Feed(engine as never, { has: () => false } as never, () => 0);
  feed.poke();
  expect(read).toBe(0);
});
