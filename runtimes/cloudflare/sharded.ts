/**
 * Tracehound in a Worker whose limits and quarantine live in Durable Objects: each source is decided about in one object,
 * whichever isolate asks, so a limit is a limit everywhere. Adapters take it like any instance.
 *
 * Relies on: a namespace of `TracehoundObject`s (object.ts) with the same `secret`; coordination/fallback.ts, which answers
 * when an object does not. Refuses: to let a request wait for an object longer than `timeoutMs`, and to send an object
 * anything but plain values (rpc.ts).
 *
 * *Consistent*: what one object answers, per source. *Not*: limits while an object is out of reach (then each isolate limits
 * alone, and says so: `degraded`), and blocks that are lifted (isolates and KV believe them up to a minute longer).
 *
 * @module
 */
import { askOther } from '../../src/coordination/asking';
import { Fallback } from '../../src/coordination/fallback';
import { TracehoundError } from '../../src/errors';
import { type Parcel, packed, unpacked } from '../../src/instance/parcel';
import { placeOf } from '../../src/instance/place';
import type {
  Actor,
  EvidenceHandle,
  GuardedTracehound,
  InterceptResult,
  RateLimitOptions,
  Scent,
  Source,
  Tracehound,
  TracehoundOptions,
} from '../../src/types/index';
import { integer, ownProperties, plug, word } from '../../src/validate/index';
import { type KvBinding, kvBlocks } from './blocks';
import { createTracehound } from './index';
import {
  CALL_NAMES,
  type CallArgs,
  type CallName,
  type ObjectCalls,
  type ObjectStub,
  readCall,
  unwrapped,
} from './rpc';

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
  blocks?: KvBinding;
}

/**
 * One object, asked as if it were here. Rejects with `SHARD_UNREACHABLE` when it does not answer in time, and with
 * `TypeError` or `RangeError` for arguments that the object would refuse.
 */
export type Shard = {
  readonly [name in CallName]: (...args: CallArgs<name>) => Promise<ReturnType<ObjectCalls[name]>>;
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

/**
 * One instance of Tracehound whose limits and quarantine live in the objects of `namespace`. Throws as `createTracehound`.
 *
 * @example
 * export class Shard extends TracehoundObject<Env> { options() { return settings; } }
 * const th = shardedTracehound(env.SHARDS, settings);
 * export default { fetch: tracehound(th, { detect })(handler) };
 */
export function shardedTracehound(namespace: ObjectNamespace, options: ShardedOptions): ShardedTracehound {
  plug<ObjectNamespace>('namespace', namespace, ['get', 'idFromName'], 'the binding of a Durable Object');
  const { count, timeoutMs, whenUnreachable, blocks, local, ipv6Prefix } = readSharded(options);
  const { settings, runtime } = local.http;
  const placed = (source: Source): Uint8Array => placeOf(local, source, ipv6Prefix);
  const shards = Array.from({ length: count }, (_, index) => wayTo({ namespace, index, timeoutMs, ...settings }));
  const shardOf = (source: Source): Shard => shards[numberOf(placed(source), count)] as Shard;
  const list = blocks && kvBlocks(blocks);
  const fallback = new Fallback<Shard>({
    local,
    deciderOf: shardOf,
    listedMs: list && ((source) => list.leftMs(placed(source), runtime.now())),
    timeoutMs,
    whenUnreachable,
  });
  return {
    ...local,
    interceptAsync: (scent) => interceptElsewhere(scent, local, fallback),
    http: {
      ...local.http,
      limits: { ...local.http.limits, charge: (source, disposition) => fallback.charge(source, disposition) },
      counters: {
        ...local.http.counters,
        uninspected: (...of) =>
          fallback.elsewhere(
            of[0],
            (shard) => shard.uninspected(...of),
            () => local.http.counters.uninspected(...of),
          ),
      },
    },
    shards,
    shardOf,
    find: (id) => findIn(shards, id),
    block: (source, ms, who) => shardOf(source).block(source, ms, who),
    unblock: async (source, who) => {
      local.rateLimiter.unblock(source, who);
      return shardOf(source).unblock(source, who);
    },
  };
}

/** The number of the object that decides about the source at `place`. */
const numberOf = (place: Uint8Array, count: number): number =>
  new DataView(place.buffer, place.byteOffset).getUint32(0) % count;

async function interceptElsewhere(
  scent: Scent,
  local: Tracehound,
  fallback: Fallback<Shard>,
): Promise<InterceptResult> {
  let parcel: Parcel;
  try {
    parcel = packed(scent, local.http.settings.maxPayloadBytes);
  } catch {
    // No scent: the isolate's own instance says what that is.
    return local.interceptAsync(scent);
  }
  // What was read is what is used, also here: the caller may change its bytes while the object is asked.
  return fallback.elsewhere(
    parcel.source,
    (shard) => shard.intercept(parcel),
    () => local.interceptAsync(unpacked(parcel, local.http.settings.maxPayloadBytes)),
  );
}

/** Asks every object. */
async function findIn(shards: readonly Shard[], id: string): ReturnType<ShardedTracehound['find']> {
  const asked = await Promise.allSettled(shards.map((shard) => shard.find(id)));
  for (const [i, answer] of asked.entries()) {
    const evidence = answer.status === 'fulfilled' ? answer.value : undefined;
    if (evidence !== undefined) return { evidence, shard: shards[i] as Shard };
  }
  // It may lie where nobody answered.
  const failed = asked.find((answer) => answer.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return undefined;
}

interface Way {
  readonly namespace: ObjectNamespace;
  readonly index: number;
  readonly timeoutMs: number;
  readonly maxPayloadBytes: number;
}

/** The way to one object. */
function wayTo({ namespace, index, timeoutMs, maxPayloadBytes }: Way): Shard {
  const ask = async (name: CallName, given: readonly unknown[]): Promise<unknown> => {
    const args = readCall(name, given, maxPayloadBytes);
    const once = (): Promise<unknown> => {
      const stub = namespace.get(namespace.idFromName(`tracehound-${index}`)) as ObjectStub;
      return (stub[name] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
    };
    const answer = await askOther(once, { name: `object.${name}`, timeoutMs, isRetryable });
    if (typeof answer === 'object' && answer !== null) return unwrapped(answer as Parameters<typeof unwrapped>[0]);
    throw new TracehoundError(
      'SHARD_UNREACHABLE',
      `object.${name}: another class, expected a TracehoundObject, got another answer`,
    );
  };
  const calls = CALL_NAMES.map((name) => [name, (...given: unknown[]) => ask(name, given)]);
  return Object.fromEntries(calls) as unknown as Shard;
}

interface Settings {
  readonly count: number;
  readonly timeoutMs: number;
  readonly whenUnreachable: 'local' | 'fail';
  readonly blocks: KvBinding | undefined;
  readonly ipv6Prefix: number | undefined;
  /** The instance of this isolate. */
  readonly local: Tracehound;
}

function readSharded(given: ShardedOptions): Settings {
  const { shards, timeoutMs, whenUnreachable, blocks, ...own } = ownProperties('options', given);
  // What is asked twice is copied first: the place of a source and its limit go by one prefix.
  if (typeof own.rateLimit === 'object' && own.rateLimit !== null) {
    own.rateLimit = ownProperties('rateLimit', own.rateLimit);
  }
  const { ipv6Prefix } = (own.rateLimit || {}) as { ipv6Prefix?: number };
  if (own.secret === undefined) {
    throw new TypeError('secret: missing, expected the same ≥ 32 bytes in every isolate and object, got none');
  }
  return {
    count: integer('shards', shards, 16, 1, 4_096),
    timeoutMs: integer('timeoutMs', timeoutMs, 1_000, 1, 60_000, 'ms'),
    whenUnreachable: word('whenUnreachable', whenUnreachable, ['local', 'fail']),
    blocks: blocks === undefined ? undefined : plug<KvBinding>('blocks', blocks, ['get'], 'a KV namespace'),
    local: createTracehound(own),
    ipv6Prefix,
  };
}

/** Cloudflare's word for errors after which another try may do ("Error handling", Durable Objects). */
const isRetryable = (error: unknown): boolean => {
  const { retryable, overloaded } = (error ?? {}) as { retryable?: unknown; overloaded?: unknown };
  return retryable === true && overloaded !== true;
};
