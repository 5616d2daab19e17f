/**
 * Guards src/signals/aws-waf.ts: an inserted header means what was configured, and nothing is flagged that was not.
 * Who may speak is hop.test.ts's matter; here it is only asked whether the gate is used.
 */
import { expect, test } from 'vitest';
import { type AwsWafSignalsOptions, awsWafSignals } from '../../../src/signals/aws-waf';
import type { Signals } from '../../../src/types/index';
import { SECRET_HOP, threatIn, viewOf } from '../../lab/signal-views';

const aws = (options: Partial<AwsWafSignalsOptions>): Signals =>
  awsWafSignals({ trust: 'platform', headers: {}, ...options });
const headers = {
  Sqli: { category: 'sqli', severity: 'high' },
  bot: { category: 'bot', severity: 'low', value: 'unverified' },
} as const;

test('an inserted header means what was configured, its value only if that was', () => {
  const signals = aws({ headers });
  expect(threatIn(signals, { 'X-Amzn-Waf-Sqli': 'body' })).toEqual({
    category: 'sqli',
    severity: 'high',
    detector: 'aws-waf',
    rule: 'sqli',
    raw: 'body',
  });
  expect(threatIn(signals, { 'x-amzn-waf-sqli': '' })).toMatchObject({ category: 'sqli' });
  expect(threatIn(signals, { 'x-amzn-waf-bot': 'unverified' })).toMatchObject({ category: 'bot' });
  for (const value of ['', 'verified', 'Unverified', 'unverified ;'])
    expect(threatIn(signals, { 'x-amzn-waf-bot': value })).toBeUndefined();
  expect(threatIn(signals, { sqli: '1', 'x-amzn-waf': '1', 'x-amzn-waf-other': '1' })).toBeUndefined();
  expect(threatIn(signals, { 'x-amzn-waf-bot': 'unverified', 'x-amzn-waf-sqli': '1' })?.category).toBe('sqli');
});

test('every header with its prefix passes the gate, configured or not', () => {
  const stranger = awsWafSignals({ trust: () => false, headers, forged: 'high' });
  expect(stranger.read(viewOf({ 'x-amzn-waf-other': '1', accept: '*/*' }))).toMatchObject({
    threat: { category: 'forged-signal', severity: 'high', rule: 'aws-waf:x-amzn-waf-other' },
    strip: ['x-amzn-waf-other'],
  });
  expect(aws({ headers }).read(viewOf({ x_amzn_waf_sqli: '1' })).strip).toEqual(['x_amzn_waf_sqli']);
});

test.each<[unknown, RegExp]>([
  [null, /^awsWafSignals: wrong kind, expected an object/],
  [{}, /^awsWafSignals\.headers: wrong kind, expected an object/],
  [{ headers: [] }, /^awsWafSignals\.headers: wrong kind, expected an object/],
  [{ headers: { a: 'sqli' } }, /\.headers\[0\]: wrong kind, expected an object/],
  [{ headers: { a: { category: 'x' } } }, /\.headers\[0\]\.severity/],
  [{ headers: { a: { severity: 'low' } } }, /\.headers\[0\]\.category/],
  [{ headers: { a: { category: '', severity: 'low' } } }, /at least 1 characters/],
  [{ headers: { a: { category: 'x', severity: 'low', value: 1 } } }, /\.headers\[0\]\.value/],
  [{ headers: { 'a b': { category: 'x', severity: 'low' } } }, /header's name/],
  [{ headers: { a_b: { category: 'x', severity: 'low' } } }, /without underscores/],
  [
    { headers: { a: { category: 'x', severity: 'low' }, A: { category: 'x', severity: 'low' } } },
    /differ in more than case/,
  ],
  [{ headers: {}, labels: [] }, /no such option/],
  [{ headers: { a: { category: 'x', severity: 'low' } } }, /^awsWafSignals\.trust: missing/],
])('options %j are refused', (options, message) => {
  expect(() => awsWafSignals(options as never)).toThrow(message);
});

test('names its detector, and the header of its secret', () => {
  const { detector, secrets } = awsWafSignals({ trust: SECRET_HOP, headers: {} });
  expect([detector, secrets]).toEqual(['aws-waf', ['x-hop']]);
});
