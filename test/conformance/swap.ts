/**
 * What a compare-and-swap promises, wherever it is: in a store that holds a log, in a ledger that several share.
 *
 * Relies on: nothing. Refuses: to know what is behind it.
 */
import { same, that, thrown } from './assert';
import type { Held } from './hold';

/** One object a key, read and replaced. */
export interface Swapped {
  read(key: string): Promise<Uint8Array | undefined>;
  swap(key: string, next: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'>;
}

const A = Uint8Array.of(97);
const B = Uint8Array.of(98);
const C = Uint8Array.of(99);
const NONE = new Uint8Array(0);
/** What some languages take for bytes; a value of each is passed where bytes are expected. */
export const NO_BYTES: readonly Uint8Array[] = [
  'a',
  [1],
  null,
  undefined,
  new ArrayBuffer(1),
] as unknown as Uint8Array[];
/** Callers at once: enough that a read and a write which are not one step are seen to be two. */
const MANY = 16;

/** The promises, for whatever shows itself as such a thing. */
export function swapCases<Stage>(of: (stage: Stage) => Swapped): Held<Stage, 'swap'>[] {
  const promises: Record<string, (it: Swapped) => Promise<void>> = {
    'swaps what is there for what is expected to be there': async (it) => {
      same(await it.swap('k', A, undefined), 'swapped', 'a first swap');
      same(await it.read('k'), A, 'what was swapped first');
      same(await it.swap('k', B, A), 'swapped', 'a swap of what is there');
      same(await it.read('k'), B, 'what was swapped next');
      same(await it.swap('k', B, B), 'swapped', 'a swap for the same bytes');
      same(await it.swap('k', A, B), 'swapped', 'a swap back to what was there before');
      same(await it.read('k'), A, 'what was there before');
    },
    'swaps nothing that is not as expected': async (it) => {
      same(await it.swap('k', A, A), 'conflict', 'a swap of bytes where there are none');
      same(await it.read('k'), undefined, 'what a refused first swap left');
      await it.swap('k', A, undefined);
      same(await it.swap('k', B, undefined), 'conflict', 'a swap of nothing where there are bytes');
      same(await it.swap('k', C, B), 'conflict', 'a swap of other bytes');
      same(await it.swap('k', C, Uint8Array.of(97, 97)), 'conflict', 'a swap of bytes that only begin alike');
      same(await it.read('k'), A, 'what refused swaps left');
    },
    'tells empty from nothing': async (it) => {
      same(await it.swap('k', NONE, undefined), 'swapped', 'a swap for no bytes');
      same(await it.read('k'), NONE, 'an empty object');
      same(await it.swap('k', A, undefined), 'conflict', 'a swap of nothing where there is an empty object');
      same(await it.swap('k', A, NONE), 'swapped', 'a swap of an empty object');
    },
    'takes bytes as they were when it was called, and hands out copies': async (it) => {
      const first = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
      const swapping = it.swap('k', first, undefined);
      first.fill(9);
      await swapping;
      (await it.read('k'))?.fill(7);
      same(await it.read('k'), Uint8Array.of(2, 3), 'bytes that the caller changed afterwards');
      const expected = Uint8Array.of(2, 3);
      const again = it.swap('k', A, expected);
      expected.fill(9);
      same(await again, 'swapped', 'an expectation that the caller changed afterwards');
      const read = await it.read('k');
      that(Object.getPrototypeOf(read) === Uint8Array.prototype, 'what is read is a plain Uint8Array');
    },
    'refuses what is no bytes': async (it) => {
      for (const wrong of NO_BYTES) {
        const { name } = await thrown(() => it.swap('k', wrong, undefined), 'a swap for what is no bytes');
        same(name, 'TypeError', 'how a swap for what is no bytes is refused');
      }
      const { name } = await thrown(() => it.swap('k', A, 'a' as never), 'a swap of what is no bytes');
      same(name, 'TypeError', 'how a swap of what is no bytes is refused');
      same(await it.read('k'), undefined, 'what those swaps left');
    },
    'lets one of many who expect nothing swap': async (it) => {
      const told = await Promise.all(Array.from({ length: MANY }, (_, i) => it.swap('k', Uint8Array.of(i), undefined)));
      same(told.filter((answer) => answer === 'swapped').length, 1, 'how many of 16 swapped nothing');
      same(await it.read('k'), Uint8Array.of(told.indexOf('swapped')), 'whose first bytes are there');
    },
    'lets one of many who expect the same bytes swap': async (it) => {
      await it.swap('k', A, undefined);
      const told = await Promise.all(Array.from({ length: MANY }, (_, i) => it.swap('k', Uint8Array.of(i), A)));
      same(told.filter((answer) => answer === 'swapped').length, 1, 'how many of 16 swapped the same bytes');
      same(await it.read('k'), Uint8Array.of(told.indexOf('swapped')), 'whose next bytes are there');
    },
    'loses no update when many count together': async (it) => {
      const countUp = async (): Promise<void> => {
        // Each round one of eight gets through, so eight rounds are enough; a hundred end one that never lets anybody.
        for (let round = 0; round < 100; round++) {
          const before = await it.read('k');
          const next = Uint8Array.of((before?.[0] ?? 0) + 1);
          if ((await it.swap('k', next, before)) === 'swapped') return;
        }
        throw new Error('a count that comes to an end: expected a swap in 100 rounds, got none');
      };
      await Promise.all(Array.from({ length: 8 }, countUp));
      same(await it.read('k'), Uint8Array.of(8), 'what eight counted');
    },
    'keeps keys apart': async (it) => {
      await Promise.all([it.swap('a/b', A, undefined), it.swap('a/c', B, undefined), it.swap('b', C, undefined)]);
      await it.swap('a/c', C, B);
      same([await it.read('a/b'), await it.read('a/c'), await it.read('b')], [A, C, C], 'three keys');
      same(await it.read('a/d'), undefined, 'a fourth key');
    },
  };
  return Object.entries(promises).map(([promise, run]) => ({ part: 'swap', promise, run: (stage) => run(of(stage)) }));
}
