/**
 * What options are held to before the first request: kind (`TypeError`), value (`RangeError`), known names. Messages say
 * part, problem, expectation and the kind of what came.
 *
 * Relies on: `kind`. Refuses: to repeat text that came; numbers and booleans are the exception.
 */
import { kindOf } from './kind';

/** RFC 9110 §5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** An object with none but these names; `undefined` stays. */
export function expectNames(part: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`${part}: expected an object, got ${kindOf(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const said = JSON.stringify(name.slice(0, 64));
    throw new TypeError(`${part}: unknown name, expected ${names.join(', ')}, got ${said}`);
  }
}

export function expectInteger(part: string, value: unknown, from: number, to: number): number {
  const expected = `${part}: expected an integer from ${from} to ${to}, got ${kindOf(value)}`;
  if (typeof value !== 'number') throw new TypeError(expected);
  if (!Number.isInteger(value) || value < from || value > to) throw new RangeError(expected);
  return value;
}

/** One of these words (or numbers). */
export function expectWord<W extends string | number | boolean>(part: string, value: unknown, words: readonly W[]): W {
  if (words.includes(value as W)) return value as W;
  const expected = `${part}: expected ${words.map((word) => JSON.stringify(word)).join(' or ')}`;
  if (words.some((word) => typeof word === typeof value)) throw new RangeError(`${expected}, got another`);
  throw new TypeError(`${expected}, got ${kindOf(value)}`);
}

export function expectText(part: string, value: unknown, bytesMin: number): string {
  if (typeof value !== 'string') throw new TypeError(`${part}: expected a string, got ${kindOf(value)}`);
  if (value.length >= bytesMin) return value;
  throw new RangeError(`${part}: expected at least ${bytesMin} characters, got ${value.length}`);
}

/**
 * The name of a header, in lower case. An underscore is refused: many servers take `x_score` and `x-score` for one
 * another, so a name that has one cannot be told from its twin.
 */
export function expectHeader(part: string, value: unknown): string {
  const name = expectText(part, value, 1).toLowerCase();
  if (TOKEN.test(name) && !name.includes('_')) return name;
  throw new RangeError(`${part}: expected a header's name without underscores, got another string`);
}
