/**
 * JSON from somebody who hates us: bounded before it is parsed, and in one spelling only (RFC 8785).
 *
 * Canonical text has each key once, sorted, and no white space. So a key that comes twice, of which two readers would take
 * two different values, is refused by writing the value again and comparing.
 *
 * Relies on: the language's JSON, which RFC 8785 is defined by. Refuses: by throwing `LOG_INVALID` with the part's name.
 */

import { TracehoundError } from '../errors';
import { fromBase64, fromHex } from '../formats/bytes';

/** What a text may hold at most. */
interface Bounds {
  readonly characters: number;
  readonly depth: number;
  /** Commas, colons and opening brackets: each needs memory that its one character does not tell. */
  readonly marks: number;
}

export type Fields = Readonly<Record<string, unknown>>;

export const invalid = (part: string, problem: string, expected: string, got = 'another'): TracehoundError =>
  new TracehoundError('LOG_INVALID', `${part}: ${problem}, expected ${expected}, got ${got}`);

/** The value of a canonical text. */
export function readJson(part: string, text: string, bounds: Bounds): unknown {
  if (text.length > bounds.characters) throw invalid(part, 'too long', `≤ ${bounds.characters} characters`);
  checkBounds(part, text, bounds);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would show the text.
    throw invalid(part, 'no JSON', 'RFC 8785');
  }
  if (canonical(value) !== text) {
    throw invalid(part, 'a key twice, in another order, or white space', 'canonical JSON (RFC 8785)');
  }
  return value;
}

function checkBounds(part: string, text: string, { depth, marks }: Bounds): void {
  let open = 0;
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') i = endOfString(text, i);
    else if (c === '}' || c === ']') open--;
    else if (c === '{' || c === '[' || c === ',' || c === ':') {
      if (++seen > marks) throw invalid(part, 'too many values', `≤ ${marks} of them`);
      if ((c === '{' || c === '[') && ++open > depth) throw invalid(part, 'too deep', `≤ ${depth} levels`);
    }
  }
}

/** Index of the quote that ends the string which begins at `at`; the text's length when none does. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** RFC 8785 of what JSON.parse gave: it is the language's own spelling, with sorted keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Fields;
  const pairs = Object.keys(fields)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(fields[key])}`);
  return `{${pairs.join()}}`;
}

// ── shapes ────────────────────────────────────────────────────────────────────────────────────────

/** An object that has exactly these keys. */
export function fieldsOf(part: string, value: unknown, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(part, 'no object', 'an object');
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw invalid(part, 'an unknown key', keys.join(', '));
  }
  for (const key of keys) if (!Object.hasOwn(value, key)) throw invalid(part, `no ${key}`, keys.join(', '));
  return value as Fields;
}

export function textOf(part: string, value: unknown, pattern: RegExp, what: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw invalid(part, 'wrong', what);
  return value;
}

export function hexOf(part: string, value: unknown, bytes: number): Uint8Array {
  const read = typeof value === 'string' && value.length === 2 * bytes ? fromHex(value) : undefined;
  if (read === undefined) throw invalid(part, 'wrong', `${2 * bytes} lowercase hex digits`);
  return read;
}

export function base64Of(part: string, value: unknown): Uint8Array {
  const read = typeof value === 'string' ? fromBase64(value) : undefined;
  if (read === undefined) throw invalid(part, 'wrong', 'base64');
  return read;
}

/** What a sidecar says, whoever wrote it; nothing where it is no object. */
export function sidecarFacts(detail: Uint8Array): Fields {
  try {
    const facts: unknown = JSON.parse(new TextDecoder().decode(detail));
    return typeof facts === 'object' && facts !== null ? (facts as Fields) : {};
  } catch {
    return {}; // The verifier says that this is not the sidecar it should be, if it is not.
  }
}
