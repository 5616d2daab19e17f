/**
 * The limiter by itself, for callers that have no scent: check, peek, reset, block, unblock. What it refuses and what
 * is blocked by hand is recorded as in `intercept`.
 *
 * Relies on: limiter, intercept's `limit`, journal. Refuses: to run without a limiter.
 */
import * as abi from './abi';
import { sourceKeyAt, sourceKeyBytes } from './address';
import { recordCommit } from './audit';
import { entropyLeft } from './ids';
import { config, inbox, outbox, readSource, tagSource } from './inbox';
import { limit, recordBlock } from './intercept';
import { recordSidecar } from './journal';
import { limiterBlock, limiterClock, limiterReset, limiterUnblock } from './limiter';
import { hold } from './panic';
import { recordBegin, recordReason, recordSource } from './record';

function begin(now: f64): void {
  hold(config(abi.CONFIG_LIMIT) != 0, abi.PANIC_LIMITER);
  limiterClock(now);
  readSource();
}

/** Charges INBOX_COST (1 … limit) to the source, or with `peek` only says what would happen. */
export function rateCheck(now: f64, peek: u32): void {
  hold(config(abi.CONFIG_LIMIT) != 0, abi.PANIC_LIMITER);
  readSource();
  const cost: u32 = inbox(abi.INBOX_COST);
  hold(cost >= 1 && cost <= config(abi.CONFIG_LIMIT), abi.PANIC_INBOX);
  limit(now, cost, peek != 0);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
}

/** Forgets what the source used, and its block; 0 when there was nothing, and then nothing is recorded. */
export function rateReset(now: f64): u32 {
  begin(now);
  if (limiterReset(sourceKeyAt(), sourceKeyBytes()) == 0) return 0;
  recordLifted(now, abi.REASON_RESET);
  return 1;
}

/** Blocks the source for INBOX_MS of forward progress of the clock. */
export function rateBlock(now: f64): void {
  begin(now);
  const ms: f64 = load<f64>(abi.INBOX_AT + abi.INBOX_MS);
  recordBlock(now, ms, abi.REASON_MANUAL);
  recordSidecar();
  recordCommit();
  limiterBlock(sourceKeyAt(), sourceKeyBytes(), ms);
}

/** Ends the block of the source; 0 when there was none, and then nothing is recorded. */
export function rateUnblock(now: f64): u32 {
  begin(now);
  if (limiterUnblock(sourceKeyAt(), sourceKeyBytes()) == 0) return 0;
  recordLifted(now, abi.REASON_MANUAL);
  return 1;
}

function recordLifted(now: f64, reason: u32): void {
  const tag: u32 = tagSource();
  recordBegin(abi.KIND_UNBLOCKED, now);
  recordReason(reason);
  recordSource(tag);
  recordSidecar();
  recordCommit();
}

/** Tag of the source in the inbox, into the outbox. */
export function tag(): void {
  readSource();
  tagSource();
}
