/** Guards src/time/deadline.ts: what is waited for has an end, and what comes after it disturbs nobody. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inTime, LATE, lateStore, within } from '../../../src/time/deadline';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('an answer in time is the answer, a failure in time is the failure, and no timer is left behind', async () => {
  expect(await within(Promise.resolve(5), 10)).toBe(5);
  expect(await inTime(Promise.resolve(5), 10, () => new Error('late'))).toBe(5);
  await expect(within(Promise.reject(new Error('no')), 10)).rejects.toThrow('no');
  await expect(inTime(Promise.reject(new Error('no')), 10, () => new Error('late'))).rejects.toThrow('no');
  expect(vi.getTimerCount()).toBe(0);
});

it('what does not come is LATE, or what the caller makes of it, and a failure after that is nobody’s', async () => {
  const works = [1, 2].map(() => Promise.withResolvers<number>());
  const [late, store] = [within(works[0]!.promise, 10), inTime(works[1]!.promise, 10, lateStore('evidence', 10))];
  const refused = expect(store).rejects.toMatchObject({
    code: 'STORE_FAILED',
    recoverable: true,
    message: 'evidence: late, expected an answer within 10 ms, got none',
  });
  await vi.advanceTimersByTimeAsync(9);
  expect(vi.getTimerCount()).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(await late).toBe(LATE);
  await refused;
  for (const work of works) work.reject(new Error('too late to matter'));
  await vi.advanceTimersByTimeAsync(1);
});
