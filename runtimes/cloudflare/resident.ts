/**
 * The instance that lives in a Durable Object: woken from its storage, asked one act after the other, its evidence and its
 * log sent on.
 *
 *   act      what was decided is stored before it is answered (memory.ts)
 *   alarm    what no request waits for: the log to its store, evidence to its own (cold/drain.ts, cold/queue.ts)
 *
 * Relies on: the context of a Durable Object; stores that are passed in. Refuses: to continue after its memory could not be
 * stored, or after its core is down for good — the object ends, and wakes again as it was stored — and to store a record
 * elsewhere before it is stored here.
 */
import { Drain } from '../../src/cold/drain';
import { EvidenceQueue, type WaitingIds } from '../../src/cold/queue';
import { BlockMirror } from '../../src/coordination/mirror';
import { TracehoundError } from '../../src/errors';
import { placeOf } from '../../src/instance/place';
import { type StoredLogOptions, storedLog } from '../../src/log/index';
import { reopenLog } from '../../src/log/open';
import { inTime, lateStore } from '../../src/time/deadline';
import { wire } from '../../src/tracehound';
import type {
  AuditOptions,
  InterceptResult,
  LogStore,
  RateLimitOptions,
  Runtime,
  Scent,
  Source,
  Store,
  Tracehound,
  TracehoundOptions,
} from '../../src/types/index';
import { type KvBinding, kvBlocks } from './blocks';
import { cloudflare } from './index';
import { type MemoryStorage, ObjectMemory } from './memory';
import { storedAfter, waitingIn } from './storage';

/** What is used of `DurableObjectState`. */
export interface ObjectContext {
  readonly id: { toString(): string };
  readonly storage: MemoryStorage & { setAlarm(at: number): Promise<void> };
  waitUntil(work: Promise<unknown>): void;
  abort(reason?: string): void;
}

/** What an object is made with. */
export interface ObjectOptions
  extends Omit<TracehoundOptions, 'audit' | 'rateLimit' | 'restore' | 'runtime' | 'secret'> {
  rateLimit?: RateLimitOptions | false;
  /** Seals what is stored of this object; the same in the Workers that ask it. */
  secret: Uint8Array;
  /** The secret before this one: opens what it sealed. A new log begins, which names the old one. */
  formerSecret?: Uint8Array;
  audit?: Omit<AuditOptions, 'log'>;
  /**
   * Where the log goes; each object needs a store, or a prefix, of its own. When that takes nothing and `audit.maxRecords`
   * wait, the object refuses (`LOG_FULL`) rather than give up records: they would have to outlive it. Default: nowhere.
   */
  log?: { store: LogStore } & Omit<StoredLogOptions, 'policy' | 'resume'>;
  /** Where evidence goes, as evidence bundles under `<id>.json`, when it is taken in. Needs `log` and `audit.signer`. */
  evidence?: Store;
  /** A KV namespace in which blocked sources are listed, for `shardedTracehound`. Default: none. */
  blocks?: KvBinding;
}

/** What the bundles that are sent on were exported for. */
const SENDER = { actor: 'tracehound', purpose: 'cold storage' } as const;
/** A backlog of this many calls is not left to the next who wakes. */
const BACKLOG_CALLS = 256;
/** How long the log's store may take when the object wakes, ms: whoever asked first is waiting. */
const REOPEN_MS = 2_000;

export class Resident {
  readonly th: Tracehound;
  readonly #ctx: ObjectContext;
  readonly #options: ObjectOptions;
  readonly #memory: ObjectMemory;
  readonly #now: () => number;
  readonly #drain: Drain;
  readonly #queue: EvidenceQueue | undefined;
  readonly #blocks: BlockMirror | undefined;
  /** Reads where the log in the store ends: still to be done, because the store did not answer when the object woke. */
  readonly #reopen: (() => Promise<unknown>) | undefined;

  private constructor(ctx: ObjectContext, options: ObjectOptions, memory: ObjectMemory, { th, reopen }: Woken) {
    const { evidence, blocks } = options;
    this.#ctx = ctx;
    this.#options = options;
    this.#memory = memory;
    this.#now = options.clock ?? cloudflare.now;
    this.#reopen = reopen;
    this.#drain = new Drain({
      wakeIn: (ms) => ctx.storage.setAlarm(this.#now() + ms),
      work: () => this.#workOff(),
      report: warned,
    });
    this.#queue = evidence && this.#queueFor(evidence, waitingIn(ctx.storage.sql));
    this.#blocks = blocks && new BlockMirror(kvBlocks(blocks), warned);
    this.th = th;
  }

  /**
   * The instance as it was stored, or a fresh one. `ground`: who answers the five questions. Rejects with
   * `SNAPSHOT_INVALID` when it cannot be opened.
   */
  static async wake(ctx: ObjectContext, options: ObjectOptions, ground: Runtime = cloudflare): Promise<Resident> {
    const { secret, formerSecret } = options;
    expectWhole(options);
    const memory = await ObjectMemory.open(ctx.storage, { secret, former: formerSecret, object: ctx.id.toString() });
    return new Resident(ctx, options, memory, await woken(ctx, options, memory, ground));
  }

  /** Does something with the instance; answers when what it changed is stored. */
  async act<T>(work: (th: Tracehound) => T | Promise<T>): Promise<T> {
    try {
      return await work(this.th);
    } catch (error) {
      this.#endIfDown(error);
      throw error;
    } finally {
      await this.#commit();
    }
  }

  /** A core that is down for good is down in this process only: what was stored before wakes in another. */
  #endIfDown(error: unknown): void {
    if (!(error instanceof TracehoundError && error.code === 'CORE_DOWN')) return;
    this.#memory.end(error);
    this.#ctx.abort('Tracehound: the core is down');
  }

  async #commit(): Promise<void> {
    try {
      await this.#memory.commit();
    } catch (error) {
      // What is here is ahead of what is stored. Nobody may build on it.
      this.#ctx.abort(`Tracehound: not stored (${error})`);
      throw error;
    }
  }

  /** An act that may have left records, or evidence, behind. */
  async record<T>(work: (th: Tracehound) => T | Promise<T>): Promise<T> {
    const answer = await this.act(async (th) => {
      const result = await work(th);
      await this.remind();
      return result;
    });
    this.th.http.runtime.ship();
    return answer;
  }

  /** Evidence that is taken in is remembered to be sent on before it is answered that it was taken in. */
  intercept(scent: Scent): Promise<Exclude<InterceptResult, { status: 'error' }>> {
    return this.record(async (th) => {
      const result = await th.interceptAsync(scent);
      if (result.status === 'error') throw result.error;
      if (result.status === 'quarantined' && this.#queue !== undefined) {
        this.#queue.add(result.evidence.id);
        this.#ctx.waitUntil(this.#queue.turn().catch(warned));
      }
      return result;
    });
  }

  /** Lists a block for those who ask later; nobody waits for that. */
  blocked(source: Source, ms: number): void {
    const listed = this.#blocks?.blocked(this.#placeOf(source), this.#now(), ms);
    if (listed !== undefined) this.#ctx.waitUntil(listed);
  }

  async unblocked(source: Source): Promise<void> {
    await this.#blocks?.lifted(this.#placeOf(source));
  }

  #placeOf(source: Source): Uint8Array {
    const { rateLimit } = this.#options;
    return placeOf(this.th, source, rateLimit === false ? undefined : rateLimit?.ipv6Prefix);
  }

  /** Asks for an alarm, which sends on what is there by then. */
  remind(): Promise<void> {
    return this.#drain.remind();
  }

  /** Stores and signs the log, sends evidence on, writes the pages. Tries again later what failed. */
  async alarm(): Promise<void> {
    await this.#drain.due();
    if (this.#memory.persistence.backlog.count >= BACKLOG_CALLS) await this.#memory.checkpoint();
  }

  async #workOff(): Promise<boolean> {
    if (this.#reopen !== undefined) {
      await this.#reopen();
      await this.#memory.checkpoint();
      // An instance takes its log up in its first call, or not at all. Nothing is lost: the next who wakes is the same.
      this.#ctx.abort('Tracehound: the store of the log is back');
      return false;
    }
    await this.act((th) => th.audit.flush());
    await this.#queue?.turn();
    return this.#queue?.isEmpty === false;
  }

  #queueFor(store: Store, waiting: WaitingIds): EvidenceQueue {
    const bundle = async (id: string): Promise<Uint8Array | undefined> => {
      const signature = this.th.quarantine.find(id)?.signature;
      if (signature === undefined) return undefined;
      return this.act((th) => th.quarantine.export(signature, SENDER));
    };
    return new EvidenceQueue({ waiting, store, bundle, report: warned });
  }
}

interface Woken {
  readonly th: Tracehound;
  readonly reopen: (() => Promise<unknown>) | undefined;
}

/** The instance over its memory, and over its log in the store where that answered. */
async function woken(
  ctx: ObjectContext,
  { secret, formerSecret: _, log, evidence: __, blocks: ___, audit, ...rest }: ObjectOptions,
  memory: ObjectMemory,
  ground: Runtime,
): Promise<Woken> {
  const runtime: Runtime = { ...ground, defer: (work) => ctx.waitUntil(work.catch(warned)) };
  const made = (stored: AuditOptions): Tracehound =>
    wire(runtime, { ...rest, secret, audit: stored }, memory.persistence);
  if (log === undefined) return { th: made(audit ?? {}), reopen: undefined };
  const { store, ...how } = log;
  const after = storedAfter(memory, store);
  const { origin } = memory.persistence;
  const reopen = async () =>
    origin === undefined
      ? undefined
      : await inTime(reopenLog(after, origin), REOPEN_MS, lateStore('log store', REOPEN_MS));
  const resume = await reopen().catch(warned);
  const th = made({ ...audit, log: storedLog(after, { ...how, policy: 'halt', ...(resume && { resume }) }) });
  return { th, reopen: resume === null ? reopen : undefined };
}

/** Throws for options that cannot work together. */
function expectWhole({ secret, log, evidence, audit }: ObjectOptions): void {
  if (!(secret instanceof Uint8Array)) throw new TypeError('secret: missing, expected ≥ 32 bytes, got none');
  if (log !== undefined && audit?.signer === undefined) {
    // Each time the object wakes it signs with another key, which somebody must vouch for.
    throw new TypeError('log: nobody vouches for it, expected `audit.signer` beside it, got none');
  }
  if (evidence !== undefined && log === undefined) {
    throw new TypeError('evidence: cannot be proved, expected `log` beside it, got none');
  }
}

/** Says it, and that there is no answer. */
const warned = (error: unknown): null => {
  console.warn('Tracehound:', error);
  return null;
};
