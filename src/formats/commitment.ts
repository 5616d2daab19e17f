/**
 * What the log says of evidence without showing it: hashes with the item's salt in them (docs/format.md, "Hashes"). Evidence
 * and salt open them; without the salt they say nothing, not even about a short text.
 *
 * Relies on: sha256. Refuses: to compare; whoever has two of them does.
 */
import { sha256 } from './sha256';

/** The first byte keeps the kinds of hash apart: none can be taken for another. */
const PAYLOAD_PREFIX = 0x02;
const DETAIL_PREFIX = 0x03;
const ITEM_PREFIX = 0x04;

/** Of a payload, by its SHA-256. */
export const payloadCommitment = (salt: Uint8Array, hash: Uint8Array): Uint8Array =>
  committed(PAYLOAD_PREFIX, salt, hash);

/** Of a signature, `category:hex`. */
export const detailCommitment = (salt: Uint8Array, signature: string): Uint8Array =>
  committed(DETAIL_PREFIX, salt, new TextEncoder().encode(signature));

/** Of a whole id, its random half included, which no record has: EXPORTED says by it which item left. */
export const itemCommitment = (salt: Uint8Array, id: string): Uint8Array =>
  committed(ITEM_PREFIX, salt, new TextEncoder().encode(id));

function committed(prefix: number, salt: Uint8Array, opening: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + salt.length + opening.length);
  bytes[0] = prefix;
  bytes.set(salt, 1);
  bytes.set(opening, 1 + salt.length);
  return sha256(bytes);
}
