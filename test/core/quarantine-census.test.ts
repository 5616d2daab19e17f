/**
 * Guards the self-check: whatever single word of the quarantine is changed, `verify` answers, never traps, never loops,
 * puts back what it marked, and says no where the word is a link, a count or a sum.
 *
 * Files: `assembly/census.ts`.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { newItem } from '../model/quarantine.ts';
import { BUILDS, Core } from './quarantine-harness.ts';

const LIMITS = { maxCount: 8, maxBytes: 2_000, shareCount: 8, shareBytes: 2_000, maxPayloadBytes: 400 };

/** Two sources, all queues but one, a gap in slots and blocks, slots and blocks never used. */
const furnished = (instantiate: (typeof BUILDS)[0][1]): Core => {
  const core = new Core(instantiate, LIMITS);
  for (let i = 1; i <= 7; i++) {
    const name = `0${i}`;
    core.insert(
      newItem({
        id: name.repeat(16),
        hash: name.repeat(32),
        tag: (i % 3 === 0 ? 'a1' : 'b1').repeat(32),
        severity: i % 4,
        payload: 'ab'.repeat(i * 37),
        capturedAt: 5,
        archived: i === 2,
        onHold: i === 5,
      }),
      true,
    );
  }
  core.call.quarantineRelease!(4);
  core.call.quarantineRelease!(1);
  return core;
};

const LINKS = [
  abi.SLOT_PAYLOAD_BYTES,
  abi.SLOT_FIRST_BLOCK,
  abi.SLOT_SEVERITY_PREV,
  abi.SLOT_SEVERITY_NEXT,
  abi.SLOT_SIGNATURE_NEXT,
  abi.SLOT_SOURCE_PREV,
  abi.SLOT_SOURCE_NEXT,
  abi.SLOT_SOURCE_CHAIN,
  abi.SLOT_SOURCE_COUNT,
  abi.SLOT_SOURCE_BYTES,
  abi.SLOT_GROUP,
  abi.SLOT_GROUP + 4,
];

describe.each(BUILDS)('census (%s)', (_, instantiate) => {
  const core = furnished(instantiate);
  const from = core.header(abi.HEADER_QUARANTINE);
  const slab = core.header(abi.HEADER_SLAB);
  const slots = core.header(abi.HEADER_SLOTS);
  const high = core.state(abi.QUARANTINE_SLOT_HIGH);
  const blockHigh = core.state(abi.QUARANTINE_BLOCK_HIGH);

  /** Tries hostile values in the word at `at`; returns those that `verify` accepted. */
  const accepted = (at: number): number[] => {
    const word = core.view.getUint32(at, true);
    const values = [
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      blockHigh,
      blockHigh + 1,
      0x80000000,
      0xffffffff,
      word + 1,
      word ^ 0x100,
    ];
    return values
      .map((value) => value >>> 0)
      .filter((value) => {
        if (value === word) return false;
        core.view.setUint32(at, value, true);
        const before = core.bytes.slice(from);
        const answer = core.verify();
        expect(Buffer.compare(before, core.bytes.subarray(from)), 'verify changes nothing').toBe(0);
        core.view.setUint32(at, word, true);
        return answer;
      });
  };

  it('accepts what is sound', () => {
    expect(core.verify()).toBe(true);
    expect(core.slots().length).toBe(5);
  });

  it('notices every change of the quarantine`s own numbers', () => {
    const words = [...Array(abi.QUARANTINE_PRF_0 / 4).keys()].map((i) => i * 4);
    words.push(abi.QUARANTINE_PRF_0, abi.QUARANTINE_PRF_1, abi.QUARANTINE_BUCKET_MASK);
    for (let at = abi.QUARANTINE_HEADS; at < abi.QUARANTINE_BYTES; at += 4) words.push(at);
    for (const word of words) expect(accepted(from + word), `state + ${word}`).toEqual([]);
  });

  it('notices every change of a bucket', () => {
    for (let bucket = 0; bucket < 8; bucket++) {
      expect(accepted(core.header(abi.HEADER_SIGNATURE_BUCKETS) + bucket * 4)).toEqual([]);
      expect(accepted(core.header(abi.HEADER_SOURCE_BUCKETS) + bucket * 4)).toEqual([]);
    }
  });

  it('notices every change of a link, count or sum of a slot, and of any word of a free one', () => {
    for (let slot = 1; slot <= high; slot++) {
      const free = !core.slots().includes(slot);
      const words = free ? [...Array(abi.SLOT_BYTES / 4).keys()].map((i) => i * 4) : LINKS;
      for (const word of words) expect(accepted(core.slotAt(slot) + word), `slot ${slot} + ${word}`).toEqual([]);
    }
  });

  it('notices every change of a block`s link, of a free block and of the rest of an item`s last block', () => {
    for (let block = 0; block < blockHigh; block++) {
      expect(accepted(slab + block * abi.BLOCK_BYTES), `block ${block + 1}`).toEqual([]);
    }
    for (let free = core.state(abi.QUARANTINE_BLOCK_FREE); free !== 0; ) {
      const at = slab + (free - 1) * abi.BLOCK_BYTES;
      expect(accepted(at + 4)).toEqual([]);
      expect(accepted(at + 124)).toEqual([]);
      free = core.view.getUint32(at, true);
    }
    for (const slot of core.slots()) {
      let at = slab + (core.slot(slot, abi.SLOT_FIRST_BLOCK) - 1) * abi.BLOCK_BYTES;
      for (let next = core.view.getUint32(at, true); next !== 0; next = core.view.getUint32(at, true)) {
        at = slab + (next - 1) * abi.BLOCK_BYTES;
      }
      expect(accepted(at + 124), `last block of slot ${slot}`).toEqual([]);
    }
  });

  it('notices two items that share a block, and a block that belongs to nobody', () => {
    const copy = core.bytes.slice();
    const [a, b] = core.slots();
    core.view.setUint32(core.slotAt(a!) + abi.SLOT_FIRST_BLOCK, core.slot(b!, abi.SLOT_FIRST_BLOCK), true);
    expect(core.verify()).toBe(false);
    core.bytes.set(copy);
    core.view.setUint32(from + abi.QUARANTINE_BLOCK_HIGH, blockHigh + 1, true);
    expect(core.verify()).toBe(false);
    core.bytes.set(copy);
    expect(core.verify()).toBe(true);
  });

  it('notices a signature that is held twice', () => {
    const twice = new Core(instantiate, LIMITS);
    for (const id of ['01', '02'])
      twice.insert(newItem({ id: id.repeat(16), hash: 'ab'.repeat(32), tag: 'a1'.repeat(32) }));
    expect(twice.verify()).toBe(false);
  });

  it('answers, whatever any word of state, buckets and slots says', () => {
    for (let at = from; at < slots + high * abi.SLOT_BYTES; at += 4) accepted(at);
    expect(core.verify()).toBe(true);
  });

  it.each<[string, number, number]>([
    ['severity', abi.SLOT_SEVERITY, 4],
    ['disposition', abi.SLOT_DISPOSITION, 4],
    ['state', abi.SLOT_STATE, 8],
    ['state without held', abi.SLOT_STATE, abi.STATE_ARCHIVED],
    ['flags', abi.SLOT_FLAGS, abi.ITEM_FLAGS_KNOWN + 1],
    ['category bytes', abi.SLOT_CATEGORY_BYTES, 0],
    ['category bytes', abi.SLOT_CATEGORY_BYTES, 65],
    ['detector bytes', abi.SLOT_DETECTOR_BYTES, 65],
    ['seen', abi.SLOT_SEEN, 0],
    ['accounted', abi.SLOT_ACCOUNTED, 2],
    ['distinct', abi.SLOT_LAST_SOURCE, 1],
    ['capturedAt', abi.SLOT_CAPTURED_AT + 7, 0x7f],
  ])('refuses a slot whose %s is out of range (%i: %i)', (_title, offset, value) => {
    const at = core.slotAt(core.slots()[0]!) + offset;
    const before = core.bytes[at]!;
    core.bytes[at] = value;
    expect(core.verify()).toBe(false);
    core.bytes[at] = before;
    expect(core.verify()).toBe(true);
  });
});
