/**
 * The quarantine alone, for its tests: an arena with nothing else in it, and an insert whose addresses are the inbox's.
 */
import {
  CONFIG_AT,
  CONFIG_MAX_PAYLOAD_BYTES,
  HEADER_AT,
  HEADER_PAYLOAD,
  INBOX_AT,
  INBOX_GROUP,
  INBOX_ID,
  INBOX_PAYLOAD_HASH,
  INBOX_SALT,
  INBOX_SIGNATURE_HASH,
  INBOX_SOURCE_TAG,
} from '../abi';
import { arenaStart, reserve, seal } from '../arena';
import { planInit, quarantineInit, quarantineInsert } from '../quarantine';

export function testQuarantineInit(): void {
  arenaStart();
  store<u32>(HEADER_AT + HEADER_PAYLOAD, reserve(load<u32>(CONFIG_AT + CONFIG_MAX_PAYLOAD_BYTES), 64));
  planInit();
  quarantineInit();
  seal();
}

export function testQuarantineInsert(flags: u32, now: f64, seq: f64, restored: u32): u32 {
  return quarantineInsert(
    INBOX_AT + INBOX_ID,
    INBOX_AT + INBOX_SALT,
    INBOX_AT + INBOX_SIGNATURE_HASH,
    INBOX_AT + INBOX_PAYLOAD_HASH,
    INBOX_AT + INBOX_SOURCE_TAG,
    INBOX_AT + INBOX_GROUP,
    flags,
    now,
    seq,
    restored,
  );
}
