/**
 * The inbox and the outbox as words: one accessor per question, so that the path above reads like its description.
 *
 * Relies on: the boundary's offsets. Refuses: to trust a length — every one is checked before anything is read by it.
 */
import {
  CATEGORY_BYTES_MAX,
  CONFIG_AT,
  CONFIG_IPV6_PREFIX,
  CONFIG_MAX_PAYLOAD_BYTES,
  DETECTOR_BYTES_MAX,
  GROUP_AT,
  HALF_SIP_SECOND_AT,
  HEADER_AT,
  HEADER_PAYLOAD,
  INBOX_AT,
  INBOX_CATEGORY_BYTES,
  INBOX_DETECTOR_BYTES,
  INBOX_DISPOSITION,
  INBOX_FLAGS,
  INBOX_PAYLOAD_BYTES,
  INBOX_SEVERITY,
  INBOX_SOURCE,
  INBOX_SOURCE_BYTES,
  INBOX_SOURCE_KIND,
  OUTBOX_AT,
  OUTBOX_SOURCE_TAG,
  PANIC_INBOX,
  SOURCE_BYTES_MAX,
} from './abi';
import { sourceIsGrouped, sourceKeyAt, sourceKeyBytes, sourceRead, sourceTagAt, sourceTagBytes } from './address';
import { bytesCopy } from './bytes';
import { sourceTag } from './commitments';
import { halfSip64 } from './halfsip';
import { hold } from './panic';
import { state } from './slots';

export function inbox(field: u32): u32 {
  return load<u32>(INBOX_AT + field);
}

export function outbox(field: u32, value: u32): void {
  store<u32>(OUTBOX_AT + field, value);
}

export function config(field: u32): u32 {
  return load<u32>(CONFIG_AT + field);
}

export function payloadAt(): u32 {
  return load<u32>(HEADER_AT + HEADER_PAYLOAD);
}

export function flagged(bit: u32): bool {
  return (inbox(INBOX_FLAGS) & bit) != 0;
}

/** Sets `bit`, for the host to read. */
export function flag(bit: u32): void {
  store<u32>(INBOX_AT + INBOX_FLAGS, inbox(INBOX_FLAGS) | bit);
}

/** Clears `bit`. */
export function unflag(bit: u32): void {
  store<u32>(INBOX_AT + INBOX_FLAGS, inbox(INBOX_FLAGS) & ~bit);
}

/** Canonicalises the source in the inbox. */
export function readSource(): void {
  const bytes: u32 = inbox(INBOX_SOURCE_BYTES);
  hold(bytes <= <u32>SOURCE_BYTES_MAX, PANIC_INBOX);
  sourceRead(inbox(INBOX_SOURCE_KIND), INBOX_AT + INBOX_SOURCE, bytes, config(CONFIG_IPV6_PREFIX));
}

/** Tag of the source that was read last, into the outbox; returns its address. */
export function tagSource(): u32 {
  const at: u32 = OUTBOX_AT + OUTBOX_SOURCE_TAG;
  sourceTag(sourceTagAt(), sourceTagBytes(), at);
  return at;
}

/**
 * The eight bytes by which the source that was read and tagged last shares folds and a share of the store with others: the
 * same grouping as the limiter's. A source that is its own group has the head of its tag; an IPv6 group a keyed hash of the
 * prefix, which is the same in every instance of a deployment, as tags are. Returns their address.
 */
export function groupSource(): u32 {
  if (!sourceIsGrouped()) {
    bytesCopy(GROUP_AT, OUTBOX_AT + OUTBOX_SOURCE_TAG, 8);
    return GROUP_AT;
  }
  const s = state();
  store<u32>(GROUP_AT, halfSip64(s.groupPrf0, s.groupPrf1, sourceKeyAt(), sourceKeyBytes()));
  store<u32>(GROUP_AT, load<u32>(HALF_SIP_SECOND_AT), 4);
  return GROUP_AT;
}

/** Bounds of everything a flagged scent says; a payload that was not copied has no bytes to bound. */
export function checkThreat(copied: bool): void {
  hold(inbox(INBOX_SEVERITY) <= 3, PANIC_INBOX);
  hold(inbox(INBOX_DISPOSITION) <= 3, PANIC_INBOX);
  const categoryBytes: u32 = inbox(INBOX_CATEGORY_BYTES);
  hold(categoryBytes >= 1 && categoryBytes <= <u32>CATEGORY_BYTES_MAX, PANIC_INBOX);
  hold(inbox(INBOX_DETECTOR_BYTES) <= <u32>DETECTOR_BYTES_MAX, PANIC_INBOX);
  hold(!copied || inbox(INBOX_PAYLOAD_BYTES) <= config(CONFIG_MAX_PAYLOAD_BYTES), PANIC_INBOX);
}

/** The source text is personal and the payload hostile: neither stays behind a flagged request. */
export function clearInbox(copied: bool): void {
  memory.fill(INBOX_AT + INBOX_SOURCE, 0, inbox(INBOX_SOURCE_BYTES));
  if (copied) memory.fill(payloadAt(), 0, inbox(INBOX_PAYLOAD_BYTES));
}
