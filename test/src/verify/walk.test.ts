/**
 * Guards `src/verify/walk.ts` at its boundaries: where the signed part ends, and how far back a KEY note is compared.
 */
import { describe, expect, it } from 'vitest';
import { type LogReport, parsePolicy, verifyLog } from '../../../src/verify/index';
import { genesisLink } from '../../../src/verify/walk';
import { KIND, LabLog, LabSource, labKey } from '../../lab/logs';
import { genesisPrev, sha256 } from '../../model/log';

const deployment = labKey('example.com/keys/2026');
const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${deployment.vkey}\nquorum none\n`);
const codes = ({ findings }: LogReport): string[] => findings.map(({ code }) => code);

/** A log whose record `seq` is a KEY record that names the place `size` with this link. */
function keyAt(seq: number, size: number, link?: Buffer): { log: LabLog; note: string } {
  const log = new LabLog().grow(seq);
  log.key(own, [deployment], { size, link: link ?? (size === 0 ? genesisPrev(log.origin) : log.leaves[size - 1]!) });
  return { log, note: log.grow(seq + 10).checkpoint([own]) };
}

describe('a KEY note', () => {
  // A short log remembers 256 leaf hashes, a longer one 8,192; at 256 the oldest of them is still the leaf of record 0.
  it.each([1, 2, 255, 256, 257, 300, 511, 512, 4_000, 4_097])(
    'at record %i is held to the link it names, as far back as it may name one',
    async (seq) => {
      for (const size of new Set([
        Math.max(0, seq - 4_096),
        Math.max(1, seq - 4_096),
        Math.max(1, seq - 256),
        Math.max(1, seq - 255),
        seq,
      ])) {
        const good = keyAt(seq, size);
        expect((await verifyLog(new LabSource(good.log, [good.note]), { policy })).exitCode, `names ${size}`).toBe(0);
        const bad = keyAt(seq, size, sha256('another log'));
        const report = await verifyLog(new LabSource(bad.log, [bad.note]), { policy });
        expect([codes(report).includes('KEY_NOTE'), report.exitCode], `names ${size}`).toEqual([true, 1]);
      }
    },
  );

  it('in the tail is nobody’s question, at its very first record too', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    const note = log.grow(30).checkpoint([own]);
    log.key(labKey('example.com/th/1', 'second'), [own], { link: sha256('x') });
    const report = await verifyLog(new LabSource(log, [note]), { policy });
    expect([codes(report), report.exitCode]).toEqual([['UNSIGNED_TAIL', 'NO_CLOCK'], 0]);
  });
});

describe('a sidecar that is not there', () => {
  it('is missed up to the last record that is signed, and not from the first behind it on', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(20);
    for (let i = 0; i < 4; i++) log.quarantine(undefined, `{"a":${i}}`);
    for (const signed of [20, 21, 22, 23, 24]) {
      const source = new LabSource(log, [log.checkpoint([own], signed)]);
      for (let seq = 20; seq < 24; seq++) delete (source.entriesOf[seq] as { detail?: Uint8Array }).detail;
      const report = await verifyLog(source, { policy });
      const missed = report.findings.find(({ code }) => code === 'DETAIL_UNAVAILABLE');
      const expected = signed === 20 ? undefined : `${signed - 20} sidecar${signed === 21 ? '' : 's'} not available`;
      expect(missed?.message.slice(0, expected?.length), String(signed)).toBe(expected);
      expect(report.exitCode).toBe(signed === 20 ? 0 : 2);
    }
  });
});

describe('what is signed', () => {
  it('ends at each size as a log of that size does', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(70).close();
    for (let size = 1; size <= 70; size++) {
      const signers = size < 2 ? [deployment] : [own];
      const report = await verifyLog(new LabSource(log, [log.checkpoint(signers, size)], { batch: 7 }), { policy });
      expect([report.size, report.root]).toEqual([size, log.root(size).toString('hex')]);
      expect(report.exitCode, String(size)).toBe(log.size - size > 64 ? 2 : 0);
      expect([report.records, report.unsigned]).toEqual([size, log.size - size]);
    }
  });

  it('of nothing is nothing, whatever lies behind it', async () => {
    const log = new LabLog().grow(20);
    const empty = new LabLog(undefined, false).checkpoint([deployment]);
    const report = await verifyLog(new LabSource(log, [empty]), { policy });
    expect([report.size, report.unsigned, report.integrity, report.exitCode]).toEqual([0, 20, 'unknown', 3]);
  });

  it('is not ended by a kind that nobody knows yet', async () => {
    const log = new LabLog().grow(20).close();
    log.append({ kind: 64 });
    const report = await verifyLog(new LabSource(log, [log.checkpoint([deployment])]), { policy });
    expect(codes(report)).toContain('UNKNOWN_RECORD');
  });
});

describe('the link of record 0', () => {
  it('is the one of docs/format.md', () => {
    expect(Buffer.from(genesisLink('example.com/th/1')).toString('hex')).toBe(
      '38b9f022e424376569e683e94b3a1d37f30da3426dc5e93d1b9e21cd0f312815',
    );
    expect(KIND.genesis).toBe(1);
  });
});
