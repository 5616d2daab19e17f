/** Guards `src/validate/kind.ts`: a message says what kind of thing came, whatever it is, and never what it holds. */
import { expect, it } from 'vitest';
import { isArray, kindOf } from '../../../src/validate/kind';

const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

const KINDS: readonly [unknown, string][] = [
  ['hunter2', 'a string'],
  ['', 'a string'],
  [5, '5'],
  [Number.NaN, 'NaN'],
  [true, 'true'],
  [undefined, 'undefined'],
  [null, 'null'],
  [[], 'an array'],
  [{ secret: 'hunter2' }, 'an object'],
  [Object.create(null), 'an object'],
  [new (class Hunter2 {})(), 'an object'],
  [() => 'hunter2', 'a function'],
  [Symbol('hunter2'), 'a symbol'],
  [5n, 'a bigint'],
  [revoked({}), 'an object'],
  [revoked([]), 'an object'],
  [revoked(() => {}), 'a function'],
];

it('is said for everything, by a reader that nothing stops', () => {
  for (const [value, kind] of KINDS) {
    expect(kindOf(value)).toBe(kind);
    expect(isArray(value)).toBe(kind === 'an array');
  }
});
