/**
 * Guards what the limiter promises its callers, said without the model: exact retry times, peeks that change nothing,
 * memory by formula, and a restore that believes nobody.
 *
 * Files: `assembly/testing/limiter.ts`.
 */
import { describe, expect, test } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { peakOf, seeded } from '../model/attacks.ts';
import type { LimiterOptions } from '../model/limiter.ts';
import { BUILDS, CoreLimiter } from './limiter-harness.ts';

const T0 = 1_700_000_000_000;
const COMMON: LimiterOptions = { windowMs: 1_000, limit: 10, maxSources: 16 };

describe.each(BUILDS)('the limiter promises (%s)', (build, instantiate) => {
  const limiter = (options: Partial<LimiterOptions> = {}): CoreLimiter =>
    new CoreLimiter(instantiate, { ...COMMON, ...options });
  const many = build === 'wasm' ? 1 : 0.25;

  test.each([
    [1, 32],
    [10, 1_000],
    [255, 777],
    [40_000, 60_000],
    [1_000_000, 1_001],
  ])('limit %i per %i ms: no closed window of the clock admits more', (limit, windowMs) => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed + limit);
      const core = limiter({ limit, windowMs, width: limit > 255 ? 1_024 : 2_048, blockMs: seed === 1 ? 50 : 0 });
      const admitted = new Map<string, [number, number][]>();
      let now = T0;
      core.clock(now);
      for (let i = 0; i < 10_000 * many; i++) {
        if (random() < 0.3) now += Math.floor(random() ** 2 * windowMs);
        // The clock runs back now and then; what counts is the clock that never does.
        if (random() < 0.005) now -= Math.floor(random() * 3 * windowMs);
        core.clock(now);
        const source = `source ${Math.floor(random() ** 2 * 60)}`;
        const cost = 1 + Math.floor(random() ** 3 * limit);
        if (!core.check(source, cost).allowed) continue;
        const log = admitted.get(source) ?? [];
        admitted.set(source, log);
        log.push([core.state.window, cost]);
      }
      for (const log of admitted.values()) expect(peakOf(log, windowMs), `seed ${seed}`).toBeLessThanOrEqual(limit);
      expect(core.state.evictions).toBeGreaterThan(100);
    }
  });

  test('retryAfterMs is exact: admitted then, refused one ms earlier; resetMs is when remaining rises', () => {
    const tried = { plain: 0, behind: 0, blocked: 0, degraded: 0 };
    for (let seed = 1; seed <= 12; seed++) {
      const random = seeded(seed);
      const windowMs = 32 + Math.floor(random() * 3_000);
      const limit = [3, 100, 300, 70_000][seed % 4]!;
      const core = limiter({ windowMs, limit, blockMs: seed % 3 === 0 ? Math.floor(random() * 2 * windowMs) : 0 });
      let now = T0;
      for (let i = 0; i < 700 * many; i++) {
        now += Math.floor(random() ** 4 * windowMs * 0.3);
        if (random() < 0.01) now -= Math.floor(random() ** 2 * 5 * windowMs);
        core.clock(now);
        const source = `source ${Math.floor(random() ** 2 * 24)}`;
        const cost = 1 + Math.floor(random() ** 3 * limit);
        const verdict = core.check(source, cost);
        const where = `seed ${seed} step ${i}`;
        if (verdict.allowed) expect(verdict.retryAfterMs).toBe(0);
        else expect(verdict.resetMs, where).toBeLessThanOrEqual(verdict.retryAfterMs);
        if (verdict.remaining === limit) expect(verdict.resetMs).toBe(0);
        if (verdict.allowed && random() > 0.05) continue;
        const saved = core.save();
        const later = (ms: number, ask: (then: CoreLimiter) => unknown): unknown => {
          core.clock(now + ms);
          const answer = ask(core);
          core.load(saved);
          return answer;
        };
        if (verdict.resetMs > 0) {
          const remaining = (then: CoreLimiter): number => then.check(source, 1, true).remaining;
          expect(later(verdict.resetMs, remaining), where).toBeGreaterThan(verdict.remaining);
          if (verdict.resetMs > 1) expect(later(verdict.resetMs - 1, remaining), where).toBe(verdict.remaining);
        }
        if (verdict.allowed) continue;
        const allowed = (then: CoreLimiter): boolean => then.check(source, cost).allowed;
        expect(later(verdict.retryAfterMs, allowed), where).toBe(true);
        expect(later(verdict.retryAfterMs - 1, allowed), where).toBe(false);
        if (core.u32(abi.LIMITER_BEHIND) === 1) tried.behind++;
        else if (verdict.blocked) tried.blocked++;
        else if (verdict.degraded) tried.degraded++;
        else tried.plain++;
      }
    }
    for (const [kind, times] of Object.entries(tried)) expect(times, kind).toBeGreaterThan(2);
  });

  test('a peek says what a check would say, and changes nothing but the clock', () => {
    const random = seeded(3);
    const core = limiter({ limit: 20, blockMs: 100 });
    let now = T0;
    for (let i = 0; i < 1_500 * many; i++) {
      now += Math.floor(random() ** 3 * 60);
      core.clock(now);
      const source = `source ${Math.floor(random() ** 2 * 40)}`;
      const cost = 1 + Math.floor(random() ** 3 * 20);
      const before = core.save();
      const peeked = core.check(source, cost, true);
      const arena = abi.ARENA_AT;
      expect(Buffer.compare(core.bytes.subarray(arena), before.subarray(arena)), `step ${i}`).toBe(0);
      expect(peeked).toMatchObject({ account: 0, unrecorded: false, blockStarted: false });
      const checked = core.check(source, cost);
      expect(peeked.allowed).toBe(checked.allowed);
      expect(peeked.degraded).toBe(checked.degraded);
      if (!checked.allowed && !checked.blockStarted) {
        expect(peeked).toMatchObject({
          blocked: checked.blocked,
          remaining: checked.remaining,
          resetMs: checked.resetMs,
          retryAfterMs: checked.retryAfterMs,
        });
      }
    }
  });

  test('refusals while blocked never extend the block; the limit is whole again when both are over', () => {
    const core = limiter({ blockMs: 5_000 });
    core.clock(T0);
    core.check('a', 10);
    expect(core.check('a')).toMatchObject({ blocked: true, blockStarted: true, remaining: 0, retryAfterMs: 5_000 });
    for (let ms = 1; ms < 5_000; ms += 7) {
      core.clock(T0 + ms);
      expect(core.check('a')).toMatchObject({ allowed: false, blockStarted: false, retryAfterMs: 5_000 - ms });
    }
    core.clock(T0 + 5_000);
    expect(core.check('a', 10)).toMatchObject({ allowed: true, blocked: false });
  });

  test('a window longer than the block decides when to come back', () => {
    const core = limiter({ blockMs: 50 });
    core.clock(T0);
    core.check('a', 10);
    expect(core.check('a').retryAfterMs).toBe(Math.ceil((33 * 1_000) / 32));
  });

  test('a block by hand holds, is not shortened, and ends by hand', () => {
    const core = limiter();
    core.clock(T0);
    core.block('a', 1_000.5);
    core.block('a', 10);
    expect(core.check('a')).toMatchObject({ allowed: false, blocked: true, retryAfterMs: 1_001, resetMs: 1_001 });
    expect(core.unblock('a')).toBe(true);
    expect(core.unblock('a')).toBe(false);
    expect(core.unblock('nobody')).toBe(false);
    expect(core.check('a')).toMatchObject({ allowed: true, remaining: 9 });
  });

  test('a block that was lifted does not come back while what was used before still counts, and no window admits more', () => {
    for (let seed = 1; seed <= 24; seed++) {
      const random = seeded(seed);
      const limit = [5, 200, 300, 70_000][seed % 4]!;
      const windowMs = 64 + Math.floor(random() * 5_000);
      const core = limiter({ limit, windowMs, blockMs: windowMs + Math.floor(random() * 9 * windowMs) });
      const admitted: [number, number][] = [];
      let now = T0;
      const step = (cost: number): ReturnType<CoreLimiter['check']> => {
        core.clock(now);
        const verdict = core.check('a', cost);
        if (verdict.allowed) admitted.push([core.state.window, cost]);
        return verdict;
      };
      for (let round = 0; round < 3; round++) {
        const cost = (): number => 1 + Math.floor(random() * Math.min(limit, 1 + limit / 4));
        while (!step(cost()).blockStarted) now += Math.floor(random() * 3);
        now += Math.floor((random() * windowMs) / 3);
        core.clock(now);
        const where = `seed ${seed}, round ${round}`;
        expect(core.unblock('a'), where).toBe(true);
        const liftedAt = now;
        const parts = limit > 65_535 ? 24 : 32;
        while (now - liftedAt < windowMs) {
          expect(step(cost()), where).toMatchObject({ blocked: false, blockStarted: false });
          now += 1 + Math.floor((random() * windowMs) / 20);
        }
        // From a window and a sub-window on nothing of it is left, and refusals block as before.
        now = liftedAt + Math.ceil((windowMs * (parts + 1)) / parts);
        let started = false;
        for (let i = 0; i < 4_000 && !started; i++) started = step(cost()).blockStarted;
        expect(started, where).toBe(true);
        core.unblock('a');
        now += 3 * windowMs;
      }
      expect(peakOf(admitted, windowMs), `seed ${seed}`).toBeLessThanOrEqual(limit);
    }
  });

  test('a reset ends the pardon too, and says whether there was anything to forget', () => {
    const core = limiter({ limit: 2, blockMs: 500 });
    core.clock(T0);
    expect(core.reset('a')).toBe(false);
    for (let i = 0; i < 3; i++) core.check('a');
    expect(core.unblock('a')).toBe(true);
    expect(core.reset('a')).toBe(true);
    expect(core.reset('a')).toBe(false);
    core.check('a', 2);
    expect(core.check('a')).toMatchObject({ blocked: true, blockStarted: true });
  });

  test('nobody who is not blocked is told to wait longer than a window and a sub-window, whatever the sketch remembers', () => {
    const seen = { plain: 0, degraded: 0 };
    for (let seed = 1; seed <= 24; seed++) {
      const random = seeded(seed);
      const limit = [3, 100, 300, 70_000][seed % 4]!;
      const windowMs = 32 + Math.floor(random() * 4_000);
      const core = limiter({ windowMs, limit });
      const most = Math.ceil((windowMs * (limit > 65_535 ? 25 : 33)) / (limit > 65_535 ? 24 : 32));
      let now = T0;
      for (let i = 0; i < 900 * many; i++) {
        now += Math.floor(random() ** 4 * windowMs * 0.2);
        core.clock(now);
        const verdict = core.check(`source ${Math.floor(random() ** 2 * 40)}`, 1 + Math.floor(random() ** 2 * limit));
        if (verdict.allowed) continue;
        expect(verdict.retryAfterMs, `seed ${seed} step ${i}`).toBeLessThanOrEqual(most);
        seen[verdict.degraded ? 'degraded' : 'plain']++;
      }
    }
    for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(100);
  });

  test.each([
    [100, 32 / 33],
    [1_000, 32 / 33],
    [100_000, 24 / 25],
  ])('who asks all the time gets the whole limit of %i once a window and a sub-window', (limit, share) => {
    const core = limiter({ limit, windowMs: 3_300 });
    core.clock(T0);
    let admitted = 0;
    const windows = 20;
    const step = limit > 1_000 ? 1_000 : 1;
    for (let ms = 0; ms < windows * 3_300; ms++) {
      core.clock(T0 + ms);
      if (core.check('a', step).allowed) admitted += step;
    }
    const rate = admitted / windows / limit;
    expect(rate).toBeGreaterThan(share - 0.02);
    expect(rate).toBeLessThanOrEqual(1 + 1 / windows);
  });

  test('a reset gives the whole budget back, even to a source that only the sketch knows', () => {
    const core = limiter({ limit: 40 });
    core.clock(T0);
    for (let i = 0; i < 64; i++) core.check(`source ${i}`, 20);
    const known = Array.from({ length: 64 }, (_, i) => `source ${i}`).find(
      (name) => core.check(name, 1, true).degraded,
    )!;
    expect(core.check(known, 40).allowed).toBe(false);
    core.reset(known);
    expect(core.check(known, 40)).toMatchObject({ allowed: true, degraded: false, remaining: 0 });
  });

  test('what a generation of the sketch forgot stays forgotten when its place is written again', () => {
    // Ticks of 100 ms, generations of 700 ms: after 4,200 ms the place of the first is the current one's. Rows of four
    // chunks, so dense that strangers share cells, and only the chunks that are written again are cleared.
    const core = limiter({ windowMs: 3_200, limit: 100, width: 8_192 });
    core.clock(T0);
    for (let i = 0; i < 20_000; i++) core.check(`old ${i}`);
    const degraded = (): number => {
      let count = 0;
      for (let i = 0; i < 2_000; i++) if (core.check(`stranger ${i}`, 1, true).degraded) count++;
      return count;
    };
    expect(degraded()).toBeGreaterThan(1_000);
    core.clock(T0 + 4_200);
    expect(degraded()).toBe(0);
    for (let i = 0; i < 17; i++) core.check(`new ${i}`, 50);
    expect(core.state.evictions).toBe(20_000 - 16 + 1);
    expect(degraded()).toBe(0);
  });

  test('once the sketch has forgotten a source, its neighbours cannot degrade it', () => {
    const core = limiter({ windowMs: 3_200, limit: 100, width: 2_048 });
    core.clock(T0);
    core.check('a', 50);
    for (let i = 0; i < 16; i++) core.check(`heavy ${i}`, 60);
    expect(core.check('a', 10).degraded).toBe(true);
    core.clock(T0 + 4_300);
    expect(core.check('a', 10).degraded).toBe(false);
    for (let i = 0; i < 10_000; i++) core.check(`neighbour ${i}`);
    expect(core.check('stranger', 1, true).degraded).toBe(true);
    expect(core.check('a', 10)).toMatchObject({ degraded: false, remaining: 80 });
  });

  test('a source whose hash is the mark of an empty way is tracked like any other', () => {
    // Found by trying all: HalfSipHash of these bytes under the key 00 01 … 07 begins with a word of 0.
    const zero = Uint8Array.of(0xf2, 0x8b, 0xbc, 0xa9, 0x00);
    const core = limiter();
    core.clock(T0);
    core.check(zero, 10);
    core.check('b');
    expect(core.state.tracked).toBe(2);
    expect(core.check(zero).allowed).toBe(false);
  });

  test('a block that ends at 2³² − 1 on its clock is as long as any other', () => {
    const core = limiter();
    core.clock(T0);
    core.clock(T0 + 0xffff_ffff - 100);
    core.block('a', 100);
    expect(core.check('a')).toMatchObject({ blocked: true, retryAfterMs: 100 });
  });

  test('hundreds of mad readings use up neither clock: windows and blocks still end to the millisecond', () => {
    const random = seeded(8);
    const core = limiter({ blockMs: 2_000 });
    for (let i = 0; i < 500; i++) core.clock(Math.floor((random() - 0.5) * 1.7e16));
    expect(core.state.forward).toBeGreaterThan(1e15);
    core.clock(T0);
    for (let i = 0; i < 20; i++) core.clock(T0 + i * 400);
    const now = T0 + 19 * 400;
    core.check('a', 10);
    expect(core.check('a')).toMatchObject({ blocked: true, retryAfterMs: 2_000 });
    core.clock(now + 1_999);
    expect(core.check('a').blocked).toBe(true);
    core.clock(now + 2_000);
    expect(core.check('a', 10)).toMatchObject({ allowed: true });
    expect(Number.isSafeInteger(core.state.window)).toBe(true);
  });

  test('refusals are accounted for at 1, 2, 4, 8 … and at the admission after them; pending is the rest', () => {
    const core = limiter();
    core.clock(T0);
    core.check('a', 10);
    let refused = 0;
    let accounted = 0;
    for (let i = 1; i <= 100; i++) {
      const { account } = core.check('a');
      refused++;
      accounted += account;
      expect(account > 0).toBe(Number.isInteger(Math.log2(i)));
      expect(core.state.pending).toBe(refused - accounted);
    }
    core.clock(T0 + 2_000);
    expect(core.check('a').account).toBe(100 - 64);
    expect(core.state.pending).toBe(0);
  });

  test('after 2³¹ refusals in a row all are accounted for, and counting starts again', () => {
    const core = limiter();
    core.clock(T0);
    core.check('a', 10);
    core.check('a');
    const tags = core.header(abi.HEADER_LIMITER_TAGS);
    const way = Array.from({ length: 16 }, (_, i) => i).find((i) => core.view.getUint32(tags + 4 * i, true) !== 0)!;
    const record = core.header(abi.HEADER_LIMITER_RECORDS) + way * abi.RECORD_BYTES_U8;
    core.view.setUint32(record + abi.RECORD_REFUSED, 2 ** 31 - 1, true);
    expect(core.check('a').account).toBe(2 ** 30);
    expect(core.check('a').account).toBe(1);
    expect(core.check('a').account).toBe(1);
    expect(core.check('a').account).toBe(0);
  });

  test('what it takes from the arena is what the formula says, and nothing without a limit', () => {
    for (const [limit, record] of [
      [255, abi.RECORD_BYTES_U8],
      [65_535, abi.RECORD_BYTES_U16],
      [65_536, abi.RECORD_BYTES_U32],
    ] as const) {
      for (const maxSources of [16, 1_024, 65_536]) {
        const core = limiter({ limit, maxSources });
        const row = Math.max(abi.SKETCH_ROW_BYTES_MIN, abi.SKETCH_ROW_BYTES_PER_SOURCE * maxSources);
        const cells = abi.SKETCH_GENERATIONS * abi.SKETCH_ROWS * row;
        const bytes =
          abi.LIMITER_BYTES + maxSources * (abi.TAG_BYTES + record) + (cells / abi.SKETCH_CHUNK_BYTES) * 4 + cells;
        expect(core.header(abi.HEADER_ARENA_NEXT) - abi.ARENA_AT).toBe(bytes);
        expect(core.header(abi.HEADER_LIMITER_TAGS) % 64).toBe(0);
      }
    }
    expect(limiter({ limit: 0, maxSources: 0 }).header(abi.HEADER_ARENA_NEXT)).toBe(abi.ARENA_AT);
  });

  test('a table that is full touches no more than one set and its cells per request', () => {
    const core = limiter({ maxSources: 1_024, limit: 100 });
    core.clock(T0);
    for (let i = 0; i < 20_000; i++) core.check(`source ${i}`);
    for (let i = 0; i < 20; i++) {
      const before = core.save();
      core.clock(T0 + 1_000 * (i + 1));
      core.check(`late ${i}`);
      let changed = 0;
      for (let at = abi.ARENA_AT; at < before.length; at++) if (core.bytes[at] !== before[at]) changed++;
      // State, one tag, one record, four cells and their stamps; a stale chunk is cleared whole.
      expect(changed).toBeLessThan(200 + 60 + 4 * (abi.SKETCH_CHUNK_BYTES + 8));
    }
  });

  test.each([0, 11])('a cost of %i is a panic: the host refuses it first', (cost) => {
    const core = limiter();
    core.clock(T0);
    expect(() => core.check('a', cost)).toThrow();
    expect(core.header(abi.HEADER_PANIC)).toBe(abi.PANIC_INBOX);
  });
});

describe.each(BUILDS)('restoring a limiter (%s)', (_, instantiate) => {
  const options: LimiterOptions = { ...COMMON, limit: 300, maxSources: 64 };
  const AT = abi.INBOX_AT + abi.INBOX_SOURCE;
  const WAY = 8 + abi.RECORD_BYTES_U16;

  const lived = (): CoreLimiter => {
    const random = seeded(11);
    const core = new CoreLimiter(instantiate, { ...options, blockMs: 400 });
    for (let i = 0; i < 1_000; i++) {
      core.clock(T0 + i * 3);
      core.check(`source ${Math.floor(random() ** 2 * 40)}`, 1 + Math.floor(random() * 100));
    }
    return core;
  };
  const state = (core: CoreLimiter): Uint8Array => {
    const at = core.header(abi.HEADER_LIMITER);
    return core.bytes.slice(at, at + abi.LIMITER_BYTES);
  };
  const ways = (core: CoreLimiter): Uint8Array[] =>
    Array.from({ length: options.maxSources }, (_, index) => {
      const way = new Uint8Array(WAY);
      const view = new DataView(way.buffer);
      view.setUint32(0, index, true);
      view.setUint32(4, core.view.getUint32(core.header(abi.HEADER_LIMITER_TAGS) + 4 * index, true), true);
      const from = core.header(abi.HEADER_LIMITER_RECORDS) + index * abi.RECORD_BYTES_U16;
      way.set(core.bytes.subarray(from, from + abi.RECORD_BYTES_U16), 8);
      return way;
    }).filter((way) => new DataView(way.buffer).getUint32(4, true) !== 0);
  const give = (core: CoreLimiter, bytes: Uint8Array, to: 'limiterRestore' | 'limiterRestoreWay'): number => {
    core.bytes.set(bytes, AT);
    return core.call[to]!(AT);
  };
  const damaged = (bytes: Uint8Array, change: (view: DataView) => void): Uint8Array => {
    const copy = bytes.slice();
    change(new DataView(copy.buffer));
    return copy;
  };

  test('goes on where the other stood: same answers, same debts', () => {
    const old = lived();
    const core = new CoreLimiter(instantiate, { ...options, blockMs: 400, key0: 1, key1: 2 });
    expect(give(core, state(old), 'limiterRestore')).toBe(1);
    for (const way of ways(old)) expect(give(core, way, 'limiterRestoreWay')).toBe(1);
    expect(core.state.tracked).toBe(ways(old).length);
    expect(core.state.window).toBe(old.state.window);
    for (let ms = 3_000; ms < 5_000; ms += 50) {
      core.clock(T0 + ms);
      old.clock(T0 + ms);
      for (let i = 0; i < 40; i++) expect(core.check(`source ${i}`, 3)).toEqual(old.check(`source ${i}`, 3));
    }
    expect(core.state.pending).toBe(old.state.pending);
  });

  test.each([
    ['a clock that is no number', abi.LIMITER_RAW, Number.NaN],
    ['a window before its beginning', abi.LIMITER_WINDOW, -1],
    ['a window that is not its clock', abi.LIMITER_WINDOW, 12_345],
    ['half a millisecond', abi.LIMITER_FORWARD, 0.5],
    ['an offset beyond integers', abi.LIMITER_OFFSET, 1e300],
    ['negative evictions', abi.LIMITER_EVICTIONS, -1],
    ['debts of nobody that are no count', abi.LIMITER_REFUSALS_ORPHANED, 1.5],
  ])('does not believe %s', (_what, offset, value) => {
    const core = new CoreLimiter(instantiate, options);
    const image = damaged(state(lived()), (view) => view.setFloat64(offset, value, true));
    expect(give(core, image, 'limiterRestore')).toBe(0);
    expect(core.state.window).toBe(0);
  });

  test('does not believe a limiter that is behind nothing, nor one that tracks somebody already', () => {
    const core = new CoreLimiter(instantiate, options);
    const image = state(lived());
    expect(
      give(
        core,
        damaged(image, (view) => view.setUint32(abi.LIMITER_BEHIND, 1, true)),
        'limiterRestore',
      ),
    ).toBe(0);
    expect(
      give(
        core,
        damaged(image, (view) => view.setUint32(abi.LIMITER_STARTED, 7, true)),
        'limiterRestore',
      ),
    ).toBe(0);
    core.clock(T0);
    core.check('a');
    expect(give(core, image, 'limiterRestore')).toBe(0);
  });

  test('leaves out a record that contradicts itself', () => {
    const old = lived();
    const core = new CoreLimiter(instantiate, options);
    give(core, state(old), 'limiterRestore');
    const way = ways(old).find((bytes) => new DataView(bytes.buffer).getUint32(8 + abi.RECORD_USED, true) > 0)!;
    const word = (offset: number, value: number) => damaged(way, (view) => view.setUint32(offset, value, true));
    const hostile = [
      word(0, options.maxSources),
      word(4, 0),
      word(8 + abi.RECORD_USED, new DataView(way.buffer).getUint32(8 + abi.RECORD_USED, true) + 1),
      word(8 + abi.RECORD_HEAD, abi.LIMITER_TICKS),
      word(8 + abi.RECORD_REFUSED, 0x80000000),
      word(8 + abi.RECORD_BLOCK_HIGH, 0xffffffff),
      damaged(way, (view) => {
        // A sum that is right, and beyond the limit.
        for (let i = 0; i < abi.LIMITER_COUNTERS; i++) view.setUint16(8 + abi.RECORD_COUNTERS + 2 * i, 0, true);
        view.setUint16(8 + abi.RECORD_COUNTERS, 301, true);
        view.setUint32(8 + abi.RECORD_USED, 301, true);
      }),
    ];
    for (const [i, bytes] of hostile.entries()) expect(give(core, bytes, 'limiterRestoreWay'), `${i}`).toBe(0);
    expect(core.state.tracked).toBe(0);
    // What can be worked out is not taken on trust: that the sketch may know it, and where the oldest counter is. A pardon
    // that is longer than any can be is none.
    const trusting = damaged(way, (view) => {
      view.setUint8(8 + abi.RECORD_FLAGS, 0xff);
      view.setUint8(8 + abi.RECORD_OLDEST, 99);
    });
    expect(give(core, trusting, 'limiterRestoreWay')).toBe(1);
    const taken = ways(core)[0]!;
    expect(taken[8 + abi.RECORD_FLAGS]).toBe(abi.RECORD_SEVERAL);
    expect(taken[8 + abi.RECORD_OLDEST]).toBe(way[8 + abi.RECORD_OLDEST]);
    expect(give(core, way, 'limiterRestoreWay')).toBe(0);
    // The same tag on another way of its set would hide one of the two.
    const index = new DataView(way.buffer).getUint32(0, true);
    expect(give(core, word(0, index ^ 1), 'limiterRestoreWay')).toBe(0);
    expect(core.state.tracked).toBe(1);
  });
});
