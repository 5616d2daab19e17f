/**
 * The gate between a detector in front of us and what it says in headers: who may speak, and whether one voice spoke.
 *
 * Relies on: the condition that the operator configured (`trust`), and what an adapter shows of the request.
 * Refuses: to believe a header from anybody else; to believe a header that is not exactly one value — sent twice, joined
 * by commas, or accompanied by a twin with underscores, which many servers take for the same name. Such fields are
 * stripped from what the application sees, and the request is flagged as `forged-signal`.
 *
 * *Trusted*: whoever meets the condition could have any request flagged, or keep their own attacks unflagged.
 * *Not trusted*: everybody else; at most they have their own request refused.
 *
 * @module
 */

import { addressOf, isWithin, rangeOf } from '../formats/address';
import { graver, SEVERITIES } from '../http/hearing';
import type { Heard, HopOptions, HopTrust, Severity, SignalView, ThreatSignal } from '../types/index';
import { atOnce } from '../validate/at-once';
import { expectHeader, expectNames, expectText, expectWord } from '../validate/expect';
import { kindOf } from '../validate/kind';

export { graver, SEVERITIES } from '../http/hearing';

export const HOP_NAMES: readonly string[] = ['trust', 'forged'];

/** Shorter secrets can be guessed by whoever may ask often. */
const SECRET_CHARACTERS_MIN = 16;
/** `x-sigsci-tags` of a busy rule set has a few hundred characters; a value beyond this is nobody's score. */
const VALUE_CHARACTERS_MAX = 4_096;

/** The headers of one detector. `lists`: names whose one value is a list, where a comma means nothing. */
export class Hop {
  readonly #detector: string;
  readonly #names: ReadonlySet<string>;
  readonly #prefix: string | undefined;
  readonly #lists: ReadonlySet<string>;
  readonly #trusts: (view: SignalView) => boolean;
  readonly #forged: Severity;
  readonly secrets: readonly string[];

  constructor(
    detector: string,
    options: HopOptions,
    names: readonly string[],
    more: { prefix?: string; lists?: readonly string[] } = {},
  ) {
    this.#detector = detector;
    this.#names = new Set(names);
    this.#prefix = more.prefix;
    this.#lists = new Set(more.lists ?? []);
    this.#forged = expectWord(`${detector}: \`forged\``, options.forged ?? 'medium', SEVERITIES);
    const { trusts, secrets } = conditionOf(detector, options.trust);
    this.#trusts = trusts;
    this.secrets = secrets;
  }

  /** Sorts the fields of one request into values that may be believed and fields to strip. */
  listen(view: SignalView): Voice {
    const heard = new Map<string, Said>();
    for (const [field, value] of view.fields ?? view.headers) {
      const name = field.toLowerCase();
      const meant = name.replaceAll('_', '-');
      if (!this.#names.has(meant) && !(this.#prefix !== undefined && meant.startsWith(this.#prefix))) continue;
      const said = heard.get(meant) ?? { values: [], spellings: new Set() };
      said.values.push(value);
      said.spellings.add(name);
      heard.set(meant, said);
    }
    if (heard.size === 0) return new Voice(new Map(), [], {});
    let trusted = false;
    let failure: Heard['failure'];
    try {
      trusted = this.#trusts(view);
    } catch (error) {
      failure = { error };
    }
    const values = new Map<string, string>();
    const strip: string[] = [];
    let threat: ThreatSignal | undefined;
    for (const [name, { values: sent, spellings }] of heard) {
      const [value] = sent as [string];
      if (trusted && this.#isOne(name, sent, spellings)) {
        values.set(name, value.trim());
      } else {
        strip.push(...spellings);
        threat ??= this.#forgery(name, trusted);
      }
    }
    // Whether it was forged cannot be told when the condition failed.
    return new Voice(values, strip, failure === undefined ? { threat } : { failure });
  }

  /** One field under the hop's own spelling, with one value of a length that the hop might send. */
  #isOne(name: string, [value, ...more]: readonly string[], spellings: ReadonlySet<string>): boolean {
    if (more.length > 0 || !spellings.has(name) || (value as string).length > VALUE_CHARACTERS_MAX) return false;
    return this.#lists.has(name) || !(value as string).includes(',');
  }

  #forgery(name: string, trusted: boolean): ThreatSignal {
    return {
      category: 'forged-signal',
      severity: this.#forged,
      detector: 'tracehound',
      rule: `${this.#detector}:${name}`,
      reason: trusted ? 'not exactly one value' : 'not from the trusted hop',
    };
  }
}

/** What came under one name. */
interface Said {
  readonly values: string[];
  /** Its spellings, in lower case: with underscores, or without. */
  readonly spellings: Set<string>;
}

/** What one request's headers may be believed to say. */
export class Voice {
  readonly #values: ReadonlyMap<string, string>;
  readonly #strip: readonly string[];
  readonly #verdict: Omit<Heard, 'strip'>;

  constructor(values: ReadonlyMap<string, string>, strip: readonly string[], verdict: Omit<Heard, 'strip'>) {
    this.#values = values;
    this.#strip = strip;
    this.#verdict = verdict;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** A whole number without sign, of at most nine digits; `undefined` for anything else. */
  number(name: string): number | undefined {
    const text = this.#values.get(name);
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  }

  /** All of it together: what the detector found, and what the gate did. */
  heard(found: ThreatSignal | undefined): Heard {
    const { threat, failure } = this.#verdict;
    return { threat: graver(found, threat), strip: this.#strip, failure };
  }
}

function conditionOf(
  detector: string,
  trust: HopTrust | undefined,
): { trusts: (view: SignalView) => boolean; secrets: readonly string[] } {
  const part = `${detector}: \`trust\``;
  if (trust === undefined) return { trusts: () => false, secrets: [] };
  if (trust === 'platform') return { trusts: () => true, secrets: [] };
  if (typeof trust === 'function') return { trusts: (view) => atOnce(part, trust(view)) === true, secrets: [] };
  expectNames(part, trust, ['peers', 'secret']);
  const { peers, secret } = trust as { peers?: unknown; secret?: { header?: unknown; value?: unknown } };
  if ((peers === undefined) === (secret === undefined)) throw new TypeError(`${part}: expected one of peers, secret`);
  if (secret !== undefined) {
    expectNames(`${part}.secret`, secret, ['header', 'value']);
    const header = expectHeader(`${part}.secret.header`, secret.header);
    const value = expectText(`${part}.secret.value`, secret.value, SECRET_CHARACTERS_MIN);
    return { trusts: (view) => knows(view, header, value), secrets: [header] };
  }
  if (!Array.isArray(peers) || peers.length === 0) {
    throw new TypeError(`${part}.peers: expected addresses or ranges, got ${kindOf(peers)}`);
  }
  const ranges = peers.map((peer: unknown) => {
    const range = typeof peer === 'string' ? rangeOf(peer) : undefined;
    if (range === undefined) throw new RangeError(`${part}.peers: expected an address or a range, got another`);
    return range;
  });
  return {
    trusts: ({ peer }) => {
      const address = peer === undefined ? undefined : addressOf(peer);
      return address !== undefined && ranges.some((range) => isWithin(address, range));
    },
    secrets: [],
  };
}

/** The secret came once, under its own name, and is right. Compared in a time that does not depend on where it differs. */
function knows({ fields, headers }: SignalView, header: string, secret: string): boolean {
  const sent = [...(fields ?? headers)].filter(([name]) => name.toLowerCase().replaceAll('_', '-') === header);
  const [name, value] = sent[0] ?? ['', ''];
  if (sent.length !== 1 || name.toLowerCase() !== header) return false;
  let different = value.length ^ secret.length;
  for (let at = 0; at < secret.length; at++) different |= secret.charCodeAt(at) ^ (value.charCodeAt(at) || 0);
  return different === 0;
}
