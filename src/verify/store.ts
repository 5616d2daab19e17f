/**
 * A log as it lies in a store: static tiles (C2SP tlog-tiles) below one prefix, read in order, 256 records at a time.
 *
 *   checkpoint ── says the size ──▶ tile/entries/N   records       ┐ one batch: at most 256 records, a few bundles ahead
 *                                   tile/details/N   sidecars      ┘
 *                                   tile/0/N         leaf hashes, where records are gone
 *                                   tile/1/… tile/2/…  one hash for 256, 65,536 … records, where even those are gone
 *
 * Relies on: note, tlog; a `get` that answers bytes by path. Refuses: to believe the size. It decides where to look, never
 * how much memory to take: after {@link BLANK_BUNDLES_MAX} bundles in a row of which nothing is left, the rest is called
 * missing in one piece.
 */

import { TracehoundError } from '../errors';
import { tailPath } from '../formats/paths';
import { PRUNED_PATH } from '../formats/pruned';
import { LINK } from '../formats/record';
import { type Leaves, readLastTile } from '../formats/tail';
import { detailsPath, entriesOf, entriesPath, HASH_BYTES, leafHash, TILE_WIDTH, tilePath } from '../formats/tlog';
import { Edge, isSameBytes } from './edge';
import { noteText } from './notes';
import { strayParts } from './parts';
import { sizeSigned } from './signed';
import type { Get, LogEntry, LogSource } from './source';

export interface StoreSourceOptions {
  /** The name the log is said to have. */
  readonly origin?: string;
  /** What stands before every place: the folder, for people. */
  readonly prefix?: string;
  /**
   * Widths under which the bundle of entries at `path` is stored in part, as `<path>.p/<width>`. With it, records behind the newest checkpoint are found to the
   * last; without, only full bundles are, because asking a store for 255 names would be slow.
   */
  readonly widths?: (path: string) => Promise<readonly number[]>;
}

/** Largest object that can be a bundle: 256 entries of 65,535 bytes, and their lengths. */
export const BUNDLE_BYTES_MAX: number = TILE_WIDTH * (2 + 0xffff);
/** A checkpoint that claims 2⁵³ records must not make anybody ask for 2⁴⁵ objects: 65,536 records in a row are enough. */
const BLANK_BUNDLES_MAX = 256;
/** Bundles asked for before they are needed: hides a store's latency, costs 0.2 MB. */
const AHEAD = 4;
/** Where a record names the one before it. */
/** Levels of tiles above level 0 in a tree of less than 2⁵³ leaves. */
const TILE_LEVELS = 6;

/** Reads a log below `get`. Nothing is asked for before the verifier asks. */
export function storeSource(get: Get, options: StoreSourceOptions = {}): LogSource {
  const { origin, prefix = '', widths } = options;
  const edge = new Edge(get);
  const kept: Get = (path) => edge.get(path);
  return {
    ...(origin === undefined ? {} : { origin }),
    checkpoints: async () => {
      const bytes = await edge.checkpoint();
      return bytes === undefined ? [] : [noteText(bytes)];
    },
    entries: async function* () {
      const signed = await edge.checkpoint();
      const size = signed === undefined ? undefined : sizeSigned([noteText(signed)]);
      const isNewest = async (): Promise<boolean> => isSameBytes(signed, await get('checkpoint'));
      yield* new Reader({ get: kept, prefix, size: size ?? 0, widths, isNewest }).batches();
    },
    tile: async (level, index, width) => {
      const found = await firstOf(kept, (w) => tilePath(level, index, w), width, HASH_BYTES);
      // While the newest records lie in the tail, there is no tile of them that could be wrong.
      if (found !== undefined || level > 0 || width === TILE_WIDTH) return found;
      return tileOf(await readLastTile(kept, index * TILE_WIDTH + width));
    },
    pruned: async () => {
      const note = await get(PRUNED_PATH);
      return note && noteText(note);
    },
    ...(widths && { strayParts: (size: number) => strayParts(get, widths, size, prefix) }),
  };
}

function tileOf(tail: Leaves | undefined): Uint8Array | undefined {
  if (tail === undefined) return undefined;
  const bytes = new Uint8Array(tail.leaves.length * HASH_BYTES);
  for (const [i, leaf] of tail.leaves.entries()) bytes.set(leaf, i * HASH_BYTES);
  return bytes;
}

/**
 * `width` hashes of a tile: stored as such or, once the tile is full, as the beginning of it (a writer may take the parts
 * away then).
 */
async function firstOf(
  get: Get,
  path: (width: number) => string,
  width: number,
  bytes: number,
): Promise<Uint8Array | undefined> {
  const part = await get(path(width));
  if (part !== undefined || width === TILE_WIDTH) return part;
  return (await get(path(TILE_WIDTH)))?.subarray(0, width * bytes);
}

/** What is there of one bundle. */
interface Found {
  readonly entries: Bundle | undefined;
  readonly details: Bundle | undefined;
  /** Leaf hashes, asked for only where a record is gone. */
  readonly leaves: Uint8Array | undefined;
}

interface ReaderPort {
  readonly get: Get;
  readonly prefix: string;
  /** Records that the checkpoint claims; none when it is not there or cannot be read. */
  readonly size: number;
  readonly widths: StoreSourceOptions['widths'];
  /** The checkpoint is still the one that was read. */
  readonly isNewest: () => Promise<boolean>;
}

class Reader {
  readonly #get: Get;
  readonly #prefix: string;
  readonly #size: number;
  readonly #widths: StoreSourceOptions['widths'];
  readonly #isNewest: () => Promise<boolean>;
  /** The last entry that was read, if its leaf hash is known. */
  #last: Known | undefined;

  constructor({ get, prefix, size, widths, isNewest }: ReaderPort) {
    this.#get = get;
    this.#prefix = prefix;
    this.#size = size;
    this.#widths = widths;
    this.#isNewest = isNewest;
  }

  async *batches(): AsyncGenerator<readonly LogEntry[]> {
    const bundles = Math.ceil(this.#size / TILE_WIDTH);
    const ahead: Promise<Found>[] = [];
    let blank = 0;
    for (let index = 0; index < bundles; ) {
      while (ahead.length < AHEAD && index + ahead.length < bundles) {
        const found = this.#find(index + ahead.length, this.#width(index + ahead.length));
        // Whoever stops early must not be told of it as an error that nobody handled.
        found.catch(() => {});
        ahead.push(found);
      }
      const found = await (ahead.shift() as Promise<Found>);
      const width = this.#width(index);
      if (found.entries !== undefined || found.leaves !== undefined) {
        const batch = this.#entries(index, width, found);
        this.#last = known(batch.at(-1));
        yield batch;
        [blank, index] = [0, index + 1];
        continue;
      }
      const subtree = await this.#subtree(index, width);
      if (subtree !== undefined) {
        this.#last = undefined;
        yield [subtree];
        const skipped = 2 ** (subtree.level - 8);
        ahead.splice(0, skipped - 1);
        [blank, index] = [0, index + skipped];
        continue;
      }
      this.#last = undefined;
      const isEnough = ++blank === BLANK_BUNDLES_MAX;
      const count = isEnough ? this.#size - index * TILE_WIDTH : width;
      yield [{ kind: 'missing', count, place: this.#place(entriesPath(index, width)) }];
      if (isEnough) return;
      index++;
    }
    // A log that is written while it is read has signed more meanwhile: that is no tail, and is for the next reading.
    if (await this.#isNewest()) yield* this.#tail();
  }

  /** Records of bundle `index` that are signed. */
  #width(index: number): number {
    return Math.min(TILE_WIDTH, this.#size - index * TILE_WIDTH);
  }

  #place(path: string): string {
    return this.#prefix + path;
  }

  async #find(index: number, width: number): Promise<Found> {
    const [entries, details] = await Promise.all([
      this.#bundle(entriesPath, index, width),
      this.#bundle(detailsPath, index, width),
    ]);
    if (entries === undefined && width < TILE_WIDTH) {
      const tail = await readLastTile(this.#get, index * TILE_WIDTH + width);
      if (tail !== undefined) return this.#fromTail(index, width, tail);
    }
    if (entries !== undefined && !entries.hasHoles) return { entries, details, leaves: undefined };
    const leaves = await firstOf(this.#get, (w) => tilePath(0, index, w), width, HASH_BYTES);
    if (leaves !== undefined && leaves.length !== width * HASH_BYTES) {
      throw invalidTile(this.#place(tilePath(0, index, width)), `${width} hashes`, `${leaves.length} bytes`);
    }
    return { entries, details, leaves };
  }

  /** The newest records, where no bundle holds them yet. */
  #fromTail(index: number, width: number, tail: Leaves): Found {
    const place = this.#place(tailPath(index * TILE_WIDTH + width));
    const bundle = (entries: Leaves['records']): Bundle => new Bundle(entriesOf(entries), width, place);
    return { entries: bundle(tail.records), details: bundle(tail.sidecars), leaves: tileOf(tail) };
  }

  async #bundle(path: typeof entriesPath, index: number, width: number): Promise<Bundle | undefined> {
    const part = await this.#get(path(index, width));
    if (part !== undefined) return new Bundle(part, width, this.#place(path(index, width)));
    if (width === TILE_WIDTH) return undefined;
    const whole = await this.#get(path(index, TILE_WIDTH));
    return whole && new Bundle(whole, TILE_WIDTH, this.#place(path(index, TILE_WIDTH))).first(width);
  }

  #entries(index: number, width: number, { entries, details, leaves }: Found): LogEntry[] {
    return Array.from({ length: width }, (_, i): LogEntry => {
      const record = entries?.at(i);
      if (record !== undefined) {
        const detail = details?.at(i);
        const where = { place: (entries as Bundle).place, at: (entries as Bundle).offset(i) };
        return { kind: 'record', record, ...(detail === undefined ? {} : { detail }), ...where };
      }
      const place = this.#place(tilePath(0, index, width));
      if (leaves === undefined) return { kind: 'missing', count: 1, place };
      const at = i * HASH_BYTES;
      return { kind: 'leaf', hash: leaves.subarray(at, at + HASH_BYTES), place, at };
    });
  }

  /** The smallest subtree that begins with bundle `index` and of which a tile still has the hash. */
  async #subtree(index: number, width: number): Promise<(LogEntry & { kind: 'subtree' }) | undefined> {
    if (width < TILE_WIDTH) return undefined;
    for (let level = 1; level <= TILE_LEVELS; level++) {
      const span = TILE_WIDTH ** (level - 1); // bundles to one hash
      if (index % span !== 0 || (index + span) * TILE_WIDTH > this.#size) return undefined;
      const number = index / span;
      const tile = Math.floor(number / TILE_WIDTH);
      const hashes = Math.min(TILE_WIDTH, Math.floor(this.#size / TILE_WIDTH ** level) - tile * TILE_WIDTH);
      const path = tilePath(level, tile, hashes);
      const bytes = await firstOf(this.#get, (w) => tilePath(level, tile, w), hashes, HASH_BYTES);
      if (bytes === undefined) continue;
      if (bytes.length !== hashes * HASH_BYTES) {
        throw invalidTile(this.#place(path), `${hashes} hashes`, `${bytes.length} bytes`);
      }
      const at = (number % TILE_WIDTH) * HASH_BYTES;
      return {
        kind: 'subtree',
        level: 8 * level,
        hash: bytes.subarray(at, at + HASH_BYTES),
        place: this.#place(path),
        at,
      };
    }
    return undefined;
  }

  /**
   * Records that were stored and not signed: a writer that was killed leaves some, and so does a checkpoint put back. If
   * another writer went on since, they do not follow on what is signed now, and are no part of the log.
   */
  async *#tail(): AsyncGenerator<readonly LogEntry[]> {
    let index = Math.floor(this.#size / TILE_WIDTH);
    let skipped = this.#size % TILE_WIDTH;
    for (; ; index++) {
      const widths = (await this.#widths?.(entriesPath(index, TILE_WIDTH))) ?? [];
      const most = Math.max(0, ...widths.filter((width) => width > skipped && width < TILE_WIDTH));
      const full = await this.#bundle(entriesPath, index, TILE_WIDTH);
      const width = full === undefined ? most : TILE_WIDTH;
      if (width === 0) return;
      const batch = this.#entries(index, width, await this.#find(index, width)).slice(skipped);
      if (!follows(batch[0], this.#last)) return;
      this.#last = known(batch.at(-1));
      yield batch;
      if (width < TILE_WIDTH) return;
      skipped = 0;
    }
  }
}

/** An entry whose leaf hash is known. */
type Known = LogEntry & { kind: 'record' | 'leaf' };

const known = (entry: LogEntry | undefined): Known | undefined =>
  entry?.kind === 'record' || entry?.kind === 'leaf' ? entry : undefined;

/** Whether `entry` is a record whose link is the leaf hash of what lies before it, as far as that is known. */
function follows(entry: LogEntry | undefined, last: Known | undefined): boolean {
  if (entry?.kind !== 'record') return false;
  if (last === undefined) return true;
  const leaf = last.kind === 'record' ? leafHash(last.record) : last.hash;
  return leaf.every((byte, i) => byte === entry.record[LINK + i]);
}

/** Entries with two bytes of length before each. */
class Bundle {
  readonly place: string;
  /** Some entry has no bytes. */
  readonly hasHoles: boolean;
  readonly #bytes: Uint8Array;
  /** Where the length of each entry stands, and where the last one ends. */
  readonly #offsets: Uint32Array;

  constructor(bytes: Uint8Array, width: number, place: string) {
    this.place = place;
    this.#bytes = bytes;
    this.#offsets = new Uint32Array(width + 1);
    let at = 0;
    let hasHoles = false;
    for (let i = 0; i < width; i++) {
      const length = at + 2 > bytes.length ? Number.NaN : (bytes[at]! << 8) | bytes[at + 1]!;
      if (!(at + 2 + length <= bytes.length)) {
        throw invalidTile(`${place}, byte ${at}`, `${width} entries`, `${i} and a piece of one`);
      }
      hasHoles ||= length === 0;
      at += 2 + length;
      this.#offsets[i + 1] = at;
    }
    if (at !== bytes.length) throw invalidTile(`${place}, byte ${at}`, `the end after ${width} entries`, 'more');
    this.hasHoles = hasHoles;
  }

  at(index: number): Uint8Array | undefined {
    const [from, to] = [this.#offsets[index]! + 2, this.#offsets[index + 1]!];
    return from === to ? undefined : this.#bytes.subarray(from, to);
  }

  /** Byte at which entry `index` begins, its length not counted. */
  offset(index: number): number {
    return this.#offsets[index]! + 2;
  }

  /** The first `width` entries as a bundle of their own. */
  first(width: number): Bundle {
    return new Bundle(this.#bytes.subarray(0, this.#offsets[width]!), width, this.place);
  }
}

function invalidTile(place: string, expected: string, got: string): TracehoundError {
  return new TracehoundError('LOG_INVALID', `${place}: expected ${expected}, got ${got}`);
}
