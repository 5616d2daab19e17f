/**
 * Guards the recorded life of ten thousand requests in the memory of an object: ended a hundred times on the way, it ends in
 * the same bytes as everywhere else.
 */
import { expect, it } from 'vitest';
import { ObjectMemory } from '../../runtimes/cloudflare/memory';
import { node } from '../../runtimes/node/index';
import { wire } from '../../src/tracehound';
import type { Tracehound } from '../../src/types/index';
import { replay, TRACE } from '../conformance/index';
import { decided } from '../lab/decided';
import { sqliteStorage } from '../lab/sqlite';

it('a life of ten thousand requests, ended a hundred times, is the life that nothing ended', async () => {
  const storage = sqliteStorage();
  let memory: ObjectMemory;
  let wake: () => Promise<Tracehound>;
  let [steps, lives] = [0, 0];
  const life = await replay(node, {
    ...TRACE,
    make: (runtime, options) => {
      wake = async () => {
        lives++;
        memory = await ObjectMemory.open(storage, { secret: options.secret as Uint8Array, object: 'one' });
        return wire(runtime, options, memory.persistence);
      };
      return wake();
    },
    before: async (th, world) => {
      await memory.commit();
      return ++steps % 101 === 0 && !world.isStopping ? wake() : th;
    },
  });
  expect(lives).toBeGreaterThan(90);
  const { answers: _, ...ended } = decided(life);
  expect(decided(await replay(node, TRACE))).toMatchObject(ended);
});
