/**
 * Guards the slab: what is written into a chain of blocks comes back at every length and every split, freed blocks are
 * zero and serve again, and a broken link stops the core instead of reaching other memory.
 *
 * Files: `assembly/slab.ts`.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { BUILDS, Core, seeded, slabBlocks } from './quarantine-harness.ts';

const LIMITS = { maxCount: 4, maxBytes: 1_000, shareCount: 4, shareBytes: 1_000, maxPayloadBytes: 1_000 };
const BLOCKS = slabBlocks(LIMITS);
const FROM = abi.SCRATCH_AT + 0x1800;
const TO = abi.SCRATCH_AT + 0x2800;
const blocksOf = (bytes: number): number => Math.ceil(bytes / abi.BLOCK_DATA_BYTES);

describe.each(BUILDS)('slab (%s)', (_, instantiate) => {
  const fresh = (): Core => {
    const core = new Core(instantiate, LIMITS);
    for (let i = 0; i < 0x1000; i++) core.bytes[FROM + i] = 1 + (i % 251);
    return core;
  };
  const link = (core: Core, block: number): number =>
    core.view.getUint32(core.header(abi.HEADER_SLAB) + (block - 1) * abi.BLOCK_BYTES, true);

  it('gives back what was written, at every length up to four blocks and every split of it', () => {
    const core = fresh();
    for (let bytes = 1; bytes <= 4 * 124; bytes += bytes < 260 ? 1 : 37) {
      const first = core.call.slabTake!(bytes);
      for (let split = 0; split <= bytes; split += bytes < 140 ? 1 : 11) {
        core.call.slabWrite!(first, 0, FROM, split);
        core.call.slabWrite!(first, split, FROM + split, bytes - split);
        core.bytes.fill(0, TO, TO + 600);
        core.call.slabRead!(first, split, TO + split, bytes - split);
        core.call.slabRead!(first, 0, TO, split);
        const same = Buffer.compare(core.bytes.subarray(TO, TO + bytes), core.bytes.subarray(FROM, FROM + bytes));
        expect(same, `${bytes} bytes, split at ${split}`).toBe(0);
        expect(core.bytes[TO + bytes], 'no byte more').toBe(0);
        expect(core.call.slabEquals!(first, split, FROM + split, bytes - split)).toBe(1);
      }
      core.call.slabRelease!(first, bytes);
      expect(core.freedIsZero(), `${bytes} bytes`).toBe(true);
    }
    expect(core.state(abi.QUARANTINE_BLOCKS_USED)).toBe(0);
    expect(core.state(abi.QUARANTINE_BLOCK_HIGH), 'freed blocks serve first').toBe(blocksOf(4 * 124));
  });

  it('sees every single byte that differs', () => {
    const core = fresh();
    const first = core.call.slabTake!(200);
    core.call.slabWrite!(first, 0, FROM, 200);
    for (let i = 60; i < 190; i++) {
      core.bytes[FROM + i]! ^= 1;
      expect(core.call.slabEquals!(first, 60, FROM + 60, 130), `byte ${i}`).toBe(0);
      core.bytes[FROM + i]! ^= 1;
    }
    expect(core.call.slabEquals!(first, 60, FROM + 60, 130)).toBe(1);
    expect(core.call.slabEquals!(first, 200, FROM, 0)).toBe(1);
  });

  it('hands out every block it has, in any order of taking and freeing, and never one twice', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const core = fresh();
      let held: { first: number; bytes: number; blocks: number[] }[] = [];
      let used = 0;
      for (let step = 0; step < 300; step++) {
        const bytes = 1 + random(400);
        if (used + blocksOf(bytes) <= BLOCKS && random(3) > 0) {
          const first = core.call.slabTake!(bytes);
          const blocks: number[] = [];
          for (let block = first; block !== 0; block = link(core, block)) blocks.push(block);
          expect(blocks.length, `seed ${seed} step ${step}`).toBe(blocksOf(bytes));
          core.call.slabWrite!(first, 0, FROM, bytes);
          held.push({ first, bytes, blocks });
          used += blocks.length;
        } else if (held.length > 0) {
          const [gone] = held.splice(random(held.length), 1);
          core.call.slabRelease!(gone!.first, gone!.bytes);
          used -= gone!.blocks.length;
        }
        const all = held.flatMap((chain) => chain.blocks);
        expect(new Set(all).size, `seed ${seed} step ${step}: shared block`).toBe(all.length);
        expect(core.state(abi.QUARANTINE_BLOCKS_USED)).toBe(used);
        expect(core.freedIsZero(), `seed ${seed} step ${step}`).toBe(true);
      }
      for (const { first, bytes } of held) core.call.slabRelease!(first, bytes);
      held = [];
      const all = core.call.slabTake!(BLOCKS * 124);
      core.call.slabRelease!(all, BLOCKS * 124);
      expect(core.freedIsZero(), `seed ${seed}: everything out and in`).toBe(true);
    }
  });

  it.each<[string, (core: Core) => void]>([
    ['taking nothing', (core) => core.call.slabTake!(0)],
    ['taking more than there is', (core) => core.call.slabTake!(BLOCKS * 124 + 1)],
    ['reading a block that was never used', (core) => core.call.slabRead!(BLOCKS, 0, TO, 1)],
    ['reading block 0', (core) => core.call.slabRead!(0, 0, TO, 1)],
    ['reading past the end of a chain', (core) => core.call.slabRead!(core.call.slabTake!(124), 0, TO, 125)],
    ['freeing with a greater length', (core) => core.call.slabRelease!(core.call.slabTake!(124), 125)],
    [
      'freeing with a smaller length',
      (core) => {
        const first = core.call.slabTake!(300);
        core.call.slabRelease!(first, 200);
      },
    ],
  ])('%s is a panic', (_title, act) => {
    const core = fresh();
    expect(() => act(core)).toThrow();
    expect(core.header(abi.HEADER_PANIC)).toBe(abi.PANIC_SLAB);
  });
});
