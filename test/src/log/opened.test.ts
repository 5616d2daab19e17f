/** Guards `src/log/opened.ts`: what `openLog` found is handed out once, to one instance, and cannot be made up. */
import { expect, test } from 'vitest';
import { faceOf, isHeld, type Opened, openedIn } from '../../../src/log/opened';
import type { OpenedLog } from '../../../src/types/index';

const found = (isHeld: boolean): Opened => ({ origin: 'example.com/log', size: 3, isHeld }) as Opened;

test('the face says name, size and root, and nothing else; it cannot be changed', () => {
  const face = faceOf(found(false), 'ab');
  expect(face).toEqual({ origin: 'example.com/log', size: 3, root: 'ab' });
  expect(Object.isFrozen(face)).toBe(true);
});

test('what was found is for the first who asks: two writers of one log would each believe to be the only one', () => {
  const log = found(false);
  const face = faceOf(log, 'ab');
  expect(openedIn(face)).toBe(log);
  expect(() => openedIn(face)).toThrow(/^storedLog\.resume: wrong kind, expected .+, got another object$/);
});

test('a copy of a face, or one that somebody made, opens nothing', () => {
  const face = faceOf(found(true), 'ab');
  for (const other of [{ ...face }, structuredClone(face), { origin: 'x', size: 0, root: '' } as OpenedLog]) {
    expect(() => openedIn(other)).toThrow(TypeError);
    expect(isHeld(other)).toBe(false);
  }
  expect(isHeld(face)).toBe(true);
  expect(openedIn(undefined)).toBeUndefined();
});
