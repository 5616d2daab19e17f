/**
 * Guards the stores that Workers and Fastly hand bytes to: src/stores/r2.ts, src/stores/durable.ts, src/stores/fastly-kv.ts.
 * The platform takes the whole buffer of a view, so each is given a buffer that holds the object's bytes and nothing else.
 */
import { expect, it } from 'vitest';
import { durableStore } from '../../../src/stores/durable';
import { fastlyKvStore } from '../../../src/stores/fastly-kv';
import { r2Store } from '../../../src/stores/r2';
import type { LogStore } from '../../../src/types/index';
import { seeded } from '../../ground';
import { kvStore } from '../../lab/fastly-kv';
import { r2Bucket } from '../../lab/r2-bucket';
import { sqliteStorage } from '../../lab/sqlite';

/** Every buffer that the platform was given. */
let given: ArrayBufferLike[] = [];
const noted = <T extends object>(port: T, call: string): T =>
  new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== call) return value;
      return (...of: unknown[]) => {
        for (const one of of) {
          if (one instanceof Uint8Array) given.push(one.buffer);
          if (one instanceof ArrayBuffer) given.push(one);
        }
        return Reflect.apply(value as () => unknown, target, of);
      };
    },
  });

const STORES: [string, () => LogStore][] = [
  ['r2', () => r2Store(noted(r2Bucket(), 'put'))],
  [
    'durable',
    () => {
      const storage = sqliteStorage();
      return durableStore({ sql: noted(storage.sql, 'exec'), sync: storage.sync });
    },
  ],
  ['fastly-kv', () => fastlyKvStore(noted(kvStore(), 'put'))],
];

it.each(STORES)('a view is stored without its neighbours: %s', async (_, make) => {
  const roll = seeded(7);
  const store = make();
  for (let i = 0; i < 24; i++) {
    const whole = new Uint8Array(4_096 + roll(100_000)).fill(0x5a);
    const at = roll(whole.length);
    const view = whole.subarray(at, at + roll(whole.length - at));
    view.fill(i);
    given = [];
    await store.putIfAbsent(`k${i}`, view);
    const next = whole.subarray(0, roll(64));
    await store.swap(`k${i}`, next, view);
    expect(new Set(given.map(({ byteLength }) => byteLength))).toEqual(new Set([view.length, next.length]));
    expect(await store.get(`k${i}`)).toEqual(new Uint8Array(next));
  }
});
