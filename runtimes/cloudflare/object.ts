/**
 * The Durable Object that decides for a share of the sources: limiter, quarantine and log in one place, whoever asks.
 *
 *   export class Shard extends TracehoundObject<Env> {
 *     options(env: Env, id: string) {
 *       return { secret: secretOf(env), rateLimit: { limit: 100 } };
 *     }
 *   }
 *
 * Every string method of the prototype can be called by whoever has the binding, `protected` or not. So the prototype has
 * the calls of rpc.ts and `alarm`, and nothing else; `act` and `options` are properties of the instance, which Workers RPC
 * does not reach.
 *
 * Relies on: SQLite storage (`new_sqlite_classes`), Workers RPC. Refuses: rules of its own; it is the same instance as
 * everywhere, woken where it was left (resident.ts, memory.ts). Refuses to believe the kinds and words that it is called
 * with (rpc.ts).
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import { TracehoundError } from '../../src/errors';
import { unpacked } from '../../src/instance/parcel';
import type { Tracehound } from '../../src/types/index';
import { type ObjectContext, type ObjectOptions, Resident } from './resident';
import {
  type Answer,
  answered,
  type CallArgs,
  type CallName,
  type ObjectCalls,
  type ObjectStub,
  readCall,
} from './rpc';

export type { KvBinding } from './blocks';
export type { ObjectOptions } from './resident';
export {
  type ObjectNamespace,
  type Shard,
  type ShardedOptions,
  type ShardedTracehound,
  shardedTracehound,
} from './sharded';

type Told<Name extends CallName> = Promise<Answer<ReturnType<ObjectCalls[Name]>>>;

/**
 * Extend it, say with which options, and name the class in `durable_objects` and in `new_sqlite_classes`. Methods of your
 * own are calls of your own: what only the class itself may use is named with a `#`.
 */
export abstract class TracehoundObject<Env = unknown> extends DurableObject<Env> implements ObjectStub {
  #resident!: Resident;

  /** For methods of your own: what `work` does to the instance is stored before this resolves. */
  protected readonly act: <T>(work: (th: Tracehound) => T | Promise<T>) => Promise<T> = (work) =>
    this.#resident.record(work);

  constructor(ctx: DurableObject['ctx'], env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      await undefined; // `options` may be a field of the class below, which is set after this constructor.
      const options = await this.options(env, ctx.id.toString());
      // It has been asked for the last time. A method of the class below would hand out the secret to every caller.
      Object.defineProperty(this, 'options', { value: concealed });
      this.#resident = await Resident.wake(ctx as unknown as ObjectContext, options);
    });
  }

  /**
   * What the object is made with: asked once, when it wakes. `id`: its own, in hex; a name for what is its alone in a
   * store.
   */
  protected abstract options(env: Env, id: string): ObjectOptions | Promise<ObjectOptions>;

  charge(...given: CallArgs<'charge'>): Told<'charge'> {
    return this.#told('charge', given, async (source, disposition) => {
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

  intercept(...given: CallArgs<'intercept'>): Told<'intercept'> {
    return this.#told('intercept', given, (parcel) => {
      const resident = this.#resident;
      return resident.intercept(unpacked(parcel, resident.th.http.settings.maxPayloadBytes));
    });
  }

  uninspected(...given: CallArgs<'uninspected'>): Told<'uninspected'> {
    return this.#asked('uninspected', given, (th, source, disposition, reason) =>
      th.http.counters.uninspected(source, disposition, reason),
    );
  }

  peek(...given: CallArgs<'peek'>): Told<'peek'> {
    return this.#asked('peek', given, (th, source, cost) => th.rateLimiter.peek(source, cost));
  }

  reset(...given: CallArgs<'reset'>): Told<'reset'> {
    return this.#asked('reset', given, (th, source, who) => th.rateLimiter.reset(source, who));
  }

  block(...given: CallArgs<'block'>): Told<'block'> {
    return this.#told('block', given, async (source, ms, who) => {
      await this.act((th) => th.rateLimiter.block(source, ms, who));
      this.#resident.blocked(source, ms);
    });
  }

  unblock(...given: CallArgs<'unblock'>): Told<'unblock'> {
    return this.#told('unblock', given, async (source, who) => {
      const was = await this.act((th) => th.rateLimiter.unblock(source, who));
      await this.#resident.unblocked(source);
      return was;
    });
  }

  find(...given: CallArgs<'find'>): Told<'find'> {
    return this.#asked('find', given, (th, id) => th.quarantine.find(id));
  }

  list(...given: CallArgs<'list'>): Told<'list'> {
    return this.#asked('list', given, (th, options) => th.quarantine.list(options));
  }

  stats(...given: CallArgs<'stats'>): Told<'stats'> {
    return this.#asked('stats', given, (th) => th.quarantine.stats);
  }

  read(...given: CallArgs<'read'>): Told<'read'> {
    return this.#asked('read', given, (th, signature, who) => th.quarantine.read(signature, who));
  }

  export(...given: CallArgs<'export'>): Told<'export'> {
    return this.#asked('export', given, (th, signature, who) => th.quarantine.export(signature, who));
  }

  neutralize(...given: CallArgs<'neutralize'>): Told<'neutralize'> {
    return this.#asked('neutralize', given, (th, signature, who) => th.quarantine.neutralize(signature, who));
  }

  purge(...given: CallArgs<'purge'>): Told<'purge'> {
    return this.#asked('purge', given, (th, ...of) => th.quarantine.purge(...of));
  }

  head(...given: CallArgs<'head'>): Told<'head'> {
    return this.#asked('head', given, (th) => th.audit.head());
  }

  flush(...given: CallArgs<'flush'>): Told<'flush'> {
    return this.#asked('flush', given, (th) => th.audit.flush());
  }

  checkpoint(...given: CallArgs<'checkpoint'>): Told<'checkpoint'> {
    return this.#asked('checkpoint', given, (th) => th.audit.checkpoint());
  }

  watch(...given: CallArgs<'watch'>): Told<'watch'> {
    return this.#asked('watch', given, (th) => th.watcher.snapshot());
  }

  override alarm(): Promise<void> {
    return this.#resident.alarm();
  }

  /** A call that is one act of the instance, and perhaps a record. */
  #asked<Name extends CallName, T>(
    name: Name,
    given: readonly unknown[],
    work: (th: Tracehound, ...args: CallArgs<Name>) => T | Promise<T>,
  ): Promise<Answer<T>> {
    return this.#told(name, given, (...args) => this.act((th) => work(th, ...args)));
  }

  #told<Name extends CallName, T>(
    name: Name,
    given: readonly unknown[],
    work: (...args: CallArgs<Name>) => T | Promise<T>,
  ): Promise<Answer<T>> {
    return answered(() => work(...readCall(name, given, this.#resident.th.http.settings.maxPayloadBytes)));
  }
}

/** What `options` is once the object is awake. */
async function concealed(): Promise<Answer<never>> {
  return answered(() => {
    throw new TracehoundError('ACCESS_DENIED', 'object.options: not for callers, expected a call, got the name of one');
  });
}
