/**
 * A signed note as bytes from somewhere, made text without losing anything of it: no byte order mark is skipped and no stray
 * byte is replaced, so that a note with either is none.
 *
 * Relies on: note, for how long one may be. Refuses: to parse it.
 */
import { NOTE_BYTES_MAX } from '../formats/note';

/** The text, cut where it is longer than any note; empty, which is no note either, for what is not UTF-8. */
export function noteText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, NOTE_BYTES_MAX + 1));
  } catch {
    return '';
  }
}
