/**
 * What the tests of the mappers of signals share: one request as an adapter shows it, and everything that is no number.
 *
 * Relies on: nothing. Refuses: to know what a header means.
 */
import type { Signals, SignalView, ThreatSignal } from '../../src/types/index';

export const viewOf = (fields: Record<string, string>, request?: unknown): SignalView => ({
  headers: new Headers(fields),
  fields: Object.entries(fields),
  request,
});

/** The threat that `signals` find in a request with these fields. */
export const threatIn = (
  signals: Signals,
  fields: Record<string, string> = {},
  request?: unknown,
): ThreatSignal | undefined => signals.read(viewOf(fields, request)).threat;

/** Everything that a number in a header is not. */
export const NO_NUMBERS: readonly string[] = [
  '',
  '-5',
  '+5',
  '5.0',
  '5e0',
  '0x5',
  '5\xb2',
  '5 5',
  '(null)',
  'NaN',
  '999999999999',
];

/** A condition that a header of the hop meets. */
export const SECRET_HOP = { secret: { header: 'X-Hop', value: 'sixteen letters.' } } as const;
