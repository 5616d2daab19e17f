/**
 * One request on its way through the guard: what an adapter brings, and what it must do afterwards.
 *
 * Relies on: nothing. Refuses: logic.
 */

import type { InterceptResult, RateLimitResult, Source } from '../types/index';
import type { Derivation } from './capture';
import type { Facts } from './facts';
import type { Field } from './message';

/** One request, as an adapter presents it. */
export interface Visit<C> {
  /** What the user's functions get. */
  readonly context: C;
  /** The two arguments of the runtime's `source`. */
  readonly request: unknown;
  readonly platform: unknown;
  /** This request was already charged by the same instance: it is not charged again. Else a guard further outside is asked. */
  readonly receipt?: RateLimitResult | undefined;
  /** The platform read this request as another than the one that came: the application would answer the wrong one. */
  readonly misread?: boolean;
  /** Asked for only when somebody wants to know more than the source. */
  facts(): Facts;
}

/** What an adapter has to do. */
export interface Outcome {
  /** Send this and nothing else. Absent: pass the request on. */
  readonly response?: Response;
  /** What was decided; absent when nobody looked (skipped, allowed, a failure that passed). */
  readonly result?: InterceptResult;
  readonly rate?: RateLimitResult | undefined;
  /** Add these to the application's answer. */
  readonly fields: readonly Field[];
  /** The application must read this instead of the request's body. */
  readonly body?: ReadableStream<Uint8Array>;
  /** Header fields that the application must not see: somebody forged a detector's voice. */
  readonly strip?: readonly string[];
}

export type Guard<C> = (visit: Visit<C>) => Promise<Outcome>;

/** Who is asking, and how that was found. */
export interface Asker {
  readonly source: Source;
  readonly derivation: Derivation;
  /** The option `source` answered a promise: the request may not pass on the account of anybody else. */
  readonly late: boolean;
}
