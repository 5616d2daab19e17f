/**
 * The passage of one request: source → skip or allow → charge → detect → capture and refuse. One object per visit, one
 * method per step; nothing of it outlives the answer.
 *
 * Relies on: its post, `th.http` and `th.interceptAsync`, the user's functions (which may throw, hang and return
 * anything), and what an adapter tells about the request.
 * Refuses: to pass a flagged request, whatever fails after the signal; to let a user's failure become an answer; to read
 * anything of a request that the limiter has refused; to hand a request to the application when its client has gone.
 */
import { TracehoundError } from '../errors';
import { LATE, within } from '../time/deadline';
import type { HttpCounters, InterceptResult, RateLimitResult, Scent, ThreatSignal, Unheard } from '../types/index';
import { isThenable } from '../validate/at-once';
import { askerOf } from './asker';
import { type Capture, capture } from './capture';
import { type Exemption, exemption } from './exempt';
import { NOT_ASKABLE, NOT_ASKED, readSignals, type Said } from './hearing';
import type { Field } from './message';
import type { Post } from './post';
import { Reading } from './reading';
import { receiptOf } from './receipts';
import {
  closing,
  forbidden,
  isResponse,
  limited,
  type Manner,
  mannerOf,
  rateFields,
  unavailable,
  unserved,
} from './refusal';
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
  #reading: Reading | undefined;
  /** Charged by a guard further outside. */
  readonly #hasReceipt: boolean;
  /** We failed on this request, and the configuration lets unflagged ones pass all the same. */
  #failedOpen = false;

  /** Reads the source at once: nothing may change what the request says about its sender before it is read. */
  constructor(post: Post<C>, visit: Visit<C>) {
    this.#post = post;
    this.#visit = visit;
    this.#asker = askerOf(post, visit);
    this.#rate = visit.receipt ?? this.#attempt(() => receiptOf(post.th, visit.request, visit.platform));
    this.#hasReceipt = this.#rate !== undefined;
  }

  async decide(): Promise<Outcome> {
    // Who is asking cannot be known in time: nobody may pass on another's account.
    if (this.#asker.late && !this.#post.plan.shadow) return this.#uninspected('threw');
    const exempt = exemption(this.#post, this.#visit, this.#asker.source);
    const rule = exempt instanceof Promise ? await exempt : exempt;
    if (rule !== undefined) return this.#passExempt(rule);
    return (await this.#charge()) ?? this.#look();
  }

  // ── exempt ──────────────────────────────────────────────────────────────────────────────────────

  /** Neither charged nor inspected; but what is forged must not reach the application, whoever is exempt. */
  async #passExempt(rule: Exemption): Promise<Outcome> {
    if (this.#post.plan.signals.length > 0) this.#said = this.#listen();
    // Seen once: by this guard, or by the one further outside that charged it.
    this.#count(this.#hasReceipt ? 'passed' : rule);
    return (await this.#isGone()) ? this.#unserved() : this.#pass();
  }

  // ── step 3: the charge ──────────────────────────────────────────────────────────────────────────

  /** An outcome when the request ends here. */
  async #charge(): Promise<Outcome | undefined> {
    const { th, plan } = this.#post;
    if (!this.#hasReceipt) {
      try {
        const charged = th.http.limits.charge(this.#asker.source, plan.shadow ? 'observed' : 'refused');
        // Decided here, it costs no turn of the queue.
        this.#rate = isThenable(charged) ? await charged : charged;
      } catch (error) {
        // Open: what is flagged must still be refused, so the detector has to look.
        if (this.#failsClosed()) return this.#fail(failed(error));
        this.#failedOpen = true;
      }
      this.#fields = this.#fieldsOf(this.#rate);
    }
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
    return this.#refuse((manner) => limited(rate, this.#traceOf(result), manner), result);
  }

  // ── step 4: detect ──────────────────────────────────────────────────────────────────────────────

  async #look(): Promise<Outcome> {
    if (this.#post.plan.signals.length > 0) this.#said = this.#listen();
    const found = this.#said.threat ?? (await this.#inspect()) ?? this.#said.failure;
    if (typeof found === 'string') return this.#uninspected(found);
    if (found !== undefined) return this.#caught(found);
    if (await this.#isGone()) {
      this.#count('gone');
      return this.#unserved();
    }
    const result: InterceptResult =
      this.#rate === undefined ? { status: 'clean' } : { status: 'clean', rate: this.#rate };
    this.#tell(result);
    this.#count('passed');
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

  async #inspect(): Promise<Finding> {
    const { detect, detectTimeoutMs } = this.#post.plan;
    if (detect === undefined) return undefined;
    try {
      this.#reading = new Reading(() => this.#visit.facts());
      let said: unknown = detect(this.#visit.context, this.#reading.inspection);
      if (isThenable(said)) said = await within(said, detectTimeoutMs);
      if (said === LATE) return 'timeout';
      if (said === undefined || said === null || said === false) return undefined;
      // Something was said, but not a signal: a threat without a name. `intercept` writes `unknown` and `high`.
      return typeof said === 'object' ? (said as ThreatSignal) : ({} as ThreatSignal);
    } catch (error) {
      this.#report(error);
      return 'threw';
    } finally {
      this.#reading?.close();
    }
  }

  async #uninspected(how: Unheard | 'timeout'): Promise<Outcome> {
    const { th, plan } = this.#post;
    const isGone = await this.#isGone();
    const isUnsent = await this.#isUnsent(how);
    const mayPass = plan.detectorFailurePasses && (plan.slowBodyPasses || !isUnsent);
    const passes = plan.shadow || (!isGone && !this.#asker.late && mayPass);
    const disposition = plan.shadow ? 'observed' : passes ? 'passed' : 'refused';
    try {
      await th.http.counters.uninspected(this.#asker.source, disposition, isUnsent ? 'unsent' : how);
    } catch (error) {
      if (this.#failsClosed()) return this.#fail(failed(error));
      this.#failedOpen = true;
    }
    if (!passes) return isGone ? this.#unserved() : this.#fail(undefined);
    this.#count('passed');
    return this.#pass();
  }

  /** Whether the body had not come whole when the detector failed: its sender had the failure in hand. */
  async #isUnsent(how: Unheard | 'timeout'): Promise<boolean> {
    if (this.#reading === undefined) return false;
    try {
      return await this.#reading.isWaiting(how !== 'timeout');
    } catch (error) {
      this.#report(error);
      return true;
    }
  }

  /** The way to the application. */
  #pass(): Outcome {
    if (this.#failedOpen) this.#count('failedOpen');
    const passed = { rate: this.#rate, fields: this.#fields };
    const { strip } = this.#said;
    const body = this.#reading?.rest();
    return {
      ...passed,
      ...(body === undefined ? {} : { body }),
      // Shadow changes nothing, so it strips nothing.
      ...(this.#post.plan.shadow || strip.length === 0 ? {} : { strip }),
    };
  }

  /** Whether nobody is left to be answered, or the request cannot be read as one. Asked last: much happens meanwhile. */
  #isGone(): boolean | Promise<boolean> {
    const { th, plan } = this.#post;
    const { request, platform, misread } = this.#visit;
    if (plan.shadow) return false;
    return misread === true || (this.#attempt(() => th.http.runtime.gone(request, platform)) ?? false);
  }

  /** Nobody is told: there is nothing to decide about. */
  async #unserved(): Promise<Outcome> {
    const seen = this.#attempt(() => mannerOf(this.#visit.facts(), false)) ?? { head: false, close: true };
    return { response: unserved({ ...seen, fields: this.#fields }), rate: this.#rate, fields: this.#fields };
  }

  #count(what: Parameters<HttpCounters['count']>[0]): void {
    this.#attempt(() => this.#post.th.http.counters.count(what));
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
        ? limited({ ...result.rate, ...result }, this.#traceOf(result), manner)
        : forbidden(this.#traceOf(result), manner);
    return this.#refuse(make, result, taken?.drained === true);
  }

  /** A capture that fails costs the payload, never the record of the threat. */
  async #take(): Promise<Capture | undefined> {
    const { th, plan, slots } = this.#post;
    const port = { ...th.http.settings, redact: th.http.keys.redact };
    try {
      return await capture(this.#reading?.facts() ?? this.#visit.facts(), this.#asker, port, plan.capture, slots);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #traceOf(result: InterceptResult): string {
    const { keys } = this.#post.th.http;
    const id = 'evidence' in result ? result.evidence.id : 'id' in result ? result.id : undefined;
    const make = () => (result.status === 'rate_limited' ? keys.traceOf(this.#asker.source) : keys.traceId(id));
    return this.#attempt(make) ?? lostTrace();
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
