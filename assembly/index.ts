/**
 * The door: every export of the core on one page, each with its contract. No logic.
 *
 * Arguments come in the inbox, answers leave in the outbox (abi.ts says where); `now` is unix ms. A call that traps has
 * left its reason in the header, and the core must not be called again.
 */

// Evidence. find() and findId() → slot (index + 1) or 0, described in the outbox; page() → how many of INBOX_COUNT
// follow INBOX_ID, listed() describes the one at INBOX_SLOT; neutralize, purge, erase and replace act on INBOX_SLOT;
// setHold(now, on) and evacuated(now) → 0 when nothing changed, and then nothing is recorded;
// flush(now) → how many were purged, at most BATCH_ITEMS; access(now) records INBOX_KIND → payload bytes, in the payload region.
export {
  access,
  erase,
  evacuated,
  find,
  findId,
  flush,
  listed,
  neutralize,
  page,
  purge,
  replace,
  setHold,
} from './acts';
// One request. intercept(now) → STATUS_*: limit → sign → admit → record.
export { intercept } from './intercept';
// Life. init() reads CONFIG and takes all memory; seed() takes entropy and the tag key; begin(now) writes GENESIS.
// The log. uninspected(now): a detector failed. refused(now): a limiter that is not ours refused. append(now): a record only the host can know of. settle(now, closing):
// writes what is still folded. root() → OUTBOX_HASH; verify() → 0 when a held record does not fit; release():
// INBOX_NUMBER acknowledges; recordAt() → address of record INBOX_NUMBER, or 0.
export { append, begin, recordAt, refused, release, root, settle, uninspected, verify } from './journal';
// The limiter alone. rateUnblock(now) → 0 when there was no block, rateReset(now) → 0 when there was nothing to forget; then
// nothing is recorded. tag() → OUTBOX_SOURCE_TAG.
export { rateBlock, rateCheck, rateReset, rateUnblock, tag } from './rate';
// What an earlier core held, put back: restoreItem(now) → slot, or 0 when there is no room for it;
// restoreLimiter() and restoreWay() → 0 when what the source field holds cannot be believed.
export { restoreItem, restoreLimiter, restoreWay } from './restore';
// Small things. Hashing and HMAC through the payload region → OUTBOX_HASH; makeId(now) → OUTBOX_ID and text.
export { hashFinish, hashStart, hashUpdate, init, keyedHash, makeId, refill, seed } from './start';
