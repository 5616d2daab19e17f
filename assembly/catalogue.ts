/**
 * What is held, for those who look after it: by id, in order of age, with its bytes.
 *
 * Relies on: slots and slab. Refuses: to be on a request's path. Slots are in no order, so finding an id or a page of a
 * listing reads every slot ever used: 2.5 ms per 100,000 (EPYC, 2 cores, wasm). Nothing an attacker sends leads here.
 */
import {
  CONFIG_AT,
  CONFIG_MAX_PAYLOAD_BYTES,
  HEADER_AT,
  HEADER_PAYLOAD,
  LIST_AT,
  LIST_BYTES,
  LIST_MAX,
  PANIC_QUARANTINE,
  SLOT_ID,
  STATE_HELD,
} from './abi';
import { hold } from './panic';
import { slabRead } from './slab';
import { held, payloadFrom, Slot, slotAt, state } from './slots';

if (LIST_MAX * 4 > LIST_BYTES) ERROR('LIST_BYTES');

/** The item with this id (16 bytes, at a multiple of four), or 0. */
export function quarantineFindId(idAt: u32): u32 {
  const high: u32 = state().slotHigh;
  for (let slot: u32 = 1; slot <= high; slot++) {
    if (isHeld(slot) && compareIds(slotAt(slot) + SLOT_ID, idAt) == 0) return slot;
  }
  return 0;
}

/**
 * Finds up to `count` (≤ LIST_MAX) items, the oldest of those whose id follows the one at `idAt` (0 = from the start);
 * returns how many. Ids are UUIDv7, so their byte order is the order of capture.
 */
export function quarantineOldest(idAt: u32, count: u32): u32 {
  hold(count <= <u32>LIST_MAX, PANIC_QUARANTINE);
  if (count == 0) return 0;
  const high: u32 = state().slotHigh;
  let found: u32 = 0;
  for (let slot: u32 = 1; slot <= high; slot++) {
    if (!isHeld(slot)) continue;
    const id: u32 = slotAt(slot) + SLOT_ID;
    if (idAt != 0 && compareIds(id, idAt) <= 0) continue;
    if (found == count) {
      if (compareIds(id, idOf(found - 1)) >= 0) continue;
      found--;
    }
    // Sorted by insertion; a full page refuses most of what comes, so this seldom runs.
    let place: u32 = found;
    for (; place > 0 && compareIds(id, idOf(place - 1)) < 0; place--) setListed(place, quarantineListed(place - 1));
    setListed(place, slot);
    found++;
  }
  return found;
}

/** The slot at `index` of the page. */
export function quarantineListed(index: u32): u32 {
  hold(index < <u32>LIST_MAX, PANIC_QUARANTINE);
  return load<u32>(LIST_AT + index * 4);
}

/** The oldest item whose id follows the one at `idAt` (0 = the oldest of all), or 0. */
export function quarantineOldestAfter(idAt: u32): u32 {
  return quarantineOldest(idAt, 1) == 1 ? quarantineListed(0) : 0;
}

/** Copies the payload into the inbox payload region, where the host reads it; returns its length. */
export function quarantineRead(slot: u32): u32 {
  const item = held(slot);
  hold(item.payloadBytes <= load<u32>(CONFIG_AT + CONFIG_MAX_PAYLOAD_BYTES), PANIC_QUARANTINE);
  slabRead(item.firstBlock, payloadFrom(item), load<u32>(HEADER_AT + HEADER_PAYLOAD), item.payloadBytes);
  return item.payloadBytes;
}

/**
 * Copies what lies before the payload to `to`: salt, id suffix, seq, payload hash (with ITEM_FINGERPRINTED), category,
 * detector, at the offsets ITEM_*. Returns its length, at most 192.
 */
export function quarantineReadHead(slot: u32, to: u32): u32 {
  const item = held(slot);
  const bytes: u32 = payloadFrom(item);
  slabRead(item.firstBlock, 0, to, bytes);
  return bytes;
}

/** Is `slot` (any number, from anywhere) an item that is held now? */
export function quarantineHolds(slot: u32): bool {
  return slot - 1 < state().slotHigh && isHeld(slot);
}

function isHeld(slot: u32): bool {
  return (changetype<Slot>(slotAt(slot)).state & STATE_HELD) != 0;
}

function idOf(index: u32): u32 {
  return slotAt(quarantineListed(index)) + SLOT_ID;
}

function setListed(index: u32, slot: u32): void {
  store<u32>(LIST_AT + index * 4, slot);
}

/** −1, 0 or 1, byte for byte: words are little-endian, so they are turned before they are compared. */
function compareIds(left: u32, right: u32): i32 {
  for (let i: u32 = 0; i < 16; i += 4) {
    const a: u32 = bswap<u32>(load<u32>(left + i));
    const b: u32 = bswap<u32>(load<u32>(right + i));
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}
