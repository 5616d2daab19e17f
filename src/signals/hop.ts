/**
 * The gate between a detector in front of us and what it says in headers: who may speak, whether one voice spoke, and
 * whether it said anything.
 *
 *   from anybody else               forged: stripped, flagged, not believed
 *   from the hop, one value         believed
 *   from the hop, several values    forged as well: the client added one. Each is looked at, so that the gravest counts
 *   from the hop, not readable      uninspected: `unreadable`
 *   none                            clean, or uninspected: `silent`, as `silence` says
 *
 * Relies on: the condition that the operator configured (`trust`), what an adapter shows of the request, and the mapper for
 * what can be read. Refuses: to believe a header from anybody but the hop; to take for clean what it could not read.
 *
 * *Trusted*: whoever meets the condition could have any request flagged, or keep their own attacks unflagged.
 * *Not trusted*: everybody else; at most they have their own request refused.
 *
 * @module
 */
import { TracehoundError } from '../errors';
import { graver, SEVERITIES } from '../http/hearing';
import type { Heard, Severity, SignalView, ThreatSignal } from '../types/index';
import { type Group, word } from '../validate/index';
import { type Condition, conditionOf } from './trust';

export { graver, SEVERITIES } from '../http/hearing';

export const HOP_NAMES = ['trust', 'forged', 'silence'] as const;
export type HopGiven = Group<(typeof HOP_NAMES)[number]>;

/** `x-sigsci-tags` of a busy rule set has a few hundred characters; a value beyond this is nobody's score. */
const VALUE_CHARACTERS_MAX = 4_096;

/** What a mapper says about its headers. */
export interface Hopped {
  readonly detector: string;
  /** The mapper's function, for messages. */
  readonly part: string;
  /** Headers of the detector. */
  readonly names: readonly string[];
  /** Every header that begins so is the detector's too. */
  readonly prefix?: string;
  /** Names whose one value is a list, where a comma means nothing. */
  readonly lists?: readonly string[];
  /** Headers that speak for each request: of each row one must be there. Others speak only when they have something. */
  readonly speaks?: readonly (readonly string[])[];
  /** What silence means when the operator says nothing. */
  readonly silence?: 'clean' | 'uninspected';
  /** Whether something is read from headers: without a condition everybody would be turned away as a forger. */
  readonly needsTrust?: boolean;
}

/** The headers of one detector. */
export class Hop {
  readonly #of: Hopped;
  readonly #names: ReadonlySet<string>;
  readonly #condition: Condition;
  readonly #forged: Severity;
  readonly silence: 'clean' | 'uninspected';

  constructor(given: HopGiven, of: Hopped) {
    this.#of = of;
    this.#names = new Set(of.names);
    this.#condition = conditionOf(`${of.part}.trust`, given.trust, of.needsTrust === true);
    this.#forged = word(`${of.part}.forged`, given.forged, SEVERITIES, 'medium');
    this.silence = word(`${of.part}.silence`, given.silence, ['clean', 'uninspected'], of.silence ?? 'clean');
  }

  get secrets(): readonly string[] {
    return this.#condition.secrets;
  }

  /** Sorts the fields of one request into values that may be believed and fields to strip. */
  listen(view: SignalView): Voice {
    const said = this.#saidIn(view);
    const { detector, speaks = [] } = this.#of;
    // Whether a name is missing is asked of what came, trusted or not: what was forged is flagged already.
    const mute = this.silence === 'clean' ? undefined : speaks.find((row) => !row.some((name) => said.has(name)));
    if (said.size === 0 && mute === undefined) return new Voice(detector, new Map(), []);
    let trusted = false;
    let failure: Heard['failure'];
    try {
      trusted = this.#condition.holds(view);
    } catch (error) {
      failure = { error, reason: 'threw' };
    }
    const values = new Map<string, readonly string[]>();
    const strip: string[] = [];
    let threat: ThreatSignal | undefined;
    for (const [name, { copies, spellings }] of said) {
      const parts = this.#of.lists?.includes(name) ? copies : copies.flatMap((copy) => copy.split(','));
      if (trusted) {
        const short = parts.filter((part) => part.length <= VALUE_CHARACTERS_MAX);
        values.set(
          name,
          short.map((part) => part.trim()),
        );
      }
      if (trusted && parts.length === 1 && spellings.has(name) && (values.get(name) as string[]).length === 1) continue;
      strip.push(...spellings);
      threat ??= this.#forgery(name, trusted);
    }
    // Whether it was forged cannot be told when the condition failed.
    if (failure !== undefined) return new Voice(detector, values, strip, undefined, failure);
    if (mute !== undefined) failure = silent(detector, mute, trusted);
    return new Voice(detector, values, strip, threat, failure);
  }

  #saidIn(view: SignalView): ReadonlyMap<string, Copies> {
    const { prefix } = this.#of;
    const said = new Map<string, Copies>();
    for (const [field, value] of view.fields ?? view.headers) {
      const name = field.toLowerCase();
      const meant = name.replaceAll('_', '-');
      if (!this.#names.has(meant) && !(prefix !== undefined && meant.startsWith(prefix))) continue;
      const one = said.get(meant) ?? { copies: [], spellings: new Set() };
      one.copies.push(value);
      one.spellings.add(name);
      said.set(meant, one);
    }
    return said;
  }

  #forgery(name: string, trusted: boolean): ThreatSignal {
    return {
      category: 'forged-signal',
      severity: this.#forged,
      detector: 'tracehound',
      rule: `${this.#of.detector}:${name}`,
      reason: trusted ? 'not exactly one value' : 'not from the trusted hop',
    };
  }
}

/** What came under one name. */
interface Copies {
  readonly copies: string[];
  /** Its spellings, in lower case: with underscores, or without. */
  readonly spellings: Set<string>;
}

/** What one request's headers may be believed to say. */
export class Voice {
  readonly #detector: string;
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #strip: readonly string[];
  readonly #forgery: ThreatSignal | undefined;
  #failure: Heard['failure'];

  constructor(
    detector: string,
    values: ReadonlyMap<string, readonly string[]>,
    strip: readonly string[],
    forgery?: ThreatSignal,
    failure?: Heard['failure'],
  ) {
    this.#detector = detector;
    this.#values = values;
    this.#strip = strip;
    this.#forgery = forgery;
    this.#failure = failure;
  }

  /**
   * What the copies of a header say: one reading for each that can be read, none when it did not come. A header of which no
   * copy can be read is no clean one: nobody has inspected this request.
   */
  readings<Reading>(name: string, read: (text: string) => Reading | undefined): readonly Reading[] {
    const copies = this.#values.get(name) ?? [];
    const readings = copies.map(read).filter((reading) => reading !== undefined);
    if (copies.length > 0 && readings.length === 0) {
      this.#failure ??= { error: unreadableHeader(this.#detector, name), reason: 'unreadable' };
    }
    return readings;
  }

  /** The texts, where any text says something: an id that goes along. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** The detector spoke as it should, and said that it did not look. */
  missing(what: string): void {
    this.#failure ??= silent(this.#detector, [what], true);
  }

  /** All of it together: what the detector found, and what the gate did. */
  heard(found: ThreatSignal | undefined): Heard {
    const forgery = this.#forgery;
    const threat = graver(found, forgery);
    // What is graver than the forgery keeps its category, and the forgery is said beside it.
    const reason = [threat?.reason, `${forgery?.rule}: ${forgery?.reason}`].filter((text) => text !== undefined);
    const both = forgery === undefined || threat === undefined || threat === forgery;
    return {
      threat: both ? threat : { ...threat, reason: reason.join('; ') },
      strip: this.#strip,
      failure: this.#failure,
    };
  }
}

const unreadableHeader = (detector: string, name: string): TracehoundError =>
  new TracehoundError('SIGNAL_UNREADABLE', `${detector}: ${name} cannot be read, expected a verdict, got other text`);

function silent(detector: string, names: readonly string[], trusted: boolean): NonNullable<Heard['failure']> {
  const got = trusted ? 'none' : 'none, and not through the trusted hop';
  const message = `${detector}: silent, expected ${names.join(' or ')}, got ${got}`;
  return { error: new TracehoundError('SIGNAL_SILENT', message), reason: 'silent' };
}
