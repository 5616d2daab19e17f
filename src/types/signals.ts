/**
 * What a detector in front of us is given and what it answers, and when its headers are believed.
 *
 * Relies on: `results`. Refuses: logic.
 * @module
 */
import type { Severity, Source, ThreatSignal } from './results';

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

/** Why a detector did not tell. */
export type Unheard = 'threw' | 'unreadable' | 'silent';

/** What a source of signals made of one request. */
export interface Heard {
  readonly threat?: ThreatSignal | undefined;
  /** Fields, in lower case as they came, that the application must not see. */
  readonly strip: readonly string[];
  /**
   * Why it could not tell; then nobody has inspected this request, unless another detector flags it. `unreadable`: what came
   * is no verdict; `silent`: nothing came. Without a reason it `threw`.
   */
  readonly failure?: { readonly error: unknown; readonly reason?: Unheard } | undefined;
}

/** An external detector: given to an adapter as `signals: […]`, or asked by hand. */
export interface Signals {
  readonly detector: string;
  /** Headers whose values must not be kept in evidence. */
  readonly secrets: readonly string[];
  /** Never reads the body, never waits. */
  read(view: SignalView): Heard;
}

/**
 * When the headers of a detector are believed:
 * - `'platform'`: nobody reaches this code but through the detector — a Worker on the zone, a function of the guarded
 *   distribution. Your word; nothing checks it, so it is wrong where the origin can be reached directly.
 * - `peers`: the connection comes from one of these addresses or ranges.
 * - `secret`: the hop adds this header with this value (≥ 16 characters), which clients do not know.
 * - a function: your own condition, a client certificate for one. What is not `true` is no; when it throws, nothing is
 *   believed, everything is stripped, and the request counts as uninspected.
 */
export type HopTrust =
  | 'platform'
  | { readonly peers: readonly string[] }
  | { readonly secret: { readonly header: string; readonly value: string } }
  | ((view: SignalView) => boolean);

/** Options that every source of signals in headers has. */
export interface HopOptions {
  /** Whose headers are believed. Needed as soon as a header is read: without it everybody would count as a forger. */
  trust?: HopTrust;
  /**
   * What a request is of which the detector says nothing at all: `clean`, or `uninspected` (recorded, and `onDetectorFailure`
   * decides). A proxy that lost the header, or a way around it, is silent too. Default `uninspected` for ModSecurity, whose
   * score comes with each request; `clean` where a platform speaks only when it has something to say.
   */
  silence?: 'clean' | 'uninspected';
  /** How bad a forged signal is. Default `medium`. There is no off: a twin would then be the way past the detector. */
  forged?: Severity;
}

/** What your `detect` gets as its second argument, the same in every adapter. */
export interface Inspection {
  /**
   * The request target as the client sent it, where the platform shows it (Node). Elsewhere path and query of the URL, which
   * the platform may have normalised: `/a/../b` is `/b` there, and `{` is `%7B`.
   */
  readonly rawTarget: string;
  /**
   * The first `max` bytes of the body, or all of it if it has fewer. It stays there for the evidence and for the
   * application. Rejects when the body breaks off, or was read through the framework and not kept.
   */
  body(max: number): Promise<Uint8Array>;
}
