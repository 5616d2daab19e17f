/**
 * Bytes in memory: copied, compared, cleared, and numbers written big-endian, as the log and the ids want them.
 *
 * Relies on: nothing. Refuses: overlapping copies. Any address will do: accesses say that they may be unaligned, which
 * costs nothing in wasm and makes the JavaScript build go byte by byte instead of reading the wrong word.
 */

/** Up to a few hundred bytes this loop beats `memory.copy`, which leaves wasm for a call into the engine. */
export function bytesCopy(out: u32, at: u32, bytes: u32): void {
  let i: u32 = 0;
  for (; i + 4 <= bytes; i += 4) store<u32>(out + i, load<u32>(at + i, 0, 1), 0, 1);
  for (; i < bytes; i++) store<u8>(out + i, load<u8>(at + i));
}

export function bytesClear(at: u32, bytes: u32): void {
  let i: u32 = 0;
  for (; i + 4 <= bytes; i += 4) store<u32>(at + i, 0, 0, 1);
  for (; i < bytes; i++) store<u8>(at + i, 0);
}

/** Looks at every byte whatever it finds: the time says nothing about where two tags differ. */
export function bytesEqual(a: u32, b: u32, bytes: u32): bool {
  let difference: u32 = 0;
  let i: u32 = 0;
  for (; i + 4 <= bytes; i += 4) difference |= load<u32>(a + i, 0, 1) ^ load<u32>(b + i, 0, 1);
  for (; i < bytes; i++) difference |= load<u8>(a + i) ^ load<u8>(b + i);
  return difference == 0;
}

/** Two rotations, spelled as shifts: `rotl` is a function call in the JavaScript build. */
export function swap32(value: u32): u32 {
  return (((value << 8) | (value >>> 24)) & 0x00ff00ff) | (((value << 24) | (value >>> 8)) & 0xff00ff00);
}

export function put16(at: u32, value: u32): void {
  store<u8>(at, value >>> 8);
  store<u8>(at, value, 1);
}

export function get16(at: u32): u32 {
  return ((<u32>load<u8>(at)) << 8) | load<u8>(at, 1);
}

export function put32(at: u32, value: u32): void {
  store<u32>(at, swap32(value), 0, 1);
}

export function get32(at: u32): u32 {
  return swap32(load<u32>(at, 0, 1));
}

/** An integer 0 … 2⁵³ as u64: two halves, because the JavaScript build has no i64 worth using. */
export function put64(at: u32, value: f64): void {
  const high: f64 = floor(value / 4294967296.0);
  put32(at, <u32>high);
  put32(at + 4, word(value - high * 4294967296.0));
}

/**
 * An integer 0 … 2³² − 1. The plain conversion answers 0 for 2³² − 1 in the JavaScript build: binaryen's lowering of
 * saturating truncation asks for `<` where `≤` is meant.
 */
export function word(value: f64): u32 {
  return value < 2147483648.0 ? <u32>value : <u32>(value - 2147483648.0) + 0x80000000;
}

export function get64(at: u32): f64 {
  return <f64>get32(at) * 4294967296.0 + <f64>get32(at + 4);
}

/** An integer 0 … 2⁴⁸ − 1 as six bytes. */
export function put48(at: u32, value: f64): void {
  const high: f64 = floor(value / 4294967296.0);
  put16(at, <u32>high);
  put32(at + 2, word(value - high * 4294967296.0));
}

/** What the host calls a time, as an integer 0 … `most`: fractions fall, everything that is no such number is 0. */
export function whole(value: f64, most: f64): f64 {
  return value > 0 ? floor(min(value, most)) : 0;
}
