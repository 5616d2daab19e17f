/**
 * The suite that every ledger passes, for the ones in the package and for yours: what is swapped, counted, charged and
 * blocked together.
 *
 * Relies on: the types of the plugs; a way to let the ledger's time pass. Refuses: to know a ledger, the clock, and a test
 * runner. It asks for nothing that a network between would spoil: bounds in time are looked at from the safe side.
 *
 * @example
 * import { conformLedger } from 'tracehound/conformance';
 *
 * const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
 * const reports = await conformLedger(async () => ({ ledger: await myEmptyLedger(), wait }));
 */
import type { Ledger } from '../../src/types/index';
import { same, that, thrown } from './assert';
import type { Held } from './hold';
import { swapCases } from './swap';

/** What a case gets: an empty ledger, and its time. */
export interface LedgerStage {
  readonly ledger: Ledger;
  /** Lets so much of the ledger's time pass: waits, or moves a clock. */
  wait(ms: number): Promise<void>;
  /** Makes the ledger unreachable; answers how to end that. Without it no outage is looked at. */
  outage?(): (() => unknown) | Promise<() => unknown>;
}

type Part = 'swap' | 'add' | 'charge' | 'blocks' | 'outage';

/** Long enough for a few answers over a network to fall into one of its 32 parts. */
const WINDOW_MS = 3_200;
const POLICY = { limit: 8, windowMs: WINDOW_MS } as const;
const TTL_MS = 1_000;
const MANY = 16;
const NO_COUNTS = [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY];

/** How often `cost` 1 is admitted when it is asked for `times` times at once. */
async function admitted(ledger: Ledger, key: string, times: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, () => ledger.charge(key, POLICY, 1)));
  return answers.filter(({ allowed }) => allowed).length;
}

const add: Held<LedgerStage, Part>[] = [
  {
    part: 'add',
    promise: 'adds up, key by key',
    run: async ({ ledger }) => {
      same(await ledger.add('k', 1, TTL_MS), 1, 'a first add');
      same(await ledger.add('k', 5, TTL_MS), 6, 'a second add');
      same(await ledger.add('l', 2, TTL_MS), 2, 'an add elsewhere');
    },
  },
  {
    part: 'add',
    promise: 'loses nothing when many add at once',
    run: async ({ ledger }) => {
      const totals = await Promise.all(Array.from({ length: MANY }, () => ledger.add('k', 2, TTL_MS)));
      const sorted = totals.sort((a, b) => a - b);
      same(
        sorted,
        Array.from({ length: MANY }, (_, i) => 2 * (i + 1)),
        'the totals that 16 were told',
      );
    },
  },
  {
    part: 'add',
    promise: 'ends a count when its time is over, which no later add prolongs',
    run: async ({ ledger, wait }) => {
      await ledger.add('k', 1, TTL_MS);
      await wait(TTL_MS * 0.6);
      same(await ledger.add('k', 1, TTL_MS), 2, 'an add before the end');
      await wait(TTL_MS * 0.6);
      same(await ledger.add('k', 1, TTL_MS), 1, 'an add after the end');
    },
  },
  {
    part: 'add',
    promise: 'refuses to add what is no count',
    run: async ({ ledger }) => {
      for (const wrong of NO_COUNTS) {
        const { name } = await thrown(() => ledger.add('k', wrong, TTL_MS), 'an add of no count');
        same(name, 'RangeError', 'how an add of no count is refused');
      }
      same(await ledger.add('k', 1, TTL_MS), 1, 'what refused adds left');
    },
  },
];

const charge: Held<LedgerStage, Part>[] = [
  {
    part: 'charge',
    promise: 'admits the limit and not one more',
    run: async ({ ledger }) => {
      const first = await ledger.charge('k', POLICY, 3);
      same([first.allowed, first.limit, first.remaining, first.retryAfterMs], [true, 8, 5, 0], 'an admitted charge');
      same((await ledger.charge('k', POLICY, 5)).allowed, true, 'a charge of what remains');
      const refused = await ledger.charge('k', POLICY, 1);
      same([refused.allowed, refused.remaining], [false, 0], 'a charge beyond the limit');
      that(refused.retryAfterMs > 0 && refused.retryAfterMs <= WINDOW_MS, 'a refusal says when, within a window');
      same((await ledger.charge('l', POLICY, 8)).allowed, true, 'a charge of somebody else');
    },
  },
  {
    part: 'charge',
    promise: 'counts nothing that it refuses',
    run: async ({ ledger, wait }) => {
      await ledger.charge('k', POLICY, 6);
      for (let i = 0; i < 4; i++) same((await ledger.charge('k', POLICY, 3)).allowed, false, 'more than what remains');
      same((await ledger.charge('k', POLICY, 2)).allowed, true, 'what remains after refusals');
      await wait(WINDOW_MS * 1.1);
      same((await ledger.charge('k', POLICY, 8)).allowed, true, 'the whole limit, a window later');
    },
  },
  {
    part: 'charge',
    promise: 'admits no more than the limit around the end of a window',
    run: async ({ ledger, wait }) => {
      // A fixed window that began with the first charge, or on a round number of ms, admits 8 and 8.
      for (const offset of [0.5, 0.9]) {
        const key = `k${offset}`;
        await ledger.charge(key, POLICY, 1);
        await wait(WINDOW_MS * offset);
        let cost = await admitted(ledger, key, 8);
        await wait(WINDOW_MS * (1.05 - offset));
        cost += await admitted(ledger, key, 8);
        that(cost <= 8, 'what is admitted around the end of a window is within the limit');
      }
    },
  },
  {
    part: 'charge',
    promise: 'admits the same cost when the time that it named is over',
    run: async ({ ledger, wait }) => {
      await ledger.charge('k', POLICY, 8);
      const { retryAfterMs } = await ledger.charge('k', POLICY, 4);
      await wait(retryAfterMs);
      same((await ledger.charge('k', POLICY, 4)).allowed, true, 'a charge when it was told to come back');
    },
  },
  {
    part: 'charge',
    promise: 'admits the limit and not one more when many ask at once',
    run: async ({ ledger }) => {
      same(await admitted(ledger, 'k', 3 * MANY), 8, 'how many of 48 at once are admitted');
    },
  },
  {
    part: 'charge',
    promise: 'refuses a cost that can never be admitted, and counts nothing for it',
    run: async ({ ledger }) => {
      for (const wrong of [...NO_COUNTS, 9]) {
        const { name } = await thrown(() => ledger.charge('k', POLICY, wrong), 'a charge of no cost');
        same(name, 'RangeError', 'how a charge of no cost is refused');
      }
      same((await ledger.charge('k', POLICY, 8)).allowed, true, 'the whole limit after such charges');
    },
  },
];

const blocks: Held<LedgerStage, Part>[] = [
  {
    part: 'blocks',
    promise: 'shows every block that has not ended, and how long it lasts',
    run: async ({ ledger, wait }) => {
      same((await ledger.blocks()).blocked, [], 'blocks where there are none');
      await ledger.block('a', 10 * TTL_MS);
      await ledger.block('b', TTL_MS);
      const { blocked } = await ledger.blocks();
      same(blocked.map(({ tag }) => tag).sort(), ['a', 'b'], 'two blocks');
      const ms = blocked.find(({ tag }) => tag === 'a')?.ms ?? 0;
      that(ms > 9 * TTL_MS && ms <= 10 * TTL_MS, 'a block lasts as long as was asked for');
      await wait(TTL_MS * 1.1);
      same(
        (await ledger.blocks()).blocked.map(({ tag }) => tag),
        ['a'],
        'blocks after one has ended',
      );
    },
  },
  {
    part: 'blocks',
    promise: 'ends a block at the later of two times',
    run: async ({ ledger, wait }) => {
      await ledger.block('a', 3 * TTL_MS);
      await ledger.block('a', TTL_MS);
      await wait(TTL_MS * 1.1);
      same((await ledger.blocks()).blocked.length, 1, 'a block that a shorter one followed');
      await ledger.block('a', 4 * TTL_MS);
      await wait(TTL_MS * 2.4);
      same((await ledger.blocks()).blocked.length, 1, 'a block that a longer one followed');
    },
  },
  {
    part: 'blocks',
    promise: 'says what changed since it was asked',
    run: async ({ ledger }) => {
      await ledger.block('a', 10 * TTL_MS);
      await ledger.block('b', 10 * TTL_MS);
      const { at } = await ledger.blocks();
      same((await ledger.blocks(at)).blocked, [], 'what changed when nothing did');
      await ledger.block('c', 10 * TTL_MS);
      same(await ledger.unblock('a'), true, 'an end of a block');
      const changes = await ledger.blocks(at);
      same(
        changes.blocked.map(({ tag }) => tag),
        ['c'],
        'blocks since then',
      );
      same(changes.unblocked, ['a'], 'ended blocks since then');
      const after = await ledger.blocks(changes.at);
      same([after.blocked, after.unblocked], [[], []], 'what changed since the changes');
    },
  },
  {
    part: 'blocks',
    promise: 'ends a block for everybody, and says whether there was one',
    run: async ({ ledger }) => {
      same(await ledger.unblock('a'), false, 'an end of no block');
      await ledger.block('a', 10 * TTL_MS);
      await ledger.unblock('a');
      const { blocked, unblocked } = await ledger.blocks();
      same([blocked, unblocked], [[], []], 'blocks after the end of the only one');
    },
  },
];

const outages: Held<LedgerStage, Part>[] = [
  {
    part: 'outage',
    promise: 'says in an outage that it failed and that the same call may succeed later, and then it does',
    run: async ({ ledger, outage }) => {
      if (outage === undefined) return;
      await ledger.charge('k', POLICY, 8);
      const end = await outage();
      const calls = [
        () => ledger.read('k'),
        () => ledger.swap('k', Uint8Array.of(1), undefined),
        () => ledger.add('k', 1, TTL_MS),
        () => ledger.charge('k', POLICY, 1),
        () => ledger.block('k', TTL_MS),
        () => ledger.unblock('k'),
        () => ledger.blocks(),
      ];
      for (const call of calls) {
        const error = await thrown(call, 'a call in an outage');
        same(error.code, 'LEDGER_FAILED', 'the code of an outage');
        same((error as { recoverable?: unknown }).recoverable, true, 'whether an outage is recoverable');
      }
      await end();
      same((await ledger.charge('k', POLICY, 1)).allowed, false, 'a charge after an outage');
    },
  },
];

/** What every ledger promises. */
export const LEDGER_CASES: readonly Held<LedgerStage, Part>[] = [
  ...swapCases<LedgerStage>(({ ledger }) => ledger),
  ...add,
  ...charge,
  ...blocks,
  ...outages,
];
