/**
 * The Merkle tree of RFC 9162 §2.1, of which only the frontier is kept: the roots of the perfect subtrees that the
 * leaves so far make up, one for each 1 in the binary size.
 *
 *   size 6 = 110₂          slot 2: root of leaves 0–3   slot 1: root of leaves 4–5   slot 0: stale
 *
 * Relies on: `sha256`, NODE of SCRATCH, and a byte of its caller's before each leaf. Refuses: to know what a leaf is about. Frontier and size belong to the
 * caller; sizes are integers below 2⁵³ in an f64.
 */
import { NODE_AT, NODE_PREFIX_AT } from './abi';
import { bytesCopy } from './bytes';
import { DIGEST_BYTES, sha256 } from './sha256';

const LEAF_PREFIX: u32 = 0;
const NODE_PREFIX: u32 = 1;
/** Left and right child; the byte before them is the prefix, so that a node is hashed where it lies. */
const LEFT: u32 = NODE_AT;
if (NODE_PREFIX_AT + 1 != NODE_AT) ERROR('NODE_PREFIX_AT');
const RIGHT: u32 = LEFT + DIGEST_BYTES;

/** SHA-256(0x00 ‖ bytes). The byte before `at` is overwritten with the prefix, so that nothing has to be moved. */
export function treeLeaf(at: u32, bytes: u32, out: u32): void {
  store<u8>(at - 1, LEAF_PREFIX);
  sha256(at - 1, bytes + 1, out);
}

/** Enters leaf number `size`: one node per trailing 1-bit of the size, so one on average and 53 at most. */
export function treeAppend(frontier: u32, size: f64, leaf: u32): void {
  bytesCopy(RIGHT, leaf, DIGEST_BYTES);
  let slot: u32 = frontier;
  for (let bits: f64 = size; odd(bits); bits = floor(bits / 2)) {
    node(slot);
    slot += DIGEST_BYTES;
  }
  bytesCopy(slot, RIGHT, DIGEST_BYTES);
}

/** The tree head: subtrees joined from the smallest up. Of no leaves, SHA-256 of nothing. */
export function treeRoot(frontier: u32, size: f64, out: u32): void {
  if (size == 0) {
    sha256(frontier, 0, out);
    return;
  }
  let started = false;
  let slot: u32 = frontier;
  for (let bits: f64 = size; bits > 0; bits = floor(bits / 2)) {
    if (odd(bits)) {
      if (started) node(slot);
      else bytesCopy(RIGHT, slot, DIGEST_BYTES);
      started = true;
    }
    slot += DIGEST_BYTES;
  }
  bytesCopy(out, RIGHT, DIGEST_BYTES);
}

/** RIGHT becomes SHA-256(0x01 ‖ left ‖ RIGHT). */
function node(left: u32): void {
  store<u8>(LEFT - 1, NODE_PREFIX);
  bytesCopy(LEFT, left, DIGEST_BYTES);
  sha256(LEFT - 1, 1 + 2 * DIGEST_BYTES, RIGHT);
}

function odd(bits: f64): bool {
  return bits - floor(bits / 2) * 2 == 1;
}
