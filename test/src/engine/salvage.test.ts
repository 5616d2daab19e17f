/**
 * Guards src/engine/salvage.ts: reading a core that stopped finds what is there, believes no number that leads elsewhere, and
 * ends, whatever the memory says.
 */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import type { Core } from '../../../src/engine/link';
import {
  headBytes,
  payloadBytes,
  recordBytes,
  type Salvaged,
  salvage,
  WAY_HEAD_BYTES,
} from '../../../src/engine/salvage';
import { begun, configOf, flag, NOW, ORIGIN, TAG_KEY } from '../../lab/core';
import { dice } from '../../lab/lab';

const config = configOf({ maxRecords: 16 });
const ITEMS = 6;
const payload = (i: number): string => `payload ${i} `.repeat(1 + 9 * i);

function full(): Core {
  const core = begun(config);
  for (let i = 0; i < ITEMS; i++)
    flag(core, payload(i), i % 2 === 0 ? {} : { fingerprint: `${i}` }, `10.0.0.${i}`, NOW + i);
  return core;
}
const read = (core: Core): Salvaged => salvage(core, config, ORIGIN, [], () => null);
const bodyOf = (found: Salvaged, i: number): string | undefined => {
  const content = found.content(i);
  return content && Buffer.from(content.subarray(headBytes(found.slots[i] as Uint8Array))).toString();
};

describe('of a sound core', () => {
  it('everything is read: items with what their blocks hold, records, ways of the limiter', () => {
    const found = read(full());
    expect(found.slots.map((_, i) => bodyOf(found, i))).toEqual(Array.from({ length: ITEMS }, (_, i) => payload(i)));
    expect(found.slots.map(payloadBytes)).toEqual(Array.from({ length: ITEMS }, (_, i) => payload(i).length));
    expect(found).toMatchObject({ slotsLost: 0, recordsLost: 0, earlier: [] });
    expect(found.log).toMatchObject({ origin: ORIGIN, from: 0 });
    expect(found.log.records.map((record) => record[abi.LOG_KIND])).toEqual([1, ...Array(ITEMS).fill(2)]);
    expect(found.limiter?.ways).toHaveLength(ITEMS * (WAY_HEAD_BYTES + recordBytes(config.limit)));
    expect(
      salvage(begun(configOf({ limit: 0 })), configOf({ limit: 0 }), ORIGIN, [], () => null).limiter,
    ).toBeUndefined();
  });

  it('nothing of the tag key is read', () => {
    const core = full();
    const inner = createHmac('sha256', TAG_KEY)
      .update(Uint8Array.of(4, 10, 0, 0, 0))
      .digest();
    expect(
      Buffer.from(read(core).slots[0]!.subarray(abi.SLOT_SOURCE_TAG, abi.SLOT_SOURCE_TAG + 32)).equals(inner),
    ).toBe(true);
    const { audit } = read(core);
    const midStates = (of: Uint8Array): Uint8Array => of.subarray(abi.AUDIT_TAG_INNER, abi.AUDIT_TAG_OUTER + 32);
    const live = midStates(core.bytes.subarray(core.places.audit, core.places.audit + abi.AUDIT_BYTES));
    expect(live.some((byte) => byte !== 0)).toBe(true);
    expect(midStates(audit).every((byte) => byte === 0)).toBe(true);
    expect(audit.subarray(abi.AUDIT_TAG_OUTER + 32), 'and the epoch behind it is').toEqual(
      core.bytes.slice(core.places.audit + abi.AUDIT_TAG_OUTER + 32, core.places.audit + abi.AUDIT_BYTES),
    );
  });

  it('a ring that wrapped gives the records that it still holds, oldest first', () => {
    const core = full();
    for (let i = 0; i < 30; i++) {
      core.call.flush(NOW);
      flag(core, `more ${i}`, {}, `10.1.0.${i}`);
    }
    const { log } = read(core);
    expect(log.records).toHaveLength(config.maxRecords);
    const numbers = log.records.map((record) => Number(new DataView(record.buffer).getBigUint64(abi.LOG_SEQ)));
    expect(numbers).toEqual(Array.from({ length: config.maxRecords }, (_, i) => log.from + i));
  });
});

describe('of a damaged core', () => {
  it.each([
    ['leads nowhere', 0],
    ['leads beyond the slab', config.slabBlocks + 1],
    ['is no index at all', 0xffff_ffff],
  ])('an item whose first block %s has no content, and the others have theirs', (_, block) => {
    const core = full();
    core.view.setUint32(core.places.slots + 2 * abi.SLOT_BYTES + abi.SLOT_FIRST_BLOCK, block, true);
    const found = read(core);
    expect(found.slots.map((_, i) => bodyOf(found, i) === payload(i))).toEqual([true, true, false, true, true, true]);
    expect(found.content(2)).toBeUndefined();
  });

  it('the last block is a block', () => {
    const core = full();
    const slot = core.places.slots;
    core.view.setUint32(slot + abi.SLOT_FIRST_BLOCK, config.slabBlocks, true);
    expect(read(core).content(0)).toHaveLength(headBytes(read(core).slots[0] as Uint8Array) + payload(0).length);
  });

  it('a chain of blocks that bites its tail ends with the item', () => {
    const core = full();
    const first = core.view.getUint32(core.places.slots + 5 * abi.SLOT_BYTES + abi.SLOT_FIRST_BLOCK, true);
    core.view.setUint32(core.places.slab + (first - 1) * abi.BLOCK_BYTES + abi.BLOCK_NEXT, first, true);
    expect(read(core).content(5)?.length).toBeGreaterThan(payload(5).length);
  });

  it('an item that claims more than any may have is not read', () => {
    const core = full();
    // Its blocks go round and round: there is always one more to read.
    const first = core.view.getUint32(core.places.slots + abi.SLOT_FIRST_BLOCK, true);
    core.view.setUint32(core.places.slab + (first - 1) * abi.BLOCK_BYTES + abi.BLOCK_NEXT, first, true);
    const claim = (bytes: number): void => core.view.setUint32(core.places.slots + abi.SLOT_PAYLOAD_BYTES, bytes, true);
    claim(config.maxPayloadBytes);
    expect(read(core).content(0)?.length).toBeGreaterThan(config.maxPayloadBytes);
    claim(config.maxPayloadBytes + 1);
    expect(read(core).content(0)).toBeUndefined();
    claim(0xffff_ffff);
    expect(read(core).content(0)).toBeUndefined();
  });

  it('what the store counts and no slot holds is counted as lost; a count beyond all slots is nobody’s', () => {
    const core = full();
    const count = (n: number): void => core.view.setUint32(core.places.quarantine + abi.QUARANTINE_COUNT, n, true);
    core.bytes[core.places.slots + abi.SLOT_STATE] = 0;
    expect(read(core)).toMatchObject({ slotsLost: 1 });
    expect(read(core).slots).toHaveLength(ITEMS - 1);
    count(config.maxCount);
    expect(read(core).slotsLost).toBe(config.maxCount - ITEMS + 1);
    count(config.maxCount + 1);
    expect(read(core).slotsLost).toBe(0);
  });

  it('without a size every record in the ring is lost, and counted; an empty slot is none', () => {
    const core = full();
    for (const size of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
      core.view.setFloat64(core.places.audit + abi.AUDIT_SIZE, size, true);
      expect(read(core), String(size)).toMatchObject({ recordsLost: 1 + ITEMS, log: { from: 0, records: [] } });
    }
  });

  it.each([
    ['held from', abi.AUDIT_HELD_FROM, abi.AUDIT_RELEASED_TO],
    ['released to', abi.AUDIT_RELEASED_TO, abi.AUDIT_HELD_FROM],
  ])('where records begin is known while one of two numbers is whole: %s', (_, whole, damaged) => {
    const core = full();
    core.view.setFloat64(core.places.audit + whole, 5, true);
    for (const value of [Number.NaN, -1, 0.5, 2 ** 60]) {
      core.view.setFloat64(core.places.audit + damaged, value, true);
      const { log } = read(core);
      expect([log.from, log.records.length], String(value)).toEqual([5, 1 + ITEMS - 5]);
    }
  });

  it.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    'whatever its numbers say, reading ends and stays within it (seed %d)',
    (seed) => {
      const core = full();
      const roll = dice(seed);
      const { quarantine, slots, audit, slab } = core.places;
      for (let wound = 0; wound < 40; wound++) {
        const at = [quarantine, slots, audit, slab][wound % 4]! + 4 * Math.floor(roll() * 200);
        core.view.setUint32(at, Math.floor(roll() * 2 ** (1 + 32 * roll())), true);
      }
      const found = read(core);
      expect(found.slots.length).toBeLessThanOrEqual(config.maxCount);
      expect(found.log.records.length).toBeLessThanOrEqual(config.maxRecords);
      found.slots.forEach((slot, i) => {
        const content = found.content(i);
        if (content !== undefined) expect(content).toHaveLength(headBytes(slot) + payloadBytes(slot));
      });
    },
  );
});

it('a source takes as many bytes as its limit needs', () => {
  expect([1, 255, 256, 65_535, 65_536, 2 ** 31 - 1].map(recordBytes)).toEqual([
    abi.RECORD_BYTES_U8,
    abi.RECORD_BYTES_U8,
    abi.RECORD_BYTES_U16,
    abi.RECORD_BYTES_U16,
    abi.RECORD_BYTES_U32,
    abi.RECORD_BYTES_U32,
  ]);
});
