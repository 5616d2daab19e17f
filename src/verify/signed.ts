/**
 * The part of a log that somebody signed: what an export holds and what `tracehound inspect` lists. Records behind the newest
 * head may be anybody's.
 *
 * Relies on: note; a source. Refuses: to check a signature. It cuts where the newest head says, and the verifier says what
 * that head is worth.
 */
import { parseCheckpoint, parseNote } from '../formats/note';
import type { LogEntry, LogSource } from './source';

/** Leaves below the newest of these heads; `undefined` when none of the notes is a head. */
export function sizeSigned(notes: readonly string[]): number | undefined {
  let newest: number | undefined;
  for (const note of notes) {
    try {
      const { size } = parseCheckpoint(parseNote(note).text);
      if (newest === undefined || size > newest) newest = size;
    } catch {
      // The verifier reads the same note and says what is wrong with it.
    }
  }
  return newest;
}

/** The first `size` leaves of a source, in its batches; all of them when `size` is not given. */
export async function* entriesUpTo(source: LogSource, size: number | undefined): AsyncGenerator<readonly LogEntry[]> {
  let leaf = 0;
  for await (const batch of source.entries()) {
    if (size === undefined) {
      yield batch;
      continue;
    }
    const kept: LogEntry[] = [];
    for (const entry of batch) {
      const room = size - leaf;
      const width = widthOf(entry);
      leaf += width;
      if (width <= room) kept.push(entry);
      // Of what is missing a part is missing, too; of a subtree there is no part.
      else if (room > 0 && entry.kind === 'missing') kept.push({ ...entry, count: room });
    }
    if (kept.length > 0) yield kept;
    if (leaf >= size) return;
  }
}

/** Leaves that an entry stands for. */
export const widthOf = (entry: LogEntry): number =>
  entry.kind === 'subtree' ? 2 ** entry.level : entry.kind === 'missing' ? entry.count : 1;
