/**
 * Guards `src/verify/signed.ts`, and with it that only what is signed counts: whoever puts an older genuine head back and writes
 * anew what lies behind it, without any key, gets neither a good log, nor its end, nor its records into an export.
 */
import { describe, expect, it } from 'vitest';
import { fileSource, packLog } from '../../../src/verify/file';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import { entriesUpTo, sizeSigned, widthOf } from '../../../src/verify/signed';
import type { LogEntry } from '../../../src/verify/source';
import { seeded } from '../../ground';
import { KIND, LabLog, LabSource, labKey, TIME } from '../../lab/logs';

const deployment = labKey('example.com/keys/2026');
const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${deployment.vkey}\nquorum none\n`);

/** A genuine log of `signed` records under its head, and a tail of somebody's own making behind it. */
function rolledBack(
  signed: number,
  tail: number,
  random: (below: number) => number,
): { source: LabSource; log: LabLog } {
  const log = new LabLog();
  log.key(own, [deployment]);
  log.grow(signed);
  const note = log.checkpoint([own]);
  const wants = log.size + tail;
  log.time += 1_000_000;
  while (log.size < wants - 1) {
    if (random(3) === 0) log.append({ kind: KIND.limited, reason: 1, disposition: 1, count: 1 + random(9) });
    else log.quarantine();
  }
  log.close();
  return { log, source: new LabSource(log, [note], { tiles: random(2) === 0, batch: 1 + random(300) }) };
}

describe('records behind the newest head', () => {
  it('count for nothing: not for totals, times, the end, nor freshness (24 by seed)', async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const random = seeded(seed);
      const signed = 40 + random(500);
      const tail = 1 + random(400);
      const { source, log } = rolledBack(signed, tail, random);
      const report = await verifyLog(source, { policy, now: TIME + signed + 10 });
      const twin = await verifyLog(new LabSource(log.cut(signed), [log.cut(signed).checkpoint([own])]), {
        policy,
        now: TIME + signed + 10,
      });
      expect({ ...report, findings: [], findingsTotal: 0, completeness: '', exitCode: 0 }, `seed ${seed}`).toEqual({
        ...twin,
        unsigned: tail,
        findings: [],
        findingsTotal: 0,
        completeness: '',
        exitCode: 0,
      });
      expect([report.closed, report.exitCode]).toEqual([false, tail > 64 ? 2 : 0]);
      expect(report.findings.find(({ code }) => code === 'UNSIGNED_TAIL')).toMatchObject({
        seq: signed,
        severity: tail > 64 ? 'unknown' : 'note',
      });
      expect((await verifyLog(source, { policy, requireClose: true })).exitCode).toBe(2);
      // Long after, the signed part is old whatever times the tail claims.
      const late = await verifyLog(source, { policy, now: TIME + 1_000_000 + signed });
      expect([late.freshness, late.exitCode]).toEqual(['bad', 2]);
    }
  });

  it('are 64 at most where a killed writer left them', async () => {
    const codes = [];
    for (const tail of [63, 64, 65])
      codes.push((await verifyLog(rolledBack(100, tail, () => 1).source, { policy })).exitCode);
    expect(codes).toEqual([0, 0, 2]);
  });

  it('do not excuse what is gone from the signed part, nor end or begin evidence in it', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    const id = log.grow(30).quarantine();
    const note = log.checkpoint([own]);
    log.end(id);
    log.gap(5, 9);
    const source = new LabSource(log, [note]);
    source.entriesOf.splice(5, 4, { kind: 'missing', count: 4, place: 'p' });
    const report = await verifyLog(source, { policy });
    expect(report.findings.map(({ code }) => code)).toContain('MISSING');
    expect(report.open).toBeGreaterThan(0);
  });

  it('are rolled back behind a larger head that was kept elsewhere, though they fit it', async () => {
    const { log, source } = rolledBack(100, 30, () => 1);
    const report = await verifyLog(source, { policy, known: [log.checkpoint([own], 120)] });
    expect(report.findings.map(({ code }) => code)).toContain('ROLLED_BACK');
    expect(report.exitCode).toBe(2);
  });

  it('are in no export (20 by seed)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(100 + seed);
      const signed = 2 + random(300);
      const { source } = rolledBack(Math.max(3, signed), 1 + random(200), random);
      const pieces: Uint8Array[] = [];
      for await (const piece of packLog(source)) pieces.push(piece);
      const file = await fileSource(async function* () {
        yield* pieces;
      }, 'x');
      const report = await verifyLog(file, { policy });
      expect([report.size, report.unsigned, report.exitCode]).toEqual([Math.max(3, signed), undefined, 0]);
    }
  });
});

describe('the signed part', () => {
  it('is that of the newest head, in whatever order heads lie there, and none is none', () => {
    const log = new LabLog().grow(50);
    const heads = [log.checkpoint([own], 9), log.checkpoint([own], 40), 'no note', log.checkpoint([own], 20)];
    expect(sizeSigned(heads)).toBe(40);
    expect([sizeSigned([]), sizeSigned(['x']), sizeSigned([heads[0]!])]).toEqual([undefined, undefined, 9]);
  });

  it('is cut within a run that is missing, before a subtree that reaches further, and nowhere without a head', async () => {
    const hash = new Uint8Array(32);
    const entries: LogEntry[] = [
      { kind: 'missing', count: 4, place: 'p' },
      { kind: 'subtree', level: 2, hash, place: 'p' },
      { kind: 'leaf', hash, place: 'p' },
    ];
    const source = {
      checkpoints: async () => [],
      entries: async function* () {
        yield entries;
      },
    };
    const widths = async (size: number | undefined): Promise<number[]> => {
      const found: number[] = [];
      for await (const batch of entriesUpTo(source, size)) found.push(...batch.map(widthOf));
      return found;
    };
    expect(await widths(undefined)).toEqual([4, 4, 1]);
    expect([await widths(0), await widths(3), await widths(4)]).toEqual([[], [3], [4]]);
    expect([await widths(6), await widths(8), await widths(9), await widths(99)]).toEqual([
      [4],
      [4, 4],
      [4, 4, 1],
      [4, 4, 1],
    ]);
  });
});
