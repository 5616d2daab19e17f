/**
 * What adapters may ask of one instance (`th.http`): its settings, its runtime, its limiter, its keys, its counters.
 *
 * Relies on: the agent (which counts what it answers), the engine, the log's keeper, trace ids. Refuses: policy, and to
 * answer for a closed instance; the log alone may still be stored.
 */
import { DISPOSITIONS, type Engine } from '../engine/index';
import { toHex } from '../formats/bytes';
import type { Keeper } from '../log/keeper';
import type { HttpCounters, HttpKeys, HttpLimits, HttpPort, ResolvedOptions, Runtime } from '../types/index';
import type { Agent } from './agent';
import { IPV6_PREFIX } from './config';
import { readSource } from './scent';
import type { TraceIds } from './trace';

const encoder = new TextEncoder();

/** Parts of one instance. `time` is the clock of a call that appends records: it throws when none may be appended. */
export interface HttpParts {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly agent: Agent;
  readonly keeper: Keeper;
  readonly trace: TraceIds;
  readonly runtime: Runtime;
  readonly time: () => number;
}

export function httpPort(parts: HttpParts): HttpPort {
  const { options, runtime, keeper, time } = parts;
  const { failMode, maxPayloadBytes, rateLimit } = options;
  return {
    settings: {
      ...{ failMode, maxPayloadBytes },
      ipv6Prefix: rateLimit === false ? IPV6_PREFIX : rateLimit.ipv6Prefix,
    },
    runtime: {
      now: time,
      source: (request, context) => runtime.source(request, context),
      gone: (request, context) => runtime.gone?.(request, context) ?? false,
      defer: (work, context) => runtime.defer(work, context),
      ship: (context) => keeper.ship(context),
    },
    limits: limitsOf(parts),
    keys: keysOf(parts),
    counters: countersOf(parts),
  };
}

function limitsOf({ options, engine, agent, time }: HttpParts): HttpLimits {
  const { limiter, rateLimit } = options;
  const policy = limiter ?? (rateLimit === false ? undefined : rateLimit);
  return {
    policy: policy && { limit: policy.limit, windowMs: policy.windowMs },
    charge: (source, disposition) => agent.charge(source, disposition === 'observed'),
    partition: (source) => {
      const now = time();
      return engine.mac(now, 'partition', engine.sourceTag(now, readSource(source))).subarray(0, 8);
    },
  };
}

function keysOf({ engine, trace, time }: HttpParts): HttpKeys {
  return {
    redact: (value) => toHex(engine.mac(time(), 'redact', encoder.encode(value)).subarray(0, 8)),
    traceId: (evidenceId) => trace.make(time(), evidenceId),
    traceOf: (source) => {
      const now = time();
      return trace.hide(now, engine.sourceTag(now, readSource(source)).subarray(0, 16));
    },
  };
}

function countersOf({ engine, agent, time }: HttpParts): HttpCounters {
  return {
    count: (what) => (what === 'failedOpen' ? engine.count(time(), what) : agent.count(what)),
    uninspected: (source, disposition, reason) => {
      engine.uninspected(time(), readSource(source), DISPOSITIONS.indexOf(disposition), reason);
    },
  };
}
