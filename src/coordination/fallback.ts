/**
 * Asking others who decide about a source, with an answer of one's own when they do not answer.
 *
 *   request ─▶ a block that is known here │ one in the list ─▶ the decider ─▶ its answer
 *                                                               └─ out of reach: the instance here, `degraded`
 *
 * Relies on: deciders that reject in time (asking.ts); a local instance with the same settings. Refuses: to lose evidence
 * because nobody answers: what no decider takes, the local instance keeps.
 *
 * @module
 */
import { LATE, within } from '../time/deadline';
import { Failures } from '../time/retry';
import type { Disposition, RateLimitResult, Source, Tracehound } from '../types/index';
import { BELIEVED_MS } from './mirror';

/** Who decides about a share of the sources. */
export interface Decider {
  charge(source: Source, disposition?: Disposition): Promise<RateLimitResult | undefined>;
}

export interface FallbackPort<Other extends Decider> {
  readonly local: Tracehound;
  deciderOf(source: Source): Other;
  /** Ms that a source is blocked for, as a list says that others write. Default: nobody lists blocks. */
  readonly listedMs: ((source: Source) => Promise<number>) | undefined;
  readonly timeoutMs: number;
  /** What becomes of an unflagged request whose decider does not answer: the local limiter, or `failMode`. */
  readonly whenUnreachable: 'local' | 'fail';
}

export class Fallback<Other extends Decider> {
  readonly #port: FallbackPort<Other>;
  readonly #failures = new Failures();

  constructor(port: FallbackPort<Other>) {
    this.#port = port;
  }

  /** Charges one request where its source is decided about. Rejects only with `whenUnreachable: 'fail'`. */
  async charge(source: Source, disposition?: Disposition): Promise<RateLimitResult | undefined> {
    const { local, whenUnreachable } = this.#port;
    const { limits } = local.http;
    if (limits.policy === undefined) return undefined;
    const here = (): RateLimitResult | undefined => limits.charge(source, disposition);
    if (local.rateLimiter.peek(source).blocked || (await this.#isListed(source))) return here();
    return this.elsewhere(
      source,
      async (decider) => {
        const rate = await decider.charge(source, disposition);
        if (rate?.blocked) this.#remember(source, rate.retryAfterMs);
        return rate;
      },
      (error) => {
        if (whenUnreachable === 'fail') throw error;
        const rate = here();
        return rate && { ...rate, degraded: true };
      },
    );
  }

  /** What `ask` answers; what `here` makes of it when that fails. */
  async elsewhere<T>(
    source: Source,
    ask: (decider: Other) => Promise<T>,
    here: (error: unknown) => T | Promise<T>,
  ): Promise<T> {
    try {
      return await ask(this.#port.deciderOf(source));
    } catch (error) {
      this.#report(error);
      return here(error);
    }
  }

  /** Whether the list says that the source is blocked; the local instance knows it from then on. */
  async #isListed(source: Source): Promise<boolean> {
    const { listedMs, timeoutMs } = this.#port;
    if (listedMs === undefined) return false;
    try {
      const ms = await within(listedMs(source), timeoutMs);
      if (ms === LATE || !(ms > 0)) return false;
      this.#remember(source, ms);
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  #remember(source: Source, ms: number): void {
    // A block that was lifted is believed no longer than the list's.
    if (ms >= 1) this.#port.local.rateLimiter.block(source, Math.min(ms, BELIEVED_MS));
  }

  /** To the platform's log, now and then: a decider that is gone must not fill it. */
  #report(error: unknown): void {
    if (this.#failures.add()) this.#port.local.http.runtime.defer(Promise.reject(error));
  }
}
