/**
 * AWS WAF: headers that the rules of a web ACL insert → `ThreatSignal`. AWS puts `x-amzn-waf-` before the name you give a
 * header, and overwrites what a client sent under it; labels themselves are not forwarded. What a header means is yours.
 *
 * Relies on: the condition of `hop`: only what came through the web ACL may be believed.
 * Refuses: to flag a header that is not configured.
 *
 * *Trusted*: whoever may edit the web ACL could have anyone refused or let attacks pass.
 * *Not trusted*: a client that reaches the origin beside the web ACL; at most its own request is refused.
 *
 * @module
 */

import type { HopOptions, Severity, Signals, ThreatSignal } from '../types/index';
import { expectHeader, expectNames, expectText, expectWord } from '../validate/expect';
import { graver, HOP_NAMES, Hop, SEVERITIES } from './hop';

/** What one inserted header means. */
export interface AwsWafMeaning {
  category: string;
  severity: Severity;
  /** Only this value counts. Default: any. */
  value?: string;
}

export interface AwsWafSignalsOptions extends HopOptions {
  /** By the name given in the rule's custom request handling, without `x-amzn-waf-`. */
  headers: Readonly<Record<string, AwsWafMeaning>>;
}

const PREFIX = 'x-amzn-waf-';

/** Signals of AWS WAF. */
export function awsWafSignals(options: AwsWafSignalsOptions): Signals {
  expectNames('aws-waf', options, [...HOP_NAMES, 'headers']);
  expectNames('aws-waf: `headers`', options.headers, Object.keys(options.headers ?? {}));
  const meanings = new Map(
    Object.entries(options.headers).map(([name, meaning]) => {
      const part = `aws-waf: \`headers.${name}\``;
      expectNames(part, meaning, ['category', 'severity', 'value']);
      expectText(`${part}.category`, meaning.category, 1);
      expectWord(`${part}.severity`, meaning.severity, SEVERITIES);
      if (meaning.value !== undefined) expectText(`${part}.value`, meaning.value, 0);
      return [PREFIX + expectHeader(part, name), meaning] as const;
    }),
  );
  if (meanings.size < Object.keys(options.headers).length) {
    throw new RangeError('aws-waf: `headers`: expected names that differ in more than case');
  }
  // Every header with the prefix is the web ACL's or forged, configured here or not.
  const hop = new Hop('aws-waf', options, [], { prefix: PREFIX });
  return {
    detector: 'aws-waf',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      let worst: ThreatSignal | undefined;
      for (const [header, { category, severity, value }] of meanings) {
        const said = voice.get(header);
        if (said === undefined || (value !== undefined && said !== value)) continue;
        const rule = header.slice(PREFIX.length);
        worst = graver(worst, { category, severity, detector: 'aws-waf', rule, raw: said });
      }
      return voice.heard(worst);
    },
  };
}
