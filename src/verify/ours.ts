/**
 * Whether what is read is a log of ours at all. An intact log of another maker, or of a later version of the format, was not
 * tampered with; it cannot be judged here, and that is all that is said of it.
 *
 *   the first entries ── none of them is a record of ours ──▶ foreign: only the tree over it is compared
 *
 * Relies on: the layout of a record. Refuses: to decide by one record, which may be the one that was changed. Whoever
 * changes all of the first ones changes the root that was signed, too.
 */
import { numberAt, RECORD_BYTES, SEQ } from '../formats/record';
import { widthOf } from './signed';
import type { LogEntry } from './source';

/** Entries that are looked at before it is decided. */
const LOOKED_AT = 16;
const VERSION = 1;

export class Ours {
  isForeign = false;

  /** The same batches. Behind the first of them it is known whether the log is ours. */
  async *watch(batches: AsyncIterable<readonly LogEntry[]>): AsyncGenerator<readonly LogEntry[]> {
    let held: (readonly LogEntry[])[] | undefined = [];
    let count = 0;
    for await (const batch of batches) {
      if (held === undefined) {
        yield batch;
        continue;
      }
      held.push(batch);
      count += batch.length;
      if (count < LOOKED_AT) continue;
      yield* this.#decide(held);
      held = undefined;
    }
    if (held !== undefined) yield* this.#decide(held);
  }

  #decide(batches: readonly (readonly LogEntry[])[]): readonly (readonly LogEntry[])[] {
    let leaf = 0;
    let records = 0;
    let ours = 0;
    for (const entry of batches.flat()) {
      if (entry.kind === 'record') {
        records++;
        if (isOurs(entry.record, leaf)) ours++;
      }
      leaf += widthOf(entry);
    }
    this.isForeign = records > 0 && ours === 0;
    return batches;
  }
}

const isOurs = (record: Uint8Array, seq: number): boolean =>
  record.length === RECORD_BYTES && record[0] === VERSION && numberAt(record, SEQ) === seq;
