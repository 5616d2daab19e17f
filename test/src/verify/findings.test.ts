/**
 * Guards `src/verify/findings.ts`: verdicts only get worse, findings are bounded, names that others chose do nothing.
 */
import { describe, expect, it } from 'vitest';
import { count, Findings, shown } from '../../../src/verify/findings';
import type { VerdictName } from '../../../src/verify/report';

const NAMES: VerdictName[] = ['integrity', 'authenticity', 'completeness', 'freshness'];

describe('findings', () => {
  it('make an exit code of four verdicts: forged before missing, missing before unknown (all 81)', () => {
    const states = ['good', 'unknown', 'bad'] as const;
    for (let i = 0; i < 81; i++) {
      const wanted = NAMES.map((_, place) => states[Math.floor(i / 3 ** place) % 3]!);
      const findings = new Findings();
      for (const [place, state] of wanted.entries()) if (state !== 'good') findings[state](NAMES[place]!, 'X', 'x');
      expect(NAMES.map((name) => findings.is(name))).toEqual(wanted);
      const [integrity, authenticity, completeness] = wanted;
      const expected =
        integrity === 'bad' || authenticity === 'bad'
          ? 1
          : completeness === 'bad'
            ? 2
            : integrity === 'unknown' || authenticity === 'unknown'
              ? 3
              : completeness === 'unknown'
                ? 2
                : 0;
      expect(findings.exitCode, wanted.join()).toBe(expected);
    }
  });

  it('never make a verdict better, and a note moves none', () => {
    const findings = new Findings();
    findings.note('integrity', 'N', 'n');
    expect([findings.is('integrity'), findings.exitCode]).toEqual(['good', 0]);
    findings.bad('integrity', 'B', 'b');
    findings.unknown('integrity', 'U', 'u');
    expect(findings.is('integrity')).toBe('bad');
  });

  it('are a hundred at most, and their number', () => {
    const findings = new Findings();
    for (let seq = 0; seq < 250; seq++) findings.bad('completeness', 'X', 'x', { seq, place: undefined });
    expect([findings.list.length, findings.total]).toEqual([100, 250]);
    expect(findings.list[7]).toEqual({ verdict: 'completeness', severity: 'bad', code: 'X', seq: 7, message: 'x' });
  });
});

describe('a name that somebody else chose', () => {
  it('is cut, and moves nothing', () => {
    expect(shown('a\u001b[2J\u202e\n')).toBe('“a\\u{1b}[2J\\u{202e}\\u{a}”');
    expect(shown('x'.repeat(300))).toBe(`“${'x'.repeat(200)}…”`);
    expect([count(1, 'entry', 'entries'), count(2, 'entry', 'entries'), count(0, 'record')]).toEqual([
      '1 entry',
      '2 entries',
      '0 records',
    ]);
  });
});
