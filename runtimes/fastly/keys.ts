/**
 * What a deployment is told and no program should contain: the `secret` and the signing key from a secret store, other
 * settings from a config store.
 *
 * Relies on: stores of `fastly:secret-store` and `fastly:config-store`, passed in. Refuses: to go on without what is missing,
 * and to repeat what it read. Only while a request is served: neither store can be opened at the top of a module.
 */

import { TracehoundError } from '../../src/errors';
import { fromBase64 } from '../../src/formats/bytes';
import { jwkOfPkcs8, pointOfJwk, spkiOfPoint } from '../../src/formats/ecdsa';
import { ECDSA, formatVerifierKey, isKeyName } from '../../src/formats/note';
import { secretOfFile, secretFrom as secretOfText } from '../../src/formats/secret';
import { signerFromText } from '../../src/signers/index';
import type { Signer } from '../../src/types/index';

/** What is used of a `SecretStore`. */
export interface SecretStorePort {
  get(name: string): Promise<{ plaintext(): string; rawBytes(): Uint8Array } | null>;
}

/** What is used of a `ConfigStore`. */
export interface ConfigStorePort {
  get(name: string): string | null;
}

/**
 * The `secret` of an instance, ≥ 32 bytes: an entry as `openssl rand -hex 32` or `-base64 32` prints it, or bytes that are no
 * text, as they are. Rejects with `NOT_FOUND` where there is no such entry, and with a `RangeError` for a weak one and for any
 * other text. Of a text alone it is what `secretFrom` is on every platform.
 *
 * @example
 * const secret = await secretFrom(new SecretStore('tracehound'), 'secret');
 */
export function secretFromStore(store: SecretStorePort, name: string): Promise<Uint8Array>;
export function secretFromStore(text: string): Uint8Array;
export function secretFromStore(from: SecretStorePort | string, name = ''): Uint8Array | Promise<Uint8Array> {
  return typeof from === 'string' ? secretOfText(from) : secretOf(from, name);
}

async function secretOf(store: SecretStorePort, name: string): Promise<Uint8Array> {
  const entry = await secretEntry(store, name);
  const raw = entry.rawBytes();
  // A text that spells no bytes is a mistake here, and not a secret of its own letters.
  return isText(raw) ? secretOfText(entry.plaintext()) : secretOfFile(raw);
}

/**
 * The deployment's signer, from a private key as text: `generateKey(name, 'P-256')` of `tracehound/signer`, because Fastly has
 * no Ed25519. It costs 11 ms of CPU when it signs for the first time and nothing before. Rejects with `NOT_FOUND` where there
 * is no such entry, `NOTE_INVALID` where it is no key.
 *
 * @example
 * const signer = await signerFrom(new SecretStore('tracehound'), 'signing-key');
 */
export async function signerFrom(store: SecretStorePort, name: string): Promise<Signer> {
  const text = (await secretEntry(store, name)).plaintext().trim();
  const known = verifierKeyOf(text);
  // Of another kind, or damaged: what there is to say is said at once.
  if (known === undefined) return signerFromText(text);
  let made: Promise<Signer> | undefined;
  return Object.freeze({
    ...known,
    sign: async (message: Uint8Array) => {
      made ??= signerFromText(text);
      return (await made).sign(message);
    },
  });
}

/** Name and verifier key of a P-256 key, which has its public key beside it. */
function verifierKeyOf(text: string): { name: string; vkey: string } | undefined {
  const [mark, kind, name = '', id, ...base64] = text.split('+'); // base64 has a plus sign of its own
  const bytes = fromBase64(base64.join('+'));
  const jwk = bytes?.[0] === ECDSA ? jwkOfPkcs8(bytes.subarray(1)) : undefined;
  if (mark !== 'PRIVATE' || kind !== 'KEY' || !isKeyName(name) || jwk === undefined) return undefined;
  const vkey = formatVerifierKey(name, ECDSA, spkiOfPoint(pointOfJwk(jwk)!)!);
  return vkey.startsWith(`${name}+${id}+`) ? { name, vkey } : undefined;
}

/**
 * A text that is no secret: a verifier key, a policy. Throws `NOT_FOUND` where there is none.
 *
 * @example
 * const vkey = settingFrom(new ConfigStore('tracehound'), 'vkey');
 */
export function settingFrom(store: ConfigStorePort, name: string): string {
  let text: string | null;
  try {
    text = store.get(name);
  } catch (cause) {
    throw new TracehoundError('RUNTIME_FAILED', 'config store: failed, expected a setting, got an error', { cause });
  }
  if (text !== null) return text;
  throw new TracehoundError('NOT_FOUND', 'config store: no such setting, expected one of that name, got none');
}

async function secretEntry(
  store: SecretStorePort,
  name: string,
): Promise<{ plaintext(): string; rawBytes(): Uint8Array }> {
  let entry: Awaited<ReturnType<SecretStorePort['get']>>;
  try {
    entry = await store.get(name);
  } catch (cause) {
    throw new TracehoundError('RUNTIME_FAILED', 'secret store: failed, expected a secret, got an error', { cause });
  }
  if (entry !== null) return entry;
  throw new TracehoundError('NOT_FOUND', 'secret store: no such secret, expected one of that name, got none');
}

const isText = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || isLineBreak(byte));
const isLineBreak = (byte: number): boolean => byte === 0x0a || byte === 0x0d || byte === 0x09;
