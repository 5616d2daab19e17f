/**
 * CrowdSec: decisions of its local API → `ThreatSignal` for the addresses they are about. You fetch
 * `/v1/decisions/stream` (every ten seconds, `startup=true` first) and hand each answer to `apply`; `read` looks the
 * source up. Bounded: beyond `maxDecisions` new ones are refused and counted, because forgetting an old ban in favour of
 * a new one would let a list that somebody fills free the worst.
 *
 * Relies on: the source, as the limiter sees it, and the time it is told.
 * Refuses: to ask the network itself; to act on a decision of another scope than `Ip` and `Range`, or of a kind that is
 * not configured.
 *
 * *Trusted*: the local API, and whoever may add decisions to it, could have anyone refused.
 *
 * @module
 */
import { addressOf, masked, networkOf } from '../formats/address';
import type { Severity, Signals, ThreatSignal } from '../types/index';
import { expectInteger, expectNames, expectWord } from '../validate/expect';
import { kindOf } from '../validate/kind';
import { graver, SEVERITIES } from './hop';

/** One decision as the API writes it. */
export interface CrowdsecDecision {
  readonly duration?: string;
  readonly origin?: string;
  readonly scenario?: string;
  readonly scope?: string;
  readonly type?: string;
  readonly value?: string;
}

/** An answer of `/v1/decisions/stream`. */
export interface CrowdsecStream {
  readonly new?: readonly CrowdsecDecision[] | null;
  readonly deleted?: readonly CrowdsecDecision[] | null;
}

export interface CrowdsecSignalsOptions {
  /** Kinds of decision that are a threat, and how bad. Default: `ban` is `high`, `captcha` is left alone. */
  types?: Readonly<Record<string, Severity>>;
  /** Default 100,000; about 200 bytes each. */
  maxDecisions?: number;
}

export interface CrowdsecSignals extends Signals {
  /** Takes an answer of `/v1/decisions/stream`, whole or not at all. `now`: unix ms. */
  apply(stream: CrowdsecStream, now: number): void;
  /**
   * Decisions held; since the start, those that found no room, and those that were not ours to act on (another scope,
   * another type) or could not be read.
   */
  readonly stats: { readonly held: number; readonly refused: number; readonly ignored: number };
}

interface Held {
  readonly scenario: string;
  readonly until: number;
}

/** Decisions of one kind about networks of one size, by the network's address: a lookup costs one step for each. */
interface Shelf {
  readonly bits: number;
  readonly type: string;
  readonly severity: Severity;
  readonly held: Map<string, Held>;
}

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  µs: 1e-3,
  us: 1e-3,
  ns: 1e-6,
};

/** A duration has at most six parts of a few digits; a scenario's name is a few words. */
const DURATION_CHARACTERS_MAX = 64;
const SCENARIO_CHARACTERS_MAX = 96;

/** `-1h2m3.5s` as Go writes it, in ms. `undefined` if it is not a duration. */
function durationMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length > DURATION_CHARACTERS_MAX) return undefined;
  const [, sign, parts] = /^([+-]?)((?:\d+(?:\.\d+)?(?:h|ms|m|s|µs|us|ns))+)$/.exec(text) ?? [];
  if (parts === undefined) return undefined;
  let ms = 0;
  for (const [, count, unit] of parts.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|µs|us|ns)/g)) {
    ms += Number(count) * (UNITS[unit as string] as number);
  }
  return sign === '-' ? -ms : ms;
}

/** Signals of CrowdSec. */
export function crowdsecSignals(options: CrowdsecSignalsOptions = {}): CrowdsecSignals {
  expectNames('crowdsec', options, ['types', 'maxDecisions']);
  const { types: given = { ban: 'high' } } = options;
  expectNames('crowdsec: `types`', given, Object.keys(given ?? {}));
  const types = new Map(Object.entries(given));
  for (const [type, severity] of types) expectWord(`crowdsec: \`types.${type}\``, severity, SEVERITIES);
  const max = expectInteger('crowdsec: `maxDecisions`', options.maxDecisions ?? 100_000, 1, 10_000_000);

  const shelves = new Map<string, Shelf>();
  let held = 0;
  let refused = 0;
  let ignored = 0;

  function drop(shelf: Shelf, key: string): void {
    if (shelf.held.delete(key)) held--;
  }

  /** The shelf that a decision stands on, and where; `undefined` for what is not ours to act on. */
  function place(decision: CrowdsecDecision | null): { shelf: Shelf; key: string } | undefined {
    const { scope, value, type } = decision ?? {};
    const severity = types.get(String(type));
    if (severity === undefined || typeof value !== 'string' || !/^(?:ip|range)$/i.test(String(scope))) return undefined;
    const network = networkOf(value);
    if (network === undefined) return undefined;
    const { bits, address } = network;
    const name = `${address.length} ${bits} ${type}`;
    const shelf = shelves.get(name) ?? { bits, type: String(type), severity, held: new Map() };
    shelves.set(name, shelf);
    return { shelf, key: String(address) };
  }

  function begin(decision: CrowdsecDecision, now: number): void {
    const at = place(decision);
    const ms = durationMs(decision?.duration);
    if (at === undefined || ms === undefined) {
      ignored++;
      return;
    }
    if (ms <= 0) return; // It has ended on the way.
    const { shelf, key } = at;
    const before = shelf.held.get(key);
    const until = now + ms;
    // Of two decisions of one kind about one network the longer one holds.
    if (before !== undefined && before.until >= until) return;
    if (before === undefined && held >= max) {
      refused++;
      return;
    }
    if (before === undefined) held++;
    shelf.held.set(key, { scenario: String(decision.scenario ?? '').slice(0, SCENARIO_CHARACTERS_MAX), until });
  }

  /** What ended unseen (its deletion was missed) gives its room back. */
  function sweep(now: number): void {
    for (const shelf of shelves.values()) {
      for (const [key, { until }] of shelf.held) if (now >= until) drop(shelf, key);
    }
  }

  return {
    detector: 'crowdsec',
    secrets: [],
    get stats() {
      return { held, refused, ignored };
    },
    apply(stream, now) {
      // Other names are the API's to add.
      expectNames('crowdsec: stream', stream, Object.keys(stream ?? {}));
      const [deleted, begun] = [stream.deleted ?? [], stream.new ?? []];
      for (const list of [deleted, begun]) {
        if (!Array.isArray(list)) throw new TypeError(`crowdsec: stream: expected arrays, got ${kindOf(list)}`);
      }
      if (!Number.isFinite(now)) throw new TypeError(`crowdsec: now: expected unix ms, got ${kindOf(now)}`);
      // Deletions first: an answer may end a decision and begin its successor.
      for (const decision of deleted) {
        const at = place(decision);
        if (at !== undefined) drop(at.shelf, at.key);
      }
      if (held + begun.length > max) sweep(now);
      for (const decision of begun) begin(decision, now);
    },
    read({ source, now }) {
      const text = typeof source === 'string' ? source : source?.address;
      const address = typeof text === 'string' ? addressOf(text) : undefined;
      if (address === undefined) return { strip: [] };
      let worst: ThreatSignal | undefined;
      for (const shelf of shelves.values()) {
        const key = String(masked(address, shelf.bits));
        const found = shelf.held.get(key);
        if (found === undefined) continue;
        if (now !== undefined && now >= found.until) {
          drop(shelf, key);
          continue;
        }
        const { type: rule, severity } = shelf;
        worst = graver(worst, { category: 'crowdsec', severity, detector: 'crowdsec', rule, reason: found.scenario });
      }
      return { threat: worst, strip: [] };
    },
  };
}
