/**
 * Tracehound in a Worker whose limits and quarantine live in Durable Objects: each source is decided about in one object,
 * whichever isolate asks, so a limit is a limit everywhere. Adapters take it like any instance.
 *
 *   request ─▶ a block that this isolate knows │ one in KV ─▶ the source's object ─▶ answer
 *                                                              └─ out of reach: the instance in this isolate
 *
 * Relies on: a namespace of `TracehoundObject`s (object.ts) with the same `secret`. Refuses: to let a request wait for an
 * object longer than `timeoutMs`, and to lose evidence for that: what no object takes, the isolate's own instance keeps.
 *
 * *Consistent*: what one object answers, per source. *Not*: limits while an object is out of reach (then each isolate limits
 * alone, and says so: `degraded`), and blocks that are lifted (isolates and KV believe them up to a minute longer).
 *
 * @module
 */

import { TracehoundError } from '../../src/errors';
import { within } from '../../src/time/deadline';
import { Failures } from '../../src/time/retry';
import type {
  Actor,
  Disposition,
  EvidenceHandle,
  GuardedTracehound,
  HttpCounters,
  InterceptResult,
  RateLimitOptions,
  RateLimitResult,
  Scent,
  Source,
  Tracehound,
  TracehoundOptions,
} from '../../src/types/index';
import { integer, ownProperties, plug, word } from '../../src/validate/index';
import { BLOCK_CACHE_S, type KvPort, listedMs } from './blocks';
import { createTracehound } from './index';
import { placeOf } from './place';
import { type ObjectCalls, type ObjectStub, unwrapped } from './rpc';

/** What is used of a namespace's binding (`DurableObjectNamespace`). */
export interface ObjectNamespace {
  idFromName(name: string): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: Cloudflare brands its ids and stubs; ours are their structure.
  get(id: any): any;
}

export interface ShardedOptions extends Omit<TracehoundOptions, 'rateLimit'> {
  rateLimit?: RateLimitOptions | false;
  /** The same in every isolate and in the objects: it says where a source is decided. */
  secret: Uint8Array;
  /** Objects that share the sources: 1 … 4,096. Default 16. Another number moves sources to objects that do not know them. */
  shards?: number;
  /** How long a request waits for an object, 1 … 60,000 ms. Default 1,000. */
  timeoutMs?: number;
  /**
   * What becomes of an unflagged request whose object does not answer: the isolate limits alone (`local`), or `failMode`
   * decides (`fail`). Default `local`.
   */
  whenUnreachable?: 'local' | 'fail';
  /** A KV namespace in which the objects list blocked sources. Default: none. */
  blocks?: KvPort;
}

/** One object, asked as if it were here. Rejects with `SHARD_UNREACHABLE` when it does not answer in time. */
export type Shard = {
  readonly [name in keyof ObjectCalls]: (
    ...args: Parameters<ObjectCalls[name]>
  ) => Promise<ReturnType<ObjectCalls[name]>>;
};

/**
 * An instance for adapters. `rateLimiter`, `quarantine`, `audit`, `watcher` are those of the isolate, which hold what came
 * in while an object was out of reach; of the objects, ask `shardOf` and `shards`.
 */
export interface ShardedTracehound extends GuardedTracehound {
  /** The object that decides about `source`. */
  shardOf(source: Source): Shard;
  readonly shards: readonly Shard[];
  /** Evidence by its id or by the trace id of a refusal, and where it is held. Rejects when it may lie out of reach. */
  find(idOrTraceId: string): Promise<{ evidence: EvidenceHandle; shard: Shard } | undefined>;
  /** In the source's object, and in the list of blocks if there is one. */
  block(source: Source, ms: number, who?: Actor): Promise<void>;
  unblock(source: Source, who?: Actor): Promise<boolean>;
}

/** As `createTracehound` has it. */
const IPV6_PREFIX = 56;

const CALLS: readonly (keyof ObjectCalls)[] = [
  ...(['charge', 'intercept', 'uninspected', 'peek', 'reset', 'block', 'unblock', 'find', 'list', 'stats'] as const),
  ...(['read', 'export', 'neutralize', 'purge', 'head', 'flush', 'checkpoint', 'watch'] as const),
];

/**
 * One instance of Tracehound whose limits and quarantine live in the objects of `namespace`. Throws as `createTracehound`.
 *
 * @example
 * export class Hound extends TracehoundObject<Env> { options() { return settings; } }
 * const th = shardedTracehound(env.HOUND, settings);
 * export default { fetch: tracehound(th, { detect })(handler) };
 */
export function shardedTracehound(namespace: ObjectNamespace, options: ShardedOptions): ShardedTracehound {
  plug<ObjectNamespace>('namespace', namespace, ['get', 'idFromName'], 'the binding of a Durable Object');
  const { count, timeoutMs, whenUnreachable, blocks, local, ipv6Prefix } = read(options);
  const place = (source: Source): Uint8Array => placeOf(local, source, ipv6Prefix);

  const shard = (index: number): Shard => {
    const ask = async (name: keyof ObjectCalls, args: unknown[]): Promise<unknown> => {
      const once = (): Promise<unknown> => {
        const stub = namespace.get(namespace.idFromName(`tracehound-${index}`)) as ObjectStub;
        return within((stub[name] as (...args: unknown[]) => Promise<unknown>)(...args), timeoutMs);
      };
      let answer: unknown;
      try {
        // An object that moved or ended wakes elsewhere. Charged twice is refused early, never admitted late.
        answer = await once().catch((error: unknown) => (isRetryable(error) ? once() : Promise.reject(error)));
      } catch (cause) {
        throw unreachable(name, 'failed', cause);
      }
      if (typeof answer !== 'object' || answer === null) throw unreachable(name, 'late', undefined);
      return unwrapped(answer as Parameters<typeof unwrapped>[0]);
    };
    return Object.fromEntries(CALLS.map((name) => [name, (...args: unknown[]) => ask(name, args)])) as unknown as Shard;
  };
  const shards = Array.from({ length: count }, (_, index) => shard(index));
  const shardAt = (place: Uint8Array): Shard =>
    shards[new DataView(place.buffer, place.byteOffset).getUint32(0) % count] as Shard;
  const failures = new Failures();
  /** To the platform's log, the 1st, 2nd, 4th, 8th …: an object that is gone must not fill it. */
  const report = (error: unknown): void => {
    if (failures.add()) local.http.runtime.defer(Promise.reject(error));
  };

  const remember = (source: Source, ms: number): void => {
    // Lifted blocks are believed no longer than the list's.
    if (ms >= 1) local.rateLimiter.block(source, Math.min(ms, BLOCK_CACHE_S * 1_000));
  };

  async function charge(source: Source, disposition?: Disposition): Promise<RateLimitResult | undefined> {
    const { limits, runtime } = local.http;
    if (limits.policy === undefined) return undefined;
    const here = (): RateLimitResult | undefined => limits.charge(source, disposition);
    if (local.rateLimiter.peek(source).blocked) return here();
    const at = place(source);
    try {
      const listed = blocks === undefined ? 0 : await within(listedMs(blocks, at, runtime.now()), timeoutMs);
      if (typeof listed === 'number' && listed > 0) {
        remember(source, listed);
        return here();
      }
    } catch (error) {
      report(error);
    }
    try {
      const rate = await shardAt(at).charge(source, disposition);
      if (rate?.blocked) remember(source, rate.retryAfterMs);
      return rate;
    } catch (error) {
      report(error);
      if (whenUnreachable === 'fail') throw error;
      const rate = here();
      return rate && { ...rate, degraded: true };
    }
  }

  async function intercept(scent: Scent): Promise<InterceptResult> {
    try {
      return await shardAt(place(scent.source)).intercept(scent);
    } catch (error) {
      if (!(error instanceof TracehoundError) || error.code !== 'SCENT_INVALID') report(error);
      // Also what cannot be sent, or is no scent: the isolate's own instance says what that is.
      return local.interceptAsync(scent);
    }
  }

  async function uninspected(...[source, disposition, reason]: Parameters<HttpCounters['uninspected']>): Promise<void> {
    try {
      await shardAt(place(source)).uninspected(source, disposition, reason);
    } catch (error) {
      report(error);
      local.http.counters.uninspected(source, disposition, reason);
    }
  }

  return {
    ...local,
    interceptAsync: intercept,
    http: {
      ...local.http,
      limits: { ...local.http.limits, charge },
      counters: { ...local.http.counters, uninspected },
    },
    shards,
    shardOf: (source) => shardAt(place(source)),
    find: async (id) => {
      const asked = await Promise.allSettled(shards.map((shard) => shard.find(id)));
      for (const [i, answer] of asked.entries()) {
        const evidence = answer.status === 'fulfilled' ? answer.value : undefined;
        if (evidence !== undefined) return { evidence, shard: shards[i] as Shard };
      }
      // It may lie where nobody answered.
      const failed = asked.find((answer) => answer.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return undefined;
    },
    block: (source, ms, who) => shardAt(place(source)).block(source, ms, who),
    unblock: async (source, who) => {
      local.rateLimiter.unblock(source, who);
      return shardAt(place(source)).unblock(source, who);
    },
  };
}

interface Settings {
  readonly count: number;
  readonly timeoutMs: number;
  readonly whenUnreachable: 'local' | 'fail';
  readonly blocks: KvPort | undefined;
  readonly ipv6Prefix: number;
  /** The instance of this isolate. */
  readonly local: Tracehound;
}

function read(given: ShardedOptions): Settings {
  const { shards, timeoutMs, whenUnreachable, blocks, ...own } = ownProperties('options', given);
  // What is asked twice is copied first: the place of a source and its limit go by one prefix.
  if (typeof own.rateLimit === 'object' && own.rateLimit !== null) {
    own.rateLimit = ownProperties('rateLimit', own.rateLimit);
  }
  const { ipv6Prefix } = (own.rateLimit || {}) as { ipv6Prefix?: number };
  if (own.secret === undefined) {
    throw new TypeError('secret: missing, expected the same ≥ 32 bytes in every isolate and object, got none');
  }
  const port = blocks === undefined ? undefined : plug<KvPort>('blocks', blocks, ['get'], 'a KV namespace');
  return {
    count: integer('shards', shards, 16, 1, 4_096),
    timeoutMs: integer('timeoutMs', timeoutMs, 1_000, 1, 60_000, 'ms'),
    whenUnreachable: word('whenUnreachable', whenUnreachable, ['local', 'fail']),
    blocks: port,
    local: createTracehound(own),
    ipv6Prefix: ipv6Prefix ?? IPV6_PREFIX,
  };
}

/** Cloudflare's word for errors after which another try may do ("Error handling", Durable Objects). */
const isRetryable = (error: unknown): boolean => {
  const { retryable, overloaded } = (error ?? {}) as { retryable?: unknown; overloaded?: unknown };
  return retryable === true && overloaded !== true;
};

const unreachable = (call: string, problem: string, cause: unknown): TracehoundError =>
  new TracehoundError('SHARD_UNREACHABLE', `object.${call}: ${problem}, expected an answer in time, got none`, {
    cause,
    recoverable: true,
  });
