/**
 * Guards src/engine/persistence.ts: a core woken from pages and calls is the one that was left, to the last byte of its state,
 * wherever the pages were taken; what is of another kind is refused.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import type { Engine } from '../../../src/engine/index';
import { type Batch, type LeftCore, Persistence } from '../../../src/engine/persistence';
import { joined } from '../../../src/formats/bytes';
import { configOf, questionOf } from '../../lab/core';
import { engineOf, LOG } from '../../lab/engine';
import { dice, type Lab, lab, pick, region, stateOf } from '../../lab/lab';

/** As they are stored. */
const PAGE_BYTES = 16_384;
const config = configOf({ limit: 3, maxCount: 8, maxRecords: 32 });

/** Everything that was stored, as a store keeps it: pages by number, calls since the last checkpoint. */
class Kept {
  #pages = new Map<number, Uint8Array>();
  #calls: Uint8Array[] = [];
  #facts = new Uint8Array(0);

  put({ calls, checkpoint }: Batch): void {
    this.#calls.push(calls.slice());
    if (checkpoint === undefined) return;
    if (checkpoint.whole) this.#pages.clear();
    for (const [index, page] of checkpoint.pages) this.#pages.set(index, page.slice());
    this.#calls = [];
    this.#facts = checkpoint.facts.slice();
  }

  left(): LeftCore {
    return { facts: this.#facts, pages: [...this.#pages], calls: joined(this.#calls), isOwn: true };
  }
}

const detail = (n: number): Uint8Array => new TextEncoder().encode(`{"act":${n}}`);
const acts: ((engine: Engine, now: number, n: number) => unknown)[] = [
  (engine, now, n) =>
    engine.intercept(now, { kind: 'text', text: `10.0.0.${n % 5}` }, questionOf(`payload ${n % 9}`.repeat(n % 7))),
  (engine, now, n) =>
    engine.intercept(
      now,
      { kind: 'key', text: 'k' },
      questionOf(`p ${n}`, { fingerprint: 'f', sidecar: () => detail(n) }),
    ),
  (engine, now, n) => engine.pass(now, { kind: 'key', text: `k${n % 3}` }, false, false),
  (engine, now, n) => engine.check(now, { kind: 'key', text: `k${n % 3}` }, 1, n % 2 === 0),
  (engine, now, n) => engine.block(now, { kind: 'key', text: 'b' }, 50, detail(n)),
  (engine, now) => engine.unblock(now, { kind: 'key', text: 'b' }),
  (engine, now) => engine.flush(now),
  (engine, now) => engine.count(now, 'seen'),
  (engine, now) => engine.makeId(now),
  (engine, now, n) => engine.log.append(now, 'key', { detail: detail(n) }),
  (engine, now) => engine.log.append(now, 'heartbeat'),
  (engine, now) => engine.log.settle(now, false),
  (engine, now) => engine.log.release(now, engine.log.state()?.size ?? 0),
  (engine, now) => engine.log.head(now),
];

function begun(left?: LeftCore, it: Lab = lab()) {
  const persistence = new Persistence(left);
  return { ...engineOf({ config, persistence }, it), persistence };
}

it.each(Array.from({ length: 24 }, (_, i) => i + 1))(
  'a core that is woken goes on as if nobody had left it (seed %d)',
  (seed) => {
    const roll = dice(seed);
    const { engine, it: here, persistence } = begun(undefined, lab({ seed }));
    const kept = new Kept();
    engine.makeId(here.now);
    kept.put(persistence.take(true));
    for (let n = 0; n < 60; n++) {
      here.now += Math.floor(roll() * 400);
      pick(roll, acts)(engine, here.now, n);
      if (roll() < 0.2) kept.put(persistence.take(roll() < 0.4));
    }
    kept.put(persistence.take(false));
    const there = begun(kept.left(), lab({ seed: 777 }));
    expect(there.persistence.origin).toBe(LOG);
    there.engine.inherit(() => here.now);
    expect(Buffer.compare(stateOf(there.it.last()), stateOf(here.last())), `seed ${seed}`).toBe(0);
    const log = (of: Engine): unknown => of.log.export(here.now, of.log.state()?.heldFrom, undefined);
    expect(log(there.engine)).toEqual(log(engine));
    expect(
      there.it.last().calls.filter((name) => name === 'begin'),
      'it began once',
    ).toHaveLength(0);
    // And goes on as the first does.
    for (const of of [engine, there.engine])
      of.intercept(here.now, { kind: 'key', text: 'after' }, questionOf('after'));
    expect(Buffer.compare(stateOf(there.it.last()), stateOf(here.last()))).toBe(0);
  },
);

describe('what has to be stored', () => {
  it('is the whole core at first, then calls alone, then the pages that changed', () => {
    const {
      engine,
      it: { now },
      persistence,
    } = begun();
    expect(persistence.take(false)).toMatchObject({ checkpoint: undefined });
    engine.makeId(now);
    const first = persistence.take(false);
    expect(first.checkpoint?.whole).toBe(true);
    expect(first.calls).toHaveLength(0);
    expect(persistence.backlog).toEqual({ count: 0, bytes: 0 });
    const written = persistence.written;
    engine.intercept(now, { kind: 'key', text: 'k' }, questionOf('p'));
    expect(persistence.written).toBe(written + 1);
    expect(persistence.backlog.count).toBe(1);
    const second = persistence.take(false);
    expect(second.checkpoint).toBeUndefined();
    expect(second.calls).toHaveLength(persistence.backlog.bytes);
    expect(persistence.take(false).calls).toHaveLength(0);
    const third = persistence.take(true);
    expect(third.checkpoint).toMatchObject({ whole: false });
    expect(third.checkpoint!.pages.length).toBeGreaterThan(0);
    expect(third.checkpoint!.pages.length).toBeLessThan(first.checkpoint!.pages.length + 1);
    expect(persistence.backlog).toEqual({ count: 0, bytes: 0 });
    expect(persistence.take(true).checkpoint?.pages).toEqual([]);
  });

  it('of questions that only look is nothing', () => {
    const {
      engine,
      it: { now },
      persistence,
    } = begun();
    engine.intercept(now, { kind: 'key', text: 'k' }, questionOf('p'));
    persistence.take(true);
    engine.find(now, 'sqli', new Uint8Array(32));
    engine.page(now, new Uint8Array(16), 10);
    engine.log.head(now);
    engine.log.verify(now);
    engine.log.export(now, 0, undefined);
    engine.sourceTag(now, { kind: 'key', text: 'k' });
    expect(persistence.take(true)).toMatchObject({ calls: new Uint8Array(0), checkpoint: { whole: false } });
    expect(persistence.backlog.count).toBe(0);
  });
});

describe('what was left', () => {
  const left = (): LeftCore => {
    const {
      engine,
      it: { now },
      persistence,
    } = begun();
    engine.intercept(now, { kind: 'key', text: 'k' }, questionOf('p'));
    const kept = new Kept();
    kept.put(persistence.take(true));
    engine.makeId(now);
    kept.put(persistence.take(false));
    return kept.left();
  };
  const waking = (of: LeftCore): (() => unknown) => {
    const {
      engine,
      it: { now },
    } = begun(of);
    return () => engine.makeId(now);
  };
  const unusable = expect.objectContaining({
    code: 'SNAPSHOT_INVALID',
    message: expect.stringMatching(/^memory: not usable, .+, expected .+, got .+/),
  });

  it('by a core of another ABI is refused', () => {
    const of = left();
    const facts = Buffer.from(
      Buffer.from(of.facts)
        .toString('latin1')
        .replace(`"abi":${abi.ABI_VERSION}`, `"abi":${9 - abi.ABI_VERSION}`),
      'latin1',
    );
    expect(waking({ ...of, facts })).toThrow(unusable);
    expect(waking(of)).not.toThrow();
  });

  it('with a call that nobody knows is refused', () => {
    const of = left();
    const calls = Buffer.from(of.calls);
    calls[0] = 0x70;
    expect(waking({ ...of, calls })).toThrow(unusable);
  });

  it('with a log that does not hold together is refused', () => {
    const of = left();
    const { engine, it: there } = begun();
    engine.makeId(there.now);
    // Of equal configurations the regions lie at equal places.
    const time = region(there.last(), abi.HEADER_RING) + abi.LOG_TIME;
    const pages = [...of.pages].map(([index, page]) => [index, page.slice()] as const);
    const [, page] = pages.find(([index]) => index === Math.floor(time / PAGE_BYTES))!;
    page[time % PAGE_BYTES]! ^= 1;
    expect(waking({ ...of, pages })).toThrow(unusable);
  });
});
