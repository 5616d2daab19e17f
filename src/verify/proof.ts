/**
 * A proof as text (C2SP tlog-proof): where a record lies in a tree, the hashes beside it, the checkpoint of the tree.
 *
 * Relies on: codec. Refuses: to check it; a proof is worth what its checkpoint is.
 */
import { fromBase64 } from '../formats/bytes';
import { HASH_BYTES } from '../formats/tlog';
import { invalid } from './json';

const TITLE = 'c2sp.org/tlog-proof@v1';
/** A tree has 2⁵³ leaves at most. */
const HASHES_MAX = 53;

export interface ProofText {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}

/** Throws `LOG_INVALID`. */
export function parseProof(part: string, text: string): ProofText {
  const end = text.indexOf('\n\n');
  if (end < 0) throw invalid(part, 'no empty line', 'a checkpoint after it');
  const [title, ...lines] = text.slice(0, end).split('\n');
  if (title !== TITLE) throw invalid(part, 'another first line', TITLE);
  if (lines[0]?.startsWith('extra ')) {
    if (fromBase64(lines[0].slice(6)) === undefined) throw invalid(part, 'extra data', 'base64');
    lines.shift();
  }
  const digits = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1];
  const index = Number(digits ?? Number.NaN);
  if (!Number.isSafeInteger(index)) throw invalid(part, 'no index', 'a line `index` and a decimal integer');
  if (lines.length > HASHES_MAX) throw invalid(part, 'too many hashes', `≤ ${HASHES_MAX}`);
  const hashes = lines.map((line) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) throw invalid(part, 'no hash', `base64 of ${HASH_BYTES} bytes`);
    return hash;
  });
  return { index, hashes, checkpoint: text.slice(end + 2) };
}
