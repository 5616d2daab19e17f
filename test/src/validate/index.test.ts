/**
 * Guards `src/validate/index.ts`: options are read the same way everywhere. Only own properties count, each is read once,
 * nothing is taken in silence, and a message has one form and repeats no text, whatever is given.
 */
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callable,
  integer,
  object,
  ownProperties,
  plug,
  readFlag,
  readGroup,
  readHeaderName,
  readList,
  readMap,
  readText,
  readToken,
  share,
  word,
} from '../../../src/validate/index';

const FORM = /^[\w.?[\]]+: [^:]+, expected .+, got .+$/;
const CANARY = 'hunter2';

const failureOf = (work: () => unknown): Error => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable('was accepted');
};

/** One reader for each kind of value. What it takes is among `right`. */
const READERS: Record<string, { read: (value: unknown) => unknown; right: readonly unknown[] }> = {
  integer: { read: (value) => integer('p.q', value, null, 1, 100, 'ms'), right: [1, 7, 100] },
  share: { read: (value) => share('p.q', value, 0.5), right: [0.25, 1, undefined] },
  word: { read: (value) => word('p.q', value, ['low', 'high'], null), right: ['low', 'high'] },
  'word of numbers': { read: (value) => word('p.q', value, [1, 10, 60], null), right: [1, 10, 60] },
  flag: { read: (value) => readFlag('p.q', value, true), right: [true, false, undefined] },
  text: { read: (value) => readText('p.q', value, 3), right: ['abc', 'a long text'] },
  token: { read: (value) => readToken('p.q', value), right: ['x-own', 'x_own'] },
  header: { read: (value) => readHeaderName('p.q', value), right: ['x-own'] },
  function: { read: (value) => callable('p.q', value), right: [() => 0, undefined] },
  object: { read: (value) => object('p.q', value, 'an object'), right: [{}, Object.create(null), undefined] },
  plug: { read: (value) => plug('p.q', value, ['get' as never], 'a store'), right: [{ get: () => 0 }, new Map()] },
  group: { read: (value) => readGroup('p.q', 'p.q.', value, ['one']), right: [{}, { one: 1 }, undefined] },
  map: { read: (value) => readMap('p.q', value, (_, item) => item), right: [{}, { any: 1 }, undefined] },
  properties: { read: (value) => ownProperties('p.q', value), right: [{}, { any: 1 }] },
  list: { read: (value) => readList('p.q', value, 'an array', (_, item) => item), right: [[], [1, 2]] },
};

/** Values from everywhere: kinds, edges, proxies that throw, another realm, things that pretend. */
const boom = (): never => {
  throw new Error(CANARY);
};
const throwing = (target: object): object =>
  new Proxy(target, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom });
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const EXOTIC: readonly unknown[] = [
  ...[null, undefined, true, false, 0, -0, 1, 7, 100, 101, 0.5, 5e-324, -1, 2 ** 53, Number.NaN, Infinity, 5n],
  ...['', 'low', 'abc', `${CANARY} ${CANARY}`, 'x_own', 'x own', Symbol(CANARY), () => CANARY, class Hunter2 {}],
  ...[
    {},
    [],
    [1],
    new Array(2),
    { one: 1 },
    { [CANARY]: 1 },
    Object.create({ one: 1 }),
    Object.create(null),
    Object.freeze({}),
  ],
  ...[throwing({}), throwing([]), throwing(() => 0), revoked, new Proxy({}, {}), new Map(), new Date(0), /x/],
  ...['({})', '[]', '({ one: 1 })', '(() => 0)', 'new Map()', 'Object.create(null)'].map((code) =>
    runInNewContext(code),
  ),
  ...[{ valueOf: () => 7 }, { toString: boom }, new String('low'), new Number(7), new Boolean(true)],
  ...[
    {
      get one() {
        return boom();
      },
    },
    { get: 1 },
    {
      get get() {
        return boom();
      },
    },
    new Uint8Array(4),
  ],
  ...[new Proxy([], { get: (target, key) => (key === 'length' ? 2 ** 32 : Reflect.get(target, key)) })],
  ...[
    new Proxy(
      {},
      {
        ownKeys: () => Array.from({ length: 70_000 }, (_, i) => `a${i}`),
        getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 1 }),
      },
    ),
  ],
];

describe.each(Object.entries(READERS))('%s', (_, { read, right }) => {
  it('takes what it should', () => {
    for (const value of right) expect(() => read(value)).not.toThrow();
  });

  it('takes nothing exotic in silence: it is read, or refused in one form that repeats nothing', () => {
    let refused = 0;
    for (const value of EXOTIC) {
      let error: Error | undefined;
      try {
        read(value);
      } catch (caught) {
        error = caught as Error;
      }
      if (error === undefined) continue;
      refused++;
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
      expect(error.message).toMatch(FORM);
      expect(error.message).toMatch(/^p\.q/);
      expect(error.message).not.toMatch(/hunter2/i);
    }
    expect(refused).toBeGreaterThan(20);
  });
});

describe('a group', () => {
  it('believes its own properties only, whatever stands on its prototypes', () => {
    const leaf = fc.oneof(
      fc.boolean(),
      fc.integer(),
      fc.constant(() => true),
    );
    const names = ['skip', 'shadow', 'allow', 'limit', 'trust'];
    const some = fc.dictionary(fc.constantFrom(...names), leaf, { noNullPrototype: false });
    fc.assert(
      fc.property(some, some, (own, inherited) => {
        const given = Object.assign(Object.create(inherited), own);
        expect({ ...readGroup('p', 'p.', given, names) }).toEqual({ ...own });
        expect({ ...ownProperties('p', given) }).toEqual({ ...own });
        expect(Object.fromEntries(readMap('p', given, (_, item) => item))).toEqual({ ...own });
      }),
      { seed: 20_261_203, numRuns: 500 },
    );
  });

  it('reads each property once, so a getter cannot show two values', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }), (names) => {
        const reads: string[] = [];
        const given = {};
        for (const name of names) {
          Object.defineProperty(given, name, { enumerable: true, get: () => reads.push(name) });
        }
        const group = readGroup('p', 'p.', given, ['a', 'b', 'c', 'd']);
        expect(reads).toEqual(names);
        for (const [i, name] of names.entries()) expect(group[name as 'a']).toBe(i + 1);
        expect(reads).toEqual(names);
      }),
      { seed: 20_261_204, numRuns: 100 },
    );
  });

  it('sees properties that cannot be enumerated, and passes over symbols', () => {
    const hidden = Object.defineProperty({ [Symbol('mark')]: 1 }, 'limit', { value: 5 });
    expect(readGroup('p', 'p.', hidden, ['limit']).limit).toBe(5);
    expect(
      failureOf(() => readGroup('p', 'p.', Object.defineProperty({}, 'limt', { value: 5 }), ['limit'])).message,
    ).toMatch(/^p\.limt: no such option/);
  });

  it('does not read what it does not know', () => {
    expect(
      failureOf(() =>
        readGroup(
          'p',
          'p.',
          {
            get xyzzy() {
              return boom();
            },
          },
          ['limit'],
        ),
      ).message,
    ).toMatch(/^p\.\?: no such option, expected one of limit, got another name$/);
  });
});

describe('a map and a list', () => {
  it('say the place of what is wrong, never its name', () => {
    const read = (part: string, value: unknown): number => integer(part, value, null, 1, 9);
    expect(failureOf(() => readMap('p', { a: 1, [CANARY]: 'x' }, read)).message).toBe(
      'p[1]: wrong kind, expected an integer from 1 to 9, got a string',
    );
    expect(failureOf(() => readList('p', [1, 2, 10], 'numbers', read)).message).toBe(
      'p[2]: too large, expected an integer ≤ 9, got 10',
    );
    // biome-ignore lint/suspicious/noSparseArray: a hole is nothing, whatever stands on the prototype.
    expect(failureOf(() => readList('p', [1, , 3], 'numbers', read)).message).toMatch(/^p\[1\]: .*, got undefined$/);
  });

  it('are bounded', () => {
    expect(failureOf(() => readList('p', new Array(65_537), 'numbers', () => 0)).message).toBe(
      'p: too many, expected at most 65536 items, got 65537',
    );
    expect(readList('p', new Array(65_536).fill(1), 'numbers', () => 0)).toHaveLength(65_536);
  });
});

describe('a value', () => {
  it('that must be there has no fallback, and null is never one', () => {
    expect(integer('p', undefined, 5, 1, 9)).toBe(5);
    expect(failureOf(() => integer('p', undefined, null, 1, 9)).message).toMatch(/got undefined$/);
    expect(word('p', undefined, ['a', 'b'])).toBe('a');
    expect(word('p', undefined, ['a', 'b'], 'b')).toBe('b');
    expect(failureOf(() => word('p', undefined, ['a', 'b'], null)).message).toMatch(
      /expected 'a' or 'b', got undefined$/,
    );
    for (const read of Object.values(READERS)) expect(() => read.read(null)).toThrow(TypeError);
  });

  it('of a few words is said with all of them', () => {
    expect(failureOf(() => word('p', 'x', ['a', 'b', 'c'])).message).toBe(
      "p: unknown, expected 'a', 'b' or 'c', got another string",
    );
    expect(failureOf(() => word('p', 7, [1, 10, 60])).message).toBe('p: unknown, expected 1, 10 or 60, got 7');
    expect(failureOf(() => word('p', 'x', ['a'])).message).toBe("p: unknown, expected 'a', got another string");
  });

  it('in ms that is too small is asked whether it is seconds, where they would fit', () => {
    expect(failureOf(() => integer('p', 5, 0, 10, 60_000, 'ms')).message).toBe(
      'p: too small, expected an integer ≥ 10 (ms; 5 s are 5000), got 5',
    );
    for (const value of [0, -5]) {
      expect(failureOf(() => integer('p', value, 0, 10, 60_000, 'ms')).message).toMatch(/≥ 10 \(ms\), got/);
    }
    expect(failureOf(() => integer('p', 5, 0, 10, 60, 'ms')).message).toMatch(/≥ 10 \(ms\), got 5$/);
  });

  it('that is passed in may have its methods from its class', () => {
    class Store {
      get(): number {
        return 5;
      }
    }
    const store = new Store();
    expect(plug<Store>('p', store, ['get'], 'a store')).toBe(store);
    expect(failureOf(() => plug<Store>('p', {}, ['get'], 'a store')).message).toBe(
      'p.get: wrong kind, expected a function, got undefined',
    );
    expect(failureOf(() => plug<Store>('p', () => 0, ['get'], 'a store')).message).toBe(
      'p: wrong kind, expected a store, got a function',
    );
  });
});
