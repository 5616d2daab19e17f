/**
 * A scent on its way to another process: read once, as the instance reads it (scent.ts), and packed as plain values that
 * can be copied. What is answered there is what would have been answered here.
 *
 *   bytes, JSON   a copy of exactly these bytes: a view takes its whole buffer along, other requests' bytes included
 *   too large     its size;  cannot be captured   that it cannot
 *
 * Relies on: `scent`. Refuses: to send what decides nothing (prototypes, functions, fields that nobody knows).
 */
import { DISPOSITIONS, SEVERITIES } from '../engine/index';
import { TracehoundError } from '../errors';
import type { Scent, Source, ThreatSignal } from '../types/index';
import { type NormalScent, type NormalSource, type NormalThreat, readScent, readSource } from './scent';

/** A scent of plain values. */
export interface Parcel extends Scent {
  /** Why it has no payload although it came with one: its bytes are too many, so many, or it cannot be captured. */
  unsent?: number | 'invalid';
}

/** Longest text that stands for a payload which is too large. It is never written out: only its length is read. */
const STAND_IN_MAX = 2 ** 28;

/** `source` as plain strings. */
export const packedSource = (source: unknown): Source => plainSource(readSource(source));

/** Nobody has no text. */
function plainSource({ kind, text }: NormalSource): Source {
  if (kind === 'key') return { key: text };
  return kind === 'address' ? { address: text } : text;
}

/** `scent` as plain values, for an instance that keeps payloads of `bytesMax`. Throws `SCENT_INVALID` for what is no scent. */
export function packed(scent: unknown, bytesMax: number): Parcel {
  const read = readScent(scent, bytesMax);
  if (!read.ok) throw new TracehoundError('SCENT_INVALID', read.message);
  const { source, rate, threat } = read;
  const disposition = DISPOSITIONS[read.disposition]!;
  const parcel: Parcel = { source: plainSource(source), disposition, ...(rate && { rate }) };
  return threat === undefined ? parcel : { ...parcel, ...flagged(read, threat) };
}

function flagged({ payload, fingerprint, truncated }: NormalScent, threat: NormalThreat): Partial<Parcel> {
  const own = typeof fingerprint === 'object' ? fingerprint.slice() : fingerprint;
  return {
    threat: signalOf(threat),
    ...(own !== undefined && { fingerprint: own }),
    ...(truncated && { truncated }),
    ...contentOf(payload),
  };
}

function contentOf(payload: NormalScent['payload']): Pick<Parcel, 'payload' | 'unsent'> {
  switch (payload.kind) {
    case 'none':
      return {};
    case 'text':
      return { payload: payload.text };
    case 'too_large':
      return { unsent: payload.size };
    case 'invalid':
      return { unsent: 'invalid' };
    default:
      return { payload: payload.bytes.slice() };
  }
}

/** What was replaced is left out: it is replaced again there, and the record says so. */
function signalOf({
  category,
  severity,
  detector,
  categoryReplaced,
  severityReplaced,
  said,
}: NormalThreat): ThreatSignal {
  const signal: Partial<ThreatSignal> = { ...said };
  if (!categoryReplaced) signal.category = category;
  if (!severityReplaced) signal.severity = SEVERITIES[severity]!;
  if (detector !== '') signal.detector = detector;
  return signal as ThreatSignal;
}

/** The scent in a parcel, for an instance that keeps payloads of `bytesMax`. */
export function unpacked(parcel: Parcel, bytesMax: number): Scent {
  const unsent: unknown = parcel?.unsent;
  if (typeof unsent !== 'number' && unsent !== 'invalid') return parcel;
  if (typeof unsent === 'number' && unsent > bytesMax) {
    return { ...parcel, payload: ' '.repeat(Math.min(unsent, STAND_IN_MAX)) };
  }
  // No JSON has such a number: a payload that no instance can capture.
  return { ...parcel, payload: Number.NaN };
}
