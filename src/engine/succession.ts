/**
 * What one core hands to the next: where a log ended, what came over, which of its records can be believed.
 *
 * Relies on: salvage for reading, proof for what to believe. Refuses: to bring up a core; `life` does.
 */
import * as abi from '../../assembly/abi';
import type { AuditExport } from '../types/index';
import type { LogProof } from './proof';
import type { Salvaged } from './salvage';

/** Where a log ended, for the core that goes on with it. */
export interface Continues {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Leaf hash of the newest record. */
  readonly link: Uint8Array;
  /** Roots of the perfect subtrees, of 2^level leaves each. */
  readonly subtrees: readonly { readonly level: number; readonly hash: Uint8Array }[];
  /** Key changes it has seen. */
  readonly epoch: number;
}

/** What came over from the epoch before. */
export interface Succession {
  readonly items: number;
  readonly lost: number;
  readonly lostIds: readonly Uint8Array[];
  readonly limiter: 'restored' | 'dropped' | 'off';
  /** Tracked sources whose counters the core did not believe. */
  readonly sourcesLost: number;
  /** Unreleased records that did not verify. */
  readonly recordsLost: number;
  /** Records of still earlier epochs that nobody took in time. */
  readonly recordsForgotten: number;
  /** Folded repeats and refusals that no record names: the stopped core owed them. */
  readonly unaccounted: number;
  /** What the earlier core stopped on, one of `PANIC_*`; 0 after a restore. */
  readonly panic: number;
}

/** Unreleased records of a log that ended, as far as they verify: one run, or two around what is damaged. */
export function provenRuns({ log }: Salvaged, { head, tail }: LogProof): AuditExport[] {
  const { origin, from, records, details } = log;
  const run = (start: number, end: number): AuditExport => ({
    origin,
    from: from + start,
    records: records.slice(start, end),
    details: details.slice(start, end),
  });
  const whole = head === records.length;
  const runs = whole ? [run(0, head)] : [run(0, head), run(records.length - tail, records.length)];
  return runs.filter((part) => part.records.length > 0);
}

/** Events that the earlier core had folded and no record names; refusals that the limiter still owes came over with it. */
export function owed({ limiter }: Salvaged, audit: DataView, taken: boolean): number {
  const refusals =
    limiter === undefined || taken
      ? 0
      : new DataView(limiter.state.buffer, limiter.state.byteOffset).getFloat64(abi.LIMITER_REFUSALS_PENDING, true);
  const events = audit.getFloat64(abi.AUDIT_FOLD_PENDING, true) + refusals;
  return Number.isSafeInteger(events) && events >= 0 ? events : 0;
}
