/**
 * Guards `src/types/options.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/options';

test('types/options ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/options'))).toEqual([]);
});

test('every option may be left out, and after validation every number is there', () => {
  const nothing: words.TracehoundOptions = {};
  expect(nothing).toEqual({});
  expectTypeOf<words.ResolvedOptions['quarantine']>().toEqualTypeOf<
    Required<Omit<words.QuarantineOptions, 'authorize'>>
  >();
  // @ts-expect-error an unknown name does not compile
  const wrong: words.TracehoundOptions = { ratelimit: {} };
  expect(wrong).toBeDefined();
});
