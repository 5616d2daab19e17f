/**
 * Guards `src/types/signals.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/signals';

test('types/signals ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/signals'))).toEqual([]);
});

test('headers are believed by platform, by peers, by a secret or by a function, and by nothing else', () => {
  expectTypeOf<'platform'>().toExtend<words.HopTrust>();
  expectTypeOf<{ peers: string[] }>().toExtend<words.HopTrust>();
  expectTypeOf<(view: words.SignalView) => boolean>().toExtend<words.HopTrust>();
  expectTypeOf<true>().not.toExtend<words.HopTrust>();
});
