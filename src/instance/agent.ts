/**
 * The agent answers one scent: reads it once, asks the core once, names the verdict. `intercept` and `interceptAsync`
 * are one path; the second may let the platform hash a large payload while others are served.
 *
 * Relies on: engine, scent. Refuses: to throw. A flagged scent is never answered `clean`, and never `error` because of
 * what it contains: content that stops the core is recorded as dropped by the core that takes over.
 */

import { DISPOSITIONS, type Engine, type Question, type Status } from '../engine/index';
import { TracehoundError } from '../errors';
import { sidecar } from '../formats/sidecar';
import type { InterceptResult, PlatformLimiter, RateLimitResult, Runtime, Source } from '../types/index';
import { atOnce } from '../validate/at-once';
import { closedError } from './clock';
import { type NormalScent, readScent, readSource, type UnreadableScent } from './scent';

/**
 * What is shorter is hashed in the core rather than awaited: one `subtle.digest` costs about 19 µs on Node. A runtime whose
 * core is interpreted has a bound of its own.
 */
const ASYNC_DIGEST_BYTES = 8_192;

const encoder = new TextEncoder();
const OBSERVED = DISPOSITIONS.indexOf('observed');

type Charged = Extract<InterceptResult, { status: 'clean' | 'rate_limited' }>;

export type StatusCounts = Record<InterceptResult['status'], number>;

/** How an unflagged request ends without a verdict of the core. */
const UNFLAGGED = ['passed', 'skipped', 'allowed', 'gone'] as const;

export class Agent {
  readonly #engine: Engine;
  readonly #now: () => number;
  readonly #runtime: Runtime;
  readonly #payloadBytesMax: number;
  readonly #asyncDigestBytes: number;
  /** Why no record may be appended now; only where there can be a reason. */
  readonly #refusal: (() => TracehoundError | undefined) | undefined;
  /** Asked in place of the core's limiter. */
  readonly #limiter: PlatformLimiter | undefined;
  /** Told when a record may have been appended. */
  readonly #acted: () => void;
  #closed = false;
  /** Requests that `allow` exempted. */
  allowed = 0;
  /** Requests whose client left before they were passed on. */
  gone = 0;
  /** Answers given, by status. */
  readonly counts: StatusCounts = {
    clean: 0,
    rate_limited: 0,
    quarantined: 0,
    duplicate: 0,
    dropped: 0,
    payload_too_large: 0,
    error: 0,
  };

  constructor(
    engine: Engine,
    now: () => number,
    runtime: Runtime,
    refusal: (() => TracehoundError | undefined) | undefined,
    limiter: PlatformLimiter | undefined,
    acted: () => void,
  ) {
    this.#acted = acted;
    this.#refusal = refusal;
    this.#limiter = limiter;
    this.#engine = engine;
    this.#now = now;
    this.#runtime = runtime;
    this.#payloadBytesMax = engine.config.maxPayloadBytes;
    this.#asyncDigestBytes = runtime.asyncDigestBytes ?? ASYNC_DIGEST_BYTES;
  }

  close(): void {
    this.#closed = true;
  }

  intercept(scent: unknown): InterceptResult {
    try {
      return this.#count(this.#answer(readScent(scent, this.#payloadBytesMax), this.#now(), undefined));
    } catch (cause) {
      return this.#count(failedResult(cause));
    }
  }

  async interceptAsync(scent: unknown): Promise<InterceptResult> {
    try {
      const read = readScent(scent, this.#payloadBytesMax);
      // Who is refused costs no digest, and is answered and counted as by `intercept`.
      if (!read.ok || !this.#worthWaiting(read) || this.#refuses(read)) {
        return this.#count(this.#answer(read, this.#now(), undefined));
      }
      // The caller may change its bytes while we wait: what is hashed must be what is kept.
      const scentNow = ownScent(read);
      let charged: Charged | undefined;
      try {
        charged = this.#charge(scentNow);
      } catch (error) {
        // The fresh core answers without the wait: a stop here must not cost the evidence.
        if (!isPanic(error)) throw error;
        return this.#count(this.#answer(scentNow, this.#now(), undefined));
      }
      if (charged !== undefined && charged.status === 'rate_limited') return this.#count(charged);
      const hashes = await this.#digests(scentNow);
      const receipt = charged?.rate;
      return this.#count(this.#answer(scentNow, this.#now(), hashes, receipt));
    } catch (cause) {
      return this.#count(failedResult(cause));
    }
  }

  /** Charges one request of `source` as `intercept` would; the adapters' first step. Throws `TracehoundError`. */
  charge(source: Source, observed: boolean): RateLimitResult | undefined {
    if (this.#closed) throw closedError();
    const refusal = this.#refusal?.();
    if (refusal !== undefined) throw refusal;
    if (this.#limiter !== undefined) return this.#chargeElsewhere(this.#limiter, source, observed);
    if (this.#engine.config.limit === 0) return undefined;
    const status = this.#engine.pass(this.#now(), readSource(source), false, observed);
    if (status === 'rate_limited') {
      this.counts.rate_limited++;
      this.#acted();
    }
    return this.#engine.rate();
  }

  #chargeElsewhere(limiter: PlatformLimiter, source: Source, observed: boolean): RateLimitResult {
    const rate = atOnce('limiter.charge', limiter.charge(source));
    const now = this.#now();
    if (rate.allowed) {
      this.#engine.count(now, 'seen');
    } else {
      this.counts.rate_limited++;
      this.#engine.refused(now, readSource(source), rate.blocked, observed);
      this.#acted();
    }
    return rate;
  }

  /**
   * An unflagged request that ended without a verdict of the core: it passed, was exempt, or its client had gone. Each is
   * seen once: by its charge, or here, where nothing was charged.
   */
  count(what: (typeof UNFLAGGED)[number]): void {
    const now = this.#now();
    if (this.#closed) throw closedError();
    if (!UNFLAGGED.includes(what)) {
      throw new RangeError(`count: unknown, expected ${UNFLAGGED.join(' | ')}, got another word`);
    }
    if (what === 'gone') this.gone++;
    else this.counts.clean++;
    const exempt = what === 'skipped' || what === 'allowed';
    const charges = this.#engine.config.limit !== 0 || this.#limiter !== undefined;
    if (exempt || !charges) this.#engine.count(now, 'seen');
    if (what === 'skipped') this.#engine.count(now, 'skipped');
    if (what !== 'allowed') return;
    this.allowed++;
    this.#engine.count(now, 'allowed');
  }

  /** Puts a flagged scent in the place of the item at `slot`, which the caller found: so the instance is open. */
  replace(slot: number, scent: unknown, detail: Uint8Array | undefined): InterceptResult {
    const now = this.#now();
    const read = readScent(scent, this.#payloadBytesMax);
    if (!read.ok || read.threat === undefined) {
      throw new TracehoundError(
        'SCENT_INVALID',
        'quarantine.replace: cannot use the scent, expected one with a threat, got none',
      );
    }
    const question = this.#question(read, undefined);
    const status = this.#engine.replace(now, slot, read.source, question, detail);
    return this.#count(this.#flagged(status, undefined, read.threat.category, question));
  }

  // ── the path ────────────────────────────────────────────────────────────────────────────────────

  #answer(
    read: NormalScent | UnreadableScent,
    now: number,
    hashes: Hashes | undefined,
    receipt?: RateLimitResult,
  ): InterceptResult {
    if (this.#closed) return { status: 'error', error: closedError() };
    const refusal = this.#refusal?.();
    if (refusal !== undefined) return { status: 'error', error: refusal };
    if (!read.ok) return { status: 'error', error: new TracehoundError('SCENT_INVALID', read.message) };
    const charged = receipt ?? read.rate;
    if (charged !== undefined && !charged.allowed) return limitedResult(charged);
    if (read.threat === undefined) {
      const status = this.#engine.pass(now, read.source, charged !== undefined, read.disposition === OBSERVED);
      const rate = charged ?? this.#engine.rate();
      if (status === 'rate_limited') return limitedResult(rate as RateLimitResult);
      return rate === undefined ? { status: 'clean' } : { status: 'clean', rate };
    }
    return this.#flag(read, read.threat.category, now, hashes, charged);
  }

  /** The flagged path, apart from the clean one, which is small enough to be inlined without it. */
  #flag(
    read: NormalScent,
    category: string,
    now: number,
    hashes: Hashes | undefined,
    charged: RateLimitResult | undefined,
  ): InterceptResult {
    const question = this.#question(read, hashes);
    question.charged = charged !== undefined;
    const { source } = read;
    let status: Status;
    try {
      status = this.#engine.intercept(now, source, question);
    } catch (error) {
      if (!isPanic(error)) throw error;
      // The core stopped on this very scent. The fresh one records it as dropped, without its content.
      question.payload = undefined;
      question.fingerprint = undefined;
      question.fault = 'invalid';
      status = this.#engine.intercept(now, source, question);
    }
    const rate = charged ?? this.#engine.rate();
    return this.#flagged(status, rate, category, question);
  }

  #question(read: NormalScent, hashes: Hashes | undefined): Question {
    const question = toQuestion(read, hashes);
    const { category, detector, said } = read.threat as NonNullable<NormalScent['threat']>;
    if (said !== undefined) {
      question.sidecar = (signature) => {
        try {
          const named = detector === '' ? said : { ...said, detector };
          const facts = signature === undefined ? { ...named, category } : { ...named, signature };
          return sidecar(facts, (bytes) => this.#runtime.random(bytes));
        } catch {
          return undefined; // No randomness, no salt: the record commits to the signature alone.
        }
      };
    }
    return question;
  }

  #flagged(status: Status, rate: RateLimitResult | undefined, category: string, question: Question): InterceptResult {
    const engine = this.#engine;
    const rated = rate === undefined ? {} : { rate };
    switch (status) {
      case 'rate_limited':
        return limitedResult(rate as RateLimitResult);
      case 'quarantined':
        return { status: 'quarantined', ...rated, evidence: engine.handle() };
      case 'duplicate':
        return { status: 'duplicate', ...rated, evidence: engine.handle() };
      case 'payload_too_large':
        return {
          status: 'payload_too_large',
          ...rated,
          id: engine.id(),
          limit: this.#payloadBytesMax,
          size: question.size,
        };
      default: {
        const reason = engine.dropReason();
        const known = reason === 'capacity' ? { signature: `${category}:${engine.signatureHash()}` } : {};
        return { status: 'dropped', ...rated, id: engine.id(), ...known, reason };
      }
    }
  }

  /** Whether hashing it elsewhere is worth an await: something is large, and the platform cannot hash at once. */
  #worthWaiting({ threat, payload, fingerprint }: NormalScent): boolean {
    if (threat === undefined || this.#runtime.digest !== undefined) return false;
    return this.#isLarge(scentBytes(payload)) || this.#isLarge(fingerprint);
  }

  #isLarge(data: Uint8Array | string | undefined): data is Uint8Array | string {
    return data !== undefined && data.length >= this.#asyncDigestBytes;
  }

  /** What is large, hashed by the platform. */
  async #digests({ payload, fingerprint }: NormalScent): Promise<Hashes> {
    const hash = (data: Uint8Array | string | undefined) => (this.#isLarge(data) ? asyncDigest(data) : undefined);
    const [payloadHash, signatureHash] = await Promise.all([hash(scentBytes(payload)), hash(fingerprint)]);
    return { payloadHash, signatureHash };
  }

  /** Whether the answer is known before the payload is hashed: closed, or a source that is refused. Charges nothing. */
  #refuses(read: NormalScent): boolean {
    if (this.#closed) return true;
    if (read.rate !== undefined) return !read.rate.allowed;
    return this.#limits && !this.#engine.check(this.#now(), read.source, 1, true).allowed;
  }

  /** Limits before the wait, so that waiting requests are counted. `undefined`: nothing to charge. */
  #charge(read: NormalScent): Charged | undefined {
    if (read.rate !== undefined || !this.#limits) return undefined;
    const answer = this.#answer({ ...read, threat: undefined }, this.#now(), undefined);
    if (answer.status === 'error') throw answer.error;
    return answer as Charged;
  }

  get #limits(): boolean {
    return this.#engine.config.limit !== 0;
  }

  #count(result: InterceptResult): InterceptResult {
    this.counts[result.status]++;
    if (result.status !== 'clean') this.#acted();
    return result;
  }
}

/** Of the payload and of the fingerprint, where somebody else than the core hashed them. */
type Hashes = Pick<Question, 'payloadHash' | 'signatureHash'>;

const scentBytes = (payload: NormalScent['payload']): Uint8Array | undefined =>
  payload.kind === 'bytes' || payload.kind === 'json' ? payload.bytes : undefined;

/** The same scent over memory of its own. */
function ownScent(read: NormalScent): NormalScent {
  const bytes = scentBytes(read.payload);
  const { fingerprint } = read;
  return {
    ...read,
    payload: bytes === undefined ? read.payload : { kind: 'bytes', bytes: bytes.slice() },
    fingerprint: typeof fingerprint === 'object' ? fingerprint.slice() : fingerprint,
  };
}

/** SHA-256 by the platform; `undefined` when it cannot, and then the core hashes: no evidence is lost for that. */
async function asyncDigest(data: Uint8Array | string): Promise<Uint8Array | undefined> {
  try {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  } catch {
    return undefined;
  }
}

function toQuestion(read: NormalScent, hashes: Hashes | undefined): Question {
  const threat = read.threat as NonNullable<typeof read.threat>;
  const { payload } = read;
  const question: Question = {
    charged: false,
    fault: undefined,
    truncated: read.truncated,
    categoryReplaced: threat.categoryReplaced,
    severityReplaced: threat.severityReplaced,
    severity: threat.severity,
    disposition: read.disposition,
    category: threat.category,
    detector: threat.detector,
    payload: undefined,
    size: 0,
    payloadHash: hashes?.payloadHash,
    fingerprint: read.fingerprint,
    signatureHash: hashes?.signatureHash,
    sidecar: undefined,
  };
  switch (payload.kind) {
    case 'bytes':
    case 'json':
      question.payload = payload.bytes;
      break;
    case 'text':
      question.payload = payload.text;
      break;
    case 'too_large':
      question.size = payload.size;
      question.fault = 'too_large';
      break;
    case 'invalid':
      question.fault = 'invalid';
  }
  return question;
}

const isPanic = (error: unknown): boolean => error instanceof TracehoundError && error.code === 'CORE_PANIC';

function limitedResult(rate: RateLimitResult): InterceptResult {
  return { status: 'rate_limited', rate, retryAfterMs: rate.retryAfterMs, blocked: rate.blocked };
}

function failedResult(cause: unknown): InterceptResult {
  if (cause instanceof TracehoundError) return { status: 'error', error: cause };
  const error = new TracehoundError('RUNTIME_FAILED', 'intercept: failed, expected a verdict, got an error', { cause });
  return { status: 'error', error };
}
