/**
 * Places for bodies that are read for evidence: a bounded number at a time, and no sender may keep the others from
 * theirs.
 *
 * Relies on: a clock, and on the source that was read before. Refuses: to make anybody wait. Whoever asks has a place at
 * once, or has none.
 *
 * While places are free, everybody gets one. When none is free:
 *
 * | the newcomer's source | whose place it gets |
 * | --- | --- |
 * | holds its share or more | the slowest of its own |
 * | holds less | the slowest of the sources that hold more than their share; else the slowest of all |
 *
 * A body within its first `GRACE_MS` loses its place only to a source with a smaller claim: when its own source holds
 * more than its share. Slow is measured in bytes a second since the beginning; a body that brought nothing for
 * `GRACE_MS` counts as standing still, however much it brought before, and of several that stand still the one that has
 * stood longest goes first.
 *
 * One question costs at most one look at every place, and only while all are taken.
 *
 * @module
 */
import { addressOf, masked } from '../formats/address';
import type { Source } from '../types/index';

/** The same part of the whole as a source may have of the store (`quarantine.maxShare`), and at least one place. */
const SHARE = 1 / 16;

/** Longer than a packet travels around the world: before that, silence says nothing about a sender. */
export const GRACE_MS = 250;

/** Longer texts name nobody for the limiter, and so they do here. */
const NAME_CHARACTERS_MAX = 8_192;

/** One body that is being read. */
export interface Slot {
  /** Resolves when the place was given to somebody else: what came until then is all that is kept. */
  readonly lost: Promise<void>;
  /** Bytes came. */
  progress(bytes: number): void;
  /** The reading ended. Once is enough, twice does no harm. */
  release(): void;
}

interface Place extends Slot {
  readonly group: string;
  readonly since: number;
  /** When the last byte came; at first, when the place was taken. */
  moved: number;
  bytes: number;
  lose(): void;
}

export class CaptureSlots {
  readonly #max: number;
  readonly #share: number;
  readonly #ipv6Prefix: number;
  readonly #now: () => number;
  /** In the order in which they were taken. */
  readonly #places: Set<Place> = new Set<Place>();
  /** Places by source, of sources that have one. */
  readonly #held: Map<string, number> = new Map<string, number>();

  /** `max` places; sources are grouped as the limiter groups them. */
  constructor(max: number, ipv6Prefix: number, now: () => number) {
    this.#max = max;
    this.#share = Math.max(1, Math.floor(max * SHARE));
    this.#ipv6Prefix = ipv6Prefix;
    let last = 0;
    this.#now = () => {
      try {
        last = now();
      } catch {
        // A clock that fails stands still: evidence with a body is worth more than the order of the places.
      }
      return last;
    };
  }

  /** A place for a body of this source, or none. */
  take(source: Source): Slot | undefined {
    const group = groupOf(source, this.#ipv6Prefix);
    const now = this.#now();
    if (this.#places.size >= this.#max) {
      const victim = this.#victim(group, now);
      if (victim === undefined) return undefined;
      this.#end(victim);
      victim.lose();
    }
    return this.#begin(group, now);
  }

  #begin(group: string, now: number): Place {
    let lose = (): void => {};
    const lost = new Promise<void>((resolve) => {
      lose = resolve;
    });
    const place: Place = {
      ...{ group, since: now, moved: now, bytes: 0, lost, lose },
      progress: (bytes) => {
        if (bytes <= 0) return; // an empty chunk is no progress
        place.bytes += bytes;
        place.moved = this.#now();
      },
      release: () => this.#end(place),
    };
    this.#places.add(place);
    this.#held.set(group, this.#count(group) + 1);
    return place;
  }

  #end(place: Place): void {
    if (!this.#places.delete(place)) return;
    const left = this.#count(place.group) - 1;
    if (left > 0) this.#held.set(place.group, left);
    else this.#held.delete(place.group);
  }

  #count(group: string): number {
    return this.#held.get(group) ?? 0;
  }

  #victim(group: string, now: number): Place | undefined {
    const isSettled = (place: Place): boolean => now - place.since >= GRACE_MS;
    if (this.#count(group) >= this.#share) {
      return this.#slowest(now, (place) => place.group === group && isSettled(place));
    }
    return this.#slowest(now, (place) => this.#count(place.group) > this.#share) ?? this.#slowest(now, isSettled);
  }

  #slowest(now: number, may: (place: Place) => boolean): Place | undefined {
    let found: Place | undefined;
    for (const place of this.#places) {
      if (may(place) && (found === undefined || isSlower(place, found, now))) found = place;
    }
    return found;
  }
}

/** Whether `one` gives its place before `other`, which was taken earlier. */
function isSlower(one: Place, other: Place, now: number): boolean {
  const [speed, least] = [speedOf(one, now), speedOf(other, now)];
  return speed < least || (speed === least && one.moved < other.moved);
}

function speedOf({ bytes, moved, since }: Place, now: number): number {
  // A clock that goes back makes nobody infinitely fast.
  return now - moved >= GRACE_MS ? 0 : bytes / Math.max(1, now - since);
}

/** A name for all the spellings and addresses that the limiter takes for one source. */
export function groupOf(source: Source, ipv6Prefix: number): string {
  const { address, key } = typeof source === 'string' ? { address: source, key: undefined } : source;
  if (namesSomebody(key)) return `key ${key}`;
  const bytes = namesSomebody(address) ? addressOf(address) : undefined;
  if (bytes === undefined) return typeof source === 'string' && namesSomebody(source) ? `text ${source}` : '';
  return `address ${bytes.length === 4 ? bytes.join('.') : masked(bytes, ipv6Prefix).join('.')}`;
}

const namesSomebody = (text: unknown): text is string =>
  typeof text === 'string' && text !== '' && text.length <= NAME_CHARACTERS_MAX;
