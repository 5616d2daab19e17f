/**
 * Memory is taken here, once, in `init`; then the arena is sealed and never grows again. That is why a view the
 * engine took stays valid, why nothing is collected, and why "memory stable under 100k threats" needs no measuring.
 *
 * Relies on: the header. Refuses: to reserve after `seal`. Reserved memory is zero and untouched: capacity that is
 * never used costs no resident page.
 */
import {
  ARENA_AT,
  HEADER_ARENA_NEXT,
  HEADER_AT,
  HEADER_SEALED,
  MEMORY_BYTES_MAX,
  PAGE_BYTES,
  PANIC_ARENA,
} from './abi';
import { hold } from './panic';

export function arenaStart(): void {
  hold(load<u32>(HEADER_AT + HEADER_SEALED) == 0, PANIC_ARENA);
  hold(<u32>__heap_base <= <u32>ARENA_AT, PANIC_ARENA);
  store<u32>(HEADER_AT + HEADER_ARENA_NEXT, ARENA_AT);
}

/** Takes `bytes` zeroed bytes at a multiple of `align` (a power of two); grows the memory as it must. */
export function reserve(bytes: u32, align: u32): u32 {
  hold(load<u32>(HEADER_AT + HEADER_SEALED) == 0, PANIC_ARENA);
  const at: u32 = (load<u32>(HEADER_AT + HEADER_ARENA_NEXT) + (align - 1)) & ~(align - 1);
  hold(bytes <= <u32>MEMORY_BYTES_MAX - at, PANIC_ARENA);
  const end: u32 = at + bytes;
  const pages: i32 = <i32>((end + (PAGE_BYTES - 1)) / PAGE_BYTES);
  if (pages > memory.size()) {
    memory.grow(pages - memory.size());
    // The JavaScript build answers a failed grow with the old size, not −1: believe only the size itself.
    hold(memory.size() >= pages, PANIC_ARENA);
  }
  store<u32>(HEADER_AT + HEADER_ARENA_NEXT, end);
  return at;
}

export function seal(): void {
  store<u32>(HEADER_AT + HEADER_SEALED, 1);
}
