/** Guards that waiting ends (src/time/deadline.ts), and leaves neither a timer nor a rejection behind. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LATE, WAIT_MS_MAX, within } from '../../../src/time/deadline';

afterEach(() => {
  vi.useRealTimers();
});

describe('within', () => {
  test('never hands a timer more than it can count', async () => {
    const work = (): Promise<string> => new Promise((resolve) => setTimeout(resolve, 10, 'done'));
    for (const ms of [WAIT_MS_MAX, WAIT_MS_MAX + 1, 2 ** 32, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      expect(await within(work(), ms), String(ms)).toBe('done');
    }
  });

  test('gives the value, the failure, or LATE, and never leaves a timer', async () => {
    vi.useFakeTimers();
    expect(await within(Promise.resolve(1), 10)).toBe(1);
    await expect(within(Promise.reject(new Error('no')), 10)).rejects.toThrow('no');
    expect(vi.getTimerCount()).toBe(0);
    let fail: (error: Error) => void = () => {};
    const waiting = within(
      new Promise((_, reject) => {
        fail = reject;
      }),
      10,
    );
    await vi.advanceTimersByTimeAsync(10);
    expect(await waiting).toBe(LATE);
    fail(new Error('too late, and nobody’s'));
    await vi.advanceTimersByTimeAsync(0);
  });
});
