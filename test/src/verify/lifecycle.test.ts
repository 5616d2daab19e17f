/**
 * Guards `src/verify/lifecycle.ts`: how the verifier accounts for what is gone: ranges that are lost, and GAP records that name them, against a list
 * with one entry for each record.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Findings } from '../../../src/verify/findings';
import { Lifecycle } from '../../../src/verify/lifecycle';
import { encode, gapFields } from '../../model/log';

const SIZE = 60;

it('what is lost and named by no GAP is what a list of every record says', () => {
  const range = fc
    .tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 12 }))
    .map(([from, length]) => [from, from + length]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(SIZE - 1)), fc.array(range, { maxLength: 12 }), (lost, gaps) => {
      const findings = new Findings();
      const lifecycle = new Lifecycle(findings);
      for (const seq of [...lost].sort((a, b) => a - b)) lifecycle.lose(seq, seq + 1, `bundle ${seq >> 4}`);
      const missing = new Set(lost);
      for (const [from, to] of gaps as [number, number][]) {
        lifecycle.take(encode(gapFields(from, to, 1), 100, Buffer.alloc(32)), 100, () => ({}));
        for (let seq = from; seq < to; seq++) missing.delete(seq);
      }
      lifecycle.end(0, 0, {});
      const said = findings.list
        .filter(({ code }) => code === 'MISSING')
        .flatMap(({ message }) => {
          const [from, to] = message.match(/\d+/g)!.map(Number) as [number, number];
          return Array.from({ length: to - from + 1 }, (_, i) => from + i);
        });
      expect(said).toEqual([...missing].sort((a, b) => a - b));
      expect(findings.is('completeness')).toBe(missing.size > 0 ? 'bad' : 'good');
    }),
    { seed: 20_261_126, numRuns: 3_000 },
  );
});

it('more ranges than anybody can lose by accident need no more memory, and are said', () => {
  const findings = new Findings();
  const lifecycle = new Lifecycle(findings);
  for (let i = 0; i < 70_000; i++) lifecycle.lose(2 * i, 2 * i + 1, 'x');
  lifecycle.end(70_000, 0, {});
  expect(findings.list).toHaveLength(100);
  expect(findings.total).toBe(65_536 + 2);
  expect(findings.exitCode).toBe(2);
});
