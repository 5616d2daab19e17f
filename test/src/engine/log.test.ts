/**
 * Guards src/engine/log.ts: heads and leaves are RFC 9162's at every size; what is exported is clipped to what exists; what is
 * asked wrongly costs no core; records of the host carry what docs/format.md says.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { EngineLog } from '../../../src/engine/log';
import { configOf, questionOf } from '../../lab/core';
import { engineOf, LOG } from '../../lab/engine';
import { parsed, region, treeHead, view } from '../../lab/lab';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const leaf = (record: Uint8Array): string => createHash('sha256').update(Uint8Array.of(0)).update(record).digest('hex');

/** A log with this many records. */
function logOf(records: number, maxRecords = 64) {
  const { engine, it: lab } = engineOf({ config: configOf({ limit: 0, maxRecords }) });
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) engine.log.append(lab.now, 'evacuated', { count: i });
  };
  engine.log.head(lab.now);
  add(records - 1);
  return { engine, log: engine.log, now: lab.now, add };
}

it('is the half of an engine that its instance hands out', () => {
  const { engine, log } = logOf(1);
  expect(log).toBeInstanceOf(EngineLog);
  expect(engine.log).toBe(log);
  expect(engineOf().engine.log.state()).toBeUndefined();
  expect(engineOf().engine.log.origin).toBe('');
  expect(log.origin).toBe(LOG);
});

it('has RFC 9162’s head at every size, and the leaf hash of every record', () => {
  for (let size = 1; size <= 33; size++) {
    const { log, now } = logOf(size);
    const { records } = log.export(now, 0, undefined);
    expect(records).toHaveLength(size);
    expect(log.head(now)).toMatchObject({ origin: LOG, size });
    expect(hex(log.head(now).root), `${size} records`).toBe(treeHead(records));
    expect(hex(log.link(now).link)).toBe(leaf(records.at(-1) as Uint8Array));
    expect(log.verify(now)).toEqual({ ok: true, from: 0, to: size, gaps: 0 });
  }
});

it('gives every range with its leaf hashes, at its end and before it', () => {
  const { log, now } = logOf(9);
  const { records } = log.export(now, 0, undefined);
  for (let from = 0; from <= 9; from++) {
    for (let to = from; to <= 9; to++) {
      const tail = log.tail(now, from, to);
      expect(tail.records).toEqual(records.slice(from, to));
      const leaves = tail.leaves.slice(0, to - from).map(hex);
      expect(leaves, `[${from}, ${to})`).toEqual(records.slice(from, to).map(leaf));
    }
  }
});

describe('an export', () => {
  it('is clipped to what exists, begins at what is not released, and is a copy', () => {
    const { log, now } = logOf(7);
    const numbers = (from?: number, to?: number): number[] =>
      log.export(now, from, to).records.map((record) => parsed(record).seq);
    expect(numbers()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(numbers(2, 4)).toEqual([2, 3]);
    expect(numbers(6, 99)).toEqual([6]);
    expect(numbers(7)).toEqual([]);
    expect(numbers(99)).toEqual([]);
    log.release(now, 5);
    expect(numbers()).toEqual([5, 6]);
    expect(numbers(3, 5)).toEqual([3, 4]);
    log.export(now, 0, 1).records[0]!.fill(0);
    expect(log.verify(now).ok).toBe(true);
  });

  it('of what is held no more says from where there are records', () => {
    const { log, now, add } = logOf(1, 16);
    add(15);
    log.release(now, 16);
    add(8);
    const { heldFrom } = log.state()!;
    expect(heldFrom).toBeGreaterThan(0);
    expect(log.export(now, heldFrom, undefined).from).toBe(heldFrom);
    expect(() => log.export(now, heldFrom - 1, undefined)).toThrow(
      expect.objectContaining({
        code: 'RANGE_UNAVAILABLE',
        message: `audit.export: record not held any more, expected from ≥ ${heldFrom}, got ${heldFrom - 1}`,
      }),
    );
  });
});

it('releases up to its newest record; beyond it refuses, and no core is lost', () => {
  const { engine, log, now } = logOf(5);
  log.release(now, 5);
  expect(log.state()).toMatchObject({ releasedTo: 5 });
  for (const beyond of [6, 1e9]) expect(() => log.release(now, beyond)).toThrow(`expected toSeq ≤ 5, got ${beyond}`);
  log.release(now, 2);
  expect(log.state()).toMatchObject({ releasedTo: 5, size: 5 });
  expect([engine.panics, engine.status]).toEqual([0, 'up']);
});

describe('a record of the host', () => {
  it('has its number, its count, its overlay and its sidecar', () => {
    const { log, now } = logOf(1);
    const overlay = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
    const detail = new TextEncoder().encode('{"why":"test"}');
    expect(log.append(now, 'gap', { count: 3, overlay, detail })).toBe(1);
    expect(log.append(now, 'resume', { size: 77, overlay })).toBe(2);
    const { records, details } = log.export(now, 1, undefined);
    expect(parsed(records[0]!)).toMatchObject({ kind: abi.KIND_GAP, seq: 1, count: 3, overlay: hex(overlay) });
    expect(details).toEqual([detail, null]);
    expect(hex(records[0]!.subarray(abi.LOG_DETAIL, abi.LOG_DETAIL + 32))).toBe(
      createHash('sha256').update(detail).digest('hex'),
    );
    expect(parsed(records[1]!)).toMatchObject({ kind: abi.KIND_RESUME, size: 77 });
  });

  it('HEARTBEAT carries the totals, six bytes each', () => {
    const { engine, log, now } = logOf(1);
    const source = { kind: 'key', text: 'k' } as const;
    for (let i = 0; i < 300; i++) engine.count(now, 'seen');
    for (let i = 0; i < 2; i++) engine.intercept(now, source, questionOf(`p${i}`));
    engine.uninspected(now, source, 3, 'threw');
    for (let i = 0; i < 4; i++) engine.count(now, 'skipped');
    for (let i = 0; i < 5; i++) engine.count(now, 'failedOpen');
    const { seen } = log.state()!;
    log.append(now, 'heartbeat');
    const record = log.export(now, 0, undefined).records.at(-1)!;
    const overlay = Buffer.from(record.subarray(abi.LOG_PAYLOAD, abi.LOG_PAYLOAD + 32));
    expect([0, 1, 2, 3, 4].map((i) => overlay.readUIntBE(6 * i, 6))).toEqual([seen, 2, 1, 4, 5]);
    expect(seen).toBeGreaterThanOrEqual(300);
    expect(overlay.readUInt16BE(30)).toBe(0);
  });

  it('HEARTBEAT says of a total with no room in six bytes the largest that has', () => {
    const { engine, it: lab } = engineOf();
    engine.makeId(lab.now);
    const place = region(lab.last(), abi.HEADER_AUDIT) + abi.AUDIT_SEEN;
    for (const [total, said] of [
      [2 ** 40 + 7, 2 ** 40 + 7],
      [2 ** 48 - 1, 2 ** 48 - 1],
      [2 ** 48, 2 ** 48 - 1],
    ] as const) {
      view(lab.last()).setFloat64(place, total, true);
      engine.log.append(lab.now, 'heartbeat');
      const record = engine.log.export(lab.now, 0, undefined).records.at(-1)!;
      expect(Buffer.from(record.subarray(abi.LOG_PAYLOAD)).readUIntBE(0, 6)).toBe(said);
    }
  });

  it('KEY is the first of its epoch, and what follows is of the same', () => {
    const { log, now } = logOf(2);
    log.append(now, 'key');
    log.append(now, 'heartbeat');
    log.append(now, 'key');
    expect(log.export(now, 0, undefined).records.map((record) => record[abi.LOG_EPOCH])).toEqual([0, 0, 1, 1, 2]);
    expect(log.state()).toMatchObject({ epoch: 2 });
  });
});

it('settling writes what is folded until nothing is owed; closing writes CLOSE last', () => {
  const { engine, log, now } = logOf(1);
  for (let i = 0; i < 7; i++) engine.intercept(now, { kind: 'key', text: 'k' }, questionOf('the same'));
  const kinds = (): number[] => log.export(now, 1, undefined).records.map((record) => parsed(record).kind);
  const counted = (): number =>
    log.export(now, 1, undefined).records.reduce((sum, record) => sum + parsed(record).count, 0);
  const before = kinds().length;
  log.settle(now, false);
  expect(kinds().length).toBeGreaterThan(before);
  expect(counted()).toBe(7);
  log.settle(now, false);
  log.settle(now, true);
  expect(kinds().at(-1)).toBe(abi.KIND_CLOSE);
  expect(kinds().filter((kind) => kind === abi.KIND_CLOSE)).toHaveLength(1);
});

it('renewed, goes on under another name, and carries the old one until somebody takes it', () => {
  const { log, now } = logOf(4);
  const old = log.export(now, 0, undefined);
  log.renew(now);
  expect(log.origin).toMatch(new RegExp(`^${LOG}/[0-9a-f-]{36}$`));
  expect(log.carried).toEqual([old]);
  log.releaseCarried('example.org/other');
  expect(log.carried).toHaveLength(1);
  log.releaseCarried(LOG);
  expect(log.carried).toEqual([]);
});
