/**
 * `tracehound tag`: the tag that a source has in the records of a deployment, to look for it there.
 *
 * Relies on: secrets. Refuses: to guess whether a word is an address or a key.
 */
import { type Args, onlyWord, type Takes, UsageError } from './args';
import { Output } from './output';
import type { CommandPort } from './port';
import { SECRET_FILE, secretsOf, sourceOfAddress, sourceOfKey, tagOf } from './secrets';

export const TAG_OPTIONS: Readonly<Record<string, Takes>> = {
  [SECRET_FILE]: 'many',
  '--key': 'one',
  '--prefix': 'one',
};

const PREFIX_MAX = 128;

/** One line for each secret that was named, the first one's first. */
export async function tagCommand(port: CommandPort, args: Args): Promise<number> {
  const source = wantedSource(args);
  const secrets = await secretsOf(port, args);
  if (secrets.length === 0) throw new UsageError(`${SECRET_FILE}: expected the file of a secret, got none`);
  const output = new Output(port);
  for (const secret of secrets) await output.line(tagOf(secret, source));
  await output.flush();
  return 0;
}

function wantedSource(args: Args): Uint8Array {
  const key = args.one('--key');
  const prefix = args.one('--prefix');
  if (key !== undefined) {
    if (args.words.length > 0) throw new UsageError('--key: expected an address or a key, got both');
    if (prefix !== undefined) throw new UsageError('--prefix: expected an address with it, got a key');
    return sourceOfKey(key);
  }
  const bits = prefix === undefined ? undefined : Number(/^\d{1,3}$/.test(prefix) ? prefix : Number.NaN);
  if (bits !== undefined && !(bits <= PREFIX_MAX)) throw new UsageError(`--prefix: expected 0 to ${PREFIX_MAX} bits`);
  const source = sourceOfAddress(onlyWord(args, 'an address, or --key'), bits);
  if (source === undefined) throw new UsageError('expected an IP address; --key takes anything else');
  return source;
}
