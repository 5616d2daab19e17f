/**
 * Guards `src/types/ports.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/ports';
import type { Source } from '../../../src/types/results';

test('types/ports ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/ports'))).toEqual([]);
});

test('a source is a text, an address or a key; a log store is a store', () => {
  expectTypeOf<string>().toExtend<Source>();
  expectTypeOf<{ address: string; key: string }>().toExtend<Source>();
  expectTypeOf<number>().not.toExtend<Source>();
  expectTypeOf<words.LogStore>().toExtend<words.Store>();
});
