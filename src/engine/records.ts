/**
 * Reads what the core answered: OUTBOX, evidence slots, audit records. Everything returned is a copy.
 *
 * Relies on: a linked core and the offsets of the boundary. Refuses: to write. Valid only until the next call into the
 * core, so each reader is used right after the call that it reads.
 */
import * as abi from '../../assembly/abi';
import type { Disposition, EvidenceHandle, RateLimitResult, Severity } from '../types/index';
import type { Core } from './link';
import { DISPOSITIONS, SEVERITIES } from './words';

const OUT32 = abi.OUTBOX_AT >>> 2;
const OUT64 = abi.OUTBOX_AT >>> 3;

// Stateless for whole ASCII and UTF-8 texts, so one serves every core.
const decoder = new TextDecoder();

/** The limiter's verdict of the last call. */
export function readRate(core: Core, limit: number): RateLimitResult {
  const { u32, f64 } = core;
  const rate = u32[OUT32 + (abi.OUTBOX_RATE >>> 2)] as number;
  return {
    allowed: (rate & abi.RATE_ALLOWED) !== 0,
    blocked: (rate & abi.RATE_BLOCKED) !== 0,
    limit,
    remaining: u32[OUT32 + (abi.OUTBOX_REMAINING >>> 2)] as number,
    resetMs: f64[OUT64 + (abi.OUTBOX_RESET_MS >>> 3)] as number,
    retryAfterMs: f64[OUT64 + (abi.OUTBOX_RETRY_MS >>> 3)] as number,
    degraded: (rate & abi.RATE_DEGRADED) !== 0,
  };
}

/** The id that the last call made, 53 characters. */
export function readId(core: Core): string {
  const from = abi.OUTBOX_AT + abi.OUTBOX_TEXT + abi.TEXT_ID;
  return decoder.decode(core.bytes.subarray(from, from + abi.TEXT_ID_BYTES));
}

/** Lowercase hex of the signature's hash that the last call computed. */
export function readSignatureHash(core: Core): string {
  const from = abi.OUTBOX_AT + abi.OUTBOX_TEXT + abi.TEXT_HASH;
  return decoder.decode(core.bytes.subarray(from, from + 64));
}

/** Address of a slot; `slot` is index + 1. */
function slotAt(core: Core, slot: number): number {
  return core.view.getUint32(abi.HEADER_AT + abi.HEADER_SLOTS, true) + (slot - 1) * abi.SLOT_BYTES;
}

/** The handle of the slot that the last call described in OUTBOX_TEXT. */
export function readHandle(core: Core, slot: number): EvidenceHandle {
  const { bytes, u32, f64 } = core;
  const at = slotAt(core, slot);
  const textAt = abi.OUTBOX_AT + abi.OUTBOX_TEXT;
  const categoryBytes = bytes[at + abi.SLOT_CATEGORY_BYTES] as number;
  const detectorBytes = bytes[at + abi.SLOT_DETECTOR_BYTES] as number;
  // The detector is the only part that may hold more bytes than characters; it comes last.
  const text = decoder.decode(bytes.subarray(textAt, textAt + abi.TEXT_DETECTOR + detectorBytes));
  const category = text.slice(abi.TEXT_CATEGORY, abi.TEXT_CATEGORY + categoryBytes);
  const flags = bytes[at + abi.SLOT_FLAGS] as number;
  return Object.freeze({
    id: text.slice(abi.TEXT_ID, abi.TEXT_HASH),
    seq: f64[(abi.OUTBOX_AT + abi.OUTBOX_SEQ) >>> 3] as number,
    signature: `${category}:${text.slice(abi.TEXT_HASH, abi.TEXT_PAYLOAD_HASH)}`,
    hash: text.slice(abi.TEXT_PAYLOAD_HASH, abi.TEXT_SOURCE_TAG),
    size: u32[(at + abi.SLOT_PAYLOAD_BYTES) >>> 2] as number,
    truncated: (flags & abi.ITEM_TRUNCATED) !== 0,
    severity: SEVERITIES[bytes[at + abi.SLOT_SEVERITY] as number] as Severity,
    category,
    detector: detectorBytes === 0 ? undefined : text.slice(abi.TEXT_DETECTOR),
    sourceTag: text.slice(abi.TEXT_SOURCE_TAG, abi.TEXT_CATEGORY),
    capturedAt: f64[(at + abi.SLOT_CAPTURED_AT) >>> 3] as number,
    lastSeenAt: f64[(at + abi.SLOT_LAST_SEEN_AT) >>> 3] as number,
    seen: u32[(at + abi.SLOT_SEEN) >>> 2] as number,
    disposition: DISPOSITIONS[bytes[at + abi.SLOT_DISPOSITION] as number] as Disposition,
  });
}

/** A copy of the 32 bytes at an OUTBOX field. */
export function readDigest(core: Core, field: number): Uint8Array {
  return core.bytes.slice(abi.OUTBOX_AT + field, abi.OUTBOX_AT + field + 32);
}

/** The numbers of the audit state. */
export function readAudit(core: Core): {
  size: number;
  heldFrom: number;
  releasedTo: number;
  lost: number;
  /** Key changes. */
  epoch: number;
  seen: number;
  flagged: number;
  uninspected: number;
  skipped: number;
  failedOpen: number;
  allowed: number;
  limited: number;
  dropped: number;
  shed: number;
  lostEvents: number;
} {
  const at = core.view.getUint32(abi.HEADER_AT + abi.HEADER_AUDIT, true);
  const number = (field: number): number => core.view.getFloat64(at + field, true);
  return {
    size: number(abi.AUDIT_SIZE),
    heldFrom: number(abi.AUDIT_HELD_FROM),
    releasedTo: number(abi.AUDIT_RELEASED_TO),
    lost: number(abi.AUDIT_LOST),
    epoch: core.view.getUint32(at + abi.AUDIT_EPOCH, true),
    seen: number(abi.AUDIT_SEEN),
    flagged: number(abi.AUDIT_FLAGGED),
    uninspected: number(abi.AUDIT_UNINSPECTED),
    skipped: number(abi.AUDIT_SKIPPED),
    failedOpen: number(abi.AUDIT_FAILED_OPEN),
    allowed: number(abi.AUDIT_ALLOWED),
    limited: number(abi.AUDIT_LIMITED),
    dropped: number(abi.AUDIT_DROPPED),
    shed: number(abi.AUDIT_SHED),
    lostEvents: number(abi.AUDIT_LOST_EVENTS),
  };
}

/** The numbers of the quarantine state. */
export function readQuarantine(core: Core): {
  count: number;
  bytes: number;
  sources: number;
  bySeverity: Record<Severity, number>;
} {
  const at = core.view.getUint32(abi.HEADER_AT + abi.HEADER_QUARANTINE, true);
  const word = (field: number): number => core.view.getUint32(at + field, true);
  const held = (severity: number): number => {
    let count = 0;
    for (let queue = severity; queue < abi.QUEUES; queue += 4) count += word(abi.QUARANTINE_COUNTS + 4 * queue);
    return count;
  };
  return {
    count: word(abi.QUARANTINE_COUNT),
    bytes: word(abi.QUARANTINE_PAYLOAD_BYTES),
    sources: word(abi.QUARANTINE_SOURCES),
    bySeverity: { low: held(0), medium: held(1), high: held(2), critical: held(3) },
  };
}

/** The numbers of the limiter state; `now` decides whether the pressure is still current. */
export function readLimiter(core: Core): { tracked: number; evictions: number; pressure: number } | undefined {
  const at = core.view.getUint32(abi.HEADER_AT + abi.HEADER_LIMITER, true);
  if (at === 0) return undefined;
  return {
    tracked: core.view.getUint32(at + abi.LIMITER_TRACKED, true),
    evictions: core.view.getFloat64(at + abi.LIMITER_EVICTIONS, true),
    pressure: core.view.getUint32(at + abi.LIMITER_PRESSURE_LAST, true),
  };
}
