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
import { addressOf, masked, rangeOf } from '../address';
import { expectInteger, expectNames, expectWord } from '../expect';
import { graver, SEVERITIES, type Signals } from '../hop';
import type { Severity, ThreatSignal } from '../types';

/** One decision as the API writes it. */
export interface CrowdsecDecision {
  readonly duration?: string;
  readonly origin?: string;
  readonly scenario?: string;
  readonly scope?: string;
  readonly type?: string;
  readonly value?: string;
}

export interface CrowdsecSignalsOptions {
  /** Kinds of decision that are a threat, and how bad. Default: `ban` is `high`, `captcha` is left alone. */
  types?: Readonly<Record<string, Severity>>;
  /** Default 100,000; about 200 bytes each. */
  maxDecisions?: number;
}

export interface CrowdsecSignals extends Signals {
  /** Takes an answer of `/v1/decisions/stream`. `now`: unix ms. */
  apply(
    stream: { new?: readonly CrowdsecDecision[] | null; deleted?: readonly CrowdsecDecision[] | null },
    now: number,
  ): void;
  /** Decisions held, and those that found no room since the start. */
  readonly stats: { readonly held: number; readonly refused: number };
}

interface Held {
  readonly scenario: string;
  readonly until: number;
}

/** Decisions of one kind about networks of one size, by the network's address: a lookup costs one step for each. */
interface Shelf {
  readonly length: number;
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

/** `-1h2m3.5s` as Go writes it, in ms. `undefined` if it is not a duration. */
export function durationMs(text: string): number | undefined {
  const [, sign, parts] = /^([+-]?)((?:\d+(?:\.\d+)?(?:h|ms|m|s|µs|us|ns))+)$/.exec(text.slice(0, 64)) ?? [];
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
  const types = new Map(Object.entries(options.types ?? { ban: 'high' as Severity }));
  for (const [type, severity] of types) expectWord(`crowdsec: \`types.${type}\``, severity, SEVERITIES);
  const max = expectInteger('crowdsec: `maxDecisions`', options.maxDecisions ?? 100_000, 1, 10_000_000);

  const shelves = new Map<string, Shelf>();
  let held = 0;
  let refused = 0;

  function drop(shelf: Shelf, key: string): void {
    if (shelf.held.delete(key)) held--;
  }

  /** The shelf that a decision stands on, and where; `undefined` for what is not ours to act on. */
  function place({ scope, value, type = '' }: CrowdsecDecision): { shelf: Shelf; key: string } | undefined {
    const severity = types.get(type);
    if (severity === undefined || typeof value !== 'string' || !/^(?:ip|range)$/i.test(String(scope))) return undefined;
    const range = rangeOf(value);
    if (range === undefined) return undefined;
    const { bits, address } = range;
    const name = `${address.length} ${bits} ${type}`;
    const shelf = shelves.get(name) ?? { length: address.length, bits, type, severity, held: new Map() };
    shelves.set(name, shelf);
    return { shelf, key: String(address) };
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
      return { held, refused };
    },
    apply(stream, now) {
      // Deletions first: an answer may end a decision and begin its successor.
      for (const decision of stream.deleted ?? []) {
        const at = place(decision);
        if (at !== undefined) drop(at.shelf, at.key);
      }
      const begun = stream.new ?? [];
      if (held + begun.length > max) sweep(now);
      for (const decision of begun) {
        const at = place(decision);
        const ms = typeof decision.duration === 'string' ? durationMs(decision.duration) : undefined;
        if (at === undefined || ms === undefined || ms <= 0) continue;
        const before = at.shelf.held.get(at.key);
        const until = now + ms;
        if (before === undefined && held >= max) {
          refused++;
        } else if (before === undefined || before.until < until) {
          // Of two decisions of one kind about one address the longer one holds.
          if (before === undefined) held++;
          at.shelf.held.set(at.key, { scenario: String(decision.scenario ?? ''), until });
        }
      }
    },
    read({ source, now }) {
      const text = typeof source === 'string' ? source : source?.address;
      const address = text === undefined || held === 0 ? undefined : addressOf(text);
      if (address === undefined) return { strip: [] };
      let worst: ThreatSignal | undefined;
      for (const shelf of shelves.values()) {
        if (shelf.length !== address.length) continue;
        const key = String(masked(address, shelf.bits));
        const found = shelf.held.get(key);
        if (found === undefined) continue;
        const { type, severity } = shelf;
        if (now !== undefined && now >= found.until) drop(shelf, key);
        else
          worst = graver(worst, {
            category: 'crowdsec',
            severity,
            detector: 'crowdsec',
            rule: type,
            reason: found.scenario,
          });
      }
      return { threat: worst, strip: [] };
    },
  };
}
