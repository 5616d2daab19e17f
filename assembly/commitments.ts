/**
 * What the log says of a source, a payload and a signature without saying them: a keyed tag and two salted commitments.
 * The key lives with the deployment and the salt with the evidence; once they are gone, the log no longer tells.
 *
 * Relies on: `hmac`, `sha256`, HEADER_AUDIT, SCRATCH 0x5120–0x51af. Refuses: to keep the tag key, a salt or a text.
 */
import { AUDIT_TAG_INNER, AUDIT_TAG_OUTER, HEADER_AT, HEADER_AUDIT, SCRATCH_AT } from './abi';
import { hmac, hmacKey } from './hmac';
import { DIGEST_BYTES, sha256Finish, sha256Start, sha256Update } from './sha256';

const TAG_KEY_BYTES: u32 = 32;
const SALT_BYTES: u32 = 16;
const PREFIX: u32 = SCRATCH_AT + 0x1120;
const STATE: u32 = SCRATCH_AT + 0x1128;
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

function commit(prefix: u32, salt: u32, at: u32, bytes: u32, out: u32): void {
  store<u8>(PREFIX, prefix);
  sha256Start(STATE);
  sha256Update(STATE, PREFIX, 1);
  sha256Update(STATE, salt, SALT_BYTES);
  sha256Update(STATE, at, bytes);
  sha256Finish(STATE, out);
}
