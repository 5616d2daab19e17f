/**
 * ModSecurity (and Coraza) with the OWASP Core Rule Set: the anomaly score → `ThreatSignal`. High is bad: each rule that
 * matches adds 5 (critical), 4, 3 or 2; the rule set itself blocks from 5 on. The score leaves the WAF in headers that
 * its configuration must *set* for every request (docs/signals.md has the lines for Apache).
 *
 * Relies on: the condition of `hop`, which must be configured: without one everybody would count as a forger.
 * Refuses: to flag below `atLeast`; to read a score out of anything but one whole number; to take a request for clean of which
 * the rule set said nothing (`silence: 'clean'` says otherwise).
 *
 * *Trusted*: the proxy that runs the rules could have anyone refused or let attacks pass.
 * *Not trusted*: a client that reaches the application beside the proxy; at most its own request is refused.
 *
 * @module
 */

import type { HopOptions, Severity, Signals } from '../types/index';
import { integer, readGroup, readHeaderName } from '../validate/index';
import { HOP_NAMES, Hop } from './hop';
import { wholeOf } from './verdict';

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
const NAMES = [...HOP_NAMES, 'header', 'atLeast', 'highFrom', 'criticalFrom', 'classes'] as const;
const SPEAKER = 'modsecuritySignals';

/** Signals of ModSecurity with CRS. Throws when the options are wrong, and without `trust`. */
export function modsecuritySignals(options: ModsecuritySignalsOptions): Signals {
  const { given, header, classes, ...thresholds } = readModsecurity(options);
  const hop = new Hop(given, {
    detector: 'modsecurity',
    part: SPEAKER,
    names: [header, ...classes.map(([, of]) => of)],
    speaks: [[header]],
    silence: 'uninspected',
    needsTrust: true,
  });
  return {
    detector: 'modsecurity',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      const score = Math.max(0, ...voice.readings(header, wholeOf));
      let category = 'waf-attack';
      let highest = 0;
      for (const [name, of] of classes) {
        const part = Math.max(0, ...voice.readings(of, wholeOf));
        if (part > highest) [category, highest] = [name, part];
      }
      const severity = severityOf(score, thresholds);
      if (severity === undefined) return voice.heard(undefined);
      return voice.heard({ category, severity, detector: 'modsecurity', rule: 'anomaly-score', score });
    },
  };
}

interface Thresholds {
  readonly atLeast: number;
  readonly highFrom: number;
  readonly criticalFrom: number;
}

function severityOf(score: number, { atLeast, highFrom, criticalFrom }: Thresholds): Severity | undefined {
  if (score < atLeast) return undefined;
  return score >= criticalFrom ? 'critical' : score >= highFrom ? 'high' : 'medium';
}

function readModsecurity(options: unknown) {
  const part = (name: string): string => `${SPEAKER}.${name}`;
  const given = readGroup(SPEAKER, `${SPEAKER}.`, options, NAMES);
  const atLeast = integer(part('atLeast'), given.atLeast, 5, 1, SCORE_MAX);
  const highFrom = integer(part('highFrom'), given.highFrom, 10, 1, SCORE_MAX);
  const criticalFrom = integer(part('criticalFrom'), given.criticalFrom, 20, 1, SCORE_MAX);
  if (highFrom > criticalFrom) {
    const expected = `at most criticalFrom (${criticalFrom})`;
    throw new RangeError(`${part('highFrom')}: too large, expected ${expected}, got ${highFrom}`);
  }
  const header = given.header === undefined ? 'x-waf-score' : readHeaderName(part('header'), given.header);
  const named = readGroup(part('classes'), part('classes.'), given.classes, CLASSES);
  const classes = CLASSES.filter((name) => named[name] !== undefined).map(
    (name) => [name, readHeaderName(part(`classes.${name}`), named[name])] as const,
  );
  return { given, atLeast, highFrom, criticalFrom, header, classes };
}
