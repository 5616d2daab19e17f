/**
 * Guards `src/cli/report.ts`: four verdicts, what they rest on, and one word at the end.
 */
import { describe, expect, it } from 'vitest';
import { bundleLines, conclusion, logLines, worst } from '../../../src/cli/report';
import { verifyBundle, verifyLog } from '../../../src/verify/index';
import { bundleCase, canonical, partsOf } from '../../lab/bundles';
import { LabLog, LabSource, labKey } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');

describe('a report', () => {
  it('is of the signed part, and says how much more there is', async () => {
    const log = new LabLog().grow(40).close();
    const report = await verifyLog(new LabSource(log, [log.checkpoint([own], 30)]));
    const lines = [...logLines('here', report)];
    expect(lines).toContain('              11 more behind the newest head, which nobody signed');
    expect(lines.find((line) => line.startsWith('records'))).toMatch(/^records +30, /);
    expect(lines.find((line) => line.startsWith('evidence'))).not.toContain('closed');
  });

  it('of a bundle names the item and its records', async () => {
    const made = bundleCase(own, labKey('example.com/keys'));
    const lines = [...bundleLines('b.json', await verifyBundle(canonical(partsOf(made))))];
    expect(lines[1]).toBe(`evidence      ${made.item.id}`);
    expect(lines.filter((line) => /QUARANTINED|ACCESSED|EXPORTED/.test(line))).toHaveLength(3);
  });

  it('ends with what all of it comes to: every list of four codes has its gravest', () => {
    const order = [1, 2, 3, 0] as const;
    for (let i = 0; i < 256; i++) {
      const codes = [0, 1, 2, 3].map((place) => (Math.floor(i / 4 ** place) % 4) as 0 | 1 | 2 | 3);
      expect(worst(codes)).toBe(order.find((code) => codes.includes(code)));
    }
    expect([0, 1, 2, 3].map((code) => conclusion(code as 0).split(':')[0])).toEqual([
      'good',
      'TAMPERED',
      'INCOMPLETE',
      'NOT VERIFIED',
    ]);
  });
});
