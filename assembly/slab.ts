/**
 * The slab: evidence in chains of 128-byte blocks, so that nothing fragments and any freed block serves any item.
 *
 *   block  ┌ next (index + 1) 4 │ data 124 ┐      item  ● ─► block ─► block ─► block ─► 0
 *
 * Relies on: its region being zero at first, and on callers to pass the same length at taking and at releasing.
 * Refuses: to hand out a block that is not zero, and to run dry: CONFIG_SLAB_BLOCKS covers every store that fits
 * maxCount and maxBytes (see quarantine.ts), so running dry is a panic and never an eviction.
 */
import {
  BLOCK_BYTES,
  BLOCK_DATA,
  BLOCK_DATA_BYTES,
  BLOCK_NEXT,
  CONFIG_AT,
  CONFIG_SLAB_BLOCKS,
  HEADER_AT,
  HEADER_SLAB,
  PANIC_SLAB,
} from './abi';
import { hold } from './panic';
import { state } from './slots';

const DATA_BYTES: u32 = BLOCK_DATA_BYTES;

export function slabBlocks(bytes: u32): u32 {
  return (bytes + (DATA_BYTES - 1)) / DATA_BYTES;
}

/** A chain for `bytes` bytes, all zero: freed blocks first, then untouched ones. Returns its first block, index + 1. */
export function slabTake(bytes: u32): u32 {
  const s = state();
  let need: u32 = slabBlocks(bytes);
  hold(need > 0, PANIC_SLAB);
  hold(need <= load<u32>(CONFIG_AT + CONFIG_SLAB_BLOCKS) - s.blocksUsed, PANIC_SLAB);
  s.blocksUsed += need;

  const first: u32 = s.blockFree != 0 ? s.blockFree : s.blockHigh + 1;
  let last: u32 = 0;
  // The free list is a chain already: walk as far as needed and cut.
  for (let free: u32 = s.blockFree; need > 0 && free != 0; need--) {
    last = free;
    free = nextOf(free);
    s.blockFree = free;
  }
  for (; need > 0; need--) {
    s.blockHigh += 1;
    if (last != 0) setNext(last, s.blockHigh);
    last = s.blockHigh;
  }
  setNext(last, 0);
  return first;
}

/** Zeroes the chain and gives it back: its links stay, and lead on to what was free before. */
export function slabRelease(first: u32, bytes: u32): void {
  const s = state();
  const blocks: u32 = slabBlocks(bytes);
  hold(blocks > 0 && blocks <= s.blocksUsed, PANIC_SLAB);
  let last: u32 = first;
  for (let i: u32 = 1; ; i++) {
    memory.fill(blockAt(last) + BLOCK_DATA, 0, DATA_BYTES);
    if (i == blocks) break;
    last = nextOf(last);
  }
  hold(nextOf(last) == 0, PANIC_SLAB);
  setNext(last, s.blockFree);
  s.blockFree = first;
  s.blocksUsed -= blocks;
}

/** Writes `bytes` bytes at offset `at` of the chain. The caller stays within the length it took. */
export function slabWrite(first: u32, at: u32, from: u32, bytes: u32): void {
  let block: u32 = first;
  for (; bytes > 0 && at >= DATA_BYTES; at -= DATA_BYTES) block = nextOf(block);
  while (bytes > 0) {
    const piece: u32 = min<u32>(bytes, DATA_BYTES - at);
    memory.copy(blockAt(block) + BLOCK_DATA + at, from, piece);
    from += piece;
    bytes -= piece;
    at = 0;
    if (bytes > 0) block = nextOf(block);
  }
}

export function slabRead(first: u32, at: u32, to: u32, bytes: u32): void {
  let block: u32 = first;
  for (; bytes > 0 && at >= DATA_BYTES; at -= DATA_BYTES) block = nextOf(block);
  while (bytes > 0) {
    const piece: u32 = min<u32>(bytes, DATA_BYTES - at);
    memory.copy(to, blockAt(block) + BLOCK_DATA + at, piece);
    to += piece;
    bytes -= piece;
    at = 0;
    if (bytes > 0) block = nextOf(block);
  }
}

/** Are the `bytes` bytes at offset `at` of the chain those at `other`? */
export function slabEquals(first: u32, at: u32, other: u32, bytes: u32): bool {
  let block: u32 = first;
  for (; bytes > 0 && at >= DATA_BYTES; at -= DATA_BYTES) block = nextOf(block);
  for (let i: u32 = 0; i < bytes; i++) {
    if (at == DATA_BYTES) {
      block = nextOf(block);
      at = 0;
    }
    if (load<u8>(blockAt(block) + BLOCK_DATA + at) != load<u8>(other + i)) return false;
    at++;
  }
  return true;
}

/** Address of a block that has been used at least once: also the end of every walk that a broken link began. */
export function blockAt(block: u32): u32 {
  hold(block - 1 < state().blockHigh, PANIC_SLAB);
  return load<u32>(HEADER_AT + HEADER_SLAB) + (block - 1) * BLOCK_BYTES;
}

function nextOf(block: u32): u32 {
  return load<u32>(blockAt(block) + BLOCK_NEXT);
}

function setNext(block: u32, next: u32): void {
  store<u32>(blockAt(block) + BLOCK_NEXT, next);
}
