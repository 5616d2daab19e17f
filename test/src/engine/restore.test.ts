/**
 * Guards src/engine/restore.ts: what was salvaged comes back through the core's own door, by the store's own order of leaving;
 * what does not verify, has ended or finds no room is counted and named; counters only into the same geometry.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { writeSource } from '../../../src/engine/inbox';
import type { Core } from '../../../src/engine/link';
import { readAudit, readHandle, readQuarantine, readRate } from '../../../src/engine/records';
import { type Restored, restoreInto } from '../../../src/engine/restore';
import { headBytes, type Salvaged, salvage } from '../../../src/engine/salvage';
import { begun, configOf, flag, NOW, ORIGIN, type Small } from '../../lab/core';

const SMALL: Small = { maxCount: 16, maxRecords: 64 };
const config = configOf(SMALL);
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const SEVERITIES = [1, 3, 0, 2, 3, 1, 0, 2];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const read = (core: Core): Salvaged => salvage(core, config, ORIGIN, [], () => null);

/** Eight items of several severities, and a source that used up its limit. */
function full(): Core {
  const core = begun(config);
  for (const [i, severity] of SEVERITIES.entries()) {
    flag(
      core,
      `payload ${i} `.repeat(20),
      { severity, fingerprint: i % 3 === 0 ? `${i}` : undefined },
      `10.0.0.${i}`,
      NOW + i,
    );
  }
  for (let i = 0; i < 6; i++) check(core, 'heavy');
  return core;
}

function check(core: Core, text: string): boolean {
  writeSource(core, { kind: 'key', text });
  core.view.setUint32(abi.INBOX_AT + abi.INBOX_COST, 1, true);
  core.call.rateCheck(NOW + 100, 0);
  return readRate(core, config.limit).allowed;
}

function moved(salvaged: Salvaged, into = config): { core: Core; restored: Restored } {
  const core = begun(into, undefined, 9);
  return { core, restored: restoreInto(core, salvaged, into, NOW + 200, sha256) };
}

/** The handle of each item in the core, by the first word of its payload. */
const handles = (core: Core): ReturnType<typeof readHandle>[] => {
  core.bytes.fill(0, abi.INBOX_AT + abi.INBOX_ID, abi.INBOX_AT + abi.INBOX_ID + 16);
  core.view.setUint32(abi.INBOX_AT + abi.INBOX_COUNT, abi.LIST_MAX, true);
  return Array.from({ length: core.call.page() }, (_, i) => {
    core.view.setUint32(abi.INBOX_AT + abi.INBOX_SLOT, i, true);
    return readHandle(core, core.call.listed());
  });
};

describe('items', () => {
  it('come back as they were, with all that their handles say', () => {
    const before = full();
    const old = handles(before);
    const { core, restored } = moved(read(before));
    expect(restored).toMatchObject({ items: 8, lost: 0, lostIds: [], limiter: 'restored', sourcesLost: 0 });
    expect(handles(core)).toEqual(old);
    expect(readQuarantine(core)).toEqual(readQuarantine(before));
  });

  it('leave nothing of theirs in the inbox', () => {
    const { core } = moved(read(full()));
    expect(core.payload.every((byte) => byte === 0)).toBe(true);
    expect(core.source.subarray(0, 200).every((byte) => byte === 0)).toBe(true);
  });

  it('that do not verify are lost and named, one by one', () => {
    for (let damaged = 0; damaged < SEVERITIES.length; damaged++) {
      const salvaged = read(full());
      const slot = salvaged.slots[damaged] as Uint8Array;
      const content = (i: number): Uint8Array | undefined => {
        const bytes = salvaged.content(i);
        if (i === damaged && bytes) bytes[headBytes(slot)]! ^= 1;
        return bytes;
      };
      const { core, restored } = moved({ ...salvaged, content });
      expect(restored).toMatchObject({ items: 7, lost: 1 });
      expect(restored.lostIds.map(hex)).toEqual([hex(slot.subarray(abi.SLOT_ID, abi.SLOT_ID + 16))]);
      expect(handles(core)).toHaveLength(7);
    }
  });

  it('for which there is no room leave as they would have left: the lowest severity first, and of it the oldest', () => {
    const salvaged = read(full());
    const numbers = SEVERITIES.map((severity, i) => ({ severity, i }));
    const stays = [...numbers].sort((a, b) => b.severity - a.severity || b.i - a.i).map(({ i }) => i);
    for (let room = 1; room <= 8; room++) {
      const { core, restored } = moved(salvaged, configOf({ ...SMALL, maxCount: room }));
      expect(restored).toMatchObject({ items: room, lost: 8 - room });
      const kept = handles(core).map(({ capturedAt }) => capturedAt - NOW);
      expect(kept).toEqual(stays.slice(0, room).sort((a, b) => a - b));
    }
  });

  it('on hold stay before all others, archived ones leave first', () => {
    const salvaged = read(full());
    const slots = salvaged.slots.map((slot) => slot.slice());
    slots[2]![abi.SLOT_STATE]! |= abi.STATE_ON_HOLD; // low
    slots[4]![abi.SLOT_STATE]! |= abi.STATE_ARCHIVED; // critical
    const { core } = moved({ ...salvaged, slots }, configOf({ ...SMALL, maxCount: 2 }));
    expect(handles(core).map(({ capturedAt }) => capturedAt - NOW)).toEqual([1, 2]);
  });

  it('that the log says have ended do not come back, and are not lost', () => {
    const core = full();
    const slot = core.bytes.slice(core.places.slots, core.places.slots + abi.SLOT_BYTES);
    core.view.setUint32(abi.INBOX_AT + abi.INBOX_SLOT, 1, true);
    core.view.setUint32(abi.INBOX_AT + abi.INBOX_REASON, abi.REASON_ERASED, true);
    const salvagedBefore = read(core);
    core.call.purge(NOW + 50);
    const after = read(core);
    expect(after.slots).toHaveLength(7);
    // It stopped between the record and the act: the item is there still.
    const { restored } = moved({
      ...after,
      slots: [slot, ...after.slots],
      content: (i) => (i === 0 ? salvagedBefore.content(0) : after.content(i - 1)),
    });
    expect(restored).toMatchObject({ items: 7, lost: 0, lostIds: [] });
  });
});

describe('counters', () => {
  it('come back into the same geometry: who had used his limit has used it', () => {
    const { core, restored } = moved(read(full()));
    expect(restored.limiter).toBe('restored');
    expect(check(core, 'heavy')).toBe(false);
    expect(check(core, 'somebody else')).toBe(true);
  });

  it.each([
    ['windowMs', { windowMs: 61_000 }],
    ['limit', { limit: 6 }],
    ['maxSources', { maxSources: 128 }],
  ])('of another %s are dropped', (_, over) => {
    const { core, restored } = moved(read(full()), configOf({ ...SMALL, ...over }));
    expect(restored).toMatchObject({ limiter: 'dropped', items: 8 });
    expect(check(core, 'heavy')).toBe(true);
  });

  it('without a limiter are nobody’s; of a state of another length, or of none, dropped', () => {
    const salvaged = read(full());
    expect(moved(salvaged, configOf({ ...SMALL, limit: 0 })).restored.limiter).toBe('off');
    expect(moved({ ...salvaged, limiter: undefined }).restored.limiter).toBe('dropped');
    const limiter = { ...salvaged.limiter!, state: salvaged.limiter!.state.subarray(1) };
    expect(moved({ ...salvaged, limiter }).restored.limiter).toBe('dropped');
  });

  it('whose sums the core does not believe are counted', () => {
    const salvaged = read(full());
    const ways = salvaged.limiter!.ways.slice();
    new DataView(ways.buffer).setUint32(8 + abi.RECORD_USED, 77, true);
    const { restored } = moved({ ...salvaged, limiter: { ...salvaged.limiter!, ways } });
    expect(restored).toMatchObject({ limiter: 'restored', sourcesLost: 1 });
  });
});

it('totals go on, but for those that no counting gives', () => {
  const salvaged = read(full());
  const audit = salvaged.audit.slice();
  const view = new DataView(audit.buffer);
  view.setFloat64(abi.AUDIT_SEEN, 1_000, true);
  view.setFloat64(abi.AUDIT_SKIPPED, -1, true);
  view.setFloat64(abi.AUDIT_FAILED_OPEN, 0.5, true);
  expect(readAudit(moved({ ...salvaged, audit }).core)).toMatchObject({
    seen: 1_000,
    flagged: 8,
    skipped: 0,
    failedOpen: 0,
  });
});
