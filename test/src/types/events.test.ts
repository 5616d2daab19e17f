/**
 * Guards `src/types/events.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/events';

test('types/events ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/events'))).toEqual([]);
});

test('each event has its own shape, and a trouble carries no text from outside', () => {
  expectTypeOf<words.TracehoundEvents['trouble']>().toEqualTypeOf<words.Trouble>();
  expectTypeOf<words.TracehoundEvents['blocked']>().toEqualTypeOf<words.BlockedEvent>();
  expectTypeOf<words.Trouble['detail'][string]>().toEqualTypeOf<string | number | boolean>();
  // @ts-expect-error a code is one of ours
  const code: words.TroubleCode = 'SOMETHING';
  expect(code).toBe('SOMETHING');
});
