/**
 * Guards what the verifier promises about attackers, and says in the titles what it does not promise. Every log is made by
 * docs/format.md alone (test/lab/logs.ts); an attacker may compute every hash anew and sign with the keys he stole.
 */
import { describe, expect, it } from 'vitest';
import { type LogReport, parsePolicy, type VerifyOptions, verifyLog } from '../../../src/verify/index';
import { KIND, LabLog, LabSource, labKey, tilePath } from '../../lab/logs';
import { sha256 } from '../../model/log';

const deployment = labKey('example.com/keys/2026');
const own = labKey('example.com/th/1', 'own');
const stranger = labKey('example.com/th/1', 'stranger');
const policy = parsePolicy(`log ${deployment.vkey}\nquorum none\n`);

const judge = (log: LabLog, notes: string[], options: VerifyOptions = {}, tiles = false): Promise<LogReport> =>
  verifyLog(new LabSource(log, notes, { tiles }), { policy, ...options });

// ── the matrix: what is caught by records and signed note · with a head of 500 kept elsewhere · with the head of 1,000
//    kept elsewhere and CLOSE required ────────────────────────────────────────────────────────────────

function genuine(): LabLog {
  const log = new LabLog();
  log.key(own, [deployment]);
  return log.grow(999).close();
}
const LOG = genuine();
const NOTE = LOG.checkpoint([own]);
const WITNESSED: VerifyOptions = { known: [LOG.checkpoint([own], 500)] };
const KNOWN: VerifyOptions = { known: [NOTE], requireClose: true };

/** Exit codes under the three kinds of knowledge. */
async function codes(log: LabLog, notes: string[]): Promise<number[]> {
  const reports = [await judge(log, notes), await judge(log, notes, WITNESSED), await judge(log, notes, KNOWN)];
  return reports.map(({ exitCode }) => exitCode);
}

const flip = (record: Buffer): void => {
  record[1] = record[1] === KIND.quarantined ? KIND.accessed : KIND.quarantined;
};

describe('an attacker without the key', () => {
  it('is not there: the genuine log is good', async () => {
    expect(await codes(genuine(), [NOTE])).toEqual([0, 0, 0]);
  });

  it.each([1, 300, 700, 998])('who changes the kind of record %s is caught at once', async (seq) => {
    const log = genuine();
    flip(log.records[seq]!);
    expect(await codes(log, [NOTE])).toEqual([1, 1, 1]);
    const { findings } = await judge(log, [NOTE]);
    expect(findings.some((finding) => finding.code === 'LINK' && finding.seq === seq)).toBe(true);
  });

  it('who takes a record out of the middle is caught at once', async () => {
    const log = genuine();
    log.records.splice(300, 1);
    expect(await codes(log, [NOTE])).toEqual([1, 1, 1]);
    expect((await judge(log, [NOTE])).findings[0]).toMatchObject({ code: 'SEQ', seq: 300 });
  });

  it('who swaps two records is caught at once', async () => {
    const log = genuine();
    [log.records[300], log.records[301]] = [log.records[301]!, log.records[300]!];
    expect(await codes(log, [NOTE])).toEqual([1, 1, 1]);
    expect((await judge(log, [NOTE])).findings[0]).toMatchObject({ code: 'SEQ', seq: 300 });
  });

  it('who puts a record of another log in is caught at once', async () => {
    const log = genuine();
    log.records[300] = new LabLog('example.com/th/2').grow(400).records[300]!;
    expect(await codes(log, [NOTE])).toEqual([1, 1, 1]);
  });

  it('who cuts the tail off under the newest note is caught: records are missing', async () => {
    expect(await codes(genuine().cut(900), [NOTE])).toEqual([2, 2, 2]);
  });

  it('who cuts the tail off and has the genuine older note is NOT caught by the log alone, only by who knows a larger size or wants CLOSE', async () => {
    const log = genuine().cut(900);
    expect(await codes(log, [log.checkpoint([own])])).toEqual([0, 0, 2]);
    expect((await judge(log, [log.checkpoint([own])], { requireClose: true })).exitCode).toBe(2);
    // Nor does an older note hide behind a clock: a log that nobody writes any more and nobody closed has no good end.
    expect((await judge(log, [log.checkpoint([own])], { now: log.time + 1e6 })).exitCode).toBe(2);
  });

  it('who changes a record, computes every later hash anew and leaves the signature is caught', async () => {
    const log = genuine().rewrite(300, flip);
    expect(await codes(log, [NOTE])).toEqual([1, 1, 1]);
  });

  it('who does so and signs with a key of his own is caught: the log names its key', async () => {
    const log = genuine().rewrite(300, flip);
    expect(await codes(log, [log.checkpoint([stranger])])).toEqual([1, 1, 1]);
  });

  it('who writes a whole log of his own, his key in it, is never good: nobody vouches for his key', async () => {
    const log = new LabLog();
    log.key(stranger, []);
    log.grow(999).close();
    expect(await codes(log, [log.checkpoint([stranger])])).toEqual([3, 1, 1]);
    const lying = new LabLog();
    lying.key(stranger, [{ ...deployment, line: () => deployment.line('a text that it once signed\n') }]);
    expect(await codes(lying.grow(999).close(), [lying.checkpoint([stranger])])).toEqual([1, 1, 1]);
  });

  it('who carries the genuine key note over to a log of his own is caught', async () => {
    const log = new LabLog();
    log.append({ kind: KIND.checkpoint });
    log.append({ kind: KIND.key, epoch: 1 }, LOG.details[1]);
    log.epoch = 1;
    log.grow(50);
    expect((await judge(log, [log.checkpoint([stranger])])).exitCode).toBe(1);
  });

  it('who hands over nothing has no good log', async () => {
    const nothing = new LabLog(undefined, false);
    expect(await codes(nothing, [])).toEqual([3, 2, 2]);
  });
});

describe('an attacker who stole the key in use', () => {
  it('and rewrites 300 is NOT caught by the log alone, but by who kept any head above', async () => {
    const log = genuine().rewrite(300, flip);
    expect(await codes(log, [log.checkpoint([own])])).toEqual([await lifecycleOf(log), 1, 1]);
    const blind = genuine().rewrite(300, (record) => record.fill(9, 144));
    expect(await codes(blind, [blind.checkpoint([own])])).toEqual([0, 1, 1]);
    expect((await judge(blind, [blind.checkpoint([own])], WITNESSED)).findings[0]).toMatchObject({ code: 'REWRITTEN' });
  });

  it('and rewrites 700 is NOT caught by who kept a head of 500', async () => {
    const log = genuine().rewrite(700, (record) => record.fill(9, 144));
    expect(await codes(log, [log.checkpoint([own])])).toEqual([0, 0, 1]);
  });

  it('and writes on after the end is caught only because nothing may follow CLOSE', async () => {
    const log = genuine();
    log.append({ kind: KIND.checkpoint });
    expect(await codes(log, [log.checkpoint([own])])).toEqual([2, 2, 2]);
    const running = genuine().cut(999);
    const size = running.size;
    running.append({ kind: KIND.checkpoint });
    const known = { known: [running.checkpoint([own], size)] };
    expect((await judge(running, [running.checkpoint([own])], known)).exitCode).toBe(0);
  });
});

/** What the lifecycle says of a rewritten kind: an accident of this log, not a promise. */
const lifecycleOf = async (log: LabLog): Promise<number> =>
  (await judge(log, [log.checkpoint([own])])).completeness === 'bad' ? 2 : 0;

// ── keys that change: K1 from the beginning, K2 from 400, K3 from 800; the thief has K3 and every public text ──

const K1 = labKey('example.com/th/1', 'k1');
const K2 = labKey('example.com/th/1', 'k2');
const K3 = labKey('example.com/th/1', 'k3');

function rotating(): LabLog {
  const log = new LabLog();
  log.key(K1, [deployment]);
  log.grow(400).key(K2, [K1]);
  log.grow(800).key(K3, [K2]);
  return log.grow(1_000);
}
const HEADS: [number, typeof own][] = [
  [400, K1],
  [800, K2],
  [1_000, K3],
];
const other = (record: Buffer): void => {
  record.fill(9, 144);
};

/** The newest `from` on as the thief signs it; the rest of the heads as they lie there. */
const resigned = (log: LabLog, from = 0): string[] =>
  HEADS.filter(([size]) => size <= log.size).map(([size, key]) =>
    size >= from ? log.checkpoint([K3], size) : rotating().checkpoint([key], size),
  );

describe('an attacker who stole only the newest of three keys', () => {
  it('is not there: the genuine log is good', async () => {
    const log = rotating();
    const notes = HEADS.map(([size, key]) => log.checkpoint([key], size));
    expect((await judge(log, notes)).exitCode).toBe(0);
    expect((await judge(log, notes.slice(-1))).exitCode).toBe(0);
  });

  it('and rewrites 300 is caught by the old heads that lie beside the log', async () => {
    const log = rotating().rewrite(300, other);
    expect((await judge(log, resigned(log, 1_000))).exitCode).toBe(1);
  });

  it('and rewrites 300 and signs every head anew is caught: the key note of 400 names another place', async () => {
    const log = rotating().rewrite(300, other);
    expect((await judge(log, resigned(log))).exitCode).toBe(1);
    expect((await judge(log, resigned(log).slice(-1))).exitCode).toBe(1);
  });

  it('and rewrites 300 without KEY records is caught: the key of the first epoch did not sign', async () => {
    const log = rotating().cut(300).grow(1_000);
    expect((await judge(log, [log.checkpoint([K3])])).exitCode).toBe(1);
  });

  it('and brings his key in early is never good: nobody vouches for it there', async () => {
    const early = rotating().cut(300);
    early.key(K3, []);
    early.grow(1_000);
    const report = await judge(early, [early.checkpoint([K3])]);
    expect([report.authenticity, report.exitCode]).toEqual(['unknown', 3]);
  });

  it('and rewrites 700 is caught', async () => {
    const log = rotating().rewrite(700, other);
    expect((await judge(log, resigned(log).slice(-1))).exitCode).toBe(1);
  });

  it('and cuts at 500 is caught: the key of that epoch did not sign', async () => {
    const log = rotating().cut(500);
    expect((await judge(log, [log.checkpoint([K3])])).exitCode).toBe(1);
  });

  it('and rewrites 900, after the last key change, is NOT caught unless somebody kept the head', async () => {
    const log = rotating().rewrite(900, other);
    expect((await judge(log, [log.checkpoint([K3])])).exitCode).toBe(0);
    const known = [rotating().checkpoint([K3])];
    expect((await judge(log, [log.checkpoint([K3])], { known })).exitCode).toBe(1);
  });

  it('and cuts at 802, after the last key change, is NOT caught unless the size is known', async () => {
    const log = rotating().cut(802);
    expect((await judge(log, [log.checkpoint([K3])])).exitCode).toBe(0);
    const known = [rotating().checkpoint([K3])];
    expect((await judge(log, [log.checkpoint([K3])], { known })).exitCode).toBe(2);
  });
});

// ── every byte ────────────────────────────────────────────────────────────────────────────────────

describe('a log of 300 records', () => {
  const log = new LabLog();
  log.key(own, [deployment]);
  log.quarantine(undefined, JSON.stringify({ signature: 'sqli:00', salt: '00'.repeat(16) }));
  log.grow(299).close();
  const note = log.checkpoint([own]);
  const root = log.checkpoint([stranger]);

  it('is good', async () => {
    expect((await judge(log, [note], {}, true)).exitCode).toBe(0);
  });

  // All 52,800 take a minute: `npm run check` tries them. Seven and 176 have no common divisor, so every place is tried.
  const stride = process.env.npm_lifecycle_event === 'check' || process.env.TRACEHOUND_EVERY_BYTE ? 1 : 7;
  it(`is tampered with when any one byte of any record is another, and the record or its neighbour is named (stride ${stride})`, async () => {
    // Without signatures: that the hashes catch it is what is asked here.
    const source = new LabSource(log, []);
    for (const [seq, record] of log.records.entries()) {
      for (let at = seq % stride; at < record.length; at += stride) {
        const byte = record[at]!;
        record[at] = byte ^ (1 << ((seq + at) % 8));
        const report = await verifyLog(source, { known: [root] });
        if (report.integrity !== 'bad') expect.fail(`byte ${at} of record ${seq}`);
        if (!report.findings.some((finding) => finding.seq === seq || finding.seq === seq - 1 || seq === 299)) {
          expect.fail(`byte ${at} of record ${seq}: ${JSON.stringify(report.findings[0])}`);
        }
        record[at] = byte;
      }
    }
    expect((await verifyLog(source, { known: [root] })).integrity).toBe('good');
  }, 900_000);

  it('is not good when any one byte of a sidecar is another', async () => {
    for (const detail of log.details) {
      for (let at = 0; at < (detail?.length ?? 0); at++) {
        detail![at]! ^= 1;
        const report = await judge(log, [note]);
        if (report.exitCode !== 1) expect.fail(`byte ${at}`);
        detail![at]! ^= 1;
      }
    }
  });

  it('is not good when any one byte of its checkpoint is another', async () => {
    const bytes = Buffer.from(note);
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 1;
      const report = await judge(log, [bytes.toString('latin1')]).catch(() => undefined);
      if (report === undefined || report.exitCode === 0) expect.fail(`byte ${at}`);
      bytes[at]! ^= 1;
    }
  });

  it('is tampered with when any one byte of a tile is another, and the tile is named', async () => {
    const source = new LabSource(log, [note], { tiles: true });
    const places = [tilePath(0, 0, 256), tilePath(0, 1, 44), tilePath(1, 0, 1)];
    expect([...source.tiles!.keys()]).toEqual(places);
    for (const place of places) {
      const tile = source.tiles!.get(place)!;
      for (let at = 0; at < tile.length; at += place.includes('/0/000') ? 37 : 1) {
        tile[at]! ^= 1;
        const report = await verifyLog(source, {});
        const found = report.findings.find(({ code }) => code === 'TILE');
        if (report.exitCode !== 1 || found?.place !== place) expect.fail(`byte ${at} of ${place}`);
        if (place === places[0]) expect(found.seq).toBe(Math.floor(at / 32));
        tile[at]! ^= 1;
      }
      for (const other of [tile.subarray(1), Buffer.concat([tile, Buffer.alloc(32)]), Buffer.alloc(0)]) {
        source.tiles!.set(place, other);
        expect((await verifyLog(source, {})).exitCode).toBe(1);
      }
      source.tiles!.set(place, tile);
    }
  });

  it('is tampered with when a sidecar is added, exchanged or has no record', async () => {
    for (const [seq, detail] of [
      [1, log.details[2]],
      [3, sha256('x')],
    ] as const) {
      const source = new LabSource(log, [note]);
      (source.entriesOf[seq] as { detail?: Uint8Array }).detail = detail!;
      const report = await verifyLog(source, { policy });
      expect(report.findings[0]).toMatchObject({ code: 'DETAIL', seq });
      expect(report.exitCode).toBe(1);
    }
  });
});
