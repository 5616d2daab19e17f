/**
 * Puts back what an earlier core held. The host has verified it; the core checks it again as it would any question.
 *
 * Relies on: quarantine, limiter. Refuses: links and indices of the earlier core — everything is inserted anew, so a
 * hostile image can at most hold what a hostile sender could have put there.
 */
import * as abi from './abi';
import { checkThreat, config, inbox } from './inbox';
import { limiterRestore, limiterRestoreWay } from './limiter';
import { quarantineFind, quarantineInsert } from './quarantine';
import { state } from './slots';

/** Holds the item in the inbox (its INBOX_* past included; INBOX_FLAGS are ITEM_*). Its slot, or 0: no room, or held. */
export function restoreItem(now: f64): u32 {
  checkThreat(true);
  const s = state();
  if (s.count >= config(abi.CONFIG_MAX_COUNT)) return 0;
  if (inbox(abi.INBOX_PAYLOAD_BYTES) > config(abi.CONFIG_MAX_BYTES) - s.payloadBytes) return 0;
  const hash: u32 = abi.INBOX_AT + abi.INBOX_SIGNATURE_HASH;
  if (quarantineFind(hash, abi.INBOX_AT + abi.INBOX_CATEGORY, inbox(abi.INBOX_CATEGORY_BYTES)) != 0) return 0;
  const slot: u32 = quarantineInsert(
    abi.INBOX_AT + abi.INBOX_ID,
    abi.INBOX_AT + abi.INBOX_SALT,
    hash,
    abi.INBOX_AT + abi.INBOX_PAYLOAD_HASH,
    abi.INBOX_AT + abi.INBOX_SOURCE_TAG,
    abi.INBOX_AT + abi.INBOX_GROUP,
    inbox(abi.INBOX_FLAGS),
    now,
    load<f64>(abi.INBOX_AT + abi.INBOX_NUMBER),
    1,
  );
  memory.fill(abi.INBOX_AT + abi.INBOX_SALT, 0, 16);
  return slot;
}

/** Takes the state of an earlier limiter (clocks, keys) from the source field; 0 when it cannot be believed. */
export function restoreLimiter(): u32 {
  return limiterRestore(abi.INBOX_AT + abi.INBOX_SOURCE);
}

/** Takes one occupied way (index, tag, record) from the source field; 0 when it cannot be believed. */
export function restoreWay(): u32 {
  return limiterRestoreWay(abi.INBOX_AT + abi.INBOX_SOURCE);
}
