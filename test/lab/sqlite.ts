/**
 * The storage of a Durable Object over Node's SQLite, for tests without workerd: the same SQL, one database a test.
 *
 * Relies on: node:sqlite. Refuses: what a Durable Object does around it (gates, eviction); test/wide has the real one.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { MemoryStorage } from '../../runtimes/cloudflare/memory';
import type { DurablePort } from '../../src/stores/durable';

export function sqliteStorage(sync: () => Promise<void> = async () => {}): DurablePort & MemoryStorage {
  const database = new DatabaseSync(':memory:');
  const exec = (query: string, ...bindings: unknown[]) => {
    const rows = database.prepare(query).all(...(bindings as SQLInputValue[])) as Record<string, unknown>[];
    return { toArray: () => rows };
  };
  const transactionSync = <T>(work: () => T): T => {
    database.exec('BEGIN');
    try {
      const answer = work();
      database.exec('COMMIT');
      return answer;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  return { sql: { exec }, transactionSync, sync };
}

/** Another disk with what is on this one. */
export function copyOf(disk: ReturnType<typeof sqliteStorage>): ReturnType<typeof sqliteStorage> {
  const copy = sqliteStorage();
  const tables = disk.sql.exec("SELECT name, sql FROM sqlite_master WHERE type = 'table'").toArray();
  for (const { name, sql } of tables) {
    copy.sql.exec(sql as string);
    for (const row of disk.sql.exec(`SELECT * FROM ${name}`).toArray()) {
      const columns = Object.keys(row);
      copy.sql.exec(
        `INSERT INTO ${name} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
        ...Object.values(row),
      );
    }
  }
  return copy;
}
