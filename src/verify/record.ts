/**
 * One record: what its 176 bytes may say by themselves, whatever stands before and after it (docs/format.md).
 *
 * Relies on: the layout of a record. Refuses: what the page does not name.
 */
import {
  COUNT,
  DETAIL,
  DISPOSITION,
  ERASED,
  EVICTED,
  FAILSAFE,
  FLAG_AGGREGATE,
  FLAGS_LOW,
  GAP,
  gapOf,
  HEARTBEAT,
  isZero,
  KIND,
  KIND_OPEN_MAX,
  KIND_OPEN_MIN,
  KINDS,
  LENGTH,
  NEUTRALIZED,
  numberAt,
  PANIC,
  PURGED,
  REASON,
  REASON_OPEN_MAX,
  REASON_OPEN_MIN,
  REASONS,
  RECORD_BYTES,
  REPLACED,
  RESUME,
  SEQ,
  SEVERITY,
  SOURCE,
  u32At,
} from '../formats/record';

const FLAGS_MAX = 127;
const SEVERITY_NONE = 255;
const SEVERITY_MAX = 3;
const DISPOSITION_MAX = 3;

/** What is wrong with a record of 176 bytes on its own; `undefined` when nothing is. */
export function fault(r: Uint8Array): string | undefined {
  const kind = r[KIND]!;
  if (r[0] !== 1) return `version ${r[0]}, expected 1`;
  if (!isNamed(kind) && !isOpenKind(kind)) return `kind ${kind}, which docs/format.md does not know`;
  if (r[SEVERITY]! > SEVERITY_MAX && r[SEVERITY] !== SEVERITY_NONE)
    return `severity ${r[SEVERITY]}, expected 0 to 3 or 255`;
  const reason = r[REASON]!;
  if (!isReason(kind, reason) && !isOpenReason(kind, reason))
    return `reason ${reason}, which ${KINDS[kind]} does not have`;
  if (r[4] !== 0 || r[FLAGS_LOW]! > FLAGS_MAX) return 'a flag that docs/format.md does not know';
  if (r[DISPOSITION]! > DISPOSITION_MAX) return `disposition ${r[DISPOSITION]}, expected 0 to 3`;
  if ((r[FLAGS_LOW]! & FLAG_AGGREGATE) !== 0 && !isZero(r, SOURCE, RECORD_BYTES)) return 'flag 16 and a source';
  if (kind === GAP) return gapFault(r);
  if (kind === HEARTBEAT && !isZero(r, 110, DETAIL)) return 'bytes behind its totals, expected zeros';
  if ((kind === RESUME || kind === PANIC) && !isZero(r, 32, LENGTH)) return 'bytes behind its size, expected zeros';
  return undefined;
}

/** What in a record without fault this version has no name for; `undefined` when it knows all of it. */
export function unknownOf(r: Uint8Array): string | undefined {
  const kind = r[KIND]!;
  if (!isNamed(kind)) return `kind ${kind}`;
  return isReason(kind, r[REASON]!) ? undefined : `reason ${r[REASON]} of ${KINDS[kind]}`;
}

const isNamed = (kind: number): boolean => kind > 0 && kind < KINDS.length;
const isOpenKind = (kind: number): boolean => kind >= KIND_OPEN_MIN && kind <= KIND_OPEN_MAX;
const isReason = (kind: number, reason: number): boolean => reason === 0 || reason < (REASONS[kind]?.length ?? 0);

/** Of a kind that nobody writes yet, every reason is still to come. */
const isOpenReason = (kind: number, reason: number): boolean =>
  (reason >= REASON_OPEN_MIN && reason <= REASON_OPEN_MAX) || (kind >= FAILSAFE && reason < REASON_OPEN_MIN);

/** A GAP names records before it, and as many as it counts. */
function gapFault(r: Uint8Array): string | undefined {
  const { from, to } = gapOf(r);
  const seq = numberAt(r, SEQ);
  if (!isZero(r, 96, DETAIL)) return 'bytes behind its range, expected zeros';
  if (!(from < to && to <= seq)) return 'a range of records that are not before it';
  return to - from === u32At(r, COUNT) ? undefined : 'a count that is not its range';
}

/** Whether evidence ends with such a record. */
export const isEnd = (kind: number): boolean =>
  kind === EVICTED || kind === NEUTRALIZED || kind === PURGED || kind === REPLACED || kind === ERASED;
