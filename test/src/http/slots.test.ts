/**
 * Guards the places for bodies (src/http/slots.ts): no sender keeps the others from theirs, a body that dribbles loses its
 * place first, and what is decided is what the model says.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaptureSlots, GRACE_MS, groupOf, type Slot } from '../../../src/http/slots';
import type { Source } from '../../../src/types/index';
import { type ModelPlace, ModelSlots } from '../../model/slots';

interface Table {
  now: number;
  slots: CaptureSlots;
  /** Names of those that lost their place, in order. */
  lost: string[];
  take(name: string, source: Source): Slot | undefined;
}

function table(max: number, ipv6Prefix = 56): Table {
  const room: Table = {
    now: 1_000,
    slots: new CaptureSlots(max, ipv6Prefix, () => room.now),
    lost: [],
    take: (name, source) => {
      const slot = room.slots.take(source);
      slot?.lost.then(() => room.lost.push(name));
      return slot;
    },
  };
  return room;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('places for bodies', () => {
  test('64 bodies that dribble from one address leave every other sender a place, at once', async () => {
    const room = table(64);
    for (let index = 0; index < 64; index++) expect(room.take(`greedy ${index}`, '203.0.113.9')).toBeDefined();
    for (let index = 0; index < 60; index++) {
      expect(room.take(`guest ${index}`, `198.51.100.${index}`), String(index)).toBeDefined();
    }
    await turn();
    expect(room.lost).toEqual(Array.from({ length: 60 }, (_, index) => `greedy ${index}`));
    // The share is left to it, while nobody is slower.
    expect(room.take('one more', '203.0.113.9')).toBe(undefined);
  });

  test.each([
    ['IPv4, whatever the spelling', ['203.0.113.9', '::ffff:203.0.113.9', '203.0.113.9:4711', '64:ff9b::203.0.113.9']],
    ['addresses of one IPv6 network', ['2001:db8:0:1::1', '2001:db8:0:2::1', '[2001:DB8:0:ff::9]:80']],
    ['one key', [{ key: 'k' }, { key: 'k', address: '192.0.2.1' }]],
    ['nobody', ['', { address: 'junk' }, { address: '' }, 'x'.repeat(8_193)]],
  ] as [string, Source[]][])('one sender is one: %s', (_, sources) => {
    expect(new Set(sources.map((source) => groupOf(source, 56))).size).toBe(1);
  });

  test('different senders are different', () => {
    const sources: Source[] = [
      ...['203.0.113.9', '203.0.113.10', '2001:db8::1', '2001:db8:1::1', 'name', ''],
      ...[{ key: '203.0.113.9' }, { key: 'name' }, { address: '198.51.100.1' }],
    ];
    expect(new Set(sources.map((source) => groupOf(source, 56))).size).toBe(sources.length);
    expect(groupOf('2001:db8:0:1::1', 64)).not.toBe(groupOf('2001:db8:0:2::1', 64));
  });

  test('the slowest goes first, and one that stands still before one that moves', async () => {
    const room = table(3);
    const [slow, fast, burst] = ['slow', 'fast', 'burst'].map((name, index) => room.take(name, `192.0.2.${index}`)!);
    burst!.progress(50_000); // then silence
    for (let step = 0; step < 10; step++) {
      room.now += GRACE_MS / 5;
      slow!.progress(1);
      fast!.progress(1_000);
    }
    room.take('a', '198.51.100.1');
    room.take('b', '198.51.100.2');
    await turn();
    expect(room.lost).toEqual(['burst', 'slow']);
  });

  test('a body in its first moments loses its place to nobody with a larger claim', async () => {
    const room = table(2);
    room.take('a', '192.0.2.1');
    room.take('b', '192.0.2.2');
    room.now += GRACE_MS - 1;
    expect(room.take('c', '192.0.2.3')).toBe(undefined);
    room.now += 1;
    expect(room.take('c', '192.0.2.3')).toBeDefined();
    await turn();
    expect(room.lost).toEqual(['a']);
  });

  test('an empty chunk is no progress', async () => {
    const room = table(2);
    const empty = room.take('empty', '192.0.2.1')!;
    const byte = room.take('byte', '192.0.2.2')!;
    room.now += GRACE_MS;
    empty.progress(0);
    byte.progress(1);
    room.take('c', '192.0.2.3');
    await turn();
    expect(room.lost).toEqual(['empty']);
  });

  test('without places nobody has one, and a place that is given back is free once', () => {
    expect(table(0).take('a', '192.0.2.1')).toBe(undefined);
    const room = table(1);
    const slot = room.take('a', '192.0.2.1')!;
    expect(room.take('b', '192.0.2.2')).toBe(undefined);
    slot.release();
    slot.release();
    expect(room.take('b', '192.0.2.2')).toBeDefined();
    expect(room.take('c', '192.0.2.3')).toBe(undefined);
  });

  test.each(['released', 'lost'])('a place that was %s is given back once, however often its reader says so', (how) => {
    const room = table(4);
    const [first] = [room.take('a1', 'a'), room.take('a2', 'a'), room.take('b1', 'b'), room.take('b2', 'b')];
    if (how === 'released') first?.release();
    else room.now += GRACE_MS;
    room.take('c1', 'c');
    room.now -= how === 'lost' ? GRACE_MS : 0;
    for (let i = 0; i < 3; i++) first?.release();
    // `a` holds one of four, which is its share: it is not taken for a sender who holds nothing.
    expect(room.take('a3', 'a')).toBeUndefined();
  });

  test('a clock that fails stands still, and takes no evidence away', () => {
    const slots = new CaptureSlots(1, 56, () => {
      throw new Error('no clock');
    });
    const slot = slots.take('192.0.2.1');
    expect(slot).toBeDefined();
    slot?.progress(5);
    expect(slots.take('192.0.2.2')).toBe(undefined);
  });
});

describe('the model', () => {
  const act = fc.record({
    what: fc.constantFrom('take', 'take', 'progress', 'progress', 'release'),
    who: fc.nat(5),
    which: fc.nat(40),
    bytes: fc.constantFrom(0, 1, 100, 40_000),
    ms: fc.constantFrom(0, 0, 1, 100, GRACE_MS, -50),
  });

  test('agrees about every place, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.array(act, { maxLength: 120 }), async (max, acts) => {
        const room = table(max);
        const model = new ModelSlots(max, GRACE_MS);
        const slots = new Map<number, Slot>();
        const expected: string[] = [];
        let ids = 0;
        for (const { what, who, which, bytes, ms } of acts) {
          room.now += ms;
          const place: ModelPlace | undefined = model.places[which % Math.max(1, model.places.length)];
          if (what === 'take') {
            const id = ++ids;
            const said = model.take(id, `192.0.2.${who}`, room.now);
            const slot = room.take(String(id), `192.0.2.${who}`);
            expect(slot !== undefined).toBe(said !== 'nobody');
            if (slot !== undefined) slots.set(id, slot);
            if (typeof said === 'object') expected.push(String(said.id));
          } else if (place !== undefined && what === 'progress') {
            slots.get(place.id)!.progress(bytes);
            if (bytes > 0) Object.assign(place, { bytes: place.bytes + bytes, moved: room.now });
          } else if (place !== undefined) {
            slots.get(place.id)!.release();
            model.places = model.places.filter((one) => one !== place);
          }
        }
        await turn();
        expect(room.lost).toEqual(expected);
      }),
      { seed: 1_021, numRuns: 400 },
    );
  });
});
