/**
 * Guards src/signals/modsecurity.ts: high is bad, from the operator’s threshold on; the highest class names the attack.
 * Who may speak is hop.test.ts's matter; here it is only asked whether the gate is used.
 */
import { expect, test } from 'vitest';
import { type ModsecuritySignalsOptions, modsecuritySignals } from '../../../src/signals/modsecurity';
import type { Signals } from '../../../src/types/index';
import { NO_NUMBERS, SECRET_HOP, threatIn, viewOf } from '../../lab/signal-views';

const crs = (options: ModsecuritySignalsOptions = {}): Signals => modsecuritySignals({ trust: 'platform', ...options });

test('high is bad: from the rule set’s threshold on, graver with the score', () => {
  const at = (text: string) => threatIn(crs(), { 'X-Waf-Score': text });
  expect(at('5')).toEqual({
    category: 'waf-attack',
    severity: 'medium',
    detector: 'modsecurity',
    rule: 'anomaly-score',
    score: 5,
  });
  expect(['9', '10', '19', '20', '43'].map((text) => at(text)?.severity)).toEqual([
    'medium',
    'high',
    'high',
    'critical',
    'critical',
  ]);
  for (const text of ['0', '3', '4', ...NO_NUMBERS]) expect(at(text)).toBeUndefined();
  expect(threatIn(crs())).toBeUndefined();
});

test('thresholds and the header are the operator’s', () => {
  const signals = crs({ header: 'X-Anomaly', atLeast: 7, highFrom: 8, criticalFrom: 8 });
  expect(['6', '7', '8'].map((text) => threatIn(signals, { 'x-anomaly': text })?.severity)).toEqual([
    undefined,
    'medium',
    'critical',
  ]);
  expect(threatIn(signals, { 'x-waf-score': '99' })).toBeUndefined();
});

test('the class with the highest score names the attack', () => {
  const signals = crs({ classes: { sqli: 'X-Waf-Sqli', xss: 'X-Waf-Xss' } });
  // What CRS 3.3 gave for a <script> sent by a scanner, and for an attack of no class.
  expect(threatIn(signals, { 'x-waf-score': '23', 'x-waf-sqli': '5', 'x-waf-xss': '15' })?.category).toBe('xss');
  expect(threatIn(signals, { 'x-waf-score': '8', 'x-waf-sqli': '5', 'x-waf-xss': '0' })?.category).toBe('sqli');
  expect(threatIn(signals, { 'x-waf-score': '8', 'x-waf-sqli': '0', 'x-waf-xss': '(null)' })?.category).toBe(
    'waf-attack',
  );
  expect(threatIn(signals, { 'x-waf-score': '4', 'x-waf-sqli': '4' })).toBeUndefined();
  expect(threatIn(signals, { 'x-waf-score': '8', 'x-waf-sqli': '5, 0' })).toMatchObject({ category: 'sqli' });
});

test('a client’s own score is no score', () => {
  const signals = modsecuritySignals({ trust: () => false });
  expect(signals.read(viewOf({ 'x-waf-score': '0' }))).toMatchObject({
    threat: { category: 'forged-signal' },
    strip: ['x-waf-score'],
  });
  const trusted = crs();
  expect(trusted.read(viewOf({ 'x-waf-score': '43', x_waf_score: '0' }))).toMatchObject({
    threat: {
      category: 'waf-attack',
      severity: 'critical',
      score: 43,
      reason: expect.stringContaining('not exactly one value'),
    },
    strip: ['x-waf-score', 'x_waf_score'],
  });
});

test.each<[unknown, RegExp]>([
  ['x', /^modsecuritySignals: wrong kind, expected an object/],
  [{ score: 5 }, /^modsecuritySignals\.\?: no such option/],
  [undefined, /^modsecuritySignals\.trust: missing, expected 'platform', peers, a secret or a function/],
  [{ atLeast: 5 }, /^modsecuritySignals\.trust: missing/],
  [{ atLeast: 0 }, /\.atLeast: too small, expected an integer ≥ 1/],
  [{ highFrom: 2.5 }, /\.highFrom: not an integer/],
  [{ criticalFrom: 100_001 }, /\.criticalFrom: too large/],
  [{ highFrom: 30 }, /\.highFrom: too large, expected at most criticalFrom \(20\), got 30/],
  [{ header: 'x_y' }, /\.header: not a name/],
  [{ classes: { nosql: 'x' } }, /no such option, expected one of sqli, xss/],
  [{ classes: { sqli: 'x y' } }, /\.classes\.sqli: not a name/],
])('options %j are refused', (options, message) => {
  expect(() => modsecuritySignals(options as never)).toThrow(message);
});

test('names its detector, and the header of its secret', () => {
  const { detector, secrets } = modsecuritySignals({ trust: SECRET_HOP });
  expect([detector, secrets]).toEqual(['modsecurity', ['x-hop']]);
});
