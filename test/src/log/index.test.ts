/** Guards `src/log/index.ts`: who keeps a log is chosen by a frozen value, and what cannot keep one is refused at once. */
import { describe, expect, test } from 'vitest';
import { heldLog, storedLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';

const unused = async (): Promise<never> => expect.unreachable();
const store = { putIfAbsent: unused, get: unused, swap: unused };

describe('who keeps the log', () => {
  test('is a frozen value that asks nobody for anything', () => {
    for (const plug of [heldLog(), storedLog(store)] as LogPlug[]) {
      expect(Object.isFrozen(plug)).toBe(true);
      expect(plug.recordsMin).toBeGreaterThanOrEqual(16);
      expect(plug.resume).toBeUndefined();
    }
  });

  test.each(['putIfAbsent', 'get', 'swap'])('is no store without %s', (name) => {
    expect(() => storedLog({ ...store, [name]: undefined } as never)).toThrow(`storedLog.store.${name}: `);
  });

  test.each([
    [{ checkpointMs: 0 }, RangeError],
    [{ heartbeatMs: 'x' }, TypeError],
    [{ rotateMs: 999 }, RangeError],
    [{ policy: 'stop' }, RangeError],
    [{ tail: 'yes' }, TypeError],
    [{ resume: {} }, TypeError],
    [{ polcy: 'halt' }, TypeError],
  ])('with %j is refused in a sentence', (options, kind) => {
    const make = (): unknown => {
      const plug = storedLog(store, options as never) as LogPlug;
      return plug.begin();
    };
    expect(make).toThrow(kind);
    expect(make).toThrow(/: .*expected .+, got /);
  });

  test('takes a signer only with the verifier key of its name', () => {
    const plug = heldLog() as LogPlug;
    expect(() => plug.expectSigner({ name: 'a', vkey: 'x', sign: unused } as never)).toThrow('audit.signer.vkey: ');
  });
});
