/**
 * One record: what its 176 bytes may say by themselves, whatever stands before and after it (docs/format.md).
 *
 * Relies on: nothing but the page; these numbers are spelt here a second time on purpose, because a verifier that read the
 * writer's table would share its mistakes. Refuses: what the page does not name.
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
];
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
export const HOLD = 24;
export const RELEASED = 25;
export const ERASED = 26;

/** Largest reason of each kind; 0 where there is none. */
const REASONS = new Uint8Array(KINDS.length);
REASONS[EVICTED] = 2;
REASONS[PURGED] = 7;
REASONS[DROPPED] = 3;
REASONS[LIMITED] = 2;
REASONS[UNINSPECTED] = 2;
REASONS[BLOCKED] = 2;
REASONS[UNBLOCKED] = 2;

export const FLAG_SIDECAR = 1;
export const FLAG_TRUNCATED = 2;
export const FLAG_AGGREGATE = 16;
export const FLAG_SALVAGED = 64;
const FLAGS_MAX = 127;
const SEVERITY_NONE = 255;
const SEVERITY_MAX = 3;
const DISPOSITION_MAX = 3;

/** What is wrong with a record of 176 bytes on its own; `undefined` when nothing is. */
export function fault(r: Uint8Array): string | undefined {
  const kind = r[KIND]!;
  if (r[0] !== 1) return `version ${r[0]}, expected 1`;
  if (kind < 1 || kind >= KINDS.length) return `kind ${kind}, which docs/format.md does not know`;
  if (r[SEVERITY]! > SEVERITY_MAX && r[SEVERITY] !== SEVERITY_NONE)
    return `severity ${r[SEVERITY]}, expected 0 to 3 or 255`;
  if (r[REASON]! > REASONS[kind]!) return `reason ${r[REASON]}, which ${KINDS[kind]} does not have`;
  if (r[4] !== 0 || r[FLAGS_LOW]! > FLAGS_MAX) return 'a flag that docs/format.md does not know';
  if (r[DISPOSITION]! > DISPOSITION_MAX) return `disposition ${r[DISPOSITION]}, expected 0 to 3`;
  if ((r[FLAGS_LOW]! & FLAG_AGGREGATE) !== 0 && !isZero(r, SOURCE, RECORD_BYTES)) return 'flag 16 and a source';
  if (kind === GAP) return gapFault(r);
  if (kind === HEARTBEAT && !isZero(r, 110, DETAIL)) return 'bytes behind its totals, expected zeros';
  if ((kind === RESUME || kind === PANIC) && !isZero(r, 32, LENGTH)) return 'bytes behind its size, expected zeros';
  return undefined;
}

/** A GAP names records before it, and as many as it counts. */
function gapFault(r: Uint8Array): string | undefined {
  const { from, to } = gapOf(r);
  const seq = numberAt(r, SEQ);
  if (!isZero(r, 96, DETAIL)) return 'bytes behind its range, expected zeros';
  if (!(from < to && to <= seq)) return 'a range of records that are not before it';
  return to - from === u32At(r, COUNT) ? undefined : 'a count that is not its range';
}

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

/** Whether evidence ends with such a record. */
export const isEnd = (kind: number): boolean =>
  kind === EVICTED || kind === NEUTRALIZED || kind === PURGED || kind === REPLACED || kind === ERASED;
