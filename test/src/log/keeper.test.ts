/** Guards `src/log/keeper.ts`: where nobody stores the log, closing writes its end once, and only if it ever began. */
import { expect, test } from 'vitest';
import { type KeeperPort, type Proofs, UnstoredKeeper } from '../../../src/log/keeper';

class Subject extends UnstoredKeeper {
  proofs(): Proofs {
    return expect.unreachable();
  }
}

function subject(isUp: boolean): { keeper: Subject; settled: [number, boolean][] } {
  const settled: [number, boolean][] = [];
  const log = { settle: (now: number, closing: boolean) => void settled.push([now, closing]) };
  return { keeper: new Subject({ log, now: () => 7, isUp: () => isUp } as unknown as KeeperPort), settled };
}

test('an instance that did nothing has no log to close', async () => {
  const { keeper, settled } = subject(false);
  await keeper.close();
  expect([settled, keeper.ended]).toEqual([[], false]);
});

test('the end is written once, however often it is closed', async () => {
  const { keeper, settled } = subject(true);
  await keeper.close();
  await keeper.close();
  expect([settled, keeper.ended]).toEqual([[[7, true]], true]);
});

test('nothing is stored, and nothing stands in the way of a record', async () => {
  const { keeper, settled } = subject(true);
  keeper.ship(undefined);
  await keeper.flush();
  expect([keeper.storeState, keeper.signedSize, keeper.refusal, settled]).toEqual(['off', 0, undefined, []]);
});
