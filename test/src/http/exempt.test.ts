/**
 * Guards src/http/exempt.ts: a request is exempt when a rule says a clear yes, at once or in time, `skip` before `allow`; a rule
 * that fails or says anything else exempts nobody.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exemption } from '../../../src/http/exempt';
import { type GuardOptions, planOf } from '../../../src/http/options';
import { Post } from '../../../src/http/post';
import type { Visit } from '../../../src/http/visit';
import { type Fake, fakeTracehound } from '../../lab/fake-tracehound';

type Rules = Pick<GuardOptions<string>, 'skip' | 'allow'>;
const visit: Visit<string> = {
  context: 'c',
  request: 'r',
  platform: 'p',
  facts: () => expect.unreachable('nobody asked'),
};

function asking(rules: Rules): { fake: Fake; ask: (source?: string) => ReturnType<typeof exemption> } {
  const fake = fakeTracehound();
  const post = new Post<string>(fake.th, planOf({ detect: () => undefined, detectTimeoutMs: 50, ...rules }, 'open'));
  return { fake, ask: (source = 'a') => exemption(post, visit, source) };
}
const boom = (): never => {
  throw new Error('boom');
};

afterEach(() => {
  vi.useRealTimers();
});

describe('a rule', () => {
  it.each([
    [true, true, 'skipped'],
    [true, false, 'skipped'],
    [false, true, 'allowed'],
    [false, false, undefined],
  ])('skip %j and allow %j, at once or later, make a request %s', async (skip, allow, expected) => {
    expect(asking({ skip: () => skip, allow: () => allow }).ask(), 'nobody waits for an answer at once').toBe(expected);
    expect(await asking({ skip: async () => skip, allow: () => allow }).ask()).toBe(expected);
    expect(await asking({ skip: () => skip, allow: async () => allow }).ask()).toBe(expected);
    expect(await asking({ skip: async () => skip, allow: async () => allow }).ask()).toBe(expected);
  });

  it('gets the context, and allow is asked only when skip said no', () => {
    const [skip, allow] = [vi.fn(() => true), vi.fn(() => true)];
    asking({ skip, allow }).ask();
    expect(skip.mock.calls).toEqual([['c']]);
    expect(allow).not.toHaveBeenCalled();
    expect(asking({}).ask()).toBeUndefined();
  });

  it.each([1, 'true', {}, [], null, undefined, 'yes'])('that says %j, at once or later, said no', async (said) => {
    for (const name of ['skip', 'allow'] as const) {
      expect(await asking({ [name]: () => said }).ask()).toBeUndefined();
      expect(await asking({ [name]: async () => said }).ask()).toBeUndefined();
    }
  });

  it('that throws or rejects exempts nobody, is reported, and keeps the other from nothing', async () => {
    for (const skip of [boom, async () => boom()]) {
      const { fake, ask } = asking({ skip, allow: () => true });
      expect(await ask()).toBe('allowed');
      await Promise.resolve();
      expect(fake.reported).toHaveLength(1);
    }
  });

  it('that takes longer than a detector may exempts nobody', async () => {
    vi.useFakeTimers();
    const { ask } = asking({ skip: () => new Promise<boolean>((resolve) => setTimeout(resolve, 51, true)) });
    const answer = Promise.resolve(ask());
    await vi.advanceTimersByTimeAsync(60);
    expect(await answer).toBeUndefined();
    const inTime = asking({ skip: () => new Promise<boolean>((resolve) => setTimeout(resolve, 49, true)) }).ask();
    await vi.advanceTimersByTimeAsync(60);
    expect(await inTime).toBe('skipped');
  });
});
