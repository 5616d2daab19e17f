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
import { addressOf, isWithin, rangeOf } from './address';
import { expectHeader, expectNames, expectText, expectWord } from './expect';
import { kindOf } from './kind';
import type { Severity, Source, ThreatSignal } from './types';

/** A request as signals see it. A `Request` of the web is nearly one: `{ headers: request.headers, request }`. */
export interface SignalView {
  readonly headers: Headers;
  /** Header fields as they came, where the platform has them: only these show a list that was sent twice. */
  readonly fields?: readonly (readonly [string, string])[] | undefined;
  /** Address of the connection's other end, with or without port. */
  readonly peer?: string | undefined;
  /** The platform's own request: `request.cf` and its like. */
  readonly request?: unknown;
  /** Who is asking. */
  readonly source?: Source | undefined;
  /** Unix ms. */
  readonly now?: number | undefined;
}

/**
 * When the headers of a detector are believed:
 * - `'platform'`: nobody reaches this code but through the detector — a Worker on the zone, a function of the guarded
 *   distribution. Your word; nothing checks it, so it is wrong where the origin can be reached directly.
 * - `peers`: the connection comes from one of these addresses or ranges.
 * - `secret`: the hop adds this header with this value (≥ 16 characters), which clients do not know.
 * - a function: your own condition, a client certificate for one. What is not `true` is no.
 */
export type Trust =
  | 'platform'
  | { readonly peers: readonly string[] }
  | { readonly secret: { readonly header: string; readonly value: string } }
  | ((view: SignalView) => boolean);

/** Options that every source of signals in headers has. */
export interface HopOptions {
  /** Without it no header is believed. */
  trust?: Trust;
  /** How bad a forged signal is; `false` strips without flagging. Default `medium`. */
  forged?: Severity | false;
}

/** What a source of signals made of one request. */
export interface Heard {
  readonly threat?: ThreatSignal | undefined;
  /** Fields, in lower case as they came, that the application must not see. */
  readonly strip: readonly string[];
}

/** An external detector: given to an adapter as `signals: […]`, or asked by hand. */
export interface Signals {
  readonly detector: string;
  /** Headers whose values must not be kept in evidence. */
  readonly secrets: readonly string[];
  /** Never reads the body, never waits. */
  read(view: SignalView): Heard;
}

export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];
export const HOP_NAMES: readonly string[] = ['trust', 'forged'];
export const NOTHING_HEARD: Heard = { strip: [] };

/** Shorter secrets can be guessed by whoever may ask often. */
const SECRET_CHARACTERS_MIN = 16;
/** `x-sigsci-tags` of a busy rule set has a few hundred characters; a value beyond this is nobody's score. */
const VALUE_CHARACTERS_MAX = 4_096;

/** The graver of two; the first when they are equal. */
export function graver(a: ThreatSignal | undefined, b: ThreatSignal | undefined): ThreatSignal | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return SEVERITIES.indexOf(b.severity) > SEVERITIES.indexOf(a.severity) ? b : a;
}

/** The headers of one detector. `lists`: names whose one value is a list, where a comma means nothing. */
export class Hop {
  readonly #detector: string;
  readonly #names: ReadonlySet<string>;
  readonly #prefix: string | undefined;
  readonly #lists: ReadonlySet<string>;
  readonly #trusts: (view: SignalView) => boolean;
  readonly #forged: Severity | false;
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
    this.#forged =
      options.forged === undefined
        ? 'medium'
        : expectWord(`${detector}: \`forged\``, options.forged, [...SEVERITIES, false]);
    const { trusts, secrets } = conditionOf(detector, options.trust);
    this.#trusts = trusts;
    this.secrets = secrets;
  }

  /** Sorts the fields of one request into values that may be believed and fields to strip. */
  listen(view: SignalView): Voice {
    const sent = new Map<string, string[]>();
    const spelt = new Map<string, Set<string>>();
    for (const [field, value] of view.fields ?? view.headers) {
      const name = field.toLowerCase();
      const meant = name.replaceAll('_', '-');
      if (!this.#names.has(meant) && !(this.#prefix !== undefined && meant.startsWith(this.#prefix))) continue;
      sent.set(meant, [...(sent.get(meant) ?? []), value]);
      spelt.set(meant, (spelt.get(meant) ?? new Set()).add(name));
    }
    const values = new Map<string, string>();
    const strip: string[] = [];
    if (sent.size === 0) return new Voice(values, strip, undefined);
    const trusted = this.#trusts(view);
    let forgery: string | undefined;
    for (const [name, said] of sent) {
      const spellings = spelt.get(name) as Set<string>;
      const value = (said[0] as string).trim();
      const one = said.length === 1 && spellings.has(name) && value.length <= VALUE_CHARACTERS_MAX;
      if (trusted && one && (this.#lists.has(name) || !value.includes(','))) {
        values.set(name, value);
      } else {
        strip.push(...spellings);
        forgery ??= name;
      }
    }
    return new Voice(values, strip, forgery === undefined ? undefined : this.#forgery(forgery, trusted));
  }

  #forgery(name: string, trusted: boolean): ThreatSignal | undefined {
    if (this.#forged === false) return undefined;
    return {
      category: 'forged-signal',
      severity: this.#forged,
      detector: 'tracehound',
      rule: `${this.#detector}:${name}`,
      reason: trusted ? 'not exactly one value' : 'not from the trusted hop',
    };
  }
}

/** What one request's headers may be believed to say. */
export class Voice {
  readonly #values: ReadonlyMap<string, string>;
  readonly #strip: readonly string[];
  readonly #forgery: ThreatSignal | undefined;

  constructor(values: ReadonlyMap<string, string>, strip: readonly string[], forgery: ThreatSignal | undefined) {
    this.#values = values;
    this.#strip = strip;
    this.#forgery = forgery;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** A whole number without sign, of at most nine digits; `undefined` for anything else. */
  number(name: string): number | undefined {
    const text = this.#values.get(name);
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  }

  heard(threat: ThreatSignal | undefined): Heard {
    return { threat: graver(threat, this.#forgery), strip: this.#strip };
  }
}

function conditionOf(
  detector: string,
  trust: Trust | undefined,
): { trusts: (view: SignalView) => boolean; secrets: readonly string[] } {
  const part = `${detector}: \`trust\``;
  if (trust === undefined) return { trusts: () => false, secrets: [] };
  if (trust === 'platform') return { trusts: () => true, secrets: [] };
  if (typeof trust === 'function') return { trusts: (view) => trust(view) === true, secrets: [] };
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
