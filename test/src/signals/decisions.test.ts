/**
 * Guards `src/signals/decisions.ts` against a model that keeps every decision in one list: what holds for an address is the
 * same, whatever begins and ends, and the bound holds.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressOf, isWithin, networkOf } from '../../../src/formats/address';
import { type Decision, Decisions, type Found } from '../../../src/signals/decisions';

const NETWORKS = [
  '192.0.2.1',
  '192.0.2.1/32',
  '192.0.2.0/24',
  '192.0.0.0/16',
  '2001:db8::1',
  '2001:DB8::1',
  '2001:db8::/64',
];
const ADDRESSES = ['192.0.2.1', '192.0.2.9', '192.0.9.1', '198.51.100.1', '2001:db8::1', '2001:db8::2', '2001:db9::1'];

const decision = fc
  .record({
    network: fc.constantFrom(...NETWORKS),
    type: fc.constantFrom('ban', 'captcha'),
    until: fc.integer({ min: 1, max: 100 }),
    isLocal: fc.boolean(),
  })
  .map(
    ({ network, ...rest }): Decision => ({
      ...rest,
      name: network,
      network: networkOf(network)!,
      severity: 'high',
      scenario: `${rest.until}`,
    }),
  );
const act = fc.oneof(
  fc.tuple(fc.constant('begin'), decision),
  fc.tuple(fc.constant('begin'), decision),
  fc.tuple(fc.constant('end'), decision),
  fc.tuple(fc.constant('sweep'), decision),
);

const same = (a: Decision, b: Decision): boolean => a.name === b.name && a.type === b.type;

test('what holds is what was begun and not ended under its own name, for each kind the longest', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: 0, max: 100 }), (acts, now) => {
      const list = new Decisions(1_000);
      let model: Decision[] = [];
      for (const [how, one] of acts) {
        if (how === 'end') {
          list.end(one);
          model = model.filter((held) => !same(held, one));
        } else if (how === 'sweep') {
          list.sweep(one.until);
          model = model.filter((held) => held.until > one.until);
        } else if (!model.some((held) => same(held, one) && held.until >= one.until)) {
          expect(list.begin(one)).toBe(0);
          model = [...model.filter((held) => !same(held, one)), one];
        } else list.begin(one);
        expect(list.held).toBe(model.length);
      }
      for (const text of ADDRESSES) {
        const address = addressOf(text)!;
        const said = (each: readonly Found[]): string[] =>
          each.map(({ type, scenario }) => `${type} ${scenario}`).sort();
        const about = model.filter((held) => held.until > now && isWithin(address, held.network));
        const longest = about.filter(
          (held) =>
            !about.some((other) => other.type === held.type && other.until > held.until && samePlace(other, held)),
        );
        expect(new Set(said(list.find(address, now)))).toEqual(new Set(said(longest)));
      }
    }),
    { seed: 20_261_220, numRuns: 500 },
  );
});

/** A shelf has one size of network: of each size one decision is found. */
const samePlace = (a: Decision, b: Decision): boolean => a.network.bits === b.network.bits;

test('the bound holds; only a decision from afar gives its room, and only to a local one', () => {
  fc.assert(
    fc.property(fc.array(decision, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (all, max) => {
      const list = new Decisions(max);
      let model: Decision[] = [];
      for (const one of all) {
        const before = model.find((held) => same(held, one));
        const lost = list.begin(one);
        if (before !== undefined && before.until >= one.until) expect(lost).toBe(0);
        else {
          const others = model.filter((held) => held !== before);
          const oldest = others.find((held) => !held.isLocal);
          if (others.length < max) model = [...others, one];
          else if (one.isLocal && oldest !== undefined) model = [...others.filter((held) => held !== oldest), one];
          else model = others;
          expect(lost).toBe(others.length < max ? 0 : 1);
        }
        expect(list.held).toBe(model.length);
      }
      const [locals, held] = [all.filter(({ isLocal }) => isLocal), model];
      if (held.some(({ isLocal }) => !isLocal))
        expect(locals.length).toBeGreaterThanOrEqual(held.filter((d) => d.isLocal).length);
    }),
    { seed: 20_261_221, numRuns: 500 },
  );
});
