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
import { readGroup, readMap, word } from '../validate/index';
import { graver, HOP_NAMES, Hop, SEVERITIES } from './hop';
import { isPlaceholder, readMeaning } from './verdict';

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

/** `SQLI`, `site.my-tag`; what is no list of these is no list of tags. */
const TAG = /^[A-Z\d][\w.:-]*$/i;

/**
 * Signals of Fastly. Each is off until it is configured. Throws when the options are wrong, and without `trust` when a header
 * is asked for.
 */
export function fastlySignals(options: FastlySignalsOptions): Signals {
  const { given, tags, blocked, bots } = readFastly(options);
  const asked = [...(blocked === undefined ? [] : [RESPONSE]), ...(tags.size === 0 ? [] : [TAGS])];
  const hop = new Hop(given, {
    detector: 'fastly',
    part: 'fastlySignals',
    names: [RESPONSE, TAGS, REQUEST_ID],
    lists: [TAGS],
    // The agent answers for each request; tags come with what it noticed.
    speaks: asked.length === 0 ? [] : [[RESPONSE, TAGS]],
    needsTrust: asked.length > 0,
  });
  return {
    detector: 'fastly',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      let worst: ThreatSignal | undefined;
      for (const tag of tags.size === 0 ? [] : voice.readings(TAGS, tagsOf).flat()) {
        const meaning = tags.get(tag);
        if (meaning !== undefined) worst = graver(worst, { ...meaning, detector: 'fastly-ngwaf', rule: tag });
      }
      const response = blocked === undefined ? 0 : Math.max(0, ...voice.readings(RESPONSE, responseOf));
      if (blocked !== undefined && response >= BLOCK_FROM) {
        const category = worst?.category ?? 'waf-attack';
        const { severity } = blocked;
        worst = graver(worst, { category, severity, detector: 'fastly-ngwaf', rule: 'block', score: response });
      }
      const found = graver(worst, bots && botOf(view.request, bots));
      const id = voice.text(REQUEST_ID);
      return voice.heard(found === undefined || id === undefined ? found : { ...found, raw: id });
    },
  };
}

function tagsOf(text: string): string[] | undefined {
  // One that can be read may be the attack, whatever stands beside it.
  const tags = text.split(',').map((tag) => tag.trim());
  const readable = tags.filter((tag) => TAG.test(tag) && !isPlaceholder(tag));
  return readable.length === 0 ? undefined : readable.map((tag) => tag.toUpperCase());
}

/** A status of HTTP. The agent writes a negative one when it could not look. */
const responseOf = (text: string): number | undefined => (/^[1-9]\d{2}$/.test(text) ? Number(text) : undefined);

interface Bots {
  readonly severity: Severity;
  readonly verified: 'pass' | 'flag';
}

function botOf(request: unknown, { severity, verified }: Bots): ThreatSignal | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const { botDetected, botVerified, botName } = request as Record<string, unknown>;
  if (botDetected !== true || (botVerified === true && verified === 'pass')) return undefined;
  const threat: ThreatSignal = { category: 'bot', severity, detector: 'fastly-bots', rule: 'bot-detected' };
  if (typeof botName === 'string') threat.reason = botName;
  return threat;
}

function readFastly(options: unknown) {
  const part = (name: string): string => `fastlySignals.${name}`;
  const names = [...HOP_NAMES, 'blocked', 'tags', 'bots'] as const;
  const given = readGroup('fastlySignals', part(''), options ?? null, names);
  const blocked = readGroup(part('blocked'), part('blocked.'), given.blocked, ['severity']);
  const bots = readGroup(part('bots'), part('bots.'), given.bots, ['severity', 'verified']);
  const tags = readMap(part('tags'), given.tags, readMeaning);
  return {
    given,
    tags: new Map(tags.map(([tag, meaning]) => [tag.toUpperCase(), meaning])),
    blocked:
      given.blocked === undefined
        ? undefined
        : { severity: word(part('blocked.severity'), blocked.severity, SEVERITIES, 'high') },
    bots:
      given.bots === undefined
        ? undefined
        : {
            severity: word(part('bots.severity'), bots.severity, SEVERITIES, 'low'),
            verified: word(part('bots.verified'), bots.verified, ['pass', 'flag'] as const),
          },
  };
}
