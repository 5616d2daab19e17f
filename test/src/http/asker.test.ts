/** Guards src/http/asker.ts and src/http/exempt.ts where they answer alone: who is asking, and whether a rule says yes. */
import { expect, test } from 'vitest';
import { askerOf } from '../../../src/http/asker';
import { exemption } from '../../../src/http/exempt';
import { type GuardOptions, planOf } from '../../../src/http/options';
import { Post } from '../../../src/http/post';
import { fakeTracehound } from '../../lab/fake-tracehound';

const visit = { context: 'c', request: 'request', platform: 'platform', facts: () => ({}) as never };
const post = (options: Partial<GuardOptions<string>>, source: unknown = '192.0.2.1') =>
  new Post(fakeTracehound({ source: source as never }).th, planOf({ detect: () => undefined, ...options }, 'open'));

test('the option says who is asking, else the runtime, else nobody; a promise is late', () => {
  const own = { key: 'a' };
  expect(askerOf(post({ source: () => own }), visit)).toEqual({ source: own, derivation: 'option', late: false });
  expect(askerOf(post({}), visit)).toEqual({ source: '192.0.2.1', derivation: 'runtime', late: false });
  expect(askerOf(post({}, null), visit)).toEqual({ source: '', derivation: 'none', late: false });
  const late = askerOf(post({ source: (async () => own) as never }), visit);
  expect(late).toEqual({ source: '192.0.2.1', derivation: 'runtime', late: true });
  expect(askerOf(post({}, Promise.resolve('x')), visit)).toEqual({ source: '', derivation: 'none', late: false });
});

test('skip comes before allow, and nothing is awaited where nothing was promised', async () => {
  const asked: string[] = [];
  const rule = (name: string, answer: unknown) => () => {
    asked.push(name);
    return answer as never;
  };
  const of = (skip: unknown, allow: unknown) =>
    exemption(post({ skip: rule('skip', skip), allow: rule('allow', allow) }), visit, '192.0.2.1');
  expect(of(true, true)).toBe('skipped');
  expect(of(false, true)).toBe('allowed');
  expect(of(1, 'yes')).toBeUndefined();
  expect(asked).toEqual(['skip', 'skip', 'allow', 'skip', 'allow']);
  expect(await of(Promise.resolve(true), true)).toBe('skipped');
  expect(await of(Promise.resolve(false), true)).toBe('allowed');
  expect(await of(false, Promise.resolve(true))).toBe('allowed');
  expect(await of(Promise.reject(new Error('x')), Promise.resolve(false))).toBeUndefined();
  expect(exemption(post({}), visit, '192.0.2.1')).toBeUndefined();
});
