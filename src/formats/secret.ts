/**
 * A secret as text: how the 32 bytes or more from which every key is derived are written into an environment variable or a
 * file, and read again the same way everywhere (docs/identity.md).
 *
 *   openssl rand -hex 32        64 hexadecimal digits          openssl rand -base64 32        base64, padded or not, URL-safe or not
 *
 * Relies on: bytes. Refuses: to guess. A text that is neither spelling is an error, and so are bytes that cannot have been
 * drawn at random: a secret that somebody can try out protects nothing. No message repeats any of it.
 */
import { kindOf } from '../validate/kind';
import { fromBase64, fromHex } from './bytes';

/** What `createTracehound` wants at least. */
export const SECRET_BYTES_MIN = 32;
/** 32 random bytes have 30 different values on average, and fewer than 16 about once in 10¹⁷ draws. */
const VALUES_MIN = 16;
const EXPECTED = `${SECRET_BYTES_MIN} or more random bytes in hex or base64`;

/**
 * The secret that `text` spells, in hexadecimal digits or base64; white space around it does not count. Digits alone are
 * hexadecimal. Throws `RangeError` for any other text, for fewer than 32 bytes and for bytes that are no random ones.
 *
 * @example
 * const th = createTracehound({ secret: secretFrom(process.env.TRACEHOUND_SECRET) });
 */
export function secretFrom(text: string | undefined): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`secret: wrong kind, expected a string, got ${kindOf(text)}`);
  const bytes = spelling(text.trim());
  if (bytes === undefined) throw new RangeError(`secret: unreadable, expected ${EXPECTED}, got other text`);
  return strong(bytes);
}

/** The secret in a file: the text of one, or the bytes themselves. Throws `RangeError` as {@link secretFrom} does. */
export function secretOfFile(file: Uint8Array): Uint8Array {
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
  } catch {
    // Random bytes are seldom text.
  }
  return strong(spelling(text.trim()) ?? file);
}

/** Hexadecimal digits first: 64 of them are base64 of other bytes, too, and nobody means those. */
function spelling(text: string): Uint8Array | undefined {
  if (text === '') return undefined;
  if (/^[0-9a-fA-F]+$/.test(text)) return fromHex(text.toLowerCase());
  const digits = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '');
  return fromBase64(digits.padEnd(Math.ceil(digits.length / 4) * 4, '='));
}

function strong(bytes: Uint8Array): Uint8Array {
  if (bytes.length < SECRET_BYTES_MIN) {
    throw new RangeError(`secret: too short, expected ${EXPECTED}, got ${bytes.length} bytes`);
  }
  if (new Set(bytes).size < VALUES_MIN || isCounted(bytes)) {
    throw new RangeError(`secret: too weak, expected ${EXPECTED}, got bytes with a pattern`);
  }
  return bytes;
}

/** Each byte is the one before and the same number: 0, 1, 2 … */
function isCounted(bytes: Uint8Array): boolean {
  const step = (bytes[1]! - bytes[0]!) & 0xff;
  return bytes.every((byte, i) => i === 0 || ((byte - bytes[i - 1]!) & 0xff) === step);
}
