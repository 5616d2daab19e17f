/**
 * Guards src/http/visit.ts: words without logic. Nothing of it exists at run time, and what an adapter must bring and must do
 * cannot be left out.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/http/visit';
import type { RateLimitResult } from '../../../src/types/index';

test('http/visit ships no code', async () => {
  expect(Object.keys(await import('../../../src/http/visit'))).toEqual([]);
});

test('an adapter brings the context, what the runtime is asked with, and the facts; a receipt if there is one', () => {
  type Visit = words.Visit<string>;
  expectTypeOf<Omit<Visit, 'receipt'>>().toExtend<Visit>();
  expectTypeOf<Visit['context']>().toEqualTypeOf<string>();
  expectTypeOf<Omit<Visit, 'facts'>>().not.toExtend<Visit>();
  expectTypeOf<Omit<Visit, 'platform'>>().not.toExtend<Visit>();
  expectTypeOf<Omit<Visit, 'request'>>().not.toExtend<Visit>();
  expectTypeOf<Visit['receipt']>().toEqualTypeOf<RateLimitResult | undefined>();
});

test('an outcome may be without an answer, never without the fields of the one that passes', () => {
  expectTypeOf<{ fields: [] }>().toExtend<words.Outcome>();
  expectTypeOf<{ response: Response }>().not.toExtend<words.Outcome>();
  expectTypeOf<Response | undefined>().toEqualTypeOf<words.Outcome['response']>();
  expectTypeOf<words.Guard<string>>().toEqualTypeOf<(visit: words.Visit<string>) => Promise<words.Outcome>>();
});
