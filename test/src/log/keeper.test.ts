/**
 * Guards `src/log/keeper.ts`, a log that no store keeps: it ends once, and an instance that did nothing has none.
 */
import { describe, expect, it } from 'vitest';
import { createLean } from '../../../src/lean';
import { type KeeperPort, type Proofs, UnstoredKeeper } from '../../../src/log/keeper';
import { engineOf } from '../../lab/engine';
import { lab } from '../../lab/lab';

class Bare extends UnstoredKeeper {
  proofs(): Proofs {
    throw new Error('nobody signs');
  }
}

/** A keeper over the log of a real engine. */
function kept() {
  const { engine, it } = engineOf();
  const port = { log: engine.log, now: () => it.now, isUp: () => engine.status === 'up' } as unknown as KeeperPort;
  return { engine, it, keeper: new Bare(port) };
}

describe('a log that no store keeps', () => {
  it('is not begun in order to be ended', async () => {
    const { it, keeper } = kept();
    await keeper.close();
    expect([it.cores, keeper.ended]).toEqual([[], false]);
    const whole = lab();
    await createLean(whole.runtime).close();
    expect(whole.cores).toEqual([]);
  });

  it('ends once, however often it is closed: with what was counted and not yet written', async () => {
    const whole = lab();
    const th = createLean(whole.runtime, { rateLimit: { limit: 1 } });
    for (let i = 0; i < 8; i++) th.rateLimiter.check('192.0.2.1');
    const size = th.audit.head().size;
    await th.close();
    const closed = th.audit.head();
    expect(closed.size).toBeGreaterThan(size);
    const calls = whole.last().calls.length;
    await th.close();
    expect(whole.last().calls.slice(calls)).toEqual([]);
    expect(th.audit.head()).toEqual(closed);
  });

  it('is stored nowhere, so there is nothing to wait for, and nothing signed', async () => {
    const { keeper, engine, it } = kept();
    engine.log.link(it.now);
    keeper.ship(undefined);
    await keeper.flush();
    await keeper.close();
    expect(keeper).toMatchObject({ ended: true, signedSize: 0, storeState: 'off', storeSince: 0, refusal: undefined });
  });
});
