/**
 * Guards src/engine/life.ts: nothing is touched before the first call; what the runtime refuses is said by its code; entropy is
 * drawn in batches before the pool runs dry; three panics within a minute, on whatever clock, end the revivals.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { Life } from '../../../src/engine/life';
import type { Core } from '../../../src/engine/link';
import type { Runtime } from '../../../src/types/index';
import { engineOptions, LOG } from '../../lab/engine';
import { type Lab, lab } from '../../lab/lab';

const lifeOf = (it: Lab = lab(), runtime: Partial<Runtime> = {}): Life =>
  new Life(engineOptions(it, { runtime: { ...it.runtime, ...runtime } }));
const fail = (): never => {
  throw new Error('not today');
};
const panic = (life: Life, now: number): unknown => {
  try {
    life.run(now, fail);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('before the first call', () => {
  it('no core, clock or randomness is touched', () => {
    const it = lab();
    const life = lifeOf(it);
    expect([life.status, life.origin, life.instance, life.inherits]).toEqual(['idle', '', '', false]);
    expect([it.cores.length, it.drawn.length]).toEqual([0, 0]);
  });

  it('a runtime without a core, without randomness, or with a core that stops as it begins, is said', () => {
    const it = lab();
    const code = (life: Life): unknown => {
      try {
        return life.up(it.now);
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(code(lifeOf(it, { core: fail }))).toBe('CORE_START');
    expect(code(lifeOf(it, { random: fail }))).toBe('RUNTIME_FAILED');
    it.onCore = (core) => {
      core.stopAt = { name: 'begin', code: 1 };
    };
    const life = lifeOf(it);
    expect([code(life), code(life), code(life), code(life)]).toEqual([
      'CORE_START',
      'CORE_START',
      'CORE_DOWN',
      'CORE_DOWN',
    ]);
    expect(
      it.cores.filter(({ calls }) => calls.includes('begin')),
      'no fourth',
    ).toHaveLength(3);
    expect(it.violations).toEqual([]);
  });
});

it('one core serves every call; it is up until it stopped', () => {
  const it = lab();
  const life = lifeOf(it);
  const cores = [1, 2, 3].map(() => life.run(it.now, (core: Core) => core));
  expect(new Set(cores).size).toBe(1);
  expect([life.status, it.cores.length, life.origin]).toEqual(['up', 1, LOG]);
});

it('entropy is drawn a batch at a time, before fewer bytes are left than a call may need', () => {
  const it = lab();
  const life = lifeOf(it);
  const batches = (): number => it.drawn.filter(({ length }) => length === abi.ENTROPY_BYTES).length;
  const left = (): number => life.core!.u32[(abi.OUTBOX_AT + abi.OUTBOX_ENTROPY_LEFT) >>> 2] as number;
  life.up(it.now);
  expect(batches()).toBe(1);
  let drawn = 1;
  for (let i = 0; i < 300; i++) {
    const before = life.run(it.now, left);
    expect(before, 'inside a call there is enough').toBeGreaterThanOrEqual(abi.ENTROPY_LOW);
    life.run(it.now + i, (core) => core.call.makeId(it.now + i));
    expect(batches() - drawn).toBeLessThanOrEqual(1);
    drawn = batches();
  }
  expect(drawn).toBeGreaterThan(2);
});

describe('panics', () => {
  it.each([
    ['forward', 1],
    ['back', -1],
  ])('three within a minute end it, on a clock that runs %s; three in more do not', (_, way) => {
    for (const [step, ends] of [
      [29_999, true],
      [30_000, false],
    ] as const) {
      const it = lab();
      const life = lifeOf(it);
      life.up(it.now);
      const errors = [0, 1, 2].map((n) => panic(life, it.now + way * n * step));
      expect(errors.map((error) => (error as { code: string }).code)).toEqual([
        'CORE_PANIC',
        'CORE_PANIC',
        ends ? 'CORE_DOWN' : 'CORE_PANIC',
      ]);
      expect([life.status, life.panics]).toEqual([ends ? 'down' : 'up', 3]);
      expect(it.violations).toEqual([]);
    }
  });

  it('name their cause, and give the log a name of its own each time', () => {
    const it = lab();
    const life = lifeOf(it);
    life.up(it.now);
    const names = [0, 1, 2, 3].map((n) => {
      if (n > 0)
        expect(panic(life, it.now + n * 60_000)).toMatchObject({ recoverable: true, cause: { message: 'not today' } });
      return life.origin;
    });
    expect(names[0]).toBe(LOG);
    expect(new Set(names).size).toBe(4);
    for (const name of names.slice(1)) expect(name).toBe(`${LOG}/${name.slice(-36)}`);
    expect(life.carried.map(({ origin }) => origin)).toEqual(names.slice(0, 3));
  });

  it('leave at most four logs to be taken', () => {
    const it = lab();
    const life = lifeOf(it);
    for (let n = 0; n < 8; n++) panic(life, it.now + n * 60_000);
    expect(life.carried).toHaveLength(4);
  });
});

it('an alarm rings once, before the call that finds the log so long, and may use the core', () => {
  const it = lab();
  const life = lifeOf(it);
  const rung: number[] = [];
  life.up(it.now);
  life.alarms.set('log', 1, (now) => {
    rung.push(now);
    life.run(now, (core) => core.call.root());
  });
  for (let i = 0; i < 3; i++) life.run(it.now + i, () => undefined);
  expect(rung).toEqual([it.now]);
  life.alarms.set('cold', 2, fail);
  life.run(it.now, () => undefined);
  expect(life.status).toBe('up');
});
