/**
 * Guards what holds for every mapper of a detector's headers (`src/signals/{modsecurity,cloudflare,aws-waf,fastly}.ts`), with
 * families by seed: what cannot be read is never clean, silence is what `silence` says, and no copy that a client adds makes a
 * verdict less grave than what the hop said.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEVERITIES } from '../../../src/http/hearing';
import { awsWafSignals } from '../../../src/signals/aws-waf';
import { cloudflareSignals } from '../../../src/signals/cloudflare';
import { fastlySignals, NGWAF_ATTACKS } from '../../../src/signals/fastly';
import { modsecuritySignals } from '../../../src/signals/modsecurity';
import type { Heard, HopOptions, Signals, SignalView } from '../../../src/types/index';

type Fields = readonly (readonly [string, string])[];

interface Subject {
  readonly name: string;
  readonly header: string;
  make(options: HopOptions): Signals;
  /** Values from clean to grave. */
  readonly values: readonly string[];
  readonly isList?: boolean;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: 'ModSecurity',
    header: 'x-waf-score',
    make: (options) => modsecuritySignals({ trust: 'platform', ...options }),
    values: ['0', '4', '5', '9', '10', '19', '20', '43'],
  },
  {
    name: 'a class of ModSecurity',
    header: 'x-waf-sqli',
    make: (options) => {
      const signals = modsecuritySignals({ trust: 'platform', classes: { sqli: 'x-waf-sqli' }, ...options });
      const score = (fields: Fields): Fields => [...fields, ['x-waf-score', '0']];
      return { ...signals, read: (view) => signals.read({ ...view, fields: score(view.fields ?? [...view.headers]) }) };
    },
    values: ['0', '5'],
  },
  {
    name: 'WAF score of Cloudflare',
    header: 'x-waf',
    make: (options) => cloudflareSignals({ trust: 'platform', wafScore: { atMost: 50, header: 'x-waf' }, ...options }),
    values: ['100', '99', 'clean', 'likely_clean', '51', '50', 'likely_attack', '20', 'attack', '1'],
  },
  {
    name: 'bot score of Cloudflare',
    header: 'cf-bot-score',
    make: (options) => cloudflareSignals({ trust: 'platform', botScore: { atMost: 29, headers: true }, ...options }),
    values: ['100', '99', '30', '29', '1'],
  },
  {
    name: 'leaked credentials of Cloudflare',
    header: 'exposed-credential-check',
    make: (options) => cloudflareSignals({ trust: 'platform', leakedCredentials: { flag: [1] }, ...options }),
    values: ['4', '2', '1'],
  },
  {
    name: 'uploads of Cloudflare',
    header: 'malicious-uploads-detection',
    make: (options) => cloudflareSignals({ trust: 'platform', maliciousUploads: { flag: [1, 2] }, ...options }),
    values: ['3', '2', '1'],
  },
  {
    name: 'AWS WAF',
    header: 'x-amzn-waf-bot',
    make: (options) =>
      awsWafSignals({
        trust: 'platform',
        headers: { bot: { category: 'bot', severity: 'high', value: 'unverified' } },
        ...options,
      }),
    values: ['verified', 'unverified'],
  },
  {
    name: 'tags of Fastly',
    header: 'x-sigsci-tags',
    make: (options) => fastlySignals({ trust: 'platform', tags: NGWAF_ATTACKS, ...options }),
    values: ['TOR', 'XSS', 'SQLI,TOR', 'CMDEXE'],
    isList: true,
  },
  {
    name: 'the agent of Fastly',
    header: 'x-sigsci-agentresponse',
    make: (options) => fastlySignals({ trust: 'platform', blocked: {}, ...options }),
    values: ['200', '301', '406'],
  },
];

/** With raw fields, as Node has them, and joined, as everybody else. */
const views = (fields: Fields): SignalView[] => {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return [{ headers, fields }, { headers }];
};
const gravity = ({ threat }: Heard): number => (threat === undefined ? -1 : SEVERITIES.indexOf(threat.severity));

/** What stands where a verdict should: nothing, an unset variable, a template, the variable's name, an error page. */
const nonsense = (header: string) =>
  fc.oneof(
    fc.constantFrom('', ' ', '(null)', 'null', 'nil', 'none', 'undefined', 'NaN', '-', '()', '(unset)', '%', '$'),
    fc.constantFrom(
      '%{waf_score}e',
      '%{tx.anomaly_score}',
      '$' + '{score}',
      '$waf_score',
      'tx.anomaly_score',
      '{{ score }}',
    ),
    fc.constantFrom('env.WAF', 'TX:score', 'http.waf.score', '<html>', '%(score)s', '#{score}', `%{${header}}i`),
    fc.string({ maxLength: 12, unit: fc.constantFrom(...' {}$%<>') }).map((text) => `{${text}`),
  );

describe.each(SUBJECTS)('$name', ({ header, make, values, isList }) => {
  test('what is no verdict is never clean: nobody has inspected the request', () => {
    const signals = make({ silence: 'clean' });
    fc.assert(
      fc.property(nonsense(header), fc.boolean(), (value, isUpper) => {
        const name = isUpper ? header.toUpperCase() : header;
        for (const view of views([
          [name, value],
          ['accept', '*/*'],
        ])) {
          const { threat, failure } = signals.read(view);
          expect([threat, failure?.reason]).toEqual([undefined, 'unreadable']);
        }
      }),
      { seed: 20_261_210, numRuns: 60 },
    );
    // Each verdict can be read.
    for (const value of values)
      for (const view of views([[header, value]])) expect(signals.read(view).failure).toBe(undefined);
  });

  test('silence is clean or uninspected, as it was configured, and never a threat', () => {
    const other = fc.dictionary(
      fc.constantFrom('accept', 'x-other', 'cookie', 'connection'),
      fc.constantFrom('a', header),
    );
    fc.assert(
      fc.property(other, fc.constantFrom('clean', 'uninspected'), (fields, silence) => {
        const signals = make({ silence: silence as 'clean' });
        for (const view of views(Object.entries(fields))) {
          const { threat, failure, strip } = signals.read(view);
          // A class of a score speaks beside its score only.
          const isAlone = header !== 'x-waf-sqli';
          expect([threat, strip, failure?.reason]).toEqual([
            undefined,
            [],
            silence === 'clean' || !isAlone ? undefined : 'silent',
          ]);
        }
      }),
      { seed: 20_261_211, numRuns: 40 },
    );
  });

  test('a copy beside the hop\u2019s own makes the verdict no less grave, keeps its category, and is flagged', () => {
    const copies = fc.array(fc.oneof(fc.constantFrom(...values), nonsense(header)), { minLength: 1, maxLength: 4 });
    const spelling = fc.constantFrom(
      header,
      header.toUpperCase(),
      header.replaceAll('-', '_'),
      header.replace('-', '_'),
    );
    const signals = make({});
    let graver = 0;
    fc.assert(
      fc.property(fc.constantFrom(...values), copies, fc.nat(4), spelling, (own, added, where, name) => {
        const fields: [string, string][] = added.map((value) => [name, value]);
        fields.splice(where, 0, [header, own]);
        const alone = signals.read(views([[header, own]])[0]!);
        for (const [i, view] of views(fields).entries()) {
          // Two lists that were joined look like one: tags that a client adds can only have it refused.
          if (isList && i === 1) continue;
          const both = signals.read(view);
          expect(gravity(both)).toBeGreaterThanOrEqual(gravity(alone));
          for (const value of added) {
            const one = signals.read({ ...views([[header, value]])[0]!, peer: undefined });
            expect(gravity(both)).toBeGreaterThanOrEqual(gravity(one));
          }
          expect(both.threat).toBeDefined();
          expect(both.strip).toContain(header);
          const isOurs = both.threat?.category === 'forged-signal';
          expect(isOurs || both.threat?.reason?.includes('not exactly one value')).toBe(true);
          if (gravity(alone) >= 1) expect(isOurs).toBe(false);
          if (gravity(alone) > 1) graver++;
        }
      }),
      { seed: 20_261_212, numRuns: 150 },
    );
    const most = Math.max(...values.map((value) => gravity(signals.read(views([[header, value]])[0]!))));
    expect(graver > 0).toBe(most > 1);
  });

  test('from whom nobody trusts it is a forgery, whatever it says, and nothing else', () => {
    const signals = make({ trust: () => false });
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...values), nonsense(header)), (value) => {
        for (const view of views([[header, value]])) {
          const { threat, strip, failure } = signals.read(view);
          expect(threat).toMatchObject({ category: 'forged-signal', reason: 'not from the trusted hop' });
          expect(strip).toContain(header);
          expect(failure).toBe(undefined);
        }
      }),
      { seed: 20_261_213, numRuns: 40 },
    );
  });
});

test('bot scores that the platform knows without a header: nobody scored is silence too', () => {
  const ask = (silence: 'clean' | 'uninspected', score: unknown) =>
    cloudflareSignals({ silence, botScore: { atMost: 29 } }).read({
      headers: new Headers(),
      request: { cf: { botManagement: { score } } },
    }).failure?.reason;
  for (const score of [0, 100, undefined, '7', Number.NaN]) {
    expect([ask('clean', score), ask('uninspected', score)]).toEqual([undefined, 'silent']);
  }
  expect([ask('uninspected', 1), ask('uninspected', 99)]).toEqual([undefined, undefined]);
});
