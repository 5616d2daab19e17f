/**
 * Guards src/engine/alarms.ts: each owner has an alarm of its own, so that the drain of evidence does not replace the alarm
 * that keeps the log from losing records.
 */
import { expect, test } from 'vitest';
import { Alarms } from '../../../src/engine/alarms';

/** Alarms, and what they were called for. */
function watched() {
  const alarms = new Alarms();
  const called: string[] = [];
  return { alarms, called, call: (name: string) => (now: number) => void called.push(`${name} at ${now}`) };
}

test('an owner that sets its alarm replaces its own, and nobody else’s', () => {
  const { alarms, called, call } = watched();
  alarms.set('log', 10, call('log'));
  alarms.set('cold', 5, call('cold, first'));
  alarms.set('cold', 20, call('cold'));
  expect(alarms.next).toBe(10);
  alarms.ring(12, 1);
  expect(called).toEqual(['log at 1']);
  expect(alarms.next).toBe(20);
  alarms.ring(20, 2);
  expect(called).toEqual(['log at 1', 'cold at 2']);
});

test('an alarm is called once, at its size or behind it', () => {
  const { alarms, called, call } = watched();
  alarms.set('log', 3, call('log'));
  alarms.ring(2, 1);
  expect(called).toEqual([]);
  alarms.ring(3, 2);
  alarms.ring(4, 3);
  expect(called).toEqual(['log at 2']);
  expect(alarms.next).toBe(Number.POSITIVE_INFINITY);
});

test('an alarm may set itself anew, and may use what asks for alarms', () => {
  const { alarms, called, call } = watched();
  alarms.set('log', 3, (now) => {
    call('log')(now);
    if (alarms.next <= 3) throw new Error('it would be called again and again');
    alarms.ring(3, now);
    alarms.set('log', 6, call('log again'));
  });
  alarms.ring(3, 1);
  expect(alarms.next).toBe(6);
  alarms.ring(6, 2);
  expect(called).toEqual(['log at 1', 'log again at 2']);
});

test('an alarm that fails keeps no other from being called, and its failure is thrown', () => {
  const { alarms, called, call } = watched();
  alarms.set('cold', 1, () => {
    throw new Error('the drain');
  });
  alarms.set('log', 1, call('log'));
  expect(() => alarms.ring(1, 7)).toThrow('the drain');
  expect(called).toEqual(['log at 7']);
});
