/**
 * Guards runtimes/cloudflare/rpc.ts: whatever a call is given, plain values of the right kinds go on, or an error that says
 * which argument is wrong; answers and errors travel as values, and take nothing along.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answered, CALL_NAMES, type CallName, readCall, unwrapped } from '../../../runtimes/cloudflare/rpc';
import { TracehoundError } from '../../../src/index';

const BYTES_MAX = 1_024;
const SECRET = 'do not echo me';

class Actor {
  readonly actor = 'kim';
  readonly purpose = 'look';
  readonly extra = SECRET;
  sign(): void {}
}
/** What a caller with the binding may send, and what a programmer may pass by mistake. */
const anything = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    ...[undefined, null, 0, -1, Number.NaN, 1e308, 10n, true, '', SECRET, SECRET.repeat(1_000), Symbol(SECRET)],
    ...[() => SECRET, new Map(), new Date(0), new Uint8Array(5), Promise.resolve(1), new WeakMap(), new Actor()],
    ...['threw', 'timeout', 'refused', 'constructor', '__proto__', 'toString', 'erased', { actor: 'a', purpose: 'b' }],
    ...[{ key: 'k' }, { address: '::1' }, { limit: 5 }, { limit: SECRET }, { after: 5 }, { actor: SECRET, purpose: 5 }],
    {
      get actor(): never {
        throw new Error(SECRET);
      },
    },
    {
      get limit(): never {
        throw new RangeError('mine');
      },
    },
    { source: 'k', threat: { category: 'sqli', severity: 'high' }, payload: new Actor() },
  ),
);
const argumentsOf: { readonly [name in CallName]: readonly unknown[] } = {
  charge: ['192.0.2.1', 'observed'],
  intercept: [{ source: '192.0.2.1', disposition: 'none' }],
  uninspected: [{ key: 'k' }, 'passed', 'threw'],
  peek: ['192.0.2.1', 2],
  reset: ['192.0.2.1', { actor: 'a', purpose: 'b' }],
  block: ['192.0.2.1', 1_000, undefined],
  unblock: [{ address: '::1' }, { actor: 'a', purpose: 'b', case: 'c' }],
  find: ['id'],
  list: [{ limit: 5, after: 'id' }],
  stats: [],
  read: ['sqli:00', { actor: 'a', purpose: 'b' }],
  export: ['sqli:00', { actor: 'a', purpose: 'b' }],
  neutralize: ['sqli:00', { actor: 'a', purpose: 'b' }],
  purge: ['sqli:00', 'erased', { actor: 'a', purpose: 'b' }],
  head: [],
  flush: [],
  checkpoint: [],
  watch: [],
};

describe('the arguments of a call', () => {
  it.each(CALL_NAMES)('%s: go on as they are when they are right, also a second time', (name) => {
    const once = readCall(name, argumentsOf[name], BYTES_MAX);
    expect(once).toEqual(argumentsOf[name]);
    expect(readCall(name, structuredClone(once), BYTES_MAX)).toEqual(once);
    // What comes beyond them is dropped.
    expect(readCall(name, [...argumentsOf[name], () => 1], BYTES_MAX)).toEqual(once);
  });

  it.each(CALL_NAMES)('%s: become values that can be copied, or an error that echoes nothing', (name) => {
    let passed = 0;
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), fc.nat(3), (given, kept) => {
        // Some right, the others anything.
        const mixed = [...argumentsOf[name].slice(0, kept), ...given];
        let read: unknown[];
        try {
          read = readCall(name, mixed, BYTES_MAX);
        } catch (error) {
          expect(error).toSatisfy((thrown) =>
            [TypeError, RangeError, TracehoundError].some((kind) => thrown instanceof kind),
          );
          expect((error as Error).message).not.toContain(SECRET);
          expect((error as Error).message.length).toBeLessThan(200);
          return;
        }
        passed++;
        expect(JSON.stringify(structuredClone(read))).toBe(JSON.stringify(read));
      }),
      { numRuns: 200, seed: 25 },
    );
    expect(passed).toBeGreaterThan(0);
  });

  it('words are the known ones, and no name of Object.prototype', () => {
    for (const word of ['nonsense', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'Threw', 'threw ', '']) {
      expect(() => readCall('uninspected', ['k', 'passed', word], 0)).toThrow(
        'object.uninspected reason: unknown, expected threw | timeout | unreadable | silent | unsent, got another string',
      );
      expect(() => readCall('uninspected', ['k', word, 'threw'], 0)).toThrow('object.uninspected disposition: unknown');
      expect(() => readCall('charge', ['k', word], 0)).toThrow('object.charge disposition: unknown');
      expect(() => readCall('purge', ['s', word], 0)).toThrow('object.purge reason: unknown');
    }
  });

  it('who acts is three strings', () => {
    expect(readCall('block', ['k', 5, new Actor()] as never, 0)[2]).toEqual({ actor: 'kim', purpose: 'look' });
  });
});

describe('an answer', () => {
  it('is the value, and of bytes exactly these', async () => {
    const whole = new Uint8Array(10_000).fill(0x41);
    const answer = structuredClone(await answered(() => whole.subarray(10, 14)));
    const bytes = unwrapped(answer);
    expect(bytes).toHaveLength(4);
    expect(bytes.buffer.byteLength).toBe(4);
    expect(unwrapped(await answered(() => undefined))).toBeUndefined();
  });

  it.each([
    [new TracehoundError('NOT_FOUND', 'quarantine.read: not held'), { code: 'NOT_FOUND', recoverable: false }],
    [new TracehoundError('STORE_FAILED', 'x', { recoverable: true }), { code: 'STORE_FAILED', recoverable: true }],
    [new TypeError('x: wrong kind'), { name: 'TypeError', message: 'x: wrong kind' }],
    [new RangeError('x: out of range'), { name: 'RangeError', message: 'x: out of range' }],
    [new Error(SECRET, { cause: SECRET }), { code: 'RUNTIME_FAILED', recoverable: true }],
    [SECRET, { code: 'RUNTIME_FAILED' }],
    [undefined, { code: 'RUNTIME_FAILED' }],
    [null, { code: 'RUNTIME_FAILED' }],
  ])('is the error that was thrown, without stack and cause: %s', async (thrown, expected) => {
    const answer = structuredClone(await answered(() => Promise.reject(thrown)));
    expect(JSON.stringify(answer)).not.toContain(SECRET);
    let error: unknown;
    try {
      unwrapped(answer);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject(expected);
    expect((error as Error).cause).toBeUndefined();
  });
});
