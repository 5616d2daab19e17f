/**
 * The watcher: one frozen reading of everything countable. Pull-based: it costs nothing until it is asked.
 *
 * Relies on: engine, agent. Refuses: sources, signatures, anything that identifies anyone; and to bring up a core just
 * to be looked at.
 *
 * @module
 */

import { ABI_VERSION, type Engine } from '../engine/index';
import { toHex } from '../formats/bytes';
import type { Keeper } from '../log/keeper';
import type { Readings, Runtime, Trouble, Watcher } from '../types/index';
import type { Agent } from './agent';

const EMPTY_ROOT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'; // SHA-256 of nothing, RFC 9162 §2.1.1

export interface Watched {
  readonly engine: Engine;
  readonly agent: Agent;
  readonly keeper: Keeper;
  readonly runtime: Runtime;
  readonly troubles: { list(): readonly Trouble[] };
  readonly now: () => number;
  readonly closed: () => boolean;
}

export function watcher({ engine, agent, keeper, runtime, troubles, now, closed }: Watched): Watcher {
  return {
    snapshot: () => {
      const at = now();
      const { config } = engine;
      const up = engine.status === 'up';
      const held = engine.quarantine();
      const limiter = engine.limiter();
      const log = engine.log.state();
      const head = up ? engine.log.head(at) : undefined;
      const readings: Readings = {
        at,
        runtime: runtime.name,
        status: closed() ? 'closed' : engine.status,
        totals: {
          seen: log?.seen ?? 0,
          flagged: log?.flagged ?? 0,
          uninspected: log?.uninspected ?? 0,
          skipped: log?.skipped ?? 0,
          allowed: agent.allowed,
          gone: agent.gone,
          failedOpen: log?.failedOpen ?? 0,
          byStatus: { ...agent.counts },
        },
        rateLimiter:
          config.limit === 0
            ? undefined
            : {
                tracked: limiter?.tracked ?? 0,
                maxSources: config.maxSources,
                evictions: limiter?.evictions ?? 0,
                pressure: limiter?.pressure ?? 0,
              },
        quarantine: {
          count: held?.count ?? 0,
          bytes: held?.bytes ?? 0,
          bySeverity: held?.bySeverity ?? { low: 0, medium: 0, high: 0, critical: 0 },
          maxCount: config.maxCount,
          maxBytes: config.maxBytes,
          sources: held?.sources ?? 0,
        },
        audit: {
          origin: head?.origin ?? '',
          size: head?.size ?? 0,
          root: head === undefined ? EMPTY_ROOT : toHex(head.root),
          held: log === undefined ? 0 : log.size - log.heldFrom,
          unreleased: log === undefined ? 0 : log.size - Math.max(log.heldFrom, log.releasedTo),
          lost: log?.lost ?? 0,
          signed: keeper.signedSize,
          store: keeper.storeState,
          since: keeper.storeSince,
        },
        troubles: troubles.list(),
        core: { memoryBytes: engine.memoryBytes, panics: engine.panics, abi: ABI_VERSION },
      };
      return deepFreeze(readings);
    },
  };
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
