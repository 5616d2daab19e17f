/**
 * Guards `src/signals/crowdsec.ts`: CrowdSec's decisions hold for exactly the addresses and the time they are about, and end
 * as its API ends them. The list behind it has a model in `decisions.test.ts`.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CrowdsecDecision,
  type CrowdsecSignals,
  type CrowdsecSignalsOptions,
  crowdsecSignals,
} from '../../../src/signals/crowdsec';
import type { Source } from '../../../src/types/index';

const NOW = 1_700_000_000_000;
const headers = new Headers();
/** As the API answered `GET /v1/decisions/stream?startup=true` when it was asked. */
const ban: CrowdsecDecision = {
  duration: '59m59.08s',
  origin: 'cscli',
  scenario: 'crowdsecurity/http-probing',
  scope: 'Ip',
  type: 'ban',
  value: '192.0.2.7',
};
const range: CrowdsecDecision = { ...ban, scope: 'Range', value: '198.51.100.0/24', scenario: 'crowdsecurity/ssh-bf' };

function room(options?: CrowdsecSignalsOptions, ...decisions: CrowdsecDecision[]): CrowdsecSignals {
  const signals = crowdsecSignals(options);
  signals.apply({ new: decisions, deleted: null }, NOW);
  return signals;
}

const about = (signals: CrowdsecSignals, source: Source | undefined, now: number | undefined = NOW) =>
  signals.read({ headers, source, now }).threat;

describe('a decision', () => {
  test('flags the address it is about, however it is spelled, with what the API said', () => {
    const signals = room(undefined, ban);
    for (const source of ['192.0.2.7', '192.0.2.7:4711', '::ffff:192.0.2.7', { address: '192.0.2.7' }]) {
      expect(about(signals, source)).toEqual({
        category: 'crowdsec',
        severity: 'high',
        detector: 'crowdsec',
        rule: 'ban',
        reason: 'crowdsecurity/http-probing',
      });
    }
    for (const source of ['192.0.2.8', '2001:db8::1', 'tenant', '', { key: '192.0.2.7' }, undefined]) {
      expect(about(signals, source)).toBeUndefined();
    }
  });

  test('about a range flags what lies in it, tidy or not', () => {
    const untidy = { ...range, value: '203.0.113.77/28' };
    const six = { ...range, value: '2001:db8:1::/48' };
    const signals = room(undefined, range, untidy, six);
    const found = (source: string): boolean => about(signals, source) !== undefined;
    expect(['198.51.100.0', '198.51.100.255', '203.0.113.64', '203.0.113.79', '2001:db8:1:ffff::1'].map(found)).toEqual(
      Array(5).fill(true),
    );
    expect(['198.51.99.255', '198.51.101.0', '203.0.113.63', '203.0.113.80', '2001:db8:2::1'].map(found)).toEqual(
      Array(5).fill(false),
    );
  });

  test('ends to the millisecond, and without a deletion', () => {
    const signals = room(undefined, { ...ban, duration: '1m30.5s' });
    expect(about(signals, '192.0.2.7', NOW + 90_499)).toBeDefined();
    expect(signals.stats.held).toBe(1);
    expect(about(signals, '192.0.2.7', NOW + 90_500)).toBeUndefined();
    expect(signals.stats.held).toBe(0);
  });

  test('ends when the API deletes it; a successor in the same answer begins', () => {
    const signals = room(undefined, ban, range);
    signals.apply({ new: null, deleted: [{ ...ban, duration: '-1s' }] }, NOW);
    expect([about(signals, '192.0.2.7'), about(signals, '198.51.100.9')]).toEqual([undefined, expect.anything()]);
    signals.apply({ new: [{ ...range, scenario: 'again' }], deleted: [range] }, NOW);
    expect(about(signals, '198.51.100.9')?.reason).toBe('again');
    signals.apply({ deleted: [ban] }, NOW); // unknown by now
    expect(signals.stats).toEqual({ held: 1, refused: 0, ignored: 0 });
  });

  test('of the same kind about the same address: the longer one holds', () => {
    const signals = room(undefined, { ...ban, duration: '1h' }, { ...ban, duration: '1m', scenario: 'shorter' });
    expect(about(signals, '192.0.2.7', NOW + 120_000)?.reason).toBe('crowdsecurity/http-probing');
    signals.apply({ new: [{ ...ban, duration: '2h', scenario: 'longer' }] }, NOW);
    expect(about(signals, '192.0.2.7', NOW + 5_400_000)?.reason).toBe('longer');
    expect(signals.stats.held).toBe(1);
  });

  test('of a kind that is not configured does nothing; of two that are, the graver counts', () => {
    const captcha = { ...ban, type: 'captcha' };
    expect(about(room(undefined, captcha), '192.0.2.7')).toBeUndefined();
    const types = { captcha: 'low', ban: 'critical' } as const;
    expect(about(room({ types }, captcha), '192.0.2.7')).toMatchObject({ severity: 'low', rule: 'captcha' });
    expect(about(room({ types }, captcha, ban), '192.0.2.7')).toMatchObject({ severity: 'critical', rule: 'ban' });
    expect(about(room({ types }, ban, captcha), '192.0.2.7')).toMatchObject({ severity: 'critical', rule: 'ban' });
    expect(about(room({ types: {} }, ban), '192.0.2.7')).toBeUndefined();
    // A kind is never looked up in a prototype.
    expect(room(undefined, { ...ban, type: 'constructor' }).stats.ignored).toBe(1);
  });

  test('holds for who asks without a clock', () => {
    expect(room(undefined, ban).read({ headers, source: '192.0.2.7' }).threat).toBeDefined();
  });
});

describe('durations', () => {
  test.each([
    ['1h', 3_600_000],
    ['1h2m3s', 3_723_000],
    ['59m59.08s', 3_599_080],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['2500µs', 2.5],
    ['2500us', 2.5],
    ['3000000ns', 3],
    ['+1s', 1_000],
  ])('%s is %d ms', (duration, ms) => {
    const signals = room(undefined, { ...ban, duration });
    expect(about(signals, '192.0.2.7', NOW + ms - 0.5)).toBeDefined();
    expect(about(signals, '192.0.2.7', NOW + ms)).toBeUndefined();
  });

  test.each(['0s', '-1h', '-5m3s'])('%s has ended on the way', (duration) => {
    expect(room(undefined, { ...ban, duration }).stats).toEqual({ held: 0, refused: 0, ignored: 0 });
  });

  test.each(['', '1', 'h', '1h ', '1d', '1e3s', '١s', '1.s', `${'1h'.repeat(32)}1h`, undefined, 3_600, null])(
    '%j is none',
    (duration) => {
      expect(room(undefined, { ...ban, duration: duration as string }).stats).toEqual({
        held: 0,
        refused: 0,
        ignored: 1,
      });
    },
  );
});

describe('a list that somebody fills', () => {
  const many = (count: number, duration = '1h'): CrowdsecDecision[] =>
    Array.from({ length: count }, (_, i) => ({ ...ban, duration, value: `10.0.${i >> 8}.${i & 255}` }));

  test('is bounded: what was there stays, what is new is counted', () => {
    const signals = room({ maxDecisions: 3 }, ban, ...many(10));
    expect(signals.stats).toEqual({ held: 3, refused: 8, ignored: 0 });
    expect(about(signals, '192.0.2.7')).toBeDefined();
    // What is held may still be prolonged.
    signals.apply({ new: [{ ...ban, duration: '9h' }] }, NOW);
    expect(about(signals, '192.0.2.7', NOW + 8 * 3_600_000)).toBeDefined();
    expect(signals.stats.refused).toBe(8);
  });

  test('gives the room of what has ended unseen to what comes', () => {
    const signals = room({ maxDecisions: 3 }, ...many(3, '1m'));
    signals.apply({ new: [ban] }, NOW + 60_000);
    expect(signals.stats).toEqual({ held: 1, refused: 0, ignored: 0 });
  });

  test('of 100,000 decisions is looked up in a few steps', () => {
    const signals = room(
      undefined,
      ...Array.from({ length: 100_000 }, (_, i) => ({ ...ban, value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` })),
    );
    expect(signals.stats.held).toBe(100_000);
    // A walk over the list for each would take longer than a test may.
    for (let index = 0; index < 10_000; index++) {
      const found = about(signals, `10.${index & 3}.${index >> 8}.${index & 255}`);
      expect(found !== undefined).toBe((index & 3) < 1 || ((index & 3) === 1 && index >> 8 < 134));
    }
  });

  test('with rubbish in it: every good decision holds, the rest is counted', () => {
    const rubbish = [
      null,
      5,
      'text',
      {},
      { ...ban, scope: 'Country', value: 'XX' },
      { ...ban, scope: 'As' },
      { ...ban, value: '999.1.1.1' },
      { ...ban, value: 7 },
      { ...ban, value: '10.0.0.0/33' },
      { ...ban, scope: undefined },
      { ...ban, type: undefined },
    ] as CrowdsecDecision[];
    const signals = room(undefined, ...rubbish, ban, { ...range, scenario: undefined as never });
    expect(signals.stats).toEqual({ held: 2, refused: 0, ignored: rubbish.length });
    expect(about(signals, '198.51.100.1')?.reason).toBe('');
    signals.apply({ deleted: rubbish }, NOW);
    expect(signals.stats.held).toBe(2);
    expect(
      room(undefined, { ...ban, scenario: 'x'.repeat(10_000) }).read({ headers, source: ban.value as string }).threat
        ?.reason,
    ).toHaveLength(96);
  });

  test('that is no answer of the API is refused whole', () => {
    const signals = room(undefined, ban);
    for (const wrong of [undefined, null, [], 'x', { new: 'x' }, { new: [range], deleted: {} }]) {
      expect(() => signals.apply(wrong as never, NOW)).toThrow(TypeError);
    }
    expect(() => signals.apply({ deleted: [ban] }, Number.NaN)).toThrow(
      'crowdsec.apply: no time, expected unix ms, got NaN',
    );
    expect(signals.stats).toEqual({ held: 1, refused: 0, ignored: 0 });
    signals.apply({ new: [], deleted: [], more: 1 } as never, NOW); // the API may grow
  });
});

describe('as the API keeps decisions apart', () => {
  const spell = fc.constantFrom(
    ['Ip', '192.0.2.44'],
    ['Range', '192.0.2.44/32'],
    ['Range', '192.0.2.0/24'],
    ['Range', '192.0.0.0/16'],
    ['Ip', '::ffff:192.0.2.44'],
  ) as fc.Arbitrary<[string, string]>;

  test('the end of one lifts no other: not a longer one, not in another spelling, not a range around it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(spell, { minLength: 2, selector: String }), fc.nat(), (spellings, which) => {
        const decisions = spellings.map(([scope, value], i) => ({ ...ban, scope, value, duration: `${i + 1}h` }));
        const signals = room(undefined, ...decisions);
        expect(signals.stats.held).toBe(decisions.length);
        const ended = decisions[which % decisions.length] as CrowdsecDecision;
        signals.apply({ deleted: [{ ...ended, duration: '-1s' }] }, NOW);
        expect(about(signals, '192.0.2.44')).toBeDefined();
        for (const one of decisions) signals.apply({ deleted: [{ ...one, duration: '-1s' }] }, NOW);
        expect(about(signals, '192.0.2.44')).toBeUndefined();
        expect(signals.stats.held).toBe(0);
      }),
      { seed: 20_261_222, numRuns: 100 },
    );
  });

  test('an answer to startup=true replaces the list: what was lifted unannounced is lifted, what is wrong changes nothing', () => {
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]), fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]), (before, after) => {
        const of = (i: number): CrowdsecDecision => ({ ...ban, value: `192.0.2.${i}` });
        const signals = room(undefined, ...before.map(of));
        for (const wrong of [null, { new: {} }, { new: after.map(of), deleted: 5 }]) {
          expect(() => signals.apply(wrong as never, NOW, { startup: true })).toThrow(TypeError);
        }
        expect(() => signals.apply({ new: after.map(of) }, NOW, { startup: 1 as never })).toThrow(TypeError);
        expect(() => signals.apply({ new: after.map(of) }, NOW, { start: true } as never)).toThrow('no such option');
        for (const i of before) expect(about(signals, `192.0.2.${i}`)).toBeDefined();
        signals.apply({ new: after.map(of), deleted: null }, NOW, { startup: true });
        for (let i = 0; i < 8; i++) expect(about(signals, `192.0.2.${i}`) !== undefined).toBe(after.includes(i));
        expect(signals.stats.held).toBe(after.length);
      }),
      { seed: 20_261_223, numRuns: 60 },
    );
    const signals = room(undefined, ban);
    signals.apply({ new: null, deleted: null }, NOW, { startup: true });
    expect(signals.stats.held).toBe(0);
  });

  test('local decisions come first when there is no room, in one answer and in the next', () => {
    const far = (i: number): CrowdsecDecision => ({
      ...ban,
      origin: i % 2 ? 'CAPI' : 'lists:firehol',
      value: `10.0.0.${i}`,
    });
    const near = (i: number): CrowdsecDecision => ({
      ...ban,
      origin: i % 2 ? 'crowdsec' : 'cscli',
      value: `192.0.2.${i}`,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.nat(8),
        fc.nat(8),
        fc.boolean(),
        (max, fars, nears, isOneAnswer) => {
          const signals = crowdsecSignals({ maxDecisions: max });
          const [list, own] = [
            Array.from({ length: fars }, (_, i) => far(i)),
            Array.from({ length: nears }, (_, i) => near(i)),
          ];
          for (const answer of isOneAnswer ? [[...list, ...own]] : [list, own]) signals.apply({ new: answer }, NOW);
          const held = own.filter(({ value }) => about(signals, value) !== undefined).length;
          expect(held).toBe(Math.min(max, nears));
          expect(signals.stats).toMatchObject({ held: Math.min(max, fars + nears) });
          expect(signals.stats.refused).toBe(Math.max(0, fars + nears - max));
          // A flood from afar takes nothing back.
          signals.apply({ new: Array.from({ length: 20 }, (_, i) => far(100 + i)) }, NOW);
          expect(own.filter(({ value }) => about(signals, value) !== undefined)).toHaveLength(held);
        },
      ),
      { seed: 20_261_224, numRuns: 100 },
    );
  });
});

test('options are checked', () => {
  for (const [options, error] of [
    [{ type: {} }, /^crowdsecSignals\.type: no such option \(did you mean `types`\?\)/],
    [{ types: { ban: 'grave' } }, /^crowdsecSignals\.types\[0\]: unknown, expected 'low', /],
    [{ types: 5 }, /\.types: wrong kind, expected an object/],
    [{ types: null }, /\.types: wrong kind, expected an object, got null/],
    [{ maxDecisions: 0 }, /\.maxDecisions: too small, expected an integer ≥ 1, got 0/],
    [{ maxDecisions: '5' }, /expected an integer/],
    [null, /expected an object/],
  ] as [never, RegExp][]) {
    expect(() => crowdsecSignals(options)).toThrow(error);
  }
  expect(crowdsecSignals()).toMatchObject({ detector: 'crowdsec', secrets: [], stats: { held: 0 } });
});
