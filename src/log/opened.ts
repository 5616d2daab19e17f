/**
 * What `openLog` found, for the one instance that continues it.
 *
 * Relies on: tlog for the tree, segments for what is under way. Refuses: to hand anything out twice: two writers of one log
 * would each believe to be the only one.
 */
import type { Frontier } from '../formats/tlog';
import type { OpenedLog } from '../types/index';
import type { Segments } from './segments';

/** A log in a store that somebody left, as the engine and the writer take it up. */
export interface Opened {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Leaf hash of the newest record. */
  readonly link: Uint8Array;
  readonly frontier: Frontier;
  /** What is stored, ready for more. */
  readonly segments: Segments;
  /** What `checkpoint` holds; `undefined` before the first part was signed. */
  readonly checkpoint: Uint8Array | undefined;
  /** Paths of the parts beside that head, which a later part will hold too. */
  readonly parts: readonly string[];
  /** Key changes it has seen. */
  readonly epoch: number;
  /** The core holds this log itself, and continues it as if nothing had happened. */
  readonly isHeld: boolean;
}

const logs = new WeakMap<OpenedLog, Opened>();

/** The public face of what was found. */
export function faceOf(log: Opened, root: string): OpenedLog {
  const face: OpenedLog = Object.freeze({ origin: log.origin, size: log.size, root });
  logs.set(face, log);
  return face;
}

/** Whether it is a log that its instance still holds: that one knows its name itself, and begins no part of it. */
export const isHeld = (face: OpenedLog): boolean => logs.get(face)?.isHeld === true;

/**
 * What was found, for the first who asks; `undefined` when there is nothing to resume. Throws `TypeError` for anybody later,
 * and for what `openLog` did not return.
 */
export function openedIn(resume: OpenedLog | undefined): Opened | undefined {
  if (resume === undefined) return undefined;
  const log = logs.get(resume);
  logs.delete(resume);
  if (log !== undefined) return log;
  throw new TypeError('storedLog.resume: wrong kind, expected what openLog returned, unused, got another object');
}
