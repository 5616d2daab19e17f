/**
 * Guards `src/time/deadline.ts`: what comes in time is passed on, what does not is `LATE`; no timer stays behind, and no
 * rejection goes unhandled, however late it comes.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { inTime, LATE, lateStore, WAIT_MS_MAX, within } from '../../../src/time/deadline';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const delayed = <T>(ms: number, value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));

describe('within a time', () => {
  test('a value is passed on, and no timer stays behind', async () => {
    await expect(within(Promise.resolve('it'), 1_000)).resolves.toBe('it');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a rejection is passed on, and no timer stays behind', async () => {
    await expect(within(Promise.reject(new Error('mine')), 1_000)).rejects.toThrow('mine');
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([1, 2, 999, 1_000, WAIT_MS_MAX - 1])(
    'of %i ms a value one ms before the end is in time, one after it is late',
    async (ms) => {
      const early = within(delayed(ms - 1, 'it'), ms);
      const late = within(delayed(ms + 1, 'it'), ms);
      await vi.advanceTimersByTimeAsync(ms + 1);
      expect([await early, await late]).toEqual(['it', LATE]);
    },
  );

  test('what never comes is late', async () => {
    const never = within(new Promise(() => {}), 50);
    await vi.advanceTimersByTimeAsync(50);
    expect(await never).toBe(LATE);
  });

  test('a rejection that comes late ends nobody: it is handled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { promise, reject } = Promise.withResolvers();
    const answer = within(promise, 10);
    await vi.advanceTimersByTimeAsync(10);
    expect(await answer).toBe(LATE);
    reject(new Error('too late'));
    vi.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).not.toHaveBeenCalled();
    process.off('unhandledRejection', unhandled);
  });

  test('a longer time than timers can count is cut to what they can: it never fires at once', async () => {
    vi.useRealTimers(); // a real timer fires after 1 ms when it is told more
    for (const ms of [WAIT_MS_MAX, WAIT_MS_MAX + 1, 2 ** 32, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      expect(await within(delayed(10, 'it'), ms), String(ms)).toBe('it');
    }
  });

  test('the longest wait is what platforms count in 32 bits', () => {
    expect(WAIT_MS_MAX).toBe(2 ** 31 - 1);
  });
});

describe('in time', () => {
  test('a value and a rejection are passed on, and no timer stays behind', async () => {
    const late = (): Error => new Error('late');
    expect(await inTime(Promise.resolve('it'), 10, late)).toBe('it');
    await expect(inTime(Promise.reject(new Error('mine')), 10, late)).rejects.toThrow('mine');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what comes late rejects with what the caller makes of it', async () => {
    const late = expect(inTime(delayed(11, 'it'), 10, lateStore('evidence', 10))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      recoverable: true,
      message: 'evidence: late, expected an answer within 10 ms, got none',
    });
    await vi.advanceTimersByTimeAsync(20);
    await late;
  });
});
