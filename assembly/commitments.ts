/**
 * What the log says of a source, a payload and a signature without saying them: a keyed tag and two salted commitments.
 * The key lives with the deployment and the salt with the evidence; once they are gone, the log no longer tells.
 *
 * Relies on: `hmac`, `sha256`, HEADER_AUDIT, COMMIT_MESSAGE of SCRATCH. Refuses: to keep the tag key, a salt or a text.
 */
import {
  AUDIT_TAG_INNER,
  AUDIT_TAG_OUTER,
  CATEGORY_BYTES_MAX,
  COMMIT_MESSAGE_AT,
  COMMIT_MESSAGE_BYTES,
  HEADER_AT,
  HEADER_AUDIT,
  PANIC_AUDIT,
} from './abi';
import { bytesClear, bytesCopy } from './bytes';
import { hmac, hmacKey } from './hmac';
import { hold } from './panic';
import { DIGEST_BYTES, sha256 } from './sha256';

const TAG_KEY_BYTES: u32 = 32;
const SALT_BYTES: u32 = 16;
/** What is committed to: prefix 1, salt 16, then a hash or a text. */
const MESSAGE: u32 = COMMIT_MESSAGE_AT;
const TEXT: u32 = MESSAGE + 1 + SALT_BYTES;
/** A signature text has at most CATEGORY_BYTES_MAX + 1 + 64, and a longer text is a panic. */
const TEXT_BYTES_MAX: u32 = <u32>COMMIT_MESSAGE_BYTES - 1 - SALT_BYTES;
if (CATEGORY_BYTES_MAX + 1 + 64 > <i32>TEXT_BYTES_MAX) ERROR('TEXT_BYTES_MAX');
// Leaves and nodes of the tree begin with 0 and 1: none of the four hashes can stand for another.
const PAYLOAD_PREFIX: u32 = 2;
const DETAIL_PREFIX: u32 = 3;

/** Digests the 32-byte tag key into the log's state. The caller zeroes what lies at `at`. */
export function auditKey(at: u32): void {
  const audit: u32 = load<u32>(HEADER_AT + HEADER_AUDIT);
  hmacKey(at, TAG_KEY_BYTES, audit + AUDIT_TAG_INNER, audit + AUDIT_TAG_OUTER);
}

/** 32 bytes: HMAC of the canonical source under the tag key. */
export function sourceTag(at: u32, bytes: u32, out: u32): void {
  const audit: u32 = load<u32>(HEADER_AT + HEADER_AUDIT);
  hmac(audit + AUDIT_TAG_INNER, audit + AUDIT_TAG_OUTER, at, bytes, out);
}

/** 32 bytes: SHA-256(0x02 ‖ salt ‖ SHA-256 of the payload). */
export function commitPayload(salt: u32, hash: u32, out: u32): void {
  commit(PAYLOAD_PREFIX, salt, hash, DIGEST_BYTES, out);
}

/** 32 bytes: SHA-256(0x03 ‖ salt ‖ signature text). */
export function commitDetail(salt: u32, text: u32, bytes: u32, out: u32): void {
  commit(DETAIL_PREFIX, salt, text, bytes, out);
}

/** Put together and hashed in one piece: two copies cost less than a hash in pieces. Nothing of it stays behind. */
function commit(prefix: u32, salt: u32, at: u32, bytes: u32, out: u32): void {
  hold(bytes <= TEXT_BYTES_MAX, PANIC_AUDIT);
  store<u8>(MESSAGE, prefix);
  bytesCopy(MESSAGE + 1, salt, SALT_BYTES);
  bytesCopy(TEXT, at, bytes);
  const all: u32 = 1 + SALT_BYTES + bytes;
  sha256(MESSAGE, all, out);
  bytesClear(MESSAGE, all);
}
