/**
 * Guards src/cold/queue.ts: every item that can be sent is sent, oldest first, whatever becomes of the others; nothing is
 * sent for long or waited for without end; and a store gets exactly the bytes of the bundle.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EvidenceQueue, type QueuePort } from '../../../src/cold/queue';
import { TracehoundError } from '../../../src/index';
import { seeded } from '../../ground';

type Fate = 'sent' | 'gone' | 'hopeless' | 'bundle fails' | 'store fails' | 'refused for good';

/** A queue over a list, whose items have fates: `fails` turns are lost to a failure, then it works. */
function world(fates: readonly (readonly [fate: Fate, fails: number])[]) {
  const ids = fates.map((_, i) => `id-${i}`);
  const left = new Map(ids.map((id, i) => [id, fates[i]![1]]));
  const waiting: string[] = [...ids];
  const sent: string[] = [];
  const reported: unknown[] = [];
  let busy = 0;
  const fateOf = (id: string): Fate => {
    const [fate] = fates[ids.indexOf(id)]!;
    const isFailing = fate === 'refused for good' || left.get(id)! > 0;
    left.set(id, left.get(id)! - 1);
    return isFailing || !fate.endsWith('fails') ? fate : 'sent';
  };
  const now = new Map<string, Fate>();
  const port: QueuePort = {
    waiting: {
      add: (id) => void (waiting.includes(id) || waiting.push(id)),
      first: () => waiting[0],
      remove: (id) => void (waiting.includes(id) && waiting.splice(waiting.indexOf(id), 1)),
    },
    bundle: async (id) => {
      now.set(id, fateOf(id));
      if (now.get(id) === 'gone') return undefined;
      if (now.get(id) === 'hopeless') throw new TracehoundError('ACCESS_DENIED', 'no');
      if (now.get(id) === 'bundle fails') throw new TracehoundError('SIGNER_FAILED', 'no');
      return new TextEncoder().encode(id);
    },
    store: {
      get: async () => undefined,
      putIfAbsent: async (key, bytes) => {
        expect(++busy).toBe(1);
        await Promise.resolve();
        busy--;
        const id = new TextDecoder().decode(bytes);
        expect(key).toBe(`${id}.json`);
        if (now.get(id) !== 'sent') throw new TracehoundError('STORE_FAILED', 'no');
        sent.push(id);
        return 'created';
      },
    },
    report: (error) => void reported.push(error),
  };
  return { queue: new EvidenceQueue(port), ids, waiting, sent, reported, port };
}

afterEach(() => void vi.useRealTimers());

describe('evidence that waits', () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))(
    'is sent whatever becomes of the others: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const kinds: Fate[] = ['sent', 'sent', 'gone', 'hopeless', 'bundle fails', 'store fails', 'refused for good'];
      const fates = Array.from({ length: 1 + roll(150) }, () => [kinds[roll(kinds.length)]!, 1 + roll(3)] as const);
      const { queue, ids, waiting, sent, reported } = world(fates);
      const never = ids.filter((_, i) => fates[i]![0] === 'refused for good');
      const due = ids.filter((_, i) => ['sent', 'bundle fails', 'store fails'].includes(fates[i]![0]));
      let turns = 0;
      for (; waiting.length > never.length; turns++) {
        const before = sent.length;
        await queue.turn().catch(() => {});
        expect(sent.length - before).toBeLessThanOrEqual(64);
        expect(turns).toBeLessThan(4 * ids.length + 4);
      }
      expect(sent.toSorted()).toEqual(due.toSorted());
      expect(reported).toHaveLength(fates.filter(([fate]) => fate === 'hopeless').length);
      expect(waiting.toSorted()).toEqual(never.toSorted());
      expect(queue.isEmpty).toBe(never.length === 0);
    },
  );

  it('goes oldest first, 64 in one turn, one turn at a time', async () => {
    const { queue, ids, sent } = world(Array.from({ length: 100 }, () => ['sent', 0] as const));
    await Promise.all([queue.turn(), queue.turn(), queue.turn()]);
    expect(sent).toEqual(ids.slice(0, 64));
    await queue.turn();
    expect(sent).toEqual(ids);
  });

  it('ends a turn when two in a row fail: then it is the store', async () => {
    const { queue, sent, waiting, ids } = world(Array.from({ length: 20 }, () => ['store fails', 1] as const));
    await expect(queue.turn()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(sent).toEqual([]);
    expect(waiting).toEqual([...ids.slice(2), ...ids.slice(0, 2)]);
  });

  it('is not waited for without end where a store hangs', async () => {
    vi.useFakeTimers();
    const { queue, port } = world([['sent', 0]]);
    port.store.putIfAbsent = () => new Promise(() => {});
    const turn = expect(queue.turn()).rejects.toMatchObject({ code: 'STORE_FAILED', recoverable: true });
    await vi.advanceTimersByTimeAsync(10_000);
    await turn;
    expect(queue.isEmpty).toBe(false);
  });

  it('goes to the store in a buffer of its own', async () => {
    const { queue, port } = world([['sent', 0]]);
    const whole = new Uint8Array(10_000).fill(0x41);
    let given: Uint8Array | undefined;
    port.bundle = async () => whole.subarray(5_000, 5_004);
    port.store.putIfAbsent = async (_, bytes) => {
      given = bytes;
      return 'created';
    };
    await queue.turn();
    expect(given).toHaveLength(4);
    expect(given!.buffer.byteLength).toBe(4);
  });
});
