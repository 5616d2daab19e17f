/**
 * Codes of the boundary ↔ words of the host. No file outside this folder sees a code.
 *
 * Relies on: the boundary's constants. Refuses: words that have no code.
 */
import * as abi from '../../assembly/abi';
import type { Disposition, DropReason, InterceptResult, PurgeReason, UninspectedReason } from '../types/index';

export { SEVERITIES } from '../formats/severity';

/** The code of `word`. Throws `RangeError` for one that has none: it must not reach the core, which would stop for it. */
export function wordCode(part: string, codes: Readonly<Record<string, number>>, word: string): number {
  if (Object.hasOwn(codes, word)) return codes[word] as number;
  throw new RangeError(`${part}: unknown, expected ${Object.keys(codes).join(' | ')}, got another word`);
}

/** By code: 0 … 3. */
export const DISPOSITIONS: readonly Disposition[] = ['none', 'refused', 'observed', 'passed'];

/** What the core can answer; `error` is the host's word. */
export type Status = Exclude<InterceptResult['status'], 'error'>;

export const STATUSES: Readonly<Record<number, Status>> = {
  [abi.STATUS_CLEAN]: 'clean',
  [abi.STATUS_RATE_LIMITED]: 'rate_limited',
  [abi.STATUS_QUARANTINED]: 'quarantined',
  [abi.STATUS_DUPLICATE]: 'duplicate',
  [abi.STATUS_DROPPED]: 'dropped',
  [abi.STATUS_PAYLOAD_TOO_LARGE]: 'payload_too_large',
};

export const DROP_REASONS: Readonly<Record<number, DropReason>> = {
  [abi.REASON_CAPACITY]: 'capacity',
  [abi.REASON_OVERSIZED]: 'oversized',
  [abi.REASON_INVALID]: 'invalid',
};

export const PURGE_REASONS: Readonly<Record<PurgeReason, number>> = {
  timeout: abi.REASON_TIMEOUT,
  error: abi.REASON_ERROR,
  abort: abi.REASON_ABORT,
  panic: abi.REASON_PANIC,
  expired: abi.REASON_EXPIRED,
  erased: abi.REASON_ERASED,
};

/** How a detector fails. */
export const DETECTOR_FAILURES: Readonly<Record<UninspectedReason, number>> = {
  threw: abi.REASON_THREW,
  timeout: abi.REASON_TIMED_OUT,
  unreadable: abi.REASON_UNREADABLE,
  silent: abi.REASON_SILENT,
  unsent: abi.REASON_UNSENT,
};

/** Records that the host asks for by name. */
export const HOST_KINDS: Readonly<Record<HostKind, number>> = {
  heartbeat: abi.KIND_HEARTBEAT,
  key: abi.KIND_KEY,
  resume: abi.KIND_RESUME,
  gap: abi.KIND_GAP,
  evacuated: abi.KIND_EVACUATED,
  evacuation_failed: abi.KIND_EVACUATION_FAILED,
  anchor: abi.KIND_ANCHOR,
  config: abi.KIND_CONFIG,
  blocked: abi.KIND_BLOCKED,
  unblocked: abi.KIND_UNBLOCKED,
  failsafe: abi.KIND_FAILSAFE,
  lost: abi.KIND_LOST,
  finding: abi.KIND_FINDING,
  pruned: abi.KIND_PRUNED,
  allowed: abi.KIND_ALLOWED,
  trouble: abi.KIND_TROUBLE,
};

export type HostKind =
  | 'heartbeat'
  | 'key'
  | 'resume'
  | 'gap'
  | 'evacuated'
  | 'evacuation_failed'
  | 'anchor'
  | 'config'
  | 'blocked'
  | 'unblocked'
  | 'failsafe'
  | 'lost'
  | 'finding'
  | 'pruned'
  | 'allowed'
  | 'trouble';

/** How somebody reaches for evidence. */
export const ACCESSES: Readonly<Record<'accessed' | 'exported' | 'denied', number>> = {
  accessed: abi.KIND_ACCESSED,
  exported: abi.KIND_EXPORTED,
  denied: abi.KIND_ACCESS_DENIED,
};

export const SOURCE_KINDS: Readonly<Record<'unknown' | 'text' | 'address' | 'key', number>> = {
  unknown: abi.SOURCE_UNKNOWN,
  text: abi.SOURCE_TEXT,
  address: abi.SOURCE_ADDRESS,
  key: abi.SOURCE_KEY,
};
