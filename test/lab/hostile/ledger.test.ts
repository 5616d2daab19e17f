/**
 * Guards the ledger of the hostile crowd: it finds each single request that a log does not account for, or accounts for twice,
 * and a crowd that is not hostile enough. A ledger that always agrees would guard nothing.
 */
import { describe, expect, it } from 'vitest';
import type { Fate } from './crowd.ts';
import { faultsOf, ledgerOf } from './ledger.ts';
import { type Act, planOf } from './plan.ts';
import type { ReadLog } from './reader.ts';
import type { Looked } from './server.ts';

/** What a right server answers. */
function fateOf({ sender, kind, way }: Act): Fate {
  if (way === 'stranger') return { sent: true };
  if (way === 'reset') return { sent: true, before: sender === 'blocked' ? 429 : 200 };
  if (sender === 'blocked') return { sent: true, status: 429 };
  const right = way === 'upgrade' ? 101 : 200;
  const status = { clean: right, exempt: right, trusted: right, broken: right, attack: 403, repeat: 403, unread: 503 };
  return { sent: true, status: status[kind] };
}

const acts = planOf(1, 4_000, 100);
const fates = acts.map(fateOf);
const ledger = ledgerOf(acts, fates);
const looked: Looked = { heap: 0, reached: { 'clean/calm': 10 }, stallMs: 0, readings: undefined };

/** A log that accounts for all of it; the strangers as refused. */
const sums = {
  QUARANTINED: ledger.flagged,
  LIMITED: ledger.blocked + ledger.strangers,
  UNINSPECTED: ledger.uninspected,
};
const totals = {
  seen: ledger.sent,
  flagged: ledger.flagged,
  uninspected: ledger.uninspected,
  skipped: ledger.skipped,
  allowed: ledger.allowed,
  limited: ledger.blocked + ledger.strangers,
  failedOpen: 0,
};
const door = { sums: { LIMITED: 3 }, totals: { seen: ledger.door } } as unknown as ReadLog;
const read = (change: { sums?: object; totals?: object }): ReadLog =>
  ({ sums: { ...sums, ...change.sums }, totals: { ...totals, ...change.totals } }) as unknown as ReadLog;

describe('the ledger of a hostile crowd', () => {
  it('agrees with a log that accounts for every request once', () => {
    expect(faultsOf(ledger, read({}), door, looked)).toEqual([]);
  });

  it.each(Object.keys(sums))('finds one %s too few and one too many', (kind) => {
    const sum = sums[kind as keyof typeof sums];
    for (const wrong of [sum - 1, sum + 1]) {
      expect(faultsOf(ledger, read({ sums: { [kind]: wrong } }), door, looked).length, `${wrong}`).toBeGreaterThan(0);
    }
  });

  it.each(Object.keys(totals))('finds one too few and one too many in the total of what was %s', (name) => {
    const total = totals[name as keyof typeof totals];
    for (const wrong of [total - 1, total + 1]) {
      expect(faultsOf(ledger, read({ totals: { [name]: wrong } }), door, looked).length, `${wrong}`).toBeGreaterThan(0);
    }
  });

  it('finds a stranger at the door who was not seen', () => {
    const other = { ...door, totals: { seen: ledger.door - 1 } };
    expect(faultsOf(ledger, read({}), other, looked)).toHaveLength(1);
  });

  it('counts repeats with the record that ended their evidence', () => {
    const ended = { QUARANTINED: ledger.flagged - 9, DUPLICATE: 4, EVICTED: 2, DROPPED: 2, PURGED: 1 };
    expect(faultsOf(ledger, read({ sums: ended }), door, looked)).toEqual([]);
  });

  it.each(['attack/calm', 'repeat/greedy', 'clean/blocked', 'unread/calm'])('finds %s at the application', (what) => {
    const faults = faultsOf(ledger, read({}), door, { ...looked, reached: { [what]: 1 } });
    expect(faults).toEqual([`${what} reached the application 1 times`]);
  });

  it('finds an answer that is wrong, and one that is missing', () => {
    for (const [index, act] of acts.entries()) {
      if (act.way === 'reset' || act.way === 'stranger' || index > 60) continue;
      for (const fate of [{ sent: true, status: 418 }, { sent: true }]) {
        const other = ledgerOf(acts, fates.with(index, fate));
        expect(Object.keys(other.wrong).length, `${act.way} ${act.kind}`).toBe(1);
      }
    }
  });

  it('finds a crowd without enough of one way', () => {
    const tame = acts.filter(({ way }) => way !== 'http2');
    const faults = faultsOf(ledgerOf(tame, fates), read({}), door, looked);
    expect(faults).toContain('only 0 % http2, expected 1');
  });
});

describe('the plan of a hostile crowd', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf(7, 300, 100)).toEqual(planOf(7, 300, 100));
    expect(planOf(7, 300, 100)).not.toEqual(planOf(8, 300, 100));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('has enough of every way (seed %i, 1,000 requests)', (seed) => {
    const plan = planOf(seed, 1_000, 100);
    const { shares } = ledgerOf(plan, plan.map(fateOf));
    const least = { reset: 5, stranger: 2, dribble: 5, 'blocked source': 20, http2: 1, upload: 1, upgrade: 1 };
    for (const [way, share] of Object.entries(least)) expect(shares[way], way).toBeGreaterThanOrEqual(share);
  });

  it('has nobody over the limit who does not wait for the answer', () => {
    for (const { sender, way } of planOf(3, 2_000, 100)) if (sender === 'greedy') expect(way).toBe('plain');
  });
});
