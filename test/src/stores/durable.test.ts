/** Guards the store in a Durable Object's database, over the same SQL in Node's SQLite. */
import { describe, expect, it } from 'vitest';
import { type DurablePort, durableStore } from '../../../src/stores/durable';
import { sqliteStorage as storage } from '../../lab/sqlite';
import { outages, storeSuite } from '../../lab/suite';

storeSuite('the store in a Durable Object', () => {
  const { guarded, outage } = outages(new Error('SQLITE_BUSY: database is locked'));
  const { sql, sync } = storage();
  const port: DurablePort = { sql: { exec: (...of) => guarded(() => sql.exec(...of)) }, sync };
  return { store: durableStore(port), outage };
});

describe('the store in a Durable Object', () => {
  it('goes on with what an earlier life of the object wrote', async () => {
    const kept = storage();
    await durableStore(kept).putIfAbsent('k', Uint8Array.of(1));
    expect(await durableStore(kept).putIfAbsent('k', Uint8Array.of(2))).toBe('exists');
    expect(await durableStore(kept).get('k')).toEqual(Uint8Array.of(1));
  });

  it('answers once the bytes are durable, and fails when they are not', async () => {
    const cause = new Error('disk');
    const failing = durableStore(storage(() => Promise.reject(cause)));
    const failed = { code: 'STORE_FAILED', cause, recoverable: true };
    await expect(failing.putIfAbsent('k', Uint8Array.of(1))).rejects.toMatchObject(failed);
    await expect(failing.swap('l', Uint8Array.of(1), undefined)).rejects.toMatchObject(failed);
  });

  it('refuses what no row holds, and storage without SQL', async () => {
    const large = durableStore(storage()).putIfAbsent('k', new Uint8Array(1_900_001));
    await expect(large).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: false });
    expect(() => durableStore({} as DurablePort)).toThrow(TypeError);
  });
});
