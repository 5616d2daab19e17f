/**
 * ModSecurity (and Coraza) with the OWASP Core Rule Set: the anomaly score → `ThreatSignal`. High is bad: each rule that
 * matches adds 5 (critical), 4, 3 or 2; the rule set itself blocks from 5 on. The score leaves the WAF in headers that
 * its configuration must *set* for every request (docs/signals.md has the lines for Apache).
 *
 * Relies on: the condition of `hop`.
 * Refuses: to flag below `atLeast`; to read a score out of anything but one whole number.
 *
 * *Trusted*: the proxy that runs the rules could have anyone refused or let attacks pass.
 * *Not trusted*: a client that reaches the application beside the proxy; at most its own request is refused.
 *
 * @module
 */

import type { HopOptions, Severity, Signals } from '../types/index';
import { expectHeader, expectInteger, expectNames } from '../validate/expect';
import { HOP_NAMES, Hop } from './hop';

/** The classes of CRS that keep a score of their own (`tx.sql_injection_score` …). */
const CLASSES = ['sqli', 'xss', 'rce', 'lfi', 'rfi', 'php', 'http', 'session-fixation'] as const;

export interface ModsecuritySignalsOptions extends HopOptions {
  /** Header with the inbound anomaly score. Default `x-waf-score`. */
  header?: string;
  /** Flagged from this score on. Default 5, the rule set's own threshold. */
  atLeast?: number;
  /** `high` from this score on, `medium` below. Default 10. */
  highFrom?: number;
  /** `critical` from this score on. Default 20. */
  criticalFrom?: number;
  /** Headers with the scores of classes; the highest names the category. */
  classes?: Partial<Record<(typeof CLASSES)[number], string>>;
}

/** Scores beyond this are no sum of rules. */
const SCORE_MAX = 100_000;

/** Signals of ModSecurity with CRS. */
export function modsecuritySignals(options: ModsecuritySignalsOptions = {}): Signals {
  expectNames('modsecurity', options, [...HOP_NAMES, 'header', 'atLeast', 'highFrom', 'criticalFrom', 'classes']);
  const limit = (name: 'atLeast' | 'highFrom' | 'criticalFrom', otherwise: number): number =>
    expectInteger(`modsecurity: \`${name}\``, options[name] ?? otherwise, 1, SCORE_MAX);
  const atLeast = limit('atLeast', 5);
  const highFrom = limit('highFrom', 10);
  const criticalFrom = limit('criticalFrom', 20);
  if (highFrom > criticalFrom) throw new RangeError('modsecurity: expected `highFrom` ≤ `criticalFrom`');
  const header = expectHeader('modsecurity: `header`', options.header ?? 'x-waf-score');
  expectNames('modsecurity: `classes`', options.classes ?? {}, CLASSES);
  const classes = Object.entries(options.classes ?? {}).map(
    ([name, of]) => [name, expectHeader(`modsecurity: \`classes.${name}\``, of)] as const,
  );
  const hop = new Hop('modsecurity', options, [header, ...classes.map(([, of]) => of)]);

  return {
    detector: 'modsecurity',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      const score = voice.number(header);
      if (score === undefined || score < atLeast) return voice.heard(undefined);
      const severity: Severity = score >= criticalFrom ? 'critical' : score >= highFrom ? 'high' : 'medium';
      let category = 'waf-attack';
      let highest = 0;
      for (const [name, of] of classes) {
        const part = voice.number(of) ?? 0;
        if (part > highest) [category, highest] = [name, part];
      }
      return voice.heard({ category, severity, detector: 'modsecurity', rule: 'anomaly-score', score });
    },
  };
}
