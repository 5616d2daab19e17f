/**
 * Guards src/http/passage.ts: one object per visit reads nothing twice, none of it outlives the answer, and a body that did
 * not come is told from a detector that failed.
 */
import { expect, test, vi } from 'vitest';
import { planOf } from '../../../src/http/options';
import { Passage } from '../../../src/http/passage';
import { Post } from '../../../src/http/post';
import type { Inspection } from '../../../src/types/index';
import { fakeTracehound } from '../../lab/fake-tracehound';

test('the source is read when the passage is made, before anybody waits for its decision', async () => {
  const fake = fakeTracehound();
  const peer = { address: '198.51.100.1' };
  const post = new Post<string>(fake.th, planOf({ detect: () => undefined, source: () => ({ ...peer }) }, 'open'));
  const passage = new Passage(post, {
    context: 'c',
    request: 'request',
    platform: undefined,
    facts: () => ({ method: 'GET', url: 'http://a/', headers: new Headers(), body: () => null }),
  });
  peer.address = '198.51.100.2'; // another request on the same connection object, say
  await passage.decide();
  expect(fake.charges).toEqual([{ address: '198.51.100.1' }]);
});

const never = <T>(): Promise<T> => new Promise<T>(() => {});
/** A body of which a part came, and then nothing. */
const dribbled = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(1)) });

test.each([
  ['fails by itself', 'threw', () => Promise.reject(new Error('a model is not there'))],
  ['says nothing in time', 'unsent', () => never<undefined>()],
  [
    'fails while it waits for the body',
    'unsent',
    (_: string, { body }: Inspection) => {
      void body(100);
      return Promise.reject(new Error('impatient'));
    },
  ],
] as const)('a body that did not come whole is the reason when a detector %s: %s', async (_, reason, detect) => {
  vi.useFakeTimers();
  try {
    const fake = fakeTracehound();
    const post = new Post<string>(fake.th, planOf({ detect, detectTimeoutMs: 50 }, 'open'));
    const deciding = new Passage(post, {
      context: 'c',
      request: 'request',
      platform: undefined,
      facts: () => ({
        method: 'POST',
        url: 'http://a/',
        headers: new Headers({ 'content-length': '100' }),
        body: dribbled,
      }),
    }).decide();
    await vi.advanceTimersByTimeAsync(100);
    const { response } = await deciding;
    // Who makes the detector fail by not sending does not pass; a detector that fails by itself stops nobody.
    expect([response?.status, fake.uninspected.map(([, , how]) => how)]).toEqual([
      reason === 'unsent' ? 503 : undefined,
      [reason],
    ]);
  } finally {
    vi.useRealTimers();
  }
});
