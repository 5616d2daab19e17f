/**
 * Guards the store over R2: what every store promises, and what only a bucket does. Each case has a prefix of its own, so
 * the prefix is guarded along.
 */
import { describe, expect, it } from 'vitest';
import { type R2Port, r2Store } from '../../../src/stores/r2';
import { r2Bucket } from '../../lab/r2-bucket';
import { storeSuite } from '../../lab/store-suite';

let made = 0;
const bucket = r2Bucket();

// The longest key of the suite leaves no room for a prefix: it has the bucket to itself.
const LONGEST = 1_023;
const store = () => {
  const prefix = `p${made++}`;
  const below = r2Store(bucket, { prefix });
  const whole = r2Store(bucket);
  const of = (key: string) => (typeof key === 'string' && key.length >= LONGEST ? whole : below);
  return {
    get: (key: string) => of(key).get(key),
    putIfAbsent: (key: string, bytes: Uint8Array) => of(key).putIfAbsent(key, bytes),
    swap: (key: string, bytes: Uint8Array, expected: Uint8Array | undefined) => of(key).swap(key, bytes, expected),
    delete: async (key: string) => (await of(key).delete?.(key)) ?? false,
  };
};

const lost = () => Promise.reject(new Error('put: Network connection lost. (10001)'));
storeSuite('the store in R2', store, () => r2Store({ get: lost, put: lost, delete: lost }));

describe('the store in R2', () => {
  it('lies below its prefix', async () => {
    await r2Store(bucket, { prefix: 'logs/a' }).putIfAbsent('checkpoint', Uint8Array.of(1));
    expect(await r2Store(bucket).get('logs/a/checkpoint')).toEqual(Uint8Array.of(1));
    expect(() => r2Store(bucket, { prefix: '../a' })).toThrow(RangeError);
    expect(() => r2Store(undefined as unknown as R2Port)).toThrow('bucket: wrong kind, expected an R2 binding');
  });

  it('says of a bucket that fails that the store failed, and why', async () => {
    const cause = new Error('put: Network connection lost. (10001)');
    const fail = () => Promise.reject(cause);
    const failing = r2Store({ get: fail, put: fail });
    const failed = { code: 'STORE_FAILED', cause, recoverable: true };
    await expect(failing.get('k')).rejects.toMatchObject(failed);
    await expect(failing.putIfAbsent('k', Uint8Array.of(1))).rejects.toMatchObject(failed);
    await expect(failing.swap('k', Uint8Array.of(1), Uint8Array.of(2))).rejects.toMatchObject(failed);
  });

  it('replaces nothing that was put between reading and writing', async () => {
    const prefix = 'between';
    const honest = r2Store(bucket, { prefix });
    await honest.putIfAbsent('k', Uint8Array.of(1));
    const late: R2Port = {
      get: (key) => bucket.get(key),
      put: async (key, bytes, options) => {
        await honest.swap('k', Uint8Array.of(2), Uint8Array.of(1));
        return bucket.put(key, bytes, options);
      },
    };
    expect(await r2Store(late, { prefix }).swap('k', Uint8Array.of(3), Uint8Array.of(1))).toBe('conflict');
    expect(await honest.get('k')).toEqual(Uint8Array.of(2));
  });
});
