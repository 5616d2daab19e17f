/** Guards the stores that come with the package: each does what every store must do, and what it alone promises. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import { memoryStore } from '../../../src/stores/memory';
import { steppedFs } from '../../lab/fs-port';
import { outages, storeSuite } from '../../lab/suite';

const folder = mkdtempSync(join(tmpdir(), 'tracehound-stores-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
storeSuite('memory', () => ({ store: memoryStore() }));
storeSuite('fs', () => {
  // A server that the folder lies on, and that goes away for a time.
  const { guarded, outage } = outages(Object.assign(new Error('EHOSTDOWN: host is down'), { code: 'EHOSTDOWN' }));
  const fs = steppedFs(() => guarded(() => {}));
  return { store: fsStore(join(folder, String(made++), 'made/if need be'), { fs }), outage };
});

describe('memory', () => {
  it('fails as a full disk does, and holds what it held', async () => {
    const store = memoryStore({ maxBytes: 10 });
    await store.putIfAbsent('a', new Uint8Array(6));
    const failure = { code: 'STORE_FAILED', recoverable: true, message: /full, expected ≤ 10 bytes, got 11/ };
    await expect(store.putIfAbsent('b', new Uint8Array(5))).rejects.toMatchObject({
      code: failure.code,
      recoverable: true,
    });
    await expect(store.swap('a', new Uint8Array(11), new Uint8Array(6))).rejects.toThrow(failure.message);
    expect(store.keys()).toEqual(['a']);
    expect(await store.swap('a', new Uint8Array(10), new Uint8Array(6))).toBe('swapped');
    expect(await store.swap('a', new Uint8Array(1), new Uint8Array(10))).toBe('swapped');
    expect(await store.putIfAbsent('b', new Uint8Array(9))).toBe('created');
    expect(store.keys()).toEqual(['a', 'b']);
  });

  it('refuses a bound that is none', () => {
    expect(() => memoryStore({ maxBytes: Number.NaN })).toThrow(RangeError);
    expect(() => memoryStore({ maxBytes: '1' as unknown as number })).toThrow(TypeError);
  });
});
