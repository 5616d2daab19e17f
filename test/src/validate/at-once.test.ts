/** Guards src/validate/at-once.ts: a promise is never an answer, and its rejection never ends the process. */
import { expect, test, vi } from 'vitest';
import { atOnce, isThenable } from '../../../src/validate/at-once';

test('an answer passes as it is', () => {
  for (const answer of [undefined, null, false, true, 0, '', 'x', {}, [], () => {}]) {
    expect(atOnce('source', answer)).toBe(answer);
    expect(isThenable(answer)).toBe(false);
  }
});

test('a promise of any kind is refused with a sentence, and a rejection is handled', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const boom = (): Promise<never> => Promise.reject(new Error('boom'));
  const reject = (_: unknown, no: (error: Error) => void): void => no(new Error('boom'));
  const foreign = Object.defineProperty({}, 'then', { value: reject });
  const callable = Object.defineProperty(() => {}, 'then', { value: reject });
  for (const promise of [boom(), Promise.resolve(true), new Promise(() => {}), foreign, callable]) {
    expect(() => atOnce('authorize', promise)).toThrow(
      new TypeError('authorize: answers later, expected an answer at once, got a promise'),
    );
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
