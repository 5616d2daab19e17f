/** Guards `src/instance/audit.ts`, the log's public half: what is exported, acknowledged, verified, and what is left after close. */

import { describe, expect, test } from 'vitest';
import type { Tracehound } from '../../../src/index';
import { audit } from '../../../src/instance/audit';
import { BUILDS, type Ground, ground, kindsOf, readRecord, recordsOf, sha256hex } from '../../ground';
import { genesisPrev, leafHash, treeHead } from '../../model/log';

const attack = (th: Tracehound, payload: string): void => {
  const { status } = th.intercept({ source: '192.0.2.1', payload, threat: { category: 'sqli', severity: 'high' } });
  expect(status).toBe('quarantined');
};
const unavailable = expect.objectContaining({ name: 'TracehoundError', code: 'RANGE_UNAVAILABLE' });

describe.each(BUILDS)('audit, on the %s build', (_, core) => {
  const room = (audit: object = {}, over: object = {}): Ground =>
    ground({ audit, rateLimit: false, ...over }, { core });

  test('an instance that did nothing has a log of one record: GENESIS, bound to its origin', () => {
    const { th } = room({ origin: 'test.example/1' });
    const { origin, from, records, details } = th.audit.export();
    expect({ origin, from, records: records.length }).toEqual({ origin: 'test.example/1', from: 0, records: 1 });
    expect(readRecord(records[0]!)).toMatchObject({
      kind: 'GENESIS',
      seq: 0,
      flags: 1,
      prev: genesisPrev('test.example/1').toString('hex'),
      detail: sha256hex(details[0]!),
    });
    expect(th.audit.head()).toEqual({ origin, size: 1, root: leafHash(records[0]!).toString('hex') });
    expect(th.audit.verify()).toEqual({ ok: true, from: 0, to: 1, gaps: 0 });
  });

  test('GENESIS commits to everything that decides how the log came about, and to no key', () => {
    const { th } = room({ origin: 'test.example/{instance}' }, { failMode: 'closed' });
    const facts = JSON.parse(Buffer.from(th.audit.export().details[0]!).toString());
    expect(facts).toMatchObject({
      origin: th.audit.head().origin,
      runtime: 'ground',
      clock: 'test',
      core: expect.stringMatching(/^[0-9a-f]{64}$/),
      config: { rateLimit: false, failMode: 'closed', maxPayloadBytes: 65_536, maxRecords: 4_096 },
    });
    expect(facts.origin).toBe(`test.example/${facts.instance}`);
    expect(facts.instance).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(facts)).not.toContain(
      Buffer.from(Uint8Array.from({ length: 32 }, (_v, i) => i + 1)).toString('hex'),
    );
    const clocked = JSON.parse(
      Buffer.from(ground({ clock: () => 1 }, { core }).th.audit.export().details[0]!).toString(),
    );
    expect(clocked.clock).toBe('option');
  });

  test.each(['"'.repeat(255), '\\'.repeat(255), `${'é'.repeat(100)}{instance}`])(
    'any origin that is allowed can begin a log: %s',
    (origin) => {
      const { th } = room({ origin });
      const { records, origin: said } = th.audit.export();
      expect(readRecord(records[0]!).prev).toBe(genesisPrev(said).toString('hex'));
    },
  );

  test('export gives the records from … to, copies, with their details, and clips what does not exist yet', () => {
    const { th } = room();
    for (let i = 0; i < 9; i++) attack(th, `n ${i}`);
    th.quarantine.purgeAll({ actor: 'kim', purpose: 'clean up' });
    const all = th.audit.export();
    expect(all.records.length).toBe(19);
    const seqs = (range?: { from?: number; to?: number }): number[] =>
      th.audit.export(range).records.map((record) => readRecord(record).seq);
    expect(seqs({ from: 3, to: 6 })).toEqual([3, 4, 5]);
    expect(seqs({ to: 2 })).toEqual([0, 1]);
    expect(seqs({ from: 17 })).toEqual([17, 18]);
    expect(seqs({ from: 17, to: 1_000 })).toEqual([17, 18]);
    expect(seqs({ from: 19 })).toEqual([]);
    expect(seqs({ from: 1_000 })).toEqual([]);
    expect(seqs({ from: 6, to: 3 })).toEqual([]);
    expect(all.details.length).toBe(19);
    all.records.forEach((record, i) => {
      const { flags, detail } = readRecord(record);
      const sidecar = all.details[i];
      if (flags & 1) expect(sha256hex(sidecar!)).toBe(detail);
      else expect(sidecar).toBeNull();
    });
    expect(th.audit.export()).toEqual(all);
  });

  test('a number that is no sequence number is an error', () => {
    const { th } = room();
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', null, {}]) {
      expect(() => th.audit.export({ from: bad as number })).toThrow(RangeError);
      expect(() => th.audit.export({ to: bad as number })).toThrow(/^audit.export to: out of range/);
      expect(() => th.audit.release(bad as number)).toThrow(RangeError);
    }
    expect(() => th.audit.release(undefined as never)).toThrow(RangeError);
  });

  test('release acknowledges what was exported, never goes back, and never beyond the log', () => {
    const { th } = room();
    for (let i = 0; i < 5; i++) attack(th, `n ${i}`);
    expect(() => th.audit.release(7)).toThrow(/^audit.release: too large, expected toSeq ≤ 6, got 7/);
    expect(th.audit.export().from).toBe(0);
    th.audit.release(4);
    expect(recordsOf(th).map(({ seq }) => seq)).toEqual([4, 5]);
    th.audit.release(2);
    expect(th.audit.export().from).toBe(4);
    expect(th.watcher.snapshot().audit).toMatchObject({ size: 6, held: 6, unreleased: 2, lost: 0 });
    // What was released may be had again while it is held.
    expect(th.audit.export({ from: 0 }).records.length).toBe(6);
    th.audit.release(6);
    expect(th.audit.export()).toMatchObject({ from: 6, records: [] });
  });

  test('what is not held any more is RANGE_UNAVAILABLE, and what was lost is counted', () => {
    const { th } = room({ maxRecords: 16 });
    for (let i = 0; i < 30; i++) attack(th, `n ${i}`);
    expect(th.audit.verify()).toMatchObject({ ok: true, from: 15, to: 31, gaps: 15 });
    for (const from of [0, 14]) expect(() => th.audit.export({ from })).toThrow(unavailable);
    expect(th.audit.export().from).toBe(15);
    expect(th.audit.export({ from: 15 }).records.length).toBe(16);
    expect(th.watcher.snapshot().audit).toMatchObject({ size: 31, held: 16, unreleased: 16, lost: 15 });
  });

  test('a gap is named by a record when the log is flushed, and flushing again writes nothing', async () => {
    const { th } = room({ maxRecords: 16 });
    for (let i = 0; i < 20; i++) attack(th, `n ${i}`);
    await th.audit.flush();
    expect(recordsOf(th).at(-1)).toMatchObject({
      kind: 'GAP',
      count: 6,
      payload: `${'0'.repeat(31)}6${'0'.repeat(32)}`,
    });
    const { size } = th.audit.head();
    await th.audit.flush();
    expect(th.audit.head().size).toBe(size);
  });

  test('256 lost records are one GAP', () => {
    const { th } = room({ maxRecords: 16 });
    for (let i = 0; i < 600; i++)
      th.http.counters.uninspected(`192.0.2.${i % 256}`, 'passed', i < 256 ? 'threw' : 'timeout');
    void th.audit.flush();
    const { size } = th.audit.head();
    const lost = th.audit.verify().gaps;
    expect(lost).toBe(size - 16);
    expect(recordsOf(th).at(-1)!.kind).toBe('GAP');
  });

  test('a flush writes what is owed: repeats, detector failures, refusals of nobody', async () => {
    const { th } = room({}, { rateLimit: { limit: 4 } });
    for (let i = 0; i < 4; i++)
      th.intercept({ source: '192.0.2.1', payload: 'x', threat: { category: 'a', severity: 'low' } });
    for (let i = 0; i < 7; i++) th.http.counters.uninspected('192.0.2.2', 'observed', 'threw');
    for (let i = 0; i < 3; i++)
      th.intercept({ source: '192.0.2.1', payload: i, threat: { category: 'a', severity: 'low' } });
    expect(recordsOf(th).map(({ kind, count }) => `${kind} ${count}`)).toEqual([
      'GENESIS 0',
      'QUARANTINED 1',
      'DUPLICATE 1',
      'DUPLICATE 1',
      'UNINSPECTED 1',
      'UNINSPECTED 1',
      'UNINSPECTED 2',
      'LIMITED 1',
      'LIMITED 1',
    ]);
    await th.audit.flush();
    await th.audit.flush();
    expect(recordsOf(th, 9).map(({ kind, count }) => `${kind} ${count}`)).toEqual(['UNINSPECTED 3', 'DUPLICATE 1']);
    await th.close();
    expect(recordsOf(th, 11).map(({ kind, count, flags }) => `${kind} ${count} ${flags}`)).toEqual([
      'LIMITED 1 16',
      'CLOSE 0 0',
    ]);
  });

  test('after close the log can be read, proved and exported: its last record is CLOSE', async () => {
    const { th } = room();
    attack(th, 'payload');
    await th.close();
    expect(kindsOf(th)).toEqual(['GENESIS', 'QUARANTINED', 'CLOSE']);
    const { records, origin } = th.audit.export();
    expect(th.audit.head()).toEqual({
      origin,
      size: 3,
      root: treeHead(records.map((r) => leafHash(r))).toString('hex'),
    });
    expect(th.audit.verify()).toEqual({ ok: true, from: 0, to: 3, gaps: 0 });
    th.audit.release(3);
    await th.audit.flush();
    await th.close();
    expect(th.audit.head().size).toBe(3);
  });

  test('an instance that was closed before it began has no log', async () => {
    const world = room();
    await world.th.close();
    expect(world.cores.length).toBe(0);
    expect(world.th.watcher.snapshot()).toMatchObject({ status: 'closed', audit: { size: 0 } });
  });

  test('verify sees a changed byte anywhere in what is held', () => {
    const world = room({ maxRecords: 16 });
    for (let i = 0; i < 5; i++) attack(world.th, `n ${i}`);
    const memory = world.memory();
    const record = world.th.audit.export({ from: 2, to: 3 }).records[0]!;
    const at = Buffer.from(memory.buffer).indexOf(Buffer.from(record));
    expect(at).toBeGreaterThan(0);
    for (let i = 0; i < 176; i += 5) {
      memory[at + i]! ^= 0x40;
      expect(world.th.audit.verify().ok, `byte ${i}`).toBe(false);
      memory[at + i]! ^= 0x40;
    }
    expect(world.th.audit.verify().ok).toBe(true);
  });

  test('a sidecar is kept as long as its record is, however many there are', () => {
    const { th } = room();
    attack(th, 'payload');
    const { signature } = th.quarantine.list()[0]!;
    for (let i = 0; i < 2_060; i++) th.quarantine.read(signature, { actor: `${i}`, purpose: 'audit' });
    const { details } = th.audit.export();
    expect(details[0]).not.toBeNull();
    expect(details.filter((detail) => detail !== null).length).toBe(2_061);
    expect(th.audit.verify().ok).toBe(true);
  });

  test('nothing is carried over from a log that never stopped', () => {
    const { th } = room();
    expect(th.audit.carried()).toEqual([]);
    expect(() => th.audit.releaseCarried('nonsense')).not.toThrow();
  });
});

test('what a store acknowledges, a caller cannot', () => {
  const log = { release: () => expect.unreachable() };
  for (const storeState of ['ok', 'failing', 'stopped']) {
    const subject = audit({ log } as never, { storeState } as never, () => 0);
    expect(() => subject.release(1)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  }
});
