/**
 * HalfSipHash-2-4 with 64 bits of output, written straight from the paper's picture (Aumasson & Bernstein, SipHash, §2;
 * the 32-bit variant is `halfsiphash.c` of veorq/SipHash).
 *
 * Relies on: nothing. Refuses: nothing.
 */

/** The first words of the two final phases: [low, high], little-endian words of the 8 output bytes. */
export type Hash = readonly [low: number, high: number];

const rotate = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;
const add = (x: number, y: number): number => (x + y) >>> 0;

export function halfSipHash(message: Uint8Array, key0: number, key1: number): Hash {
  let v0 = key0 >>> 0;
  let v1 = (key1 ^ 0xee) >>> 0;
  let v2 = (key0 ^ 0x6c796765) >>> 0;
  let v3 = (key1 ^ 0x74656462) >>> 0;
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = add(v0, v1);
      v1 = (rotate(v1, 5) ^ v0) >>> 0;
      v0 = rotate(v0, 16);
      v2 = add(v2, v3);
      v3 = (rotate(v3, 8) ^ v2) >>> 0;
      v0 = add(v0, v3);
      v3 = (rotate(v3, 7) ^ v0) >>> 0;
      v2 = add(v2, v1);
      v1 = (rotate(v1, 13) ^ v2) >>> 0;
      v2 = rotate(v2, 16);
    }
  };
  const words: number[] = [];
  for (let i = 0; i + 4 <= message.length; i += 4) {
    words.push((message[i]! | (message[i + 1]! << 8) | (message[i + 2]! << 16) | (message[i + 3]! << 24)) >>> 0);
  }
  // The last word carries what is left and, in its top byte, the length.
  let last = (message.length << 24) >>> 0;
  const whole = message.length - (message.length % 4);
  for (let i = whole; i < message.length; i++) last |= message[i]! << (8 * (i - whole));
  words.push(last >>> 0);
  for (const word of words) {
    v3 = (v3 ^ word) >>> 0;
    rounds(2);
    v0 = (v0 ^ word) >>> 0;
  }
  v2 = (v2 ^ 0xee) >>> 0;
  rounds(4);
  const low = (v1 ^ v3) >>> 0;
  v1 = (v1 ^ 0xdd) >>> 0;
  rounds(4);
  return [low, (v1 ^ v3) >>> 0];
}
