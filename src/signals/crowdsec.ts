/**
 * CrowdSec: decisions of its local API → `ThreatSignal` for the addresses they are about. You fetch
 * `/v1/decisions/stream` (every ten seconds, `startup=true` first) and hand each answer to `apply`; `read` looks the
 * source up.
 *
 * The API names a decision by scope, value and type, and ends it under that name: the end of a short one, of another
 * spelling, or of a range inside a range lifts no other. What was missed it never says again: the bouncer's state stands
 * with its key, so an answer that was lost is gone, and a ban that was lifted by deleting its alert is never announced.
 * Therefore an answer to `startup=true` replaces the list.
 *
 * Relies on: the source, as the limiter sees it, and the time it is told.
 * Refuses: to ask the network itself; to act on a decision of another scope than `Ip` and `Range`, or of a kind that is
 * not configured; to hold more than `maxDecisions`, of which local ones (`crowdsec`, `cscli`) come first.
 *
 * *Trusted*: the local API, and whoever may add decisions to it, could have anyone refused.
 *
 * @module
 */
import { addressOf, networkOf } from '../formats/address';
import type { Severity, Signals, SignalView, ThreatSignal } from '../types/index';
import { integer, readFlag, readGroup, readMap, word } from '../validate/index';
import { kindOf } from '../validate/kind';
import { type Decision, Decisions } from './decisions';
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
  /** Default 100,000; about 500 bytes each. */
  maxDecisions?: number;
}

export interface CrowdsecApplyOptions {
  /** The answer is one to `startup=true`: it is the whole list, and replaces what is held. */
  startup?: boolean;
}

export interface CrowdsecSignals extends Signals {
  /** Takes an answer of `/v1/decisions/stream`, whole or not at all. `now`: unix ms. */
  apply(stream: CrowdsecStream, now: number, options?: CrowdsecApplyOptions): void;
  /**
   * Decisions held; since the start, those that found no room or gave theirs to local ones, and those that were not ours to act on (another scope,
   * another type) or could not be read.
   */
  readonly stats: { readonly held: number; readonly refused: number; readonly ignored: number };
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

/** Origins of lists that others keep: the community's, and those one subscribes to (`lists:firehol`). */
const FOREIGN = /^(?:capi|lists)(?::|$)/i;

const isLocal = (one: CrowdsecDecision | null): boolean => !FOREIGN.test(String(one?.origin));

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

/** Signals of CrowdSec. Throws when the options are wrong. */
export function crowdsecSignals(options: CrowdsecSignalsOptions = {}): CrowdsecSignals {
  const { types, maxDecisions } = readCrowdsec(options);
  let decisions = new Decisions(maxDecisions);
  let refused = 0;
  let ignored = 0;

  return {
    detector: 'crowdsec',
    secrets: [],
    get stats() {
      return { held: decisions.held, refused, ignored };
    },
    apply(stream, now, options) {
      const { begun, deleted, isWhole } = readAnswer(stream, now, options);
      if (isWhole) decisions = new Decisions(maxDecisions);
      // Ends first: an answer may end a decision and begin its successor.
      for (const one of deleted) {
        const decision = decisionOf(one, types, now);
        if (decision !== undefined) decisions.end(decision);
      }
      if (decisions.held + begun.length > maxDecisions) decisions.sweep(now);
      for (const one of begun) {
        const decision = decisionOf(one, types, now);
        if (decision === undefined || Number.isNaN(decision.until)) ignored++;
        else if (decision.until > now) refused += decisions.begin(decision);
      }
    },
    read: (view) => ({ threat: worstOf(decisions, view), strip: [] }),
  };
}

function worstOf(decisions: Decisions, { source, now }: SignalView): ThreatSignal | undefined {
  const text = typeof source === 'string' ? source : source?.address;
  const address = typeof text === 'string' ? addressOf(text) : undefined;
  if (address === undefined) return undefined;
  let worst: ThreatSignal | undefined;
  for (const { type: rule, severity, scenario } of decisions.find(address, now)) {
    worst = graver(worst, { category: 'crowdsec', severity, detector: 'crowdsec', rule, reason: scenario });
  }
  return worst;
}

/** What a decision is about; `undefined` for what is not ours to act on. Without a duration `until` is not a number. */
function decisionOf(
  given: CrowdsecDecision | null,
  types: ReadonlyMap<string, Severity>,
  now: number,
): Decision | undefined {
  const { scope, value, type, scenario, duration } = given ?? {};
  const severity = types.get(String(type));
  if (severity === undefined || typeof value !== 'string' || !/^(?:ip|range)$/i.test(String(scope))) return undefined;
  const network = networkOf(value);
  if (network === undefined) return undefined;
  return {
    // As the API keeps them apart: `1.2.3.4` and `1.2.3.4/32`, and two spellings of one address, are two decisions.
    name: /^ip$/i.test(String(scope)) ? value : `range ${value}`,
    network,
    type: String(type),
    severity,
    scenario: String(scenario ?? '').slice(0, SCENARIO_CHARACTERS_MAX),
    until: now + (durationMs(duration) ?? Number.NaN),
    isLocal: isLocal(given),
  };
}

interface Answer {
  readonly begun: readonly (CrowdsecDecision | null)[];
  readonly deleted: readonly (CrowdsecDecision | null)[];
  readonly isWhole: boolean;
}

/** All of it is looked at before any of it is taken. */
function readAnswer(stream: CrowdsecStream, now: number, options: unknown): Answer {
  const given = readGroup('crowdsec.apply', 'crowdsec.apply.', options, ['startup']);
  const isWhole = readFlag('crowdsec.apply.startup', given.startup, false);
  if (!Number.isFinite(now)) throw new TypeError(`crowdsec.apply: no time, expected unix ms, got ${kindOf(now)}`);
  if (typeof stream !== 'object' || stream === null || Array.isArray(stream)) {
    throw new TypeError(`crowdsec.apply: no answer of the stream, expected an object, got ${kindOf(stream)}`);
  }
  // Other names are the API's to add.
  const lists = [stream.new ?? [], stream.deleted ?? []] as const;
  for (const list of lists) {
    if (!Array.isArray(list)) throw new TypeError(`crowdsec.apply: no list, expected arrays, got ${kindOf(list)}`);
  }
  // Local ones first, so that none of them waits for the room of another.
  const begun = [...lists[0].filter(isLocal), ...lists[0].filter((one) => !isLocal(one))];
  return { begun, deleted: lists[1], isWhole };
}

function readCrowdsec(options: unknown): { types: ReadonlyMap<string, Severity>; maxDecisions: number } {
  const given = readGroup('crowdsecSignals', 'crowdsecSignals.', options, ['types', 'maxDecisions']);
  const types = readMap(
    'crowdsecSignals.types',
    given.types === undefined ? { ban: 'high' } : given.types,
    (part, severity) => word(part, severity, SEVERITIES, null),
  );
  return {
    types: new Map(types),
    maxDecisions: integer('crowdsecSignals.maxDecisions', given.maxDecisions, 100_000, 1, 10_000_000),
  };
}
