/**
 * Fastly's rate counter and penalty box as the limiter of an instance: they last longer than the request that asks.
 *
 * Relies on: a `RateCounter` and a `PenaltyBox` of `fastly:edge-rate-limiter`, passed in. Refuses: to be called exact. Fastly
 * counts in each POP for itself, says that it may under-count by a tenth, and that rates below ten a second are too low for
 * it; so every answer carries `approximate`, and so do the fields of the response.
 *
 * A source that is over the limit goes into the penalty box and stays there; asking again does not prolong it.
 */
import { addressOf, masked } from '../../src/formats/address';
import { toHex, utf8Length } from '../../src/formats/bytes';
import { sha256 } from '../../src/formats/sha256';
import { readSource } from '../../src/instance/scent';
import type { PlatformLimiter, RateLimitResult, Source } from '../../src/types/index';
import { integer, plug, readGroup, word } from '../../src/validate/index';

/** What is used of a `RateCounter`. */
export interface RateCounterPort {
  increment(entry: string, delta: number): void;
  /** Requests a second, over the window. */
  lookupRate(entry: string, window: 1): number;
  /** Requests in the last seconds. */
  lookupCount(entry: string, seconds: 10 | 60): number;
}

/** What is used of a `PenaltyBox`. */
export interface PenaltyBoxPort {
  add(entry: string, minutes: number): void;
  has(entry: string): boolean;
}

export interface EdgeRateLimitOptions {
  counter: RateCounterPort;
  penaltyBox: PenaltyBoxPort;
  /** Requests a second that a source may make on average over the window: integer 10 … 10,000. */
  limitPerSecond: number;
  /** 1, 10 or 60. A short one notices sooner, a long one counts better. Default 10. */
  windowSeconds?: 1 | 10 | 60;
  /** Minutes that a source which made more stays out: integer 1 … 60. Default 2. */
  blockMinutes?: number;
  /** IPv6 addresses are counted by this prefix, 1 … 128 bits. Default 56. */
  ipv6Prefix?: number;
}

const MINUTE_MS = 60_000;
/** Longest entry that Fastly takes, bytes. */
const ENTRY_BYTES_MAX = 256;

/**
 * A limiter for `createTracehound({ rateLimit })`. Throws `TypeError` or `RangeError` for an option that cannot be. Only while
 * a request is served: nothing can be opened at the top of a module.
 *
 * @example
 * const rateLimit = edgeRateLimit({ counter: new RateCounter('rc'), penaltyBox: new PenaltyBox('pb'), limitPerSecond: 50 });
 */
export function edgeRateLimit(options: EdgeRateLimitOptions): PlatformLimiter {
  const { counter, penaltyBox, limitPerSecond, windowSeconds, blockMinutes, ipv6Prefix } = readEdgeOptions(options);
  const limit = limitPerSecond * windowSeconds;
  const windowMs = windowSeconds * 1_000;
  const answer = { limit, resetMs: windowMs, degraded: false, approximate: true } as const;
  /** How long it stays nobody says: at most this. */
  const refused: RateLimitResult = Object.freeze({
    ...answer,
    allowed: false,
    blocked: true,
    remaining: 0,
    retryAfterMs: blockMinutes * MINUTE_MS,
  });

  return Object.freeze({
    limit,
    windowMs,
    charge(source: Source): RateLimitResult {
      const entry = entryOf(source, ipv6Prefix);
      if (penaltyBox.has(entry)) return refused;
      counter.increment(entry, 1);
      const used = windowSeconds === 1 ? counter.lookupRate(entry, 1) : counter.lookupCount(entry, windowSeconds);
      if (used > limit) {
        penaltyBox.add(entry, blockMinutes);
        return refused;
      }
      return { ...answer, allowed: true, blocked: false, remaining: limit - used, retryAfterMs: 0 };
    },
  } satisfies PlatformLimiter);
}

/** One entry for one source, however it is spelt: an address by its bits, a key as it is while it fits. */
function entryOf(source: Source, ipv6Prefix: number): string {
  const { kind, text } = readSource(source);
  const address = kind === 'text' || kind === 'address' ? addressOf(text) : undefined;
  if (address !== undefined) return `a:${toHex(address.length === 16 ? masked(address, ipv6Prefix) : address)}`;
  if (kind === 'unknown' || kind === 'address') return 'unknown';
  const key = `k:${text}`;
  if (utf8Length(key, ENTRY_BYTES_MAX) <= ENTRY_BYTES_MAX) return key;
  return `h:${toHex(sha256(new TextEncoder().encode(text)))}`;
}

function readEdgeOptions(options: unknown): Required<EdgeRateLimitOptions> {
  const names = ['counter', 'penaltyBox', 'limitPerSecond', 'windowSeconds', 'blockMinutes', 'ipv6Prefix'] as const;
  const given = readGroup('edgeRateLimit', 'edgeRateLimit.', options ?? null, names);
  const counts = ['increment', 'lookupRate', 'lookupCount'] as const;
  return {
    counter: plug<RateCounterPort>('edgeRateLimit.counter', given.counter, counts, 'a RateCounter'),
    penaltyBox: plug<PenaltyBoxPort>('edgeRateLimit.penaltyBox', given.penaltyBox, ['add', 'has'], 'a PenaltyBox'),
    limitPerSecond: integer('edgeRateLimit.limitPerSecond', given.limitPerSecond, null, 10, 10_000),
    windowSeconds: word('edgeRateLimit.windowSeconds', given.windowSeconds, [1, 10, 60], 10),
    blockMinutes: integer('edgeRateLimit.blockMinutes', given.blockMinutes, 2, 1, 60, 'minutes'),
    ipv6Prefix: integer('edgeRateLimit.ipv6Prefix', given.ipv6Prefix, 56, 1, 128, 'bits'),
  };
}
