/**
 * Secrets of a request, replaced by keyed fingerprints before anything is kept: equal secrets stay recognisable as
 * equal under one `secret`, and nobody can go back.
 *
 * Relies on: a keyed fingerprint (`th.http.keys.redact`). Refuses: to let a value through when that fails, and to spend
 * more than a bounded number of fingerprints on one request. Bodies are not searched: a password in a form is kept.
 *
 * @module
 */
import type { Field } from './message';

/** Always replaced, whatever the options say. */
export const SECRET_HEADERS: readonly string[] = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-csrf-token',
];

/** Fingerprints for one request. A 16 KiB query holds 8,000 parameters; more of them say nothing more. */
const FINGERPRINTS_MAX = 64;

/** Written where there is no fingerprint: it failed, or there were too many. */
const NAMELESS = 'redacted';

export class Redaction {
  readonly #headers: ReadonlySet<string>;
  readonly #query: ReadonlySet<string>;
  readonly #fingerprint: (value: string) => string;
  #left: number = FINGERPRINTS_MAX;

  /** For one request. `headers` and `query` are lowercase. */
  constructor(headers: ReadonlySet<string>, query: ReadonlySet<string>, fingerprint: (value: string) => string) {
    this.#headers = headers;
    this.#query = query;
    this.#fingerprint = fingerprint;
  }

  /** Whether the header's value is never shown. */
  hides(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  /** The field as it may be kept. A referer is a URL and loses its secrets like the target. */
  field(field: Field): Field {
    const [name, value] = field;
    if (this.hides(name)) return [name, this.#replace(value)];
    if (this.#query.size > 0 && name.toLowerCase() === 'referer') return [name, this.target(value)];
    return field;
  }

  /** The target with the values of secret query parameters replaced. */
  target(target: string): string {
    return this.#query.size === 0 ? target : rewrite(target, this.#query, (value) => this.#replace(value));
  }

  /** The target with the values of secret query parameters left out: for comparing, not for keeping. */
  bare(target: string): string {
    return this.#query.size === 0 ? target : rewrite(target, this.#query, () => '');
  }

  #replace(value: string): string {
    if (this.#left-- <= 0) return NAMELESS;
    try {
      return `hmac:${this.#fingerprint(value)}`;
    } catch {
      return NAMELESS;
    }
  }
}

/** Splits the query by hand: `URLSearchParams` would normalise, and the rest must stay as it came. */
function rewrite(target: string, names: ReadonlySet<string>, replace: (value: string) => string): string {
  const query = target.indexOf('?');
  if (query < 0) return target;
  const fragment = target.indexOf('#', query);
  const end = fragment < 0 ? target.length : fragment;
  const pairs = target.slice(query + 1, end).split('&');
  const kept = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 0 || !names.has(decoded(pair.slice(0, equals)).toLowerCase())) return pair;
    return pair.slice(0, equals + 1) + replace(pair.slice(equals + 1));
  });
  return target.slice(0, query + 1) + kept.join('&') + target.slice(end);
}

/** A parameter's name as the application will read it; a name that does not decode is nobody's secret. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}
