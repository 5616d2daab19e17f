/** Guards src/http/asking.ts: a bounded number of questions for each sender, each with a deadline; only a clear yes counts. */
import { afterEach, expect, test, vi } from 'vitest';
import { QUESTIONS_PER_SENDER, Questions } from '../../../src/http/asking';
import type { Source } from '../../../src/types/index';

afterEach(() => {
  vi.useRealTimers();
});

test('only true, in time, is a yes', async () => {
  vi.useFakeTimers();
  const questions = new Questions(56);
  for (const answer of [true, false, 1, 'yes', undefined, {}]) {
    expect(await questions.isYes('192.0.2.1', Promise.resolve(answer), 10)).toBe(answer === true);
  }
  const late = questions.isYes('192.0.2.1', new Promise(() => {}), 10);
  await vi.advanceTimersByTimeAsync(10);
  expect(await late).toBe(false);
  await expect(questions.isYes('192.0.2.1', Promise.reject(new Error('boom')), 10)).rejects.toThrow('boom');
  expect([questions.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('one sender has so many questions in flight, with all of its spellings and addresses; others have their own', async () => {
  vi.useFakeTimers();
  const senders: [string, Source[]][] = [
    ['IPv4', ['192.0.2.1', '192.0.2.1:99', '::ffff:192.0.2.1', { address: '192.0.2.1' }]],
    ['IPv6', ['2001:db8::1', '[2001:db8::2]:5', '2001:db8:0:ff::1', { address: '2001:DB8::3' }]],
    ['a key', [{ key: 'a' }, { key: 'a', address: '192.0.2.1' }, { key: 'a', address: '192.0.2.9' }]],
    ['a text', ['somebody']],
    ['nobody', ['', { address: '' }, { address: 'somebody' }]],
  ];
  const questions = new Questions(56);
  const asked: Promise<boolean>[] = [];
  for (const [name, spellings] of senders) {
    for (let i = 0; i < QUESTIONS_PER_SENDER; i++) {
      const source = spellings[i % spellings.length] as Source;
      expect(questions.has(source), name).toBe(true);
      asked.push(questions.isYes(source, new Promise(() => {}), 10));
    }
    for (const source of spellings) expect(questions.has(source), name).toBe(false);
  }
  expect(questions.size).toBe(senders.length);
  expect(questions.has('192.0.2.2')).toBe(true);
  expect(questions.has('2001:db8:0:100::1')).toBe(true);
  await vi.advanceTimersByTimeAsync(10);
  await Promise.all(asked);
  expect(questions.size).toBe(0);
});
