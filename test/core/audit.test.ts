/**
 * Guards the log: it equals its model record by record, whatever is released, lost, flushed and in whatever order; every
 * lost record is named by exactly one GAP; and nothing held can be changed without `auditVerify` seeing it.
 *
 * Files: `assembly/audit.ts`, `assembly/record.ts`, `assembly/journal.ts`.
 */
import { describe, expect, test } from 'vitest';
import {
  AUDIT_EPOCH,
  AUDIT_FRONTIER,
  AUDIT_GAP_FROM,
  AUDIT_GAP_TO,
  AUDIT_HELD_FROM,
  AUDIT_LOST,
  AUDIT_PREV,
  AUDIT_RELEASED_TO,
  AUDIT_SIZE,
  CONFIG_AT,
  CONFIG_MAX_RECORDS,
  FLAGS_KNOWN,
  KIND_GAP,
  KIND_GENESIS,
  KIND_LAST,
  KIND_LIMITED,
  KIND_QUARANTINED,
  KIND_RESUME,
  LOG_BYTES,
  LOG_COUNT,
  LOG_EPOCH,
  LOG_PAYLOAD,
  PANIC_AUDIT,
  PANIC_CONFIG,
  PANIC_UNSEEDED,
  SCRATCH_AT,
  SCRATCH_BYTES,
} from '../../assembly/abi.ts';
import { encode, type Fields, genesisPrev, LogModel, leafHash, sha256 } from '../model/log.ts';
import { builds, DigestCore, INPUT, OUTPUT, randomBytes, randomFrom } from './digest-core.ts';

const ORIGIN = 'local/test';

describe.each(builds)('audit, %s', (build) => {
  /** A core and its model, told the same. */
  class Pair {
    readonly core: DigestCore;
    readonly model: LogModel;

    constructor(capacity: number, origin = ORIGIN) {
      this.core = new DigestCore(build, capacity);
      this.core.origin(origin);
      this.model = new LogModel(capacity, origin);
    }

    append(fields: Fields): number {
      const { exports: e } = this.core;
      e.recordBegin(fields.kind, fields.time);
      if (fields.severity !== undefined) e.recordSeverity(fields.severity);
      if (fields.reason !== undefined) e.recordReason(fields.reason);
      if (fields.flags !== undefined) {
        e.recordFlags(fields.flags & 0x55);
        e.recordFlags(fields.flags & 0x2a);
      }
      if (fields.disposition !== undefined) e.recordDisposition(fields.disposition);
      if (fields.id) e.recordId(this.core.put(fields.id));
      if (fields.length !== undefined) e.recordLength(fields.length);
      if (fields.count !== undefined) e.recordCount(fields.count);
      if (fields.payload) e.recordPayload(this.core.put(fields.payload));
      if (fields.detail) e.recordDetail(this.core.put(fields.detail));
      if (fields.source) e.recordSource(this.core.put(fields.source));
      const seq = e.recordCommit();
      expect(seq).toBe(this.model.append(fields));
      return seq;
    }

    release(to: number): void {
      this.core.exports.auditRelease(to);
      this.model.release(to);
    }

    flush(time: number): void {
      this.core.exports.auditFlushGap(time);
      this.model.flush(time);
    }

    agree(note: string): void {
      const { core, model } = this;
      const { unnamed } = model;
      expect(
        {
          size: core.number(AUDIT_SIZE),
          heldFrom: core.number(AUDIT_HELD_FROM),
          releasedTo: core.number(AUDIT_RELEASED_TO),
          lost: core.number(AUDIT_LOST),
          gap: [core.number(AUDIT_GAP_FROM), core.number(AUDIT_GAP_TO)],
          prev: core.prev(),
          root: core.root(),
        },
        note,
      ).toEqual({
        size: model.size,
        heldFrom: model.heldFrom,
        releasedTo: model.releasedTo,
        lost: model.lost,
        gap: unnamed.length > 0 ? [unnamed[0], unnamed.at(-1)! + 1] : [0, 0],
        prev: model.prev.toString('hex'),
        root: model.root(),
      });
    }

    /** Every record that is held, and none that is not. */
    sameRecords(note: string): void {
      const { core, model } = this;
      for (let seq = model.heldFrom; seq < model.size; seq++) {
        if (!core.record(seq)?.equals(model.records[seq]!)) expect.fail(`${note}: record ${seq} differs`);
      }
      for (const seq of [model.heldFrom - 1, model.size, -1, model.heldFrom + 0.5, Number.NaN]) {
        expect(core.record(seq), `${note}: record ${seq}`).toBeUndefined();
      }
    }
  }

  const plain = (time = 1000): Fields => ({ kind: KIND_LIMITED, time });
  const anything = (random: (below: number) => number, time: number): Fields => ({
    kind: 1 + random(KIND_LAST),
    time,
    severity: [0, 1, 2, 3, 0xff][random(5)]!,
    reason: random(8),
    flags: random(FLAGS_KNOWN + 1),
    disposition: random(4),
    id: randomBytes(random, 16),
    length: random(2 ** 32),
    count: random(2 ** 32),
    payload: randomBytes(random, 32),
    detail: randomBytes(random, 32),
    source: randomBytes(random, 32),
  });

  describe('the record', () => {
    test('every field lies at its place, big-endian, and what is not said is zero', () => {
      const pair = new Pair(16);
      const random = randomFrom(1);
      const empty = encode(plain(), 0, genesisPrev(ORIGIN));
      pair.append(plain());
      expect(pair.core.record(0)).toEqual(empty);
      for (let i = 1; i < 16; i++) pair.append(anything(random, 2 ** 41 + random(2 ** 32)));
      pair.sameRecords('fields');
      pair.agree('fields');
    });

    test('one that was begun and not committed leaves nothing in the next', () => {
      const pair = new Pair(16);
      const random = randomFrom(2);
      const { exports: e } = pair.core;
      e.recordBegin(KIND_QUARANTINED, 5);
      e.recordSource(pair.core.put(randomBytes(random, 32)));
      e.recordFlags(FLAGS_KNOWN);
      pair.append(plain());
      pair.sameRecords('begun twice');
    });

    test('a time that is no time is 0, a fraction falls, one beyond 2⁵³ − 1 stops there', () => {
      const times: [number, number][] = [
        [Number.NaN, 0],
        [-1, 0],
        [Number.NEGATIVE_INFINITY, 0],
        [0.99, 0],
        [1.7e12 + 0.75, 1.7e12],
        [2 ** 32 - 1, 2 ** 32 - 1],
        [2 ** 33 - 1, 2 ** 33 - 1],
        [Number.POSITIVE_INFINITY, 2 ** 53 - 1],
      ];
      for (const [said, time] of times) {
        const core = new DigestCore(build, 16);
        core.origin(ORIGIN);
        core.exports.recordBegin(KIND_LIMITED, said);
        core.exports.recordCommit();
        expect(core.record(0), `${said}`).toEqual(encode({ kind: KIND_LIMITED, time }, 0, genesisPrev(ORIGIN)));
      }
    });

    test('sequence numbers beyond 32 bits are written whole, and find their place in the ring', () => {
      const seqs = [2 ** 32 - 1, 2 ** 32, 2 ** 40 + 12345, 2 ** 53 - 3, 17 * 529_835_250_000_000 - 1];
      for (const seq of seqs) {
        const core = new DigestCore(build, 17);
        core.origin(ORIGIN);
        core.setNumber(AUDIT_SIZE, seq);
        core.setNumber(AUDIT_HELD_FROM, seq);
        core.exports.recordBegin(KIND_LIMITED, 7);
        expect(core.exports.recordCommit()).toBe(seq);
        const record = encode({ kind: KIND_LIMITED, time: 7 }, seq, genesisPrev(ORIGIN));
        expect(core.record(seq)).toEqual(record);
        const place = core.ring + Number(BigInt(seq) % 17n) * LOG_BYTES;
        expect(core.take(place, LOG_BYTES)).toEqual(record);
        expect(core.exports.auditVerify()).toBe(1);
      }
    });

    test('the key epoch is in every record from there on, in GAPs too', () => {
      const { core } = new Pair(16);
      const append = (): void => {
        core.exports.recordBegin(KIND_LIMITED, 1);
        core.exports.recordCommit();
      };
      append();
      core.setWord(AUDIT_EPOCH, 200);
      for (let i = 0; i < 17; i++) append();
      core.exports.auditFlushGap(2);
      const epochs = [...Array(16).keys()].map((i) => core.record(3 + i)![LOG_EPOCH]);
      expect(epochs).toEqual(Array(16).fill(200));
      expect(core.record(18)![1]).toBe(KIND_GAP);
    });

    test('the size of the log before lies in the place of the id, its root in that of the payload', () => {
      const { core } = new Pair(16);
      const root = randomBytes(randomFrom(9), 32);
      core.exports.recordBegin(KIND_RESUME, 1);
      core.exports.recordOldSize(2 ** 40 + 5);
      core.exports.recordPayload(core.put(root));
      const id = Buffer.alloc(16);
      id.writeBigUInt64BE(2n ** 40n + 5n);
      const fields = { kind: KIND_RESUME, time: 1, id, payload: root };
      expect(core.record(core.exports.recordCommit())).toEqual(encode(fields, 0, genesisPrev(ORIGIN)));
    });

    test('codes that no verifier knows are a panic, not a record', () => {
      const bad: [string, number][] = [
        ['recordBegin', 0],
        ['recordBegin', KIND_LAST + 1],
        ['recordSeverity', 4],
        ['recordSeverity', 0xfe],
        ['recordReason', 256],
        ['recordFlags', FLAGS_KNOWN + 1],
        ['recordDisposition', 4],
      ];
      for (const [name, value] of bad) {
        const { core } = new Pair(16);
        expect(
          core.panicOf(() => core.exports[name](value, 0)),
          `${name}(${value})`,
        ).toBe(PANIC_AUDIT);
      }
    });
  });

  describe('the log', () => {
    test('for every size up to 128 the head is that of the model', () => {
      const pair = new Pair(200);
      pair.agree('empty');
      for (let size = 1; size <= 128; size++) {
        pair.append(plain(size));
        pair.agree(`size ${size}`);
      }
    });

    test('equals the model over random logs of up to 5,000 records, rings of 16 to 4,096, releases and flushes', () => {
      for (let seed = 1; seed <= 24; seed++) {
        const random = randomFrom(seed);
        const capacity = [16, 17, 31, 64, 255, 256, 257, 300, 1000, 4096][random(10)]!;
        const records = seed <= 2 ? 5000 : random(2500);
        const pair = new Pair(capacity, `local/${seed}`);
        const note = `seed ${seed}, ring ${capacity}`;
        // Most logs are released now and then, some never, some always.
        const patience = [30, 300, 3000, 1e9][random(4)]!;
        for (let i = 0; i < records; i++) {
          pair.append(random(50) === 0 ? anything(random, random(2 ** 40)) : plain(i));
          if (random(patience) === 0) pair.release(pair.model.size - random(2 * capacity));
          if (random(2 * patience) === 0) pair.flush(i);
          if (i % 499 === 0) pair.agree(`${note}, record ${i}`);
        }
        pair.agree(note);
        pair.sameRecords(note);
        expect(pair.core.exports.auditVerify(), note).toBe(1);
        pair.flush(1);
        pair.agree(`${note}, flushed`);
      }
    });

    test('begins with the hash of its origin, so that no record fits into another log', () => {
      const [one, other] = [new Pair(16, 'local/a'), new Pair(16, 'local/b')];
      expect(one.core.prev()).toBe(sha256('tracehound/log/v1\nlocal/a').toString('hex'));
      one.append(plain());
      other.append(plain());
      expect(one.core.record(0)).not.toEqual(other.core.record(0));
      const long = 'x'.repeat(300);
      expect(new Pair(16, long).core.prev()).toBe(genesisPrev(long).toString('hex'));
    });

    test('refuses to begin without an origin, and to change it afterwards', () => {
      const core = new DigestCore(build, 16);
      core.exports.recordBegin(KIND_GENESIS, 1);
      expect(core.panicOf(() => core.exports.recordCommit())).toBe(PANIC_UNSEEDED);
      const pair = new Pair(16);
      pair.append(plain());
      expect(pair.core.panicOf(() => pair.core.origin('elsewhere'))).toBe(PANIC_AUDIT);
    });

    test('refuses to commit what was not begun, twice, or past 2⁵³ − 1', () => {
      const begin = (core: DigestCore): void => {
        core.exports.recordBegin(KIND_LIMITED, 1);
      };
      const commit = (core: DigestCore): number => core.panicOf(() => core.exports.recordCommit());
      expect(commit(new Pair(16).core)).toBe(PANIC_AUDIT);
      const twice = new Pair(16).core;
      begin(twice);
      expect([commit(twice), commit(twice)]).toEqual([0, PANIC_AUDIT]);
      const verified = new Pair(16).core;
      begin(verified);
      verified.exports.auditVerify();
      expect(commit(verified)).toBe(PANIC_AUDIT);
      const endless = new Pair(16).core;
      endless.setNumber(AUDIT_SIZE, 2 ** 53 - 1);
      begin(endless);
      expect(commit(endless)).toBe(PANIC_AUDIT);
    });

    test('refuses a ring of fewer than 16 records, or one that no memory holds', () => {
      for (const records of [0, 15, 2 ** 32 - 1]) {
        const core = new DigestCore(build, 16);
        core.view.setUint32(CONFIG_AT + CONFIG_MAX_RECORDS, records, true);
        expect(core.panicOf(() => core.exports.auditInit())).toBe(PANIC_CONFIG);
      }
    });
  });

  describe('what is lost', () => {
    const gapsIn = (records: readonly Buffer[]): [from: number, to: number, count: number][] =>
      records
        .filter((record) => record[1] === KIND_GAP)
        .map((record) => [
          Number(record.readBigUInt64BE(LOG_PAYLOAD)),
          Number(record.readBigUInt64BE(LOG_PAYLOAD + 8)),
          record.readUInt32BE(LOG_COUNT),
        ]);

    /** Appends, and keeps every record as it appears, so that GAPs can be read even after they fell out. */
    class Watched extends Pair {
      readonly all: Buffer[] = [];
      readonly perCall: number[] = [];

      watch(act: () => void): void {
        const before = this.core.number(AUDIT_SIZE);
        act();
        const after = this.core.number(AUDIT_SIZE);
        for (let seq = before; seq < after; seq++) this.all.push(this.core.record(seq)!);
        this.perCall.push(after - before);
      }
    }

    test('is named by exactly one GAP, 256 at a time, and a GAP never leads to another', () => {
      for (let seed = 1; seed <= 10; seed++) {
        const random = randomFrom(seed);
        const pair = new Watched([16, 16, 40, 300][random(4)]!);
        for (let i = 0; i < 1500; i++) {
          pair.watch(() => pair.append(plain(i)));
          if (random(200) === 0) pair.release(pair.model.size - random(400));
          if (random(300) === 0) pair.watch(() => pair.flush(i));
        }
        pair.watch(() => pair.flush(1));
        pair.watch(() => pair.flush(2));
        const named = gapsIn(pair.all);
        expect(Math.max(...pair.perCall), `seed ${seed}`).toBeLessThanOrEqual(2);
        for (const [from, to, count] of named) {
          expect(count).toBe(to - from);
          expect(count).toBeLessThanOrEqual(256);
        }
        const lost = named.reduce((sum, [, , count]) => sum + count, 0);
        expect(lost, `seed ${seed}`).toBe(pair.core.number(AUDIT_LOST));
        const once = new Set(named.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i)));
        expect(once.size, `seed ${seed}`).toBe(lost);
        pair.agree(`seed ${seed}`);
      }
    });

    test('is nothing while every record is released in time', () => {
      const pair = new Pair(16);
      for (let i = 0; i < 1000; i++) {
        pair.append(plain(i));
        if (i % 10 === 0) pair.release(pair.model.size);
      }
      pair.flush(1);
      expect(pair.core.number(AUDIT_LOST)).toBe(0);
      expect(pair.core.number(AUDIT_SIZE)).toBe(1000);
    });

    test('without any release: one GAP per 256, each naming the record whose place it took', () => {
      const pair = new Watched(16);
      for (let i = 0; i < 16 + 255; i++) pair.watch(() => pair.append(plain(i)));
      expect(gapsIn(pair.all)).toEqual([[0, 256, 256]]);
      expect(pair.core.number(AUDIT_LOST)).toBe(256);
      for (let i = 0; i < 255; i++) pair.watch(() => pair.append(plain(i)));
      expect(gapsIn(pair.all)).toEqual([
        [0, 256, 256],
        [256, 512, 256],
      ]);
    });

    test('flushing names it at once; flushing again writes nothing', () => {
      const pair = new Watched(16);
      for (let i = 0; i < 20; i++) pair.append(plain(i));
      pair.watch(() => pair.flush(77));
      expect(gapsIn(pair.all)).toEqual([[0, 5, 5]]);
      expect(pair.all[0]!.readBigUInt64BE(16)).toBe(77n);
      for (let i = 0; i < 5; i++) pair.watch(() => pair.flush(78));
      expect(pair.all.length).toBe(1);
      pair.agree('flushed');
      expect(pair.core.exports.auditVerify()).toBe(1);
    });

    test('on both sides of released records is two ranges in two GAPs', () => {
      const pair = new Watched(16);
      for (let i = 0; i < 20; i++) pair.watch(() => pair.append(plain(i))); // 0 … 3 lost
      pair.release(10); // 4 … 9 are safe
      for (let i = 0; i < 6; i++) pair.watch(() => pair.append(plain(i))); // 4 … 9 fall out
      expect(pair.core.number(AUDIT_LOST)).toBe(4);
      pair.watch(() => pair.append(plain(99))); // 10 falls out: the first range is named before the second opens
      expect(gapsIn(pair.all)).toEqual([[0, 4, 4]]);
      pair.watch(() => pair.flush(100));
      expect(gapsIn(pair.all)).toEqual([
        [0, 4, 4],
        [10, 13, 3],
      ]);
      pair.agree('apart');
    });

    test('stays lost when what came after it is released', () => {
      const pair = new Pair(16);
      for (let i = 0; i < 20; i++) pair.append(plain(i));
      pair.release(20);
      expect(pair.core.number(AUDIT_GAP_TO)).toBe(4);
      pair.flush(1);
      expect(gapsIn([pair.core.record(20)!])).toEqual([[0, 4, 4]]);
      pair.agree('released late');
    });

    test('a release never goes back, nor beyond the log, nor by what is no number', () => {
      const pair = new Pair(16);
      for (let i = 0; i < 10; i++) pair.append(plain(i));
      const { exports: e } = pair.core;
      const released = (to: number): number => {
        e.auditRelease(to);
        return pair.core.number(AUDIT_RELEASED_TO);
      };
      expect([5, 3, Number.NaN, -1, 7.9, 1e300, 0].map(released)).toEqual([5, 5, 5, 5, 7, 10, 10]);
    });
  });

  describe('verifying', () => {
    test.each([10, 40])(
      'finds every change of every byte that is held (%i records through a ring of 16)',
      (records) => {
        const pair = new Pair(16);
        const random = randomFrom(records);
        for (let i = 0; i < records; i++) pair.append(anything(random, i));
        const { core } = pair;
        expect(core.exports.auditVerify()).toBe(1);
        const missed: string[] = [];
        const changeAt = (at: number, name: string): void => {
          const bit = 1 << random(8);
          core.memory[at]! ^= bit;
          if (core.exports.auditVerify() !== 0) missed.push(name);
          core.memory[at]! ^= bit;
        };
        for (let seq = pair.model.heldFrom; seq < pair.model.size; seq++) {
          const at = core.exports.auditRecordAt(seq);
          for (let byte = 0; byte < LOG_BYTES; byte++) changeAt(at + byte, `record ${seq}, byte ${byte}`);
        }
        for (let byte = 0; byte < 32; byte++) changeAt(core.audit + AUDIT_PREV + byte, `head, byte ${byte}`);
        if (records <= 16) {
          for (const level of [1, 3]) {
            for (let byte = 0; byte < 32; byte++) {
              changeAt(core.audit + AUDIT_FRONTIER + level * 32 + byte, `frontier ${level}, byte ${byte}`);
            }
          }
        }
        expect(missed).toEqual([]);
        expect(core.exports.auditVerify()).toBe(1);
      },
    );

    test('finds records swapped, repeated, dropped from the end, and a size that is not theirs', () => {
      const broken = (breakIt: (core: DigestCore) => void): number => {
        const pair = new Pair(16);
        for (let i = 0; i < 30; i++) pair.append(plain(i));
        breakIt(pair.core);
        return pair.core.exports.auditVerify();
      };
      const slot = (core: DigestCore, seq: number): number => core.exports.auditRecordAt(seq);
      expect(broken(() => {})).toBe(1);
      const swap = (core: DigestCore): void => {
        const [a, b] = [core.record(20)!, core.record(21)!];
        core.put(b, slot(core, 20));
        core.put(a, slot(core, 21));
      };
      expect(broken(swap)).toBe(0);
      expect(broken((core) => void core.put(core.record(20)!, slot(core, 21)))).toBe(0);
      expect(broken((core) => core.setNumber(AUDIT_SIZE, core.number(AUDIT_SIZE) - 1))).toBe(0);
      expect(broken((core) => core.setNumber(AUDIT_SIZE, core.number(AUDIT_SIZE) + 1))).toBe(0);
      expect(broken((core) => core.setNumber(AUDIT_HELD_FROM, 0))).toBe(0);
    });

    test('finds a record that fits the chain and that no core would have written', () => {
      for (const [offset, value] of [
        [0, 2],
        [1, 0],
        [1, KIND_LAST + 1],
        [2, 4],
        [4, 1],
        [5, 0x80],
        [6, 4],
        [15, 9],
      ] as const) {
        const { core } = new Pair(16);
        core.exports.recordBegin(KIND_LIMITED, 1);
        core.exports.recordCommit();
        const forged = encode({ kind: KIND_LIMITED, time: 1 }, 0, genesisPrev(ORIGIN));
        core.put(forged, core.ring);
        expect(core.exports.auditVerify()).toBe(1);
        forged[offset] = value;
        core.put(forged, core.ring);
        core.put(leafHash(forged), core.audit + AUDIT_PREV);
        core.put(leafHash(forged), core.audit + AUDIT_FRONTIER);
        expect(core.exports.auditVerify(), `byte ${offset} = ${value}`).toBe(0);
      }
    });

    test('of an empty log succeeds', () => {
      expect(new Pair(16).core.exports.auditVerify()).toBe(1);
    });
  });

  describe('commitments', () => {
    test('bind salt and content with their own prefixes', () => {
      const { core } = new Pair(16);
      const random = randomFrom(3);
      for (let length = 0; length <= 200; length++) {
        const salt = randomBytes(random, 16);
        const text = randomBytes(random, length);
        core.put(salt);
        core.put(text, INPUT + 64);
        core.exports.commitDetail(INPUT, INPUT + 64, length, OUTPUT);
        expect(core.hex(), `length ${length}`).toBe(sha256(Uint8Array.of(3), salt, text).toString('hex'));
      }
      const salt = randomBytes(random, 16);
      const hash = randomBytes(random, 32);
      core.put(salt);
      core.put(hash, INPUT + 64);
      core.exports.commitPayload(INPUT, INPUT + 64, OUTPUT);
      expect(core.hex()).toBe(sha256(Uint8Array.of(2), salt, hash).toString('hex'));
    });

    test('leave neither salt nor content in scratch memory', () => {
      const { core } = new Pair(16);
      core.put(Buffer.alloc(400, 0x5a));
      core.exports.commitDetail(INPUT, INPUT + 16, 129, OUTPUT);
      core.exports.commitPayload(INPUT, INPUT + 16, OUTPUT);
      expect(core.take(SCRATCH_AT, SCRATCH_BYTES).includes(Buffer.alloc(2, 0x5a))).toBe(false);
    });
  });
});
