/**
 * Guards that an instance lives on in the storage of its Durable Object: killed between any two calls, it goes on as if
 * nothing had happened, down to the last byte of its state.
 */
import { describe, expect, it } from 'vitest';
import { ObjectMemory } from '../../runtimes/cloudflare/memory';
import { node } from '../../runtimes/node/index';
import { wire } from '../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../src/types';
import { LIVES, replay } from '../conformance/replay';
import type { World } from '../conformance/world';
import { seeded } from '../ground';
import { sqliteStorage } from '../lab/sqlite';

/** Plays a life in which the process ends before one step in `every`, on average; it had answered, so it had committed. */
async function interrupted(options: Parameters<typeof replay>[1], every: number) {
  const storage = sqliteStorage();
  const roll = seeded(every);
  let memory: ObjectMemory;
  let wakings = 0;
  let checkpoints = 0;
  let again: () => Promise<Tracehound>;
  const make = async (runtime: Runtime, given: TracehoundOptions): Promise<Tracehound> => {
    again = async () => {
      memory = await ObjectMemory.open(storage, given.secret as Uint8Array);
      return wire(runtime, given, memory.persistence);
    };
    return again();
  };
  const before = async (th: Tracehound, world: World): Promise<Tracehound> => {
    await memory.commit();
    // The trace stops a core once it is asked about a threat: not in the calls that are made again.
    if (world.isStopping) return th;
    if (roll(every * 3) === 0) {
      checkpoints++;
      await memory.checkpoint();
    }
    if (roll(every) !== 0) return th;
    wakings++;
    return again();
  };
  return { report: await replay(node, { ...options, make, before }), wakings, checkpoints };
}

describe('an instance in the memory of an object', () => {
  it.each(LIVES)('goes on as if nothing had happened: %s, %s', async (profile, mode) => {
    const options = { seed: 11, count: 700, profile, mode };
    const { answers: _, census, ms: __, sealed: ___, ...whole } = await replay(node, options);
    for (const every of [1, 7, 60]) {
      const { report, wakings, checkpoints } = await interrupted(options, every);
      expect(report, `killed before one step in ${every}`).toMatchObject(whole);
      expect(report.census).toEqual(census);
      expect(wakings).toBeGreaterThan(every === 60 ? 1 : 50);
      expect(checkpoints).toBeGreaterThan(0);
    }
  });
});
