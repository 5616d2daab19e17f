/**
 * Guards the store over R2: what every store promises, and what only a bucket does. Each case has a prefix of its own, so
 * the prefix is guarded along.
 */
import { describe, expect, it } from 'vitest';
import { type R2Port, r2Store } from '../../../src/stores/r2';
import { r2Bucket } from '../../lab/r2-bucket';
import { outages, prefixed, storeSuite } from '../../lab/suite';

let made = 0;
const bucket = r2Bucket();

storeSuite('the store in R2', () => {
  const { guarded, outage } = outages(new Error('put: Network connection lost. (10001)'));
  const port: R2Port = {
    get: async (key) => guarded(() => bucket.get(key)),
    put: async (...of) => guarded(() => bucket.put(...of)),
    delete: async (key) => guarded(() => bucket.delete?.(key)),
  };
  return { store: prefixed(r2Store(port, { prefix: `p${made++}` }), r2Store(port)), outage };
});

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
