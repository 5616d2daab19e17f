/**
 * How the rows of an object's memory hold each other, so that no part of it can be taken away, moved or replaced alone.
 *
 *   facts   piece −1, −2 …   each bound to the pieces before it; the first says:
 *                            generation f64 │ bytes of the facts u32 │ SHA-256 of number and head of every page, in order
 *   pages   bound to their number; the facts know the head of each, and a head names one row of all that were ever sealed
 *   calls   1, 2, 3 …        each bound to the generation, the facts, and the calls before it, by a running hash of heads
 *
 * All are bound to the id of the object and to the version of this layout.
 *
 * Relies on: sealed.ts. Refuses: to begin anew where something is left: rows that are not whole are an error, and what to do
 * about it is for people. It cannot see that the *last* calls are missing, or that everything is older.
 */
import { type LeftCore, number32 } from '../../src/engine/index';
import { TracehoundError } from '../../src/errors';
import { joined, toHex } from '../../src/formats/bytes';
import { sha256 } from '../../src/formats/sha256';
import { ROW_HEAD_BYTES, Sealer } from './sealed';

export type Bytes = Uint8Array<ArrayBuffer>;
export type Row = readonly [n: number, bytes: Bytes];

/** Whose memory it is. */
export interface MemoryOwner {
  readonly secret: Uint8Array;
  /** The secret before this one: opens what it sealed. */
  readonly former?: Uint8Array | undefined;
  /** Id of the object. */
  readonly object: string;
}

const LAYOUT = 2;
/** A row holds 2 MB. */
const PIECE_BYTES = 1_000_000;
const FACTS_HEAD_BYTES = 8 + 4 + 32;
/** What the first of a chain is bound to. */
const NOTHING = new Uint8Array(32) as Bytes;

const rowHead = (row: Bytes): Bytes => row.subarray(0, ROW_HEAD_BYTES);
/** The running hash after a row with `head`. */
const linked = (link: Bytes, head: Bytes): Bytes => sha256(joined([link, head])) as Bytes;

/** What a row is sealed as. */
class Names {
  readonly #object: string;

  constructor(object: string) {
    this.#object = object;
  }

  page(n: number): string {
    return JSON.stringify([LAYOUT, this.#object, 'page', n]);
  }

  facts(n: number, link: Bytes): string {
    return JSON.stringify([LAYOUT, this.#object, 'facts', n, toHex(link)]);
  }

  calls(generation: number, n: number, link: Bytes): string {
    return JSON.stringify([LAYOUT, this.#object, 'calls', generation, n, toHex(link)]);
  }
}

/** Where the rows that lie there end. */
interface End {
  readonly generation: number;
  /** Running hash over facts and calls. */
  readonly link: Bytes;
  readonly calls: number;
  /** Heads of the pages, by number. */
  readonly pages: ReadonlyMap<number, Bytes>;
}

/** Seals rows that follow on those that lie there. Its caller stores what it gives, all of it and in order, or ends. */
export class RowWriter {
  readonly #sealer: Sealer;
  readonly #names: Names;
  readonly #pages: Map<number, Bytes>;
  #generation: number;
  #link: Bytes;
  #calls: number;

  constructor(sealer: Sealer, names: Names, { generation, link, calls, pages }: End) {
    this.#sealer = sealer;
    this.#names = names;
    this.#generation = generation;
    this.#link = link;
    this.#calls = calls;
    this.#pages = new Map(pages);
  }

  calls(bytes: Bytes): Promise<Row[]> {
    return this.#chained(rowPieces(bytes), (_, link) => {
      const n = ++this.#calls;
      return [n, this.#names.calls(this.#generation, n, link)];
    });
  }

  /** A generation of its own: the facts, and the pages that are new. `whole`: there are no others. */
  async checkpoint(facts: Uint8Array, pages: readonly Row[], whole: boolean): Promise<Row[]> {
    if (whole) this.#pages.clear();
    const rows = pages.map(async ([n, bytes]): Promise<Row> => {
      const head = this.#sealer.head();
      this.#pages.set(n, head);
      return [n, await this.#sealer.close(head, this.#names.page(n), bytes)];
    });
    this.#generation++;
    this.#calls = 0;
    this.#link = NOTHING;
    const all = joined([factsHead(this.#generation, facts.length, digestOf(this.#pages)), facts as Bytes]);
    const pieces = this.#chained(rowPieces(all), (i, link) => [-1 - i, this.#names.facts(-1 - i, link)]);
    return [...(await pieces), ...(await Promise.all(rows))];
  }

  /** One row for each piece, each sealed as `name` says, which is told the running hash of the rows before it. */
  #chained(pieces: readonly Bytes[], name: (i: number, link: Bytes) => [n: number, as: string]): Promise<Row[]> {
    const rows = pieces.map(async (piece, i): Promise<Row> => {
      const [n, as] = name(i, this.#link);
      const head = this.#sealer.head();
      this.#link = linked(this.#link, head);
      return [n, await this.#sealer.close(head, as, piece)];
    });
    return Promise.all(rows);
  }
}

/** What lies there, and who goes on with it. Rejects with `SNAPSHOT_INVALID`. */
export async function readRows(
  pages: readonly Row[],
  calls: readonly Row[],
  { secret, former, object }: MemoryOwner,
): Promise<{ left: LeftCore | undefined; writer: RowWriter }> {
  const sealer = new Sealer(secret);
  const names = new Names(object);
  if (pages.length === 0 && calls.length === 0) {
    const end = { generation: 0, link: NOTHING, calls: 0, pages: new Map() };
    return { left: undefined, writer: new RowWriter(sealer, names, end) };
  }
  // Piece −1 is the first.
  const pieces = pages.filter(([n]) => n < 0).reverse();
  const held = pages.filter(([n]) => n >= 0);
  const sealers = [sealer, ...(former === undefined ? [] : [new Sealer(former)])];
  const opener = await openerOf(pieces[0], sealers, names);
  const facts = await openChain(opener, pieces, NOTHING, (i, link) => [-1 - i, names.facts(-1 - i, link)]);
  const heads = new Map(held.map(([n, row]) => [n, rowHead(row)]));
  const { generation, bytes } = openFacts(facts.bytes, digestOf(heads));
  const stream = await openChain(opener, calls, facts.link, (i, link) => [i + 1, names.calls(generation, i + 1, link)]);
  const left: LeftCore = {
    facts: bytes,
    pages: await Promise.all(
      held.map(async ([n, row]): Promise<Row> => [n, await openRow(opener, row, names.page(n))]),
    ),
    calls: stream.bytes,
    isOwn: opener === sealer,
  };
  const end = { generation, link: stream.link, calls: calls.length, pages: heads };
  return { left, writer: new RowWriter(sealer, names, end) };
}

/** The one of `sealers` that opens the first piece of the facts. */
async function openerOf(first: Row | undefined, sealers: readonly Sealer[], names: Names): Promise<Sealer> {
  if (first === undefined) throw notWhole('no facts', 'all rows or none', 'some');
  for (const sealer of sealers.slice(1)) {
    const isOpen = await sealer.open(first[1], names.facts(-1, NOTHING)).then(
      () => true,
      () => false,
    );
    if (isOpen) return sealer;
  }
  // Whether it opens is seen in a moment, and said there.
  return sealers[0] as Sealer;
}

/** The bytes of rows that follow on each other from `link` on, and the running hash behind them. */
async function openChain(
  opener: Sealer,
  rows: readonly Row[],
  link: Bytes,
  name: (i: number, link: Bytes) => [n: number, as: string],
): Promise<{ bytes: Bytes; link: Bytes }> {
  let end = link;
  const pieces = rows.map(([n, row], i) => {
    const [expected, as] = name(i, end);
    if (n !== expected) throw notWhole('a row is missing', `${expected}`, `${n}`);
    end = linked(end, rowHead(row));
    return openRow(opener, row, as);
  });
  return { bytes: joined(await Promise.all(pieces)), link: end };
}

async function openRow(opener: Sealer, row: Bytes, as: string): Promise<Bytes> {
  try {
    return await opener.open(row, as);
  } catch (cause) {
    throw notWhole('a row does not open', 'the secret, the object and the rows it was sealed with', 'others', cause);
  }
}

/** generation f64 │ bytes of the facts u32 │ digest of the pages 32 */
function factsHead(generation: number, length: number, digest: Bytes): Bytes {
  const head = new Uint8Array(FACTS_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setFloat64(0, generation);
  view.setUint32(8, length);
  head.set(digest, 12);
  return head;
}

function openFacts(all: Bytes, digest: Bytes): { generation: number; bytes: Bytes } {
  const view = new DataView(all.buffer, all.byteOffset, all.length);
  if (all.length < FACTS_HEAD_BYTES || view.getUint32(8) !== all.length - FACTS_HEAD_BYTES) {
    throw notWhole('facts cut short', 'all pieces in order', 'fewer');
  }
  if (toHex(all.subarray(12, FACTS_HEAD_BYTES)) !== toHex(digest)) {
    throw notWhole('pages of another moment', 'those that the facts name', 'others');
  }
  return { generation: view.getFloat64(0), bytes: all.subarray(FACTS_HEAD_BYTES) };
}

/** SHA-256 over number and head of every page, by number. */
function digestOf(pages: ReadonlyMap<number, Bytes>): Bytes {
  const parts = [...pages].sort(([a], [b]) => a - b).flatMap(([n, head]) => [number32(n), head]);
  return sha256(joined(parts)) as Bytes;
}

function rowPieces(bytes: Bytes): Bytes[] {
  const pieces: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(bytes.subarray(at, at + PIECE_BYTES));
  return pieces;
}

const notWhole = (problem: string, expected: string, got: string, cause?: unknown): TracehoundError =>
  new TracehoundError('SNAPSHOT_INVALID', `memory of the object: ${problem}, expected ${expected}, got ${got}`, {
    cause,
  });
