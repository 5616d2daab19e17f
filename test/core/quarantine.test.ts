/**
 * Guards the quarantine against its model: whatever is sent, held, archived, put on hold, evicted or restored, both say
 * the same, every sum and link is right after every step, and nothing that was released is left in memory.
 *
 * Files: `assembly/quarantine.ts`, `assembly/slots.ts`, `assembly/catalogue.ts`, `assembly/signatures.ts`,
 * `assembly/queues.ts`, `assembly/share.ts`, `assembly/victims.ts`.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { type Item, newItem, QuarantineModel, SEEN_MAX, SEEN_STEP } from '../model/quarantine.ts';
import { BUILDS, type Config, Core, seeded } from './quarantine-harness.ts';

type Random = ReturnType<typeof seeded>;

const hexOf = (random: Random, bytes: number): string =>
  Array.from({ length: bytes }, () => random(256).toString(16).padStart(2, '0')).join('');

const tagOf = (first: string, rest: number): string => first + rest.toString(16).padStart(2, '0').repeat(28);
/** The first three share a bucket and a first word: only all 32 bytes tell them apart. */
const TAGS = [
  tagOf('00000010', 1),
  tagOf('00000010', 2),
  tagOf('00000010', 3),
  tagOf('a1000000', 4),
  tagOf('b2000000', 5),
];
const CATEGORIES = ['sqli', 'sqlj', 'x', 'a.very-long_category.'.padEnd(64, 'z')];

/** Every third store is one where a few sources hold many small items: there shares run out of what may leave. */
const limitsOf = (random: Random, seed: number): Config =>
  seed % 3 === 0
    ? {
        maxCount: 20 + random(20),
        maxBytes: 900 + random(900),
        shareCount: 9 + random(20),
        shareBytes: 400 + random(400),
        maxPayloadBytes: 400,
      }
    : {
        maxCount: 1 + random(14),
        maxBytes: 1 + random(2_500),
        shareCount: 1 + random(12),
        shareBytes: 1 + random(1_500),
        maxPayloadBytes: 400,
      };

/** Core and model side by side: every act is done to both, and then everything is compared. */
class Pair {
  readonly core: Core;
  readonly model: QuarantineModel;
  readonly hashes: string[];
  readonly random: Random;
  now = 1_700_000_000_000;
  counter = 0;

  constructor(instantiate: (typeof BUILDS)[0][1], limits: Config, random: Random) {
    this.core = new Core(instantiate, limits);
    this.model = new QuarantineModel(limits);
    this.random = random;
    this.hashes = Array.from({ length: 30 }, () => hexOf(random, 32));
  }

  pick<T>(all: readonly T[]): T {
    return all[this.random(all.length)]!;
  }

  slotOf(id: string): number {
    const slot = this.core.findId(id);
    expect(slot, `slot of ${id}`).toBeGreaterThan(0);
    return slot;
  }

  newcomer(): Item {
    this.counter += 1;
    const { random } = this;
    const fingerprinted = random(3) === 0;
    return newItem({
      // The first byte passes 0x7f half-way, so that a signed comparison would show.
      id: (0x7ff0_0000 + this.counter * 0x800).toString(16).padStart(8, '0') + hexOf(random, 12),
      suffix: hexOf(random, 8),
      salt: hexOf(random, 16),
      hash: this.pick(this.hashes),
      payloadHash: fingerprinted ? hexOf(random, 32) : '',
      tag: this.pick(TAGS),
      category: this.pick(CATEGORIES),
      detector: 'd'.repeat(this.pick([0, 0, 5, 64])),
      payload: hexOf(random, this.pick([0, 1, 17, 17, 30, random(130), random(400), 400])),
      flags:
        (fingerprinted ? abi.ITEM_FINGERPRINTED : 0) |
        this.pick([0, abi.ITEM_TRUNCATED, abi.ITEM_SEVERITY_REPLACED, abi.ITEM_SALVAGED]),
      severity: random(4),
      disposition: random(4),
      capturedAt: this.now,
      seq: this.counter * 4_294_967_297,
    });
  }

  /** What intercept does with evidence: count it, or make room and hold it, or drop it. */
  admit(item: Item): void {
    const { core, model } = this;
    const known = model.find(item.hash, item.category);
    const slot = core.find(item.hash, item.category);
    expect(slot === 0 ? undefined : core.id(slot), 'find').toBe(known?.id);
    if (known !== undefined) {
      const due = core.duplicate(slot, item.tag, item.severity, item.disposition, this.now);
      expect(due, 'duplicates to account for').toBe(
        model.duplicate(known.id, item.tag, item.severity, item.disposition, this.now),
      );
      expect(core.pending(slot), 'pending').toBe(model.pending(known.id));
      return;
    }
    const before = core.bytes.slice(core.header(abi.HEADER_QUARANTINE), core.bytes.length);
    const plan = core.plan(item.severity, item.payload.length / 2, item.tag);
    expect(plan, 'plan').toEqual(model.plan(item.severity, item.payload.length / 2, item.tag));
    const after = core.bytes.subarray(core.header(abi.HEADER_QUARANTINE));
    expect(Buffer.compare(before, after), 'a plan changes nothing').toBe(0);
    if (plan === 'dropped') return;
    for (const victim of plan) this.release(victim.id);
    core.insert(item);
    model.insert(item);
  }

  release(id: string): void {
    this.core.call.quarantineRelease!(this.slotOf(id));
    this.model.release(id);
  }

  /** Takes another's place: the one that goes counts as gone already. */
  replace(): void {
    const { core, model } = this;
    const gone = this.pick(model.items);
    const item = this.newcomer();
    if (model.find(item.hash, item.category) !== undefined) return;
    const plan = core.plan(item.severity, item.payload.length / 2, item.tag, this.slotOf(gone.id));
    expect(plan, 'plan instead').toEqual(model.plan(item.severity, item.payload.length / 2, item.tag, gone.id));
    if (plan === 'dropped') return;
    for (const victim of [...plan, { id: gone.id }]) this.release(victim.id);
    core.insert(item);
    model.insert(item);
  }

  restore(): void {
    const { random, model, core } = this;
    const item = this.newcomer();
    if (model.find(item.hash, item.category) !== undefined) return;
    if (model.items.length === model.limits.maxCount) return;
    if (model.bytes + item.payload.length / 2 > model.limits.maxBytes) return;
    item.id = hexOf(random, 16);
    item.capturedAt = this.now - random(1_000_000);
    item.lastSeenAt = item.capturedAt + random(1_000_000);
    item.seen = this.pick([1, 2, 3, 100, SEEN_MAX - 2, SEEN_MAX]);
    item.accounted = this.pick([item.seen, 1]);
    if (item.seen === SEEN_MAX) item.accounted = item.seen - this.pick([0, SEEN_STEP - 2]);
    item.distinct = this.pick([0, 1, 3, 0xfffe]);
    item.expiresAt = this.pick([0, 2_000_000_000, 4_294_967_295]);
    item.archived = random(3) === 0;
    item.onHold = random(4) === 0;
    core.insert(item, true);
    model.insert(item);
  }

  step(): void {
    const { random, model, core } = this;
    this.now += random(3) - 0.5;
    const act = random(20);
    if (act < 12 || model.items.length === 0) this.admit(this.newcomer());
    else if (act === 12) this.release(this.pick(model.items).id);
    else if (act === 13) this.restore();
    else if (act === 14) this.replace();
    else {
      const { id } = this.pick(model.items);
      const archive = random(3) > 0;
      const bit = archive ? abi.STATE_ARCHIVED : abi.STATE_ON_HOLD;
      const on = random(2) === 1;
      const changed = core.call.quarantineSetState!(this.slotOf(id), bit, on ? 1 : 0);
      expect(changed === 1, 'state changed').toBe(model.setState(id, archive ? 'archived' : 'onHold', on));
    }
  }

  compare(): void {
    const { core, model } = this;
    expect(core.verify(), 'verify').toBe(true);
    expect(core.freedIsZero(), 'freed is zero').toBe(true);
    const slots = core.slots();
    expect(slots.length).toBe(model.items.length);
    for (const slot of slots) expect(core.item(slot)).toEqual(model.get(core.id(slot)));
    for (let queue = 0; queue < abi.QUEUES; queue++) {
      expect(core.queue(queue), `queue ${queue}`).toEqual(model.queue(queue).map((item) => item.id));
    }
    for (const slot of slots) {
      if (core.slot(slot, abi.SLOT_SOURCE_COUNT) === 0) continue;
      const own = model.listOf(model.get(core.id(slot)));
      expect(core.share(slot), 'share').toEqual(own.map((item) => item.id));
      expect(core.slot(slot, abi.SLOT_SOURCE_COUNT)).toBe(own.length);
    }
    expect(core.state(abi.QUARANTINE_COUNT)).toBe(model.items.length);
    expect(core.state(abi.QUARANTINE_PAYLOAD_BYTES)).toBe(model.bytes);
    expect(core.state(abi.QUARANTINE_SOURCES)).toBe(new Set(model.items.map((item) => item.group)).size);
    const after = model.items.length > 0 && this.random(2) === 1 ? this.pick(model.items).id : '';
    const count = this.random(6);
    expect(core.oldest(after, count), 'listing').toEqual(model.oldest(after, count));
  }
}

describe.each(BUILDS)('quarantine (%s)', (_, instantiate) => {
  it('agrees with its model in 30 stores of all sizes, 250 steps each', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = seeded(seed);
      const limits = limitsOf(random, seed);
      const pair = new Pair(instantiate, limits, random);
      for (let step = 0; step < 250; step++) {
        try {
          pair.step();
          pair.compare();
        } catch (error) {
          throw new Error(`seed ${seed}, step ${step}, ${JSON.stringify(limits)}`, { cause: error });
        }
      }
      for (const { id } of pair.model.items) pair.release(id);
      pair.compare();
    }
  });

  it('finds nothing where nothing is, and tells a held slot from any other number', () => {
    const core = new Core(instantiate, {
      maxCount: 3,
      maxBytes: 10,
      shareCount: 3,
      shareBytes: 10,
      maxPayloadBytes: 10,
    });
    const id = '01'.repeat(16);
    expect(core.find('ab'.repeat(32), 'sqli')).toBe(0);
    expect(core.findId(id)).toBe(0);
    expect(core.oldest('', 5)).toEqual([]);
    const slot = core.insert(newItem({ id, hash: 'ab'.repeat(32), tag: TAGS[0]! }));
    expect(core.find('ab'.repeat(32), 'sqli')).toBe(slot);
    expect(core.find('ab'.repeat(31) + 'ac', 'sqli'), 'last byte differs').toBe(0);
    expect(core.find('ab'.repeat(32), 'sql'), 'category is shorter').toBe(0);
    expect(core.find('ab'.repeat(32), 'sqlj'), 'category differs').toBe(0);
    expect([-1, 0, slot, 2, 3, 4, 2 ** 31].map((each) => core.call.quarantineHolds!(each))).toEqual([
      0, 0, 1, 0, 0, 0, 0,
    ]);
  });

  it('accounts for every duplicate exactly once, however many come', () => {
    const core = new Core(instantiate, {
      maxCount: 3,
      maxBytes: 10,
      shareCount: 3,
      shareBytes: 10,
      maxPayloadBytes: 10,
    });
    const slot = core.insert(newItem({ id: '01'.repeat(16), hash: 'ab'.repeat(32), tag: TAGS[0]! }));
    const due: number[] = [];
    for (let i = 1; i <= 1_000; i++) due.push(core.duplicate(slot, TAGS[0]!, 0, 0, 0));
    const at = due.flatMap((events, i) => (events > 0 ? [i + 1] : []));
    expect(at, 'one sender: at powers of two').toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    expect(due.reduce((a, b) => a + b) + core.pending(slot)).toBe(1_000);
    const crowd = Array.from({ length: 100 }, (_, i) =>
      core.duplicate(slot, tagOf('c0ffee' + (i + 16).toString(16), i), 0, 0, 0),
    );
    expect(
      crowd.flatMap((events, i) => (events > 0 ? [i + 1] : [])),
      'other senders: at powers of two',
    ).toEqual([1, 2, 4, 8, 16, 24, 32, 64]);
  });

  it('counts on when `seen` can rise no more', () => {
    const core = new Core(instantiate, {
      maxCount: 3,
      maxBytes: 10,
      shareCount: 3,
      shareBytes: 10,
      maxPayloadBytes: 10,
    });
    const accounted = SEEN_MAX - (SEEN_STEP - 2);
    const item = newItem({ id: '01'.repeat(16), hash: 'ab'.repeat(32), tag: TAGS[0]!, seen: SEEN_MAX, accounted });
    const slot = core.insert(item, true);
    expect([1, 2, 3].map(() => core.duplicate(slot, TAGS[0]!, 0, 0, 0))).toEqual([0, SEEN_STEP, 0]);
    expect(core.pending(slot)).toBe(1);
    expect(core.slot(slot, abi.SLOT_SEEN)).toBe(SEEN_MAX);
  });

  it('begins with the configuration it was given, or not at all', () => {
    const good = { maxCount: 3, maxBytes: 1_000, shareCount: 1, shareBytes: 1, maxPayloadBytes: 10 };
    const start = (change: Partial<Config>, blocks?: number): Core =>
      new Core(instantiate, { ...good, ...change }, blocks);
    expect(start({}).verify()).toBe(true);
    for (const [change, blocks] of [
      [{ maxCount: 0 }],
      [{ maxBytes: 0 }],
      [{ shareCount: 0 }],
      [{ shareBytes: 0 }],
      [{}, Math.ceil(1_000 / 124) + 3 * 3 - 1],
      [{ maxCount: 2 ** 31 }, 2 ** 20],
      [{ maxBytes: 2 ** 32 - 1 }, 2 ** 20],
      [{}, 2 ** 31],
    ] as [Partial<Config>, number?][]) {
      expect(() => start(change, blocks), JSON.stringify([change, blocks])).toThrow();
    }
  });

  it.each<[string, (core: Core, slot: number) => void]>([
    ['releasing twice', (core, slot) => [core.call.quarantineRelease!(slot), core.call.quarantineRelease!(slot)]],
    ['releasing slot 0', (core) => core.call.quarantineRelease!(0)],
    ['releasing a slot never used', (core) => core.call.quarantineRelease!(3)],
    ['reading a slot never used', (core) => core.call.quarantineRead!(3)],
    ['an unknown state', (core, slot) => core.call.quarantineSetState!(slot, abi.STATE_HELD, 0)],
    ['a severity of 4', (core, slot) => core.duplicate(slot, TAGS[0]!, 4, 0, 0)],
    ['a fourth item where three fit', (core) => insertMany(core, 3)],
    ['a seed while something is held', (core) => core.call.quarantineSeed!(abi.SCRATCH_AT)],
    ['a payload beyond maxPayloadBytes', (core) => core.insert(other('01', { payload: '00'.repeat(11) }))],
    [
      'a payload beyond maxBytes',
      (core) => [
        core.insert(other('01', { payload: '00'.repeat(10) })),
        core.insert(other('02', { payload: '00'.repeat(10) })),
      ],
    ],
    ['a category of 65 bytes', (core) => core.insert(other('01', { category: 'c'.repeat(65) }))],
    ['no category', (core) => core.insert(other('01', { category: '' }))],
    ['a detector of 65 bytes', (core) => core.insert(other('01', { detector: 'd'.repeat(65) }))],
    ['unknown flags', (core) => core.insert(other('01', { flags: abi.ITEM_FLAGS_KNOWN + 1 }))],
    ['a past that saw nothing', (core) => core.insert(other('01', { seen: 0 }), true)],
    ['a past that accounted for more than it saw', (core) => core.insert(other('01', { seen: 2, accounted: 3 }), true)],
    ['a past that ends before it begins', (core) => core.insert(other('01', { capturedAt: 5, lastSeenAt: 4 }), true)],
  ])('%s is a panic', (_title, act) => {
    const core = new Core(instantiate, {
      maxCount: 3,
      maxBytes: 18,
      shareCount: 3,
      shareBytes: 18,
      maxPayloadBytes: 10,
    });
    const slot = core.insert(other('00'));
    expect(() => act(core, slot)).toThrow();
    expect(core.header(abi.HEADER_PANIC)).toBeGreaterThan(0);
  });
});

const other = (byte: string, change: Partial<Item> = {}): Item =>
  newItem({ id: byte.repeat(16), hash: byte.repeat(32), tag: TAGS[0]!, ...change });

const insertMany = (core: Core, count: number): void => {
  for (let i = 1; i <= count; i++) core.insert(other(`0${i}`));
};
