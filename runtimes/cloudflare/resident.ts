/**
 * The instance that lives in a Durable Object: woken from its storage, asked one act after the other, its evidence and its
 * log sent on.
 *
 *   act      what was decided is stored before it is answered (memory.ts)
 *   work     what no request waits for: the log to its store, evidence to its own; by alarm what is left of it
 *
 * Relies on: the context of a Durable Object; stores that are passed in. Refuses: to go on after its memory could not be
 * stored — the object ends, and wakes again as it was stored — and to store a record elsewhere before it is stored here.
 */
import { type ErrorCode, TracehoundError } from '../../src/errors';
import { type StoredLogOptions, storedLog } from '../../src/log/index';
import { reopenLog } from '../../src/log/open';
import { wire } from '../../src/tracehound';
import type {
  AuditOptions,
  InterceptResult,
  LogStore,
  OpenedLog,
  RateLimitOptions,
  Runtime,
  Source,
  Store,
  Tracehound,
  TracehoundOptions,
} from '../../src/types/index';
import { type KvPort, listBlock, unlistBlock } from './blocks';
import { cloudflare } from './index';
import { type MemoryStorage, ObjectMemory } from './memory';
import { placeOf } from './place';

/** What is used of `DurableObjectState`. */
export interface ObjectContext {
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
  blocks?: KvPort;
}

/** What the bundles that are sent on were exported for. */
const SENDER = { actor: 'tracehound', purpose: 'cold storage' } as const;
/** Alarm after an act, ms. */
const ALARM_MS = 2_000;
const ALARM_MS_MAX = 60_000;
/** Bundles that one turn sends, and rows that are read at once. */
const BUNDLES_MAX = 64;
const WAITING_MAX = 64;
/** Why an item can have no bundle, now or later: its records are gone, it is gone, or `authorize` says no. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set(['RANGE_UNAVAILABLE', 'NOT_FOUND', 'ACCESS_DENIED']);
/** Blocks remembered as listed; and by how much an end must differ to be listed again. */
const LISTED_MAX = 1_024;
const LISTED_MS = 1_000;
/** A backlog of this many calls is not left to the next who wakes. */
const BACKLOG_CALLS = 256;

export class Resident {
  readonly th: Tracehound;
  readonly #ctx: ObjectContext;
  readonly #options: ObjectOptions;
  readonly #memory: ObjectMemory;
  readonly #now: () => number;
  readonly #prefix: number;
  /** Reads where the log in the store ends: still to be done, because the store did not answer when the object woke. */
  readonly #reopen: (() => Promise<unknown>) | undefined;
  /** Ends of the blocks that were listed last, unix ms. */
  readonly #listed = new Map<string, number>();
  #hasAlarm = false;
  #failures = 0;
  #working: Promise<void> | undefined;

  private constructor(
    ctx: ObjectContext,
    options: ObjectOptions,
    memory: ObjectMemory,
    th: Tracehound,
    reopen: (() => Promise<unknown>) | undefined,
  ) {
    this.#reopen = reopen;
    this.#ctx = ctx;
    this.#options = options;
    this.#memory = memory;
    this.#now = options.clock ?? cloudflare.now;
    this.#prefix = (options.rateLimit === false ? undefined : options.rateLimit?.ipv6Prefix) ?? 56;
    this.th = th;
  }

  /** The instance as it was stored, or a fresh one. Rejects with `SNAPSHOT_INVALID` when it cannot be opened. */
  static async wake(ctx: ObjectContext, options: ObjectOptions): Promise<Resident> {
    const { secret, formerSecret, log, evidence, blocks: _, audit, ...rest } = options;
    if (!(secret instanceof Uint8Array)) throw new TypeError('secret: missing, expected ≥ 32 bytes, got none');
    if (log !== undefined && audit?.signer === undefined) {
      // Each time the object wakes it signs with another key, which somebody must vouch for.
      throw new TypeError('log: nobody vouches for it, expected `audit.signer` beside it, got none');
    }
    if (evidence !== undefined && log === undefined) {
      throw new TypeError('evidence: cannot be proved, expected `log` beside it, got none');
    }
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS tracehound_evidence (signature TEXT PRIMARY KEY)');
    const memory = await ObjectMemory.open(ctx.storage, secret, formerSecret);
    const runtime: Runtime = { ...cloudflare, defer: (work) => ctx.waitUntil(work.catch(warn)) };
    let stored: AuditOptions = audit ?? {};
    let reopen: (() => Promise<OpenedLog | undefined>) | undefined;
    if (log !== undefined) {
      const { store, ...how } = log;
      const after = storedAfter(memory, store);
      const { origin } = memory.persistence;
      reopen = async () => (origin === undefined ? undefined : await reopenLog(after, origin));
      const resume = await reopen().catch(warn);
      if (resume !== null) reopen = undefined;
      stored = { ...audit, log: storedLog(after, { ...how, policy: 'halt', ...(resume && { resume }) }) };
    }
    const th = wire(runtime, { ...rest, secret, audit: stored }, memory.persistence);
    return new Resident(ctx, options, memory, th, reopen);
  }

  /** Does something with the instance; answers when what it changed is stored. */
  async act<T>(work: (th: Tracehound) => T | Promise<T>): Promise<T> {
    try {
      return await work(this.th);
    } finally {
      await this.#commit();
    }
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

  /** Remembers that evidence has to be sent on, before it is answered that it was taken in. */
  taken(result: InterceptResult): void {
    if (this.#options.evidence === undefined || result.status !== 'quarantined') return;
    const { signature } = result.evidence;
    this.#ctx.storage.sql.exec('INSERT OR IGNORE INTO tracehound_evidence (signature) VALUES (?)', signature);
    this.#ctx.waitUntil(this.#work().catch(warn));
  }

  /** Lists a block for those who ask later; nobody waits for that. */
  blocked(source: Source, ms: number): void {
    const { blocks } = this.#options;
    if (blocks === undefined || ms < 1) return;
    const place = placeOf(this.th, source, this.#prefix);
    const until = this.#now() + ms;
    // Every refusal of a blocked source comes by here, and KV takes one write a second to a key.
    if ((this.#listed.get(place.join()) ?? 0) > until - LISTED_MS) return;
    this.#listed.set(place.join(), until);
    if (this.#listed.size > LISTED_MAX) this.#listed.delete(this.#listed.keys().next().value as string);
    this.#ctx.waitUntil(listBlock(blocks, place, this.#now(), ms).catch(warn));
  }

  async unblocked(source: Source): Promise<void> {
    const { blocks } = this.#options;
    if (blocks === undefined) return;
    const place = placeOf(this.th, source, this.#prefix);
    this.#listed.delete(place.join());
    await unlistBlock(blocks, place).catch(warn);
  }

  /** Asks for an alarm, which sends on what is there by then. */
  remind(): Promise<void> {
    return this.#alarmIn(ALARM_MS);
  }

  async #alarmIn(ms: number): Promise<void> {
    if (this.#hasAlarm) return;
    this.#hasAlarm = true;
    await this.#ctx.storage.setAlarm(this.#now() + ms);
  }

  /** Stores and signs the log, sends evidence on, writes the pages. Tries again later what failed. */
  async alarm(): Promise<void> {
    this.#hasAlarm = false;
    try {
      if (this.#reopen !== undefined) {
        await this.#reopen();
        await this.#memory.checkpoint();
        // The log is gone on with from the first call of an instance on. Nothing is lost: the next who wakes is the same.
        return this.#ctx.abort('Tracehound: the store of the log is back');
      }
      await this.act((th) => th.audit.flush());
      await this.#work();
      this.#failures = 0;
      if (this.#waiting().length > 0) await this.#alarmIn(ALARM_MS);
    } catch (error) {
      warn(error);
      await this.#alarmIn(Math.min(ALARM_MS * 2 ** this.#failures++, ALARM_MS_MAX));
    }
    if (this.#memory.persistence.backlog.count >= BACKLOG_CALLS) await this.#memory.checkpoint();
  }

  #work(): Promise<void> {
    this.#working ??= this.#send().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  /** Sends what waits, oldest first. Evidence that is held no more was evicted, or ended: the log says how. */
  async #send(): Promise<void> {
    const { evidence } = this.#options;
    if (evidence === undefined) return;
    let sent = 0;
    for (let waiting = this.#waiting(); waiting.length > 0; waiting = this.#waiting()) {
      for (const signature of waiting) {
        if (sent === BUNDLES_MAX) return;
        const handle = this.th.quarantine.get(signature);
        const bundle = handle && (await this.#bundle(signature));
        if (bundle !== undefined) {
          await evidence.putIfAbsent(`${handle?.id}.json`, bundle);
          sent++;
        }
        this.#ctx.storage.sql.exec('DELETE FROM tracehound_evidence WHERE signature = ?', signature);
      }
    }
  }

  /** The bundle of one item. `undefined` for one that can never have one: it must not hold up the others. */
  async #bundle(signature: string): Promise<Uint8Array | undefined> {
    try {
      return await this.act((th) => th.quarantine.export(signature, SENDER));
    } catch (error) {
      if (!(error instanceof TracehoundError && HOPELESS.has(error.code))) throw error;
      warn(error);
      return undefined;
    }
  }

  #waiting(): string[] {
    return this.#ctx.storage.sql
      .exec(`SELECT signature FROM tracehound_evidence ORDER BY rowid LIMIT ${WAITING_MAX}`)
      .toArray()
      .map(({ signature }) => signature as string);
  }
}

/** `store`, that takes nothing of a log before the object's own memory has it: else the log could be ahead of its writer. */
function storedAfter(memory: ObjectMemory, store: LogStore): LogStore {
  return {
    get: (key) => store.get(key),
    putIfAbsent: async (key, bytes) => {
      await memory.commit();
      return store.putIfAbsent(key, bytes);
    },
    swap: async (key, bytes, expected) => {
      await memory.commit();
      return store.swap(key, bytes, expected);
    },
  };
}

/** Says it, and that there is no answer. */
const warn = (error: unknown): null => {
  console.warn('Tracehound:', error);
  return null;
};
