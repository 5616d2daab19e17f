/**
 * Retention, as a verifier believes it: a note that somebody who is trusted signed says below which record content may be
 * gone.
 *
 * Relies on: note, policy, signature. Refuses: a note of another log, or by a key that nobody vouches for.
 */
import { TracehoundError } from '../errors';
import { parseNote } from '../formats/note';
import { parsePruned } from '../formats/pruned';
import { pinnedKeys, type Trust } from './heads';
import { checkNote } from './signature';
import type { LogSource } from './source';

/** Records below this one may be without content; 0 when nobody who is trusted says so. */
export async function prunedTo(source: LogSource, origin: string | undefined, trust: Trust): Promise<number> {
  const text = await source.pruned?.();
  if (text === undefined || origin === undefined) return 0;
  try {
    const note = parseNote(text);
    const facts = parsePruned(note.text);
    if (facts?.origin !== origin) return 0;
    for (const key of pinnedKeys(origin, trust)) {
      if ((await checkNote(note, key, trust.macKeys)) === 'good') return facts.to;
    }
  } catch (error) {
    if (!(error instanceof TracehoundError)) throw error;
  }
  return 0;
}
