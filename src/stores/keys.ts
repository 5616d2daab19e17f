/**
 * What every store asks of an object: a key that names one place on any disk and in any bucket, and bytes that stay as
 * they were given.
 *
 *   key = part / part / …      part: 1 to 254 of A–Z a–z 0–9 . _ % -      the whole: at most 1,024 (S3's bound)
 *
 * Relies on: nothing. Refuses: parts that mean something to a file system (`.`, `..`, nothing, the devices of Windows) and
 * characters that one spells differently from another. `~` is left out so that a store may keep names of its own.
 */

const KEY_LENGTH_MAX = 1_024;
/** Most file systems end at 255 bytes a name; one is left for a store's own mark. */
const PART_LENGTH_MAX = 254;
const PART = /^[A-Za-z0-9._%-]+$/;
/** Names that Windows opens as devices, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?$/i;

/** The parts of a key. Throws `TypeError` for what is no string, `RangeError` for what is no key. */
export function partsOf(key: string): string[] {
  if (typeof key !== 'string') throw new TypeError(`key: wrong kind, expected a string, got ${typeof key}`);
  if (key.length > KEY_LENGTH_MAX)
    throw new RangeError(`key: too long, expected ≤ ${KEY_LENGTH_MAX} characters, got ${key.length}`);
  const parts = key.split('/');
  parts.forEach((part, i) => {
    const problem = problemOf(part);
    if (problem)
      throw new RangeError(
        `key: part ${i + 1} ${problem}, expected 1 to ${PART_LENGTH_MAX} of A-Z a-z 0-9 . _ % -, got other text`,
      );
  });
  return parts;
}

function problemOf(part: string): string | undefined {
  if (part === '') return 'is empty';
  if (part.length > PART_LENGTH_MAX) return `has ${part.length} characters`;
  if (!PART.test(part)) return 'has other characters';
  if (part.endsWith('.')) return 'ends in a dot'; // `.` and `..` too; Windows drops the dot of the others.
  return DEVICE.test(part) ? 'is the name of a device' : undefined;
}

/** Puts keys below `prefix`. The two together must be a key, as each of them must. Throws as `partsOf`. */
export function below(prefix: string | undefined): (key: string) => string {
  if (prefix !== undefined) partsOf(prefix);
  return (key) => {
    partsOf(key);
    if (prefix === undefined) return key;
    const place = `${prefix}/${key}`;
    partsOf(place); // Together they may be too long.
    return place;
  };
}

/** A copy: the caller may use his array again while the store still writes. Throws `TypeError`. */
export function copyOf(bytes: Uint8Array, part = 'bytes'): Uint8Array {
  if (bytes instanceof Uint8Array) return new Uint8Array(bytes);
  throw new TypeError(`${part}: wrong kind, expected a Uint8Array, got ${bytes === null ? 'null' : typeof bytes}`);
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
