/**
 * An in-memory stand-in for `createTracehound`, for unit tests of the adapters' parts: a fixed window in a `Map`, a
 * quarantine in a `Map`, and a list of everything that was called. It keeps the contract of `HttpPort`, not of the log.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { TracehoundError } from '../../src/errors';
import type {
  EvidenceHandle,
  FailMode,
  InterceptResult,
  RateLimitResult,
  Scent,
  Source,
  Tracehound,
} from '../../src/types/index';

export interface FakeOptions {
  limit?: number;
  windowMs?: number;
  /** No limiter at all. */
  unlimited?: boolean;
  maxPayloadBytes?: number;
  failMode?: FailMode;
  /** What the runtime says about every request. */
  source?: Source | undefined;
  /** Answers `interceptAsync` in the place of the quarantine. */
  intercept?: (scent: Scent) => InterceptResult | Promise<InterceptResult>;
}

export interface Fake {
  th: Tracehound;
  /** Names of port calls that throw from now on. */
  broken: Set<string>;
  now: number;
  blocked: Set<string>;
  charges: Source[];
  scents: Scent[];
  counts: Record<'passed' | 'skipped' | 'allowed' | 'gone' | 'failedOpen', number>;
  uninspected: [Source, string, string][];
  /** Contexts of the requests that were answered. */
  shipped: unknown[];
  /** Whether the client of every request has gone. */
  gone: boolean;
  /** Reasons of rejected promises that were deferred. */
  reported: unknown[];
  asked: [unknown, unknown][];
  payload(index?: number): string;
}

const key = (source: Source): string => (typeof source === 'string' ? source : (source.key ?? source.address ?? ''));
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export function fakeTracehound(options: FakeOptions = {}): Fake {
  const limit = options.limit ?? 100;
  const windowMs = options.windowMs ?? 60_000;
  const used = new Map<string, number>();
  const held = new Map<string, EvidenceHandle>();
  let ids = 0;
  const check = (what: string): void => {
    if (fake.broken.has(what)) throw new TracehoundError('CORE_DOWN', `fake: ${what} is broken`);
  };
  const id = (): string => `00000000-0000-7000-8000-${String(++ids).padStart(12, '0')}-0123456789abcdef`;

  const charge = (source: Source): RateLimitResult => {
    const who = key(source);
    const count = used.get(who) ?? 0;
    const blocked = fake.blocked.has(who);
    const allowed = count < limit && !blocked;
    if (allowed) used.set(who, count + 1);
    const resetMs = windowMs - (fake.now % windowMs);
    return {
      allowed,
      blocked,
      limit,
      remaining: blocked ? 0 : limit - (used.get(who) ?? 0),
      resetMs,
      retryAfterMs: allowed ? 0 : resetMs,
      degraded: false,
    };
  };

  const quarantine = (scent: Scent): InterceptResult => {
    const threat = scent.threat as NonNullable<Scent['threat']>;
    const category = /^[a-z0-9_.-]{1,64}$/.test(threat.category) ? threat.category : 'unknown';
    const payload = (scent.payload ?? new Uint8Array()) as Uint8Array;
    const signature = `${category}:${sha256((scent.fingerprint as Uint8Array) ?? payload)}`;
    const rate = scent.rate === undefined ? {} : { rate: scent.rate };
    const seen = held.get(signature);
    if (seen) return { status: 'duplicate', ...rate, evidence: seen };
    const evidence: EvidenceHandle = Object.freeze({
      id: id(),
      seq: ids,
      signature,
      hash: sha256(payload),
      size: payload.byteLength,
      truncated: scent.truncated === true,
      severity: threat.severity ?? 'high',
      category,
      detector: threat.detector,
      sourceTag: sha256(key(scent.source)),
      capturedAt: fake.now,
      lastSeenAt: fake.now,
      seen: 1,
      disposition: scent.disposition ?? 'refused',
    });
    held.set(signature, evidence);
    return { status: 'quarantined', ...rate, evidence };
  };

  const http: Tracehound['http'] = {
    settings: {
      failMode: options.failMode ?? 'open',
      maxPayloadBytes: options.maxPayloadBytes ?? 65_536,
      ipv6Prefix: 56,
    },
    runtime: {
      now: () => fake.now,
      source(request, context) {
        check('source');
        fake.asked.push([request, context]);
        return 'source' in options ? options.source : '192.0.2.1';
      },
      gone: () => fake.gone,
      ship(context) {
        check('ship');
        fake.shipped.push(context);
      },
      defer(work) {
        check('defer');
        work.catch((error) => fake.reported.push(error));
      },
    },
    limits: {
      policy: options.unlimited ? undefined : { limit, windowMs },
      charge(source) {
        check('charge');
        fake.charges.push(source);
        return options.unlimited ? undefined : charge(source);
      },
      partition(source) {
        check('partition');
        return createHmac('sha256', 'pk').update(key(source)).digest().subarray(0, 8);
      },
    },
    keys: {
      redact(value) {
        check('redact');
        return createHmac('sha256', 'redact').update(value).digest('hex').slice(0, 16);
      },
      traceOf() {
        check('traceOf');
        return randomBytes(24).toString('hex');
      },
      traceId() {
        check('traceId');
        return randomBytes(24).toString('hex');
      },
    },
    counters: {
      count(what) {
        check('count');
        fake.counts[what]++;
      },
      uninspected(source, disposition, reason) {
        check('uninspected');
        fake.uninspected.push([source, disposition, reason]);
      },
    },
  };

  const fake: Fake = {
    th: {
      http,
      async interceptAsync(scent: Scent) {
        check('interceptAsync');
        fake.scents.push(scent);
        return options.intercept ? options.intercept(scent) : quarantine(scent);
      },
    } as unknown as Tracehound,
    broken: new Set(),
    now: 0,
    blocked: new Set(),
    charges: [],
    scents: [],
    counts: { passed: 0, skipped: 0, allowed: 0, gone: 0, failedOpen: 0 },
    uninspected: [],
    shipped: [],
    gone: false,
    reported: [],
    asked: [],
    payload: (index = -1) => Buffer.from(fake.scents.at(index)?.payload as Uint8Array).toString('latin1'),
  };
  return fake;
}
