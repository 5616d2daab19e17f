/**
 * The limiter, slow and obvious: every admission is kept in a list, and every duration is found by trying.
 *
 * Relies on: the models of the clock, the hash and the sketch. Refuses: to be clever — where the core has a formula,
 * this has a loop; that is why the two are worth comparing.
 */
import { Clock } from './clock.ts';
import { type Hash, halfSipHash } from './halfsiphash.ts';
import { type Said, Sketch } from './sketch.ts';

export interface LimiterOptions {
  windowMs: number;
  limit: number;
  blockMs?: number;
  maxSources: number;
  key0?: number;
  key1?: number;
  /** Cells per row of the sketch; default as the core: rows of max(32 KiB, 4 B × maxSources), cells of 1 or 2 B. */
  width?: number;
  /** false: leave resetMs and retryAfterMs NaN, for long simulations. */
  times?: boolean;
}

export interface Verdict {
  allowed: boolean;
  blocked: boolean;
  degraded: boolean;
  remaining: number;
  resetMs: number;
  retryAfterMs: number;
  /** Refusals to be recorded now with this source. */
  account: number;
  /** A refusal of a source that has no record in the table. */
  unrecorded: boolean;
  blockStarted: boolean;
  /** What is to be recorded was asked by several addresses. */
  several: boolean;
}

interface Source {
  tag: number;
  /** Admitted cost by tick. */
  log: { tick: number; cost: number }[];
  /** Tick of the last check that was not a peek. */
  touched: number;
  /** End of the block on the forward clock; 0 = none. */
  blockEnd: number;
  /** The sketch may know this source. */
  inherited: boolean;
  refused: number;
  accounted: number;
  /** Addresses that were refused since a record accounted for refusals. */
  refusedBy: Set<string>;
  /** The tick before which refusals start no block. */
  pardonUntil: number;
}

export const WAYS = 16;
export const BLOCK_MS_MAX = 2 ** 42;

export class LimiterModel {
  readonly clock: Clock;
  readonly limit: number;
  /** Sub-windows of a window; the counters are one more, because the oldest counts whole. */
  readonly parts: number;
  evictions = 0;
  tracked = 0;
  pending = 0;
  orphaned = 0;
  private readonly options: LimiterOptions;
  private readonly sets: (Source | undefined)[][];
  private readonly sketch: Sketch;
  private readonly hashes = new Map<string, Hash>();
  private readonly evictedAt: number[] = [];

  constructor(options: LimiterOptions) {
    this.options = options;
    this.limit = options.limit;
    this.parts = options.limit <= CELL_U16 ? 32 : 24;
    this.clock = new Clock(options.windowMs);
    this.sets = Array.from({ length: options.maxSources / WAYS }, () => new Array<undefined>(WAYS).fill(undefined));
    const width = Math.max(32_768, 4 * options.maxSources) / (options.limit <= 255 ? 1 : 2);
    this.sketch = new Sketch(options.width ?? width, this.parts + 1, options.limit);
  }

  /** Live evictions in the last whole second of the window clock. */
  get pressure(): number {
    const second = Math.floor(this.clock.window / 1_000) - 1;
    return this.evictedAt.filter((at) => Math.floor(at / 1_000) === second).length;
  }

  /** `asker`: which address of the group asks. */
  check(key: Uint8Array | string, cost = 1, peek = false, asker = ''): Verdict {
    const at = this.place(key);
    const known = this.find(at);
    const before = this.weigh(known, !known || known.inherited ? this.ask(at) : [], this.clock);
    const allowed = !before.blocked && before.total + cost <= this.limit;
    const verdict: Verdict = {
      allowed,
      blocked: before.blocked,
      degraded: before.estimate > 0,
      remaining: 0,
      resetMs: Number.NaN,
      retryAfterMs: Number.NaN,
      account: 0,
      unrecorded: false,
      blockStarted: false,
      several: false,
    };
    let source = known;
    if (!peek) {
      if (allowed && source === undefined) source = this.insert(at, before.estimate > 0);
      if (source !== undefined) {
        source.touched = this.tick;
        // Once the sketch has forgotten it, nothing of it can come back: its cost enters only with its own eviction.
        if (before.estimate === 0) source.inherited = false;
        if (allowed) this.admit(source, cost, verdict, asker);
        else this.refuse(source, before.used + cost > this.limit && !before.blocked, verdict, asker);
      } else verdict.unrecorded = true;
    }
    // Asked again: whoever was evicted for this source may share its cells.
    const said = !source || source.inherited ? this.ask(at) : [];
    const now = this.weigh(source, said, this.clock);
    verdict.blocked = now.blocked;
    verdict.remaining = now.remaining;
    if (this.options.times !== false) {
      const later = (wanted: (then: ReturnType<LimiterModel['weigh']>) => boolean): number =>
        this.firstMs(now.blockLeft, (clock) => wanted(this.weigh(source, said, clock)));
      verdict.resetMs = now.remaining === this.limit ? 0 : later((then) => then.remaining > now.remaining);
      verdict.retryAfterMs = allowed ? 0 : later((then) => !then.blocked && then.total + cost <= this.limit);
    }
    return verdict;
  }

  /** Forgets what was used, the block, and what the sketch knows (the record stands in front of it). Was there anything? */
  reset(key: Uint8Array | string): boolean {
    const at = this.place(key);
    const source = this.find(at);
    if (source === undefined) {
      if (this.ask(at).length === 0) return false;
      this.insert(at, false);
      return true;
    }
    const { used, estimate, blocked } = this.weigh(source, source.inherited ? this.ask(at) : [], this.clock);
    source.log = [];
    source.touched = this.tick;
    source.blockEnd = 0;
    source.pardonUntil = 0;
    source.inherited = false;
    return used > 0 || estimate > 0 || blocked;
  }

  /** A block by hand; the later end wins. */
  block(key: Uint8Array | string, ms: number): void {
    if (!(ms > 0)) return;
    const at = this.place(key);
    const source = this.find(at) ?? this.insert(at, this.ask(at).length > 0);
    source.touched = this.tick;
    source.blockEnd = Math.max(source.blockEnd, this.clock.forward + Math.min(Math.ceil(ms), BLOCK_MS_MAX));
  }

  unblock(key: Uint8Array | string): boolean {
    const source = this.find(this.place(key));
    if (source === undefined) return false;
    if (source.blockEnd <= this.clock.forward) return false;
    source.blockEnd = 0;
    source.touched = this.tick;
    // What was used still counts, but it starts no block again before it is forgotten.
    source.pardonUntil = this.tick + this.parts + 1;
    return true;
  }

  /** Pending refusals whose record is gone; they count as accounted from here on. */
  orphans(): number {
    const count = this.orphaned;
    this.pending -= count;
    this.orphaned = 0;
    return count;
  }

  get tick(): number {
    return this.tickOf(this.clock);
  }

  private tickOf(clock: Clock): number {
    return Math.floor((clock.window * this.parts) / this.options.windowMs);
  }

  /** Everything that decides, at the time a clock shows. */
  private weigh(source: Source | undefined, said: readonly Said[], clock: Clock) {
    const tick = this.tickOf(clock);
    const used = source ? this.usedOf(source, tick) : 0;
    const estimate = said.reduce((sum, { cost, until }) => (until > tick ? sum + cost : sum), 0);
    const blockLeft = Math.max(0, (source?.blockEnd ?? 0) - clock.forward);
    const total = used + estimate;
    const blocked = blockLeft > 0;
    return { used, estimate, total, blocked, blockLeft, remaining: blocked ? 0 : Math.max(0, this.limit - total) };
  }

  private ask(at: Place): Said[] {
    // A set with an empty way has never evicted anyone: whatever the sketch says is of others.
    if (this.sets[at.set]!.includes(undefined)) return [];
    return this.sketch.ask(at.tag, at.set, this.tick);
  }

  private usedOf(source: Source, tick: number): number {
    return source.log.reduce((sum, entry) => (tick < entry.tick + this.parts + 1 ? sum + entry.cost : sum), 0);
  }

  /** The first ms, from `from` on and at least 1, at which the condition holds if the clock runs 1 ms per ms. */
  private firstMs(from: number, wanted: (clock: Clock) => boolean): number {
    for (let ms = Math.max(1, from); ms < from + 10 * this.options.windowMs + 1e6; ms++) {
      const clock = this.clock.clone();
      clock.started = true;
      clock.read(clock.raw + ms);
      if (wanted(clock)) return ms;
    }
    throw new Error('limiter model: no such time, expected one within ten windows');
  }

  private admit(source: Source, cost: number, verdict: Verdict, asker: string): void {
    source.log = source.log.filter((entry) => this.tick < entry.tick + this.parts + 1);
    const newest = source.log.at(-1);
    if (newest?.tick === this.tick) newest.cost += cost;
    else source.log.push({ tick: this.tick, cost });
    verdict.account = source.refused - source.accounted;
    verdict.several = verdict.account > 0 && new Set([...source.refusedBy, asker]).size > 1;
    this.pending -= verdict.account;
    source.refused = 0;
    source.accounted = 0;
    source.refusedBy.clear();
  }

  private refuse(source: Source, surely: boolean, verdict: Verdict, asker: string): void {
    source.refused++;
    source.refusedBy.add(asker);
    this.pending++;
    if (Number.isInteger(Math.log2(source.refused))) {
      verdict.account = source.refused - source.accounted;
      verdict.several = source.refusedBy.size > 1;
      this.pending -= verdict.account;
      source.accounted = source.refused;
      source.refusedBy.clear();
    }
    const blockMs = Math.min(this.options.blockMs ?? 0, BLOCK_MS_MAX);
    if (surely && blockMs > 0 && this.tick >= source.pardonUntil) {
      source.blockEnd = this.clock.forward + blockMs;
      verdict.blockStarted = true;
    }
  }

  private place(key: Uint8Array | string): Place {
    const name = typeof key === 'string' ? key : String.fromCharCode(...key);
    let hash = this.hashes.get(name);
    if (hash === undefined) {
      const bytes = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
      hash = halfSipHash(bytes, this.options.key0 ?? 0x03020100, this.options.key1 ?? 0x07060504);
      this.hashes.set(name, hash);
    }
    // Tag 0 means an empty way.
    return { tag: hash[0] || 1, set: hash[1] % this.sets.length };
  }

  private find(at: Place): Source | undefined {
    return this.sets[at.set]!.find((source) => source?.tag === at.tag);
  }

  private insert(at: Place, inherited: boolean): Source {
    const ways = this.sets[at.set]!;
    const home = at.tag % WAYS;
    let way = ways[home] === undefined ? home : ways.indexOf(undefined);
    if (way < 0) {
      way = this.victim(ways as Source[]);
      this.evict(at.set, ways[way]!);
    } else this.tracked++;
    const source = {
      tag: at.tag,
      log: [],
      touched: this.tick,
      blockEnd: 0,
      inherited,
      refused: 0,
      accounted: 0,
      refusedBy: new Set<string>(),
      pardonUntil: 0,
    };
    ways[way] = source;
    return source;
  }

  /** Expired, else (when blocks hold more than half) the soonest-ending block, else the least consumed unblocked. */
  private victim(ways: Source[]): number {
    const { tick } = this;
    const states = ways.map((source, way) => ({
      way,
      used: this.usedOf(source, tick),
      blockLeft: Math.max(0, source.blockEnd - this.clock.forward),
      touched: source.touched,
    }));
    const expired = states.find((state) => state.used === 0 && state.blockLeft === 0);
    if (expired) return expired.way;
    const blocked = states.filter((state) => state.blockLeft > 0);
    if (blocked.length > WAYS / 2) return blocked.sort((a, b) => a.blockLeft - b.blockLeft || a.way - b.way)[0]!.way;
    const free = states.filter((state) => state.blockLeft === 0);
    return free.sort((a, b) => a.used - b.used || a.touched - b.touched || a.way - b.way)[0]!.way;
  }

  private evict(set: number, source: Source): void {
    const used = this.usedOf(source, this.tick);
    this.orphaned += source.refused - source.accounted;
    if (used === 0 && source.blockEnd <= this.clock.forward) return;
    this.evictions++;
    this.evictedAt.push(this.clock.window);
    if (this.evictedAt.length > 1e6) this.evictedAt.splice(0, 5e5);
    // Its own admitted cost only: what it inherited is in the sketch already.
    if (used > 0) this.sketch.add(source.tag, set, used, this.tick);
  }
}

interface Place {
  tag: number;
  set: number;
}

const CELL_U16 = 65_535;
