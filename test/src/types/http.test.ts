/**
 * Guards `src/types/http.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/http';

test('types/http ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/http'))).toEqual([]);
});

test('an instance that decides at once is one that may decide later, and not the other way round', () => {
  expectTypeOf<words.HttpPort>().toExtend<words.GuardPort>();
  expectTypeOf<words.GuardPort>().not.toExtend<words.HttpPort>();
});
