/**
 * Puts what was salvaged into a fresh core, through its own door: items are inserted, never copied as memory.
 *
 * Relies on: salvage for what to believe. Refuses: an item that does not verify, and a limiter of another geometry.
 */
import * as abi from '../../assembly/abi';
import type { Core } from './link';
import type { CoreConfig } from './memory';
import {
  type Hash,
  headBytes,
  itemFault,
  recordBytes,
  type Salvaged,
  type SalvagedItem,
  WAY_HEAD_BYTES,
} from './salvage';

const IN = abi.INBOX_AT;

export interface Restored {
  readonly items: number;
  /** Items that did not verify or found no room. */
  readonly lost: number;
  /** Their UUIDs, as far as they could be read. */
  readonly lostIds: Uint8Array[];
  readonly limiter: 'restored' | 'dropped' | 'off';
}

export function restoreInto(core: Core, salvaged: Salvaged, config: CoreConfig, now: number, hash: Hash): Restored {
  const limiter = restoreLimiter(core, salvaged, config);
  restoreTotals(core, salvaged);
  const lostIds: Uint8Array[] = [];
  let items = 0;
  for (const item of salvaged.items) {
    if (itemFault(item, config.maxPayloadBytes, hash) === undefined && restoreItem(core, item, now)) items++;
    else lostIds.push(item.slot.slice(abi.SLOT_ID, abi.SLOT_ID + 16));
  }
  return { items, lost: lostIds.length + salvaged.unreadable, lostIds, limiter };
}

function restoreItem(core: Core, item: SalvagedItem, now: number): boolean {
  const { slot, content } = item;
  const { bytes, view } = core;
  const from = new DataView(slot.buffer, slot.byteOffset, slot.length);
  const flags = slot[abi.SLOT_FLAGS] as number;
  const categoryBytes = slot[abi.SLOT_CATEGORY_BYTES] as number;
  const head = headBytes(slot);
  const texts = abi.ITEM_HEAD_BYTES + ((flags & abi.ITEM_FINGERPRINTED) === 0 ? 0 : 32);
  const words: [field: number, value: number][] = [
    [abi.INBOX_FLAGS, flags | abi.ITEM_SALVAGED],
    [abi.INBOX_SEVERITY, slot[abi.SLOT_SEVERITY] as number],
    [abi.INBOX_DISPOSITION, slot[abi.SLOT_DISPOSITION] as number],
    [abi.INBOX_PAYLOAD_BYTES, content.length - head],
    [abi.INBOX_CATEGORY_BYTES, categoryBytes],
    [abi.INBOX_DETECTOR_BYTES, slot[abi.SLOT_DETECTOR_BYTES] as number],
    [abi.INBOX_SEEN, from.getUint32(abi.SLOT_SEEN, true)],
    [abi.INBOX_ACCOUNTED, from.getUint32(abi.SLOT_ACCOUNTED, true)],
    [abi.INBOX_STATE, slot[abi.SLOT_STATE] as number],
    [abi.INBOX_EXPIRES_AT, from.getUint32(abi.SLOT_EXPIRES_AT, true)],
    [abi.INBOX_DISTINCT, from.getUint16(abi.SLOT_DISTINCT, true)],
  ];
  for (const [field, value] of words) view.setUint32(IN + field, value, true);
  view.setFloat64(IN + abi.INBOX_CAPTURED_AT, from.getFloat64(abi.SLOT_CAPTURED_AT, true), true);
  view.setFloat64(IN + abi.INBOX_LAST_SEEN_AT, from.getFloat64(abi.SLOT_LAST_SEEN_AT, true), true);
  const put = (field: number, part: Uint8Array): void => bytes.set(part, IN + field);
  put(abi.INBOX_ID, slot.subarray(abi.SLOT_ID, abi.SLOT_ID + 16));
  put(abi.INBOX_ID_SUFFIX, content.subarray(abi.ITEM_ID_SUFFIX, abi.ITEM_ID_SUFFIX + 8));
  put(abi.INBOX_SALT, content.subarray(abi.ITEM_SALT, abi.ITEM_SALT + 16));
  put(abi.INBOX_NUMBER, content.subarray(abi.ITEM_SEQ, abi.ITEM_SEQ + 8));
  put(abi.INBOX_SIGNATURE_HASH, slot.subarray(abi.SLOT_HASH, abi.SLOT_HASH + 32));
  put(abi.INBOX_PAYLOAD_HASH, content.subarray(abi.ITEM_HEAD_BYTES, abi.ITEM_HEAD_BYTES + 32));
  put(abi.INBOX_SOURCE_TAG, slot.subarray(abi.SLOT_SOURCE_TAG, abi.SLOT_SOURCE_TAG + 32));
  put(abi.INBOX_CATEGORY, content.subarray(texts, texts + categoryBytes));
  put(abi.INBOX_DETECTOR, content.subarray(texts + categoryBytes, head));
  core.payload.set(content.subarray(head));
  const held = core.call.restoreItem(now) !== 0;
  core.payload.fill(0, 0, content.length - head);
  return held;
}

function restoreTotals(core: Core, salvaged: Salvaged): void {
  const at = core.view.getUint32(abi.HEADER_AT + abi.HEADER_AUDIT, true);
  const from = new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length);
  for (const field of [
    abi.AUDIT_SEEN,
    abi.AUDIT_FLAGGED,
    abi.AUDIT_UNINSPECTED,
    abi.AUDIT_SKIPPED,
    abi.AUDIT_FAILED_OPEN,
  ]) {
    const total = from.getFloat64(field, true);
    if (Number.isSafeInteger(total) && total >= 0) core.view.setFloat64(at + field, total, true);
  }
}

/** Counters mean something only under the same window, limit and table. The core checks each record's sums itself. */
function restoreLimiter(core: Core, salvaged: Salvaged, config: CoreConfig): Restored['limiter'] {
  const { limiter } = salvaged;
  if (config.limit === 0) return 'off';
  if (
    limiter === undefined ||
    limiter.windowMs !== config.windowMs ||
    limiter.limit !== config.limit ||
    limiter.maxSources !== config.maxSources ||
    limiter.ipv6Prefix !== config.ipv6Prefix ||
    limiter.state.length !== abi.LIMITER_BYTES
  ) {
    return 'dropped';
  }
  core.bytes.set(limiter.state, IN + abi.INBOX_SOURCE);
  if (core.call.restoreLimiter() === 0) return 'dropped';
  const bytes = WAY_HEAD_BYTES + recordBytes(config.limit);
  for (let from = 0; from + bytes <= limiter.ways.length; from += bytes) {
    core.bytes.set(limiter.ways.subarray(from, from + bytes), IN + abi.INBOX_SOURCE);
    core.call.restoreWay();
  }
  core.source.fill(0, 0, Math.max(bytes, abi.LIMITER_BYTES));
  return 'restored';
}
