/**
 * The walk over a log: leaf after leaf, in memory that does not grow with it.
 *
 *   each record    its own bytes · number · link to the one before · sidecar · key epoch · what it ends or begins
 *   each leaf      into the tree; at the sizes of heads the root is compared, at full tiles the tile
 *
 *   0 ────────────── signed ── size          totals, times, lifecycles and the end are those of the part that the newest head
 *     what is judged │ the tail              covers; behind it the chain is still compared, and what it says counts for nothing
 *
 * Relies on: record, ours, lifecycle, keys, heads, tiles, tlog. Refuses: to stop at what it finds; only where the source
 * cannot be read on does the walk end.
 */
import { TracehoundError } from '../errors';
import * as record from '../formats/record';
import { bytesToWords, DIGEST_WORDS, hashWords, prefixedWords, sha256, wordAt, wordsToBytes } from '../formats/sha256';
import { Frontier, HASH_BYTES, LEAF_PREFIX, TILE_HEIGHT } from '../formats/tlog';
import { count, type Findings, type Spot } from './findings';
import type { KnownHeads } from './heads';
import { KEY_NOTE_REACH, type Keys } from './keys';
import { Lifecycle } from './lifecycle';
import { Ours } from './ours';
import { fault, unknownOf } from './record';
import type { LogEntry, LogSource, RecordEntry } from './source';
import { Tiles } from './tiles';

const LEVEL_MAX = 52;
/** Leaf hashes that are remembered for KEY notes: a power of two above their reach. */
const RING_MAX = 2 * KEY_NOTE_REACH;
/** What a short log needs. */
const RING_MIN = 256;
/**
 * From this length on a digest of the platform is worth its call: on Node 24 `crypto.hash` takes 0.7 µs and 0.5 ns a byte and
 * makes a buffer, ours takes 0.17 µs for each 64 bytes. Records and nodes are shorter, so their hashes stay here.
 */
const DIGEST_BYTES_MIN = 512;

/** Hash of the sidecar under way. */
const SIDECAR = new Int32Array(DIGEST_WORDS);

interface WalkOptions {
  readonly origin: string | undefined;
  readonly digest: ((bytes: Uint8Array) => Uint8Array) | undefined;
  /** Records below this one may be without content: somebody trusted said so. */
  readonly prunedTo?: number;
  readonly onProgress: ((records: number, total: number) => void) | undefined;
}

export class Walk {
  readonly #findings: Findings;
  readonly #heads: KnownHeads;
  readonly #keys: Keys;
  readonly #options: WalkOptions;
  readonly #tiles: Tiles | undefined;
  readonly #frontier: Frontier;
  readonly lifecycle: Lifecycle;
  /** Leaves below the newest head; all of them, if there is none. */
  readonly #signed: number;
  readonly #ours = new Ours();
  /** What is signed was read to its end: its size, and its root if anybody can compute it. */
  #judged: { readonly size: number; readonly root: Uint8Array | undefined } | undefined;
  /** The newest leaf hashes, eight words each, and how many fit in. */
  #ring = new Int32Array(RING_MIN * DIGEST_WORDS);
  #ringLeaves = RING_MIN;
  /** Link that the next record must have, the leaf hash before it: where in the ring. */
  #link = 0;
  #isLinked: boolean;
  /** Every leaf hash from here on was seen. */
  #seenFrom = 0;
  readonly #genesis: Uint8Array | undefined;
  /** First leaf of the run without content that ends here; `undefined` when the leaf before has content. */
  #hiddenFrom: number | undefined;
  /** Leaves are missing without a hash: no root from there on. */
  #isBroken = false;
  /** Leaves so far, the tail included. */
  size = 0;
  /** Leaves up to the last one that was read by itself: what a head only claims is behind it. */
  read = 0;
  /** From here on: of the part that is signed. */
  records = 0;
  unavailable = 0;
  #details = 0;
  /** Of those that are unavailable, by retention. */
  #pruned = 0;
  /** Where the first leaf without content lies, and the first record without the sidecar it commits to. */
  #hidden: Spot | undefined;
  #bare: Spot | undefined;
  from: number | undefined;
  to: number | undefined;
  #entry: LogEntry | undefined;
  #before: LogEntry | undefined;

  constructor(source: LogSource, heads: KnownHeads, keys: Keys, findings: Findings, options: WalkOptions) {
    this.#findings = findings;
    this.#heads = heads;
    this.#keys = keys;
    this.#options = options;
    this.lifecycle = new Lifecycle(findings);
    this.#signed = heads.newest?.size ?? Number.POSITIVE_INFINITY;
    const tiles = source.tile && new Tiles(source.tile.bind(source), this.#signed, findings);
    this.#tiles = tiles;
    this.#frontier = new Frontier(tiles && ((level, index, words) => tiles.put(level / TILE_HEIGHT, index, words, 0)));
    this.#isLinked = options.origin !== undefined;
    if (options.origin === undefined) return;
    this.#genesis = genesisLink(options.origin);
    // Until there is a leaf, the place of the last one is free.
    this.#link = (RING_MIN - 1) * DIGEST_WORDS;
    bytesToWords(this.#genesis, 0, this.#ring, this.#link);
  }

  /** Reads the source to its end, or to where it cannot be read on. */
  async run(source: LogSource): Promise<void> {
    const total = this.#heads.newest?.size ?? 0;
    this.#reach();
    try {
      for await (const batch of this.#ours.watch(source.entries())) {
        for (const entry of batch) {
          this.#take(entry);
          if (this.#tiles?.isDue) await this.#tiles.check();
        }
        this.#options.onProgress?.(this.size, total);
      }
    } catch (error) {
      // A source says so when what it reads is not spelt as it must be; everything else is the world's failure.
      if (!(error instanceof TracehoundError) || error.code !== 'LOG_INVALID') throw error;
      this.#findings.bad('integrity', 'MALFORMED', error.message, { seq: this.size });
    }
    const isSigned = this.#heads.newest?.size === this.size;
    await this.#tiles?.end(this.size, isSigned);
    this.#end();
  }

  /** Of a log without one record of ours, only this can be said: it is, or is not, what somebody signed. */
  #end(): void {
    const isBare = this.records === 0 && this.unavailable > this.#pruned && this.#heads.newest?.matches === true;
    this.lifecycle.end(isBare ? 0 : this.unavailable - this.#pruned, this.#details, this.#hidden, this.#bare);
    if (this.#pruned > 0) this.#notePruned();
    if (isBare) {
      const entries = count(this.unavailable, 'entry', 'entries');
      const message = `of its ${entries} only the hashes are there: a log of another maker, or one that lost all of its content`;
      this.#findings.unknown('completeness', 'CONTENT_UNAVAILABLE', message, this.#hidden);
      this.#findings.unknown('integrity', 'NOT_OURS', message, this.#hidden);
    } else if (this.#ours.isForeign) {
      const entries = count(this.records, 'entry', 'entries');
      const message = `its ${entries} are no records that docs/format.md knows: a log of another maker, or of a later version`;
      this.#findings.unknown('integrity', 'NOT_OURS', message);
    }
  }

  /** What was judged: the part that is signed; all that was read, if that is less or nobody signed anything. */
  get judged(): { readonly size: number; readonly root: Uint8Array | undefined } {
    return this.#judged ?? { size: this.size, root: this.#root() };
  }

  /** The root over everything that was read so far; `undefined` when leaves are missing. */
  #root(): Uint8Array | undefined {
    return this.#isBroken ? undefined : this.#frontier.root();
  }

  /** The leaf under way lies behind the newest head: nobody signed it. */
  get #isTail(): boolean {
    return this.size >= this.#signed;
  }

  #take(entry: LogEntry): void {
    this.#before = this.#entry;
    this.#entry = entry;
    if (entry.kind === 'record') this.#record(entry);
    else if (entry.kind === 'leaf') this.#leaf(entry.hash);
    else if (entry.kind === 'subtree') this.#subtree(entry.level, entry.hash, entry.place);
    else this.#missing(entry.count, entry.place);
    this.#reach();
  }

  #reach(): void {
    if (this.size >= this.#signed) this.#judged ??= { size: this.size, root: this.#root() };
    if (this.size >= this.#heads.next) this.#heads.reach(this.size, this.#root());
  }

  // ── records ─────────────────────────────────────────────────────────────────────────────────────

  #record({ record: r, detail }: RecordEntry): void {
    const seq = this.size;
    if (this.#ours.isForeign) {
      // Nothing of it can be read; that it is what was signed can be told all the same.
    } else if (r.length === record.RECORD_BYTES) this.#read(r, detail, seq);
    else {
      const message = `a record of ${r.length} bytes, expected ${record.RECORD_BYTES}`;
      this.#findings.bad('integrity', 'RECORD', message, this.#spot(seq));
    }
    this.#link = this.#room();
    prefixedWords(LEAF_PREFIX, r, this.#ring, this.#link);
    this.#hiddenFrom = undefined;
    if (!this.#isTail) this.records++;
    this.#append();
  }

  #read(r: Uint8Array, detail: Uint8Array | undefined, seq: number): void {
    const wrong = fault(r);
    if (wrong !== undefined) this.#findings.bad('integrity', 'RECORD', wrong, this.#spot(seq));
    else if (!this.#isTail) this.#noteUnknown(r, seq);
    const number = record.numberAt(r, record.SEQ);
    if (number !== seq) {
      this.#findings.bad('integrity', 'SEQ', `sequence number ${number}, expected ${seq}`, this.#spot(seq));
    }
    if (this.#isLinked && !this.#follows(r)) {
      const message =
        seq === 0
          ? 'the first record does not begin a log of this name'
          : 'the record that follows it names another one: either was changed, or there was one between them';
      this.#findings.bad('integrity', 'LINK', message, seq === 0 ? this.#spot(0) : this.#spot(seq - 1, this.#before));
    }
    const isKey = r[record.KIND] === record.KEY;
    if (isKey || r[record.EPOCH] !== this.#keys.current) {
      this.#keys.enter(r[record.EPOCH]!, isKey, this.#hiddenFrom, this.#spot(seq));
    }
    if ((r[record.FLAGS_LOW]! & record.FLAG_SIDECAR) !== 0) this.#detail(r, detail, seq);
    else if (detail !== undefined) {
      this.#findings.bad('integrity', 'DETAIL', 'a sidecar to which no record commits', this.#spot(seq));
    }
    // Who signs behind the newest head is nobody's question, and its note may not have been stored any more.
    if (this.#isTail) return;
    if (isKey) this.#keys.add(seq, this.#options.origin, detail, (n) => this.#linkAt(n), this.#spot(seq));
    this.lifecycle.take(r, seq, (at) => this.#spot(at));
    const time = record.numberAt(r, record.TIME);
    if (time > 0) {
      this.from ??= time;
      this.to = time;
    }
  }

  /** A later version may write what we have no name for. Nobody changed anything then; what it says we cannot tell. */
  #noteUnknown(r: Uint8Array, seq: number): void {
    const what = unknownOf(r);
    if (what === undefined) return;
    const message = `${what}, which a later version may know`;
    this.#findings.unknown('integrity', 'UNKNOWN_RECORD', message, this.#spot(seq));
  }

  #follows(r: Uint8Array): boolean {
    const ring = this.#ring;
    const link = this.#link;
    for (let i = 0; i < DIGEST_WORDS; i++) {
      if (wordAt(r, record.LINK + 4 * i) !== ring[link + i]) return false;
    }
    return true;
  }

  #detail(r: Uint8Array, detail: Uint8Array | undefined, seq: number): void {
    if (detail === undefined) {
      if (seq < this.#signed && seq >= (this.#options.prunedTo ?? 0)) this.#details++;
      return;
    }
    const { digest } = this.#options;
    if (digest === undefined || detail.length < DIGEST_BYTES_MIN) hashWords(detail, SIDECAR, 0);
    else bytesToWords(digest(detail), 0, SIDECAR, 0);
    for (let i = 0; i < DIGEST_WORDS; i++) {
      if (wordAt(r, record.DETAIL + 4 * i) === SIDECAR[i]) continue;
      this.#findings.bad('integrity', 'DETAIL', 'its sidecar is not the one it commits to', this.#spot(seq));
      return;
    }
  }

  /** The leaf hash before record `n`, for a KEY note that names it: one within its reach, which is in the ring. */
  #linkAt(n: number): Uint8Array | undefined {
    if (n === 0) return this.#genesis;
    const seq = n - 1;
    if (seq < this.#seenFrom || seq >= this.size || seq < this.size - this.#ringLeaves) return undefined;
    const bytes = new Uint8Array(HASH_BYTES);
    wordsToBytes(this.#ring, (seq % this.#ringLeaves) * DIGEST_WORDS, bytes, 0);
    return bytes;
  }

  // ── leaves ──────────────────────────────────────────────────────────────────────────────────────

  #leaf(hash: Uint8Array): void {
    if (hash.length !== HASH_BYTES) throw malformed('leaf hash', `${HASH_BYTES} bytes`, `${hash.length}`);
    if (!this.#isTail) this.lifecycle.hide();
    if (this.size < (this.#options.prunedTo ?? 0)) this.#pruned++;
    this.#hide(1);
    this.#link = this.#room();
    bytesToWords(hash, 0, this.#ring, this.#link);
    this.#append();
  }

  /** Where in the ring the next leaf hash goes. */
  #room(): number {
    if (this.size >= this.#ringLeaves && this.#ringLeaves < RING_MAX) {
      // A log that lost leaves by the million is not a short one: what was seen before stays where it is looked for.
      const wider = new Int32Array(RING_MAX * DIGEST_WORDS);
      for (let seq = this.#seenFrom; seq < this.size; seq++) {
        const at = (seq % this.#ringLeaves) * DIGEST_WORDS;
        wider.set(this.#ring.subarray(at, at + DIGEST_WORDS), (seq % RING_MAX) * DIGEST_WORDS);
      }
      this.#ring = wider;
      this.#ringLeaves = RING_MAX;
    }
    return (this.size % this.#ringLeaves) * DIGEST_WORDS;
  }

  /** The leaf hash at #link enters the tree. */
  #append(): void {
    this.#isLinked = true;
    if (!this.#isBroken) this.#frontier.appendWords(this.#ring, this.#link);
    this.#tiles?.put(0, this.size, this.#ring, this.#link);
    this.size++;
    this.read = this.size;
  }

  #subtree(level: number, hash: Uint8Array, place: string): void {
    const isSubtree = Number.isInteger(level) && level >= 0 && level <= LEVEL_MAX && hash.length === HASH_BYTES;
    const width = isSubtree ? 2 ** level : 0;
    if (!isSubtree || this.size % width !== 0 || this.size + width > Number.MAX_SAFE_INTEGER) {
      throw malformed('subtree', 'one that is aligned', 'another');
    }
    const isInside = this.size < this.#heads.next && this.#heads.next < this.size + width;
    if (!this.#isTail) this.lifecycle.lose(this.size, this.size + width, place);
    this.#hide(width);
    this.#isLinked = false;
    if (!this.#isBroken) this.#frontier.appendSubtree(level, hash);
    this.size += width;
    this.#seenFrom = this.size;
    // KnownHeads at sizes within the subtree have roots that nobody can compute.
    if (isInside) this.#heads.skip(this.size);
  }

  #missing(leaves: number, place: string): void {
    if (!Number.isSafeInteger(leaves) || leaves < 1 || this.size + leaves > Number.MAX_SAFE_INTEGER) {
      throw malformed('missing records', 'a number that can be', 'another');
    }
    if (!this.#isTail) this.lifecycle.lose(this.size, this.size + leaves, place);
    this.#hide(leaves);
    this.#isLinked = false;
    this.#isBroken = true;
    this.size += leaves;
    this.#seenFrom = this.size;
    this.#heads.skip(this.size);
  }

  #notePruned(): void {
    const message = `the content of ${count(this.#pruned, 'record')} was taken away by retention, as a trusted key says`;
    this.#findings.note('completeness', 'PRUNED', message);
  }

  #hide(leaves: number): void {
    this.#hiddenFrom ??= this.size;
    if (this.#isTail) return;
    this.#hidden ??= this.#spot(this.size);
    this.unavailable += leaves;
  }

  /** Where an entry lies, unless told otherwise the one under way. Made only when something was found. */
  #spot(seq: number, entry = this.#entry): Spot {
    if (entry === undefined) return { seq };
    return { seq, place: entry.at === undefined ? entry.place : `${entry.place}, byte ${entry.at}` };
  }
}

function malformed(part: string, expected: string, got: string): TracehoundError {
  return new TracehoundError('LOG_INVALID', `${part}: malformed, expected ${expected} (docs/format.md), got ${got}`);
}

/** Link of record 0: SHA-256("tracehound/log/v1" ‖ newline ‖ origin). */
export const genesisLink = (origin: string): Uint8Array =>
  sha256(new TextEncoder().encode(`tracehound/log/v1\n${origin}`));
