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
import { readGroup, readHeaderName, readMap, readText } from '../validate/index';
import { graver, HOP_NAMES, Hop } from './hop';
import { isPlaceholder, MEANING_NAMES, meaningOf } from './verdict';

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
const PART = 'awsWafSignals.headers';

/** Signals of AWS WAF. Throws when the options are wrong, and without `trust` when a header is configured. */
export function awsWafSignals(options: AwsWafSignalsOptions): Signals {
  const given = readGroup('awsWafSignals', 'awsWafSignals.', options ?? null, [...HOP_NAMES, 'headers']);
  const meanings = readMap(PART, given.headers ?? null, readMeant).map(([, meaning]) => meaning);
  const headers = meanings.map(({ header }) => header);
  if (new Set(headers).size < headers.length) {
    throw new RangeError(`${PART}: twice the same, expected names that differ in more than case, got two that do not`);
  }
  // Every header with the prefix is the web ACL's or forged, configured here or not.
  const hop = new Hop(given, {
    detector: 'aws-waf',
    part: 'awsWafSignals',
    names: [],
    prefix: PREFIX,
    speaks: headers.length === 0 ? [] : [headers],
    needsTrust: headers.length > 0,
  });
  return {
    detector: 'aws-waf',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      let worst: ThreatSignal | undefined;
      for (const { header, category, severity, value } of meanings) {
        // Where any value is a finding, there is nothing to read.
        const readable = (text: string): string | undefined =>
          value !== undefined && text !== value && isPlaceholder(text) ? undefined : text;
        const said = voice.readings(header, readable).find((text) => value === undefined || text === value);
        if (said === undefined) continue;
        const rule = header.slice(PREFIX.length);
        worst = graver(worst, { category, severity, detector: 'aws-waf', rule, raw: said });
      }
      return voice.heard(worst);
    },
  };
}

function readMeant(part: string, meaning: unknown, name: string) {
  const given = readGroup(part, `${part}.`, meaning ?? null, [...MEANING_NAMES, 'value']);
  return {
    header: PREFIX + readHeaderName(part, name),
    ...meaningOf(part, given),
    value: given.value === undefined ? undefined : readText(`${part}.value`, given.value, 0),
  };
}
