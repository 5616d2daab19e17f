/**
 * Guards src/coordination/asking.ts: a question has one answer in one time, and an error that says what failed: the other,
 * or the question.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { askOther } from '../../../src/coordination/asking';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const asking = {
  name: 'object.charge',
  timeoutMs: 1_000,
  isRetryable: (error: unknown) => String(error).includes('moved'),
};
const after = <T>(ms: number, work: () => T): Promise<T> =>
  new Promise((resolve, reject) =>
    setTimeout(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    }, ms),
  );

it('asks a second time where that may help, and once more only', async () => {
  let asked = 0;
  const answer = askOther(async () => {
    if (++asked === 1) throw new Error('moved');
    return 5;
  }, asking);
  expect(await answer).toBe(5);
  asked = 0;
  const fail = async (): Promise<never> => {
    asked++;
    throw new Error('moved');
  };
  await expect(askOther(fail, asking)).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE', recoverable: true });
  expect(asked).toBe(2);
  asked = 0;
  const gone = async (): Promise<never> => {
    asked++;
    throw new Error('gone');
  };
  await expect(askOther(gone, asking)).rejects.toThrow(
    'object.charge: failed, expected an answer in time, got an error',
  );
  expect(asked).toBe(1);
});

it('waits for both tries together as long as for one', async () => {
  let asked = 0;
  const slow = askOther(() => {
    asked++;
    return after(900, () => {
      throw new Error('moved');
    });
  }, asking);
  const refused = expect(slow).rejects.toThrow('object.charge: late, expected an answer in time, got none');
  await vi.advanceTimersByTimeAsync(999);
  expect(asked).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  await refused;
  await vi.advanceTimersByTimeAsync(2_000);
});

it.each([
  ['a function', () => {}],
  ['a symbol', Symbol('x')],
  ['a promise', Promise.resolve()],
  ['a weak map', new WeakMap()],
  ['a proxy of a function', new Proxy(() => {}, {})],
])('names a question that cannot be sent as what it is: %s', async (_, value) => {
  // The platform's own error.
  await expect(askOther(async () => structuredClone(value), asking)).rejects.toMatchObject({
    code: 'NOT_SENDABLE',
    recoverable: false,
    message: 'object.charge: cannot be sent, expected values that can be copied, got one that cannot',
  });
});

it.each([[null], [undefined], ['text'], [5], [{}]])('takes whatever is thrown: %j', async (thrown) => {
  const strange = askOther(() => Promise.reject(thrown), { ...asking, isRetryable: () => false });
  await expect(strange).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE' });
});
