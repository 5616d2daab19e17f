/** Guards `bench/compare.ts`: a ratio above 1 is always worse, its interval is Student's, and a row without a ratio is left out. */
import { describe, expect, test } from 'vitest';
import { compare } from '../../bench/compare';
import type { Figure } from '../../bench/measure';

const rowsOf = (figure: Partial<Figure>, base: number[], here: number[]) =>
  new Map([['x', { figure: { id: 'x', what: 'x', unit: 'µs CPU', value: 0, ...figure }, base, here }]]);
const only = (...row: Parameters<typeof rowsOf>) => compare(rowsOf(...row))[0];

describe('two builds in alternating rounds', () => {
  test('a cost that grew and a gain that fell are worse by the same ratio', () => {
    expect(only({}, [10, 20, 40], [11, 22, 44])?.ratio).toBeCloseTo(1.1);
    for (const unit of ['M decisions/CPU-s', 'records / CPU-s'])
      expect(only({ unit }, [11, 22, 44], [10, 20, 40])?.ratio, unit).toBeCloseTo(1.1);
    expect(only({ id: 'clean.1M.ratio.peer', unit: '×' }, [11, 22], [10, 20])?.ratio).toBeCloseTo(1.1);
  });

  test('the interval is that of Student: three rounds of 1, 1.1 and 1.21', () => {
    const row = only({}, [1, 1, 1], [1, 1.1, 1.21]);
    // mean ln 1.1, deviation ln 1.1, t(0.975, 2) = 4.303
    const reach = (4.303 * Math.log(1.1)) / Math.sqrt(3);
    expect(row?.ratio).toBeCloseTo(1.1);
    expect(row?.low).toBeCloseTo(1.1 * Math.exp(-reach));
    expect(row?.high).toBeCloseTo(1.1 * Math.exp(reach));
  });

  test('equal rounds leave no doubt, and rows of zeros have no ratio', () => {
    expect(only({}, [2, 2], [2, 2])).toMatchObject({ ratio: 1, low: 1, high: 1 });
    expect(only({}, [0, 0], [0, 0])).toBeUndefined();
    expect(only({}, [1, -1], [1, 1])).toBeUndefined();
    expect(only({}, [1], [1])).toBeUndefined();
  });
});
