/**
 * Describes one item as ASCII in the outbox, so that the host decodes one text instead of four digests.
 *
 * Relies on: the quarantine's slot and its head in the slab, DESCRIBED_HEAD of SCRATCH. Refuses: to describe the payload.
 */
import * as abi from './abi';
import { bytesClear, bytesCopy } from './bytes';
import { quarantineReadHead } from './quarantine';
import { slotAt } from './slots';

const TEXT: u32 = abi.OUTBOX_AT + abi.OUTBOX_TEXT;
const HEAD_AT: u32 = abi.DESCRIBED_HEAD_AT;
if (abi.ITEM_HEAD_BYTES + 32 + abi.CATEGORY_BYTES_MAX + abi.DETECTOR_BYTES_MAX > abi.DESCRIBED_HEAD_BYTES) {
  ERROR('DESCRIBED_HEAD_BYTES');
}

/**
 * Writes `bytes` bytes from `at`, an even number, as lowercase hex; returns the address after. Two bytes become four digits
 * in one word: a nibble to each byte, '0' added to all, and 39 more to reach 'a' where adding 6 carries, from 10 on.
 */
export function putHex(to: u32, at: u32, bytes: u32): u32 {
  for (let i: u32 = 0; i < bytes; i += 2) {
    const two: u32 = load<u16>(at + i, 0, 1);
    const apart: u32 = (two | (two << 8)) & 0x00ff00ff;
    const digits: u32 = ((apart >>> 4) | (apart << 8)) & 0x0f0f0f0f;
    store<u32>(to, digits + 0x30303030 + (((digits + 0x06060606) >>> 4) & 0x01010101) * 39, 0, 1);
    to += 4;
  }
  return to;
}

/** UUID (8-4-4-4-12), '-', suffix: RFC 9562 §4 and 16 more hex characters. */
export function describeId(uuid: u32, suffix: u32): void {
  let to: u32 = TEXT + abi.TEXT_ID;
  for (let i: u32 = 0; i < 16; i += 2) {
    if (i == 4 || i == 6 || i == 8 || i == 10) store<u8>(to++, 0x2d);
    to = putHex(to, uuid + i, 2);
  }
  store<u8>(to++, 0x2d);
  putHex(to, suffix, 8);
}

/** What a dropped scent may be known by: its id and the hash it was signed with. */
export function describeDropped(hash: u32): void {
  describeId(abi.OUTBOX_AT + abi.OUTBOX_ID, abi.OUTBOX_AT + abi.OUTBOX_ID_SUFFIX);
  putHex(TEXT + abi.TEXT_HASH, hash, 32);
}

/** OUTBOX_SLOT, OUTBOX_SEQ and OUTBOX_TEXT of an item. */
export function describe(slot: u32): void {
  const at: u32 = slotAt(slot);
  quarantineReadHead(slot, HEAD_AT);
  const fingerprinted: bool = (load<u8>(at + abi.SLOT_FLAGS) & abi.ITEM_FINGERPRINTED) != 0;
  const texts: u32 = HEAD_AT + abi.ITEM_HEAD_BYTES + (fingerprinted ? 32 : 0);
  const categoryBytes: u32 = load<u8>(at + abi.SLOT_CATEGORY_BYTES);
  const detectorBytes: u32 = load<u8>(at + abi.SLOT_DETECTOR_BYTES);
  store<u32>(abi.OUTBOX_AT + abi.OUTBOX_SLOT, slot);
  store<f64>(abi.OUTBOX_AT + abi.OUTBOX_SEQ, load<f64>(HEAD_AT + abi.ITEM_SEQ));
  describeId(at + abi.SLOT_ID, HEAD_AT + abi.ITEM_ID_SUFFIX);
  putHex(TEXT + abi.TEXT_HASH, at + abi.SLOT_HASH, 32);
  putHex(TEXT + abi.TEXT_PAYLOAD_HASH, fingerprinted ? HEAD_AT + abi.ITEM_HEAD_BYTES : at + abi.SLOT_HASH, 32);
  putHex(TEXT + abi.TEXT_SOURCE_TAG, at + abi.SLOT_SOURCE_TAG, 32);
  bytesClear(TEXT + abi.TEXT_CATEGORY, abi.CATEGORY_BYTES_MAX + abi.DETECTOR_BYTES_MAX);
  bytesCopy(TEXT + abi.TEXT_CATEGORY, texts, categoryBytes);
  bytesCopy(TEXT + abi.TEXT_DETECTOR, texts + categoryBytes, detectorBytes);
  bytesClear(HEAD_AT, abi.DESCRIBED_HEAD_BYTES);
}
