/**
 * Guards eviction against small junk: whatever is held that is not graver makes room, however little each item frees. A plan
 * of eight victims once kept 993 of 1,000 critical items out of a store full of crumbs.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { newItem, QuarantineModel } from '../model/quarantine.ts';
import { BUILDS, type Config, Core, seeded } from './quarantine-harness.ts';

const LOW = 0;
const CRITICAL = 3;
const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

type Random = ReturnType<typeof seeded>;

const hex8 = (number: number): string => (number >>> 0).toString(16).padStart(8, '0');
const tagOf = (source: number): string => hex8(Math.imul(source + 1, 0x9e3779b1)) + hex8(source).repeat(7);

/** A store, and what is sent to it. */
class Crowd {
  readonly core: Core;
  #count = 0;

  constructor(instantiate: (typeof BUILDS)[0][1], limits: Config) {
    this.core = new Core(instantiate, limits);
  }

  item(source: number, severity: number, bytes: number) {
    const name = hex8(++this.#count);
    return newItem({
      id: name.repeat(4),
      hash: name.repeat(8),
      tag: tagOf(source),
      severity,
      payload: 'ab'.repeat(bytes),
    });
  }

  /** The id, and how many had to leave; `undefined`: dropped. */
  send(source: number, severity: number, bytes: number): { id: string; evicted: number } | undefined {
    const { core } = this;
    const item = this.item(source, severity, bytes);
    const plan = core.plan(severity, bytes, item.tag);
    if (plan === 'dropped') return undefined;
    for (const { id } of plan) core.call.quarantineRelease!(core.findId(id));
    core.insert(item);
    return { id: item.id, evicted: plan.length };
  }

  /** Fills the store to its last byte with items of sizes that `draw` gives. */
  fill(severity: number, draw: () => number): void {
    for (let i = 0; ; i++) {
      const left = this.core.limits.maxBytes - this.core.state(abi.QUARANTINE_PAYLOAD_BYTES);
      if (left === 0 || this.core.state(abi.QUARANTINE_COUNT) === this.core.limits.maxCount) return;
      this.send(i, severity, Math.min(left, draw()));
    }
  }
}

/** What junk may look like: crumbs, crumbs with a few large ones among them, all sizes. */
const draws = (random: Random): (() => number)[] => [
  () => 1,
  () => 1 + random(8),
  () => 1 + random(127),
  () => (random(30) === 0 ? 2_000 : 1 + random(20)),
  () => 1 + random(400),
];

describe.each(BUILDS)('crumbs (%s)', (_, instantiate) => {
  it.each(SEEDS)('keep out no graver evidence, seed %i', (seed) => {
    const random = seeded(seed);
    const draw = draws(random)[seed % 5]!;
    const maxCount = 300 + random(700);
    const maxBytes = seed % 5 === 0 ? maxCount : maxCount * 10;
    const crowd = new Crowd(instantiate, {
      maxCount,
      maxBytes,
      shareCount: maxCount,
      shareBytes: maxBytes,
      maxPayloadBytes: maxBytes,
    });
    crowd.fill(random(3), draw);
    const size = 1 + random(Math.min(500, maxBytes / 20));
    const kept = Array.from({ length: Math.floor(maxBytes / size / 2) }, (_, i) =>
      crowd.send(10_000 + i, CRITICAL, size),
    );
    expect(kept.filter((each) => each === undefined)).toEqual([]);
    const fit = kept.slice(-Math.min(kept.length, maxCount));
    expect(fit.filter((each) => crowd.core.findId(each!.id) === 0)).toEqual([]);
    expect(crowd.core.verify()).toBe(true);
  });

  it('1,000 critical items are all kept in a store that is full of junk', () => {
    const limits = {
      maxCount: 10_000,
      maxBytes: 1_048_576,
      shareCount: 625,
      shareBytes: 65_536,
      maxPayloadBytes: 65_536,
    };
    const crowd = new Crowd(instantiate, limits);
    crowd.fill(LOW, () => 106);
    const kept = Array.from({ length: 1_000 }, (_, i) => crowd.send(50_000 + i, CRITICAL, 1_000));
    expect(kept.filter((each) => each === undefined)).toEqual([]);
    expect(kept.filter((each) => crowd.core.findId(each!.id) === 0)).toEqual([]);
    expect(Math.max(...kept.map((each) => each!.evicted))).toBeLessThanOrEqual(abi.EVICTIONS_MIN);
  });

  it.each(SEEDS)('a source’s own crumbs do not keep out its own attack, seed %i', (seed) => {
    const random = seeded(seed);
    const limits = { maxCount: 2_000, maxBytes: 200_000, shareCount: 125, shareBytes: 12_500, maxPayloadBytes: 65_536 };
    const crowd = new Crowd(instantiate, limits);
    for (let i = 0; i < 40; i++) crowd.send(100 + i, CRITICAL, 1_000);
    const before = crowd.core.slots().length;
    for (let i = 0; i < 24 + random(300); i++) crowd.send(1, random(3), 1 + random(100));
    const attack = crowd.send(1, random(2) + 2, 1_000 + random(11_500))!;
    expect(crowd.core.findId(attack.id)).toBeGreaterThan(0);
    const others = crowd.core.slots().filter((slot) => crowd.core.item(slot).tag !== tagOf(1));
    expect(others.length, 'and nobody else pays for it').toBe(before);
  });

  it('an admission names no more victims than its largest payload needs, and passes crumbs over for it', () => {
    const limits = { maxCount: 900, maxBytes: 70_000, shareCount: 900, shareBytes: 70_000, maxPayloadBytes: 65_536 };
    const crowd = new Crowd(instantiate, limits);
    for (let i = 0; i < 700; i++) crowd.send(i, LOW, 2);
    crowd.fill(LOW, () => 500);
    expect(crowd.send(5_000, CRITICAL, 65_536)!.evicted).toBeLessThanOrEqual(512);
    // Of crumbs alone more than that would have to go: this one is dropped, and nothing is lost for it.
    const crumbs = new Crowd(instantiate, { ...limits, maxBytes: 900 });
    for (let i = 0; i < 900; i++) crumbs.send(i, LOW, 1);
    const held = crumbs.core.slots().length;
    expect(crumbs.send(5_000, CRITICAL, 513)).toBeUndefined();
    expect(crumbs.core.slots().length).toBe(held);
    expect(crumbs.send(5_000, CRITICAL, 512)!.evicted).toBe(512);
  });

  it('plans with hundreds of victims are those of the model', () => {
    const limits = { maxCount: 1_400, maxBytes: 70_000, shareCount: 700, shareBytes: 60_000, maxPayloadBytes: 65_536 };
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed);
      const crowd = new Crowd(instantiate, limits);
      const model = new QuarantineModel(limits);
      for (let i = 0; i < 1_200; i++) {
        const item = crowd.item(random(4), random(3), random(8) === 0 ? 128 + random(400) : random(12));
        if (model.bytes + item.payload.length / 2 > limits.maxBytes) break;
        item.archived = random(6) === 0;
        item.onHold = random(50) === 0;
        crowd.core.insert(item, true);
        model.insert(item);
      }
      for (const [severity, bytes, source] of [
        [CRITICAL, 65_000, 9],
        [CRITICAL, 59_000, 1],
        [1, 20_000, 2],
        [LOW, 30_000, 3],
        [1, 40_000, 9],
      ] as const) {
        const expected = model.plan(severity, bytes, tagOf(source));
        expect(crowd.core.plan(severity, bytes, tagOf(source)), `seed ${seed}`).toEqual(expected);
      }
    }
  });
});
