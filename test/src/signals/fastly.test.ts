/**
 * Guards src/signals/fastly.ts: tags, answers of the agent and bots mean what was configured, and nothing is flagged that was not.
 * Who may speak is hop.test.ts's matter; here it is only asked whether the gate is used.
 */
import { expect, test } from 'vitest';
import { type FastlySignalsOptions, fastlySignals, NGWAF_ATTACKS } from '../../../src/signals/fastly';
import type { Signals } from '../../../src/types/index';
import { NO_NUMBERS, SECRET_HOP, threatIn, viewOf } from '../../lab/signal-views';

const fastly = (options: FastlySignalsOptions): Signals => fastlySignals({ trust: 'platform', ...options });

test('tags mean what was configured, in any case, wherever they stand in the list', () => {
  const signals = fastly({ tags: { ...NGWAF_ATTACKS, 'site.Mine': { category: 'mine', severity: 'low' } } });
  const tags = (text: string) => threatIn(signals, { 'X-SigSci-Tags': text });
  expect(tags('SQLI')).toEqual({ category: 'sqli', severity: 'high', detector: 'fastly-ngwaf', rule: 'SQLI' });
  expect(tags(' tor , xss,SITE.mine')?.category).toBe('xss');
  expect(tags('XSS,CMDEXE,SQLI')?.category).toBe('rce');
  expect(tags('site.mine')?.category).toBe('mine');
  // Nobody hides an attack behind tags of their own.
  expect(tags(`${'A,'.repeat(1_900)}SQLI`)?.category).toBe('sqli');
  for (const text of ['', ',', 'IMPOSTOR', 'TOR,DATACENTER', 'SQLIX', 'SQL I']) expect(tags(text)).toBeUndefined();
});

test('is off until it is configured, and still strips what nobody may send', () => {
  const off = fastlySignals({});
  expect(threatIn(fastly({}), { 'x-sigsci-tags': 'SQLI', 'x-sigsci-agentresponse': '406' })).toBeUndefined();
  expect(off.read(viewOf({ 'x-sigsci-tags': 'SQLI' }))).toMatchObject({
    strip: ['x-sigsci-tags'],
    threat: { rule: 'fastly:x-sigsci-tags' },
  });
});

test('what the agent would block is a threat from 301 on', () => {
  const signals = fastly({ blocked: {} });
  const answer = (text: string) => threatIn(signals, { 'X-SigSci-AgentResponse': text });
  expect(answer('406')).toEqual({
    category: 'waf-attack',
    severity: 'high',
    detector: 'fastly-ngwaf',
    rule: 'block',
    score: 406,
  });
  expect(
    ['200', '300', '301', '0', ...NO_NUMBERS.filter((text) => text !== '999999999999')].filter(
      (text) => answer(text) !== undefined,
    ),
  ).toEqual(['301']);
});

test('a block takes the name of its tag, the tag its own severity if that is graver, and the agent’s id goes along', () => {
  const signals = fastly({ blocked: { severity: 'high' }, tags: NGWAF_ATTACKS });
  const fields = { 'x-sigsci-agentresponse': '406', 'x-sigsci-requestid': '5f1a' };
  expect(threatIn(signals, { ...fields, 'x-sigsci-tags': 'XSS' })).toEqual({
    category: 'xss',
    severity: 'high',
    detector: 'fastly-ngwaf',
    rule: 'block',
    score: 406,
    raw: '5f1a',
  });
  expect(threatIn(signals, { ...fields, 'x-sigsci-tags': 'CMDEXE' })).toMatchObject({
    severity: 'critical',
    rule: 'CMDEXE',
    raw: '5f1a',
  });
  expect(threatIn(signals, { 'x-sigsci-requestid': '5f1a' })).toBeUndefined();
});

test('bots that Compute detected are a threat unless verified', () => {
  const [pass, flag] = [fastly({ bots: {} }), fastly({ bots: { verified: 'flag', severity: 'medium' } })];
  const crawler = { botDetected: true, botVerified: true, botName: 'GoogleBot' };
  expect(threatIn(pass, {}, { botDetected: true, botName: 7 })).toEqual({
    category: 'bot',
    severity: 'low',
    detector: 'fastly-bots',
    rule: 'bot-detected',
  });
  expect(threatIn(pass, {}, crawler)).toBeUndefined();
  expect(threatIn(flag, {}, crawler)).toMatchObject({ severity: 'medium', reason: 'GoogleBot' });
  for (const request of [
    undefined,
    null,
    'x',
    {},
    { botDetected: 'true' },
    { botDetected: null, botVerified: false },
  ]) {
    expect(threatIn(flag, {}, request)).toBeUndefined();
  }
  expect(threatIn(fastly({ tags: NGWAF_ATTACKS }), {}, { botDetected: true })).toBeUndefined();
});

test.each<[unknown, RegExp]>([
  [5, /^fastlySignals: wrong kind, expected an object/],
  [{ attacks: {} }, /^fastlySignals\.\?: no such option/],
  [{ blocked: true }, /\.blocked: wrong kind, expected an object/],
  [{ blocked: { severity: 'x' } }, /\.blocked\.severity/],
  [{ bots: { severity: 'x' } }, /\.bots\.severity/],
  [{ bots: { verified: true } }, /\.bots\.verified/],
  [{ tags: ['SQLI'] }, /\.tags: wrong kind, expected an object/],
  [{ tags: { SQLI: 'high' } }, /\.tags\[0\]: wrong kind, expected an object/],
  [{ tags: { SQLI: { category: 5, severity: 'low' } } }, /\.tags\[0\]\.category/],
  [{ tags: { SQLI: { category: 'a', severity: 'x' } } }, /\.tags\[0\]\.severity/],
  [{ blocked: {} }, /^fastlySignals\.trust: missing/],
  [{ tags: NGWAF_ATTACKS }, /^fastlySignals\.trust: missing/],
])('options %j are refused', (options, message) => {
  expect(() => fastlySignals(options as never)).toThrow(message);
});

test('names its detector, and the header of its secret', () => {
  const { detector, secrets } = fastlySignals({ trust: SECRET_HOP });
  expect([detector, secrets]).toEqual(['fastly', ['x-hop']]);
});
