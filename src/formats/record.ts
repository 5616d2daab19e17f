/**
 * The 176 bytes of a record, as the host and every verifier spell them: where each field lies, the numbers of the kinds, and
 * how numbers are read (docs/format.md, "Record").
 *
 * Relies on: nothing. Refuses: to judge a record; `verify/record` does. The core has the same numbers in `assembly/abi.ts`,
 * because two compilers read that file; a test compares the two.
 */
export const RECORD_BYTES = 176;

/** Where fields lie. */
export const KIND = 1;
export const SEVERITY = 2;
export const REASON = 3;
export const FLAGS_LOW = 5;
export const DISPOSITION = 6;
export const EPOCH = 7;
export const SEQ = 8;
export const TIME = 16;
export const ID = 24;
export const ID_BYTES = 16;
/** RESUME and PANIC have no evidence; the size of the log before lies here. */
export const RESUME_SIZE = 24;
export const LENGTH = 40;
export const COUNT = 44;
export const LINK = 48;
export const PAYLOAD = 80;
export const DETAIL = 112;
export const SOURCE = 144;

/** Names of kinds by their number. */
export const KINDS: readonly string[] = [
  '',
  'GENESIS',
  'QUARANTINED',
  'EVICTED',
  'NEUTRALIZED',
  'PURGED',
  'EVACUATED',
  'PANIC',
  'RESUME',
  'HEARTBEAT',
  'KEY',
  'CLOSE',
  'GAP',
  'ACCESSED',
  'REPLACED',
  'ANCHOR',
  'EVACUATION_FAILED',
  'DUPLICATE',
  'DROPPED',
  'LIMITED',
  'BLOCKED',
  'UNBLOCKED',
  'UNINSPECTED',
  'CONFIG',
  'HOLD',
  'RELEASED',
  'ERASED',
  'EXPORTED',
  'ACCESS_DENIED',
  'FAILSAFE',
  'LOST',
  'FINDING',
  'PRUNED',
  'ALLOWED',
  'TROUBLE',
];
/** Kinds that a later version may begin to write: a verifier that does not know one says so, and does not call it wrong. */
export const KIND_OPEN_MIN = 64;
export const KIND_OPEN_MAX = 127;
export const GENESIS = 1;
export const QUARANTINED = 2;
export const EVICTED = 3;
export const NEUTRALIZED = 4;
export const PURGED = 5;
export const PANIC = 7;
export const RESUME = 8;
export const HEARTBEAT = 9;
export const KEY = 10;
export const CLOSE = 11;
export const GAP = 12;
export const REPLACED = 14;
export const DUPLICATE = 17;
export const DROPPED = 18;
export const LIMITED = 19;
export const BLOCKED = 20;
export const UNBLOCKED = 21;
export const UNINSPECTED = 22;
export const CONFIG = 23;
export const HOLD = 24;
export const RELEASED = 25;
export const ERASED = 26;
export const EXPORTED = 27;
export const FAILSAFE = 29;
export const LOST = 30;
export const PRUNED = 32;
export const ALLOWED = 33;
export const TROUBLE = 34;

/** Reasons of each kind by their number; 0 is none. A kind that is not here has none. */
export const REASONS: Readonly<Record<number, readonly string[]>> = {
  [EVICTED]: ['', 'full', 'share', 'graver'],
  [PURGED]: ['', 'timeout', 'error', 'abort', 'panic', 'expired', 'erased', 'flush', 'ttl', 'hold ended'],
  [DROPPED]: ['', 'no room', 'too large', 'not captured'],
  [LIMITED]: ['', 'window', 'blocked'],
  [BLOCKED]: ['', 'automatic', 'by hand', 'list', 'escalated', 'reset'],
  [UNBLOCKED]: ['', 'automatic', 'by hand', 'list', 'escalated', 'reset'],
  [UNINSPECTED]: ['', 'threw', 'too slow', 'unreadable', 'silent', 'body not sent'],
  [CONFIG]: ['', 'limits', 'trust', 'shadow', 'fail mode', 'secret'],
  [FAILSAFE]: ['', 'normal', 'warning', 'critical', 'emergency'],
  [LOST]: ['', 'sidecars', 'alerts', 'findings', 'evidence', 'blocks'],
  [ALLOWED]: ['', 'allow', 'skip'],
  [TROUBLE]: ['', 'store', 'signer', 'writer', 'detector', 'one source', 'forwarded', 'no secret', 'losses'],
};
/** Reasons that a later version may begin to write, of any kind. */
export const REASON_OPEN_MIN = 128;
export const REASON_OPEN_MAX = 254;

export const FLAG_SIDECAR = 1;
export const FLAG_TRUNCATED = 2;
export const FLAG_AGGREGATE = 16;
export const FLAG_SALVAGED = 64;
/** The records that a GAP names: from … to − 1. */
export function gapOf(r: Uint8Array): { from: number; to: number } {
  return { from: numberAt(r, PAYLOAD), to: numberAt(r, PAYLOAD + 8) };
}

export const u32At = (r: Uint8Array, at: number): number =>
  r[at]! * 0x1000000 + ((r[at + 1]! << 16) | (r[at + 2]! << 8) | r[at + 3]!);

/** Eight bytes as a number; above 2⁵³ it is not exact, which is larger than any that means something. */
export const numberAt = (r: Uint8Array, at: number): number => u32At(r, at) * 0x100000000 + u32At(r, at + 4);

export function isZero(r: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (r[i] !== 0) return false;
  return true;
}

/** The evidence id as a short text, to look it up by: eight UTF-16 units, not for people. Empty when there is none. */
export function idOf(r: Uint8Array): string {
  if (isZero(r, ID, ID + ID_BYTES)) return '';
  let id = '';
  for (let at = ID; at < ID + ID_BYTES; at += 2) id += String.fromCharCode((r[at]! << 8) | r[at + 1]!);
  return id;
}
