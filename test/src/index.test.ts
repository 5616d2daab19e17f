/**
 * Guards `src/index.ts`: it only hands on. Each value is the very one of its room, so that `instanceof` and identity hold
 * whichever entrance somebody took.
 */
import { expect, test } from 'vitest';
import { TracehoundError } from '../../src/errors';
import * as names from '../../src/index';
import { openSnapshot } from '../../src/instance/image';
import { openLog } from '../../src/log/open';
import { VERSION } from '../../src/version';

test('the package hands on what its rooms export, and makes nothing of its own', () => {
  expect(names).toMatchObject({ TracehoundError, openSnapshot, openLog, VERSION });
  for (const [name, value] of Object.entries(names)) {
    if (typeof value === 'function') expect(value.name, name).toBe(name);
  }
});
