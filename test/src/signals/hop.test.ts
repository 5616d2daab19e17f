/** Guards the gate: no header of a detector is believed unless exactly one came, from whom the operator trusts. */
import { describe, expect, test, vi } from 'vitest';
import { readSignals } from '../../../src/http/hearing';
import { Hop } from '../../../src/signals/hop';
import type { HopOptions, HopTrust, Signals, SignalView, ThreatSignal } from '../../../src/types/index';

const SECRET = '0123456789abcdef';
type Fields = [string, string][];

const raw = (fields: Fields, over: Partial<SignalView> = {}): SignalView => ({
  headers: new Headers(fields),
  fields,
  ...over,
});
/** As a platform without raw fields shows it: names in lower case, what came twice joined. */
const joined = (fields: Fields, over: Partial<SignalView> = {}): SignalView => ({
  headers: new Headers(fields),
  ...over,
});

function ask(
  view: SignalView,
  options: HopOptions = { trust: 'platform' },
  more: { prefix?: string; lists?: string[] } = {},
) {
  const hop = new Hop('waf', options, ['x-score', 'x-tags'], more);
  const voice = hop.listen(view);
  const { threat, strip, failure } = voice.heard(undefined);
  return { score: voice.get('x-score'), tags: voice.get('x-tags'), threat, strip: [...strip].sort(), failure, voice };
}

const forged = (name: string, reason: string): ThreatSignal => ({
  category: 'forged-signal',
  severity: 'medium',
  detector: 'tracehound',
  rule: `waf:${name}`,
  reason,
});
const TWICE = 'not exactly one value';
const STRANGER = 'not from the trusted hop';

describe('a header from the trusted hop', () => {
  test('is believed when it is exactly one value, whatever its case', () => {
    for (const view of [raw([['X-Score', ' 42 ']]), joined([['X-SCORE', '42']])]) {
      expect(ask(view)).toMatchObject({ score: '42', threat: undefined, strip: [], failure: undefined });
    }
    expect(ask(raw([['Accept', '*/*']]))).toMatchObject({ score: undefined, threat: undefined, strip: [] });
    expect(ask(raw([['x-score', '']]))).toMatchObject({ score: '', threat: undefined });
  });

  test.each<[string, Fields, string[]]>([
    [
      'sent twice',
      [
        ['X-Score', '99'],
        ['x-score', '1'],
      ],
      ['x-score'],
    ],
    [
      'sent twice, the same both times',
      [
        ['x-score', '1'],
        ['x-score', '1'],
      ],
      ['x-score'],
    ],
    ['joined by a comma', [['x-score', '99, 1']], ['x-score']],
    ['joined by a comma with nothing behind it', [['x-score', '99,']], ['x-score']],
    ['under an underscore', [['x_score', '99']], ['x_score']],
    ['under an underscore, in capitals', [['X_SCORE', '99']], ['x_score']],
    [
      'beside a twin with an underscore',
      [
        ['x-score', '1'],
        ['X_Score', '99'],
      ],
      ['x-score', 'x_score'],
    ],
    ['longer than anything a detector says', [['x-score', '1'.repeat(4_097)]], ['x-score']],
    ['beside many of its kind', Array.from({ length: 2_000 }, () => ['x-score', '1'] as [string, string]), ['x-score']],
  ])('%s is not believed, stripped and flagged', (_, fields, strip) => {
    for (const view of [raw(fields), joined(fields)]) {
      expect(ask(view)).toMatchObject({ score: undefined, threat: forged('x-score', TWICE), strip });
    }
  });

  test('that was forged costs the others nothing; the first forgery is named', () => {
    const fields: Fields = [
      ['x-score', '1'],
      ['x-score', '2'],
      ['x-tags', 'a'],
      ['x_other', '1'],
    ];
    expect(ask(raw(fields))).toMatchObject({ score: undefined, tags: 'a', strip: ['x-score'] });
    const both: Fields = [
      ['x-tags', 'a,b'],
      ['x_score', '2'],
    ];
    expect(ask(raw(both))).toMatchObject({ threat: forged('x-tags', TWICE), strip: ['x-tags', 'x_score'] });
  });

  test('may be a list where the detector sends lists, but not two', () => {
    const more = { lists: ['x-tags'] };
    expect(ask(raw([['x-tags', 'SQLI,XSS']]), undefined, more)).toMatchObject({ tags: 'SQLI,XSS', threat: undefined });
    const twice: Fields = [
      ['x-tags', 'SQLI'],
      ['x-tags', 'XSS'],
    ];
    expect(ask(raw(twice), undefined, more)).toMatchObject({ tags: undefined, threat: forged('x-tags', TWICE) });
    // Without raw fields two lists are one: more tags can only have the request refused.
    expect(ask(joined(twice), undefined, more)).toMatchObject({ tags: 'SQLI, XSS', threat: undefined });
  });

  test('is watched under its whole prefix, configured or not', () => {
    const more = { prefix: 'x-waf-' };
    const { voice, strip } = ask(
      raw([
        ['X-Waf-A', '1'],
        ['x_waf-b', '2'],
        ['x-wafer', '3'],
      ]),
      undefined,
      more,
    );
    expect([voice.get('x-waf-a'), voice.get('x-waf-b'), voice.get('x-wafer'), strip]).toEqual([
      '1',
      undefined,
      undefined,
      ['x_waf-b'],
    ]);
  });

  test('is a number only when it is digits', () => {
    const number = (text: string) => ask(raw([['x-score', text]])).voice.number('x-score');
    expect(['0', '7', '007', '999999999'].map(number)).toEqual([0, 7, 7, 999_999_999]);
    for (const text of [
      '',
      '-1',
      '+1',
      '1.5',
      '1e3',
      '0x10',
      ' ',
      '1 1',
      '1000000000',
      '١',
      'NaN',
      'Infinity',
      '(null)',
      '1;',
    ]) {
      const headers = {
        *[Symbol.iterator]() {
          yield ['x-score', text];
        },
      } as unknown as Headers;
      expect(ask({ headers }).voice.number('x-score')).toBeUndefined();
    }
    expect(ask(raw([])).voice.number('x-score')).toBeUndefined();
  });
});

describe('a header from anybody else', () => {
  test('is not believed, stripped and flagged as configured', () => {
    for (const view of [raw([['X-Score', '1']]), joined([['X-Score', '1']])]) {
      expect(ask(view, {})).toMatchObject({
        score: undefined,
        threat: forged('x-score', STRANGER),
        strip: ['x-score'],
      });
    }
    expect(ask(raw([['x_score', '1']]), { forged: 'critical' }).threat).toMatchObject({
      severity: 'critical',
      reason: STRANGER,
    });
  });

  test('is no reason to look at the condition when there is none', () => {
    const trust = vi.fn(() => false);
    expect(ask(raw([['accept', '*/*']]), { trust })).toMatchObject({ threat: undefined, strip: [] });
    expect(trust).not.toHaveBeenCalled();
  });
});

describe('the condition', () => {
  const believes = (trust: HopTrust, over: Partial<SignalView> = {}, more: Fields = []): boolean =>
    ask(raw([['x-score', '1'], ...more], over), { trust }).score === '1';

  test('peers: the connection comes from one of them', () => {
    const trust = { peers: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'] };
    for (const peer of ['10.1.2.3', '10.1.2.3:4711', '[::ffff:10.1.2.3]:80', '[2001:db8::9]:80', '192.0.2.7']) {
      expect([peer, believes(trust, { peer })]).toEqual([peer, true]);
    }
    for (const peer of [
      undefined,
      '',
      '11.1.2.3',
      '192.0.2.8:80',
      '[2001:db9::1]:80',
      '/run/socket',
      '10.1.2.3, 1.1.1.1',
    ]) {
      expect([peer, believes(trust, { peer })]).toEqual([peer, false]);
    }
  });

  test('secret: came once, under its own name, and is right', () => {
    const trust = { secret: { header: 'X-Hop-Secret', value: SECRET } };
    const sent = (...fields: Fields): boolean => believes(trust, {}, fields);
    expect(sent(['x-hop-secret', SECRET])).toBe(true);
    expect(
      ask(
        joined([
          ['x-score', '1'],
          ['X-Hop-Secret', SECRET],
        ]),
        { trust },
      ).score,
    ).toBe('1');
    expect(sent()).toBe(false);
    for (let at = 0; at < SECRET.length; at++) {
      expect(sent(['x-hop-secret', `${SECRET.slice(0, at)}x${SECRET.slice(at + 1)}`])).toBe(false);
      expect(sent(['x-hop-secret', SECRET.slice(0, at)])).toBe(false);
    }
    expect(sent(['x-hop-secret', `${SECRET}x`])).toBe(false);
    expect(sent(['x-hop-secret', `${SECRET}${SECRET}`])).toBe(false);
    expect(sent(['x_hop_secret', SECRET])).toBe(false);
    expect(sent(['x-hop-secret', SECRET], ['x-hop-secret', SECRET])).toBe(false);
    expect(sent(['x-hop-secret', SECRET], ['x_hop_secret', 'guess'])).toBe(false);
    expect(new Hop('waf', { trust }, []).secrets).toEqual(['x-hop-secret']);
  });

  test('a function: what is not true is no', () => {
    const view = { peer: '192.0.2.1', request: { tls: 'peer' } };
    const trust = vi.fn((seen: SignalView) => (seen.request as { tls?: string })?.tls === 'peer');
    expect(believes(trust, view)).toBe(true);
    expect(trust.mock.calls[0]?.[0]).toMatchObject(view);
    for (const said of [false, 1, 'true', undefined, Promise.resolve(true)]) {
      expect(believes(() => said as never)).toBe(false);
    }
  });

  test('that throws: nothing is believed, everything goes, and it counts as a failure, not as a forgery', () => {
    const error = new Error('boom');
    const trust = (): never => {
      throw error;
    };
    expect(
      ask(
        raw([
          ['x-score', '1'],
          ['x-tags', 'a'],
        ]),
        { trust },
      ),
    ).toMatchObject({
      score: undefined,
      threat: undefined,
      strip: ['x-score', 'x-tags'],
      failure: { error },
    });
  });

  test.each<[unknown, RegExp]>([
    ['Platform', /`trust`: expected an object, got a string/],
    [null, /`trust`: expected an object, got null/],
    [{}, /expected one of peers, secret/],
    [{ peers: ['::1'], secret: { header: 'a', value: SECRET } }, /expected one of peers, secret/],
    [{ via: 'mtls' }, /unknown name/],
    [{ peers: [] }, /`trust`\.peers: expected addresses or ranges, got an array/],
    [{ peers: '10.0.0.0/8' }, /expected addresses or ranges, got a string/],
    [{ peers: ['10.0.0.1/8'] }, /expected an address or a range/],
    [{ peers: [8] }, /expected an address or a range/],
    [{ secret: 'x' }, /`trust`\.secret: expected an object/],
    [{ secret: { header: 'a_b', value: SECRET } }, /without underscores/],
    [{ secret: { header: 'a b', value: SECRET } }, /header's name/],
    [{ secret: { header: 'a', value: SECRET.slice(1) } }, /expected at least 16 characters, got 15/],
    [{ secret: { header: 'a', value: 5 } }, /expected a string, got 5/],
    [{ secret: { header: 'a', value: SECRET, more: 1 } }, /unknown name/],
  ])('%j is none', (trust, message) => {
    expect(() => new Hop('waf', { trust: trust as never }, [])).toThrow(message);
    if (typeof trust === 'object' && trust !== null) {
      try {
        new Hop('waf', { trust: trust as never }, []);
      } catch (error) {
        expect(String(error)).not.toContain(SECRET.slice(1));
      }
    }
  });

  test('and its severity is checked', () => {
    expect(() => new Hop('waf', { forged: 'grave' as never }, [])).toThrow(RangeError);
    expect(() => new Hop('waf', { forged: false as never }, [])).toThrow(TypeError);
  });
});

describe('several detectors', () => {
  const says = (threat?: ThreatSignal, strip: string[] = []): Signals => ({
    detector: 'd',
    secrets: [],
    read: () => ({ threat, strip }),
  });
  const threat = (severity: ThreatSignal['severity'], category = 'a'): ThreatSignal => ({ category, severity });
  const view = { headers: new Headers() };

  test('are all heard; the gravest counts, the first of two as grave', () => {
    const report = vi.fn();
    const heard = readSignals(
      [says(threat('low')), says(threat('high', 'b'), ['x']), says(threat('high', 'c'), ['y', 'z']), says()],
      view,
      report,
    );
    expect(heard).toEqual({ threat: threat('high', 'b'), strip: ['x', 'y', 'z'], threw: false });
    expect(report).not.toHaveBeenCalled();
    expect(readSignals([], view, report)).toEqual({ threat: undefined, strip: [], threw: false });
  });

  test('that fail or say nonsense silence nobody', () => {
    const error = new Error('boom');
    const throwing: Signals = {
      ...says(),
      read: () => {
        throw error;
      },
    };
    const failing: Signals = { ...says(), read: () => ({ strip: ['f'], failure: { error } }) };
    const nonsense = { ...says(), read: () => undefined } as unknown as Signals;
    const report = vi.fn();
    const heard = readSignals([throwing, failing, nonsense, says(threat('low'), ['x'])], view, report);
    expect(heard).toEqual({ threat: threat('low'), strip: ['f', 'x'], threw: true });
    expect(report.mock.calls.map(([said]) => said instanceof Error)).toEqual([true, true, true]);
  });
});
