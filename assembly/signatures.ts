/**
 * Which item has this signature: buckets of a keyed hash, chained through the slots.
 *
 * Relies on: slots, and on a key that no sender knows, so that nobody can aim at a bucket.
 * Refuses: to judge by hash alone. Equal means 32 bytes of hash and the category, byte for byte.
 */
import { HEADER_AT, HEADER_SIGNATURE_BUCKETS, PANIC_QUARANTINE, SLOT_HASH } from './abi';
import { halfSip } from './halfsip';
import { hold } from './panic';
import { slabEquals } from './slab';
import { categoryFrom, held, same32, state } from './slots';

/** The item with this signature (32 bytes of hash, at a multiple of four, and a category), or 0. */
export function quarantineFind(hashAt: u32, categoryAt: u32, categoryBytes: u32): u32 {
  let slot: u32 = load<u32>(signatureBucketAt(hashAt));
  for (let left: u32 = state().count; slot != 0; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    const item = held(slot);
    if (
      <u32>item.categoryBytes == categoryBytes &&
      same32(changetype<u32>(item) + SLOT_HASH, hashAt) &&
      slabEquals(item.firstBlock, categoryFrom(item), categoryAt, categoryBytes)
    ) {
      return slot;
    }
    slot = item.signatureNext;
  }
  return 0;
}

export function signatureAdd(slot: u32): void {
  const item = held(slot);
  const bucket: u32 = signatureBucketAt(changetype<u32>(item) + SLOT_HASH);
  item.signatureNext = load<u32>(bucket);
  store<u32>(bucket, slot);
}

export function signatureRemove(slot: u32): void {
  const item = held(slot);
  const next: u32 = item.signatureNext;
  item.signatureNext = 0;
  const bucket: u32 = signatureBucketAt(changetype<u32>(item) + SLOT_HASH);
  let at: u32 = load<u32>(bucket);
  if (at == slot) {
    store<u32>(bucket, next);
    return;
  }
  for (let left: u32 = state().count; held(at).signatureNext != slot; left--) {
    hold(left > 0, PANIC_QUARANTINE);
    at = held(at).signatureNext;
  }
  held(at).signatureNext = next;
}

export function signatureBucketAt(hashAt: u32): u32 {
  const s = state();
  return load<u32>(HEADER_AT + HEADER_SIGNATURE_BUCKETS) + (halfSip(s.prf0, s.prf1, hashAt, 32) & s.bucketMask) * 4;
}
