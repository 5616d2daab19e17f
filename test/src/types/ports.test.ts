/**
 * Guards `src/types/ports.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/ports';

test('types/ports ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/ports'))).toEqual([]);
});

test('a source is a text, an address or a key; a log store is a store', () => {
  expectTypeOf<string>().toExtend<words.Source>();
  expectTypeOf<{ address: string; key: string }>().toExtend<words.Source>();
  expectTypeOf<number>().not.toExtend<words.Source>();
  expectTypeOf<words.LogStore>().toExtend<words.Store>();
});
