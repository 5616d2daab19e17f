/**
 * The path of one request through an adapter: source → charge → skip or allow → detect → capture and refuse. The one
 * place that orders the five steps; every framework's adapter calls it.
 *
 * Relies on: `th.http` and `th.interceptAsync`, the user's functions (which may throw, hang and return anything), and
 * what an adapter tells about the request.
 * Refuses: to pass a flagged request, whatever fails after the signal; to let a user's failure become an answer; to
 * read anything of a request that the limiter has refused.
 *
 * Not trusted: the user's detector decides what is a threat. A detector that is wrong is wrong here too; one that
 * fails is recorded as UNINSPECTED and `onDetectorFailure` decides.
 *
 * @module
 */

import { TracehoundError } from '../errors';
import { LATE, within } from '../time/deadline';
import type {
  GuardedTracehound,
  InterceptResult,
  RateLimitResult,
  Scent,
  Source,
  ThreatSignal,
  Unheard,
} from '../types/index';
import { type Capture, capture, type Derivation, declaredLength, type Facts } from './capture';
import { DEAF, type Hearing, hear, SILENCE } from './hearing';
import type { Field } from './message';
import { type GuardOptions, planOf } from './options';
import { forbidden, limited, type Manner, rateFields, unavailable } from './refusal';

export type { GuardOptions } from './options';

/** One request, as an adapter presents it. */
export interface Visit<C> {
  /** What the user's functions get. */
  readonly context: C;
  /** The two arguments of the runtime's `source`. */
  readonly request: unknown;
  readonly platform: unknown;
  /** This request was already charged by the same instance: it is not charged again. */
  readonly receipt?: RateLimitResult | undefined;
  /** Asked for only when there is something to refuse or to keep. */
  facts(): Facts;
}

/** What an adapter has to do. */
export interface Outcome {
  /** Send this and nothing else. Absent: pass the request on. */
  readonly response?: Response;
  /** What was decided; absent when nobody looked (skipped, allowed, a failure that passed). */
  readonly result?: InterceptResult;
  readonly rate?: RateLimitResult | undefined;
  /** Add these to the application's answer. */
  readonly fields: readonly Field[];
  /** The application must read this instead of the request's body. */
  readonly body?: ReadableStream<Uint8Array>;
  /** Header fields that the application must not see: somebody forged a detector's voice. */
  readonly strip?: readonly string[];
}

export type Guard<C> = (visit: Visit<C>) => Promise<Outcome>;

const NO_FIELDS: readonly Field[] = [];

/** Builds the guard of one mounted middleware. Throws when the options are wrong. */
export function guard<C>(th: GuardedTracehound, options: GuardOptions<C>): Guard<C> {
  const port = th?.http;
  if (typeof port?.charge !== 'function') throw new TypeError('tracehound: no instance, expected createTracehound()');
  const plan = planOf(options, port.failMode);
  const { shadow } = plan;
  let capturing = 0;
  let failures = 0;

  /** Step 1. Synchronous: nothing may change what the request says about its sender before it is read. */
  function sourceOf(visit: Visit<C>): { source: Source; derivation: Derivation } {
    const own = attempt(visit, () => refusePromise(plan.source?.(visit.context)));
    if (own !== undefined && own !== null) return { source: own, derivation: 'option' };
    const found = attempt(visit, () => port.source(visit.request, visit.platform));
    // Nobody: the empty source is the one that all unknown clients share, and it is limited.
    return found === undefined || found === null
      ? { source: '', derivation: 'none' }
      : { source: found, derivation: 'runtime' };
  }

  async function decide(visit: Visit<C>): Promise<Outcome> {
    const origin = sourceOf(visit);

    // Step 2.
    let rate = visit.receipt;
    let broken = false;
    if (rate === undefined) {
      try {
        const charged = port.charge(origin.source, shadow ? 'observed' : 'refused');
        // Decided here, it costs no turn of the queue.
        rate = isThenable(charged) ? await charged : charged;
      } catch (error) {
        if (port.failMode === 'closed' && !shadow) return fail(visit, failed(error));
        // Open: what is flagged must still be refused, so the detector has to look.
        broken = true;
      }
    }
    const fields = visit.receipt === undefined ? fieldsOf(visit, rate, origin.source) : NO_FIELDS;
    if (rate !== undefined && !rate.allowed) return overLimit(visit, rate, fields);
    // Heard before anybody may pass: what is forged must not reach the application, whoever is allowed.
    const heard = plan.signals.length === 0 ? SILENCE : listen(visit, origin.source);
    const pass = (): Outcome => {
      attempt(visit, () => port.count('passed'));
      if (broken) attempt(visit, () => port.count('failedOpen'));
      // Shadow changes nothing, so it strips nothing.
      return shadow || heard.strip.length === 0 ? { rate, fields } : { rate, fields, strip: heard.strip };
    };

    // Step 3.
    if (attempt(visit, () => plan.skip?.(visit.context) === true)) {
      attempt(visit, () => port.count('skipped'));
      return pass();
    }
    if (plan.allow !== undefined && (await isAllowed(visit))) return pass();

    // Step 4.
    const found = heard.threat ?? (await inspect(visit)) ?? heard.failure;
    if (typeof found === 'string') {
      const passes = shadow || plan.detectorFailurePasses;
      const disposition = shadow ? 'observed' : passes ? 'passed' : 'refused';
      try {
        await port.uninspected(origin.source, disposition, recordable(found));
      } catch (error) {
        if (port.failMode === 'closed' && !shadow) return fail(visit, failed(error), rate, fields);
        broken = true;
      }
      return passes ? pass() : fail(visit, undefined, rate, fields);
    }
    if (found === undefined) {
      const result: InterceptResult = rate === undefined ? { status: 'clean' } : { status: 'clean', rate };
      tell(visit, result);
      return { ...pass(), result };
    }

    // Step 5. From here on the only way out is a refusal.
    return caught(visit, origin, found, rate, fields);
  }

  /** The detectors in front of us. */
  function listen(visit: Visit<C>, source: Source): Hearing {
    const view = attempt(visit, () => {
      const { headers, fields, peer } = visit.facts();
      return { headers, fields, peer, request: visit.request, source, now: port.now() };
    });
    return view === undefined ? DEAF : hear(plan.signals, view, (error) => report(visit, error));
  }

  async function isAllowed(visit: Visit<C>): Promise<boolean> {
    try {
      // Anything but a clear yes in time leaves the request to the detector.
      const answer = await within(Promise.resolve(plan.allow?.(visit.context)), plan.detectTimeoutMs);
      return answer === true;
    } catch (error) {
      report(visit, error);
      return false;
    }
  }

  async function inspect(visit: Visit<C>): Promise<ThreatSignal | undefined | 'threw' | 'timeout'> {
    try {
      let said: unknown = plan.detect?.(visit.context);
      if (isThenable(said)) said = await within(said, plan.detectTimeoutMs);
      if (said === LATE) return 'timeout';
      if (said === undefined || said === null || said === false) return undefined;
      // Something was said, but not a signal: a threat without a name. `intercept` writes `unknown` and `high`.
      return typeof said === 'object' ? (said as ThreatSignal) : ({} as ThreatSignal);
    } catch (error) {
      report(visit, error);
      return 'threw';
    }
  }

  async function caught(
    visit: Visit<C>,
    origin: { source: Source; derivation: Derivation },
    threat: ThreatSignal,
    rate: RateLimitResult | undefined,
    fields: readonly Field[],
  ): Promise<Outcome> {
    const taken = await take(visit, origin);
    const scent: Scent = {
      source: origin.source,
      threat,
      disposition: shadow ? 'observed' : 'refused',
      truncated: taken?.truncated ?? true,
    };
    if (rate !== undefined) scent.rate = rate;
    if (taken !== undefined) {
      scent.payload = taken.payload;
      scent.fingerprint = taken.fingerprint;
    }
    let result: InterceptResult;
    try {
      result = await th.interceptAsync(scent);
    } catch (error) {
      result = failed(error);
    }
    tell(visit, result);
    const charged = 'rate' in result && result.rate !== undefined ? result.rate : rate;
    if (shadow) {
      const body = taken?.rest?.();
      return body === undefined
        ? { result, rate: charged, fields: NO_FIELDS }
        : { result, rate: charged, fields: NO_FIELDS, body };
    }
    const drained = taken?.drained === true;
    const make = (manner: Manner): Response =>
      result.status === 'rate_limited'
        ? limited({ ...result.rate, ...result }, manner)
        : forbidden(traceOf(visit, result), manner);
    return refuse(visit, make, result, charged, fields, drained);
  }

  /** A capture that fails costs the payload, never the record of the threat. */
  async function take(
    visit: Visit<C>,
    origin: { source: Source; derivation: Derivation },
  ): Promise<Capture | undefined> {
    const free = capturing < plan.captureMax;
    if (free) capturing++;
    try {
      return await capture(visit.facts(), origin, port, plan.capture, free);
    } catch (error) {
      report(visit, error);
      return undefined;
    } finally {
      if (free) capturing--;
    }
  }

  function overLimit(visit: Visit<C>, rate: RateLimitResult, fields: readonly Field[]): Outcome | Promise<Outcome> {
    const { retryAfterMs, blocked } = rate;
    const result: InterceptResult = { status: 'rate_limited', rate, retryAfterMs, blocked };
    tell(visit, result);
    if (shadow) return { result, rate, fields: NO_FIELDS };
    return refuse(visit, (manner) => limited(rate, manner), result, rate, fields, false);
  }

  /** 503: nobody could look, and the configuration says that unseen requests may not pass. */
  function fail(
    visit: Visit<C>,
    result: InterceptResult | undefined,
    rate?: RateLimitResult,
    fields: readonly Field[] = NO_FIELDS,
  ): Promise<Outcome> {
    if (result !== undefined) tell(visit, result);
    return refuse(visit, unavailable, result, rate, fields, false);
  }

  async function refuse(
    visit: Visit<C>,
    make: (manner: Manner) => Response,
    result: InterceptResult | undefined,
    rate: RateLimitResult | undefined,
    fields: readonly Field[],
    drained: boolean,
  ): Promise<Outcome> {
    // If the request cannot even be described, it is still refused, and its connection is not trusted any further.
    const seen = attempt(visit, () => mannerOf(visit.facts(), drained)) ?? { head: false, close: true };
    let response = make({ ...seen, fields });
    if (plan.onRefused !== undefined) {
      try {
        const other: unknown = await plan.onRefused(visit.context, result, response);
        if (isResponse(other)) response = seen.close ? closing(other) : other;
      } catch (error) {
        report(visit, error);
      }
    }
    return result === undefined ? { response, rate, fields } : { response, result, rate, fields };
  }

  function fieldsOf(visit: Visit<C>, rate: RateLimitResult | undefined, source: Source): readonly Field[] {
    const { policy } = port;
    if (shadow || !plan.headers || rate === undefined || policy === undefined) return NO_FIELDS;
    return rateFields(
      policy,
      rate,
      attempt(visit, () => port.partition(source)),
    );
  }

  function traceOf(visit: Visit<C>, result: InterceptResult): string {
    const id = 'evidence' in result ? result.evidence.id : 'id' in result ? result.id : undefined;
    return attempt(visit, () => port.traceId(id)) ?? lostTrace();
  }

  function tell(visit: Visit<C>, result: InterceptResult): void {
    if (plan.onResult === undefined) return;
    const answer = attempt(visit, () => plan.onResult?.(visit.context, result));
    if (isThenable(answer)) attempt(visit, () => port.defer(Promise.resolve(answer), visit.platform));
  }

  /** What `act` gives; nothing when it throws, and then the runtime is told. */
  function attempt<T>(visit: Visit<C>, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      report(visit, error);
      return undefined;
    }
  }

  /**
   * A failure of the user's code or of a side matter: the runtime's to report, never ours to answer with. Only the
   * 1st, 2nd, 4th, 8th … is handed on: whoever finds a request that breaks the detector must not own the error log.
   */
  function report(visit: Visit<C>, error: unknown): void {
    failures++;
    if ((failures & (failures - 1)) !== 0) return;
    const failure = Promise.reject(error);
    failure.catch(() => {}); // reported or not, it must not end the process
    try {
      port.defer(failure, visit.platform);
    } catch {
      // The runtime cannot even report: there is nobody left to tell.
    }
  }

  return async (visit) => {
    try {
      return await decide(visit);
    } finally {
      attempt(visit, () => port.ship(visit.platform));
    }
  };
}

/** The record has no reason of its own yet for a detector that said nothing, or nothing that can be read. */
const recordable = (reason: Unheard | 'timeout'): 'threw' | 'timeout' => (reason === 'timeout' ? 'timeout' : 'threw');

/** Looks like a real one and leads nowhere: only a closed instance or a core beyond revival cannot make its own. */
function lostTrace(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function failed(error: unknown): InterceptResult {
  const known = error instanceof TracehoundError;
  return {
    status: 'error',
    error: known ? error : new TracehoundError('RUNTIME_FAILED', 'guard: the call failed', { cause: error }),
  };
}

function mannerOf({ method, headers, version }: Facts, drained: boolean): Omit<Manner, 'fields'> {
  const length = declaredLength(headers);
  const left = !drained && length !== 'none' && length !== '0';
  return { head: method === 'HEAD', close: left && version?.startsWith('1') === true };
}

/** `source` must be known before any `await`: a promise is a mistake that would put all clients into one bucket. */
function refusePromise<T>(value: T): T {
  if (isThenable(value)) throw new TypeError('tracehound: `source` returned a promise, expected a source at once');
  return value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** By shape: servers replace the global `Response`, and `instanceof` fails between the two. */
function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Response;
  return typeof status === 'number' && typeof headers?.set === 'function';
}

/** A replaced refusal still ends the connection. Fetched responses have immutable headers, so a copy is made. */
function closing(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set('Connection', 'close');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
