/**
 * Guards `src/types/index.ts`: words without logic. Nothing of it exists at run time, and what must be expressible compiles.
 */
import { expect, expectTypeOf, test } from 'vitest';
import type * as words from '../../../src/types/index';

test('types/index ships no code', async () => {
  expect(Object.keys(await import('../../../src/types/index'))).toEqual([]);
});

test('an instance is one that adapters take, and a handler gets the event of its name', () => {
  expectTypeOf<words.Tracehound>().toExtend<words.GuardedTracehound>();
  const listen = (th: words.Tracehound): (() => void) =>
    th.on('trouble', (trouble) => expectTypeOf(trouble).toEqualTypeOf<words.Trouble>());
  expect(listen).toBeTypeOf('function');
  expectTypeOf<ReturnType<words.Watcher['snapshot']>>().toEqualTypeOf<Readonly<words.Readings>>();
});
