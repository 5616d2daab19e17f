/**
 * A record as people read it, and as scripts do.
 *
 * Relies on: verify/record for where fields lie; the words of docs/format.md. Refuses: to judge: a record that says what it
 * may not is shown as it is.
 */
import { toHex } from '../formats/bytes';
import * as record from '../formats/record';
import { harmless, timeText } from './text';

const SEVERITIES: Readonly<Record<number, string>> = { 0: 'low', 1: 'medium', 2: 'high', 3: 'critical', 255: '-' };
const DISPOSITIONS: Readonly<Record<number, string>> = { 0: '-', 1: 'refused', 2: 'observed', 3: 'passed' };
const FLAGS: readonly string[] = ['sidecar', 'truncated', 'category', 'severity', 'several', 'approximate', 'salvaged'];
/** Of a source tag, people compare the beginning. */
const TAG_SHOWN = 16;

export interface RecordFacts {
  readonly seq: number;
  /** Unix ms. */
  readonly time: number;
  readonly kind: string;
  readonly severity: string;
  readonly reason: string;
  readonly disposition: string;
  readonly flags: readonly string[];
  readonly epoch: number;
  /** The UUID part; empty when there is none. */
  readonly id: string;
  readonly length: number;
  readonly count: number;
  /** Lowercase hex; empty when there is none. */
  readonly source: string;
}

export function recordFacts(r: Uint8Array): RecordFacts {
  const kind = record.KINDS[r[record.KIND]!] || `kind ${r[record.KIND]}`;
  const hasId = kind !== 'RESUME' && kind !== 'PANIC';
  const reason = r[record.REASON]!;
  const bits = r[record.FLAGS_LOW]!;
  const named = (from: number, bytes: number): string =>
    record.isZero(r, from, from + bytes) ? '' : toHex(r.subarray(from, from + bytes));
  return {
    seq: record.numberAt(r, record.SEQ),
    time: record.numberAt(r, record.TIME),
    kind,
    severity: SEVERITIES[r[record.SEVERITY]!] ?? `severity ${r[record.SEVERITY]}`,
    reason: reason === 0 ? '' : (record.REASONS[r[record.KIND]!]?.[reason] ?? `reason ${reason}`),
    disposition: DISPOSITIONS[r[record.DISPOSITION]!] ?? `disposition ${r[record.DISPOSITION]}`,
    flags: FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0),
    epoch: r[record.EPOCH]!,
    id: hasId ? uuid(named(record.ID, record.ID_BYTES)) : '',
    length: record.u32At(r, record.LENGTH),
    count: record.u32At(r, record.COUNT),
    // What HEARTBEAT has in this place are totals.
    source: kind === 'HEARTBEAT' ? '' : named(record.SOURCE, 32),
  };
}

const uuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** One line. What does not apply is left out. */
export function recordLine(facts: RecordFacts): string {
  const { seq, time, kind, severity, reason, disposition, id, length, count, source, flags } = facts;
  const parts = [
    String(seq).padStart(9),
    timeText(time).padEnd(24),
    kind.padEnd(17),
    severity.padEnd(8),
    disposition.padEnd(8),
    id,
    source === '' ? '' : `source ${source.slice(0, TAG_SHOWN)}`,
    reason,
    length === 0 ? '' : kind === 'BLOCKED' ? `${length} s` : `${length} bytes`,
    count === 0 ? '' : `×${count}`,
    flags.filter((flag) => flag !== 'sidecar').join(' '),
  ];
  return harmless(
    parts
      .filter((part) => part !== '')
      .join('  ')
      .trimEnd(),
  );
}
