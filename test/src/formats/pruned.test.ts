/**
 * Guards `src/formats/pruned.ts`: the text on retention is read as it is written, and no other text is.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parsePruned, prunedText } from '../../../src/formats/pruned';

it('is read as it is written', () => {
  const facts = fc.record({
    origin: fc.stringMatching(/^[a-z0-9./:-]{1,40}$/),
    to: fc.maxSafeNat(),
    before: fc.maxSafeNat(),
  });
  fc.assert(
    fc.property(facts, (each) => {
      expect(parsePruned(prunedText(each))).toEqual({ ...each });
    }),
    { seed: 20_261_130 },
  );
});

it.each([
  '',
  'tracehound/pruned/v1\n',
  'tracehound/pruned/v2\na\n1\n2\n',
  'tracehound/pruned/v1\n\n1\n2\n',
  'tracehound/pruned/v1\na\n01\n2\n',
  'tracehound/pruned/v1\na\n-1\n2\n',
  'tracehound/pruned/v1\na\n1e3\n2\n',
  'tracehound/pruned/v1\na\n9007199254740992\n2\n',
  'tracehound/pruned/v1\na\n1\n\n',
  'tracehound/pruned/v1\na\n1\n2',
  'tracehound/pruned/v1\na\n1\n2\nmore\n',
])('is no other text: %j', (text) => {
  expect(parsePruned(text)).toBeUndefined();
});
