/**
 * How a core begins: `init` lays out all the memory it will ever have, `seed` makes it unpredictable. They are two
 * steps so that a build may run `init` ahead of time, where there is no randomness yet.
 *
 * Relies on: every noun's init; SEED_PRF, STREAM and KEYED of SCRATCH, of which STREAM is kept from one call to the next.
 * Refuses: to reserve memory or to be seeded twice.
 */
import * as abi from './abi';
import { arenaStart, reserve, seal } from './arena';
import { auditInit } from './audit';
import { auditKey, sourceTag } from './commitments';
import { describeId } from './describe';
import { hmac, hmacKey } from './hmac';
import { entropyDraw, entropyLeft, entropyPut, idMake, idsInit } from './ids';
import { config, inbox, outbox, payloadAt } from './inbox';
import { limiterInit, limiterSeed } from './limiter';
import { hold } from './panic';
import { planInit, quarantineGroups, quarantineInit, quarantineSeed } from './quarantine';
import './places';
import { SHA_STATE_BYTES, sha256Finish, sha256Start, sha256Update } from './sha256';

const PRF_AT: u32 = abi.SEED_PRF_AT;
const STATE_AT: u32 = abi.STREAM_AT;
const INNER_AT: u32 = abi.KEYED_INNER_AT;
const OUTER_AT: u32 = abi.KEYED_OUTER_AT;

if (SHA_STATE_BYTES > <u32>abi.STREAM_BYTES) ERROR('STREAM_BYTES');

/** Reads CONFIG, takes all memory, seals it. Touches none of the large regions. */
export function init(): void {
  arenaStart();
  const payload: u32 = reserve(config(abi.CONFIG_MAX_PAYLOAD_BYTES), 64);
  store<u32>(abi.HEADER_AT + abi.HEADER_PAYLOAD, payload);
  planInit();
  idsInit();
  store<u32>(abi.HEADER_AT + abi.HEADER_STATE_FROM, load<u32>(abi.HEADER_AT + abi.HEADER_IDS));
  limiterInit();
  quarantineInit();
  auditInit();
  store<u32>(abi.HEADER_AT + abi.HEADER_STATE_TO, load<u32>(abi.HEADER_AT + abi.HEADER_ARENA_NEXT));
  seal();
  store<u32>(abi.HEADER_AT + abi.HEADER_MAGIC, abi.MAGIC);
  store<u32>(abi.HEADER_AT + abi.HEADER_ABI, abi.ABI_VERSION);
}

/** Takes the first batch of entropy and the tag key from the inbox; both are zeroed there. Once. */
export function seed(): void {
  hold(load<u32>(abi.HEADER_AT + abi.HEADER_SEEDED) == 0, abi.PANIC_CONFIG);
  entropyPut(abi.INBOX_AT + abi.INBOX_ENTROPY);
  if (config(abi.CONFIG_LIMIT) != 0) {
    entropyDraw(PRF_AT, 8);
    limiterSeed(PRF_AT);
  }
  entropyDraw(PRF_AT, 8);
  quarantineSeed(PRF_AT);
  auditKey(abi.INBOX_AT + abi.INBOX_KEY);
  memory.fill(abi.INBOX_AT + abi.INBOX_KEY, 0, 32);
  // A source begins with its domain, and 0xff is none: no source has the tag that the key of the groups is the head of.
  store<u8>(PRF_AT, 0xff);
  sourceTag(PRF_AT, 1, INNER_AT);
  quarantineGroups(INNER_AT);
  memory.fill(PRF_AT, 0, 8);
  memory.fill(INNER_AT, 0, 32);
  store<u32>(abi.HEADER_AT + abi.HEADER_SEEDED, 1);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
}

/** Takes another batch of entropy from the inbox. */
export function refill(): void {
  entropyPut(abi.INBOX_AT + abi.INBOX_ENTROPY);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
}

/** A fresh id, in OUTBOX_ID and as text. */
export function makeId(now: f64): void {
  idMake(now, abi.OUTBOX_AT + abi.OUTBOX_ID);
  describeId(abi.OUTBOX_AT + abi.OUTBOX_ID, abi.OUTBOX_AT + abi.OUTBOX_ID_SUFFIX);
  outbox(abi.OUTBOX_ENTROPY_LEFT, entropyLeft());
}

function payloadBytes(): u32 {
  const bytes: u32 = inbox(abi.INBOX_PAYLOAD_BYTES);
  hold(bytes <= config(abi.CONFIG_MAX_PAYLOAD_BYTES), abi.PANIC_INBOX);
  return bytes;
}

// SHA-256 of anything, through the payload region piece by piece.

export function hashStart(): void {
  sha256Start(STATE_AT);
}

export function hashUpdate(): void {
  sha256Update(STATE_AT, payloadAt(), payloadBytes());
}

export function hashFinish(): void {
  sha256Finish(STATE_AT, abi.OUTBOX_AT + abi.OUTBOX_HASH);
}

/** HMAC-SHA-256: key in the source field, data in the payload region, result in OUTBOX_HASH. */
export function keyedHash(): void {
  const bytes: u32 = inbox(abi.INBOX_SOURCE_BYTES);
  hold(bytes <= <u32>abi.SOURCE_BYTES_MAX, abi.PANIC_INBOX);
  hmacKey(abi.INBOX_AT + abi.INBOX_SOURCE, bytes, INNER_AT, OUTER_AT);
  hmac(INNER_AT, OUTER_AT, payloadAt(), payloadBytes(), abi.OUTBOX_AT + abi.OUTBOX_HASH);
  memory.fill(INNER_AT, 0, 64);
}
