/**
 * Guards ids: they are valid UUIDv7, rise strictly whatever the clock does, equal the model byte for byte, and no byte of
 * entropy is used twice or left behind.
 *
 * Files: `assembly/ids.ts`.
 */
import { describe, expect, test } from 'vitest';
import {
  ENTROPY_BYTES,
  IDS_COUNTER_HIGH,
  IDS_COUNTER_LOW,
  IDS_LAST_MS,
  IDS_POOL,
  PANIC_ENTROPY,
} from '../../assembly/abi.ts';
import { IdsModel } from '../model/ids.ts';
import { builds, DigestCore, INPUT, OUTPUT, randomBytes, randomFrom } from './digest-core.ts';

const MS_MAX = 2 ** 48 - 1;

describe.each(builds)('ids, %s', (build) => {
  class Ids {
    readonly core = new DigestCore(build, 16);
    readonly model = new IdsModel();
    readonly random: (below: number) => number;

    constructor(seed: number) {
      this.random = randomFrom(seed);
      this.refill();
    }

    refill(pool: Uint8Array = randomBytes(this.random, ENTROPY_BYTES)): void {
      this.model.feed(pool);
      this.core.exports.entropyPut(this.core.put(pool));
    }

    /** The core's id and the model's. */
    make(now: number): [string, string] {
      if (this.model.left < 18) this.refill();
      this.core.exports.idMake(now, OUTPUT);
      return [this.core.hex(OUTPUT, 24), this.model.make(now)];
    }

    place(lastMs: number, high: number, low: number): void {
      this.core.view.setFloat64(this.core.ids + IDS_LAST_MS, lastMs, true);
      this.core.view.setUint32(this.core.ids + IDS_COUNTER_HIGH, high, true);
      this.core.view.setUint32(this.core.ids + IDS_COUNTER_LOW, low, true);
    }
  }

  test('the fields of the example in RFC 9562 A.6 lie where the RFC has them', () => {
    const ids = new Ids(1);
    const pool = new Uint8Array(ENTROPY_BYTES);
    pool.set(Buffer.from('0c07398f1122334455667788', 'hex'));
    ids.refill(pool);
    ids.place(0x017f22e279b0, 0xcc3, 0x18c4dc0c - 1);
    ids.core.exports.idMake(0x017f22e279b0, OUTPUT);
    expect(ids.core.hex(OUTPUT, 24)).toBe('017f22e279b07cc398c4dc0c0c07398f' + '1122334455667788');
  });

  test('over any clock, ids equal the model, rise strictly, and say version 7 and variant 10', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const ids = new Ids(seed);
      let clock = ids.random(4) === 0 ? 0 : 1.7e12 + ids.random(1e9);
      let last = '';
      for (let i = 0; i < 250; i++) {
        const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5, 0.75, clock - 1e7];
        const move = ids.random(10);
        if (move < 4) clock += ids.random(3) + ids.random(4) / 4;
        else if (move === 4) clock -= ids.random(5000);
        else if (move === 5 && ids.random(20) === 0) clock += 1e9;
        const [made, model] = ids.make(move === 9 ? odd[ids.random(odd.length)]! : clock);
        expect(made, `seed ${seed}, id ${i}`).toBe(model);
        expect(made > last, `seed ${seed}, id ${i}: ${last} then ${made}`).toBe(true);
        expect(made[12]).toBe('7');
        expect('89ab').toContain(made[16]);
        last = made;
      }
    }
  });

  test('a time outside 48 bits is clamped, and one that is no number is the last one', () => {
    for (const [now, ms] of [
      [Number.NaN, 0],
      [-1, 0],
      [1.99, 1],
      [Number.POSITIVE_INFINITY, 1],
      [1e300, MS_MAX],
    ] as const) {
      const ids = new Ids(7);
      if (ms === 1) ids.make(1);
      const [made, model] = ids.make(now);
      expect(made).toBe(model);
      expect(Number.parseInt(made.slice(0, 12), 16), `${now}`).toBe(ms);
    }
  });

  test('the very first id has a random counter even when the clock says 0', () => {
    const ids = new Ids(8);
    const [made, model] = ids.make(0);
    expect(made).toBe(model);
    expect(made.slice(13, 16) + made.slice(17, 24)).not.toBe('0000000001');
  });

  test('a counter that is seeded leaves half of its range free', () => {
    const ids = new Ids(9);
    ids.refill(new Uint8Array(ENTROPY_BYTES).fill(0xff));
    ids.core.exports.idMake(5, OUTPUT);
    expect(ids.core.hex(OUTPUT, 12)).toBe('000000000005' + '77ff' + 'bfffffff');
  });

  test('a counter carries from its low into its high part', () => {
    const ids = new Ids(10);
    ids.place(5000, 0x123, 0x3fffffff);
    ids.core.exports.idMake(5000, OUTPUT);
    expect(ids.core.hex(OUTPUT, 12)).toBe('000000001388' + '7124' + '80000000');
  });

  test('a counter that runs over goes on in the next millisecond, with a new seed', () => {
    const ids = new Ids(11);
    ids.place(5000, 0xfff, 0x3fffffff);
    ids.core.exports.idMake(4000, OUTPUT);
    expect(ids.core.hex(OUTPUT, 6)).toBe('000000001389');
    expect(Number.parseInt(ids.core.hex(OUTPUT + 6, 2), 16)).toBeLessThan(0x7800);
    expect(ids.core.view.getFloat64(ids.core.ids + IDS_LAST_MS, true)).toBe(5001);
  });

  test('at the end of time ids stay unique', () => {
    const ids = new Ids(12);
    ids.place(MS_MAX, 0xfff, 0x3fffffff);
    const made = new Set<string>();
    for (let i = 0; i < 50; i++) {
      ids.core.exports.idMake(1e300, OUTPUT);
      made.add(ids.core.hex(OUTPUT, 24));
    }
    expect(made.size).toBe(50);
  });

  test('entropy is zeroed where it came from and where it was drawn, and handed out once, in order', () => {
    const { core, random } = new Ids(13);
    const pool = randomBytes(random, ENTROPY_BYTES);
    core.exports.entropyPut(core.put(pool));
    expect(core.take(INPUT, ENTROPY_BYTES).every((byte) => byte === 0)).toBe(true);
    let drawn = 0;
    for (const bytes of [0, 1, 2, 3, 16, 24, 31, 100, ENTROPY_BYTES - 177]) {
      core.exports.entropyDraw(OUTPUT, bytes);
      expect(core.take(OUTPUT, bytes).equals(pool.subarray(drawn, drawn + bytes))).toBe(true);
      drawn += bytes;
      expect(core.exports.entropyLeft()).toBe(ENTROPY_BYTES - drawn);
      const left = core.take(core.ids + IDS_POOL, ENTROPY_BYTES);
      expect(left.subarray(0, drawn).every((byte) => byte === 0)).toBe(true);
      expect(left.subarray(drawn).equals(pool.subarray(drawn))).toBe(true);
    }
    expect(drawn).toBe(ENTROPY_BYTES);
  });

  test('a pool that was never filled, or runs dry, is a panic, and nothing weaker is handed out', () => {
    const never = new DigestCore(build, 16);
    expect(never.exports.entropyLeft()).toBe(0);
    expect(never.panicOf(() => never.exports.idMake(1, OUTPUT))).toBe(PANIC_ENTROPY);

    const { core } = new Ids(14);
    core.exports.entropyDraw(OUTPUT, ENTROPY_BYTES - 11);
    expect(core.panicOf(() => core.exports.entropyDraw(OUTPUT, 12))).toBe(PANIC_ENTROPY);
  });

  test('an id costs 12 bytes of entropy, 18 in a new millisecond', () => {
    const { core } = new Ids(15);
    const cost = (now: number): number => {
      const before = core.exports.entropyLeft();
      core.exports.idMake(now, OUTPUT);
      return before - core.exports.entropyLeft();
    };
    expect([cost(10), cost(10), cost(9), cost(11)]).toEqual([18, 12, 12, 18]);
  });
});
