/**
 * The agent answers one scent: reads it once, asks the core once, names the verdict. `intercept` and `interceptAsync`
 * are one path; the second may let the platform hash a large payload while others are served.
 *
 * Relies on: engine, scent. Refuses: to throw. A flagged scent is never answered `clean`, and never `error` because of
 * what it contains: content that stops the core is recorded as dropped by the core that takes over.
 */
import * as abi from '../assembly/abi';
import { type Engine, type EngineSource, HOST_DIGEST_BYTES, type Question } from './engine/index';
import { TracehoundError } from './errors';
import { type NormalScent, readScent, type UnreadableScent } from './scent';
import type { DropReason, InterceptResult, RateLimitResult, Runtime, Source } from './types';

/** Payloads below this are hashed in the core rather than awaited: one `subtle.digest` costs about 19 µs on Node. */
export const ASYNC_DIGEST_BYTES = 8_192;

const SOURCE_KINDS = {
  unknown: abi.SOURCE_UNKNOWN,
  text: abi.SOURCE_TEXT,
  address: abi.SOURCE_ADDRESS,
  key: abi.SOURCE_KEY,
} as const;

const DROP_REASONS: readonly DropReason[] = ['capacity', 'capacity', 'oversized', 'invalid'];

type Charged = Extract<InterceptResult, { status: 'clean' | 'rate_limited' }>;

export type StatusCounts = Record<InterceptResult['status'], number>;

export class Agent {
  readonly #engine: Engine;
  readonly #now: () => number;
  readonly #runtime: Runtime;
  readonly #payloadBytesMax: number;
  #closed = false;
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

  constructor(engine: Engine, now: () => number, runtime: Runtime) {
    this.#engine = engine;
    this.#now = now;
    this.#runtime = runtime;
    this.#payloadBytesMax = engine.config.maxPayloadBytes;
  }

  close(): void {
    this.#closed = true;
  }

  intercept(scent: unknown): InterceptResult {
    try {
      return this.#count(this.#answer(readScent(scent, this.#payloadBytesMax), this.#now(), undefined));
    } catch (cause) {
      return this.#count(failed(cause));
    }
  }

  async interceptAsync(scent: unknown): Promise<InterceptResult> {
    try {
      const read = readScent(scent, this.#payloadBytesMax);
      const payload = this.#worthWaiting(read);
      if (payload === undefined) return this.#count(this.#answer(read, this.#now(), undefined));
      // The caller may change its bytes while we wait: what is hashed must be what is kept.
      const own = payload.slice();
      const scentNow: NormalScent = { ...(read as NormalScent), payload: { kind: 'bytes', bytes: own } };
      const charged = this.#charge(scentNow);
      if (charged !== undefined && charged.status === 'rate_limited') return this.#count(charged);
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', own as Uint8Array<ArrayBuffer>));
      const receipt = charged?.rate;
      return this.#count(this.#answer(scentNow, this.#now(), hash, receipt));
    } catch (cause) {
      return this.#count(failed(cause));
    }
  }

  /** Charges one request of `source` as `intercept` would; the adapters' first step. Throws `TracehoundError`. */
  charge(source: Source): RateLimitResult | undefined {
    if (this.#closed) throw closedError();
    const read = readScent({ source }, this.#payloadBytesMax);
    if (!read.ok) throw invalidScent(read.message);
    this.#engine.pass(this.#now(), engineSource(read), false);
    return this.#engine.rate();
  }

  /** Puts a flagged scent in the place of the item at `slot`. */
  replace(slot: number, scent: unknown, detail: Uint8Array | undefined): InterceptResult {
    if (this.#closed) throw closedError();
    const now = this.#now();
    const read = readScent(scent, this.#payloadBytesMax);
    if (!read.ok || read.threat === undefined) {
      throw new TracehoundError(
        'SCENT_INVALID',
        'quarantine.replace: cannot use the scent, expected one with a threat, got none',
      );
    }
    const question = toQuestion(read, undefined);
    const status = this.#engine.replace(now, slot, engineSource(read), question, detail);
    return this.#count(this.#flagged(status, undefined, read.threat.category, question));
  }

  // ── the path ────────────────────────────────────────────────────────────────────────────────────

  #answer(read: NormalScent | UnreadableScent, now: number, hash: Uint8Array | undefined, receipt?: RateLimitResult): InterceptResult {
    if (this.#closed) return { status: 'error', error: closedError() };
    if (!read.ok) return { status: 'error', error: invalidScent(read.message) };
    const charged = receipt ?? read.rate;
    if (charged !== undefined && !charged.allowed) return limited(charged);
    if (read.threat === undefined) {
      const status = this.#engine.pass(now, engineSource(read), charged !== undefined);
      const rate = charged ?? this.#engine.rate();
      if (status === abi.STATUS_RATE_LIMITED) return limited(rate as RateLimitResult);
      return rate === undefined ? { status: 'clean' } : { status: 'clean', rate };
    }
    const question = toQuestion(read, hash);
    if (charged !== undefined) question.flags |= abi.IN_CHARGED;
    const source = engineSource(read);
    let status: number;
    try {
      status = this.#engine.intercept(now, source, question);
    } catch (error) {
      if (!(error instanceof TracehoundError) || error.code !== 'CORE_PANIC') throw error;
      // The core stopped on this very scent. The fresh one records it as dropped, without its content.
      question.payload = undefined;
      question.fingerprint = undefined;
      question.flags |= abi.IN_INVALID;
      status = this.#engine.intercept(now, source, question);
    }
    const rate = charged ?? this.#engine.rate();
    return this.#flagged(status, rate, read.threat.category, question);
  }

  #flagged(
    status: number,
    rate: RateLimitResult | undefined,
    category: string,
    question: Question,
  ): InterceptResult {
    const engine = this.#engine;
    const rated = rate === undefined ? {} : { rate };
    switch (status) {
      case abi.STATUS_RATE_LIMITED:
        return limited(rate as RateLimitResult);
      case abi.STATUS_QUARANTINED:
        return { status: 'quarantined', ...rated, evidence: engine.handle() };
      case abi.STATUS_DUPLICATE:
        return { status: 'duplicate', ...rated, evidence: engine.handle() };
      case abi.STATUS_PAYLOAD_TOO_LARGE:
        return {
          status: 'payload_too_large',
          ...rated,
          id: engine.id(),
          limit: this.#payloadBytesMax,
          size: question.size,
        };
      default: {
        const reason = DROP_REASONS[engine.reason()] as DropReason;
        const known = reason === 'capacity' ? { signature: `${category}:${engine.signatureHash()}` } : {};
        return { status: 'dropped', ...rated, id: engine.id(), ...known, reason };
      }
    }
  }

  /** The payload, when hashing it elsewhere is worth an await: large, and the platform cannot hash at once. */
  #worthWaiting(read: NormalScent | UnreadableScent): Uint8Array | undefined {
    if (!read.ok || read.threat === undefined || this.#runtime.digest !== undefined) return undefined;
    const { payload } = read;
    if (payload.kind !== 'bytes' && payload.kind !== 'json') return undefined;
    return payload.bytes.length >= ASYNC_DIGEST_BYTES ? payload.bytes : undefined;
  }

  /** Limits before the wait, so that a refused source costs no digest. `undefined`: nothing to charge. */
  #charge(read: NormalScent): Charged | undefined {
    if (read.rate !== undefined) return undefined;
    const answer = this.#answer({ ...read, threat: undefined }, this.#now(), undefined);
    if (answer.status === 'error') throw answer.error;
    return answer as Charged;
  }

  #count(result: InterceptResult): InterceptResult {
    this.counts[result.status]++;
    return result;
  }
}

/** As the core reads a source. */
export function engineSource(read: NormalScent): EngineSource {
  return { kind: SOURCE_KINDS[read.source.kind], text: read.source.text };
}

function toQuestion(read: NormalScent, hash: Uint8Array | undefined): Question {
  const threat = read.threat as NonNullable<typeof read.threat>;
  const { payload } = read;
  const question: Question = {
    flags:
      (threat.categoryReplaced ? abi.IN_CATEGORY_REPLACED : 0) |
      (threat.severityReplaced ? abi.IN_SEVERITY_REPLACED : 0) |
      (read.truncated ? abi.IN_TRUNCATED : 0),
    severity: threat.severity,
    disposition: read.disposition,
    category: threat.category,
    detector: threat.detector,
    payload: undefined,
    size: 0,
    payloadHash: hash,
    fingerprint: read.fingerprint,
  };
  if (payload.kind === 'bytes' || payload.kind === 'json') question.payload = payload.bytes;
  else if (payload.kind === 'text') question.payload = payload.text;
  else if (payload.kind === 'invalid') question.flags |= abi.IN_INVALID;
  else if (payload.kind === 'too_large') {
    question.flags |= abi.IN_TOO_LARGE;
    question.size = payload.size;
  }
  return question;
}

function limited(rate: RateLimitResult): InterceptResult {
  return { status: 'rate_limited', rate, retryAfterMs: rate.retryAfterMs, blocked: rate.blocked };
}

function failed(cause: unknown): InterceptResult {
  if (cause instanceof TracehoundError) return { status: 'error', error: cause };
  const error = new TracehoundError('RUNTIME_FAILED', 'intercept: failed, expected a verdict, got an error', { cause });
  return { status: 'error', error };
}

function invalidScent(message: string): TracehoundError {
  return new TracehoundError('SCENT_INVALID', message);
}

export function closedError(): TracehoundError {
  return new TracehoundError('CLOSED', 'tracehound: closed, expected an open instance, got a call after close()');
}

export { HOST_DIGEST_BYTES };
