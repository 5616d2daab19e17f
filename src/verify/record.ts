/**
 * One record: what its 176 bytes may say by themselves, whatever stands before and after it (docs/format.md).
 *
 * Relies on: the layout of a record. Refuses: what the page does not name.
 */
import {
  BLOCKED,
  COUNT,
  DETAIL,
  DISPOSITION,
  DROPPED,
  ERASED,
  EVICTED,
  FLAG_AGGREGATE,
  FLAGS_LOW,
  GAP,
  gapOf,
  HEARTBEAT,
  isZero,
  KIND,
  KINDS,
  LENGTH,
  LIMITED,
  NEUTRALIZED,
  numberAt,
  PANIC,
  PURGED,
  REASON,
  RECORD_BYTES,
  REPLACED,
  RESUME,
  SEQ,
  SEVERITY,
  SOURCE,
  UNBLOCKED,
  UNINSPECTED,
  u32At,
} from '../formats/record';

/** Largest reason of each kind; 0 where there is none. */
const REASONS = new Uint8Array(KINDS.length);
REASONS[EVICTED] = 2;
REASONS[PURGED] = 7;
REASONS[DROPPED] = 3;
REASONS[LIMITED] = 2;
REASONS[UNINSPECTED] = 2;
REASONS[BLOCKED] = 2;
REASONS[UNBLOCKED] = 2;

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

/** Whether evidence ends with such a record. */
export const isEnd = (kind: number): boolean =>
  kind === EVICTED || kind === NEUTRALIZED || kind === PURGED || kind === REPLACED || kind === ERASED;
