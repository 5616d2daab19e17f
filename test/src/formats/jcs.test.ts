/**
 * Guards `src/formats/jcs.ts`: the text of RFC 8785 for every value that has one, a cheap refusal for every value that has none,
 * and no way for a hostile value to throw, to be read twice, or to cost more than the bound.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalise } from '../../../src/formats/jcs';

const seed = 20_261_124;
const MAX = 65_536;

const text = (value: unknown, bytesMax = MAX): string => {
  const result = canonicalise(value, bytesMax);
  return result.ok ? new TextDecoder().decode(result.bytes) : result.reason;
};

/** RFC 8785 by the book, for values known to be sound: ECMAScript's own serialiser over sorted keys. */
function model(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(model).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object).sort((a, b) => (a < b ? -1 : 1)); // `<` compares UTF-16 code units
  return `{${keys.map((key) => `${JSON.stringify(key)}:${model(object[key])}`).join(',')}}`;
}

const nest = (levels: number, wrap: (inner: unknown) => unknown = (inner) => [inner]): unknown => {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
};

describe('the text of RFC 8785', () => {
  it('is the one of §3.2.2, byte for byte', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(text(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, as in §3.2.3', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(Object.values(JSON.parse(text(value)))).toEqual([
      ...['One', 'Carriage Return', 'Control', 'Latin Small Letter O With Diaeresis', 'Euro Sign'],
      ...['Emoji: Grinning Face', 'Hebrew Letter Dalet With Dagesh'],
    ]);
    expect(text({ 10: 0, 9: 0, a: 0, A: 0, '': 0 })).toBe('{"":0,"10":0,"9":0,"A":0,"a":0}');
  });

  it('writes the numbers of Appendix B', () => {
    const samples: [string, string][] = [
      ['0000000000000000', '0'],
      ['8000000000000000', '0'],
      ['0000000000000001', '5e-324'],
      ['8000000000000001', '-5e-324'],
      ['7fefffffffffffff', '1.7976931348623157e+308'],
      ['ffefffffffffffff', '-1.7976931348623157e+308'],
      ['4340000000000000', '9007199254740992'],
      ['c340000000000000', '-9007199254740992'],
      ['4430000000000000', '295147905179352830000'],
      ['44b52d02c7e14af5', '9.999999999999997e+22'],
      ['44b52d02c7e14af6', '1e+23'],
      ['44b52d02c7e14af7', '1.0000000000000001e+23'],
      ['444b1ae4d6e2ef4e', '999999999999999700000'],
      ['444b1ae4d6e2ef4f', '999999999999999900000'],
      ['444b1ae4d6e2ef50', '1e+21'],
      ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
      ['3eb0c6f7a0b5ed8d', '0.000001'],
      ['41b3de4355555553', '333333333.3333332'],
      ['41b3de4355555554', '333333333.33333325'],
      ['41b3de4355555555', '333333333.3333333'],
      ['41b3de4355555556', '333333333.3333334'],
      ['41b3de4355555557', '333333333.33333343'],
      ['becbf647612f3696', '-0.0000033333333333333333'],
      ['43143ff3c1cb0959', '1424953923781206.2'],
    ];
    for (const [bits, expected] of samples) {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigUint64(0, BigInt(`0x${bits}`));
      expect(text(view.getFloat64(0)), bits).toBe(expected);
    }
  });

  it('escapes every control character, quote and backslash, and nothing else', () => {
    for (let code = 0; code < 0x3000; code++) {
      const value = `a${String.fromCharCode(code)}b`;
      expect(text(value), `U+${code.toString(16)}`).toBe(JSON.stringify(value));
    }
  });

  it('agrees with the model for every sound value', () => {
    const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('__proto__', 'toJSON', 'length'));
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<unknown>(null, true, false, -0),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.array(tie('any'), { maxLength: 6 }),
        fc.array(fc.tuple(key, tie('any')), { maxLength: 6 }).map((entries) => {
          const object: object = Object.create(null);
          for (const [name, inner] of entries)
            Object.defineProperty(object, name, { value: inner, enumerable: true, configurable: true });
          return object;
        }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (sound) => {
        const expected = model(sound);
        const bytes = Buffer.byteLength(expected);
        expect(text(sound)).toBe(expected);
        // The bound is exact: at the length it fits, one byte less it does not.
        expect(text(sound, bytes)).toBe(expected);
        const refused = canonicalise(sound, bytes - 1);
        expect(refused).toMatchObject({ ok: false, reason: 'too_large' });
        if (!refused.ok && refused.reason === 'too_large') {
          expect(refused.size).toBeGreaterThan(bytes - 1);
          expect(refused.size).toBeLessThanOrEqual(bytes);
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  it('grows its buffer across every boundary without losing a byte', () => {
    for (const unit of ['x', '\n', '\u0001', 'é', '€', '😀']) {
      for (const count of [100, 511, 512, 1_021, 1_022, 1_023, 1_024, 1_025, 2_047, 5_000]) {
        const value = ['y', unit.repeat(count), 12.5, null];
        expect(text(value)).toBe(JSON.stringify(value));
      }
    }
  });

  it('keeps an own `__proto__` as the key that it is', () => {
    expect(text(JSON.parse('{"__proto__":{"admin":true},"constructor":1}'))).toBe(
      '{"__proto__":{"admin":true},"constructor":1}',
    );
  });

  it('takes own enumerable string keys and nothing else', () => {
    const value = Object.create(null, {
      shown: { value: 1, enumerable: true },
      hidden: { value: 2, enumerable: false },
      [Symbol('mark')]: { value: 3, enumerable: true },
    });
    expect(text(value)).toBe('{"shown":1}');
    expect(
      text(Object.assign(Object.create(Object.create(null, { up: { value: 1, enumerable: true } })), { own: 2 })),
    ).toBe('{"own":2}');
    expect(text(Object.assign([1], { extra: 2 }))).toBe('[1]');
  });

  it('is in memory of its own, one per call, also when a getter calls back', () => {
    let inner = '';
    const outer = {
      a: 'before',
      get b() {
        inner = text({ z: 'inside' });
        return 1;
      },
      c: 'after',
    };
    expect(text(outer)).toBe('{"a":"before","b":1,"c":"after"}');
    expect(inner).toBe('{"z":"inside"}');
  });
});

describe('what is no JSON is invalid', () => {
  class Point {
    x = 1;
  }
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const values: [string, unknown][] = [
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a bigint', 1n],
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['a date, whose toJSON is not called', new Date(0)],
    ['a map', new Map()],
    ['a set', new Set()],
    ['an instance of a class', new Point()],
    ['a boxed string', Object('x')],
    ['an error', new Error('x')],
    ['a regular expression', /x/],
    ['a typed array', new Uint8Array(1)],
    ['an array buffer', new ArrayBuffer(1)],
    ['a promise', Promise.resolve()],
    ['a cycle', cycle],
    ['a string with a high surrogate alone', 'a\ud800'],
    ['a string with a low surrogate alone', '\udc00b'],
    ['surrogates the wrong way round', '\udc00\ud800'],
  ];
  for (const [name, value] of values) {
    it(`${name}, alone or inside`, () => {
      expect(text(value)).toBe('invalid');
      expect(text([1, value])).toBe('invalid');
      expect(text({ a: { b: value } })).toBe('invalid');
    });
  }

  it('a key with a surrogate alone', () => {
    expect(text({ '\ud800': 1 })).toBe('invalid');
    expect(text({ 'ok\udc00': 1 })).toBe('invalid');
  });

  it('a hole in an array', () => {
    expect(text(new Array(3))).toBe('invalid');
    const holed = [1, 2, 3];
    delete holed[1];
    expect(text(holed)).toBe('invalid');
  });

  it('more than 32 levels, and not one less', () => {
    const wraps = [(inner: unknown) => [inner], (inner: unknown) => ({ a: inner })];
    for (const wrap of wraps) {
      expect(text(nest(32, wrap))).toBe(JSON.stringify(nest(32, wrap)));
      expect(text(nest(33, wrap))).toBe('invalid');
    }
  });

  it('twenty thousand levels, without descending them', () => {
    let reads = 0;
    const deep = nest(20_000, (inner) => ({
      get a() {
        reads++;
        return inner;
      },
    }));
    expect(text(deep)).toBe('invalid');
    expect(reads).toBe(32);
    expect(text(nest(20_000))).toBe('invalid');
  });

  it('more than 1,000 keys, and not one less', () => {
    const keys = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, key) => [key, 0]));
    expect(text(keys(1_000))).toBe(model(keys(1_000)));
    expect(text(keys(1_001))).toBe('invalid');
  });

  it('a getter that throws, a proxy that throws or was revoked, a stack that is used up', () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const boom = () => {
      throw new Error('boom');
    };
    for (const value of [
      Object.defineProperty({}, 'a', { get: boom, enumerable: true }),
      new Proxy({}, { ownKeys: boom }),
      new Proxy({}, { getPrototypeOf: boom }),
      new Proxy([1], { get: boom }),
      revoked.proxy,
    ]) {
      expect(text(value)).toBe('invalid');
      expect(text([value])).toBe('invalid');
    }
    const exhaust = (): number => 1 + exhaust();
    const overflow = Object.defineProperty({}, 'a', { get: exhaust, enumerable: true });
    expect(text(overflow)).toBe('invalid');
  });

  it('an array whose length is no count', () => {
    for (const length of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', undefined, {}]) {
      const value = new Proxy([], { get: (array, key) => (key === 'length' ? length : Reflect.get(array, key)) });
      expect(text(value), String(length)).toBe('invalid');
    }
  });
});

describe('a hostile value costs no more than the bound', () => {
  it('a text of 60 MB against 64 KiB is refused by its length alone', () => {
    const refused = canonicalise('x'.repeat(60_000_000), MAX);
    expect(refused).toEqual({ ok: false, reason: 'too_large', size: 60_000_002 });
    // Were the content read, the lone surrogate at its head would be found first.
    expect(text('\ud800'.padEnd(60_000_000, 'x'))).toBe('too_large');
    expect(text({ ['\ud800'.padEnd(100_000, 'x')]: 0 })).toBe('too_large');
  });

  it('an array that cannot fit is refused by its length alone', () => {
    let reads = 0;
    const counted = (length: number): unknown =>
      new Proxy([], {
        get: (_, key) => {
          if (key === 'length') return length;
          reads++;
          return 0;
        },
      });
    expect(canonicalise(counted(2 ** 40), MAX)).toEqual({ ok: false, reason: 'too_large', size: 1 + 2 ** 41 });
    expect(canonicalise(counted(MAX / 2), MAX)).toMatchObject({ reason: 'too_large' });
    expect(reads).toBe(0);
    expect(canonicalise(counted(MAX / 2 - 1), MAX)).toMatchObject({ ok: true });
    expect(reads).toBe(MAX / 2 - 1);
  });

  it('a wide tree is left as soon as the bound is passed', () => {
    let reads = 0;
    const branch = (depth: number): unknown =>
      new Proxy([], {
        get: (_, key) => {
          if (key === 'length') return 100;
          reads++;
          return depth === 0 ? 0 : branch(depth - 1);
        },
      });
    // A hundred million leaves, each of which takes two bytes: the walk reads a few hundred.
    expect(text(branch(3), 1_000)).toBe('too_large');
    expect(reads).toBeLessThan(510);
  });

  it('long keys are measured before they are compared', () => {
    const stem = 'k'.repeat(10_000);
    const value = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [stem + index, 0]));
    const refused = canonicalise(value, MAX);
    // Had it begun to write, the bound would have been passed at the seventh key.
    expect(refused).toEqual({ ok: false, reason: 'too_large', size: 1 + 1_000 * 10_005 + 10 + 180 + 2_700 });
  });

  it('each property is read once, so what was checked is what is written', () => {
    const reads = new Map<PropertyKey, number>();
    const changing = new Proxy(
      { a: 1, b: [1, 2], c: 'x' },
      {
        get: (object, key) => {
          const count = (reads.get(key) ?? 0) + 1;
          reads.set(key, count);
          return count > 1 ? Number.NaN : Reflect.get(object, key);
        },
      },
    );
    expect(text(changing)).toBe('{"a":1,"b":[1,2],"c":"x"}');
    expect([...reads]).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    const lengths: number[] = [];
    const shrinking = new Proxy([1, 2, 3], {
      get: (array, key) => {
        if (key === 'length') lengths.push(array.length);
        if (key === '0') array.length = 1;
        return Reflect.get(array, key);
      },
    });
    expect(text(shrinking)).toBe('invalid');
    expect(lengths).toEqual([3]);
  });

  it('nothing of the value is called: toJSON and toString stay data', () => {
    const called = () => expect.unreachable('called');
    expect(text({ toJSON: 1, toString: 2, valueOf: 3 })).toBe('{"toJSON":1,"toString":2,"valueOf":3}');
    expect(text({ toJSON: called })).toBe('invalid');
    expect(text({ [Symbol.toPrimitive]: called, a: 1 })).toBe('{"a":1}');
  });

  it('values of another realm are judged alike', async () => {
    const { runInNewContext } = await import('node:vm');
    expect(text(runInNewContext('({ b: [1, { a: null }], "é": "x" })'))).toBe('{"b":[1,{"a":null}],"é":"x"}');
    expect(text(runInNewContext('new Date(0)'))).toBe('invalid');
  });

  it('is refused at every bound below its length, with a size between the two', () => {
    const list = ['xxxx', 'é€😀', 1.5, [], {}];
    const edges = ['\u001f', '\u0020', '\u007f', '\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}', '\u{10ffff}'];
    for (const value of [list, { list, more: { '\n': '"\u0001"', z: [true, null] } }, ...edges, edges, {}, []]) {
      const bytes = Buffer.byteLength(model(value));
      for (let bound = 0; bound < bytes; bound++) {
        const refused = canonicalise(value, bound);
        expect(refused).toMatchObject({ ok: false, reason: 'too_large' });
        const size = !refused.ok && refused.reason === 'too_large' ? refused.size : Number.NaN;
        expect(size > bound && size <= bytes, `bound ${bound}, size ${size}`).toBe(true);
      }
      expect(text(value, bytes)).toBe(model(value));
    }
  });

  it('a bound of zero refuses everything', () => {
    for (const value of [0, '', [], {}, null]) expect(text(value, 0)).toBe('too_large');
  });
});
