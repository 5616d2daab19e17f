/**
 * Guards what becomes of a store or a signer that does not answer: `src/log/asking.ts`, and everybody who asks by it. Every
 * wait ends, the state says so, `close` ends, and when the store is back nothing is missing.
 */
import { describe, expect, it, vi } from 'vitest';
import { AskedStore, asked } from '../../../src/log/asking';
import { openLog } from '../../../src/log/open';
import type { Signer } from '../../../src/types/index';
import { attack, deployment, ORIGIN, optionsOf } from '../../lab/attacked';
import { dice, lab } from '../../lab/lab';
import { TidyStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';

const never = (): Promise<never> => new Promise(() => {});
const LATE = { code: 'STORE_FAILED', recoverable: true };

/** A store whose calls hang from the `from`th on, until it is let go; what hung never happens. */
function hanging(from: number, act?: string) {
  const store = new TidyStore();
  let isHanging = true;
  let hung = 0;
  store.fate = (of, _, number) => {
    if (!isHanging || number < from || (act !== undefined && of !== act)) return 'done';
    hung++;
    return never();
  };
  return {
    store,
    letGo: () => {
      isHanging = false;
    },
    get hung() {
      return hung;
    },
  };
}

describe('a store that hangs', () => {
  it.each(Array.from({ length: 24 }, (_, i) => i))(
    'is never called ok, ends every wait, and loses nothing once it is back: call %i',
    async (seed) => {
      const roll = dice(seed);
      const act = (['putIfAbsent', 'get', 'swap', undefined] as const)[seed % 4];
      const place = hanging(Math.floor(roll() * 6) * (act === undefined ? 1 : 0), act);
      const world = lab({ seed });
      const th = world.make(optionsOf(place.store, { timeoutMs: 60 }));
      attack(th, 1 + Math.floor(roll() * 300));
      const begun = world.now;
      const flushing = th.audit.flush();
      await expect(flushing).rejects.toMatchObject(LATE);
      expect(place.hung).toBeGreaterThan(0);
      expect(th.watcher.snapshot().audit).toMatchObject({ store: 'failing', since: begun });
      await expect(th.close()).rejects.toMatchObject(LATE);
      place.letGo();
      await th.audit.flush();
      const log = storedLog(place.store, ORIGIN);
      expect([log.size, log.missing]).toEqual([th.audit.head().size, []]);
      // A machine that is busy may make a quick answer slow: the next quick one says that it is ok.
      await vi.waitFor(async () => {
        await th.audit.checkpoint();
        await th.audit.proveInclusion(0);
        expect(th.watcher.snapshot().audit.store).toBe('ok');
      });
    },
  );

  it('is slow before it fails, and ok again after a quick answer', async () => {
    const said: boolean[] = [];
    let answer: (bytes: undefined) => void = () => {};
    const store = new TidyStore();
    const slow = new AskedStore(
      {
        putIfAbsent: (key, bytes) => store.putIfAbsent(key, bytes),
        swap: (key, bytes, expected) => store.swap(key, bytes, expected),
        get: (key) =>
          key === 'slow'
            ? new Promise((resolve) => {
                answer = resolve;
              })
            : store.get(key),
      },
      { now: () => 7, timeoutMs: 500, onSlow: (isSlow) => said.push(isSlow) },
    );
    expect(slow.slowSince).toBeUndefined();
    const asking = slow.get('slow');
    await vi.waitFor(() => expect(slow.slowSince).toBe(7), { interval: 5 });
    await slow.get('quick'); // One quick answer does not make the other one quick.
    expect(slow.slowSince).toBe(7);
    answer(undefined);
    await asking;
    expect(slow.slowSince).toBe(7);
    await slow.get('quick');
    expect(slow.slowSince).toBeUndefined();
    expect(said).toEqual([true, false]);
  });

  it('takes what it is given late as what it is: sent before, and not another writer’s', async () => {
    const store = new TidyStore();
    const th = lab().make(optionsOf(store, { timeoutMs: 60 }));
    attack(th, 3);
    await th.audit.flush();
    // Every swap of the head happens, and only much later.
    const late: (() => void)[] = [];
    let isLate = true;
    store.fate = (act, key) =>
      isLate && act === 'swap' && key.endsWith('checkpoint')
        ? new Promise((resolve) => {
            late.push(() => resolve('done'));
          })
        : 'done';
    for (let i = 0; i < 3; i++) {
      attack(th, 3);
      await expect(th.audit.flush()).rejects.toMatchObject(LATE);
    }
    isLate = false;
    late[1]?.();
    await Promise.resolve();
    await th.audit.flush();
    late[0]?.();
    late[2]?.();
    attack(th, 1);
    await th.audit.flush();
    expect(storedLog(store, ORIGIN).size).toBe(th.audit.head().size);
  });

  it('that throws at once, or answers nothing, is asked in our words', async () => {
    const cause = new Error('down');
    const throwing = (): never => {
      throw cause;
    };
    await expect(asked('get', throwing)).rejects.toMatchObject({ ...LATE, cause });
    await expect(asked('get', never, 10)).rejects.toThrow('store.get: late, expected an answer within 10 ms, got none');
  });

  it('is not waited for by who opens a log', async () => {
    vi.useFakeTimers();
    try {
      const store = hanging(0).store;
      const opening = openLog(store, { origin: ORIGIN, keys: [deployment().vkey] });
      const refused = expect(opening).rejects.toMatchObject(LATE);
      await vi.advanceTimersByTimeAsync(10_000);
      await refused;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a signer that hangs', () => {
  it('is an error that may pass, and the log is signed when it is back', async () => {
    const signer = deployment();
    let isHanging = true;
    const hung: Signer = { ...signer, sign: (bytes) => (isHanging ? never() : signer.sign(bytes)) };
    const store = new TidyStore();
    const th = lab().make(optionsOf(store, { signer: hung, timeoutMs: 200 }));
    attack(th, 3);
    await expect(th.audit.flush()).rejects.toMatchObject({ code: 'SIGNER_FAILED', recoverable: true });
    expect(th.watcher.snapshot().audit.store).toBe('failing');
    isHanging = false;
    await th.audit.flush();
    expect(storedLog(store, ORIGIN, signer.vkey).missing).toEqual([]);
  });

  it('after it vouched for the key of the log holds up no head: its signature is missing until it is back', async () => {
    const signer = deployment();
    let isHanging = false;
    const hung: Signer = { ...signer, sign: (bytes) => (isHanging ? never() : signer.sign(bytes)) };
    const store = new TidyStore();
    const world = lab();
    const th = world.make(optionsOf(store, { signer: hung, timeoutMs: 200 }));
    const isVouched = (): boolean => store.text(`${ORIGIN}/checkpoint`)!.includes(`\n— ${signer.name} `);
    attack(th, 3);
    await th.audit.flush();
    expect(isVouched()).toBe(true);
    isHanging = true;
    for (const head of [1, 2]) {
      attack(th, head);
      await th.audit.flush();
      expect(isVouched()).toBe(false);
    }
    isHanging = false;
    world.now += 60_000;
    attack(th, 1);
    await th.audit.flush();
    expect(isVouched()).toBe(true);
    expect(storedLog(store, ORIGIN, signer.vkey).size).toBe(th.audit.head().size);
  });
});
