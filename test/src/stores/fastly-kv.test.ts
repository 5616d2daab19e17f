/**
 * Guards the store over Fastly's KV store: what every store promises, and what becomes of it where there is no condition but
 * `add` and reads come late. Each case has a prefix of its own, so the prefix is guarded along.
 */
import { describe, expect, it } from 'vitest';
import { fastlyKvStore, type KvPort } from '../../../src/stores/fastly-kv';
import { kvStore } from '../../lab/fastly-kv';
import { outages, prefixed, storeSuite } from '../../lab/suite';

let made = 0;
const kv = kvStore();

storeSuite('the store in a KV store of Fastly', () => {
  const { guarded, outage } = outages(new TypeError('KVStore insert: Too many requests.'));
  const port: KvPort = {
    get: async (key) => guarded(() => kv.get(key)),
    put: async (...of) => guarded(() => kv.put(...of)),
    delete: async (key) => guarded(() => kv.delete?.(key)),
  };
  return { store: prefixed(fastlyKvStore(port, { prefix: `p${made++}` }), fastlyKvStore(port)), outage };
});

const A = Uint8Array.of(1);
const B = Uint8Array.of(2);
const C = Uint8Array.of(3);

describe('the store in a KV store of Fastly', () => {
  it('lies below its prefix, and shows the newest bytes at the key itself', async () => {
    const store = fastlyKvStore(kv, { prefix: 'logs/a' });
    await store.swap('checkpoint', A, undefined);
    await store.swap('checkpoint', B, A);
    const own = [...kv.objects].filter(([key]) => key.startsWith('logs/a/'));
    expect(own.map(([key, { bytes, metadata }]) => [key, bytes[0], metadata])).toEqual([
      ['logs/a/checkpoint', 2, '1'],
      ['logs/a/checkpoint~/1', 2, null],
    ]);
    expect(() => fastlyKvStore(kv, { prefix: '../a' })).toThrow(RangeError);
    expect(() => fastlyKvStore(undefined as unknown as KvPort)).toThrow('kv: wrong kind, expected a KVStore');
  });

  it('says of a KV store that fails that the store failed, and why', async () => {
    const cause = new TypeError('KVStore insert: Too many requests.');
    const fail = () => Promise.reject(cause);
    const failing = fastlyKvStore({ get: fail, put: fail });
    const failed = { code: 'STORE_FAILED', cause, recoverable: true };
    await expect(failing.get('k')).rejects.toMatchObject(failed);
    await expect(failing.putIfAbsent('k', A)).rejects.toMatchObject(failed);
    await expect(failing.swap('k', A, undefined)).rejects.toMatchObject(failed);
    await expect(failing.swap('k', A, B)).rejects.toMatchObject(failed);
  });

  /** A KV store whose `overwrite` fails, as it does when one key is written too often. */
  const mute = (of: KvPort): KvPort => ({
    get: (key) => of.get(key),
    put: (key, bytes, options) =>
      options.mode === 'add' ? of.put(key, bytes, options) : Promise.reject(new Error('Too many requests.')),
  });

  it('has swapped what it could not show, and whoever reads finds it', async () => {
    const store = fastlyKvStore(mute(kvStore()));
    await store.swap('k', A, undefined);
    expect(await store.swap('k', B, A)).toBe('swapped');
    expect(await store.get('k')).toEqual(B);
    expect(await store.swap('k', C, A)).toBe('conflict');
    expect(await store.swap('k', C, B)).toBe('swapped');
    expect(await store.get('k')).toEqual(C);
  });

  it('shows what somebody else swapped and could not show, before it says that there is a conflict', async () => {
    const inner = kvStore();
    const store = fastlyKvStore(inner);
    await store.putIfAbsent('k', A); // by a put that leaves no mark
    await fastlyKvStore(mute(inner)).swap('k', B, A);
    expect(await store.get('k')).toEqual(A);
    expect(await store.swap('k', C, A)).toBe('conflict');
    expect(await store.get('k')).toEqual(B);
    expect(await store.swap('k', C, B)).toBe('swapped');
  });

  it('tells who reads late that there is a conflict, and lets nobody swap twice', async () => {
    const inner = kvStore();
    const store = fastlyKvStore(inner);
    await store.swap('k', A, undefined);
    const before = new Map(inner.objects);
    await store.swap('k', B, A);
    await store.swap('k', C, B);
    // Elsewhere nothing of the two swaps has arrived yet; writes are judged where the objects lie.
    const late: KvPort = {
      get: (key) => {
        const object = before.get(key);
        const entry = object && {
          arrayBuffer: async () => object.bytes.slice().buffer,
          metadataText: () => object.metadata,
        };
        return Promise.resolve(entry ?? null);
      },
      put: (key, bytes, options) => inner.put(key, bytes, options),
    };
    expect(await fastlyKvStore(late).get('k')).toEqual(A);
    expect(await fastlyKvStore(late).swap('k', Uint8Array.of(9), A)).toBe('conflict');
    expect(await store.get('k')).toEqual(C);
  });

  it('refuses to swap at a key that leaves no room for a version', async () => {
    const key = Array.from({ length: 128 }, () => '1234567').join('/');
    const store = fastlyKvStore(kvStore());
    await store.putIfAbsent(key, A);
    await expect(store.swap(key, B, A)).rejects.toThrow('key: too long to be swapped');
  });
});
