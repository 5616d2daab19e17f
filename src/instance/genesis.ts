/**
 * What the first record of a log says about how the log came about, and what a log says that follows on another.
 *
 * Relies on: options after validation, the runtime's names. Refuses: keys, sources, addresses of stores; no secret and
 * nothing of a request is ever part of these sidecars.
 */
import type { Succession } from '../engine/index';
import { toHex } from '../formats/bytes';
import type { Json, ResolvedOptions, Runtime } from '../types/index';
import { VERSION } from '../version';

/** Names and values of a sidecar. */
type Facts = { readonly [key: string]: Json };

/** What GENESIS commits to: everything that decides how this log came about, and no key. */
export function genesisFacts(options: ResolvedOptions, runtime: Runtime, origin: string, instance: string): Facts {
  const { limiter, quarantine, maxPayloadBytes, audit: log, failMode } = options;
  const rateLimit = limiter
    ? { approximate: true, limit: limiter.limit, windowMs: limiter.windowMs }
    : options.rateLimit;
  return {
    origin,
    instance,
    version: VERSION,
    runtime: runtime.name,
    clock: options.clock ? 'option' : runtime.clockSource,
    core: runtime.coreDigest,
    config: { rateLimit, quarantine, maxPayloadBytes, maxRecords: log.maxRecords, failMode },
  };
}

/** Ids of lost evidence that fit the sidecar; the count beside them is complete. */
const LOST_IDS_MAX = 64;

/** What RESUME and PANIC commit to: which log came before, and what of it was carried over. */
export function successionFacts(origin: string, size: number, restored: Succession): Facts {
  return { origin, size, ...restored, lostIds: restored.lostIds.slice(0, LOST_IDS_MAX).map(toHex) };
}
