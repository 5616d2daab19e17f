/**
 * `th.rateLimiter`: the limiter asked by hand.
 *
 * Relies on: the engine, which counts. Refuses: a cost that no window could ever admit, and every act when the limiter is
 * switched off.
 */
import type { Engine } from '../engine/index';
import { TracehoundError } from '../errors';
import type { Actor, RateLimiter, RateLimitResult, ResolvedOptions, Source } from '../types/index';
import { readSource } from './scent';

export function rateLimiter(
  options: ResolvedOptions,
  engine: Engine,
  time: () => number,
  detail: (who: Actor | undefined) => Uint8Array | undefined,
  acted: () => void,
): RateLimiter {
  /** The limit, when there is a limiter. */
  const limit = (): number => {
    if (options.rateLimit !== false) return options.rateLimit.limit;
    throw new TracehoundError('RATE_LIMIT_OFF', 'rateLimiter: switched off, expected rateLimit options, got false');
  };
  const ask = (source: Source, cost: number, peek: boolean): RateLimitResult => {
    const max = limit();
    if (typeof cost !== 'number') {
      throw new TypeError(`rateLimiter cost: wrong kind, expected an integer 1 … ${max}, got ${typeof cost}`);
    }
    if (!Number.isInteger(cost) || cost < 1 || cost > max) {
      throw new RangeError(`rateLimiter cost: out of range, expected an integer 1 … ${max}, got ${cost}`);
    }
    const result = engine.check(time(), readSource(source), cost, peek);
    if (!result.allowed) acted();
    return result;
  };
  return {
    check: (source, cost = 1) => ask(source, cost, false),
    peek: (source, cost = 1) => ask(source, cost, true),
    reset: (source, who) => {
      limit();
      if (engine.reset(time(), readSource(source), detail(who))) acted();
    },
    block: (source, ms, who) => {
      limit();
      if (typeof ms !== 'number') throw new TypeError(`rateLimiter.block: wrong kind, expected ms, got ${typeof ms}`);
      if (!(ms >= 1 && ms <= 2 ** 40)) {
        throw new RangeError(`rateLimiter.block: out of range, expected 1 … 2^40 ms, got ${ms}`);
      }
      engine.block(time(), readSource(source), Math.ceil(ms), detail(who));
      acted();
    },
    unblock: (source, who) => {
      limit();
      return engine.unblock(time(), readSource(source), detail(who));
    },
  };
}
