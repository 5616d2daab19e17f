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
import { type Group, integer, readFlag, readGroup, readHeaderName, readList, word } from '../validate/index';
import { graver, HOP_NAMES, Hop, SEVERITIES, type Voice } from './hop';
import { wholeOf } from './verdict';

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

/**
 * Signals of Cloudflare's edge. Each is off until it is configured. Throws when the options are wrong, and without `trust` when
 * a header is asked for.
 */
export function cloudflareSignals(options: CloudflareSignalsOptions): Signals {
  const { given, botScore, wafScore, leakedCredentials, maliciousUploads, threatScore } = readCloudflare(options);
  const scores = [
    ...(botScore?.headers === true ? [BOT_SCORE] : []),
    ...(wafScore === undefined ? [] : [wafScore.header]),
  ];
  const findings = [...(leakedCredentials ? [CREDENTIALS] : []), ...(maliciousUploads ? [UPLOADS] : [])];
  const names = [
    ...scores,
    ...findings,
    ...(botScore?.headers === true ? [VERIFIED_BOT] : []),
    ...(wafScore?.classes ?? []).map(([, header]) => header),
  ];
  const hop = new Hop(given, {
    detector: 'cloudflare',
    part: 'cloudflareSignals',
    names,
    speaks: scores.length === 0 && findings.length > 0 ? [findings] : scores.map((name) => [name]),
    needsTrust: names.length > 0,
  });

  return {
    detector: 'cloudflare',
    secrets: hop.secrets,
    read(view) {
      const voice = hop.listen(view);
      const cf = cfOf(view.request);
      const bot = botScore && (botScore.headers ? botOfHeaders(voice) : botOfRequest(cf));
      if (bot !== undefined && bot.score === undefined && hop.silence === 'uninspected') voice.missing('a bot score');
      const found = [
        wafScore && wafFound(voice, wafScore),
        leakedCredentials && kindFound(voice, CREDENTIALS, 'leaked-credentials', leakedCredentials),
        maliciousUploads && kindFound(voice, UPLOADS, 'malicious-upload', maliciousUploads),
        botScore && bot && botFound(bot, botScore),
        threatScore && threatFound(cf?.threatScore, threatScore),
      ];
      return voice.heard(found.reduce(graver, undefined));
    },
  };
}

interface Bot {
  /** `undefined`: nobody scored. */
  readonly score: number | undefined;
  readonly isVerified: boolean;
}

function botOfRequest(cf: Cf | undefined): Bot {
  const { score, verifiedBot } = cf?.botManagement ?? {};
  return { score: scored(score), isVerified: verifiedBot === true };
}

/** Of several copies the worst: the lowest score, and verified only if all say so. */
function botOfHeaders(voice: Voice): Bot {
  const scores = voice.readings(BOT_SCORE, percentOf);
  const words = voice.readings(VERIFIED_BOT, (text) => text);
  return { score: lowestOf(scores), isVerified: words.length > 0 && words.every((said) => said === 'true') };
}

type Options = ReturnType<typeof readCloudflare>;

function botFound({ score, isVerified }: Bot, how: NonNullable<Options['botScore']>): ThreatSignal | undefined {
  if (score === undefined || score > how.atMost || (isVerified && how.verifiedBots === 'pass')) return undefined;
  return signal('bot', how.severity, isVerified ? 'verified-bot' : 'bot-score', score);
}

/** The lowest score, and the most exact name for it: a partial score as low as the whole one says which attack. */
function wafFound(voice: Voice, how: NonNullable<Options['wafScore']>): ThreatSignal | undefined {
  let worst: { readonly category: string; readonly score: number } | undefined;
  for (const [category, header] of [['waf-attack', how.header] as const, ...how.classes]) {
    const score = lowestOf(voice.readings(header, wafScoreOf));
    if (score !== undefined && score <= (worst?.score ?? 100)) worst = { category, score };
  }
  if (worst === undefined || worst.score > how.atMost) return undefined;
  const severity = how.severity ?? (worst.score <= ATTACK_SCORE_MAX ? 'high' : 'medium');
  return signal(worst.category, severity, 'waf-score', worst.score);
}

function kindFound(voice: Voice, header: string, category: string, how: Kinds): ThreatSignal | undefined {
  const kinds = voice.readings(header, (text) =>
    how.kinds.includes(Number(wholeOf(text))) ? Number(text) : undefined,
  );
  const kind = kinds.find((one) => how.flag.includes(one));
  return kind === undefined ? undefined : signal(category, how.severity, header, kind);
}

function threatFound(score: unknown, how: NonNullable<Options['threatScore']>): ThreatSignal | undefined {
  if (typeof score !== 'number' || score < how.atLeast) return undefined;
  return signal('threat-score', how.severity, 'threat-score', score);
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

/** 0 … 100, of which the ends say that nobody scored. */
function percentOf(text: string): number | undefined {
  return /^(?:\d{1,2}|100)$/.test(text) ? Number(text) : undefined;
}

const wafScoreOf = (text: string): number | undefined => WAF_CLASSES.get(text) ?? percentOf(text);

function lowestOf(scores: readonly number[]): number | undefined {
  const real = scores.filter((score) => scored(score) !== undefined);
  return real.length === 0 ? undefined : Math.min(...real);
}

// ── options ─────────────────────────────────────────────────────────────────────────────────────────

const optionAt = (name: string): string => `cloudflareSignals.${name}`;

function readCloudflare(options: unknown) {
  const scores = ['botScore', 'wafScore', 'leakedCredentials', 'maliciousUploads', 'threatScore'] as const;
  const given = readGroup('cloudflareSignals', optionAt(''), options ?? null, [...HOP_NAMES, ...scores]);
  return {
    given,
    botScore: given.botScore === undefined ? undefined : readBotScore(given.botScore),
    wafScore: given.wafScore === undefined ? undefined : readWafScore(given.wafScore),
    leakedCredentials: readKinds('leakedCredentials', given.leakedCredentials, [1, 2, 3, 4], 'medium'),
    maliciousUploads: readKinds('maliciousUploads', given.maliciousUploads, [1, 2, 3], 'high'),
    threatScore: given.threatScore === undefined ? undefined : readThreatScore(given.threatScore),
  };
}

const readScore = <Name extends string>(name: string, value: unknown, names: readonly Name[]): Group<Name> =>
  readGroup(optionAt(name), optionAt(`${name}.`), value, names);

function readBotScore(value: unknown) {
  const given = readScore('botScore', value, ['atMost', 'severity', 'verifiedBots', 'headers']);
  return {
    atMost: integer(optionAt('botScore.atMost'), given.atMost, null, 1, 98),
    severity: word(optionAt('botScore.severity'), given.severity, SEVERITIES),
    verifiedBots: word(optionAt('botScore.verifiedBots'), given.verifiedBots, ['pass', 'flag'] as const),
    headers: readFlag(optionAt('botScore.headers'), given.headers, false),
  };
}

function readWafScore(value: unknown) {
  const given = readScore('wafScore', value, ['atMost', 'header', 'severity', 'classes']);
  const names = ['sqli', 'xss', 'rce'] as const;
  const classes = readScore('wafScore.classes', given.classes, names);
  return {
    atMost: integer(optionAt('wafScore.atMost'), given.atMost, null, 1, 98),
    header: readHeaderName(optionAt('wafScore.header'), given.header),
    severity:
      given.severity === undefined ? undefined : word(optionAt('wafScore.severity'), given.severity, SEVERITIES),
    classes: names
      .filter((name) => classes[name] !== undefined)
      .map((name) => [name, readHeaderName(optionAt(`wafScore.classes.${name}`), classes[name])] as const),
  };
}

interface Kinds {
  /** All that the header may say, and what of it is a threat. */
  readonly kinds: readonly number[];
  readonly flag: readonly number[];
  readonly severity: Severity;
}

function readKinds(name: string, value: unknown, kinds: readonly number[], severity: Severity): Kinds | undefined {
  if (value === undefined) return undefined;
  const given = readScore(name, value, ['flag', 'severity']);
  return {
    kinds,
    flag: readList(optionAt(`${name}.flag`), given.flag, 'an array of numbers', (place, one) =>
      word(place, one, kinds, null),
    ),
    severity: word(optionAt(`${name}.severity`), given.severity, SEVERITIES, severity),
  };
}

function readThreatScore(value: unknown) {
  const given = readScore('threatScore', value, ['atLeast', 'severity']);
  return {
    atLeast: integer(optionAt('threatScore.atLeast'), given.atLeast, null, 1, 100),
    severity: word(optionAt('threatScore.severity'), given.severity, SEVERITIES, 'medium'),
  };
}
