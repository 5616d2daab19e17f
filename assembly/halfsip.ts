/**
 * HalfSipHash-2-4, the keyed hash of tables whose keys come from outside: without the key nobody can aim at a bucket.
 *
 * Relies on: HALF_SIP_SECOND of SCRATCH. Refuses: to be a signature or a commitment — 64 bits of key keep a table fair, not a secret safe.
 * Jean-Philippe Aumasson's reference (github.com/veorq/SipHash, `halfsiphash.c`); words are little-endian, and the
 * 32-bit and the 64-bit variant are different functions, not one a prefix of the other. Rotations are spelled as shifts:
 * `rotl` is a function call in the JavaScript build.
 */
import { HALF_SIP_SECOND_AT } from './abi';

/** The 32-bit variant. */
export function halfSip(k0: u32, k1: u32, at: u32, bytes: u32): u32 {
  return mix(k0, k1, at, bytes, false);
}

/** The 64-bit variant: returns the first word and leaves the second at HALF_SIP_SECOND_AT until the next call. */
export function halfSip64(k0: u32, k1: u32, at: u32, bytes: u32): u32 {
  return mix(k0, k1, at, bytes, true);
}

function mix(k0: u32, k1: u32, at: u32, bytes: u32, wide: bool): u32 {
  let v0: u32 = k0;
  let v1: u32 = k1;
  let v2: u32 = 0x6c796765 ^ k0;
  let v3: u32 = 0x74656462 ^ k1;
  if (wide) v1 ^= 0xee;

  const whole: u32 = bytes & ~(<u32>3);
  for (let i: u32 = 0; i <= whole; i += 4) {
    // The last word is what is left of the message under a byte of its length, so that no message is another's prefix.
    const word: u32 = i < whole ? wordAt(at + i) : last(at + whole, bytes);
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 += v1;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 += v3;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 += v3;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 += v1;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
  }

  v2 ^= wide ? 0xee : 0xff;
  let first: u32 = 0;
  for (let round = 0; round < 8; round++) {
    v0 += v1;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 += v3;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 += v3;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 += v1;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (round == 3) {
      first = v1 ^ v3;
      if (!wide) return first;
      v1 ^= 0xdd;
    }
  }
  store<u32>(HALF_SIP_SECOND_AT, v1 ^ v3);
  return first;
}

/** Four bytes, little-endian. The JavaScript build reads words at multiples of four only, so the rest goes by bytes. */
function wordAt(at: u32): u32 {
  if ((at & 3) == 0) return load<u32>(at);
  return (
    <u32>load<u8>(at) |
    ((<u32>load<u8>(at + 1)) << 8) |
    ((<u32>load<u8>(at + 2)) << 16) |
    ((<u32>load<u8>(at + 3)) << 24)
  );
}

function last(at: u32, bytes: u32): u32 {
  const left: u32 = bytes & 3;
  let word: u32 = bytes << 24;
  if (left > 2) word |= (<u32>load<u8>(at + 2)) << 16;
  if (left > 1) word |= (<u32>load<u8>(at + 1)) << 8;
  if (left > 0) word |= <u32>load<u8>(at);
  return word;
}
