/**
 * Guards `src/verify/report.ts`: what a report says of a log is what a reader of scripts may rely on.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import type { ExitCode, Finding, LogReport, Verdict } from '../../../src/verify/report';
import { LabLog, LabSource, labKey } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');

describe('a report', () => {
  it('has these members and no others, and is plain data', async () => {
    const log = new LabLog().grow(30);
    const policy = parsePolicy(`log ${own.vkey}\nquorum none\n`);
    const report: LogReport = await verifyLog(new LabSource(log, [log.checkpoint([own], 25)]), { policy });
    expect(Object.keys(report).sort()).toEqual(
      'authenticity closed completeness exitCode findings findingsTotal freshness from integrity open origin records root size to unavailable unsigned'.split(
        ' ',
      ),
    );
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect([report.size, report.unsigned]).toEqual([25, 5]);
  });

  it('leaves out what it does not know', async () => {
    const report = await verifyLog({ checkpoints: async () => [], entries: async function* () {} });
    expect(Object.keys(report)).not.toEqual(expect.arrayContaining(['origin', 'from', 'to', 'unsigned']));
    expect([report.root.length, report.exitCode]).toEqual([64, 3]);
  });

  it('has three verdicts and four codes', () => {
    expectTypeOf<Verdict>().toEqualTypeOf<'good' | 'bad' | 'unknown'>();
    expectTypeOf<ExitCode>().toEqualTypeOf<0 | 1 | 2 | 3>();
    expectTypeOf<Finding['severity']>().toEqualTypeOf<'bad' | 'unknown' | 'note'>();
  });
});
