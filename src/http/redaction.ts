/**
 * Secrets of a request, replaced by keyed fingerprints before anything is kept: equal secrets stay recognisable as
 * equal under one `secret`, and nobody can go back.
 *
 * Relies on: a keyed fingerprint (`th.http.keys.redact`), and `secrets` for the names. Refuses: to let a value through when
 * that fails; to spend more than a bounded number of fingerprints on one request, or more than linear time on its target.
 * Bodies are not searched: a password in a form is kept.
 *
 * @module
 */
import type { Field } from './message';
import type { SecretNames } from './secrets';
import { withoutPassword } from './target';

/** Fields that hold a URL, which loses its secrets like the target. */
const URLS: ReadonlySet<string> = new Set([
  ...['referer', 'x-original-url', 'x-original-uri', 'x-rewrite-url', 'x-forwarded-uri', 'x-envoy-original-path'],
]);

/** Fingerprints for one request. A 16 KiB query holds 8,000 parameters; more of them say nothing more. */
const FINGERPRINTS_MAX = 64;

/** Written where there is no fingerprint: it failed, or there were too many. */
const NAMELESS = 'redacted';

/** What separates parameters: as such, or encoded, as in a URL that is the value of a parameter. */
const SEPARATOR = /[;?#]|%3[bf]|%2[36]/gi;
const HAS_SEPARATOR = new RegExp(SEPARATOR.source, 'i');
const EQUALS = /=|%3d/i;

/** Where in a text secrets stand: from, to, from, to … in rising order. */
type Cuts = readonly number[];

export class Redaction {
  readonly #headers: SecretNames;
  readonly #query: SecretNames;
  readonly #fingerprint: (value: string) => string;
  #left: number = FINGERPRINTS_MAX;
  #known: { readonly target: string; readonly cuts: Cuts } | undefined;

  /** For one request. */
  constructor(headers: SecretNames, query: SecretNames, fingerprint: (value: string) => string) {
    this.#headers = headers;
    this.#query = query;
    this.#fingerprint = fingerprint;
  }

  /** Whether the header's value is never shown. */
  hides(name: string): boolean {
    return this.#headers.has(name);
  }

  /** The field as it may be kept. */
  field(field: Field): Field {
    const [name, value] = field;
    if (this.hides(name)) return [name, this.#replace(value)];
    if (URLS.has(name.toLowerCase())) {
      return [name, this.target(withoutPassword(value, (secret) => this.#replace(secret)))];
    }
    return field;
  }

  /** The target with the values of secret parameters replaced. */
  target(target: string): string {
    return rewrite(target, this.#cuts(target), (value) => this.#replace(value));
  }

  /** The target with the values of secret parameters left out: for comparing, not for keeping. */
  bare(target: string): string {
    return rewrite(target, this.#cuts(target), () => '');
  }

  /** The target is asked for twice, and looked at once. */
  #cuts(target: string): Cuts {
    if (this.#known?.target !== target) this.#known = { target, cuts: cutsOf(target, this.#query) };
    return this.#known.cuts;
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

/** Cut by hand: `URLSearchParams` would normalise, and the rest must stay as it came. */
function rewrite(target: string, cuts: Cuts, replace: (value: string) => string): string {
  if (cuts.length === 0) return target;
  const parts: string[] = [];
  let at = 0;
  for (let i = 0; i < cuts.length; i += 2) {
    parts.push(target.slice(at, cuts[i]), replace(target.slice(cuts[i], cuts[i + 1])));
    at = cuts[i + 1] as number;
  }
  return parts.join('') + target.slice(at);
}

/** One walk over the target. A path has parameters too: `/a;jsessionid=…/b`. */
function cutsOf(target: string, names: SecretNames): Cuts {
  const cuts: number[] = [];
  const first = target.search(/[?#]/);
  const query = first < 0 ? target.length : first;
  for (let at = 0, start = -1; at <= query; at++) {
    const character = at === query ? '/' : target[at];
    if (character !== '/' && character !== ';') continue;
    if (start >= 0) cutParameter(target, start, at, names, cuts);
    start = character === ';' ? at + 1 : -1;
  }
  for (let at = query + 1; at <= target.length; ) {
    const ampersand = target.indexOf('&', at);
    const end = ampersand < 0 ? target.length : ampersand;
    cutParameter(target, at, end, names, cuts);
    at = end + 1;
  }
  return cuts;
}

/**
 * What stands between two `&`: `a=1`, and perhaps more behind a semicolon or within a URL. From the first secret on all of it
 * goes, because nobody can tell where the application lets its value end.
 */
function cutParameter(target: string, from: number, to: number, names: SecretNames, cuts: number[]): void {
  if (from === to) return;
  const pair = target.slice(from, to);
  if (!HAS_SEPARATOR.test(pair)) {
    const value = secretAt(pair, names);
    if (value >= 0) cuts.push(from + value, to);
    return;
  }
  let start = 0;
  for (const { index, 0: separator } of pair.matchAll(SEPARATOR)) {
    const value = secretAt(pair.slice(start, index), names);
    if (value >= 0) return void cuts.push(from + start + value, to);
    start = index + separator.length;
  }
  const value = secretAt(pair.slice(start), names);
  if (value >= 0) cuts.push(from + start + value, to);
}

/** Where the value of `name=value` begins, if it is secret; −1 if it may be seen. */
function secretAt(segment: string, names: SecretNames): number {
  const plain = segment.indexOf('=');
  const equals = plain >= 0 && !segment.includes('%') ? null : EQUALS.exec(segment);
  const at = equals?.index ?? plain;
  // Without a name it is a value: only an allow-list can say that it must not be seen.
  if (at < 0) return segment !== '' && names.isAllowList && names.has(segment) ? 0 : -1;
  return names.has(segment.slice(0, at)) ? at + (equals?.[0].length ?? 1) : -1;
}
