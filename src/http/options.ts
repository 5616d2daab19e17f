/**
 * The options of `tracehound(th, options)`, the same in every adapter, checked before the first request.
 *
 * Relies on: nothing. Refuses: unknown names, wrong kinds (`TypeError`) and wrong values (`RangeError`), each with
 * part, problem, expectation and the kind of what came.
 *
 * @module
 */

import { WAIT_MS_MAX } from '../time/deadline';
import type { FailMode, Inspection, InterceptResult, Signals, Source, ThreatSignal } from '../types/index';
import type { CapturePlan } from './capture';
import { TRACE_HEADERS } from './fingerprint';
import { SECRET_HEADERS } from './redaction';

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
  /** Further secrets: header names and query parameters (compared without case). */
  redact?: { headers?: readonly string[]; query?: readonly string[] };
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

const NAMES: ReadonlySet<string> = new Set<keyof GuardOptions<unknown>>([
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
]);
const REDACT_NAMES: ReadonlySet<string> = new Set(['headers', 'query']);
const CAPTURES_MAX = 65_536;

/** RFC 9110 §5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

export function planOf<C>(given: GuardOptions<C>, failMode: FailMode): GuardPlan<C> {
  known('options', given, NAMES);
  const redact = given.redact ?? {};
  known('redact', redact, REDACT_NAMES);
  const failure = given.onDetectorFailure ?? (failMode === 'open' ? 'pass' : 'refuse');
  if (failure !== 'pass' && failure !== 'refuse') {
    throw wrong('onDetectorFailure', "'pass' or 'refuse'", failure, typeof failure === 'string');
  }
  const signals = sources(given.signals);
  if (typeof given.detect !== 'function' && (given.detect !== undefined || signals.length === 0)) {
    throw wrong('detect', 'a function', given.detect, false);
  }
  const secrets = [...SECRET_HEADERS, ...signals.flatMap((source) => source.secrets)];
  return {
    detect: given.detect,
    signals,
    source: callable('source', given.source),
    skip: callable('skip', given.skip),
    allow: callable('allow', given.allow),
    onResult: callable('onResult', given.onResult),
    onRefused: callable('onRefused', given.onRefused),
    shadow: truth('shadow', given.shadow, false),
    headers: truth('headers', given.headers, true),
    detectTimeoutMs: integer('detectTimeoutMs', given.detectTimeoutMs, 1_000, 1, WAIT_MS_MAX),
    captureMax: integer('captureMax', given.captureMax, 64, 0, CAPTURES_MAX),
    detectorFailurePasses: failure === 'pass',
    slowBodyPasses: given.onDetectorFailure === 'pass',
    capture: {
      redactHeaders: names('redact.headers', redact.headers, secrets, true),
      redactQuery: names('redact.query', redact.query, [], false),
      trace: names('trace', given.trace, TRACE_HEADERS, true),
      timeoutMs: integer('captureTimeoutMs', given.captureTimeoutMs, 2_000, 1, WAIT_MS_MAX),
    },
  };
}

function known(part: string, given: unknown, allowed: ReadonlySet<string>): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrong(part, 'an object', given, false);
  for (const name of Object.keys(given)) {
    if (allowed.has(name)) continue;
    const said = JSON.stringify(name.slice(0, 64));
    throw new TypeError(`tracehound: unknown name in \`${part}\`, expected ${[...allowed].join(', ')}, got ${said}`);
  }
}

function sources(value: readonly Signals[] | undefined): readonly Signals[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong('signals', 'an array of signals', value, false);
  for (const one of value) {
    if (typeof one?.read === 'function' && Array.isArray(one.secrets)) continue;
    throw wrong('signals', 'what tracehound/signals/… make', one, false);
  }
  return [...value];
}

function callable<F>(name: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', value, false);
  return value;
}

function truth(name: string, value: boolean | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw wrong(name, 'true or false', value, false);
  return value;
}

function integer(name: string, value: number | undefined, otherwise: number, from: number, to: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw wrong(name, `an integer from ${from} to ${to}`, value, false);
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  throw wrong(name, `an integer from ${from} to ${to}`, value, true);
}

function names(
  name: string,
  value: readonly string[] | undefined,
  always: readonly string[],
  tokens: boolean,
): ReadonlySet<string> {
  if (value === undefined) return new Set(always);
  if (!Array.isArray(value)) throw wrong(name, 'an array of strings', value, false);
  for (const item of value) {
    if (typeof item !== 'string') throw wrong(name, 'an array of strings', item, false);
    if (item === '' || (tokens && !TOKEN.test(item))) throw wrong(name, 'names without spaces', item, true);
  }
  return new Set([...always, ...value.map((item) => item.toLowerCase())]);
}

/** The right kind with a wrong value is a `RangeError`, a wrong kind a `TypeError`. */
function wrong(name: string, expected: string, got: unknown, rightKind: boolean): Error {
  const message = `tracehound: invalid \`${name}\`, expected ${expected}, got ${rightKind ? 'another ' : ''}${kindOf(got)}`;
  return rightKind ? new RangeError(message) : new TypeError(message);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'number (NaN)' : typeof value;
}
