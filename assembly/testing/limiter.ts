/** The limiter alone in its memory, and many checks in one crossing for measuring. */
import { arenaStart, seal } from '../arena';
import { limiterCheck, limiterInit } from '../limiter';

export function limiterOpen(): void {
  arenaStart();
  limiterInit();
  seal();
}

/** `checks` checks of cost 1 by `sources` IPv4-like keys in scattered order from `from` on; returns how many passed. */
export function limiterRun(at: u32, from: u32, checks: u32, sources: u32): u32 {
  let allowed: u32 = 0;
  for (let i: u32 = 0; i < checks; i++) {
    store<u8>(at, 4);
    const source: u32 = ((from + i) * 2_654_435_761) % sources;
    for (let byte: u32 = 0; byte < 4; byte++) store<u8>(at + 1 + byte, source >> (byte << 3));
    if (limiterCheck(at, 5, 1, false)) allowed++;
  }
  return allowed;
}
