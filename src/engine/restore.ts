/**
 * Puts what was salvaged into a fresh core, through its own door: items are inserted, never copied as memory.
 *
 * Relies on: salvage for reading, proof for what to believe. Refuses: an item that does not verify, one that the log
 * says has ended, and a limiter of another geometry. What finds no place is counted and named.
 */
import * as abi from '../../assembly/abi';
import { compareBytes } from './bytes';
import type { Core } from './link';
import type { CoreConfig } from './memory';
import { type Hash, itemProof, type LogProof, logProof, prove, recordAt, textsFrom } from './proof';
import { headBytes, payloadBytes, recordBytes, type Salvaged, WAY_HEAD_BYTES } from './salvage';

const IN = abi.INBOX_AT;

export interface Restored {
  readonly items: number;
  /** Items that did not verify or found no room. */
  readonly lost: number;
  /** Their UUIDs, as far as they could be read. */
  readonly lostIds: Uint8Array[];
  readonly limiter: 'restored' | 'dropped' | 'off';
  /** Tracked sources that the core did not believe. */
  readonly sourcesLost: number;
  readonly log: LogProof;
}

export function restoreInto(core: Core, salvaged: Salvaged, config: CoreConfig, now: number, hash: Hash): Restored {
  const log = prove(logProof(salvaged), hash);
  const limiter = restoreLimiter(core, salvaged, config);
  restoreTotals(core, salvaged);
  return { ...limiter, ...restoreItems(core, salvaged, log, config, now, hash), log };
}

// ── items ─────────────────────────────────────────────────────────────────────────────────────────

function restoreItems(
  core: Core,
  salvaged: Salvaged,
  log: LogProof,
  config: CoreConfig,
  now: number,
  hash: Hash,
): Pick<Restored, 'items' | 'lost' | 'lostIds'> {
  const { slots, slotsLost } = salvaged;
  const ended = endedIds(salvaged, log);
  const kept = keptItems(salvaged, config, hash);
  const lostIds: Uint8Array[] = [];
  let items = 0;
  slots.forEach((slot, index) => {
    const id = slot.slice(abi.SLOT_ID, abi.SLOT_ID + 16);
    if (ended.has(idKey(id))) return;
    const content = kept.has(index) ? salvaged.content(index) : undefined;
    if (content !== undefined && restoreItem(core, slot, content, now)) items++;
    else lostIds.push(id);
  });
  return { items, lost: lostIds.length + slotsLost, lostIds };
}

const idKey = (id: Uint8Array): string => String.fromCharCode(...id);

const ENDS: ReadonlySet<number> = new Set([
  abi.KIND_EVICTED,
  abi.KIND_NEUTRALIZED,
  abi.KIND_PURGED,
  abi.KIND_REPLACED,
  abi.KIND_ERASED,
]);

/** Items the log says have ended: a core that stopped between the record and the act has them still. */
function endedIds(salvaged: Salvaged, { head, tail }: LogProof): ReadonlySet<string> {
  const { records } = salvaged.log;
  const ended = new Set<string>();
  records.forEach((record, i) => {
    if (i >= head && i < records.length - tail) return;
    if (ENDS.has(record[abi.LOG_KIND] as number)) ended.add(idKey(record.subarray(abi.LOG_ID, abi.LOG_ID + 16)));
  });
  return ended;
}

/** Damaged slots may claim what they please: of what does not verify, no more is hashed than so many full stores. */
const FALSE_STORES_MAX = 4;

/**
 * Which items verify and have room, by the store's own order of leaving: those on hold stay first, then what is not
 * archived, then by severity, then the newest. With an unchanged configuration that is every item that verifies.
 */
function keptItems(salvaged: Salvaged, config: CoreConfig, hash: Hash): ReadonlySet<number> {
  const recordOf = recordAt(salvaged.log);
  const kept = new Set<number>();
  let bytes = 0;
  let falseBytes = 0;
  for (const { slot, index } of byRank(salvaged.slots)) {
    const more = payloadBytes(slot);
    if (kept.size >= config.maxCount || more > config.maxPayloadBytes || bytes + more > config.maxBytes) continue;
    if (falseBytes > FALSE_STORES_MAX * config.maxBytes) break;
    const content = salvaged.content(index);
    const proof = content && itemProof(slot, content, config.maxPayloadBytes, recordOf);
    if (proof === undefined || prove(proof, hash) !== undefined) {
      falseBytes += more;
    } else {
      bytes += more;
      kept.add(index);
    }
  }
  return kept;
}

/** Last to leave first. */
function byRank(slots: readonly Uint8Array[]): { slot: Uint8Array; index: number; rank: number }[] {
  const rank = (slot: Uint8Array): number => {
    const state = slot[abi.SLOT_STATE] as number;
    const severity = slot[abi.SLOT_SEVERITY] as number;
    if ((state & abi.STATE_ON_HOLD) !== 0) return 8 + severity;
    return (state & abi.STATE_ARCHIVED) !== 0 ? severity : 4 + severity;
  };
  return slots
    .map((slot, index) => ({ slot, index, rank: rank(slot) }))
    .sort((a, b) => b.rank - a.rank || compareBytes(b.slot, abi.SLOT_ID, a.slot, abi.SLOT_ID, 16));
}

function restoreItem(core: Core, slot: Uint8Array, content: Uint8Array, now: number): boolean {
  const { bytes, view } = core;
  const from = new DataView(slot.buffer, slot.byteOffset, slot.length);
  const flags = slot[abi.SLOT_FLAGS] as number;
  const categoryBytes = slot[abi.SLOT_CATEGORY_BYTES] as number;
  const head = headBytes(slot);
  const texts = textsFrom(slot);
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
  // Only what is fingerprinted keeps the hash there; of the others these bytes are the payload's, and would stay behind.
  if (texts > abi.ITEM_HEAD_BYTES) put(abi.INBOX_PAYLOAD_HASH, content.subarray(abi.ITEM_HEAD_BYTES, texts));
  put(abi.INBOX_SOURCE_TAG, slot.subarray(abi.SLOT_SOURCE_TAG, abi.SLOT_SOURCE_TAG + 32));
  put(abi.INBOX_GROUP, slot.subarray(abi.SLOT_GROUP, abi.SLOT_GROUP + 8));
  put(abi.INBOX_CATEGORY, content.subarray(texts, texts + categoryBytes));
  put(abi.INBOX_DETECTOR, content.subarray(texts + categoryBytes, head));
  core.payload.set(content.subarray(head));
  const held = core.call.restoreItem(now) !== 0;
  core.payload.fill(0, 0, content.length - head);
  return held;
}

// ── the rest ──────────────────────────────────────────────────────────────────────────────────────

const TOTALS = [
  abi.AUDIT_SEEN,
  abi.AUDIT_FLAGGED,
  abi.AUDIT_UNINSPECTED,
  abi.AUDIT_SKIPPED,
  abi.AUDIT_FAILED_OPEN,
  abi.AUDIT_ALLOWED,
  abi.AUDIT_LIMITED,
  abi.AUDIT_DROPPED,
  abi.AUDIT_SHED,
  abi.AUDIT_LOST_EVENTS,
];

function restoreTotals(core: Core, salvaged: Salvaged): void {
  const from = new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length);
  for (const field of TOTALS) {
    const total = from.getFloat64(field, true);
    if (Number.isSafeInteger(total) && total >= 0) core.view.setFloat64(core.places.audit + field, total, true);
  }
}

/** Counters mean something only under the same window, limit and table. The core checks each record's sums itself. */
function restoreLimiter(core: Core, salvaged: Salvaged, config: CoreConfig): Pick<Restored, 'limiter' | 'sourcesLost'> {
  const { limiter } = salvaged;
  if (config.limit === 0) return { limiter: 'off', sourcesLost: 0 };
  if (
    limiter === undefined ||
    limiter.windowMs !== config.windowMs ||
    limiter.limit !== config.limit ||
    limiter.maxSources !== config.maxSources ||
    limiter.ipv6Prefix !== config.ipv6Prefix ||
    limiter.state.length !== abi.LIMITER_BYTES
  ) {
    return { limiter: 'dropped', sourcesLost: 0 };
  }
  core.source.set(limiter.state);
  if (core.call.restoreLimiter() === 0) return { limiter: 'dropped', sourcesLost: 0 };
  const bytes = WAY_HEAD_BYTES + recordBytes(config.limit);
  let sourcesLost = 0;
  for (let from = 0; from + bytes <= limiter.ways.length; from += bytes) {
    core.source.set(limiter.ways.subarray(from, from + bytes));
    if (core.call.restoreWay() === 0) sourcesLost++;
  }
  core.source.fill(0, 0, Math.max(bytes, limiter.state.length));
  return { limiter: 'restored', sourcesLost };
}
