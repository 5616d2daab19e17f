/**
 * Fastly: what its Next-Gen WAF (Signal Sciences) wrote into headers, and what Compute found out about bots →
 * `ThreatSignal`. `X-SigSci-AgentResponse` is 200 to allow and 301 or more to block; `X-SigSci-Tags` is one list of tags,
 * of which many (IMPOSTOR, TOR, datacenters) are no attack by themselves.
 *
 * Relies on: the condition of `hop` for headers; for bots, properties that only the Compute platform fills.
 * Refuses: to flag a tag that is not configured. A list that was sent twice is told from one list only where the
 * platform shows raw fields; elsewhere a client could add tags to its own request, which can only have it refused.
 *
 * *Trusted*: the agent, and whoever may edit its rules, could have anyone refused or let attacks pass.
 * *Not trusted*: a client that sends these headers itself; at most its own request is refused.
 *
 * @module
 */

import type { HopOptions, Severity, Signals, ThreatSignal } from '../types/index';
import { expectNames, expectText, expectWord } from '../validate/expect';
import { graver, HOP_NAMES, Hop, SEVERITIES } from './hop';

export interface FastlyMeaning {
  category: string;
  severity: Severity;
}

export interface FastlySignalsOptions extends HopOptions {
  /** A request that the agent would block (it is in logging mode, or you want the evidence). */
  blocked?: { severity?: Severity };
  /** Tags that are a threat, compared without case. `NGWAF_ATTACKS` has Fastly's own attack tags. */
  tags?: Readonly<Record<string, FastlyMeaning>>;
  /** Fastly's bot detection in Compute: `request.botDetected`. Verified bots pass unless you say `flag`. */
  bots?: { severity?: Severity; verified?: 'pass' | 'flag' };
}

/** The system tags that Fastly documents as attacks. */
export const NGWAF_ATTACKS: Readonly<Record<string, FastlyMeaning>> = {
  BACKDOOR: { category: 'backdoor', severity: 'high' },
  CMDEXE: { category: 'rce', severity: 'critical' },
  'LOG4J-JNDI': { category: 'log4shell', severity: 'critical' },
  SQLI: { category: 'sqli', severity: 'high' },
  TRAVERSAL: { category: 'path-traversal', severity: 'high' },
  USERAGENT: { category: 'attack-tool', severity: 'medium' },
  XSS: { category: 'xss', severity: 'medium' },
};

const RESPONSE = 'x-sigsci-agentresponse';
const TAGS = 'x-sigsci-tags';
const REQUEST_ID = 'x-sigsci-requestid';
const BLOCK_FROM = 301;

/** Signals of Fastly. Each is off until it is configured. */
export function fastlySignals(options: FastlySignalsOptions): Signals {
  const tags = checked(options);
  const { blocked, bots } = options;
  const hop = new Hop('fastly', options, [RESPONSE, TAGS, REQUEST_ID], { lists: [TAGS] });
  return {
    detector: 'fastly',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      const said = (voice.get(TAGS) ?? '').split(',').map((tag) => tag.trim().toUpperCase());
      let worst: ThreatSignal | undefined;
      for (const tag of said) {
        const meaning = tags.get(tag);
        if (meaning !== undefined) worst = graver(worst, { ...meaning, detector: 'fastly-ngwaf', rule: tag });
      }
      const response = voice.number(RESPONSE);
      if (blocked !== undefined && response !== undefined && response >= BLOCK_FROM) {
        const named = worst?.category ?? 'waf-attack';
        const { severity = 'high' } = blocked;
        worst = graver(worst, { category: named, severity, detector: 'fastly-ngwaf', rule: 'block', score: response });
      }
      const bot = bots === undefined ? undefined : botOf(view.request, bots);
      const found = graver(worst, bot);
      const id = voice.get(REQUEST_ID);
      return voice.heard(found === undefined || id === undefined ? found : { ...found, raw: id });
    },
  };
}

function botOf(request: unknown, { severity = 'low', verified = 'pass' }: NonNullable<FastlySignalsOptions['bots']>) {
  if (typeof request !== 'object' || request === null) return undefined;
  const { botDetected, botVerified, botName } = request as Record<string, unknown>;
  if (botDetected !== true || (botVerified === true && verified === 'pass')) return undefined;
  const threat: ThreatSignal = { category: 'bot', severity, detector: 'fastly-bots', rule: 'bot-detected' };
  if (typeof botName === 'string') threat.reason = botName;
  return threat;
}

function checked(given: FastlySignalsOptions): ReadonlyMap<string, FastlyMeaning> {
  expectNames('fastly', given, [...HOP_NAMES, 'blocked', 'tags', 'bots']);
  const { blocked, bots, tags = {} } = given;
  if (blocked !== undefined) expectNames('fastly: `blocked`', blocked, ['severity']);
  if (bots !== undefined) expectNames('fastly: `bots`', bots, ['severity', 'verified']);
  expectWord('fastly: `blocked.severity`', blocked?.severity ?? 'high', SEVERITIES);
  expectWord('fastly: `bots.severity`', bots?.severity ?? 'low', SEVERITIES);
  expectWord('fastly: `bots.verified`', bots?.verified ?? 'pass', ['pass', 'flag']);
  expectNames('fastly: `tags`', tags, Object.keys(tags));
  return new Map(
    Object.entries(tags).map(([tag, meaning]) => {
      expectNames(`fastly: \`tags.${tag}\``, meaning, ['category', 'severity']);
      expectText(`fastly: \`tags.${tag}.category\``, meaning.category, 1);
      expectWord(`fastly: \`tags.${tag}.severity\``, meaning.severity, SEVERITIES);
      return [tag.toUpperCase(), meaning];
    }),
  );
}
