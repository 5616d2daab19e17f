/**
 * The option `secret`: one key, or the current one and those before it.
 *
 * Relies on: `validate`, `bytes`. Refuses: short keys, detached buffers, and to repeat what was given.
 */
import { captureBytes, isBytes } from '../formats/bytes';
import type { ResolvedOptions } from '../types/index';
import { readGroup, readList, wrongKind } from '../validate/index';

/** HMAC hashes a key longer than 64 bytes first, so more gains nothing; more than this is a mistake, such as a file. */
const SECRET_BYTES_MAX = 1_024;
const SECRET_BYTES_MIN = 32;
/** More than anybody rotates within the life of a log; each costs a hash for every question about an unknown trace id. */
const FORMER_MAX = 16;

/** One secret, or the current one and those before it. */
export function readSecrets(part: string, value: unknown): Pick<ResolvedOptions, 'secret' | 'formerSecrets'> {
  if (value === undefined) return { secret: undefined, formerSecrets: [] };
  if (isBytes(value)) return { secret: secretBytes(part, value), formerSecrets: [] };
  const expected = 'a Uint8Array, or { current, former }';
  const isPair = typeof value === 'object' && value !== null && Object.hasOwn(value, 'current');
  if (!isPair) throw wrongKind(part, expected, value);
  const { current, former } = readGroup(part, `${part}.`, value, ['current', 'former'], expected);
  const formerSecrets =
    former === undefined ? [] : readList(`${part}.former`, former, 'an array of Uint8Arrays', secretBytes);
  if (formerSecrets.length > FORMER_MAX) {
    throw new RangeError(`${part}.former: too many, expected ≤ ${FORMER_MAX} secrets, got ${formerSecrets.length}`);
  }
  return { secret: secretBytes(`${part}.current`, current), formerSecrets };
}

function secretBytes(part: string, value: unknown): Uint8Array {
  if (!isBytes(value)) throw wrongKind(part, 'a Uint8Array', value);
  const bytes = captureBytes(value, SECRET_BYTES_MAX);
  const expected = `${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes`;
  if (bytes === undefined) throw new RangeError(`${part}: unreadable, expected ${expected}, got a detached buffer`);
  if (typeof bytes === 'number') throw new RangeError(`${part}: too long, expected ${expected}, got ${bytes}`);
  if (bytes.length < SECRET_BYTES_MIN) {
    throw new RangeError(`${part}: too short, expected ${expected}, got ${bytes.length}`);
  }
  return new Uint8Array(bytes);
}
