/**
 * The tail of a log in a store: its newest records, one small object for each signed head, until the bundles and tiles of
 * C2SP tlog-tiles hold them. Storing the bundle under way again for each head would cost its square.
 *
 *   tile/entries/002.p/40   records 512 … 551          what was there when bundles were stored last
 *   tail/555                from 552 │ 552 553 554     each is named by where it ends, and says where it begins:
 *   tail/556                from 555 │ 555             a reader comes from the head's size and goes back
 *
 *   object = from u64 │ for each record: length u16 │ record │ length u16 │ sidecar, length 0 when there is none
 *
 * Relies on: paths, tlog. Refuses: to trust what it reads; the head's root tells.
 */
import { detailsPath, entriesPath, TILE_WIDTH, tailPath, tilePath } from './paths';
import { HASH_BYTES, leafHash, unbundle } from './tlog';

const FROM_BYTES = 8;

/** The records under one tile of level 0. */
export interface Leaves {
  readonly leaves: readonly Uint8Array[];
  /** `null`: the content is not available. */
  readonly records: readonly (Uint8Array | null)[];
  readonly sidecars: readonly (Uint8Array | null)[];
}

type Get = (path: string) => Promise<Uint8Array | undefined>;

/** The object that holds `records`, of which the first has the number `from`. */
export function formatTail(
  from: number,
  records: readonly Uint8Array[],
  sidecars: readonly (Uint8Array | null)[],
): Uint8Array {
  const length = (bytes: Uint8Array | null | undefined): number => 2 + (bytes?.length ?? 0);
  const sum = records.reduce((bytes, record, i) => bytes + length(record) + length(sidecars[i]), FROM_BYTES);
  const tail = new Uint8Array(sum);
  const view = new DataView(tail.buffer);
  view.setBigUint64(0, BigInt(from));
  let at = FROM_BYTES;
  for (const part of records.flatMap((record, i) => [record, sidecars[i] ?? null])) {
    view.setUint16(at, part?.length ?? 0);
    if (part !== null) tail.set(part, at + 2);
    at += length(part);
  }
  return tail;
}

/** What an object holds that ends at `size`; `undefined` when it is not such an object. */
function parseTail(bytes: Uint8Array | undefined, size: number): (Leaves & { readonly from: number }) | undefined {
  if (bytes === undefined || bytes.length < FROM_BYTES) return undefined;
  const from = Number(new DataView(bytes.buffer, bytes.byteOffset, FROM_BYTES).getBigUint64(0));
  const parts = unbundle(bytes.subarray(FROM_BYTES));
  if (!(from < size && size - from < TILE_WIDTH) || parts.length !== 2 * (size - from)) return undefined;
  const records = parts.filter((_, i) => i % 2 === 0);
  if (records.includes(null)) return undefined;
  const sidecars = parts.filter((_, i) => i % 2 === 1);
  return { from, records, sidecars, leaves: records.map((record) => leafHash(record as Uint8Array)) };
}

/**
 * The records under the last tile of a log of `size` records, of which that tile is not full: from the bundles of just that
 * width, else from the tail. `undefined` when neither is there.
 */
export async function readLastTile(get: Get, size: number): Promise<Leaves | undefined> {
  const index = Math.floor(size / TILE_WIDTH);
  const pieces: Leaves[] = [];
  let end = size;
  while (end > index * TILE_WIDTH) {
    // Both at once: a reader should be quicker than the writer, who takes away what the next head does not need.
    const [bundled, piece] = await Promise.all([readBundles(get, index, end - index * TILE_WIDTH), get(tailPath(end))]);
    if (bundled !== undefined) {
      pieces.unshift(bundled);
      break;
    }
    const tail = parseTail(piece, end);
    if (tail === undefined || tail.from < index * TILE_WIDTH) return undefined;
    pieces.unshift(tail);
    end = tail.from;
  }
  return {
    leaves: pieces.flatMap(({ leaves }) => leaves),
    records: pieces.flatMap(({ records }) => records),
    sidecars: pieces.flatMap(({ sidecars }) => sidecars),
  };
}

/** The bundles of exactly `width`, where the records are: a writer stores them last. */
async function readBundles(get: Get, index: number, width: number): Promise<Leaves | undefined> {
  const entries = await get(entriesPath(index, width));
  if (entries === undefined) return undefined;
  const [tile, details] = await Promise.all([get(tilePath(0, index, width)), get(detailsPath(index, width))]);
  if (tile?.length !== width * HASH_BYTES) return undefined;
  const [records, sidecars] = [unbundle(entries), unbundle(details)];
  const numbers = Array.from({ length: width }, (_, i) => i);
  return {
    leaves: numbers.map((i) => tile.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES)),
    records: numbers.map((i) => records[i] ?? null),
    sidecars: numbers.map((i) => sidecars[i] ?? null),
  };
}
