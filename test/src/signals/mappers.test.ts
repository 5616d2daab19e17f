/**
 * Guards what each detector's words are taken to mean: directions, thresholds, and that nothing is flagged that was not
 * configured. Who may speak is `hop.test.ts`'s matter; here every mapper is only asked whether it uses the gate.
 */
import { describe, expect, test } from 'vitest';
import { type AwsWafSignalsOptions, awsWafSignals } from '../../../src/signals/aws-waf';
import { type CloudflareSignalsOptions, cloudflareSignals } from '../../../src/signals/cloudflare';
import { type FastlySignalsOptions, fastlySignals, NGWAF_ATTACKS } from '../../../src/signals/fastly';
import { type ModsecuritySignalsOptions, modsecuritySignals } from '../../../src/signals/modsecurity';
import type { Signals, SignalView, ThreatSignal } from '../../../src/types/index';

const view = (fields: Record<string, string>, request?: unknown): SignalView => ({
  headers: new Headers(fields),
  fields: Object.entries(fields),
  request,
});
const read = (signals: Signals, fields: Record<string, string> = {}, request?: unknown): ThreatSignal | undefined =>
  signals.read(view(fields, request)).threat;

/** Everything that a number in a header is not. */
const NO_NUMBERS = ['', '-5', '+5', '5.0', '5e0', '0x5', '5\xb2', '5 5', '(null)', 'NaN', '999999999999'];

describe('Cloudflare', () => {
  const cloudflare = (options: CloudflareSignalsOptions): Signals =>
    cloudflareSignals({ trust: 'platform', ...options });
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
    const said = cloudflareSignals({}).read(view(everything, cf({ botManagement: { score: 1 }, threatScore: 100 })));
    expect(said).toEqual({ threat: undefined, strip: [], failure: undefined });
  });

  test('bot score: low is bad, up to the threshold; 0 and 100 were not scored', () => {
    const signals = cloudflare({ botScore: { atMost: 29 } });
    const at = (score: unknown) => read(signals, {}, bot(score));
    expect(at(1)).toEqual({ category: 'bot', severity: 'low', detector: 'cloudflare', rule: 'bot-score', score: 1 });
    expect([29, 2.5].map((score) => at(score)?.score)).toEqual([29, 2.5]);
    for (const score of [30, 99, 100, 0, -1, '1', Number.NaN, null, undefined, {}]) expect(at(score)).toBeUndefined();
    for (const request of [undefined, null, 5, {}, cf(null), cf(7), cf({}), cf({ botManagement: null })]) {
      expect(read(signals, {}, request)).toBeUndefined();
    }
    expect(read(cloudflare({ botScore: { atMost: 29, severity: 'critical' } }), {}, bot(1))?.severity).toBe('critical');
  });

  test('verified bots pass, unless they are to be flagged; only true is verified', () => {
    const [pass, flag] = (['pass', 'flag'] as const).map((verifiedBots) =>
      cloudflare({ botScore: { atMost: 29, verifiedBots } }),
    ) as [Signals, Signals];
    expect(read(pass, {}, bot(1, true))).toBeUndefined();
    expect(read(flag, {}, bot(1, true))).toMatchObject({ category: 'bot', rule: 'verified-bot' });
    for (const verified of [false, 'true', 1, undefined]) expect(read(pass, {}, bot(1, verified))).toBeDefined();
  });

  test('bot score from headers, at an origin: then request.cf is nobody’s word, and the gate counts', () => {
    const botScore = { atMost: 29, headers: true };
    const signals = cloudflare({ botScore });
    expect(read(signals, { 'Cf-Bot-Score': '29', 'Cf-Verified-Bot': 'false' })).toMatchObject({
      category: 'bot',
      score: 29,
    });
    expect(read(signals, { 'cf-bot-score': '1', 'cf-verified-bot': 'true' })).toBeUndefined();
    expect(read(signals, { 'cf-bot-score': '1', 'cf-verified-bot': 'TRUE' })).toBeDefined();
    expect(read(signals, { 'cf-bot-score': '30' })).toBeUndefined();
    expect(read(signals, {}, bot(1))).toBeUndefined();
    for (const text of NO_NUMBERS) expect(read(signals, { 'cf-bot-score': text })).toBeUndefined();
    expect(cloudflareSignals({ trust: () => false, botScore }).read(view({ 'cf-bot-score': '99' }))).toMatchObject({
      threat: { category: 'forged-signal', rule: 'cloudflare:cf-bot-score' },
      strip: ['cf-bot-score'],
    });
  });

  test('WAF attack score: low is bad; severe where Cloudflare says attack', () => {
    const signals = cloudflare({ wafScore: { atMost: 50, header: 'X-Waf-Score' } });
    const at = (score: string) => read(signals, { 'x-waf-score': score });
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
    expect(read(grave, { 'x-waf-score': '50' })?.severity).toBe('critical');
  });

  test('WAF attack score in words stands for the least suspicious score of its class', () => {
    const words = ['attack', 'likely_attack', 'likely_clean', 'clean'];
    const flagged = (atMost: number): boolean[] => {
      const signals = cloudflare({ wafScore: { atMost, header: 'x-waf-class' } });
      return words.map((word) => read(signals, { 'x-waf-class': word }) !== undefined);
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
    const category = (fields: Record<string, string>) => read(signals, fields)?.category;
    expect(category({ 'x-waf-score': '5', 'x-sqli': '90', 'x-xss': '5', 'x-rce': '80' })).toBe('xss');
    expect(category({ 'x-waf-score': '5', 'x-sqli': '6', 'x-xss': '7' })).toBe('waf-attack');
    expect(category({ 'x-waf-score': '60', 'x-rce': '3' })).toBe('rce');
    expect(category({ 'x-rce': '20' })).toBe('rce');
    expect(category({ 'x-waf-score': '60', 'x-sqli': '21' })).toBeUndefined();
    expect(read(signals, { 'x-waf-score': '90', x_sqli: '90' })).toMatchObject({ rule: 'cloudflare:x-sqli' });
  });

  test('leaked credentials and malicious uploads: exactly the findings that were named', () => {
    const signals = cloudflare({
      leakedCredentials: { flag: [1, 4] },
      maliciousUploads: { flag: [1, 2], severity: 'critical' },
    });
    const leaked = (text: string) => read(signals, { 'Exposed-Credential-Check': text });
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
    const upload = (text: string) => read(signals, { 'Malicious-Uploads-Detection': text });
    expect(upload('2')).toEqual({
      category: 'malicious-upload',
      severity: 'critical',
      detector: 'cloudflare',
      rule: 'malicious-uploads-detection',
      score: 2,
    });
    expect([upload('1') !== undefined, upload('3')]).toEqual([true, undefined]);
    expect(
      read(cloudflare({ maliciousUploads: { flag: [1] } }), { 'malicious-uploads-detection': '1' })?.severity,
    ).toBe('high');
    expect(
      read(cloudflare({ leakedCredentials: { flag: [1], severity: 'low' } }), { 'exposed-credential-check': '1' })
        ?.severity,
    ).toBe('low');
  });

  test('threatScore, legacy: high is bad, and today’s 0 flags nothing', () => {
    const signals = cloudflare({ threatScore: { atLeast: 10 } });
    expect(read(signals, {}, cf({ threatScore: 0 }))).toBeUndefined();
    expect(read(signals, {}, cf({ threatScore: 9 }))).toBeUndefined();
    expect(read(signals, {}, cf({ threatScore: '50' }))).toBeUndefined();
    expect(read(signals, {}, cf({ threatScore: 10 }))).toEqual({
      category: 'threat-score',
      severity: 'medium',
      detector: 'cloudflare',
      rule: 'threat-score',
      score: 10,
    });
    expect(read(signals)).toBeUndefined();
    expect(
      read(cloudflare({ threatScore: { atLeast: 10, severity: 'low' } }), {}, cf({ threatScore: 10 }))?.severity,
    ).toBe('low');
  });

  test('of several findings the gravest counts', () => {
    const signals = cloudflare({
      botScore: { atMost: 29 },
      wafScore: { atMost: 50, header: 'x-waf-score' },
      leakedCredentials: { flag: [1] },
    });
    const fields = { 'exposed-credential-check': '1', 'x-waf-score': '10' };
    expect(read(signals, fields, bot(1))?.category).toBe('waf-attack');
    expect(read(signals, { 'exposed-credential-check': '1' }, bot(1))?.category).toBe('leaked-credentials');
    expect(read(signals, { 'x-waf-score': '99' }, bot(1))?.category).toBe('bot');
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
    [
      { wafScore: { atMost: 20, header: 'x', classes: { lfi: 'y' } } },
      /no such option, expected one of sqli, xss, rce/,
    ],
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
});

describe('AWS WAF', () => {
  const aws = (options: Partial<AwsWafSignalsOptions>): Signals =>
    awsWafSignals({ trust: 'platform', headers: {}, ...options });
  const headers = {
    Sqli: { category: 'sqli', severity: 'high' },
    bot: { category: 'bot', severity: 'low', value: 'unverified' },
  } as const;

  test('an inserted header means what was configured, its value only if that was', () => {
    const signals = aws({ headers });
    expect(read(signals, { 'X-Amzn-Waf-Sqli': 'body' })).toEqual({
      category: 'sqli',
      severity: 'high',
      detector: 'aws-waf',
      rule: 'sqli',
      raw: 'body',
    });
    expect(read(signals, { 'x-amzn-waf-sqli': '' })).toMatchObject({ category: 'sqli' });
    expect(read(signals, { 'x-amzn-waf-bot': 'unverified' })).toMatchObject({ category: 'bot' });
    for (const value of ['', 'verified', 'Unverified', 'unverified ;'])
      expect(read(signals, { 'x-amzn-waf-bot': value })).toBeUndefined();
    expect(read(signals, { sqli: '1', 'x-amzn-waf': '1', 'x-amzn-waf-other': '1' })).toBeUndefined();
    expect(read(signals, { 'x-amzn-waf-bot': 'unverified', 'x-amzn-waf-sqli': '1' })?.category).toBe('sqli');
  });

  test('every header with its prefix passes the gate, configured or not', () => {
    const stranger = awsWafSignals({ trust: () => false, headers, forged: 'high' });
    expect(stranger.read(view({ 'x-amzn-waf-other': '1', accept: '*/*' }))).toMatchObject({
      threat: { category: 'forged-signal', severity: 'high', rule: 'aws-waf:x-amzn-waf-other' },
      strip: ['x-amzn-waf-other'],
    });
    expect(aws({ headers }).read(view({ x_amzn_waf_sqli: '1' })).strip).toEqual(['x_amzn_waf_sqli']);
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
});

describe('Fastly', () => {
  const fastly = (options: FastlySignalsOptions): Signals => fastlySignals({ trust: 'platform', ...options });

  test('tags mean what was configured, in any case, wherever they stand in the list', () => {
    const signals = fastly({ tags: { ...NGWAF_ATTACKS, 'site.Mine': { category: 'mine', severity: 'low' } } });
    const tags = (text: string) => read(signals, { 'X-SigSci-Tags': text });
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
    expect(read(fastly({}), { 'x-sigsci-tags': 'SQLI', 'x-sigsci-agentresponse': '406' })).toBeUndefined();
    expect(off.read(view({ 'x-sigsci-tags': 'SQLI' }))).toMatchObject({
      strip: ['x-sigsci-tags'],
      threat: { rule: 'fastly:x-sigsci-tags' },
    });
  });

  test('what the agent would block is a threat from 301 on', () => {
    const signals = fastly({ blocked: {} });
    const answer = (text: string) => read(signals, { 'X-SigSci-AgentResponse': text });
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
    expect(read(signals, { ...fields, 'x-sigsci-tags': 'XSS' })).toEqual({
      category: 'xss',
      severity: 'high',
      detector: 'fastly-ngwaf',
      rule: 'block',
      score: 406,
      raw: '5f1a',
    });
    expect(read(signals, { ...fields, 'x-sigsci-tags': 'CMDEXE' })).toMatchObject({
      severity: 'critical',
      rule: 'CMDEXE',
      raw: '5f1a',
    });
    expect(read(signals, { 'x-sigsci-requestid': '5f1a' })).toBeUndefined();
  });

  test('bots that Compute detected are a threat unless verified', () => {
    const [pass, flag] = [fastly({ bots: {} }), fastly({ bots: { verified: 'flag', severity: 'medium' } })];
    const crawler = { botDetected: true, botVerified: true, botName: 'GoogleBot' };
    expect(read(pass, {}, { botDetected: true, botName: 7 })).toEqual({
      category: 'bot',
      severity: 'low',
      detector: 'fastly-bots',
      rule: 'bot-detected',
    });
    expect(read(pass, {}, crawler)).toBeUndefined();
    expect(read(flag, {}, crawler)).toMatchObject({ severity: 'medium', reason: 'GoogleBot' });
    for (const request of [
      undefined,
      null,
      'x',
      {},
      { botDetected: 'true' },
      { botDetected: null, botVerified: false },
    ]) {
      expect(read(flag, {}, request)).toBeUndefined();
    }
    expect(read(fastly({ tags: NGWAF_ATTACKS }), {}, { botDetected: true })).toBeUndefined();
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
});

describe('ModSecurity with CRS', () => {
  const crs = (options: ModsecuritySignalsOptions = {}): Signals =>
    modsecuritySignals({ trust: 'platform', ...options });

  test('high is bad: from the rule set’s threshold on, graver with the score', () => {
    const at = (text: string) => read(crs(), { 'X-Waf-Score': text });
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
    expect(read(crs())).toBeUndefined();
  });

  test('thresholds and the header are the operator’s', () => {
    const signals = crs({ header: 'X-Anomaly', atLeast: 7, highFrom: 8, criticalFrom: 8 });
    expect(['6', '7', '8'].map((text) => read(signals, { 'x-anomaly': text })?.severity)).toEqual([
      undefined,
      'medium',
      'critical',
    ]);
    expect(read(signals, { 'x-waf-score': '99' })).toBeUndefined();
  });

  test('the class with the highest score names the attack', () => {
    const signals = crs({ classes: { sqli: 'X-Waf-Sqli', xss: 'X-Waf-Xss' } });
    // What CRS 3.3 gave for a <script> sent by a scanner, and for an attack of no class.
    expect(read(signals, { 'x-waf-score': '23', 'x-waf-sqli': '5', 'x-waf-xss': '15' })?.category).toBe('xss');
    expect(read(signals, { 'x-waf-score': '8', 'x-waf-sqli': '5', 'x-waf-xss': '0' })?.category).toBe('sqli');
    expect(read(signals, { 'x-waf-score': '8', 'x-waf-sqli': '0', 'x-waf-xss': '(null)' })?.category).toBe(
      'waf-attack',
    );
    expect(read(signals, { 'x-waf-score': '4', 'x-waf-sqli': '4' })).toBeUndefined();
    expect(read(signals, { 'x-waf-score': '8', 'x-waf-sqli': '5, 0' })).toMatchObject({ category: 'sqli' });
  });

  test('a client’s own score is no score', () => {
    const signals = modsecuritySignals({ trust: () => false });
    expect(signals.read(view({ 'x-waf-score': '0' }))).toMatchObject({
      threat: { category: 'forged-signal' },
      strip: ['x-waf-score'],
    });
    const trusted = crs();
    expect(trusted.read(view({ 'x-waf-score': '43', x_waf_score: '0' }))).toMatchObject({
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
});

test('every mapper names its detector, and the header of its secret', () => {
  const trust = { secret: { header: 'X-Hop', value: 'sixteen letters.' } };
  const all: Signals[] = [
    cloudflareSignals({ trust }),
    awsWafSignals({ trust, headers: {} }),
    fastlySignals({ trust }),
    modsecuritySignals({ trust }),
  ];
  expect(all.map(({ detector, secrets }) => [detector, secrets])).toEqual(
    ['cloudflare', 'aws-waf', 'fastly', 'modsecurity'].map((detector) => [detector, ['x-hop']]),
  );
});
