/** Guards src/http/passage.ts where it reads nothing twice: one object per visit, and none of it outlives the answer. */
import { expect, test } from 'vitest';
import { planOf } from '../../../src/http/options';
import { Passage } from '../../../src/http/passage';
import { Post } from '../../../src/http/post';
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
