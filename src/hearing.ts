/**
 * What the detectors in front of us say about one request: the words they share with `guard`, and how several are heard.
 *
 * Relies on: nothing but what it is given. Refuses: to let one that throws silence another.
 */
import type { Severity, Source, ThreatSignal } from './types';

/** A request as signals see it. A `Request` of the web is nearly one: `{ headers: request.headers, request }`. */
export interface SignalView {
  readonly headers: Headers;
  /** Header fields as they came, where the platform has them: only these show a list that was sent twice. */
  readonly fields?: readonly (readonly [string, string])[] | undefined;
  /** Address of the connection's other end, with or without port. */
  readonly peer?: string | undefined;
  /** The platform's own request: `request.cf` and its like. */
  readonly request?: unknown;
  /** Who is asking. */
  readonly source?: Source | undefined;
  /** Unix ms. */
  readonly now?: number | undefined;
}

/** What a source of signals made of one request. */
export interface Heard {
  readonly threat?: ThreatSignal | undefined;
  /** Fields, in lower case as they came, that the application must not see. */
  readonly strip: readonly string[];
  /** Why it could not tell; then nobody has inspected this request, unless another detector spoke. */
  readonly failure?: { readonly error: unknown } | undefined;
}

/** An external detector: given to an adapter as `signals: […]`, or asked by hand. */
export interface Signals {
  readonly detector: string;
  /** Headers whose values must not be kept in evidence. */
  readonly secrets: readonly string[];
  /** Never reads the body, never waits. */
  read(view: SignalView): Heard;
}

/** What all of them said together. */
export interface Hearing {
  readonly threat: ThreatSignal | undefined;
  readonly strip: readonly string[];
  readonly threw: boolean;
}

/** Nobody was asked. */
export const SILENCE: Hearing = { threat: undefined, strip: [], threw: false };
/** Nobody could be asked. */
export const DEAF: Hearing = { ...SILENCE, threw: true };

export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];

/** The graver of two; the first when they are equal. */
export function graver(a: ThreatSignal | undefined, b: ThreatSignal | undefined): ThreatSignal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return SEVERITIES.indexOf(b.severity) > SEVERITIES.indexOf(a.severity) ? b : a;
}

/** Asks all of them: the gravest threat counts, everything forged goes. */
export function hear(detectors: readonly Signals[], view: SignalView, report: (error: unknown) => void): Hearing {
  let threat: ThreatSignal | undefined;
  let threw = false;
  const strip: string[] = [];
  const fail = (error: unknown): void => {
    threw = true;
    report(error);
  };
  for (const detector of detectors) {
    try {
      const said = detector.read(view);
      threat = graver(threat, said.threat);
      strip.push(...said.strip);
      if (said.failure !== undefined) fail(said.failure.error);
    } catch (error) {
      fail(error);
    }
  }
  return { threat, strip, threw };
}
