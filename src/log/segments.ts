/**
 * What of a log waits to be stored: runs of 256 records, each a tile of the tree (C2SP tlog-tiles), and the tiles above.
 *
 *   queue   │ full … │ full │ under way │          upper: the tree over all that is sealed
 *             oldest          count < 256          tile:  the tree over the part of the oldest that is signed
 *
 * Relies on: tlog. Refuses: to wait and to ask anybody; bytes come in, objects to put come out. What it holds is bounded
 * by its owner, who may thin a segment (records of low severity leave, their leaf hashes stay: every proof still works)
 * or collapse it (one hash stays: the tree still works, and a GAP record must name the range).
 */

import { joined } from '../formats/bytes';
import { tailPath } from '../formats/paths';
import { GAP, GENESIS, KEY, KIND, LIMITED, PANIC, RESUME, SEVERITY, UNINSPECTED } from '../formats/record';
import { formatTail } from '../formats/tail';
import { detailsPath, entriesOf, entriesPath, Frontier, TILE_WIDTH, tilePath } from '../formats/tlog';

const SEVERITY_LOW = 0;

interface Segment {
  /** Number of its tile. */
  readonly index: number;
  /** Leaf hashes; none when the segment is collapsed. */
  leaves: Uint8Array[];
  /** Records; `undefined` where the content was given up. */
  records: (Uint8Array | undefined)[];
  sidecars: (Uint8Array | null)[];
  /** Its records of low severity were given up. */
  thinned: boolean;
  /** The subtree's hash, once collapsed. */
  collapsed: Uint8Array | undefined;
}

/** One object of a store: a path below the log's prefix, and its bytes. */
export type StoredObject = readonly [path: string, bytes: Uint8Array];

/** The next part of a log that can be stored and signed. */
export interface Part {
  /** Tree size when it is stored. */
  readonly size: number;
  readonly root: Uint8Array;
  readonly objects: readonly StoredObject[];
}

export class Segments {
  readonly #queue: Segment[] = [];
  /** Tiles of level 1 and above under way: their hashes so far. */
  readonly #levels: Uint8Array[][] = [];
  readonly #upper: Frontier;
  /** The tree over the part of the oldest segment that `next` gave. */
  #tile = new Frontier();
  /** Records of the oldest segment that are stored. */
  #stored = 0;
  #size: number;

  /**
   * Begins with an empty log, or goes on with one of which the store holds `upper` (the tree up to the last full tile),
   * `levels` (the hashes in the partial tiles of level 1 and above) and the records of the tile under way.
   */
  constructor(upper: Frontier = new Frontier(), levels: readonly (readonly Uint8Array[])[] = []) {
    this.#upper = upper;
    for (const hashes of levels) this.#levels.push([...hashes]);
    this.#size = upper.size;
  }

  /** Records taken in, stored or not. */
  get size(): number {
    return this.#size;
  }

  /** Full segments of which more than a hash is here. */
  get kept(): number {
    return this.#queue.filter((segment) => !isUnderWay(segment) && segment.collapsed === undefined).length;
  }

  /** Full segments of which nothing was given up. */
  get whole(): number {
    return this.#queue.filter((segment) => !isUnderWay(segment) && segment.collapsed === undefined && !segment.thinned)
      .length;
  }

  /** How many records are missing from the segment under way; a whole segment when none is. */
  get room(): number {
    return TILE_WIDTH - (this.#size % TILE_WIDTH);
  }

  /** Takes the next record: its leaf hash, its bytes unless they are gone, its sidecar if there is one. */
  append(leaf: Uint8Array, record: Uint8Array | undefined, sidecar: Uint8Array | null): void {
    let segment = this.#queue.at(-1);
    if (segment === undefined || !isUnderWay(segment)) {
      const index = Math.floor(this.#size / TILE_WIDTH);
      segment = { index, leaves: [], records: [], sidecars: [], thinned: false, collapsed: undefined };
      this.#queue.push(segment);
    }
    segment.leaves.push(leaf);
    segment.records.push(record);
    segment.sidecars.push(sidecar);
    this.#size++;
  }

  /** What can be stored next: the oldest segment, as far as it goes. `undefined` when everything is signed. */
  next(): Part | undefined {
    const segment = this.#queue[0];
    if (segment === undefined) return undefined;
    const count = countOf(segment);
    if (segment.collapsed === undefined) {
      if (count === this.#stored) return undefined;
      while (this.#tile.size < count) this.#tile.append(segment.leaves[this.#tile.size] as Uint8Array);
    }
    const size = segment.index * TILE_WIDTH + count;
    return { size, root: this.#root(segment), objects: [...this.#bundles(segment), ...this.#above(segment)] };
  }

  /**
   * The records from `from` on as one small object, while the segment that they are in is under way; `undefined` when they
   * are not all of one, or when bundles would have to hold them anyway. A part of this kind is not marked as stored.
   */
  tail(from: number): Part | undefined {
    const segment = this.#queue[0];
    if (segment === undefined || this.#queue.length > 1 || !isUnderWay(segment)) return undefined;
    const first = from - segment.index * TILE_WIDTH;
    const records = segment.records.slice(Math.max(0, first));
    if (first < 0 || records.length === 0 || records.includes(undefined)) return undefined;
    while (this.#tile.size < segment.leaves.length) this.#tile.append(segment.leaves[this.#tile.size] as Uint8Array);
    const bytes = formatTail(from, records as Uint8Array[], segment.sidecars.slice(first));
    return { size: this.#size, root: this.#root(segment), objects: [[tailPath(this.#size), bytes]] };
  }

  /** The part that `next` gave is stored. A full segment leaves the queue; one that filled up since then does not. */
  markStored(): void {
    const segment = this.#queue[0];
    if (segment === undefined) return;
    this.#stored = segment.collapsed === undefined ? this.#tile.size : TILE_WIDTH;
    if (this.#stored < TILE_WIDTH) return;
    this.#stored = 0;
    this.#enter(1, this.#subtree(segment));
    this.#upper.appendSubtree(8, this.#subtree(segment));
    this.#tile = new Frontier();
    this.#queue.shift();
  }

  /** Gives up the records of low severity of the oldest segment that may be thinned; false when there is none. */
  thin(): boolean {
    const segment = this.#waiting().find((each) => !each.thinned && each.collapsed === undefined);
    if (segment === undefined) return false;
    segment.thinned = true;
    segment.records.forEach((record, i) => {
      if (record === undefined || !isSlight(record)) return;
      segment.records[i] = undefined;
      segment.sidecars[i] = null;
    });
    return true;
  }

  /**
   * Gives up the oldest full segment but for its hash; answers which records a GAP must name, `undefined` when there is
   * none. Segments without which the rest could not be checked stay: those that tell of keys, of gaps, of where the log
   * begins.
   */
  collapse(): { from: number; to: number } | undefined {
    const segment = this.#waiting().find((each) => each.collapsed === undefined && !each.records.some(isFirm));
    if (segment === undefined) return undefined;
    const tree = new Frontier();
    for (const leaf of segment.leaves) tree.append(leaf);
    segment.collapsed = tree.root();
    segment.leaves = [];
    segment.records = [];
    segment.sidecars = [];
    const from = segment.index * TILE_WIDTH;
    return { from, to: from + TILE_WIDTH };
  }

  /** Full segments that nobody is storing at this moment, as somebody may the oldest. */
  #waiting(): Segment[] {
    return this.#queue.slice(1).filter((segment) => !isUnderWay(segment));
  }

  #subtree(segment: Segment): Uint8Array {
    return segment.collapsed ?? this.#tile.root();
  }

  #root(segment: Segment): Uint8Array {
    const tree = this.#upper.clone();
    if (segment.collapsed !== undefined) tree.appendSubtree(8, segment.collapsed);
    else for (const { level, hash } of this.#tile.subtrees()) tree.appendSubtree(level, hash);
    return tree.root();
  }

  /** Tile of level 0, bundle of entries, bundle of sidecars if there is any. */
  #bundles(segment: Segment): StoredObject[] {
    if (segment.collapsed !== undefined) return [];
    const { index, leaves, records, sidecars } = segment;
    const width = leaves.length;
    const objects: StoredObject[] = [];
    if (records.some((record) => record !== undefined)) objects.push([entriesPath(index, width), entriesOf(records)]);
    if (sidecars.some((sidecar) => sidecar !== null)) objects.push([detailsPath(index, width), entriesOf(sidecars)]);
    objects.push([tilePath(0, index, width), joined(leaves)]);
    return objects;
  }

  /** Tiles of level 1 and above that a full segment changes. */
  #above(segment: Segment): StoredObject[] {
    if (countOf(segment) < TILE_WIDTH) return [];
    const objects: StoredObject[] = [];
    let hash = this.#subtree(segment);
    let number = segment.index;
    for (let level = 1; ; level++) {
      const hashes = [...(this.#levels[level - 1] ?? []), hash];
      objects.push([tilePath(level, Math.floor(number / TILE_WIDTH), hashes.length), joined(hashes)]);
      if (hashes.length < TILE_WIDTH) return objects;
      const tree = new Frontier();
      for (const each of hashes) tree.append(each);
      hash = tree.root();
      number = Math.floor(number / TILE_WIDTH);
    }
  }

  /** A hash enters the tile under way of `level`; a full tile leaves its own hash one level up. */
  #enter(level: number, hash: Uint8Array): void {
    this.#levels[level - 1] ??= [];
    const hashes = this.#levels[level - 1] as Uint8Array[];
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const tree = new Frontier();
    for (const each of hashes) tree.append(each);
    hashes.length = 0;
    this.#enter(level + 1, tree.root());
  }
}

const countOf = (segment: Segment): number => (segment.collapsed === undefined ? segment.leaves.length : TILE_WIDTH);
const isUnderWay = (segment: Segment): boolean => countOf(segment) < TILE_WIDTH;

const FIRM: ReadonlySet<number | undefined> = new Set([GENESIS, PANIC, RESUME, KEY, GAP]);
const isFirm = (record: Uint8Array | undefined): boolean => FIRM.has(record?.[KIND]);

/** Low severity, or a count of refusals: what a flood is made of, and what is given up first. */
function isSlight(record: Uint8Array): boolean {
  const kind = record[KIND];
  return record[SEVERITY] === SEVERITY_LOW || kind === LIMITED || kind === UNINSPECTED;
}
