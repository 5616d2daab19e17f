/**
 * Guards src/signals/cloudflare.ts: which way each score runs, where its threshold lies, and that nothing is flagged that was not configured.
 * Who may speak is hop.test.ts's matter; here it is only asked whether the gate is used.
 */
import { expect, test } from 'vitest';
import { type CloudflareSignalsOptions, cloudflareSignals } from '../../../src/signals/cloudflare';
import type { Signals } from '../../../src/types/index';
import { NO_NUMBERS, SECRET_HOP, threatIn, viewOf } from '../../lab/signal-views';

const cloudflare = (options: CloudflareSignalsOptions): Signals => cloudflareSignals({ trust: 'platform', ...options });
const cf = (properties: unknown) => ({ cf: properties });
const bot = (score: unknown, verifiedBot: unknown = false) => cf({ botManagement: { score, verifiedBot } });

test('is off until it is configured, and leaves headers alone that it was not asked about', () => {
  const everything = {
    'cf-bot-score': '1',
    'cf-verified-bot': 'false',
    'exposed-credential-check': '1',
    'malicious-uploads-detection': '1',
    'x-waf-score': '1',
  };
  const said = cloudflareSignals({}).read(viewOf(everything, cf({ botManagement: { score: 1 }, threatScore: 100 })));
  expect(said).toEqual({ threat: undefined, strip: [], failure: undefined });
});

test('bot score: low is bad, up to the threshold; 0 and 100 were not scored', () => {
  const signals = cloudflare({ botScore: { atMost: 29 } });
  const at = (score: unknown) => threatIn(signals, {}, bot(score));
  expect(at(1)).toEqual({ category: 'bot', severity: 'low', detector: 'cloudflare', rule: 'bot-score', score: 1 });
  expect([29, 2.5].map((score) => at(score)?.score)).toEqual([29, 2.5]);
  for (const score of [30, 99, 100, 0, -1, '1', Number.NaN, null, undefined, {}]) expect(at(score)).toBeUndefined();
  for (const request of [undefined, null, 5, {}, cf(null), cf(7), cf({}), cf({ botManagement: null })]) {
    expect(threatIn(signals, {}, request)).toBeUndefined();
  }
  expect(threatIn(cloudflare({ botScore: { atMost: 29, severity: 'critical' } }), {}, bot(1))?.severity).toBe(
    'critical',
  );
});

test('verified bots pass, unless they are to be flagged; only true is verified', () => {
  const [pass, flag] = (['pass', 'flag'] as const).map((verifiedBots) =>
    cloudflare({ botScore: { atMost: 29, verifiedBots } }),
  ) as [Signals, Signals];
  expect(threatIn(pass, {}, bot(1, true))).toBeUndefined();
  expect(threatIn(flag, {}, bot(1, true))).toMatchObject({ category: 'bot', rule: 'verified-bot' });
  for (const verified of [false, 'true', 1, undefined]) expect(threatIn(pass, {}, bot(1, verified))).toBeDefined();
});

test('bot score from headers, at an origin: then request.cf is nobody’s word, and the gate counts', () => {
  const botScore = { atMost: 29, headers: true };
  const signals = cloudflare({ botScore });
  expect(threatIn(signals, { 'Cf-Bot-Score': '29', 'Cf-Verified-Bot': 'false' })).toMatchObject({
    category: 'bot',
    score: 29,
  });
  expect(threatIn(signals, { 'cf-bot-score': '1', 'cf-verified-bot': 'true' })).toBeUndefined();
  expect(threatIn(signals, { 'cf-bot-score': '1', 'cf-verified-bot': 'TRUE' })).toBeDefined();
  expect(threatIn(signals, { 'cf-bot-score': '30' })).toBeUndefined();
  expect(threatIn(signals, {}, bot(1))).toBeUndefined();
  for (const text of NO_NUMBERS) expect(threatIn(signals, { 'cf-bot-score': text })).toBeUndefined();
  expect(cloudflareSignals({ trust: () => false, botScore }).read(viewOf({ 'cf-bot-score': '99' }))).toMatchObject({
    threat: { category: 'forged-signal', rule: 'cloudflare:cf-bot-score' },
    strip: ['cf-bot-score'],
  });
});

test('WAF attack score: low is bad; severe where Cloudflare says attack', () => {
  const signals = cloudflare({ wafScore: { atMost: 50, header: 'X-Waf-Score' } });
  const at = (score: string) => threatIn(signals, { 'x-waf-score': score });
  expect(at('1')).toEqual({
    category: 'waf-attack',
    severity: 'high',
    detector: 'cloudflare',
    rule: 'waf-score',
    score: 1,
  });
  expect(['20', '21', '50'].map((score) => at(score)?.severity)).toEqual(['high', 'medium', 'medium']);
  for (const score of ['51', '99', '100', '0', '00', 'ATTACK', 'constructor', ...NO_NUMBERS])
    expect(at(score)).toBeUndefined();
  const grave = cloudflare({ wafScore: { atMost: 50, header: 'x-waf-score', severity: 'critical' } });
  expect(threatIn(grave, { 'x-waf-score': '50' })?.severity).toBe('critical');
});

test('WAF attack score in words stands for the least suspicious score of its class', () => {
  const words = ['attack', 'likely_attack', 'likely_clean', 'clean'];
  const flagged = (atMost: number): boolean[] => {
    const signals = cloudflare({ wafScore: { atMost, header: 'x-waf-class' } });
    return words.map((word) => threatIn(signals, { 'x-waf-class': word }) !== undefined);
  };
  expect(flagged(19)).toEqual([false, false, false, false]);
  expect(flagged(20)).toEqual([true, false, false, false]);
  expect(flagged(50)).toEqual([true, true, false, false]);
  expect(flagged(80)).toEqual([true, true, true, false]);
  expect(flagged(98)).toEqual([true, true, true, false]);
});

test('WAF attack score: the lowest partial score names the attack', () => {
  const classes = { sqli: 'X-Sqli', xss: 'X-Xss', rce: 'X-Rce' };
  const signals = cloudflare({ wafScore: { atMost: 20, header: 'x-waf-score', classes } });
  const category = (fields: Record<string, string>) => threatIn(signals, fields)?.category;
  expect(category({ 'x-waf-score': '5', 'x-sqli': '90', 'x-xss': '5', 'x-rce': '80' })).toBe('xss');
  expect(category({ 'x-waf-score': '5', 'x-sqli': '6', 'x-xss': '7' })).toBe('waf-attack');
  expect(category({ 'x-waf-score': '60', 'x-rce': '3' })).toBe('rce');
  expect(category({ 'x-rce': '20' })).toBe('rce');
  expect(category({ 'x-waf-score': '60', 'x-sqli': '21' })).toBeUndefined();
  expect(threatIn(signals, { 'x-waf-score': '90', x_sqli: '90' })).toMatchObject({ rule: 'cloudflare:x-sqli' });
});

test('leaked credentials and malicious uploads: exactly the findings that were named', () => {
  const signals = cloudflare({
    leakedCredentials: { flag: [1, 4] },
    maliciousUploads: { flag: [1, 2], severity: 'critical' },
  });
  const leaked = (text: string) => threatIn(signals, { 'Exposed-Credential-Check': text });
  expect(leaked('1')).toEqual({
    category: 'leaked-credentials',
    severity: 'medium',
    detector: 'cloudflare',
    rule: 'exposed-credential-check',
    score: 1,
  });
  expect(['2', '3', '4', '5', '0', ...NO_NUMBERS].map((text) => leaked(text) !== undefined)).toEqual([
    false,
    false,
    true,
    false,
    false,
    ...NO_NUMBERS.map(() => false),
  ]);
  const upload = (text: string) => threatIn(signals, { 'Malicious-Uploads-Detection': text });
  expect(upload('2')).toEqual({
    category: 'malicious-upload',
    severity: 'critical',
    detector: 'cloudflare',
    rule: 'malicious-uploads-detection',
    score: 2,
  });
  expect([upload('1') !== undefined, upload('3')]).toEqual([true, undefined]);
  expect(
    threatIn(cloudflare({ maliciousUploads: { flag: [1] } }), { 'malicious-uploads-detection': '1' })?.severity,
  ).toBe('high');
  expect(
    threatIn(cloudflare({ leakedCredentials: { flag: [1], severity: 'low' } }), { 'exposed-credential-check': '1' })
      ?.severity,
  ).toBe('low');
});

test('threatScore, legacy: high is bad, and today’s 0 flags nothing', () => {
  const signals = cloudflare({ threatScore: { atLeast: 10 } });
  expect(threatIn(signals, {}, cf({ threatScore: 0 }))).toBeUndefined();
  expect(threatIn(signals, {}, cf({ threatScore: 9 }))).toBeUndefined();
  expect(threatIn(signals, {}, cf({ threatScore: '50' }))).toBeUndefined();
  expect(threatIn(signals, {}, cf({ threatScore: 10 }))).toEqual({
    category: 'threat-score',
    severity: 'medium',
    detector: 'cloudflare',
    rule: 'threat-score',
    score: 10,
  });
  expect(threatIn(signals)).toBeUndefined();
  expect(
    threatIn(cloudflare({ threatScore: { atLeast: 10, severity: 'low' } }), {}, cf({ threatScore: 10 }))?.severity,
  ).toBe('low');
});

test('of several findings the gravest counts', () => {
  const signals = cloudflare({
    botScore: { atMost: 29 },
    wafScore: { atMost: 50, header: 'x-waf-score' },
    leakedCredentials: { flag: [1] },
  });
  const fields = { 'exposed-credential-check': '1', 'x-waf-score': '10' };
  expect(threatIn(signals, fields, bot(1))?.category).toBe('waf-attack');
  expect(threatIn(signals, { 'exposed-credential-check': '1' }, bot(1))?.category).toBe('leaked-credentials');
  expect(threatIn(signals, { 'x-waf-score': '99' }, bot(1))?.category).toBe('bot');
});

test.each<[unknown, RegExp]>([
  [undefined, /^cloudflareSignals: wrong kind, expected an object/],
  [{ botscore: {} }, /^cloudflareSignals\.botscore: no such option \(did you mean `botScore`\?\)/],
  [{ botScore: 30 }, /\.botScore: wrong kind, expected an object, got 30/],
  [{ botScore: null }, /\.botScore: wrong kind, expected an object, got null/],
  [{ botScore: { atMost: 0 } }, /\.botScore\.atMost: too small, expected an integer ≥ 1, got 0/],
  [{ botScore: { atMost: 99 } }, /expected an integer ≤ 98, got 99/],
  [
    { botScore: { atMost: 1, severity: 'bad' } },
    /\.botScore\.severity: unknown, expected 'low', 'medium', 'high' or 'critical', got another string/,
  ],
  [{ botScore: { atMost: 1, verifiedBots: true } }, /\.botScore\.verifiedBots/],
  [{ botScore: { atMost: 1, headers: 'yes' } }, /\.botScore\.headers: wrong kind, expected true or false/],
  [{ botScore: { atLeast: 1 } }, /\.botScore\.\?: no such option/],
  [{ wafScore: { atMost: 20 } }, /\.wafScore\.header: wrong kind, expected a string/],
  [{ wafScore: { atMost: '20', header: 'x' } }, /expected an integer/],
  [{ wafScore: { atMost: 20, header: 'x_y' } }, /without underscores/],
  [{ wafScore: { atMost: 20, header: 'x', classes: { lfi: 'y' } } }, /no such option, expected one of sqli, xss, rce/],
  [{ wafScore: { atMost: 20, header: 'x', classes: { rce: '' } } }, /\.wafScore\.classes\.rce/],
  [{ leakedCredentials: { flag: [5] } }, /\.leakedCredentials\.flag\[0\]: unknown, expected 1, 2, 3 or 4, got 5/],
  [{ leakedCredentials: { flag: 1 } }, /expected an array/],
  [{ maliciousUploads: { flag: ['1'] } }, /\.maliciousUploads\.flag\[0\]: wrong kind/],
  [{ maliciousUploads: {} }, /expected an array/],
  [{ threatScore: { atLeast: 0 } }, /expected an integer ≥ 1, got 0/],
  [{ threatScore: { atMost: 1 } }, /\.threatScore\.\?: no such option/],
  [{ trust: 'me' }, /^cloudflareSignals\.trust: wrong kind/],
  [{ silence: 'loud' }, /^cloudflareSignals\.silence: unknown, expected 'clean' or 'uninspected'/],
  [{ wafScore: { atMost: 20, header: 'x-waf' } }, /^cloudflareSignals\.trust: missing/],
  [{ botScore: { atMost: 20, headers: true } }, /^cloudflareSignals\.trust: missing/],
])('options %j are refused', (options, message) => {
  expect(() => cloudflareSignals(options as never)).toThrow(message);
});

test('names its detector, and the header of its secret', () => {
  const { detector, secrets } = cloudflareSignals({ trust: SECRET_HOP });
  expect([detector, secrets]).toEqual(['cloudflare', ['x-hop']]);
});
