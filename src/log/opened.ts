/**
 * What `openLog` found, for the one instance that goes on with it.
 *
 * Relies on: nothing. Refuses: to hand anything out twice: two writers of one log would each believe to be the only one.
 */
import type { Frontier } from '../formats/tlog';
import type { OpenedLog } from '../types/index';
import type { Continued } from './writer';

/** A verified log of the store, as the engine and the writer take it up. */
export interface Found extends Continued {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Leaf hash of the newest record. */
  readonly link: Uint8Array;
  readonly frontier: Frontier;
  /** The core holds this log itself, and goes on with it as if nothing had happened. */
  readonly isHeld: boolean;
}

const found = new WeakMap<OpenedLog, Found>();

/** The public face of what was found. */
export function opened(log: Found, root: string): OpenedLog {
  const face: OpenedLog = Object.freeze({ origin: log.origin, size: log.size, root });
  found.set(face, log);
  return face;
}

/** Whether it is a log that its instance still holds: that one knows its name itself, and begins no part of it. */
export const isHeld = (face: OpenedLog): boolean => found.get(face)?.isHeld === true;

/** What was found, for the first who asks; `undefined` for anybody later, and for what `openLog` did not return. */
function takeFound(face: OpenedLog): Found | undefined {
  const log = found.get(face);
  found.delete(face);
  return log;
}

/** As `takeFound`, where there may be nothing to go on with. Throws `TypeError` for what cannot be gone on with. */
export function foundIn(resume: OpenedLog | undefined): Found | undefined {
  const log = resume && takeFound(resume);
  if (resume === undefined || log !== undefined) return log;
  throw new TypeError('storedLog.resume: wrong kind, expected what openLog returned, unused, got another object');
}
