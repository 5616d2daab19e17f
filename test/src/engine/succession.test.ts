/** Guards src/engine/succession.ts: which records of a log that ended are handed on, and how many events nobody recorded. */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import type { Salvaged } from '../../../src/engine/salvage';
import { owed, provenRuns } from '../../../src/engine/succession';

const FROM = 100;
const logOf = (count: number): Salvaged =>
  ({
    log: {
      origin: 'example.org/ended',
      from: FROM,
      records: Array.from({ length: count }, (_, i) => Uint8Array.of(i)),
      details: Array.from({ length: count }, (_, i) => (i % 2 === 0 ? null : Uint8Array.of(i, i))),
    },
  }) as unknown as Salvaged;

it('the runs around what is damaged keep their place, their sidecars, and share no record', () => {
  for (let count = 0; count <= 7; count++) {
    for (let head = 0; head <= count; head++) {
      for (let tail = 0; tail <= count - head; tail++) {
        const whole = head === count;
        if (!whole && head + tail === count) continue; // Between the two lies at least one that is damaged.
        const salvaged = logOf(count);
        const runs = provenRuns(salvaged, { head, tail: whole ? count : tail, root: undefined });
        const kept = runs.flatMap(({ from, records }) => records.map((_, i) => from + i - FROM));
        const numbers = Array.from({ length: count }, (_, i) => i);
        expect(kept, `${head} and ${tail} of ${count}`).toEqual(numbers.filter((i) => i < head || i >= count - tail));
        for (const { origin, from, records, details } of runs) {
          expect(origin).toBe('example.org/ended');
          expect(records.length).toBeGreaterThan(0);
          expect(details).toEqual(salvaged.log.details.slice(from - FROM, from - FROM + records.length));
        }
      }
    }
  }
});

describe('what is owed', () => {
  const of = (events: number, refusals: number | undefined, taken: boolean): number => {
    const audit = new DataView(new ArrayBuffer(abi.AUDIT_BYTES));
    audit.setFloat64(abi.AUDIT_FOLD_PENDING, events, true);
    const state = new Uint8Array(abi.LIMITER_BYTES);
    new DataView(state.buffer).setFloat64(abi.LIMITER_REFUSALS_PENDING, refusals ?? 0, true);
    return owed({ limiter: refusals === undefined ? undefined : { state } } as unknown as Salvaged, audit, taken);
  };
  it('are the folded events, and the refusals of a limiter that did not come over', () => {
    expect(of(0, undefined, false)).toBe(0);
    expect(of(3, undefined, false)).toBe(3);
    expect(of(3, 4, false)).toBe(7);
    expect(of(3, 4, true)).toBe(3);
  });
  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53])(
    'of %d, which no memory can count to, are none',
    (wrong) => {
      expect(of(wrong, undefined, false)).toBe(0);
      expect(of(1, wrong, false)).toBe(0);
    },
  );
});
