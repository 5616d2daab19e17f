/**
 * Guards `src/verify/ours.ts`: an intact log of another maker is not called tampered, and one that was changed still is.
 */
import { describe, expect, it } from 'vitest';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import { Ours } from '../../../src/verify/ours';
import type { LogEntry } from '../../../src/verify/source';
import { seeded } from '../../ground';
import { LabLog, LabSource, labKey } from '../../lab/logs';
import { leafHash } from '../../model/log';

const maker = labKey('example.org/other-log');
const policy = parsePolicy(`log ${maker.vkey}\nquorum none\n`);

/** A C2SP log whose entries are anything. */
function foreign(seed: number): LabLog {
  const random = seeded(seed);
  const log = new LabLog('example.org/other-log', false);
  const kind = seed % 4;
  for (let i = 0, count = 1 + random(700); i < count; i++) {
    const length = kind === 0 ? 176 : 1 + random(300);
    const entry = Buffer.from(Array.from({ length }, () => random(256)));
    // Records of a later version, of which we know neither the length nor the fields.
    if (kind === 1) entry[0] = 2;
    // The length of ours by chance, and even the first byte.
    if (kind === 0) entry[0] = 1;
    log.records.push(entry);
    log.details.push(undefined);
    log.leaves.push(leafHash(entry));
  }
  return log;
}

describe('a log of another maker', () => {
  it('that is intact is good for who signed it and unknown for the rest: exit code 3 (24 by seed)', async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const log = foreign(seed);
      const source = new LabSource(log, [log.checkpoint([maker])], { tiles: true, batch: 1 + (seed % 5) * 60 });
      for (const trust of [{ policy }, {}]) {
        const report = await verifyLog(source, { ...trust, now: Date.now() });
        expect([report.integrity, report.exitCode], `seed ${seed}`).toEqual(['unknown', 3]);
        expect(report.findings.map(({ code }) => code)).toContain('NOT_OURS');
        expect(report.findings.filter(({ severity }) => severity === 'bad')).toEqual([]);
      }
      expect((await verifyLog(source, { policy })).authenticity).toBe('good');
    }
  });

  it('that was changed is tampered with, wherever (24 by seed)', async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const random = seeded(1_000 + seed);
      const log = foreign(seed);
      const note = log.checkpoint([maker]);
      const entry = log.records[random(log.size)]!;
      entry[random(entry.length)]! ^= 1 << random(8);
      expect((await verifyLog(new LabSource(log, [note]), { policy })).exitCode, `seed ${seed}`).toBe(1);
    }
  });
});

describe('a log whose entries lie where we do not look for them', () => {
  it('is unknown as long as its hashes are what was signed, and tampered with when they are not (20 by seed)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const log = foreign(seed);
      const source = new LabSource(log, [log.checkpoint([maker])]);
      source.entriesOf = log.leaves.map((hash) => ({ kind: 'leaf', hash, place: 'tile/0' }));
      expect((await verifyLog(source, { policy })).exitCode, `seed ${seed}`).toBe(3);
      const at = seeded(seed)(log.size);
      source.entriesOf[at] = { kind: 'leaf', hash: Buffer.alloc(32, seed), place: 'tile/0' };
      expect((await verifyLog(source, { policy })).exitCode, `seed ${seed}`).toBe(1);
    }
  });
});

describe('a log of ours', () => {
  it('is not taken for another’s because one of its records was changed, in any byte (176)', async () => {
    const log = new LabLog().grow(20);
    const note = log.checkpoint([maker]);
    for (let byte = 0; byte < 176; byte++) {
      const changed = log.cut(20);
      changed.records[0]![byte]! ^= 0x40;
      const { findings } = await verifyLog(new LabSource(changed, [note], { batch: 1 }));
      expect(findings.map(({ code }) => code)).not.toContain('NOT_OURS');
      expect(findings.some(({ severity, verdict }) => severity === 'bad' && verdict === 'integrity')).toBe(true);
    }
  });

  it('is told before its first entry is handed on, whatever the batches; holes count as leaves', async () => {
    const log = new LabLog().grow(40);
    const entries = new LabSource(log).entriesOf as LogEntry[];
    entries.splice(0, 8, { kind: 'subtree', level: 3, hash: new Uint8Array(32), place: 'p' });
    for (const size of [1, 5, 16, 100]) {
      const ours = new Ours();
      const seen: LogEntry[] = [];
      const batches = async function* (): AsyncGenerator<LogEntry[]> {
        for (let at = 0; at < entries.length; at += size) yield entries.slice(at, at + size);
      };
      for await (const batch of ours.watch(batches())) {
        expect(ours.isForeign).toBe(false);
        seen.push(...batch);
      }
      expect(seen).toEqual(entries);
    }
  });
});
