/**
 * Guards `src/signals/hop.ts`: no header of a detector is believed from whom the operator does not trust; of several copies
 * from the hop the gravest counts and the request is flagged; what cannot be read, and silence, are no innocence.
 * `trust.test.ts` has the conditions, `family.test.ts` asks every mapper.
 */
import { describe, expect, test, vi } from 'vitest';
import { readSignals } from '../../../src/http/hearing';
import { Hop, type Hopped } from '../../../src/signals/hop';
import { wholeOf } from '../../../src/signals/verdict';
import type { HopOptions, Signals, SignalView, ThreatSignal } from '../../../src/types/index';

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

function ask(view: SignalView, options: HopOptions = { trust: 'platform' }, more: Partial<Hopped> = {}) {
  const hop = new Hop({ ...options }, { detector: 'waf', part: 'wafSignals', names: ['x-score', 'x-tags'], ...more });
  const voice = hop.listen(view);
  const { threat, strip, failure } = voice.heard(undefined);
  const all = (name: string): readonly string[] => voice.readings(name, (text) => text);
  return { score: all('x-score'), tags: all('x-tags'), threat, strip: [...strip].sort(), failure, voice };
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
      expect(ask(view)).toMatchObject({ score: ['42'], threat: undefined, strip: [], failure: undefined });
    }
    expect(ask(raw([['Accept', '*/*']]))).toMatchObject({ score: [], threat: undefined, strip: [] });
    expect(ask(raw([['x-score', '']]))).toMatchObject({ score: [''], threat: undefined });
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
  ])('%s is stripped and flagged; what all of them say is known', (_, fields, strip) => {
    for (const view of [raw(fields), joined(fields)]) {
      const { score, ...rest } = ask(view);
      expect(rest).toMatchObject({ threat: forged('x-score', TWICE), strip });
      const values = fields.flatMap(([, value]) => value.split(',')).filter((value) => value.length <= 4_096);
      expect(score).toEqual(values.map((value) => value.trim()));
    }
  });

  test('that was forged costs the others nothing; the first forgery is named', () => {
    const fields: Fields = [
      ['x-score', '1'],
      ['x-score', '2'],
      ['x-tags', 'a'],
      ['x_other', '1'],
    ];
    expect(ask(raw(fields))).toMatchObject({ score: ['1', '2'], tags: ['a'], strip: ['x-score'] });
    const both: Fields = [
      ['x-tags', 'a,b'],
      ['x_score', '2'],
    ];
    expect(ask(raw(both))).toMatchObject({ threat: forged('x-tags', TWICE), strip: ['x-tags', 'x_score'] });
  });

  test('may be a list where the detector sends lists, but not two', () => {
    const more = { lists: ['x-tags'] };
    expect(ask(raw([['x-tags', 'SQLI,XSS']]), undefined, more)).toMatchObject({
      tags: ['SQLI,XSS'],
      threat: undefined,
    });
    const twice: Fields = [
      ['x-tags', 'SQLI'],
      ['x-tags', 'XSS'],
    ];
    expect(ask(raw(twice), undefined, more)).toMatchObject({
      tags: ['SQLI', 'XSS'],
      threat: forged('x-tags', TWICE),
    });
    // Without raw fields two lists are one: more tags can only have the request refused.
    expect(ask(joined(twice), undefined, more)).toMatchObject({ tags: ['SQLI, XSS'], threat: undefined });
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
    expect([voice.text('x-waf-a'), voice.text('x-waf-b'), voice.text('x-wafer'), strip]).toEqual([
      '1',
      '2',
      undefined,
      ['x_waf-b'],
    ]);
  });

  test('that holds no verdict is not clean: nobody has inspected the request', () => {
    for (const text of ['', '(null)', '-1', '1.5', '1 1', '1000000000', '١']) {
      const { voice } = ask({ headers: [['x-score', text]] as unknown as Headers });
      expect(voice.readings('x-score', wholeOf)).toEqual([]);
      const { failure } = voice.heard(undefined);
      expect(failure).toMatchObject({ reason: 'unreadable', error: { code: 'SIGNAL_UNREADABLE' } });
      expect(String(failure?.error)).toBe(
        'TracehoundError: waf: x-score cannot be read, expected a verdict, got other text',
      );
    }
    const { voice } = ask(
      raw([
        ['x-score', '(null)'],
        ['x-score', '7'],
      ]),
    );
    expect(voice.readings('x-score', wholeOf)).toEqual([7]);
    expect(voice.heard(undefined).failure).toBeUndefined();
  });

  test('that was joined by others is flagged, and never for less than what any copy says', () => {
    const twice = raw([
      ['x-score', '99'],
      ['x-score', '0'],
    ]);
    const found: ThreatSignal = { category: 'sqli', severity: 'critical', detector: 'waf', reason: 'rule 942' };
    const { voice } = ask(twice);
    expect(voice.heard(found).threat).toEqual({
      ...found,
      reason: 'rule 942; waf:x-score: not exactly one value',
    });
    expect(voice.heard({ ...found, severity: 'low' }).threat).toEqual(forged('x-score', TWICE));
    // As grave as the forgery: the category of what was found says more.
    const { reason: _, ...plain } = found;
    expect(voice.heard({ ...plain, severity: 'medium' }).threat).toMatchObject({
      category: 'sqli',
      reason: 'waf:x-score: not exactly one value',
    });
  });
});

describe('silence', () => {
  const more = { speaks: [['x-score'], ['x-tags', 'x-other']] } as const;
  const fields: Fields = [
    ['x-score', '1'],
    ['x-tags', 'a'],
  ];

  test('is clean, unless the operator or the detector says otherwise', () => {
    expect(ask(raw([]), undefined, more).failure).toBeUndefined();
    expect(ask(raw([]), { trust: 'platform', silence: 'clean' }, { ...more, silence: 'uninspected' }).failure).toBe(
      undefined,
    );
    for (const [options, of] of [
      [{ trust: 'platform', silence: 'uninspected' }, more],
      [{ trust: 'platform' }, { ...more, silence: 'uninspected' }],
    ] as [HopOptions, Partial<Hopped>][]) {
      expect(ask(raw(fields), options, of).failure).toBeUndefined();
      for (const some of [[], fields.slice(0, 1), fields.slice(1), [['accept', '*/*']]] as Fields[]) {
        expect(ask(raw(some), options, of).failure).toMatchObject({
          reason: 'silent',
          error: { code: 'SIGNAL_SILENT' },
        });
      }
    }
    const said = ask(raw(fields.slice(0, 1)), { trust: 'platform', silence: 'uninspected' }, more).failure?.error;
    expect(String(said)).toBe('TracehoundError: waf: silent, expected x-tags or x-other, got none');
  });

  test('is no reason to look at the condition when it is clean, and one when it is not', () => {
    const trust = vi.fn(() => false);
    expect(ask(raw([['accept', '*/*']]), { trust }, more)).toMatchObject({ threat: undefined, strip: [] });
    expect(trust).not.toHaveBeenCalled();
    const { failure } = ask(raw([]), { trust, silence: 'uninspected' }, more);
    expect(trust).toHaveBeenCalledOnce();
    expect(String(failure?.error)).toMatch(/got none, and not through the trusted hop$/);
    const error = new Error('boom');
    trust.mockImplementation(() => {
      throw error;
    });
    expect(ask(raw([]), { trust, silence: 'uninspected' }, more).failure).toEqual({ error, reason: 'threw' });
  });
});

describe('a header from anybody else', () => {
  test('is not believed, stripped and flagged as configured', () => {
    for (const view of [raw([['X-Score', '1']]), joined([['X-Score', '1']])]) {
      expect(ask(view, {})).toMatchObject({
        score: [],
        threat: forged('x-score', STRANGER),
        strip: ['x-score'],
      });
    }
    expect(ask(raw([['x_score', '1']]), { forged: 'critical' }).threat).toMatchObject({
      severity: 'critical',
      reason: STRANGER,
    });
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
    expect(heard).toEqual({ threat: threat('high', 'b'), strip: ['x', 'y', 'z'], failure: undefined });
    expect(report).not.toHaveBeenCalled();
    expect(readSignals([], view, report)).toEqual({ threat: undefined, strip: [], failure: undefined });
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
    expect(heard).toEqual({ threat: threat('low'), strip: ['f', 'x'], failure: 'threw' });
    expect(report.mock.calls.map(([said]) => said instanceof Error)).toEqual([true, true, true]);
  });
});
