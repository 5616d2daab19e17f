/**
 * Guards the promises of the quarantine against those who would break them: few who send much, many who send junk,
 * sizes chosen to hurt, and a hold on everything that is old.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { type Item, newItem } from '../model/quarantine.ts';
import { BUILDS, type Config, Core, slabBlocks } from './quarantine-harness.ts';

const [LOW, MEDIUM, HIGH, CRITICAL] = [0, 1, 2, 3] as const;
const hex8 = (number: number): string => (number >>> 0).toString(16).padStart(8, '0');
/** Tags are HMACs: spread them as one would be. */
const tagOf = (source: number): string => hex8(Math.imul(source + 1, 0x9e3779b1)) + hex8(source).repeat(7);

let counter = 0;
const evidence = (source: number, severity: number, bytes = 1, change: Partial<Item> = {}): Item => {
  counter += 1;
  const name = hex8(counter);
  return newItem({
    id: name.repeat(4),
    hash: name.repeat(8),
    tag: tagOf(source),
    severity,
    payload: 'ab'.repeat(bytes),
    ...change,
  });
};

/** Plans and carries the plan out; undefined = dropped. */
const admit = (core: Core, item: Item): string[] | undefined => {
  const plan = core.plan(item.severity, item.payload.length / 2, item.tag);
  if (plan === 'dropped') return undefined;
  for (const { id } of plan) core.call.quarantineRelease!(core.findId(id));
  core.insert(item);
  return plan.map(({ id }) => id);
};

const snapshot = (core: Core): Uint8Array => core.bytes.slice(core.header(abi.HEADER_QUARANTINE));
const heldBy = (core: Core, source: number): number =>
  core.slots().filter((slot) => core.hexAt(core.slotAt(slot) + abi.SLOT_SOURCE_TAG, 32) === tagOf(source)).length;

describe.each(BUILDS)('quarantine under attack (%s)', (_, instantiate) => {
  const store = (limits: Partial<Config> = {}): Core =>
    new Core(instantiate, {
      maxCount: 64,
      maxBytes: 6_400,
      shareCount: 4,
      shareBytes: 400,
      maxPayloadBytes: 6_500,
      ...limits,
    });

  it('three sources cannot empty the store', () => {
    const core = store();
    for (let source = 0; source < 64; source++) admit(core, evidence(source, LOW, 100));
    for (let i = 0; i < 600; i++) expect(admit(core, evidence(1_000 + (i % 3), CRITICAL, 100))).toBeDefined();
    expect([1_000, 1_001, 1_002].map((source) => heldBy(core, source))).toEqual([4, 4, 4]);
    expect(core.slots().length).toBe(64);
    expect(core.slots().filter((slot) => core.item(slot).severity === LOW).length, 'what the others keep').toBe(
      64 - 12,
    );
    expect(core.verify()).toBe(true);
  });

  it('three sources cannot empty the store by bytes either', () => {
    const core = store({ shareCount: 64 });
    for (let source = 0; source < 64; source++) admit(core, evidence(source, LOW, 100));
    for (let i = 0; i < 600; i++) admit(core, evidence(1_000 + (i % 3), CRITICAL, [400, 7, 130, 1][i % 4]));
    const left = core.slots().filter((slot) => core.item(slot).severity === LOW).length;
    expect(left).toBeGreaterThanOrEqual(64 - 3 * 4);
    expect(core.verify()).toBe(true);
  });

  it('junk never evicts higher severity', () => {
    const core = store();
    const grave: string[] = [];
    for (let source = 0; source < 64; source++) {
      const item = evidence(source, source % 2 === 0 ? MEDIUM : HIGH);
      grave.push(item.id);
      admit(core, item);
    }
    const before = snapshot(core);
    for (let i = 0; i < 2_000; i++) expect(admit(core, evidence(10_000 + i, LOW))).toBeUndefined();
    expect(Buffer.compare(before, snapshot(core)), '2,000 drops change nothing').toBe(0);
    for (let i = 0; i < 500; i++) admit(core, evidence(20_000 + i, MEDIUM));
    const high = grave.filter((_, i) => i % 2 === 1);
    expect(
      high.every((id) => core.findId(id) > 0),
      'all 32 high ones are still there',
    ).toBe(true);
  });

  it('a source evicts its own first', () => {
    const core = store();
    for (let source = 1; source < 61; source++) admit(core, evidence(source, LOW));
    const own = [CRITICAL, LOW, HIGH, LOW].map((severity) => evidence(0, severity));
    for (const item of own) admit(core, item);
    expect(admit(core, evidence(0, MEDIUM)), 'its oldest that is not graver').toEqual([own[1]!.id]);
    expect(admit(core, evidence(0, CRITICAL)), 'its oldest').toEqual([own[0]!.id]);
    expect(admit(core, evidence(0, LOW)), 'and again').toEqual([own[3]!.id]);
    expect(core.slots().length, 'nobody else paid').toBe(64);
  });

  it('a source that holds only graver evidence is dropped at its share, not helped to the room of others', () => {
    const core = store();
    admit(core, evidence(1, LOW));
    for (let i = 0; i < 4; i++) admit(core, evidence(0, HIGH));
    expect(admit(core, evidence(0, MEDIUM))).toBeUndefined();
    expect(core.slots().length).toBe(5);
  });

  it('one item is within the share of its source, however large', () => {
    const core = store();
    const large = evidence(0, LOW, 3_000);
    expect(admit(core, large)).toEqual([]);
    expect(admit(core, evidence(0, LOW, 5_000)), 'but no second one beside it').toEqual([large.id]);
  });

  it('finds what a source may give up behind any number of graver items of its own', () => {
    const core = store({ shareCount: 50, shareBytes: 6_400 });
    const low = evidence(0, LOW);
    for (let i = 0; i < 40; i++) admit(core, evidence(0, CRITICAL));
    admit(core, low);
    for (let i = 0; i < 9; i++) admit(core, evidence(0, CRITICAL));
    expect(admit(core, evidence(0, LOW))).toEqual([low.id]);
  });

  it('dropped is decided before anything is evicted', () => {
    const full = (): Core => {
      const core = store({ shareCount: 64, shareBytes: 6_400 });
      for (let source = 0; source < 64; source++) admit(core, evidence(source, source < 7 ? LOW : HIGH, 100));
      return core;
    };
    const core = full();
    const before = snapshot(core);
    expect(admit(core, evidence(99, LOW, 701)), 'seven low ones are not enough').toBeUndefined();
    expect(admit(core, evidence(99, CRITICAL, 6_401)), 'the store itself is not enough').toBeUndefined();
    expect(core.plan(CRITICAL, 2 ** 32 - 1, tagOf(99)), 'a length that wraps').toBe('dropped');
    expect(Buffer.compare(before, snapshot(core))).toBe(0);
    expect(admit(core, evidence(99, LOW, 700)), 'seven are enough').toHaveLength(7);
    expect(admit(full(), evidence(99, CRITICAL, 6_400)), 'the whole store is enough').toHaveLength(64);
  });

  it('archived leaves first, however grave; then the slightest, oldest first', () => {
    const core = store({ maxCount: 6 });
    const items = [LOW, MEDIUM, LOW, CRITICAL, HIGH, CRITICAL].map((severity, source) => evidence(source, severity));
    for (const item of items) admit(core, item);
    for (const index of [5, 4]) core.call.quarantineSetState!(core.findId(items[index]!.id), abi.STATE_ARCHIVED, 1);
    const order = [4, 5, 0, 2, 1].map((index) => items[index]!.id);
    for (const id of order) expect(admit(core, evidence(500 + counter, HIGH))).toEqual([id]);
  });

  it('a repeat that is graver saves the evidence from its first, slighter report', () => {
    const core = store({ maxCount: 2 });
    const [first, second] = [evidence(0, LOW), evidence(1, LOW)];
    admit(core, first);
    admit(core, second);
    core.duplicate(core.findId(first.id), tagOf(7), CRITICAL, 0, 0);
    expect(admit(core, evidence(2, LOW))).toEqual([second.id]);
  });

  it('a hold on everything old neither evicts it nor stops eviction', () => {
    const core = store({ maxCount: 300 });
    const old = Array.from({ length: 290 }, (_, source) => evidence(source, LOW));
    for (const item of old) {
      admit(core, item);
      core.call.quarantineSetState!(core.findId(item.id), abi.STATE_ON_HOLD, 1);
      core.call.quarantineSetState!(core.findId(item.id), abi.STATE_ARCHIVED, 1);
    }
    for (let i = 0; i < 100; i++) expect(admit(core, evidence(1_000 + i, LOW))).toHaveLength(i < 10 ? 0 : 1);
    expect(old.every((item) => core.findId(item.id) > 0)).toBe(true);
    core.call.quarantineSetState!(core.findId(old[5]!.id), abi.STATE_ON_HOLD, 0);
    expect(admit(core, evidence(2_000, LOW)), 'once the hold ends it may leave').toEqual([old[5]!.id]);
  });

  it('a store that is all on hold drops what comes', () => {
    const core = store({ maxCount: 1 });
    const item = evidence(0, LOW);
    admit(core, item);
    core.call.quarantineSetState!(core.findId(item.id), abi.STATE_ON_HOLD, 1);
    expect(admit(core, evidence(1, CRITICAL))).toBeUndefined();
    expect(admit(core, evidence(0, CRITICAL)), 'its own source too').toBeUndefined();
  });

  it('rounding never evicts: items of any size fill the store to the last byte and the last slot', () => {
    const widest = {
      category: 'c'.repeat(64),
      detector: 'd'.repeat(64),
      flags: abi.ITEM_FINGERPRINTED,
      payloadHash: 'ff'.repeat(32),
    };
    for (let bytes = 0; bytes <= 260; bytes++) {
      const limits = { maxCount: 16, maxBytes: Math.max(1, 16 * bytes), shareCount: 16, shareBytes: 16 * bytes + 1 };
      const core = store(limits);
      for (let i = 0; i < 16; i++)
        expect(admit(core, evidence(i % 3, LOW, bytes, widest)), `${bytes} bytes`).toEqual([]);
      expect(core.state(abi.QUARANTINE_BLOCKS_USED)).toBeLessThanOrEqual(slabBlocks(core.limits));
      expect(core.verify()).toBe(true);
      expect(admit(core, evidence(9, LOW, bytes, widest)), 'one more than fits').toHaveLength(1);
    }
  });

  it('rounding never evicts: one byte here and all the rest there', () => {
    const core = store({ maxCount: 16, maxBytes: 6_000, shareCount: 16, shareBytes: 6_000 });
    for (let i = 0; i < 15; i++)
      expect(admit(core, evidence(0, LOW, 1, { category: 'c'.repeat(64), detector: 'd'.repeat(64) }))).toEqual([]);
    expect(admit(core, evidence(0, LOW, 6_000 - 15))).toEqual([]);
    expect(core.verify()).toBe(true);
  });

  it('released evidence is gone from memory: payload, salt, suffix, hash and tag', () => {
    const core = store({ maxPayloadBytes: 1_000 });
    const marks = {
      payload: 'deadbeefcafe'.repeat(100),
      salt: '5a17'.repeat(8),
      suffix: '50ff1x00'.replace('x', '2').repeat(2),
    };
    const item = evidence(3, HIGH, 0, {
      ...marks,
      hash: '4a54'.repeat(16),
      category: 'unique-category',
      detector: 'unique-detector',
    });
    core.insert(item);
    core.call.quarantineRelease!(core.findId(item.id));
    // The inbox is the host's to clean: everything after it must hold no trace, scratch included.
    const rest = Buffer.concat([
      core.bytes.subarray(abi.SCRATCH_AT, abi.ARENA_AT),
      core.bytes.subarray(core.header(abi.HEADER_QUARANTINE)),
    ]);
    const traces = ['deadbeefcafe', '5a175a17', '50ff1200', '4a544a54', tagOf(3)].map((trace) =>
      Buffer.from(trace, 'hex'),
    );
    for (const trace of [...traces, Buffer.from('unique-category'), Buffer.from('unique-detector')]) {
      expect(rest.includes(trace), trace.toString('hex')).toBe(false);
    }
  });
});
