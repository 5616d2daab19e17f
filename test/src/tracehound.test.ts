/**
 * Guards `src/tracehound.ts`: an instance is wired from its options, and nothing of the platform is touched before the first
 * call; what is wrong with the options is said at once.
 */
import { expect, test } from 'vitest';
import { wire } from '../../src/tracehound';
import type { Runtime } from '../../src/types/index';
import { ground, T0 } from '../ground';

/** The runtime of solid ground, which notes down what it is asked for. */
function watched(): { runtime: Runtime; asked: string[] } {
  const { runtime } = ground();
  const asked: string[] = [];
  const note = <A extends unknown[], R>(name: string, f: (...args: A) => R) => {
    return (...args: A): R => {
      asked.push(name);
      return f(...args);
    };
  };
  return {
    asked,
    runtime: {
      ...runtime,
      core: note('core', () => runtime.core()),
      now: note('now', () => runtime.now()),
      random: note('random', (bytes: Uint8Array) => runtime.random(bytes)),
    },
  };
}

test('an instance is made without a clock, a core or a random byte: several platforms forbid them at start', () => {
  const { runtime, asked } = watched();
  const th = wire(runtime, { quiet: true });
  expect(asked).toEqual([]);
  th.intercept({ source: '192.0.2.1' });
  expect(new Set(asked)).toEqual(new Set(['core', 'now', 'random']));
});

test('the clock is read once for each call', () => {
  const { runtime, asked } = watched();
  const th = wire(runtime, { secret: new Uint8Array(32) });
  th.intercept({ source: '192.0.2.1' });
  for (const call of [
    () => th.intercept({ source: '192.0.2.1' }),
    () => th.intercept({ source: '192.0.2.1', threat: { category: 'x', severity: 'low' }, payload: 'x' }),
    () => th.rateLimiter.check('192.0.2.1'),
    () => th.quarantine.list(),
    () => th.audit.head(),
    () => th.id(),
  ]) {
    asked.length = 0;
    call();
    expect(
      asked.filter((name) => name === 'now'),
      String(call),
    ).toEqual(['now']);
  }
});

test('`clock` takes the place of the runtime, `runtime` the place of the one that was chosen', () => {
  const { runtime, asked } = watched();
  const th = wire(runtime, { clock: () => T0 + 5, quiet: true });
  expect(th.watcher.snapshot().at).toBe(T0 + 5);
  expect(asked).toEqual([]);
  const other = wire(runtime, { runtime: { ...runtime, name: 'another' }, quiet: true });
  expect(other.watcher.snapshot().runtime).toBe('another');
});

test('wrong options are refused while nothing was touched', () => {
  const { runtime, asked } = watched();
  expect(() => wire(runtime, { rateLimit: { limit: 0 } })).toThrow(RangeError);
  expect(() => wire(runtime, { unknown: 1 } as never)).toThrow(TypeError);
  expect(asked).toEqual([]);
});

test('after close an instance answers errors, its log can still be read, and closing again does nothing', async () => {
  const { th } = ground();
  th.intercept({ source: '192.0.2.1' });
  await th.close();
  await th.close();
  expect(th.intercept({ source: '192.0.2.1' })).toMatchObject({ status: 'error', error: { code: 'CLOSED' } });
  expect(() => th.id()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  expect(th.audit.export().records.length).toBeGreaterThan(1);
  expect(th.watcher.snapshot().status).toBe('closed');
});
