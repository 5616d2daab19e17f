/** Guards `src/instance/clock.ts`: an instance reads a number of ms whatever its platform says, and counts every step back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TracehoundError } from '../../../src/errors';
import { closedError, OpenClock, steady } from '../../../src/instance/clock';

/** A platform that says these readings, one after the other. */
function saying(readings: readonly unknown[]): () => number {
  let at = 0;
  return () => readings[at++] as number;
}

describe('the clock of an instance', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['minus infinity', Number.NEGATIVE_INFINITY],
    ['a time before 1970', -1],
    ['a time that no Date can hold', 8.64e15 + 1],
    ['a bigint', 5n],
    ['a string', '5'],
    ['a Date', new Date(5)],
  ])('repeats its last good reading when the platform says %s', (_, bad) => {
    const clock = steady(saying([1_000, bad, 1_001]));
    expect([clock.now(), clock.now(), clock.now()]).toEqual([1_000, 1_000, 1_001]);
    expect(clock.steps()).toEqual({ count: 0, ms: 0 });
  });

  test('begins at 0 when the first reading is no time', () => {
    expect(steady(saying([Number.NaN])).now()).toBe(0);
  });

  test.each([0, 8.64e15])('takes %i, the end of what a Date can hold', (edge) => {
    expect(steady(saying([edge])).now()).toBe(edge);
  });

  test('counts the steps back since the last question, and how far they went in all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 }), (readings) => {
        const clock = steady(saying(readings));
        const half = Math.floor(readings.length / 2);
        const expected = (from: number, to: number): { count: number; ms: number } => {
          const back = readings.slice(0, to).flatMap((now, i) => {
            const before = i === 0 ? 0 : (readings[i - 1] as number);
            return i >= from && now < before ? [before - now] : [];
          });
          return { count: back.length, ms: back.reduce((sum, ms) => sum + ms, 0) };
        };
        for (let i = 0; i < half; i++) expect(clock.now()).toBe(readings[i]);
        expect(clock.steps()).toEqual(expected(0, half));
        for (let i = half; i < readings.length; i++) clock.now();
        expect(clock.steps()).toEqual(expected(half, readings.length));
        expect(clock.steps()).toEqual({ count: 0, ms: 0 });
      }),
    );
  });
});

describe('the clock of calls from outside', () => {
  test('answers until the end, then says that the instance is closed', () => {
    const clock = new OpenClock(() => 7, undefined);
    expect([clock.time(), clock.actTime()]).toEqual([7, 7]);
    clock.isClosed = true;
    for (const ask of [clock.time, clock.actTime]) expect(ask).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(closedError().message).toMatch(/^tracehound: closed, expected .+, got /);
  });

  test('refuses acts, and only acts, while no record may be appended', () => {
    const full = new TracehoundError('LOG_FULL', 'log: full, expected room, got none');
    const reasons = [full, undefined];
    const clock = new OpenClock(
      () => 7,
      () => reasons.shift(),
    );
    expect(clock.time()).toBe(7);
    expect(clock.actTime).toThrow(full);
    expect(clock.actTime()).toBe(7);
  });
});
