/**
 * The memory of an instance in the storage of its Durable Object: a sealed journal of the calls that changed it, and now
 * and then the pages that they changed.
 *
 *   tracehound_pages   n ≥ 0 page n of the core's memory │ n < 0 pieces of the facts: what the host knows beside it
 *   tracehound_calls   pieces of one stream, by n = 1, 2 …: the calls since those pages
 *   each row           salt 16 │ nonce 12 │ AES-256-GCM under HMAC-SHA-256(secret, label ‖ salt)      (sealed.ts)
 *
 * The rows hold each other (rows.ts): the facts name the exact row of each page, each row of calls is bound to the rows
 * before it, and all of them to the object and to the generation, which counts the checkpoints. So a row that is changed,
 * removed from the middle, moved, older, or of another object does not open.
 *
 * What was answered is stored: `commit` comes between an act and its answer, one row for all who wait (group commit), and
 * Cloudflare holds every message until the rows before it are on disk.
 *
 * *Trusted with time*: whoever controls the storage could set the whole object back to an earlier moment (the last rows of
 * calls included). Nothing that lies in the same storage can tell; the signed log in another store does (resident.ts).
 *
 * Relies on: SQL without waiting, `transactionSync`. Refuses: to go on after a write that failed; the object must end.
 */
import { type LeftCore, Persistence } from '../../src/engine/index';
import { type Bytes, type MemoryOwner, type Row, type RowWriter, readRows } from './rows';

/** What is used of `DurableObjectState.storage`, of a class that is listed in `new_sqlite_classes`. */
export interface MemoryStorage {
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): Record<string, unknown>[] } };
  transactionSync<T>(work: () => T): T;
}

/** After this much the pages are written: a call takes microseconds to be made again, and a row of pages a place. */
const BACKLOG_CALLS = 4_096;
const BACKLOG_BYTES = 4_194_304;

export class ObjectMemory {
  readonly persistence: Persistence;
  readonly #storage: MemoryStorage;
  readonly #rows: RowWriter;
  #stored = 0;
  #working: Promise<void> | undefined;
  /** Why nothing can be stored any more: what was to be stored is gone, and nothing may follow on a gap. */
  #broken: unknown;

  private constructor(storage: MemoryStorage, rows: RowWriter, left: LeftCore | undefined) {
    this.#storage = storage;
    this.#rows = rows;
    this.persistence = new Persistence(left);
  }

  /** Reads what lies there. Rejects with `SNAPSHOT_INVALID` when it is not whole, or neither secret opens it. */
  static async open(storage: MemoryStorage, owner: MemoryOwner): Promise<ObjectMemory> {
    for (const table of ['pages', 'calls']) {
      storage.sql.exec(`CREATE TABLE IF NOT EXISTS tracehound_${table} (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)`);
    }
    const stored = (table: string): Row[] =>
      storage.sql
        .exec(`SELECT n, bytes FROM tracehound_${table} ORDER BY n`)
        .toArray()
        .map(({ n, bytes }) => [n as number, new Uint8Array(bytes as ArrayBuffer)]);
    const { left, writer } = await readRows(stored('pages'), stored('calls'), owner);
    return new ObjectMemory(storage, writer, left);
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

  /** Nothing is stored from here on: what lies there is what the next who wakes begins from. */
  end(why: unknown): void {
    this.#broken ??= why;
  }

  #begin(checkpoint: boolean): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    this.#working = this.#store(checkpoint)
      .catch((error: unknown) => {
        this.#broken ??= error;
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
    // The pages hold what the calls did.
    if (batch.checkpoint === undefined) await this.#append(batch.calls as Bytes);
    else await this.#replace(batch.checkpoint);
    this.#stored = written;
  }

  async #append(calls: Bytes): Promise<void> {
    const rows = await this.#rows.calls(calls);
    this.#write((exec) => {
      for (const row of rows) exec('INSERT INTO tracehound_calls (n, bytes) VALUES (?, ?)', ...row);
    });
  }

  async #replace({ whole, facts, pages }: NonNullable<ReturnType<Persistence['take']>['checkpoint']>): Promise<void> {
    const rows = await this.#rows.checkpoint(facts, pages as readonly Row[], whole);
    this.#write((exec) => {
      exec('DELETE FROM tracehound_calls');
      exec(whole ? 'DELETE FROM tracehound_pages' : 'DELETE FROM tracehound_pages WHERE n < 0');
      for (const row of rows) exec('INSERT OR REPLACE INTO tracehound_pages (n, bytes) VALUES (?, ?)', ...row);
    });
  }

  #write(work: (exec: MemoryStorage['sql']['exec']) => void): void {
    // While rows were sealed the core may have gone down: what it did last must not be stored.
    if (this.#broken !== undefined) throw this.#broken;
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => work((query, ...bindings) => sql.exec(query, ...bindings)));
  }
}
