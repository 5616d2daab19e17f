/**
 * The options of `tracehound(th, options)`, the same in every adapter, checked before the first request.
 *
 * Relies on: `validate`. Refuses: unknown names, wrong kinds (`TypeError`) and wrong values (`RangeError`), each with
 * part, problem, expectation and the kind of what came.
 *
 * @module
 */

import { WAIT_MS_MAX } from '../time/deadline';
import type { FailMode, Inspection, InterceptResult, Signals, Source, ThreatSignal } from '../types/index';
import {
  callable,
  integer,
  plug,
  readFlag,
  readGroup,
  readList,
  readText,
  readToken,
  word,
  wrongKind,
} from '../validate/index';
import type { CapturePlan } from './capture';
import { TRACE_HEADERS } from './fingerprint';
import { secretNames } from './secrets';

/** `C` is the framework's own object: Hono's `c`, a fetch `Request`. */
export interface GuardOptions<C> {
  /**
   * Your detector. `undefined` (or `null`, `false`) lets the request on; anything else is a threat, however malformed.
   * `inspection` holds the target as it came and the body; what it read is kept as evidence. May be left out when `signals` are given.
   */
  detect?: (
    context: C,
    inspection: Inspection,
  ) => ThreatSignal | undefined | null | false | Promise<ThreatSignal | undefined | null | false>;
  /**
   * Detectors in front of you (`tracehound/signals/…`). The gravest threat counts, and then `detect` is not asked. Header
   * fields that they find forged are stripped from what the application sees, whoever is skipped or allowed.
   */
  signals?: readonly Signals[];
  /** Who is asking, at once: a promise is refused, and the request with it. `undefined`: what the runtime says. Never a header that a client can choose. */
  source?: (context: C) => Source | undefined;
  /** Record everything, refuse nothing, change no answer. Default `false`. */
  shadow?: boolean;
  /**
   * Requests that nobody looks at (health checks). Exempt: never charged, never refused, counted as skipped. Asked of blocked
   * sources too. Only `true` counts, at once or within `detectTimeoutMs`; at most 64 questions of one sender wait at a time.
   */
  skip?: (context: C) => boolean | Promise<boolean>;
  /** Sources or requests you trust. Exempt as with `skip`, and counted as allowed. */
  allow?: (context: C) => boolean | Promise<boolean>;
  /** Told what was decided, before the answer. Not awaited; its failures are reported, never answered. */
  onResult?: (context: C, result: InterceptResult) => unknown;
  /** May replace a refusal. `result` is `undefined` when a detector failed. A failure leaves the refusal as it was. */
  onRefused?: (
    context: C,
    result: InterceptResult | undefined,
    response: Response,
  ) => Response | undefined | Promise<Response | undefined>;
  /** How long `detect`, `skip` and `allow` may take, 1 … 2³¹−1 ms. Default 1,000. */
  detectTimeoutMs?: number;
  /** How long the body of a flagged request is waited for, 1 … 2³¹−1 ms. Default 2,000. */
  captureTimeoutMs?: number;
  /** Bodies read for evidence at the same time; beyond it evidence has no body and says so. 0 … 2¹⁶. Default 64. */
  captureMax?: number;
  /**
   * What becomes of a request whose detector threw or took too long. Default as `failMode`; but `refuse` when the body had
   * not come whole by then, because a sender who dribbles it decides how long a detector takes.
   */
  onDetectorFailure?: 'pass' | 'refuse';
  /** `RateLimit` and `RateLimit-Policy` on every answer. Default `true`. */
  headers?: boolean;
  /**
   * Further secrets: header names and query parameters, compared without case and separators. The documented credential
   * headers of large platforms and common parameter names are hidden anyway. With `mode: 'allow-list'` the two lists say what
   * may be seen instead, and all other values are hidden.
   */
  redact?: { mode?: 'deny-list' | 'allow-list'; headers?: readonly string[]; query?: readonly string[] };
  /** Further request headers that carry your platform's trace ids: kept first, and not part of the fingerprint. */
  trace?: readonly string[];
}

/** Options after validation. */
export interface GuardPlan<C> {
  readonly detect: GuardOptions<C>['detect'];
  readonly signals: readonly Signals[];
  readonly source: GuardOptions<C>['source'];
  readonly skip: GuardOptions<C>['skip'];
  readonly allow: GuardOptions<C>['allow'];
  readonly onResult: GuardOptions<C>['onResult'];
  readonly onRefused: GuardOptions<C>['onRefused'];
  readonly shadow: boolean;
  readonly headers: boolean;
  readonly detectTimeoutMs: number;
  readonly captureMax: number;
  readonly detectorFailurePasses: boolean;
  /** Also when the sender of a body may have made the detector late: only where the options say so in so many words. */
  readonly slowBodyPasses: boolean;
  readonly capture: CapturePlan;
}

const NAMES = [
  'detect',
  'signals',
  'source',
  'shadow',
  'skip',
  'allow',
  'onResult',
  'onRefused',
  'detectTimeoutMs',
  'captureTimeoutMs',
  'captureMax',
  'onDetectorFailure',
  'headers',
  'redact',
  'trace',
] as const satisfies readonly (keyof GuardOptions<unknown>)[];
const CAPTURES_MAX = 65_536;

/** Own properties only: an inherited `skip` or `shadow` would let pass what must not. */
export function planOf<C>(options: GuardOptions<C>, failMode: FailMode): GuardPlan<C> {
  const given = readGroup('tracehound.options', 'tracehound.', options ?? null, NAMES);
  const redact = readGroup('tracehound.redact', 'tracehound.redact.', given.redact, ['mode', 'headers', 'query']);
  const signals =
    given.signals === undefined ? [] : readList(part('signals'), given.signals, SIGNALS_LIST, readDetector);
  const detect = callable<NonNullable<GuardOptions<C>['detect']>>(part('detect'), given.detect);
  if (detect === undefined && signals.length === 0) throw wrongKind(part('detect'), 'a function', undefined);
  const redacted = secretNames({
    isAllowList: word(part('redact.mode'), redact.mode, ['deny-list', 'allow-list']) === 'allow-list',
    headers: names('redact.headers', redact.headers, readToken),
    query: names('redact.query', redact.query, readName),
    secrets: signals.flatMap((source) => source.secrets),
  });
  const usual = failMode === 'open' ? 'pass' : 'refuse';
  const failure = word(part('onDetectorFailure'), given.onDetectorFailure, ['pass', 'refuse'], usual);
  return {
    detect,
    signals,
    source: callable(part('source'), given.source),
    skip: callable(part('skip'), given.skip),
    allow: callable(part('allow'), given.allow),
    onResult: callable(part('onResult'), given.onResult),
    onRefused: callable(part('onRefused'), given.onRefused),
    shadow: readFlag(part('shadow'), given.shadow, false),
    headers: readFlag(part('headers'), given.headers, true),
    detectTimeoutMs: integer(part('detectTimeoutMs'), given.detectTimeoutMs, 1_000, 1, WAIT_MS_MAX, 'ms'),
    captureMax: integer(part('captureMax'), given.captureMax, 64, 0, CAPTURES_MAX),
    detectorFailurePasses: failure === 'pass',
    slowBodyPasses: given.onDetectorFailure === 'pass',
    capture: {
      redactHeaders: redacted.headers,
      redactQuery: redacted.query,
      trace: new Set([...TRACE_HEADERS, ...names('trace', given.trace, readToken)]),
      timeoutMs: integer(part('captureTimeoutMs'), given.captureTimeoutMs, 2_000, 1, WAIT_MS_MAX, 'ms'),
    },
  };
}

const part = (name: string): string => `tracehound.${name}`;

const SIGNALS_LIST = 'an array of signals';

/** What `tracehound/signals/…` make, or one of the user's own that answers the same. */
function readDetector(place: string, value: unknown): Signals {
  const signals = plug<Signals>(place, value, ['read'], 'what tracehound/signals/… make');
  readList(`${place}.secrets`, signals.secrets, 'an array of names', readToken);
  return signals;
}

const readName = (place: string, value: unknown): string => readText(place, value, 1).toLowerCase();

const names = (name: string, value: unknown, read: (place: string, value: unknown) => string): readonly string[] =>
  value === undefined ? [] : readList(part(name), value, 'an array of strings', read);
