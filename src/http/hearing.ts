/**
 * What the detectors in front of us say about one request: the words they share with `guard`, and how several are heard.
 *
 * Relies on: nothing but what it is given. Refuses: to let one that throws silence another.
 */
import { SEVERITIES } from '../formats/severity';
import type { Signals, SignalView, ThreatSignal, Unheard } from '../types/index';
import { atOnce } from '../validate/at-once';

export { SEVERITIES } from '../formats/severity';

/** What all of them said together. */
export interface Said {
  readonly threat: ThreatSignal | undefined;
  readonly strip: readonly string[];
  /** Why one of them did not tell, the first that did not. */
  readonly failure: Unheard | undefined;
}

/** Nobody was asked. */
export const NOT_ASKED: Said = { threat: undefined, strip: [], failure: undefined };
/** Nobody could be asked. */
export const NOT_ASKABLE: Said = { ...NOT_ASKED, failure: 'threw' };

/** The graver of two; the first when they are equal. */
export function graver(a: ThreatSignal | undefined, b: ThreatSignal | undefined): ThreatSignal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return SEVERITIES.indexOf(b.severity) > SEVERITIES.indexOf(a.severity) ? b : a;
}

/** Asks all of them: the gravest threat counts, everything forged goes. */
export function readSignals(detectors: readonly Signals[], view: SignalView, report: (error: unknown) => void): Said {
  let threat: ThreatSignal | undefined;
  let failure: Unheard | undefined;
  const strip: string[] = [];
  const fail = (error: unknown, reason: Unheard): void => {
    failure ??= reason;
    report(error);
  };
  for (const detector of detectors) {
    try {
      const said = atOnce('signals', detector.read(view));
      threat = graver(threat, said.threat);
      strip.push(...said.strip);
      if (said.failure !== undefined) fail(said.failure.error, said.failure.reason ?? 'threw');
    } catch (error) {
      fail(error, 'threw');
    }
  }
  return { threat, strip, failure };
}
