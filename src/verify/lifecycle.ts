/**
 * Completeness: what became of each item of evidence, and which records are gone.
 *
 * Every id that was quarantined ends at most once, and only what was quarantined ends. Only ids that are still open are
 * kept, so an id that is used again after its end looks like a new one. Where content is not available, its QUARANTINED
 * record may have been among it, so nothing is said of ids that seem to come from nowhere.
 *
 * Relies on: record. Refuses: to need memory for what has ended.
 */

import * as record from '../formats/record';
import { count, type Findings, type Spot } from './findings';
import { isEnd } from './record';

/** Ranges without content of which no GAP has told yet; more than this are one finding. */
const RANGES_MAX = 65_536;

export class Lifecycle {
  readonly #findings: Findings;
  readonly #open = new Set<string>();
  /** Leaves whose content is gone, by rising number: from … to − 1. */
  readonly #lost: { from: number; to: number; readonly place: string }[] = [];
  #overflow = false;
  /** Some content was not available: nobody can say that an id comes from nowhere. */
  #hidden = false;
  closed = false;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get open(): number {
    return this.#open.size;
  }

  take(r: Uint8Array, seq: number, spot: (seq: number) => Spot): void {
    const kind = r[record.KIND]!;
    if ((kind === record.GENESIS) !== (seq === 0)) {
      const message = seq === 0 ? 'the first record is not GENESIS' : 'GENESIS is not the first record';
      this.#findings.bad('integrity', 'GENESIS', message, spot(seq));
    }
    if (this.closed && kind !== record.GAP) {
      // A log that somebody goes on with says so first.
      if (kind === record.RESUME) this.closed = false;
      else
        this.#findings.bad(
          'completeness',
          'AFTER_CLOSE',
          `${record.KINDS[kind] ?? `kind ${kind}`} after CLOSE`,
          spot(seq),
        );
    }
    if (kind === record.QUARANTINED) this.#begin(r, seq, spot);
    else if (isEnd(kind)) this.#end(r, seq, spot);
    else if (kind === record.DUPLICATE || kind === record.HOLD || kind === record.RELEASED) this.#during(r, seq, spot);
    else if (kind === record.GAP) this.#name(record.gapOf(r));
    else if (kind === record.CLOSE) this.closed = true;
  }

  #begin(r: Uint8Array, seq: number, spot: (seq: number) => Spot): void {
    const id = record.idOf(r);
    if (id === '') this.#findings.bad('completeness', 'LIFECYCLE', 'QUARANTINED without an id', spot(seq));
    else if (this.#open.has(id)) {
      this.#findings.bad('completeness', 'LIFECYCLE', 'QUARANTINED for evidence that is held already', spot(seq));
    } else this.#open.add(id);
  }

  #end(r: Uint8Array, seq: number, spot: (seq: number) => Spot): void {
    if (this.#open.delete(record.idOf(r)) || this.#mayBeOlder(r)) return;
    const message = `${record.KINDS[r[record.KIND]!]} for evidence that was never quarantined or has ended before`;
    this.#findings.bad('completeness', 'LIFECYCLE', message, spot(seq));
  }

  #during(r: Uint8Array, seq: number, spot: (seq: number) => Spot): void {
    if (this.#open.has(record.idOf(r)) || this.#mayBeOlder(r)) return;
    const message = `${record.KINDS[r[record.KIND]!]} for evidence that is not held`;
    this.#findings.bad('completeness', 'LIFECYCLE', message, spot(seq));
  }

  /** Its QUARANTINED record may lie in an earlier log, or among what is not available. */
  #mayBeOlder(r: Uint8Array): boolean {
    return this.#hidden || (r[record.FLAGS_LOW]! & record.FLAG_SALVAGED) !== 0;
  }

  // ── what is gone ────────────────────────────────────────────────────────────────────────────────

  /** The content of one leaf is not available. Its hash is, so no GAP has to name it. */
  hide(): void {
    this.#hidden = true;
    this.closed = false;
  }

  /** Leaves `from` … `to` − 1 are gone but for a hash of them all, or altogether: a GAP must name them. */
  lose(from: number, to: number, place: string): void {
    this.hide();
    const last = this.#lost.at(-1);
    if (last?.to === from && last.place === place) last.to = to;
    else if (this.#lost.length < RANGES_MAX) this.#lost.push({ from, to, place });
    else this.#overflow = true;
  }

  /** A GAP names a range: what of it was gone is accounted for. It may also name records that are here after all. */
  #name({ from, to }: { from: number; to: number }): void {
    let first = 0;
    for (let end = this.#lost.length; first < end; ) {
      const middle = (first + end) >>> 1;
      if (this.#lost[middle]!.to <= from) first = middle + 1;
      else end = middle;
    }
    let last = first;
    const rest: { from: number; to: number; place: string }[] = [];
    for (; last < this.#lost.length && this.#lost[last]!.from < to; last++) {
      const range = this.#lost[last]!;
      if (range.from < from) rest.push({ ...range, to: from });
      if (range.to > to) rest.push({ ...range, from: to });
    }
    if (last > first) this.#lost.splice(first, last - first, ...rest);
  }

  /** The log has ended. `unavailable`: leaves without content; `details`: sidecars that were not there; where the first is. */
  end(unavailable: number, details: number, hidden: Spot = {}, bare: Spot = {}): void {
    for (const { from, to, place } of this.#lost) {
      const message = `records ${from} to ${to - 1} are gone, and no GAP names them`;
      this.#findings.bad('completeness', 'MISSING', message, { seq: from, place });
    }
    if (this.#overflow) {
      this.#findings.bad(
        'completeness',
        'MISSING',
        `more than ${RANGES_MAX} ranges are gone that no GAP names`,
        hidden,
      );
    }
    if (unavailable > 0) {
      const message = `the content of ${count(unavailable, 'record')} is not available; the hashes are, and fit`;
      this.#findings.bad('completeness', 'CONTENT_UNAVAILABLE', message, hidden);
    }
    if (details > 0) {
      const message = `${count(details, 'sidecar')} not available, to which records commit`;
      this.#findings.bad('completeness', 'DETAIL_UNAVAILABLE', message, bare);
    }
    if (this.closed && this.#open.size > 0) {
      this.#findings.note(
        'completeness',
        'HELD_AT_CLOSE',
        `${count(this.#open.size, 'item')} held when the log closed`,
      );
    }
  }
}
