/**
 * What an operator finds with the deployment's secret: the tag of a source, and what a trace id stands for.
 *
 * Relies on: formats/secret, subkeys, address. Refuses: to say which of several secrets was the right one, or anything of
 * one: it is in no output and in no message.
 */
import { addressOf, masked } from '../formats/address';
import { fromHex, toHex } from '../formats/bytes';
import { secretOfFile } from '../formats/secret';
import { hmacSha256 } from '../formats/sha256';
import { subkeyOf } from '../formats/subkeys';
import { type Args, UsageError } from './args';
import type { CommandPort } from './port';

/** A file with a secret; the current one and those before it, one option each. */
export const SECRET_FILE = '--secret-file';

const FILE_BYTES_MAX = 4_096;
/** As many bytes of a key as the limiter reads: a longer one is nobody. */
const KEY_BYTES_MAX = 8_192;
const KEY_DOMAIN = 0x01;
const IPV4_DOMAIN = 0x04;
const IPV6_DOMAIN = 0x06;
const NONCE_BYTES = 8;
/** Bytes of an evidence id, or of a source tag, that a trace id hides. */
export const HIDDEN_BYTES = 16;
const TRACE = /^[0-9a-f]{48}$/;

/** The secrets that the command line names; none when it names none. */
export async function secretsOf(port: CommandPort, args: Args): Promise<readonly Uint8Array[]> {
  const secrets: Uint8Array[] = [];
  for (const path of args.many(SECRET_FILE)) {
    const file = await port.read(path, FILE_BYTES_MAX);
    if (file === undefined) throw new UsageError(`${path}: no such file`);
    try {
      secrets.push(secretOfFile(file));
    } catch (error) {
      throw new UsageError(`${path}: ${(error as Error).message}`);
    }
  }
  return secrets;
}

/** The canonical source (docs/format.md, "Hashes") of an address; `undefined` for a text that is none. `prefix`: of its network. */
export function sourceOfAddress(text: string, prefix?: number): Uint8Array | undefined {
  const address = addressOf(text.trim());
  if (address === undefined) return undefined;
  const isIpv4 = address.length === 4;
  return Uint8Array.of(
    isIpv4 ? IPV4_DOMAIN : IPV6_DOMAIN,
    ...(prefix === undefined ? address : masked(address, prefix)),
  );
}

/** The canonical source of a key, which is never parsed. */
export function sourceOfKey(key: string): Uint8Array {
  const bytes = new TextEncoder().encode(key);
  if (bytes.length === 0 || bytes.length > KEY_BYTES_MAX) {
    throw new UsageError(`--key: expected 1 to ${KEY_BYTES_MAX} bytes, got ${bytes.length}`);
  }
  return Uint8Array.of(KEY_DOMAIN, ...bytes);
}

/** Lowercase hex of a source's tag, as records have it. */
export const tagOf = (secret: Uint8Array, source: Uint8Array): string =>
  toHex(hmacSha256(subkeyOf(secret, 'tag'), source));

/** What a trace id hides, in lowercase hex, should it be one of this secret; `undefined` when the text is no trace id. */
export function hiddenIn(secret: Uint8Array, text: string): string | undefined {
  if (!TRACE.test(text)) return undefined;
  const bytes = fromHex(text) as Uint8Array;
  const mask = hmacSha256(subkeyOf(secret, 'trace'), bytes.subarray(0, NONCE_BYTES));
  return toHex(bytes.subarray(NONCE_BYTES).map((byte, i) => byte ^ mask[i]!));
}
