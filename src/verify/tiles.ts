/**
 * The tiles that a log should have (C2SP tlog-tiles), recomputed while its leaves pass by, and compared byte for byte with
 * those that are stored.
 *
 * Relies on: tlog. Refuses: to hold more than one tile a level, and those that are due.
 */
import { wordsToBytes } from '../formats/sha256';
import { HASH_BYTES, TILE_WIDTH, tilePath } from '../formats/tlog';
import type { Findings } from './findings';
import type { LogSource } from './source';

const HASHES_MAX = Number.MAX_SAFE_INTEGER;

interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
  readonly bytes: Uint8Array;
}

/** The tile of one level that is filling. */
class Level {
  readonly bytes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
  /** Number of the next hash in order. */
  next = 0;
  /** First hash from which on everything in the tile is known. */
  whole = 0;
}

export class Tiles {
  readonly #tile: NonNullable<LogSource['tile']>;
  readonly #findings: Findings;
  readonly #levels: Level[] = [];
  #due: Tile[] = [];

  /** Leaves that are signed: what lies behind them may be there in part, as a writer left it that was killed. */
  readonly #signed: number;

  constructor(tile: NonNullable<LogSource['tile']>, signed: number, findings: Findings) {
    this.#signed = signed;
    this.#tile = tile;
    this.#findings = findings;
  }

  /** Hash `index` of tile level `level`, as words at `from`. Those that nobody knows are left out. */
  put(level: number, index: number, words: Int32Array, from: number): void {
    for (let i = this.#levels.length; i <= level; i++) this.#levels.push(new Level());
    const filling = this.#levels[level]!;
    if (index !== filling.next) filling.whole = index;
    const at = index % TILE_WIDTH;
    wordsToBytes(words, from, filling.bytes, at * HASH_BYTES);
    filling.next = index + 1;
    if (at === TILE_WIDTH - 1) this.#end(level, filling);
  }

  #end(level: number, { bytes, next, whole }: Level): void {
    const index = Math.floor((next - 1) / TILE_WIDTH);
    if (whole > index * TILE_WIDTH) return;
    const width = next - index * TILE_WIDTH;
    this.#due.push({ level, index, width, bytes: bytes.slice(0, width * HASH_BYTES) });
  }

  get isDue(): boolean {
    return this.#due.length > 0;
  }

  async check(): Promise<void> {
    const due = this.#due;
    this.#due = [];
    for (const tile of due) {
      const leaves = (tile.index * TILE_WIDTH + tile.width) * TILE_WIDTH ** tile.level;
      await this.#check(tile, leaves <= this.#signed);
    }
  }

  /** The log has ended. Partial tiles lie beside a head; without one of that size they may be missing. */
  async end(size: number, isSigned: boolean): Promise<void> {
    await this.check();
    for (const [level, filling] of this.#levels.entries()) {
      const hashes = Math.floor(size / TILE_WIDTH ** level);
      if (hashes % TILE_WIDTH !== 0 && filling.next === hashes) this.#end(level, filling);
    }
    const due = this.#due;
    this.#due = [];
    for (const tile of due) await this.#check(tile, isSigned);
  }

  async #check({ level, index, width, bytes }: Tile, isExpected: boolean): Promise<void> {
    const place = tilePath(level, index, width);
    const stored = await this.#tile(level, index, width);
    if (stored === undefined) {
      if (isExpected) this.#findings.bad('completeness', 'TILE_MISSING', 'a tile is gone', { place });
      return;
    }
    if (stored.length !== bytes.length) {
      const message = `a tile of ${stored.length} bytes, expected ${bytes.length}`;
      this.#findings.bad('integrity', 'TILE', message, { place });
      return;
    }
    const byte = bytes.findIndex((each, i) => each !== stored[i]);
    if (byte < 0) return;
    const seq = (index * TILE_WIDTH + Math.floor(byte / HASH_BYTES)) * TILE_WIDTH ** level;
    const what = level === 0 ? 'the hash of its record' : 'the hashes below it';
    const spot = seq <= HASHES_MAX ? { seq, place } : { place };
    this.#findings.bad('integrity', 'TILE', `byte ${byte} of a tile is not ${what}`, spot);
  }
}
