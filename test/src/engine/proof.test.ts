/**
 * Guards src/engine/proof.ts: an item, a record, a sidecar is believed when everything about it agrees, and whatever single
 * bit is changed, no longer; hashing at once and hashing later answer the same.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import {
  chainProof,
  hasSidecar,
  itemProof,
  logProof,
  type Proof,
  prove,
  proveAsync,
  recordAt,
  sidecarsProof,
} from '../../../src/engine/proof';
import { headBytes, type Salvaged, salvage } from '../../../src/engine/salvage';
import { begun, configOf, flag, NOW, ORIGIN } from '../../lab/core';
import { dice, treeHead } from '../../lab/lab';

const config = configOf({ limit: 0, maxRecords: 64 });
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** What a core holds after `items` flagged scents. */
function held(items: number): Salvaged {
  const core = begun(config);
  for (let i = 0; i < items; i++)
    flag(core, `payload ${i}`, i % 2 === 0 ? {} : { fingerprint: `${i}`, category: 'xss' }, `10.0.0.${i}`, NOW + i);
  return salvage(core, config, ORIGIN, [], () => null);
}
const logOf = (salvaged: Salvaged): ReturnType<typeof logProof> extends Proof<infer T> ? T : never =>
  prove(logProof(salvaged), sha256);

describe('an item', () => {
  const salvaged = held(4);
  const whole = (i: number): [slot: Uint8Array, content: Uint8Array] => [
    (salvaged.slots[i] as Uint8Array).slice(),
    (salvaged.content(i) as Uint8Array).slice(),
  ];
  const fault = (slot: Uint8Array, content: Uint8Array, recordOf = recordAt(salvaged.log)): string | undefined =>
    prove(itemProof(slot, content, config.maxPayloadBytes, recordOf), sha256);

  it('is believed as it lies there', () => {
    for (let i = 0; i < 4; i++) expect(fault(...whole(i))).toBeUndefined();
  });

  it.each([0, 1])(
    'is not believed with any one bit of its payload, salt, hash, id or source changed (item %d)',
    (i) => {
      const head = headBytes(salvaged.slots[i] as Uint8Array);
      const places = new Map<string, [from: number, bytes: number]>([
        ['payload', [head, (salvaged.content(i) as Uint8Array).length - head]],
        ['salt', [abi.ITEM_SALT, 16]],
      ]);
      for (const [what, [from, bytes]] of places) {
        for (let bit = 0; bit < 8 * bytes; bit += 3) {
          const [slot, content] = whole(i);
          content[from + (bit >>> 3)]! ^= 1 << (bit & 7);
          expect(fault(slot, content), `${what}, bit ${bit}`).toMatch(/payload hash|record/);
        }
      }
      for (const [from, bytes] of [
        [abi.SLOT_HASH, 32],
        [abi.SLOT_SOURCE_TAG, 32],
        [abi.SLOT_ID, 16],
      ] as const) {
        for (let bit = 0; bit < 8 * bytes; bit++) {
          const [slot, content] = whole(i);
          slot[from + (bit >>> 3)]! ^= 1 << (bit & 7);
          expect(fault(slot, content), `slot byte ${from}, bit ${bit}`).toBeDefined();
        }
      }
    },
  );

  const numbers: [what: string, at: number, value: number, bytes: 1 | 4, reason: string][] = [
    ['more bytes than may be', abi.SLOT_PAYLOAD_BYTES, config.maxPayloadBytes + 1, 4, 'size'],
    ['one byte more than it has', abi.SLOT_PAYLOAD_BYTES, 10, 4, 'size'],
    ['a fifth severity', abi.SLOT_SEVERITY, 4, 1, 'severity'],
    ['a fifth disposition', abi.SLOT_DISPOSITION, 4, 1, 'severity'],
    ['an unknown flag', abi.SLOT_FLAGS, 32, 1, 'flags'],
    ['an unknown state', abi.SLOT_STATE, 8 | abi.STATE_HELD, 1, 'state'],
    ['a state that holds nothing', abi.SLOT_STATE, abi.STATE_ARCHIVED, 1, 'state'],
    ['no time seen', abi.SLOT_SEEN, 0, 4, 'counts'],
    ['more records than times seen', abi.SLOT_ACCOUNTED, 2, 4, 'counts'],
    ['no record at all', abi.SLOT_ACCOUNTED, 0, 4, 'counts'],
    ['another version of UUID', abi.SLOT_ID + 6, 0x40, 1, 'id'],
    ['another variant of UUID', abi.SLOT_ID + 8, 0xc0, 1, 'id'],
    ['no category', abi.SLOT_CATEGORY_BYTES, 0, 1, 'size'],
  ];
  it.each(numbers)('with %s is not believed', (_, at, value, bytes, reason) => {
    const [slot, content] = whole(0);
    if (bytes === 1) slot[at] = value;
    else new DataView(slot.buffer).setUint32(at, value, true);
    expect(fault(slot, content)).toBe(reason);
  });

  it.each([
    [-1, NOW],
    [NOW + 1, NOW],
    [NOW, 8.64e15 + 1],
    [Number.NaN, NOW],
    [NOW, Number.NaN],
  ])('captured at %d and last seen at %d is not believed', (captured, last) => {
    const [slot, content] = whole(0);
    new DataView(slot.buffer).setFloat64(abi.SLOT_CAPTURED_AT, captured, true);
    new DataView(slot.buffer).setFloat64(abi.SLOT_LAST_SEEN_AT, last, true);
    expect(fault(slot, content)).toBe('times');
  });

  it('whose payload was changed together with its hash is not the one that its record commits to', () => {
    const [slot, content] = whole(1);
    content[content.length - 1]! ^= 1;
    content.set(sha256(content.subarray(headBytes(slot))), abi.ITEM_HEAD_BYTES);
    expect(fault(slot, content)).toBe('record');
    expect(fault(slot, content, () => undefined)).toBeUndefined();
  });

  it('of an earlier log, or whose record is gone, is believed by the hash of its payload alone', () => {
    const [slot, content] = whole(2);
    slot[abi.SLOT_SOURCE_TAG]! ^= 1;
    expect(fault(slot, content)).toBe('record');
    expect(fault(slot, content, () => undefined)).toBeUndefined();
    slot[abi.SLOT_FLAGS]! |= abi.ITEM_SALVAGED;
    expect(fault(slot, content)).toBeUndefined();
    content[content.length - 1]! ^= 1;
    expect(fault(slot, content)).toBe('payload hash');
  });
});

describe('a log', () => {
  it('of any size is whole, and its head is RFC 9162’s', () => {
    for (let items = 0; items <= 14; items++) {
      const salvaged = held(items);
      const { head, tail, root } = logOf(salvaged);
      expect([head, tail]).toEqual([items + 1, items + 1]);
      expect(Buffer.from(root as Uint8Array).toString('hex'), `${items + 1} records`).toBe(
        treeHead(salvaged.log.records),
      );
    }
  });

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))(
    'with one bit changed is believed before and behind it (seed %d)',
    (seed) => {
      const roll = dice(seed);
      const salvaged = held(10);
      const { records } = salvaged.log;
      const at = Math.floor(roll() * records.length);
      const record = records[at] as Uint8Array;
      // What a record says of the one before is that one's business too.
      const byte = 8 + Math.floor(roll() * 40);
      record[byte]! ^= 1 << Math.floor(roll() * 8);
      const { head, tail, root } = logOf(salvaged);
      expect([head, tail]).toEqual([at, records.length - 1 - at]);
      if (tail === 0) expect(root).toBeUndefined();
      // Of a log that ended, nobody confirms the last record.
      if (tail > 0) expect(prove(chainProof(salvaged.log), sha256)).toBe(false);
    },
  );

  it('whose link to the record before is changed loses both', () => {
    const salvaged = held(6);
    salvaged.log.records[3]![abi.LOG_PREV]! ^= 1;
    expect(logOf(salvaged)).toMatchObject({ head: 2, tail: 3 });
  });

  it('whose state contradicts its records has no head', () => {
    const state = (change: (view: DataView) => void): ReturnType<typeof logOf> => {
      const salvaged = held(6);
      change(new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length));
      return logOf(salvaged);
    };
    for (const size of [0, 6, 8, -1, 6.5, Number.NaN]) {
      expect(state((view) => view.setFloat64(abi.AUDIT_SIZE, size, true))).toEqual({
        head: 0,
        tail: 0,
        root: undefined,
      });
    }
    // 7 records: nodes of 1, 2 and 4 leaves.
    for (const level of [0, 1, 2]) {
      const at = abi.AUDIT_FRONTIER + 32 * level;
      expect(state((view) => view.setUint8(at, view.getUint8(at) ^ 1)).root, `level ${level}`).toBeUndefined();
    }
    expect(state((view) => view.setUint8(abi.AUDIT_FRONTIER + 96, 1)).root, 'an unused level').toBeDefined();
    expect(state((view) => view.setUint8(abi.AUDIT_PREV, view.getUint8(abi.AUDIT_PREV) ^ 1))).toMatchObject({
      tail: 0,
    });
  });
});

it('with all records released, the newest leaf is the newest node of the frontier', () => {
  const released = (): Salvaged => {
    const salvaged = held(6);
    return { ...salvaged, log: { ...salvaged.log, from: 7, records: [], details: [] } };
  };
  expect(Buffer.from(logOf(released()).root!).toString('hex')).toBe(treeHead(held(6).log.records));
  const wrong = released();
  wrong.audit[abi.AUDIT_PREV]! ^= 1;
  expect(logOf(wrong)).toEqual({ head: 0, tail: 0, root: undefined });
});

it('a sidecar is the one whose hash its record names', async () => {
  const core = begun(config);
  const { log } = salvage(core, config, ORIGIN, [], (record) =>
    hasSidecar(record) ? new TextEncoder().encode('genesis') : null,
  );
  expect(log.details).toHaveLength(1);
  expect(prove(sidecarsProof(log), sha256)).toBe(true);
  expect(prove(sidecarsProof({ ...log, details: [new TextEncoder().encode('genesiS')] }), sha256)).toBe(false);
  expect(prove(sidecarsProof({ ...log, details: [null] }), sha256), 'one that is gone is not wrong').toBe(true);
  expect(await proveAsync(sidecarsProof(log), async (bytes) => sha256(bytes))).toBe(true);
});

it('hashing later answers as hashing at once does, and in the same order', async () => {
  const salvaged = held(9);
  const later = (bytes: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve) => (bytes.length % 2 === 0 ? setImmediate(resolve, sha256(bytes)) : resolve(sha256(bytes))));
  expect(await proveAsync(logProof(salvaged), later)).toEqual(logOf(salvaged));
});
