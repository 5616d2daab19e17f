/** Guards src/time/retry.ts: what repeats is said at 1, 2, 4, 8 …, and pauses double up to their bound. */
import { describe, expect, test } from 'vitest';
import { Failures, pauseMs } from '../../../src/time/retry';

describe('failures in a row', () => {
  test('are said at the powers of two, and at no other', () => {
    const failures = new Failures();
    const said: number[] = [];
    for (let n = 1; n <= 5_000; n++) if (failures.add()) said.push(n);
    expect(said).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096]);
    expect(failures.count).toBe(5_000);
  });

  test('begin again after a success', () => {
    const failures = new Failures();
    for (let n = 0; n < 3; n++) failures.add();
    failures.end();
    expect([failures.count, failures.add(), failures.add(), failures.add()]).toEqual([0, true, true, false]);
  });
});

describe('pauses', () => {
  test('double from the first to the bound, however many failures there are', () => {
    expect([0, 1, 2, 3, 4, 5, 2_000].map((n) => pauseMs(n, 250, 3_000))).toEqual([
      250, 250, 500, 1_000, 2_000, 3_000, 3_000,
    ]);
  });
});
