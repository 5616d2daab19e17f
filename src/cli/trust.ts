/**
 * Whom the caller trusts: a policy, single keys, heads kept elsewhere, the master of a log that is signed with tags.
 *
 * Relies on: verify/policy, note, secret. Refuses: to find trust near what is verified. Only what the command line names is
 * believed: whoever can write a log could put a policy beside it, or inside.
 */
import { fromHex, toHex } from '../formats/bytes';
import { NOTE_BYTES_MAX, parseCheckpoint, parseNote, parseVerifierKey } from '../formats/note';
import { noteText } from '../verify/notes';
import type { VerifyOptions } from '../verify/options';
import { type Policy, parsePolicy } from '../verify/policy';
import { type Args, type Takes, UsageError } from './args';
import type { CommandPort } from './port';
import { decoded } from './text';

export const TRUST_OPTIONS: Readonly<Record<string, Takes>> = {
  '--policy': 'one',
  '--key': 'many',
  '--known': 'many',
  '--mac-key': 'one',
};

export interface Trusted {
  readonly options: Pick<VerifyOptions, 'policy' | 'known' | 'macKey'>;
  /** The policy file that was read. */
  readonly policyPath: string | undefined;
  /** Single keys that were given, of whatever kind. */
  readonly keys: number;
}

const POLICY_BYTES_MAX = 1_048_576;
const MASTER_BYTES_MIN = 32;
const MASTER_BYTES_MAX = 1_024;

export async function readTrust(port: CommandPort, args: Args): Promise<Trusted> {
  const place = args.one('--policy');
  const text = place === undefined ? undefined : decoded(await needed(port, place, POLICY_BYTES_MAX));
  const policy = policyOf(text, place, args.many('--key'));
  const known: string[] = [];
  for (const path of args.many('--known')) known.push(await knownNote(port, path));
  const master = args.one('--mac-key');
  return {
    options: {
      ...(policy === undefined ? {} : { policy }),
      ...(known.length === 0 ? {} : { known }),
      ...(master === undefined ? {} : { macKey: masterOf(await needed(port, master, MASTER_BYTES_MAX), master) }),
    },
    policyPath: place,
    keys: args.many('--key').length + (master === undefined ? 0 : 1),
  };
}

async function needed(port: CommandPort, path: string, bytesMax: number): Promise<Uint8Array> {
  const bytes = await port.read(path, bytesMax);
  if (bytes === undefined) throw new UsageError(`${path}: no such file`);
  return bytes;
}

/** The policy of a file, with single keys as if it named them too. Without a file, no witness is asked for. */
function policyOf(text: string | undefined, path: string | undefined, keys: readonly string[]): Policy | undefined {
  const policy = text === undefined ? undefined : refusing(path as string, () => parsePolicy(text));
  if (keys.length === 0) return policy;
  // A key that the policy names already, or one given twice, is no mistake.
  const more = new Map(keys.map((key) => [toHex(refusing('--key', () => parseVerifierKey(key)).key), key]));
  for (const { key } of policy?.logs ?? []) more.delete(toHex(key));
  const lines = [...more.values()].map((key) => `log ${key}\n`).join('');
  return refusing('--key', () => parsePolicy(lines + (text ?? 'quorum none\n')));
}

async function knownNote(port: CommandPort, path: string): Promise<string> {
  const bytes = await needed(port, path, NOTE_BYTES_MAX);
  return refusing(path, () => {
    parseCheckpoint(parseNote(bytes).text);
    return noteText(bytes);
  });
}

/** Hex digits, as `openssl rand -hex 32` writes them, are read as such; anything else is the master itself. */
function masterOf(bytes: Uint8Array, path: string): Uint8Array {
  const text = decoded(bytes).trimEnd();
  const master = (/^(?:[0-9a-f]{2}){32,}$/.test(text) ? fromHex(text) : undefined) ?? bytes;
  if (master.length >= MASTER_BYTES_MIN) return master;
  throw new UsageError(`${path}: too short for a master key, expected ≥ ${MASTER_BYTES_MIN} bytes`);
}

/** What the caller handed in is not what he said it is: that is a mistake of the call. */
function refusing<T>(part: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${part}: ${(error as Error).message}`);
  }
}
