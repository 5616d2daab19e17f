/**
 * The Durable Object that decides for a share of the sources: limiter, quarantine and log in one place, whoever asks.
 *
 *   export class Hound extends TracehoundObject<Env> {
 *     options(env: Env, id: string) {
 *       return { secret: secretOf(env), rateLimit: { limit: 100 } };
 *     }
 *   }
 *
 * Relies on: SQLite storage (`new_sqlite_classes`), Workers RPC. Refuses: rules of its own; it is the same instance as
 * everywhere, woken where it was left (resident.ts, memory.ts).
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import type { Actor, Disposition, PurgeReason, Scent, Source, Tracehound } from '../../src/types/index';
import { type ObjectContext, type ObjectOptions, Resident } from './resident';
import { type Answer, failureOf, type ObjectCalls, type ObjectStub } from './rpc';

export type { KvPort } from './blocks';
export type { ObjectOptions } from './resident';
export {
  type ObjectNamespace,
  type Shard,
  type ShardedOptions,
  type ShardedTracehound,
  shardedTracehound,
} from './sharded';

type Told<Name extends keyof ObjectCalls> = Promise<Answer<ReturnType<ObjectCalls[Name]>>>;

/** Extend it, say with which options, and name the class in `durable_objects` and in `new_sqlite_classes`. */
export abstract class TracehoundObject<Env = unknown> extends DurableObject<Env> implements ObjectStub {
  #resident!: Resident;

  constructor(ctx: DurableObject['ctx'], env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      await undefined; // `options` may be a field of the class below, which is set after this constructor.
      const options = await this.options(env, ctx.id.toString());
      this.#resident = await Resident.wake(ctx as unknown as ObjectContext, options);
    });
  }

  /** What the object is made with, each time it wakes. `id`: its own, in hex; a name for what is its alone in a store. */
  protected abstract options(env: Env, id: string): ObjectOptions | Promise<ObjectOptions>;

  /** For methods of your own: what `work` does to the instance is stored before this resolves. */
  protected act<T>(work: (th: Tracehound) => T | Promise<T>): Promise<T> {
    return this.#resident.record(work);
  }

  charge(source: Source, disposition?: Disposition): Told<'charge'> {
    return told(async () => {
      const resident = this.#resident;
      const rate = await resident.act(async (th) => {
        const rate = await th.http.limits.charge(source, disposition);
        if (rate?.allowed === false) await resident.remind();
        return rate;
      });
      if (rate?.blocked) resident.blocked(source, rate.retryAfterMs);
      return rate;
    });
  }

  intercept(scent: Scent): Told<'intercept'> {
    return told(() =>
      this.#resident.record(async (th) => {
        const result = await th.interceptAsync(scent);
        if (result.status === 'error') throw result.error;
        this.#resident.taken(result);
        return result;
      }),
    );
  }

  uninspected(source: Source, disposition: Disposition, reason: 'threw' | 'timeout'): Told<'uninspected'> {
    return this.#told((th) => th.http.counters.uninspected(source, disposition, reason));
  }

  peek(source: Source, cost?: number): Told<'peek'> {
    return this.#told((th) => th.rateLimiter.peek(source, cost));
  }

  reset(source: Source): Told<'reset'> {
    return this.#told((th) => th.rateLimiter.reset(source));
  }

  block(source: Source, ms: number, who?: Actor): Told<'block'> {
    return told(async () => {
      await this.act((th) => th.rateLimiter.block(source, ms, who));
      this.#resident.blocked(source, ms);
    });
  }

  unblock(source: Source, who?: Actor): Told<'unblock'> {
    return told(async () => {
      const was = await this.act((th) => th.rateLimiter.unblock(source, who));
      await this.#resident.unblocked(source);
      return was;
    });
  }

  find(idOrTraceId: string): Told<'find'> {
    return this.#told((th) => th.quarantine.find(idOrTraceId));
  }

  list(options?: { limit?: number; after?: string }): Told<'list'> {
    return this.#told((th) => th.quarantine.list(options));
  }

  stats(): Told<'stats'> {
    return this.#told((th) => th.quarantine.stats);
  }

  read(signature: string, who?: Actor): Told<'read'> {
    return this.#told((th) => th.quarantine.read(signature, who));
  }

  export(signature: string, who?: Actor): Told<'export'> {
    return this.#told((th) => th.quarantine.export(signature, who));
  }

  neutralize(signature: string, who?: Actor): Told<'neutralize'> {
    return this.#told((th) => th.quarantine.neutralize(signature, who));
  }

  purge(signature: string, reason: PurgeReason, who?: Actor): Told<'purge'> {
    return this.#told((th) => th.quarantine.purge(signature, reason, who));
  }

  head(): Told<'head'> {
    return this.#told((th) => th.audit.head());
  }

  flush(): Told<'flush'> {
    return this.#told((th) => th.audit.flush());
  }

  checkpoint(): Told<'checkpoint'> {
    return this.#told((th) => th.audit.checkpoint());
  }

  watch(): Told<'watch'> {
    return this.#told((th) => th.watcher.snapshot());
  }

  override alarm(): Promise<void> {
    return this.#resident.alarm();
  }

  #told<T>(work: (th: Tracehound) => T | Promise<T>): Promise<Answer<T>> {
    return told(() => this.act(work));
  }
}

async function told<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: failureOf(error) };
  }
}
