/**
 * Guards `src/instance/events.ts`: handlers are called after the call that caused an event, in order, each on its own; what
 * they throw reaches nobody and is counted; a flood between two turns is bounded.
 */
import { describe, expect, test } from 'vitest';
import { Events } from '../../../src/instance/events';
import type { BlockedEvent } from '../../../src/types/index';

const event = (seq: number): BlockedEvent => ({ seq, at: 0, sourceTag: '', ms: 1_000, by: 'limit' });

function subject(): { events: Events; failed: string[] } {
  const failed: string[] = [];
  return { events: new Events((name) => failed.push(name)), failed };
}

describe('handlers', () => {
  test('are called after the call has returned, in the order of events, each for its own name', async () => {
    const { events } = subject();
    const told: unknown[] = [];
    events.on('blocked', ({ seq }) => told.push(['a', seq]));
    events.on('blocked', ({ seq }) => told.push(['b', seq]));
    events.on('quarantined', () => told.push('never'));
    events.emit('blocked', event(1));
    events.emit('blocked', event(2));
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual([
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['b', 2],
    ]);
  });

  test('are called no more after they are called off; the same function given twice has two ends', async () => {
    const { events } = subject();
    let calls = 0;
    const handler = (): void => void calls++;
    const off = events.on('blocked', handler);
    events.on('blocked', handler);
    events.emit('blocked', event(1));
    await Promise.resolve();
    expect(calls).toBe(2);
    off();
    off();
    events.emit('blocked', event(2));
    await Promise.resolve();
    expect(calls).toBe(3);
    expect(events.has('blocked')).toBe(true);
    expect(events.has('trouble')).toBe(false);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
    ['rejects later', () => Promise.resolve().then(() => Promise.reject(new Error('mine')))],
  ])('one that %s is counted, and harms no other', async (_, handler) => {
    const { events, failed } = subject();
    let called = 0;
    events.on('blocked', handler);
    events.on('blocked', () => void called++);
    events.emit('blocked', event(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect([failed, called]).toEqual([['blocked'], 1]);
  });

  test('may cause events themselves: those come in a later turn', async () => {
    const { events } = subject();
    const told: number[] = [];
    events.on('blocked', ({ seq }) => {
      told.push(seq);
      if (seq < 3) events.emit('blocked', event(seq + 1));
    });
    events.emit('blocked', event(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([1, 2, 3]);
  });

  test('of a flood within one turn get the first 1,024 events; the rest is counted', async () => {
    const { events } = subject();
    let calls = 0;
    events.on('blocked', () => void calls++);
    for (let seq = 0; seq < 1_500; seq++) events.emit('blocked', event(seq));
    await Promise.resolve();
    expect([calls, events.lost]).toEqual([1_024, 476]);
    events.emit('blocked', event(1));
    await Promise.resolve();
    expect(calls).toBe(1_025);
  });

  test.each([
    ['an unknown name', 'purged', () => {}, RangeError],
    ['a name that every object inherits', 'constructor', () => {}, RangeError],
    ['no name', undefined, () => {}, RangeError],
    ['no handler', 'blocked', undefined, TypeError],
    ['something else as a handler', 'blocked', {}, TypeError],
  ])('%s is refused in a sentence that repeats nothing', (_, name, handler, kind) => {
    const { events } = subject();
    const on = (): unknown => events.on(name as never, handler as never);
    expect(on).toThrow(kind);
    expect(on).toThrow(/^on: .+, expected .+, got /);
    expect(on).not.toThrow(/purged|constructor/);
  });
});
