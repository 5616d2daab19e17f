/**
 * Guards `src/cli/record.ts`: a record is shown with the words of docs/format.md, one that says what it may not as it is.
 */
import { describe, expect, it } from 'vitest';
import { recordFacts, recordLine } from '../../../src/cli/record';
import { KINDS, REASONS } from '../../../src/formats/record';

const record = (...fields: [at: number, ...bytes: number[]][]): Uint8Array => {
  const bytes = new Uint8Array(176);
  bytes.set([1, 2, 255]);
  for (const [at, ...values] of fields) bytes.set(values, at);
  return bytes;
};

describe('a record', () => {
  it('has the name of its kind and of its reason, as far as there is one', () => {
    for (const [kind, name] of KINDS.entries()) {
      if (kind === 0) continue;
      for (let reason = 0; reason < 256; reason++) {
        const facts = recordFacts(record([1, kind], [3, reason]));
        expect(facts.kind).toBe(name);
        expect(facts.reason).toBe(reason === 0 ? '' : (REASONS[kind]?.[reason] ?? `reason ${reason}`));
      }
    }
    for (const kind of [0, 35, 64, 127, 255]) expect(recordFacts(record([1, kind])).kind).toBe(`kind ${kind}`);
  });

  it('shows no overlay as something else', () => {
    expect(recordFacts(record([1, 9], [144, 1])).source).toBe('');
    expect([recordFacts(record([1, 8], [24, 1])).id, recordFacts(record([1, 7], [24, 1])).id]).toEqual(['', '']);
    expect(recordFacts(record([144, 1])).source).toHaveLength(64);
  });

  it('is one line that does nothing', () => {
    const line = recordLine(recordFacts(record([1, 20], [3, 2], [6, 1], [40, 0, 0, 0, 60], [5, 48], [144, 7])));
    expect(line).toMatch(
      /^ {8}0 {2}1970-01-01T00:00:00\.000Z {2}BLOCKED +- +refused +source 0700000000000000 {2}by hand {2}60 s {2}several approximate$/,
    );
    for (let byte = 0; byte < 176; byte++)
      expect(recordLine(recordFacts(new Uint8Array(176).fill(byte)))).not.toMatch(/\p{C}/u);
  });
});
