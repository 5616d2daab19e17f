/**
 * Guards `src/formats/record.ts`: the host's spelling of the 176 bytes is the core's (`assembly/abi.ts`) and the page's
 * (docs/format.md), field by field and kind by kind; and numbers are read as they were written.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as abi from '../../../assembly/abi';
import * as record from '../../../src/formats/record';

const page = readFileSync(new URL('../../../docs/format.md', import.meta.url), 'utf8');

describe('the layout of a record', () => {
  test('is the one that the core writes', () => {
    expect({
      KIND: record.KIND,
      SEVERITY: record.SEVERITY,
      REASON: record.REASON,
      FLAGS_LOW: record.FLAGS_LOW,
      DISPOSITION: record.DISPOSITION,
      EPOCH: record.EPOCH,
      SEQ: record.SEQ,
      TIME: record.TIME,
      ID: record.ID,
      LENGTH: record.LENGTH,
      COUNT: record.COUNT,
      LINK: record.LINK,
      PAYLOAD: record.PAYLOAD,
      DETAIL: record.DETAIL,
      SOURCE: record.SOURCE,
      RECORD_BYTES: record.RECORD_BYTES,
    }).toEqual({
      KIND: abi.LOG_KIND,
      SEVERITY: abi.LOG_SEVERITY,
      REASON: abi.LOG_REASON,
      FLAGS_LOW: abi.LOG_FLAGS + 1,
      DISPOSITION: abi.LOG_DISPOSITION,
      EPOCH: abi.LOG_EPOCH,
      SEQ: abi.LOG_SEQ,
      TIME: abi.LOG_TIME,
      ID: abi.LOG_ID,
      LENGTH: abi.LOG_LENGTH,
      COUNT: abi.LOG_COUNT,
      LINK: abi.LOG_PREV,
      PAYLOAD: abi.LOG_PAYLOAD,
      DETAIL: abi.LOG_DETAIL,
      SOURCE: abi.LOG_SOURCE,
      RECORD_BYTES: abi.LOG_BYTES,
    });
    expect(record.RESUME_SIZE).toBe(record.ID);
    expect(record.SOURCE + 32).toBe(record.RECORD_BYTES);
  });

  test('has the kinds of the core, by number and by name', () => {
    const kinds = Object.entries(abi).filter(([name]) => name.startsWith('KIND_') && name !== 'KIND_LAST');
    expect(kinds.length).toBe(abi.KIND_LAST);
    for (const [name, kind] of kinds) {
      const word = name.slice('KIND_'.length);
      expect(record.KINDS[kind as number], name).toBe(word);
      const here = (record as Readonly<Record<string, unknown>>)[word];
      if (here !== undefined) expect(here, name).toBe(kind);
    }
    expect(record.KINDS[0]).toBe('');
  });

  test('has the kinds of docs/format.md', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| ([A-Z_]+) \|/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(abi.KIND_LAST);
    for (const [, number, name] of rows) {
      const known = record.KINDS[Number(number)];
      if (known !== undefined) expect(known, name).toBe(name);
    }
  });
});

describe('numbers of a record', () => {
  const bytes = new Uint8Array(record.RECORD_BYTES);
  const view = new DataView(bytes.buffer);

  test.each([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])('reads %i as 32 unsigned bits, big-endian', (value) => {
    view.setUint32(record.COUNT, value);
    expect(record.u32At(bytes, record.COUNT)).toBe(value);
  });

  test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])('reads %i as 64 bits', (value) => {
    view.setBigUint64(record.SEQ, BigInt(value));
    expect(record.numberAt(bytes, record.SEQ)).toBe(value);
  });

  test('reads what is above 2^53 as a number that is too large to mean something', () => {
    view.setBigUint64(record.SEQ, 2n ** 64n - 1n);
    expect(record.numberAt(bytes, record.SEQ)).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  });

  test('reads the range of a GAP', () => {
    view.setBigUint64(record.PAYLOAD, 300n);
    view.setBigUint64(record.PAYLOAD + 8, 512n);
    expect(record.gapOf(bytes)).toEqual({ from: 300, to: 512 });
  });

  test('sees every byte that is not zero', () => {
    const some = new Uint8Array(40);
    expect(record.isZero(some, 0, 40)).toBe(true);
    for (let i = 0; i < 40; i++) {
      const other = some.slice();
      other[i] = 1;
      expect(record.isZero(other, 10, 30), String(i)).toBe(i < 10 || i >= 30);
    }
  });

  test('tells ids apart by any byte, and a record without one', () => {
    const of = (id: readonly number[]): string => {
      const r = new Uint8Array(record.RECORD_BYTES);
      r.set(id, record.ID);
      return record.idOf(r);
    };
    const zero = new Array(16).fill(0);
    expect(of(zero)).toBe('');
    const all = Array.from({ length: 16 }, (_, i) => of(zero.with(i, 7)));
    expect(new Set(all).size).toBe(16);
    for (const id of all) expect(id).toHaveLength(8);
  });
});
