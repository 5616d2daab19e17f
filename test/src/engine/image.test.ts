/**
 * Guards src/engine/image.ts: bytes are taken from the front of a part and never beyond it; the sections of an image give back
 * what they were made of; cut, lengthened or changed anywhere they are refused, and nothing of them is handed out.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import {
  type Claims,
  Cursor,
  decodeSections,
  encodeSections,
  invalidSnapshot,
  proveImage,
  type SectionName,
  type Sections,
} from '../../../src/engine/image';
import type { Salvaged } from '../../../src/engine/salvage';
import { questionOf } from '../../lab/core';
import { engineOf } from '../../lab/engine';
import { dice } from '../../lab/lab';

const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> => createHash('sha256').update(bytes).digest();
const refused = expect.objectContaining({
  code: 'SNAPSHOT_INVALID',
  message: expect.stringMatching(/^snapshot: \w+: .+, expected .+, got .+$/),
});

describe('a cursor', () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, i) => i + 1);
  it('gives every split of its bytes back, and nothing beyond its end', () => {
    for (let length = 0; length <= bytes.length; length++) {
      for (let first = 0; first <= length; first++) {
        const cursor = new Cursor(bytes.subarray(0, length), 'audit');
        expect([...cursor.take(first), ...cursor.take(length - first)]).toEqual([...bytes.subarray(0, length)]);
        expect(cursor.left).toBe(0);
        cursor.end();
        expect(() => cursor.take(1)).toThrow(refused);
        if (first > 0) expect(() => new Cursor(bytes.subarray(0, length), 'audit').end()).toThrow(refused);
      }
    }
  });
  it('reads numbers with the highest byte first, wherever they stand', () => {
    for (let at = 0; at <= 4; at++) {
      const from = (): Cursor => {
        const cursor = new Cursor(bytes, 'audit');
        cursor.take(at);
        return cursor;
      };
      const plain = Buffer.from(bytes);
      expect(from().u16()).toBe(plain.readUInt16BE(at));
      expect(from().u32()).toBe(plain.readUInt32BE(at));
      expect(from().u64()).toBe(Number(plain.readBigUInt64BE(at)));
    }
    expect(() => new Cursor(bytes.subarray(0, 7), 'audit').u64()).toThrow(refused);
  });
  it('believes a count only as far as there are bytes for it', () => {
    const counted = (count: number): Cursor => new Cursor(Uint8Array.of(0, 0, 0, count, 1, 2, 3, 4, 5, 6), 'audit');
    expect(counted(3).count(2)).toBe(3);
    expect(counted(0).count(2)).toBe(0);
    expect(() => counted(4).count(2)).toThrow(refused);
    expect(counted(6).count(1)).toBe(6);
    expect(() => counted(7).count(1)).toThrow(refused);
    expect(() => new Cursor(Uint8Array.of(255, 255, 255, 255), 'audit').count(1)).toThrow(refused);
  });
});

/** The sections of an engine that holds items of several kinds, and what its header would claim. */
function image(): { sections: Sections; claims: Claims; salvaged: Salvaged } {
  const { engine, it: lab } = engineOf();
  for (let i = 0; i < 5; i++) {
    engine.intercept(
      lab.now + i,
      { kind: 'text', text: `10.0.0.${i}` },
      questionOf(`payload ${i}`.repeat(i * 9), { fingerprint: i % 2 === 0 ? undefined : `${i}` }),
    );
  }
  engine.block(lab.now, { kind: 'key', text: 'k' }, 5_000, new TextEncoder().encode('{"actor":"a"}'));
  const { salvaged, size, root } = engine.image(lab.now);
  const { windowMs, limit, maxSources, ipv6Prefix } = engine.config;
  return {
    salvaged,
    sections: encodeSections(salvaged, true),
    claims: { origin: engine.log.origin, size, root, limiter: { windowMs, limit, maxSources, ipv6Prefix } },
  };
}
const NAMES: readonly SectionName[] = ['limiter', 'quarantine', 'audit'];
const bytesOf = (sections: Sections, name: SectionName): Uint8Array => sections[name] as Uint8Array;

describe('sections', () => {
  it('give back what they were made of', async () => {
    const { sections, claims, salvaged } = image();
    const again = decodeSections(sections, claims);
    expect(again.log).toEqual(salvaged.log);
    expect(again.limiter).toEqual(salvaged.limiter);
    expect(again.audit).toEqual(salvaged.audit);
    expect(again.slots).toHaveLength(5);
    again.slots.forEach((slot, i) => {
      expect(again.content(i)).toEqual(salvaged.content(i));
      // Where it lay among its neighbours is the business of the core that was left.
      for (const link of [abi.SLOT_FIRST_BLOCK, abi.SLOT_SEVERITY_NEXT, abi.SLOT_SIGNATURE_NEXT, abi.SLOT_SOURCE_NEXT])
        expect(new DataView(slot.buffer, slot.byteOffset).getUint32(link)).toBe(0);
    });
    await expect(proveImage(again, claims, sha256)).resolves.toBeUndefined();
    expect(encodeSections(again, true)).toEqual(sections);
    expect(encodeSections(again, false)).not.toHaveProperty('limiter');
  });

  it.each(NAMES)('of %s are refused at every length but their own, and when they are missing', (name) => {
    const { sections, claims } = image();
    const whole = bytesOf(sections, name);
    for (let length = 0; length < whole.length; length++) {
      const cut = { ...sections, [name]: whole.subarray(0, length) };
      // A table of fewer sources is a table.
      const isWhole =
        name === 'limiter' &&
        length >= abi.LIMITER_BYTES &&
        (length - abi.LIMITER_BYTES) % (8 + abi.RECORD_BYTES_U8) === 0;
      if (isWhole) continue;
      expect(() => decodeSections(cut, claims), `${length} of ${whole.length}`).toThrow(refused);
    }
    const longer = new Uint8Array(whole.length + 1);
    longer.set(whole);
    expect(() => decodeSections({ ...sections, [name]: longer }, claims)).toThrow(refused);
    const { [name]: _, ...others } = sections;
    expect(() => decodeSections(others, claims)).toThrow(refused);
  });

  it('of another log than the header names are refused', () => {
    const { sections, claims } = image();
    for (const over of [{ origin: 'example.org/other' }, { size: claims.size + 1 }, { size: claims.size - 1 }])
      expect(() => decodeSections(sections, { ...claims, ...over })).toThrow(refused);
  });

  it('of a table of sources must rise, and stay within it', () => {
    const { sections, claims } = image();
    const each = 8 + abi.RECORD_BYTES_U8;
    const whole = bytesOf(sections, 'limiter');
    const places = Array.from(
      { length: (whole.length - abi.LIMITER_BYTES) / each },
      (_, i) => abi.LIMITER_BYTES + i * each,
    );
    expect(places.length).toBeGreaterThan(2);
    const placed = (at: number, way: number): (() => unknown) => {
      const limiter = whole.slice();
      new DataView(limiter.buffer).setUint32(at, way, true);
      return () => decodeSections({ ...sections, limiter }, claims);
    };
    const { maxSources } = claims.limiter!;
    expect(placed(places.at(-1)!, maxSources - 1)).not.toThrow();
    expect(placed(places.at(-1)!, maxSources)).toThrow(refused);
    expect(placed(places[1]!, new DataView(whole.buffer).getUint32(places[0]!, true))).toThrow(refused);
  });
});

it.each(Array.from({ length: 40 }, (_, i) => i + 1))(
  'an image with one bit of its log or its evidence changed is refused (seed %d)',
  async (seed) => {
    const { sections, claims } = image();
    const roll = dice(seed);
    const at = (part: Uint8Array, from: number, bytes: number): void => {
      part[from + Math.floor(roll() * bytes)]! ^= 1 << Math.floor(roll() * 8);
    };
    const changed = { quarantine: bytesOf(sections, 'quarantine').slice(), audit: bytesOf(sections, 'audit').slice() };
    const records = changed.audit.length - abi.AUDIT_BYTES - 4;
    // The payload of the last item, and everything of the records behind the name of their log.
    if (seed % 2 === 0) at(changed.quarantine, changed.quarantine.length - 300, 300);
    else at(changed.audit, abi.AUDIT_BYTES + 4 + 32, records - 32);
    const proven = (async () => proveImage(decodeSections({ ...sections, ...changed }, claims), claims, sha256))();
    await expect(proven).rejects.toEqual(refused);
  },
);

it('what is wrong is said by part, problem, expectation and what came, with its cause', () => {
  const cause = new Error('why');
  expect(invalidSnapshot('audit', 'a problem', 'this', 'that', cause)).toMatchObject({
    code: 'SNAPSHOT_INVALID',
    message: 'snapshot: audit: a problem, expected this, got that',
    cause,
  });
  expect('cause' in invalidSnapshot('audit', 'a', 'b', 'c')).toBe(false);
});
