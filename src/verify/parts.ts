/**
 * The parts of bundles and tiles that a log was stored in before they were full (`<N>.p/<W>`), where they still lie beside
 * what they became: each must be its beginning.
 *
 * Relies on: tlog; a listing of widths. Refuses: to call it tampering where another writer went on: what a writer left
 * that was killed before it signed is of another history from the RESUME record on, and no part of the log.
 */
import { KIND, numberAt, RECORD_BYTES, RESUME, RESUME_SIZE } from '../formats/record';
import { detailsPath, entriesPath, HASH_BYTES, TILE_WIDTH, tilePath, unbundle } from '../formats/tlog';
import type { Get } from './source';

/** A part that is not the beginning of what came after it. */
interface StrayPart {
  /** First record about which the two differ. */
  readonly seq: number;
  readonly place: string;
}

type Widths = (path: string) => Promise<readonly number[]>;

/** Looks at every earlier part below a head of `size` records. */
export async function* strayParts(get: Get, widths: Widths, size: number, prefix: string): AsyncGenerator<StrayPart> {
  for (let level = 0; ; level++) {
    const span = TILE_WIDTH ** level;
    const count = Math.floor(size / span);
    if (count === 0) return;
    for (let index = 0; index * TILE_WIDTH < count; index++) {
      const width = Math.min(TILE_WIDTH, count - index * TILE_WIDTH);
      if (level === 0) yield* strayBundles(get, widths, index, width, prefix);
      else yield* strayHashes(get, widths, { level, index, width, span, prefix, goneOnAt: Number.POSITIVE_INFINITY });
    }
  }
}

async function* strayBundles(
  get: Get,
  widths: Widths,
  index: number,
  width: number,
  prefix: string,
): AsyncGenerator<StrayPart> {
  const earlier = await earlierWidths(widths, entriesPath(index, TILE_WIDTH), width);
  const earlierDetails = await earlierWidths(widths, detailsPath(index, TILE_WIDTH), width);
  const earlierHashes = await earlierWidths(widths, tilePath(0, index, TILE_WIDTH), width);
  if (earlier.length + earlierDetails.length + earlierHashes.length === 0) return;
  const first = index * TILE_WIDTH;
  const now = unbundle(await current(get, (w) => entriesPath(index, w), width));
  const goneOn = now.findIndex((record, i) => record !== null && goesOn(record, first + i));
  const goneOnAt = goneOn < 0 ? Number.POSITIVE_INFINITY : goneOn;
  for (const each of earlier) {
    const path = entriesPath(index, each);
    const part = await get(path);
    if (part === undefined) continue; // Its writer has taken it away meanwhile.
    const differs = differsAt(unbundle(part), now, each);
    if (differs < Math.min(each, goneOnAt)) yield { seq: first + differs, place: prefix + path };
  }
  const details = unbundle(await current(get, (w) => detailsPath(index, w), width));
  for (const each of earlierDetails) {
    const path = detailsPath(index, each);
    const part = await get(path);
    if (part === undefined) continue;
    const differs = differsAt(unbundle(part), details, each);
    if (differs < Math.min(each, goneOnAt)) yield { seq: first + differs, place: prefix + path };
  }
  yield* strayHashes(get, widths, { level: 0, index, width, span: 1, prefix, goneOnAt });
}

interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
  /** Records to one hash. */
  readonly span: number;
  readonly prefix: string;
  /** Entry from which on another writer went on. */
  readonly goneOnAt: number;
}

async function* strayHashes(get: Get, widths: Widths, tile: Tile): AsyncGenerator<StrayPart> {
  const { level, index, width, span, prefix, goneOnAt } = tile;
  const earlier = await earlierWidths(widths, tilePath(level, index, TILE_WIDTH), width);
  if (earlier.length === 0) return;
  const now = hashesOf(await current(get, (w) => tilePath(level, index, w), width));
  for (const each of earlier) {
    const path = tilePath(level, index, each);
    const part = await get(path);
    if (part === undefined) continue;
    const differs = differsAt(hashesOf(part), now, each);
    if (differs < Math.min(each, goneOnAt)) yield { seq: (index * TILE_WIDTH + differs) * span, place: prefix + path };
  }
}

const earlierWidths = async (widths: Widths, path: string, width: number): Promise<number[]> =>
  (await widths(path)).filter((each) => each < width);

const current = async (get: Get, path: (width: number) => string, width: number): Promise<Uint8Array | undefined> =>
  (await get(path(width))) ?? (width < TILE_WIDTH ? await get(path(TILE_WIDTH)) : undefined);

const hashesOf = (bytes: Uint8Array = new Uint8Array(0)): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / HASH_BYTES) }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );

/** First of `count` entries that is not the same; what the later one does not have any more may have been given up. */
function differsAt(
  earlier: readonly (Uint8Array | null)[],
  now: readonly (Uint8Array | null)[],
  count: number,
): number {
  for (let i = 0; i < count; i++) {
    const [before, after] = [earlier[i], now[i]];
    if (before === undefined) return i;
    if (before === null || after === null || after === undefined) continue;
    if (before.length !== after.length || before.some((byte, at) => byte !== after[at])) return i;
  }
  return earlier.length > count ? count - 1 : count;
}

/** The RESUME of a writer that went on with this log at `seq`. */
function goesOn(record: Uint8Array, seq: number): boolean {
  return record.length === RECORD_BYTES && record[KIND] === RESUME && numberAt(record, RESUME_SIZE) === seq;
}
