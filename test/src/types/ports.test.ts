/**
 * Guards `src/types/ports.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/ports';

test('types/ports ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/ports'))).toEqual([]);
});

test('a log store is a store, which may leave out what not every store can do; nothing else may be left out', () => {
  expectTypeOf<words.LogStore>().toExtend<words.Store>();
  expectTypeOf<Pick<words.Store, 'get' | 'putIfAbsent'>>().toExtend<words.Store>();
  expectTypeOf<Omit<words.LogStore, 'swap'>>().not.toExtend<words.LogStore>();
  expectTypeOf<Omit<words.Ledger, 'charge'>>().not.toExtend<words.Ledger>();
  expectTypeOf<Omit<words.Sent, 'retryAfterMs'>>().toExtend<words.Sent>();
  expectTypeOf<Omit<words.Sent, 'retry'>>().not.toExtend<words.Sent>();
});

test('a store of keys is a store that can delete: without that, nothing could be erased', () => {
  expectTypeOf<words.KeyStore>().toExtend<words.Store>();
  expectTypeOf<words.Store>().not.toExtend<words.KeyStore>();
  expectTypeOf<Pick<words.KeyStore, 'get' | 'putIfAbsent' | 'delete'>>().toExtend<words.KeyStore>();
});
