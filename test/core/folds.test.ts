/**
 * Guards the promise that every event is accounted in exactly one record: folded, pushed out, walked or recorded at once,
 * the sums agree, and a flood costs a logarithm of records.
 *
 * Files: `assembly/folds.ts`.
 */
import { describe, expect, test } from 'vitest';
import {
  AUDIT_FOLD_PENDING,
  FOLD_BYTES,
  FOLD_COUNT,
  FOLD_ENTRIES,
  FOLD_KIND,
  FOLD_LAST_AT,
  FOLD_PENDING,
  FOLD_REASON,
  FOLD_TAG,
  KIND_DUPLICATE,
  KIND_LIMITED,
  KIND_UNINSPECTED,
  PANIC_AUDIT,
} from '../../assembly/abi.ts';
import { builds, DigestCore, randomBytes, randomFrom } from './digest-core.ts';

interface Entry {
  tag: string;
  kind: number;
  reason: number;
  count: number;
  pending: number;
  lastAt: number;
}

describe.each(builds)('folds, %s', (build) => {
  class Folds {
    readonly core = new DigestCore(build, 16);

    event(tag: Uint8Array, kind = KIND_LIMITED, reason = 1, now = 1000): number {
      const at = this.core.put(tag);
      return this.core.exports.foldEvent(kind, reason, at, at, now);
    }

    read(at: number): Entry {
      const word = (offset: number): number => this.core.view.getUint32(at + offset, true);
      return {
        tag: this.core.hex(at + FOLD_TAG),
        kind: this.core.view.getUint8(at + FOLD_KIND),
        reason: this.core.view.getUint8(at + FOLD_REASON),
        count: word(FOLD_COUNT),
        pending: word(FOLD_PENDING),
        lastAt: this.core.view.getFloat64(at + FOLD_LAST_AT, true),
      };
    }

    evicted(): Entry | undefined {
      const at = this.core.exports.foldEvicted();
      return at === 0 ? undefined : this.read(at);
    }

    /** The entries with pending events, and after it there are none. */
    walk(): Entry[] {
      const entries: Entry[] = [];
      for (let index = 0; index < FOLD_ENTRIES; index++) {
        const at = this.core.exports.foldWalk(index);
        if (at === 0) continue;
        entries.push(this.read(at));
        this.core.exports.foldClear(index);
        expect(this.core.exports.foldWalk(index)).toBe(0);
      }
      return entries;
    }

    get pending(): number {
      return this.core.number(AUDIT_FOLD_PENDING);
    }

    pendingInTable(): number {
      let sum = 0;
      for (let i = 0; i < FOLD_ENTRIES; i++) sum += this.read(this.core.folds + i * FOLD_BYTES).pending;
      return sum;
    }
  }

  const tagOf = (first: number, rest = 0): Buffer => {
    const tag = Buffer.alloc(32, rest);
    tag.writeUInt32LE(first, 0);
    return tag;
  };

  test('of a run of events the 1st, 2nd, 4th, 8th … is recorded, with all since the last', () => {
    const folds = new Folds();
    const recorded: [event: number, accounts: number][] = [];
    for (let event = 1; event <= 1024; event++) {
      const accounts = folds.event(tagOf(7));
      if (accounts > 0) recorded.push([event, accounts]);
    }
    expect(recorded).toEqual([[1, 1], ...Array.from({ length: 10 }, (_, i) => [2 ** (i + 1), 2 ** i])]);
  });

  test('every event is accounted exactly once, whoever meets in an entry and whenever it is walked', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomFrom(seed);
      const folds = new Folds();
      // Few first words and many tails: most sources share their entry with several others.
      const words = Array.from({ length: 1 + random(12) }, () => random(2 ** 32));
      const tags = Array.from({ length: 30 }, () => tagOf(words[random(words.length)]!, random(6)));
      const kinds = [KIND_LIMITED, KIND_DUPLICATE, KIND_UNINSPECTED];
      const happened = new Map<string, number>();
      const accounted = new Map<string, number>();
      const account = (key: string, events: number): void => {
        accounted.set(key, (accounted.get(key) ?? 0) + events);
      };
      let folded = 0;
      const steps = 500 + random(1500);
      for (let step = 0; step < steps; step++) {
        // In runs, so that there is something to fold.
        const tag = tags[random(2) ? random(tags.length) : 0]!;
        const kind = kinds[random(kinds.length)]!;
        const key = `${kind} ${tag.toString('hex')}`;
        for (let run = random(20); run >= 0; run--) {
          happened.set(key, (happened.get(key) ?? 0) + 1);
          const events = folds.event(tag, kind);
          if (events === 0) folded++;
          account(key, events);
          const evicted = folds.evicted();
          if (evicted) account(`${evicted.kind} ${evicted.tag}`, evicted.pending);
        }
        if (step % 100 === 0) expect(folds.pending, `seed ${seed}`).toBe(folds.pendingInTable());
        if (random(300) === 0) for (const entry of folds.walk()) account(`${entry.kind} ${entry.tag}`, entry.pending);
      }
      const sum = (map: Map<string, number>): number => [...map.values()].reduce((a, b) => a + b, 0);
      expect(sum(happened) - sum(accounted), `seed ${seed}`).toBe(folds.pending);
      for (const entry of folds.walk()) account(`${entry.kind} ${entry.tag}`, entry.pending);
      expect(Object.fromEntries(accounted), `seed ${seed}`).toEqual(Object.fromEntries(happened));
      expect(folds.pending).toBe(0);
      expect(folded).toBeGreaterThan(0);
    }
  });

  test('two sources in one entry: the first is handed over once, with all that identifies it', () => {
    const folds = new Folds();
    const first = tagOf(5, 1);
    const second = tagOf(5 + FOLD_ENTRIES, 2);
    for (let i = 0; i < 3; i++) folds.event(first, KIND_LIMITED, 1, 1000 + i);
    folds.event(first, KIND_LIMITED, 2, 1004); // the 4th accounts for two
    folds.event(first, KIND_LIMITED, 2, 1005);
    expect(folds.evicted()).toBeUndefined();
    expect(folds.pending).toBe(1);
    expect(folds.event(second)).toBe(1);
    expect(folds.evicted()).toEqual({
      tag: first.toString('hex'),
      kind: KIND_LIMITED,
      reason: 2,
      count: 5,
      pending: 1,
      lastAt: 1005,
    });
    expect(folds.pending).toBe(0);
    folds.event(second);
    expect(folds.evicted()).toBeUndefined();
  });

  test('an entry with nothing pending gives way in silence, and its source begins anew', () => {
    const folds = new Folds();
    expect(folds.event(tagOf(5, 1))).toBe(1);
    expect(folds.event(tagOf(5, 2))).toBe(1);
    expect(folds.evicted()).toBeUndefined();
    expect(folds.event(tagOf(5, 1))).toBe(1);
  });

  test('a source that alternates between two kinds is folded all the same', () => {
    const folds = new Folds();
    let records = 0;
    for (let i = 0; i < 1000; i++) {
      records += folds.event(tagOf(9), i % 2 ? KIND_LIMITED : KIND_UNINSPECTED) > 0 ? 1 : 0;
      records += folds.evicted() ? 1 : 0;
    }
    expect(records).toBeLessThanOrEqual(20);
  });

  test('two kinds that meet in one entry are not taken for one another', () => {
    const folds = new Folds();
    for (let i = 0; i < 3; i++) folds.event(tagOf(9), KIND_LIMITED);
    expect(folds.event(tagOf(8), KIND_LIMITED + 1)).toBe(1);
    expect(folds.evicted()).toMatchObject({ kind: KIND_LIMITED, pending: 1 });
  });

  test('the count goes on after a walk, so a long flood stays cheap', () => {
    const folds = new Folds();
    for (let i = 0; i < 700; i++) folds.event(tagOf(3));
    expect(folds.walk().map((entry) => entry.pending)).toEqual([700 - 512]);
    const accounts = Array.from({ length: 324 }, () => folds.event(tagOf(3)));
    expect(accounts.slice(0, -1).every((events) => events === 0)).toBe(true);
    expect(accounts.at(-1)).toBe(324);
  });

  test('a count never wraps: beyond 2³¹ events every 2³⁰th is recorded', () => {
    const folds = new Folds();
    const tag = tagOf(0);
    folds.event(tag);
    const at = folds.core.folds + KIND_LIMITED * FOLD_BYTES;
    expect(folds.read(at).count).toBe(1);
    for (let turn = 0; turn < 2; turn++) {
      folds.core.view.setUint32(at + FOLD_COUNT, 2 ** 31 - 2, true);
      folds.core.view.setUint32(at + FOLD_PENDING, 2 ** 30 - 2, true);
      folds.core.setNumber(AUDIT_FOLD_PENDING, 2 ** 30 - 2);
      expect(folds.event(tag)).toBe(0);
      expect(folds.event(tag)).toBe(2 ** 30);
      expect(folds.read(at).count).toBe(2 ** 30);
      expect(folds.pending).toBe(0);
    }
  });

  test('groups that differ in one bit anywhere are different, and addresses of one group are told apart', () => {
    const random = randomFrom(4);
    const tag = randomBytes(random, 32);
    for (let byte = 4; byte < 32; byte++) {
      const folds = new Folds();
      const other = Uint8Array.from(tag);
      other[byte]! ^= 1 << random(8);
      const several = (): boolean => folds.core.exports.foldSeveral(KIND_LIMITED, folds.core.put(tag)) !== 0;
      const where = `byte ${byte}`;
      expect(folds.event(tag), where).toBe(1);
      if (byte < 8) {
        expect(folds.event(other), where).toBe(1);
        continue;
      }
      expect([folds.event(other), several()], where).toEqual([1, false]);
      expect([folds.event(tag), several()], where).toEqual([0, false]);
      expect([folds.event(other), several()], 'two addresses, one record').toEqual([2, true]);
      expect([folds.event(other), several()], 'and then a run of one').toEqual([0, false]);
    }
  });

  test('an entry that does not exist is a panic', () => {
    const { core } = new Folds();
    expect(core.panicOf(() => core.exports.foldWalk(FOLD_ENTRIES))).toBe(PANIC_AUDIT);
  });
});
