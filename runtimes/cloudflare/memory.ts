/**
 * The memory of an instance in the storage of its Durable Object: a sealed journal of the calls that changed it, and now
 * and then the pages that they changed.
 *
 *   tracehound_pages   n ≥ 0 page n of the core's memory │ n < 0 pieces of what the host knows beside it
 *   tracehound_calls   pieces of one stream, by n: the calls since those pages
 *   each row           salt 16 │ nonce 12 │ AES-256-GCM under HMAC-SHA-256(secret, label ‖ salt), bound to its place
 *
 * What was answered is stored: `commit` comes between an act and its answer, one row for all who wait (group commit), and
 * Cloudflare holds every message until the rows before it are on disk. A salt of its own for each time the object wakes,
 * and a counter for a nonce: under one key no nonce comes twice (NIST SP 800-38D §8.2.1).
 *
 * *Trusted*: whoever controls the storage could set the object back to an earlier moment; without the secret he could
 * neither read what is stored nor change a bit of it unseen.
 *
 * Relies on: SQL without waiting, `transactionSync`. Refuses: to go on after a write that failed; the object must end.
 */
import { type LeftCore, Persistence } from '../../src/engine/index';
import { TracehoundError } from '../../src/errors';
import { sealKey } from '../../src/formats/seal';

/** What is used of `DurableObjectState.storage`, of a class that is listed in `new_sqlite_classes`. */
export interface MemoryStorage {
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): Record<string, unknown>[] } };
  transactionSync<T>(work: () => T): T;
}

const LABEL = new TextEncoder().encode('tracehound/v1/object-memory');
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
/** A row holds 2 MB. */
const PIECE_BYTES = 1_000_000;
/** After this much the pages are written: a call takes microseconds to be made again, and a row of pages a place. */
const BACKLOG_CALLS = 4_096;
const BACKLOG_BYTES = 4_194_304;

type Bytes = Uint8Array<ArrayBuffer>;
type Row = readonly [n: number, bytes: Bytes];
type Table = 'pages' | 'calls';

export class ObjectMemory {
  readonly persistence: Persistence;
  readonly #storage: MemoryStorage;
  readonly #seal: Sealer;
  #calls: number;
  #stored = 0;
  #working: Promise<void> | undefined;
  /** Why nothing can be stored any more: what was to be stored is gone, and nothing may follow on a gap. */
  #broken: unknown;

  private constructor(storage: MemoryStorage, seal: Sealer, left: LeftCore | undefined, calls: number) {
    this.#storage = storage;
    this.#seal = seal;
    this.#calls = calls;
    this.persistence = new Persistence(left);
  }

  /** Reads what lies there. Rejects with `SNAPSHOT_INVALID` when neither secret opens it. */
  static async open(storage: MemoryStorage, secret: Uint8Array, former?: Uint8Array): Promise<ObjectMemory> {
    for (const table of ['pages', 'calls']) {
      storage.sql.exec(`CREATE TABLE IF NOT EXISTS tracehound_${table} (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)`);
    }
    const seal = new Sealer(secret);
    const rows = (table: Table): Row[] =>
      storage.sql
        .exec(`SELECT n, bytes FROM tracehound_${table} ORDER BY n`)
        .toArray()
        .map(({ n, bytes }) => [n as number, new Uint8Array(bytes as ArrayBuffer)]);
    const [pages, calls] = [rows('pages'), rows('calls')];
    const last = calls.at(-1)?.[0] ?? 0;
    const [first] = pages;
    if (first === undefined) return new ObjectMemory(storage, seal, undefined, last);
    const opener = await openerFor(first, [seal, ...(former === undefined ? [] : [new Sealer(former)])]);
    const open = (table: Table, sealed: readonly Row[]): Promise<Row[]> =>
      Promise.all(sealed.map(async ([n, bytes]): Promise<Row> => [n, await opener.open(table, n, bytes)]));
    const opened = await open('pages', pages);
    const left: LeftCore = {
      // Piece −1 is the first.
      facts: joined(opened.filter(([n]) => n < 0).reverse()),
      pages: opened.filter(([n]) => n >= 0),
      calls: joined(await open('calls', calls)),
      isOwn: opener === seal,
    };
    return new ObjectMemory(storage, seal, left, last);
  }

  /** Resolves when everything up to now is stored. */
  async commit(): Promise<void> {
    const goal = this.persistence.written;
    while (this.#stored < goal) await (this.#working ?? this.#begin(false));
  }

  /** Stores the pages that changed, so that the next who wakes has no calls to make again. */
  async checkpoint(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    await this.#begin(true);
  }

  #begin(checkpoint: boolean): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    this.#working = this.#store(checkpoint)
      .catch((error: unknown) => {
        this.#broken = error;
        throw error;
      })
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }

  async #store(checkpoint: boolean): Promise<void> {
    const { count, bytes } = this.persistence.backlog;
    const written = this.persistence.written;
    const batch = this.persistence.take(checkpoint || count >= BACKLOG_CALLS || bytes >= BACKLOG_BYTES);
    const { calls, checkpoint: taken } = batch;
    // The pages hold what the calls did.
    const pieces = taken === undefined ? inPieces(calls).map((piece, i): Row => [this.#calls + 1 + i, piece]) : [];
    const facts = taken === undefined ? [] : inPieces(taken.facts).map((piece, i): Row => [-1 - i, piece]);
    const [callRows, pageRows] = await Promise.all([
      this.#sealed('calls', pieces),
      this.#sealed('pages', [...facts, ...((taken?.pages ?? []) as readonly Row[])]),
    ]);
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => {
      if (taken !== undefined) {
        sql.exec('DELETE FROM tracehound_calls');
        sql.exec(taken.whole ? 'DELETE FROM tracehound_pages' : 'DELETE FROM tracehound_pages WHERE n < 0');
      }
      for (const row of callRows) sql.exec('INSERT INTO tracehound_calls (n, bytes) VALUES (?, ?)', ...row);
      for (const row of pageRows) sql.exec('INSERT OR REPLACE INTO tracehound_pages (n, bytes) VALUES (?, ?)', ...row);
    });
    this.#calls += callRows.length;
    this.#stored = written;
  }

  #sealed(table: Table, rows: readonly Row[]): Promise<Row[]> {
    return Promise.all(rows.map(async ([n, bytes]): Promise<Row> => [n, await this.#seal.close(table, n, bytes)]));
  }
}

/** The one of `sealers` that opens `row`. */
async function openerFor([n, bytes]: Row, sealers: readonly Sealer[]): Promise<Sealer> {
  let cause: unknown;
  for (const sealer of sealers) {
    try {
      await sealer.open('pages', n, bytes);
      return sealer;
    } catch (error) {
      cause = error;
    }
  }
  throw cause;
}

class Sealer {
  readonly #secret: Uint8Array;
  readonly #keys = new Map<string, Promise<CryptoKey>>();
  readonly #salt = new Uint8Array(SALT_BYTES);
  #nonce = 0;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  async close(table: Table, n: number, bytes: Bytes): Promise<Bytes> {
    // The first nonce draws the salt: nothing random before somebody asks.
    if (this.#nonce === 0) crypto.getRandomValues(this.#salt);
    const head = new Uint8Array(SALT_BYTES + NONCE_BYTES);
    head.set(this.#salt);
    new DataView(head.buffer).setFloat64(SALT_BYTES, this.#nonce++);
    const key = await this.#key(head);
    return joined([
      [0, head],
      [0, new Uint8Array(await crypto.subtle.encrypt(gcm(head, table, n), key, bytes))],
    ]);
  }

  async open(table: Table, n: number, sealed: Bytes): Promise<Bytes> {
    const head = sealed.subarray(0, SALT_BYTES + NONCE_BYTES);
    try {
      const key = await this.#key(head);
      return new Uint8Array(await crypto.subtle.decrypt(gcm(head, table, n), key, sealed.subarray(head.length)));
    } catch (cause) {
      const expected = 'expected the secret that sealed it and unchanged bytes';
      throw new TracehoundError('SNAPSHOT_INVALID', `memory: row ${n} of ${table} does not open, ${expected}`, {
        cause,
      });
    }
  }

  #key(head: Uint8Array): Promise<CryptoKey> {
    const salt = head.subarray(0, SALT_BYTES);
    const name = salt.join();
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const label = new Uint8Array(LABEL.length + SALT_BYTES);
    label.set(LABEL);
    label.set(salt, LABEL.length);
    const key = sealKey(this.#secret, label, ['encrypt', 'decrypt']);
    this.#keys.set(name, key);
    return key;
  }
}

const gcm = (head: Bytes, table: Table, n: number): AesGcmParams => ({
  name: 'AES-GCM',
  iv: head.subarray(SALT_BYTES),
  additionalData: new TextEncoder().encode(`${table} ${n}`),
});

function inPieces(bytes: Uint8Array): Bytes[] {
  const pieces: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(bytes.subarray(at, at + PIECE_BYTES) as Bytes);
  return pieces;
}

function joined(rows: readonly Row[]): Bytes {
  const all = new Uint8Array(rows.reduce((sum, [, bytes]) => sum + bytes.length, 0));
  let at = 0;
  for (const [, bytes] of rows) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}
