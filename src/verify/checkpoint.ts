/**
 * One checkpoint, opened: what a signed note says about a log, once somebody whom the reader trusts has signed it.
 *
 * Relies on: note, policy, signature. Refuses: to show anything of a note that nobody vouches for.
 */
import { TracehoundError } from '../errors';
import { parseCheckpoint, parseNote, parseVerifierKey, type VerifierKey } from '../formats/note';
import { isQuorum, keysFor, type Policy } from './policy';
import { checkNote, MacKeys } from './signature';

/** A checkpoint that was signed by a trusted key. */
export interface OpenedCheckpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Names of the keys that signed it, witnesses after logs. */
  readonly signers: readonly string[];
  /** What was signed. */
  readonly text: string;
}

/**
 * Opens a checkpoint: signed by at least one of `keys`, or by a log of the policy and by enough of its witnesses. Rejects
 * with `NOTE_INVALID` if it is not spelt as C2SP says, with `NOTE_UNVERIFIED` if nobody of them signed it or a signature
 * does not verify.
 *
 * The name is inside: compare `origin` with the log you mean. If the policy has keys of that very name, only they count.
 *
 * @example
 * const { size, root } = await openCheckpoint(note, [vkey]);
 */
export async function openCheckpoint(
  note: string,
  keys: readonly string[] | Policy,
  { macKey }: { readonly macKey?: Uint8Array } = {},
): Promise<OpenedCheckpoint> {
  const policy = isPolicy(keys) ? keys : undefined;
  const parsed = parseNote(note);
  const { origin, size, root } = parseCheckpoint(parsed.text);
  const macKeys = macKey && new MacKeys(macKey);
  const signers: string[] = [];
  const check = async (key: VerifierKey): Promise<boolean> => {
    const result = await checkNote(parsed, key, macKeys);
    if (result === 'bad') throw unverified('a signature does not verify', 'a genuine one', 'another');
    if (result === 'good') signers.push(key.name);
    return result === 'good';
  };
  const logs = isPolicy(keys) ? keysFor(keys, origin) : keys.map(parseVerifierKey);
  for (const key of [...logs, ...(macKeys?.keysOf(origin) ?? [])]) await check(key);
  if (signers.length === 0) throw unverified('signed by nobody you trust', 'one of your keys', 'others');
  const seen = new Set<string>();
  for (const [name, key] of policy?.witnesses ?? []) if (await check(key)) seen.add(name);
  if (policy !== undefined && !isQuorum(policy, seen))
    throw unverified('too few witnesses', 'the quorum of your policy', 'fewer');
  return { origin, size, root, signers, text: parsed.text };
}

const isPolicy = (keys: readonly string[] | Policy): keys is Policy => !Array.isArray(keys);

const unverified = (problem: string, expected: string, got: string): TracehoundError =>
  new TracehoundError('NOTE_UNVERIFIED', `checkpoint: ${problem}, expected ${expected}, got ${got}`);
