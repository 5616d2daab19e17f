/**
 * Guards `src/verify/record.ts` by test/vectors/records.txt, and a log that holds one of those records: what a later version may
 * write is unknown and never tampered.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../../src/formats/record';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import { fault, isEnd, unknownOf } from '../../../src/verify/record';
import { LabLog, LabSource, labKey } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${own.vkey}\nquorum none\n`);

type Fields = [at: number, bytes: Buffer][];
const CASES = readFileSync(join(import.meta.dirname, '../../vectors/records.txt'), 'utf8')
  .split('\n')
  .filter((line) => /^(?:good|unknown|invalid) /.test(line))
  .map((line): [string, string, Fields] => {
    const [verdict = '', ...words] = line.split(/\s+/);
    const fields = words.flatMap((word) => {
      const [, at, hex] = /^(\d+)=((?:[0-9a-f]{2})+)$/.exec(word) ?? [];
      return at === undefined ? [] : [[Number(at), Buffer.from(hex!, 'hex')] as [number, Buffer]];
    });
    return [verdict, line.slice(10).trim(), fields];
  });

describe('a record by itself', () => {
  it('has vectors', () => {
    expect(CASES.length).toBeGreaterThan(45);
  });

  it.each(CASES)('is %s: %s', (verdict, _, fields) => {
    const record = Buffer.alloc(176);
    record[0] = 1;
    record[2] = 255;
    for (const [at, bytes] of fields) bytes.copy(record, at);
    const said = fault(record) !== undefined ? 'invalid' : unknownOf(record) !== undefined ? 'unknown' : 'good';
    expect(said).toBe(verdict);
  });

  it.each(CASES.filter(([verdict, , fields]) => verdict !== 'good' && !fields.some(([at]) => at === 0)))(
    'in a log that is signed is %s: %s',
    async (verdict, _, fields) => {
      const log = new LabLog().grow(20);
      log.append({ kind: 9 });
      log.rewrite(20, (record) => {
        // Evidence of an earlier log, so that only the record itself is in question.
        record.fill(0x70, 24, 40);
        record[5] = 64;
        for (const [at, bytes] of fields) bytes.copy(record, at);
      });
      log.close();
      const report = await verifyLog(new LabSource(log, [log.checkpoint([own])]), { policy, now: log.time });
      expect([report.integrity, report.exitCode]).toEqual(verdict === 'unknown' ? ['unknown', 3] : ['bad', 1]);
      expect([report.authenticity, report.completeness]).toEqual(['good', 'good']);
      expect(report.findings[0]).toMatchObject({ code: verdict === 'unknown' ? 'UNKNOWN_RECORD' : 'RECORD', seq: 20 });
    },
  );

  it('is good in every byte value of the kinds that have a name, and ends evidence in five of them', () => {
    const ends = KINDS.map((_, kind) => kind).filter(isEnd);
    expect(ends.map((kind) => KINDS[kind])).toEqual(['EVICTED', 'NEUTRALIZED', 'PURGED', 'REPLACED', 'ERASED']);
    expect(KINDS).toHaveLength(35);
  });
});
