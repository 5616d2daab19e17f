/**
 * What a verifier may be given.
 *
 * Relies on: policy. Refuses: logic.
 * @module
 */
import type { Policy } from './policy';

/** What a verifier may be given. All of it is optional; what is not given makes verdicts `unknown`. */
export interface VerifyOptions {
  /** Whom to trust. Without it no log is authentic. */
  readonly policy?: Policy;
  /** Checkpoints of this log that were kept elsewhere. They are believed: only their origin, size and root are used. */
  readonly known?: readonly string[];
  /** The master of a log whose heads carry tags instead of signatures (`macSigner`). */
  readonly macKey?: Uint8Array;
  /** SHA-256 of the platform, for what is long enough to be worth its call. *Trusted*: it decides what is the same. */
  readonly digest?: (bytes: Uint8Array) => Uint8Array;
  /** Unix ms. Without it nobody can say how fresh a log is. */
  readonly now?: number;
  /** How old the newest record of a log that is still written may be. */
  readonly maxAgeMs?: number;
  /** The log must have ended in good order, and a head must vouch for its end. */
  readonly requireClose?: boolean;
  /** Called after each batch. */
  readonly onProgress?: (records: number, total: number) => void;
}
