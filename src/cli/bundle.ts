/**
 * Whether a file is a bundle of evidence of ours: also one that was cut, or changed, and has to be called that; and never some
 * other JSON, however much its first key looks like ours.
 *
 * Relies on: verify/file for how a file is opened. Refuses: to hold it, and to parse it.
 */
import { BUNDLE_FILE_MAX } from '../verify/bundle-format';
import type { Open } from '../verify/file';
import { UsageError } from './args';

/** Texts that every bundle has, each at another place: one changed byte takes one of them away, a cut those behind it. */
const BEGINNING = '{"checkpoint":"';
const WITHIN = ['"item":{"category":"', '"records":[{"detail":'];
const VERSION = /"tracehound":"bundle\/v(\d{1,9})"\}$/;
const TAIL = 64;
const OPENING_BRACE = 0x7b;
const QUOTE = 0x22;
const CHUNK = 65_536;

/** `head`: its first bytes. */
export async function bundleIn(open: Open, head: Uint8Array, name: string): Promise<'ours' | 'later' | 'other'> {
  if (head[0] !== OPENING_BRACE && head[1] !== QUOTE) return 'other';
  const marks = new Set<string>();
  let text = '';
  let isFirst = true;
  let length = 0;
  const latin = new TextDecoder('latin1');
  for await (const chunk of open()) {
    length += chunk.length;
    if (length > BUNDLE_FILE_MAX) throw new UsageError(`${name}: too large for a bundle, expected ≤ 256 MiB`);
    for (let from = 0; from < chunk.length; from += CHUNK) {
      text = text.slice(-TAIL) + latin.decode(chunk.subarray(from, from + CHUNK));
      if (isFirst && text.length >= BEGINNING.length) {
        if (text.startsWith(BEGINNING)) marks.add(BEGINNING);
        isFirst = false;
      }
      for (const mark of WITHIN) if (text.includes(mark)) marks.add(mark);
    }
  }
  const version = VERSION.exec(text)?.[1];
  if (version !== undefined) return Number(version) > 1 ? 'later' : 'ours';
  if (marks.size >= 2) return 'ours';
  // Cut before its item: nothing else ends so.
  return marks.has(BEGINNING) && !text.trimEnd().endsWith('}') ? 'ours' : 'other';
}
