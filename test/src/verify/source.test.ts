/**
 * Guards `src/verify/source.ts`: a source that somebody else writes in a few lines is enough to verify a log, and it cannot make a
 * log better than it is.
 */
import { describe, expect, it } from 'vitest';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import type { LogEntry, LogSource } from '../../../src/verify/source';
import { seeded } from '../../ground';
import { LabLog, labKey } from '../../lab/logs';

const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${own.vkey}\nquorum none\n`);
const log = new LabLog().grow(120);
const note = log.checkpoint([own]);

const sourceOf = (entries: readonly LogEntry[]): LogSource => ({
  checkpoints: async () => [note],
  async *entries() {
    yield entries;
  },
});
const honest: LogEntry[] = log.records.map((record, seq) => ({
  kind: 'record',
  record,
  ...(log.details[seq] === undefined ? {} : { detail: log.details[seq] }),
  place: `record ${seq}`,
}));

describe('a source', () => {
  it('of a few lines is enough', async () => {
    expect((await verifyLog(sourceOf(honest), { policy })).exitCode).toBe(0);
  });

  it('that leaves entries out, repeats, swaps or replaces them is found out (60 by seed)', async () => {
    const lies: ((entries: LogEntry[], at: number) => void)[] = [
      (entries, at) => void entries.splice(at, 1),
      (entries, at) => void entries.splice(at, 0, entries[at]!),
      (entries, at) => void entries.splice(at, 2, entries[at + 1]!, entries[at]!),
      (entries, at) => void entries.splice(at, 1, { kind: 'leaf', hash: log.leaves[at + 1]!, place: 'p' }),
      (entries, at) => void entries.splice(at, 1, { kind: 'missing', count: 1, place: 'p' }),
      (entries, at) => void entries.splice(at),
    ];
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const entries = [...honest];
      lies[seed % lies.length]!(entries, random(log.size - 2));
      expect((await verifyLog(sourceOf(entries), { policy })).exitCode, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});
