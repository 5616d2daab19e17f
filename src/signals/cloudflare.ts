/**
 * Cloudflare: scores and findings of its edge → `ThreatSignal`. Scores run the other way than one expects: **low is bad**
 * (1 surely an attack, surely a bot; 99 surely not), 0 and 100 mean that nobody scored.
 *
 * Relies on: `request.cf`, which only the Workers platform can fill, and headers under the condition of `hop`.
 * Refuses: to flag anything that was not configured; to read a score out of anything but one whole number.
 *
 * *Trusted*: Cloudflare, and whoever may edit the zone's rules, could have anyone refused or let attacks pass.
 * *Not trusted*: a client that sends these headers itself; at most its own request is refused.
 *
 * @module
 */

import type { HopOptions, Severity, Signals, ThreatSignal } from '../types/index';
import { expectHeader, expectInteger, expectNames, expectWord } from '../validate/expect';
import { graver, HOP_NAMES, Hop, SEVERITIES } from './hop';

export interface CloudflareSignalsOptions extends HopOptions {
  /**
   * Bot Management, 1 (bot) … 99 (human): flagged at `atMost` or less. Read from `request.cf` in a Worker; with
   * `headers: true` from `cf-bot-score` and `cf-verified-bot`, which a managed transform adds on the way to an origin.
   */
  botScore?: { atMost: number; severity?: Severity; verifiedBots?: 'pass' | 'flag'; headers?: boolean };
  /**
   * WAF attack score, 1 (attack) … 99 (clean): flagged at `atMost` or less. Workers are not told it; a Transform Rule must
   * *set* (never add) the header, for every request, from `cf.waf.score` — or from `cf.waf.score.class`, whose words
   * stand for the upper end of their range. `classes` are the headers of the partial scores, and name the attack.
   * Severity: `high` up to 20 (Cloudflare's "attack"), `medium` above.
   */
  wafScore?: {
    atMost: number;
    header: string;
    severity?: Severity;
    classes?: { sqli?: string; xss?: string; rce?: string };
  };
  /** `Exposed-Credential-Check`: 1 user and password leaked, 2 user, 3 a similar password, 4 password. */
  leakedCredentials?: { flag: readonly (1 | 2 | 3 | 4)[]; severity?: Severity };
  /** `Malicious-Uploads-Detection`: 1 malicious, 2 could not be scanned, 3 there is content (of any kind). */
  maliciousUploads?: { flag: readonly (1 | 2 | 3)[]; severity?: Severity };
  /**
   * Legacy, 0 … 100, *high* is bad. Accepted for old configurations: Cloudflare documents it as always 0 today, so this
   * flags nothing unless you fill `request.cf.threatScore` yourself.
   */
  threatScore?: { atLeast: number; severity?: Severity };
}

/** `cf.waf.score.class`, each word at the least suspicious score it stands for. */
const WAF_CLASSES: ReadonlyMap<string, number> = new Map([
  ['attack', 20],
  ['likely_attack', 50],
  ['likely_clean', 80],
  ['clean', 99],
]);
const ATTACK_SCORE_MAX = 20;

const BOT_SCORE = 'cf-bot-score';
const VERIFIED_BOT = 'cf-verified-bot';
const CREDENTIALS = 'exposed-credential-check';
const UPLOADS = 'malicious-uploads-detection';

interface Cf {
  botManagement?: { score?: unknown; verifiedBot?: unknown };
  threatScore?: unknown;
}

/** Signals of Cloudflare's edge. Each is off until it is configured. */
export function cloudflareSignals(options: CloudflareSignalsOptions): Signals {
  const { botScore, wafScore, leakedCredentials, maliciousUploads, threatScore } = checked(options);
  const classes = Object.entries(wafScore?.classes ?? {});
  const names = [
    ...(botScore?.headers === true ? [BOT_SCORE, VERIFIED_BOT] : []),
    ...(wafScore === undefined ? [] : [wafScore.header, ...classes.map(([, header]) => header)]),
    ...(leakedCredentials === undefined ? [] : [CREDENTIALS]),
    ...(maliciousUploads === undefined ? [] : [UPLOADS]),
  ];
  const hop = new Hop('cloudflare', options, names);

  return {
    detector: 'cloudflare',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      const cf = cfOf(view.request);
      const found: (ThreatSignal | undefined)[] = [];

      if (wafScore !== undefined) {
        const scores = [['waf-attack', wafScore.header] as const, ...classes].map(
          ([category, header]) => [category, wafScoreOf(voice.get(header))] as const,
        );
        const [category, score] = lowest(scores);
        if (score !== undefined && score <= wafScore.atMost) {
          const severity = wafScore.severity ?? (score <= ATTACK_SCORE_MAX ? 'high' : 'medium');
          found.push(signal(category, severity, 'waf-score', score));
        }
      }
      if (leakedCredentials !== undefined) {
        const kind = voice.number(CREDENTIALS);
        if (kind !== undefined && (leakedCredentials.flag as readonly number[]).includes(kind)) {
          found.push(signal('leaked-credentials', leakedCredentials.severity ?? 'medium', CREDENTIALS, kind));
        }
      }
      if (maliciousUploads !== undefined) {
        const kind = voice.number(UPLOADS);
        if (kind !== undefined && (maliciousUploads.flag as readonly number[]).includes(kind)) {
          found.push(signal('malicious-upload', maliciousUploads.severity ?? 'high', UPLOADS, kind));
        }
      }
      if (botScore !== undefined) {
        const fromHeaders = botScore.headers === true;
        const score = scored(fromHeaders ? voice.number(BOT_SCORE) : cf?.botManagement?.score);
        const verified = fromHeaders ? voice.get(VERIFIED_BOT) === 'true' : cf?.botManagement?.verifiedBot === true;
        const excused = verified && botScore.verifiedBots !== 'flag';
        if (score !== undefined && score <= botScore.atMost && !excused) {
          found.push(signal('bot', botScore.severity ?? 'low', verified ? 'verified-bot' : 'bot-score', score));
        }
      }
      if (threatScore !== undefined) {
        const score = cf?.threatScore;
        if (typeof score === 'number' && score >= threatScore.atLeast) {
          found.push(signal('threat-score', threatScore.severity ?? 'medium', 'threat-score', score));
        }
      }
      return voice.heard(found.reduce(graver, undefined));
    },
  };
}

function signal(category: string, severity: Severity, rule: string, score: number): ThreatSignal {
  return { category, severity, detector: 'cloudflare', rule, score };
}

function cfOf(request: unknown): Cf | undefined {
  const cf = typeof request === 'object' && request !== null ? (request as { cf?: unknown }).cf : undefined;
  return typeof cf === 'object' && cf !== null ? (cf as Cf) : undefined;
}

/** 1 … 99; anything else was not scored. */
function scored(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 1 && value <= 99 ? value : undefined;
}

function wafScoreOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return WAF_CLASSES.get(text) ?? (/^\d{1,2}$/.test(text) ? scored(Number(text)) : undefined);
}

/** The lowest score, and the most exact name for it: a partial score as low as the whole one says which attack. */
function lowest(scores: readonly (readonly [string, number | undefined])[]): readonly [string, number | undefined] {
  return scores.reduce((best, next) => (next[1] !== undefined && next[1] <= (best[1] ?? 100) ? next : best));
}

function checked(given: CloudflareSignalsOptions): CloudflareSignalsOptions {
  const part = (name: string): string => `cloudflare: \`${name}\``;
  const scores = ['botScore', 'wafScore', 'leakedCredentials', 'maliciousUploads', 'threatScore'] as const;
  expectNames('cloudflare', given, [...HOP_NAMES, ...scores]);
  for (const name of scores) {
    const severity = given[name]?.severity;
    if (severity !== undefined) expectWord(part(`${name}.severity`), severity, SEVERITIES);
  }
  const { botScore, wafScore, leakedCredentials, maliciousUploads, threatScore } = given;
  if (botScore !== undefined) {
    expectNames(part('botScore'), botScore, ['atMost', 'severity', 'verifiedBots', 'headers']);
    expectInteger(part('botScore.atMost'), botScore.atMost, 1, 98);
    expectWord(part('botScore.verifiedBots'), botScore.verifiedBots ?? 'pass', ['pass', 'flag']);
    expectWord(part('botScore.headers'), botScore.headers ?? false, [true, false]);
  }
  if (leakedCredentials !== undefined) flags('leakedCredentials', leakedCredentials, [1, 2, 3, 4]);
  if (maliciousUploads !== undefined) flags('maliciousUploads', maliciousUploads, [1, 2, 3]);
  if (threatScore !== undefined) {
    expectNames(part('threatScore'), threatScore, ['atLeast', 'severity']);
    expectInteger(part('threatScore.atLeast'), threatScore.atLeast, 1, 100);
  }
  if (wafScore === undefined) return given;
  expectNames(part('wafScore'), wafScore, ['atMost', 'header', 'severity', 'classes']);
  expectInteger(part('wafScore.atMost'), wafScore.atMost, 1, 98);
  expectNames(part('wafScore.classes'), wafScore.classes ?? {}, ['sqli', 'xss', 'rce']);
  const classes = Object.fromEntries(
    Object.entries(wafScore.classes ?? {}).map(([name, header]) => [
      name,
      expectHeader(part(`wafScore.classes.${name}`), header),
    ]),
  );
  return {
    ...given,
    wafScore: { ...wafScore, header: expectHeader(part('wafScore.header'), wafScore.header), classes },
  };

  function flags(name: string, of: { flag: readonly number[] }, words: readonly number[]): void {
    expectNames(part(name), of, ['flag', 'severity']);
    if (!Array.isArray(of.flag)) throw new TypeError(`${part(`${name}.flag`)}: expected an array of numbers`);
    for (const word of of.flag) expectWord(part(`${name}.flag`), word, words);
  }
}
