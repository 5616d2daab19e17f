/** Guards that waiting ends (src/time/deadline.ts), and leaves neither a timer nor a rejection behind. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LATE, within } from '../../../src/time/deadline';

afterEach(() => {
  vi.useRealTimers();
});

describe('within', () => {
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
