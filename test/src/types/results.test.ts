/**
 * Guards `src/types/results.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/results';

test('types/results ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/results'))).toEqual([]);
});

test('a source is a text, an address or a key', () => {
  expectTypeOf<string>().toExtend<words.Source>();
  expectTypeOf<{ address: string; key: string }>().toExtend<words.Source>();
  expectTypeOf<number>().not.toExtend<words.Source>();
});

test('a result is told by its status, and only one that was refused by the limit says for how long', () => {
  type Of<S extends words.InterceptResult['status']> = Extract<words.InterceptResult, { status: S }>;
  expectTypeOf<Of<'rate_limited'>['retryAfterMs']>().toEqualTypeOf<number>();
  expectTypeOf<Of<'quarantined'>['evidence']>().toEqualTypeOf<words.EvidenceHandle>();
  expectTypeOf<Of<'clean'>>().not.toHaveProperty('retryAfterMs');
  expectTypeOf<words.Json>().toExtend<NonNullable<words.Scent['payload']> | null>();
});
