/**
 * HMAC-SHA-256 (RFC 2104) with the key already digested: a key is two mid-states, so a tag costs the blocks of its data
 * and one more.
 *
 * Relies on: `sha256`, HMAC_* of SCRATCH. Refuses: to keep the key; the two mid-states (32 bytes each, at
 * multiples of 4) are as secret as the key was, and belong to the caller.
 */
import { HMAC_INNER_AT, HMAC_PAD_AT, HMAC_STATE_AT } from './abi';
import { bytesClear, bytesCopy } from './bytes';
import {
  compress,
  DIGEST_BYTES,
  MIDSTATE_BYTES,
  sha256,
  sha256Finish,
  sha256StartFrom,
  shaInitial,
  shaResume,
} from './sha256';

const BLOCK_BYTES: u32 = 64;
const PAD: u32 = HMAC_PAD_AT;
const INNER: u32 = HMAC_INNER_AT;
const H: u32 = HMAC_STATE_AT;

/** Any length of key: longer ones than a block are hashed first, as RFC 2104 §2 says. */
export function hmacKey(key: u32, bytes: u32, inner: u32, outer: u32): void {
  if (bytes > BLOCK_BYTES) sha256(key, bytes, PAD);
  else bytesCopy(PAD, key, bytes);
  pad(0x36363636);
  shaInitial(inner);
  compress(inner, PAD, 1);
  pad(0x36363636 ^ 0x5c5c5c5c);
  shaInitial(outer);
  compress(outer, PAD, 1);
  bytesClear(PAD, BLOCK_BYTES);
}

/** A tag in pieces: start, `sha256Update` as often as needed, finish. The state is one of SHA_STATE_BYTES. */
export function hmacStart(state: u32, inner: u32): void {
  sha256StartFrom(state, inner, BLOCK_BYTES);
}

export function hmacFinish(state: u32, outer: u32, out: u32): void {
  sha256Finish(state, INNER);
  finish(outer, out);
}

export function hmac(inner: u32, outer: u32, at: u32, bytes: u32, out: u32): void {
  bytesCopy(H, inner, MIDSTATE_BYTES);
  shaResume(H, BLOCK_BYTES, at, bytes, INNER);
  finish(outer, out);
}

function finish(outer: u32, out: u32): void {
  bytesCopy(H, outer, MIDSTATE_BYTES);
  shaResume(H, BLOCK_BYTES, INNER, DIGEST_BYTES, out);
  bytesClear(INNER, DIGEST_BYTES);
}

function pad(word: u32): void {
  for (let i: u32 = 0; i < BLOCK_BYTES; i += 4) store<u32>(PAD + i, load<u32>(PAD + i) ^ word);
}
