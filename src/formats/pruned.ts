/**
 * What a signed note says of the records of a log whose content was taken away by retention (docs/format.md, "Retention").
 *
 *   tracehound/pruned/v1 │ origin │ to: records below it may have no content │ before: unix ms, none of them was newer
 *
 * Relies on: nothing. Refuses: to say that something is gone. What is there is judged as ever.
 */
const TITLE = 'tracehound/pruned/v1';

/** Where the note lies below the log's prefix. */
export const PRUNED_PATH = 'pruned';

export interface PrunedFacts {
  readonly origin: string;
  readonly to: number;
  readonly before: number;
}

export const prunedText = ({ origin, to, before }: PrunedFacts): string => `${TITLE}\n${origin}\n${to}\n${before}\n`;

/** The facts in the text of such a note; `undefined` for any other text. */
export function parsePruned(text: string): PrunedFacts | undefined {
  const [title, origin = '', to = '', before = '', end, ...more] = text.split('\n');
  if (title !== TITLE || origin === '' || end !== '' || more.length > 0) return undefined;
  const isNumber = (digits: string): boolean =>
    /^(?:0|[1-9][0-9]{0,15})$/.test(digits) && Number.isSafeInteger(+digits);
  return isNumber(to) && isNumber(before) ? { origin, to: Number(to), before: Number(before) } : undefined;
}
