/**
 * What a value is, in two or three words, for the "got Y" of a message.
 *
 * Relies on: nothing. Refuses: to repeat the value — a message may reach a log that the value must not reach. Numbers
 * and booleans are the exception: they are what an operator mistypes, and they carry no text.
 */

/** `a string`, `an array`, `null`, `NaN`, `5` … Never throws, whatever the value does. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : isArray(value) ? 'an array' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}

/** `Array.isArray`, which throws for a revoked proxy. */
export function isArray(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}
