/**
 * The passage of one request: source → charge → skip or allow → detect → capture and refuse. One object per visit, one
 * method per step; nothing of it outlives the answer.
 *
 * Relies on: its post, `th.http` and `th.interceptAsync`, the user's functions (which may throw, hang and return
 * anything), and what an adapter tells about the request.
 * Refuses: to pass a flagged request, whatever fails after the signal; to let a user's failure become an answer; to read
 * anything of a request that the limiter has refused.
 */
import { TracehoundError } from '../errors';
import { LATE, within } from '../time/deadline';
import type { InterceptResult, RateLimitResult, Scent, ThreatSignal, Unheard } from '../types/index';
import { type Capture, capture, declaredLength, type Facts } from './capture';
import { NOT_ASKABLE, NOT_ASKED, readSignals, type Said } from './hearing';
import type { Field } from './message';
import type { Post } from './post';
import { forbidden, limited, type Manner, rateFields, unavailable } from './refusal';
import type { Asker, Outcome, Visit } from './visit';

const NO_FIELDS: readonly Field[] = [];

/** What an inspection found: a threat, nothing, or how it failed. */
type Finding = ThreatSignal | undefined | Unheard | 'timeout';

export class Passage<C> {
  readonly #post: Post<C>;
  readonly #visit: Visit<C>;
  readonly #asker: Asker;
  #rate: RateLimitResult | undefined;
  #fields: readonly Field[] = NO_FIELDS;
  #said: Said = NOT_ASKED;
  /** We failed on this request, and the configuration lets unflagged ones pass all the same. */
  #failedOpen = false;

  /** Reads the source at once: nothing may change what the request says about its sender before it is read. */
  constructor(post: Post<C>, visit: Visit<C>) {
    this.#post = post;
    this.#visit = visit;
    this.#asker = this.#ask();
    this.#rate = visit.receipt;
  }

  async decide(): Promise<Outcome> {
    return (await this.#charge()) ?? this.#look();
  }

  // ── step 1: who is asking ───────────────────────────────────────────────────────────────────────

  #ask(): Asker {
    const { plan, th } = this.#post;
    const { context, request, platform } = this.#visit;
    const own = this.#attempt(() => refusePromise(plan.source?.(context)));
    if (own !== undefined && own !== null) return { source: own, derivation: 'option' };
    const found = this.#attempt(() => th.http.runtime.source(request, platform));
    // Nobody: the empty source is the one that all unknown clients share, and it is limited.
    if (found === undefined || found === null) return { source: '', derivation: 'none' };
    return { source: found, derivation: 'runtime' };
  }

  // ── step 2: the charge ──────────────────────────────────────────────────────────────────────────

  /** An outcome when the request ends here. */
  async #charge(): Promise<Outcome | undefined> {
    const { th, plan } = this.#post;
    if (this.#rate === undefined) {
      try {
        const charged = th.http.limits.charge(this.#asker.source, plan.shadow ? 'observed' : 'refused');
        // Decided here, it costs no turn of the queue.
        this.#rate = isThenable(charged) ? await charged : charged;
      } catch (error) {
        // Open: what is flagged must still be refused, so the detector has to look.
        if (this.#failsClosed()) return this.#fail(failed(error));
        this.#failedOpen = true;
      }
    }
    if (this.#visit.receipt === undefined) this.#fields = this.#fieldsOf(this.#rate);
    return this.#rate === undefined || this.#rate.allowed ? undefined : this.#overLimit(this.#rate);
  }

  #fieldsOf(rate: RateLimitResult | undefined): readonly Field[] {
    const { th, plan } = this.#post;
    const { policy } = th.http.limits;
    if (plan.shadow || !plan.headers || rate === undefined || policy === undefined) return NO_FIELDS;
    const partition = this.#attempt(() => th.http.limits.partition(this.#asker.source));
    return rateFields(policy, rate, partition);
  }

  #overLimit(rate: RateLimitResult): Outcome | Promise<Outcome> {
    const { retryAfterMs, blocked } = rate;
    const result: InterceptResult = { status: 'rate_limited', rate, retryAfterMs, blocked };
    this.#tell(result);
    if (this.#post.plan.shadow) return { result, rate, fields: NO_FIELDS };
    return this.#refuse((manner) => limited(rate, manner), result);
  }

  // ── step 3 and 4: skip, allow, detect ───────────────────────────────────────────────────────────

  async #look(): Promise<Outcome> {
    const { plan } = this.#post;
    // Read before anybody may pass: what is forged must not reach the application, whoever is allowed.
    if (plan.signals.length > 0) this.#said = this.#listen();
    if (this.#attempt(() => plan.skip?.(this.#visit.context) === true)) {
      this.#attempt(() => this.#post.th.http.counters.count('skipped'));
      return this.#pass();
    }
    if (plan.allow !== undefined && (await this.#isAllowed())) return this.#pass();
    const found = this.#said.threat ?? (await this.#inspect()) ?? this.#said.failure;
    if (typeof found === 'string') return this.#uninspected(found);
    if (found !== undefined) return this.#caught(found);
    const result: InterceptResult =
      this.#rate === undefined ? { status: 'clean' } : { status: 'clean', rate: this.#rate };
    this.#tell(result);
    return { ...this.#pass(), result };
  }

  /** Reads the detectors in front of us. */
  #listen(): Said {
    const { th, plan } = this.#post;
    const { request } = this.#visit;
    const view = this.#attempt(() => {
      const { headers, fields, peer } = this.#visit.facts();
      return { headers, fields, peer, request, source: this.#asker.source, now: th.http.runtime.now() };
    });
    return view === undefined ? NOT_ASKABLE : readSignals(plan.signals, view, (error) => this.#report(error));
  }

  async #isAllowed(): Promise<boolean> {
    const { plan } = this.#post;
    try {
      // Anything but a clear yes in time leaves the request to the detector.
      return (await within(Promise.resolve(plan.allow?.(this.#visit.context)), plan.detectTimeoutMs)) === true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  async #inspect(): Promise<Finding> {
    const { plan } = this.#post;
    try {
      let said: unknown = plan.detect?.(this.#visit.context);
      if (isThenable(said)) said = await within(said, plan.detectTimeoutMs);
      if (said === LATE) return 'timeout';
      if (said === undefined || said === null || said === false) return undefined;
      // Something was said, but not a signal: a threat without a name. `intercept` writes `unknown` and `high`.
      return typeof said === 'object' ? (said as ThreatSignal) : ({} as ThreatSignal);
    } catch (error) {
      this.#report(error);
      return 'threw';
    }
  }

  async #uninspected(how: Unheard | 'timeout'): Promise<Outcome> {
    const { th, plan } = this.#post;
    const passes = plan.shadow || plan.detectorFailurePasses;
    const disposition = plan.shadow ? 'observed' : passes ? 'passed' : 'refused';
    try {
      await th.http.counters.uninspected(this.#asker.source, disposition, recordable(how));
    } catch (error) {
      if (this.#failsClosed()) return this.#fail(failed(error));
      this.#failedOpen = true;
    }
    return passes ? this.#pass() : this.#fail(undefined);
  }

  #pass(): Outcome {
    const { counters } = this.#post.th.http;
    this.#attempt(() => counters.count('passed'));
    if (this.#failedOpen) this.#attempt(() => counters.count('failedOpen'));
    const passed = { rate: this.#rate, fields: this.#fields };
    const { strip } = this.#said;
    // Shadow changes nothing, so it strips nothing.
    return this.#post.plan.shadow || strip.length === 0 ? passed : { ...passed, strip };
  }

  // ── step 5: from here on the only way out is a refusal ──────────────────────────────────────────

  async #caught(threat: ThreatSignal): Promise<Outcome> {
    const { th, plan } = this.#post;
    const taken = await this.#take();
    const scent: Scent = {
      source: this.#asker.source,
      threat,
      disposition: plan.shadow ? 'observed' : 'refused',
      truncated: taken?.truncated ?? true,
    };
    if (this.#rate !== undefined) scent.rate = this.#rate;
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
    this.#tell(result);
    if ('rate' in result && result.rate !== undefined) this.#rate = result.rate;
    if (plan.shadow) {
      const body = taken?.rest?.();
      const seen = { result, rate: this.#rate, fields: NO_FIELDS };
      return body === undefined ? seen : { ...seen, body };
    }
    const make = (manner: Manner): Response =>
      result.status === 'rate_limited'
        ? limited({ ...result.rate, ...result }, manner)
        : forbidden(this.#traceOf(result), manner);
    return this.#refuse(make, result, taken?.drained === true);
  }

  /** A capture that fails costs the payload, never the record of the threat. */
  async #take(): Promise<Capture | undefined> {
    const { th, plan, slots } = this.#post;
    const port = { ...th.http.settings, redact: th.http.keys.redact };
    try {
      return await capture(this.#visit.facts(), this.#asker, port, plan.capture, slots);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #traceOf(result: InterceptResult): string {
    const id = 'evidence' in result ? result.evidence.id : 'id' in result ? result.id : undefined;
    return this.#attempt(() => this.#post.th.http.keys.traceId(id)) ?? lostTrace();
  }

  // ── refusals ────────────────────────────────────────────────────────────────────────────────────

  #failsClosed(): boolean {
    const { th, plan } = this.#post;
    return th.http.settings.failMode === 'closed' && !plan.shadow;
  }

  /** 503: nobody could look, and the configuration says that unseen requests may not pass. */
  #fail(result: InterceptResult | undefined): Promise<Outcome> {
    if (result !== undefined) this.#tell(result);
    return this.#refuse(unavailable, result);
  }

  async #refuse(
    make: (manner: Manner) => Response,
    result: InterceptResult | undefined,
    drained = false,
  ): Promise<Outcome> {
    const { onRefused } = this.#post.plan;
    // If the request cannot even be described, it is still refused, and its connection is not trusted any further.
    const seen = this.#attempt(() => mannerOf(this.#visit.facts(), drained)) ?? { head: false, close: true };
    let response = make({ ...seen, fields: this.#fields });
    if (onRefused !== undefined) {
      try {
        const other: unknown = await onRefused(this.#visit.context, result, response);
        if (isResponse(other)) response = seen.close ? closing(other) : other;
      } catch (error) {
        this.#report(error);
      }
    }
    const refused = { response, rate: this.#rate, fields: this.#fields };
    return result === undefined ? refused : { ...refused, result };
  }

  #tell(result: InterceptResult): void {
    const { plan, th } = this.#post;
    if (plan.onResult === undefined) return;
    const answer = this.#attempt(() => plan.onResult?.(this.#visit.context, result));
    if (!isThenable(answer)) return;
    this.#attempt(() => th.http.runtime.defer(Promise.resolve(answer), this.#visit.platform));
  }

  #attempt<T>(act: () => T): T | undefined {
    return this.#post.attempt(this.#visit.platform, act);
  }

  #report(error: unknown): void {
    this.#post.report(this.#visit.platform, error);
  }
}

/** Looks like a real one and leads nowhere: only a closed instance or a core beyond revival cannot make its own. */
function lostTrace(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function failed(error: unknown): InterceptResult {
  const known = error instanceof TracehoundError;
  return {
    status: 'error',
    error: known
      ? error
      : new TracehoundError('RUNTIME_FAILED', 'guard: the call failed, expected an answer, got an error', {
          cause: error,
        }),
  };
}

function mannerOf({ method, headers, version }: Facts, drained: boolean): Omit<Manner, 'fields'> {
  const length = declaredLength(headers);
  const left = !drained && length !== 'none' && length !== '0';
  return { head: method === 'HEAD', close: left && version?.startsWith('1') === true };
}

/** `source` must be known before any `await`: a promise is a mistake that would put all clients into one bucket. */
function refusePromise<T>(value: T): T {
  if (isThenable(value)) throw new TypeError('tracehound.source: not at once, expected a source, got a promise');
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

/** The record has no reason of its own yet for a detector that said nothing, or nothing that can be read. */
const recordable = (how: Unheard | 'timeout'): 'threw' | 'timeout' => (how === 'timeout' ? 'timeout' : 'threw');
