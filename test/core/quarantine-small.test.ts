/**
 * Guards the plan where it can be asked about everything: all stores of two items, and many of three, in every state,
 * under every small limit, for every newcomer.
 *
 * Files: `assembly/testing/quarantine.ts`.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { type Item, newItem, QuarantineModel, type Victim } from '../model/quarantine.ts';
import { BUILDS, type Config, Core } from './quarantine-harness.ts';

const TAGS = ['a1'.repeat(32), 'b2'.repeat(32)];
const SEVERITIES = [0, 1, 2, 3];

const each = <T>(...choices: readonly (readonly unknown[])[]): T[] =>
  choices.reduce<unknown[][]>(
    (rows, choice) => rows.flatMap((row) => choice.map((value) => [...row, value])),
    [[]],
  ) as T[];

/** severity, bytes, source, and 0 plain, 1 archived, 2 on hold. */
type Sketch = [severity: number, bytes: number, source: number, mark: number];

const drawn = ([severity, bytes, source, mark]: Sketch, index: number): Item =>
  newItem({
    id: `0${index + 1}`.repeat(16),
    hash: `0${index + 1}`.repeat(32),
    tag: TAGS[source]!,
    severity,
    payload: 'ab'.repeat(bytes),
    archived: mark === 1,
    onHold: mark === 2,
  });

const told = (plan: Victim[] | 'dropped'): string =>
  plan === 'dropped' ? plan : plan.map(({ id, reason }) => id.slice(0, 2) + reason).join();

describe.each(BUILDS)('plans of small stores (%s)', (_, instantiate) => {
  const agree = (limits: Config, stores: Sketch[][], newcomers: Sketch[]): number => {
    const core = new Core(instantiate, limits);
    let asked = 0;
    for (const sketches of stores) {
      const model = new QuarantineModel(limits);
      const slots = sketches.map(drawn).map((item) => {
        model.insert(item);
        return core.insert(item, true);
      });
      for (const [severity, bytes, source] of newcomers) {
        const expected = told(model.plan(severity, bytes, TAGS[source]!));
        const answer = told(core.plan(severity, bytes, TAGS[source]!));
        // A plain comparison first: expect() half a million times would be most of the test.
        if (answer !== expected) {
          expect(answer, JSON.stringify({ limits, sketches, newcomer: [severity, bytes, source] })).toBe(expected);
        }
        asked++;
      }
      for (const slot of slots) core.call.quarantineRelease!(slot);
    }
    expect(core.verify()).toBe(true);
    expect(core.state(abi.QUARANTINE_BLOCKS_USED)).toBe(0);
    return asked;
  };

  it('every store of two items agrees with the model for every newcomer', () => {
    const pairs = each<[...Sketch, ...Sketch]>(
      SEVERITIES,
      [1, 2],
      [0],
      [0, 1, 2],
      SEVERITIES,
      [1, 2],
      [0, 1],
      [0, 1, 2],
    );
    const newcomers = each<Sketch>(SEVERITIES, [1, 2], [0, 1], [0]);
    let asked = 0;
    for (const [maxCount, maxBytes, shareCount, shareBytes] of each<number[]>([2, 3], [2, 3, 4], [1, 2], [1, 3])) {
      const stores = pairs
        .filter((pair) => pair[1] + pair[5] <= maxBytes!)
        .map((pair): Sketch[] => [pair.slice(0, 4) as Sketch, pair.slice(4) as Sketch]);
      const limits = { maxCount: maxCount!, maxBytes: maxBytes!, shareCount: shareCount!, shareBytes: shareBytes! };
      asked += agree({ ...limits, maxPayloadBytes: 4 }, stores, newcomers);
    }
    expect(asked).toBeGreaterThan(200_000);
  });

  it('every full store of three one-byte items agrees with the model for every newcomer', () => {
    const stores = each<number[]>(
      SEVERITIES,
      [0, 1, 2],
      SEVERITIES,
      [0, 1, 2],
      SEVERITIES,
      [0, 1, 2],
      [0, 1],
      [0, 1],
    ).map(([s0, m0, s1, m1, s2, m2, b, c]): Sketch[] => [
      [s0!, 1, 0, m0!],
      [s1!, 1, b!, m1!],
      [s2!, 1, c!, m2!],
    ]);
    const newcomers = each<Sketch>(SEVERITIES, [1], [0, 1], [0]);
    for (const shareCount of [1, 2, 3]) {
      const limits = { maxCount: 3, maxBytes: 3, shareCount, shareBytes: 3, maxPayloadBytes: 3 };
      agree(limits, stores, newcomers);
    }
  });
});
