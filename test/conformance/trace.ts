/**
 * The recorded life of an instance: operations that together take every verdict and every door. The same seed gives the
 * same steps on every engine, byte for byte, so that what differs afterwards was decided differently.
 *
 * Relies on: 32-bit integer arithmetic. Refuses: clock, chance and anything a platform could answer in its own way.
 */
import type { Json, PurgeReason, Scent, Severity, Source, TracehoundOptions } from '../../src/types/index';

/** `which` points into the signatures seen so far, so that a step is known before any result is. */
export type Act =
  | { do: 'intercept' | 'receipt'; scent: Scent }
  | { do: 'check' | 'peek'; source: Source; cost: number }
  | { do: 'reset' | 'unblock'; source: Source }
  | { do: 'block'; source: Source; ms: number }
  | { do: 'read' | 'neutralize' | 'get' | 'find'; which: number }
  | { do: 'purge'; which: number; reason: PurgeReason }
  | { do: 'replace'; which: number; scent: Scent }
  | { do: 'settle' | 'verify' | 'export' | 'release' | 'list' | 'flush' | 'id' | 'watch' }
  /** The core stops in the next request that carries a threat, and what it held is salvaged. */
  | { do: 'stop' };

export interface Step {
  /** What the clock moves by before the step: mostly forward. */
  readonly ms: number;
  readonly act: Act;
}

export type ProfileName = 'limited' | 'medium' | 'wide' | 'unlimited' | 'crowd';

/** How large an instance is made, and how many come to it. */
export interface Profile {
  readonly options: TracehoundOptions;
  /** Sources besides the odd ones. */
  readonly crowd: number;
}

/** Every door, with few sources. Small, so that every bound is met soon. */
const SMALL: TracehoundOptions = {
  quarantine: { maxCount: 12, maxBytes: 24_576, maxShare: 1 / 3 },
  maxPayloadBytes: 10_240,
  audit: { origin: 'slice/{instance}', maxRecords: 48 },
};

/**
 * A limiter for each width of counter, refusing often; none, so that nothing is charged and no answer has a rate; and a
 * crowd that overflows the table of sources, so that evictions and the sketch decide too.
 */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  limited: { options: { ...SMALL, rateLimit: { windowMs: 2_000, limit: 6, blockMs: 700, maxSources: 16 } }, crowd: 0 },
  medium: {
    options: { ...SMALL, rateLimit: { windowMs: 2_000, limit: 300, blockMs: 0, maxSources: 16, ipv6Prefix: 128 } },
    crowd: 0,
  },
  wide: {
    options: { ...SMALL, rateLimit: { windowMs: 3_000, limit: 70_000, blockMs: 250, maxSources: 16, ipv6Prefix: 17 } },
    crowd: 0,
  },
  unlimited: { options: { ...SMALL, rateLimit: false }, crowd: 0 },
  crowd: {
    options: {
      rateLimit: { windowMs: 4_000, limit: 3, blockMs: 900, maxSources: 64 },
      quarantine: { maxCount: 64, maxBytes: 65_536, maxShare: 1 / 8 },
      maxPayloadBytes: 10_240,
      audit: { origin: 'crowd/{instance}', maxRecords: 256 },
    },
    crowd: 400,
  },
};

/** Numbers from a seed: mulberry32, integers only. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 … end − 1. */
  below(end: number): number {
    return this.word() % end;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.word() & 0xff;
  }
}

/** Addresses in several spellings, keys, one that is both, nobody, and one longer than the core takes. */
const SOURCES: readonly Source[] = [
  '192.0.2.1',
  '::ffff:192.0.2.1',
  '198.51.100.77',
  '2001:db8:0:1::1',
  '2001:DB8:0:01:ffff::',
  'fe80::1%eth0',
  'tenant-7',
  'ключ-🔑',
  { address: '203.0.113.9' },
  { address: 'not an address' },
  { key: '203.0.113.9' },
  { address: '203.0.113.9', key: 'session' },
  'k'.repeat(300),
  '',
];
const CATEGORIES = ['sqli', 'xss', 'path.traversal', 'bot_net-1', 'a'.repeat(64), 'Not A Category', ''];
const SEVERITIES = ['low', 'medium', 'high', 'critical', 'appalling'] as readonly Severity[];
const REASONS: readonly PurgeReason[] = ['timeout', 'error', 'abort', 'panic', 'expired', 'erased'];
/** Where engines could write a number or sort a key differently (RFC 8785 §3.2.2, appendix B). */
const NUMBERS = [0, -0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 333333333.3333333, 2 ** 53, -0.1 - 0.2];
const WORDS = ["' OR 1=1 --", '<script>', '../../etc/passwd', '€', '😂', 'דּ', '\u0000', '\r\n', 'é', 'z'];

function json(dice: Dice, depth: number): Json {
  const kind = dice.below(depth > 3 ? 4 : 6);
  if (kind === 0) return dice.pick(NUMBERS);
  if (kind === 1) return dice.pick([true, false, null]);
  if (kind < 4) return dice.pick(WORDS) + dice.below(100);
  const members = Array.from({ length: dice.below(5) }, () => json(dice, depth + 1));
  if (kind === 4) return members;
  return Object.fromEntries(members.map((member) => [dice.pick(WORDS) + dice.below(20), member]));
}

function payload(dice: Dice): NonNullable<Scent['payload']> {
  const size = dice.pick([0, 1, 55, 64, 300, 319, 320, 900, 2_000]);
  const kind = dice.below(32);
  if (kind < 9) {
    const bytes = new Uint8Array(size);
    dice.fill(bytes);
    return bytes;
  }
  if (kind < 18) return dice.pick(WORDS).repeat(Math.ceil(size / 8)) + dice.below(1_000);
  if (kind < 27) return { path: dice.pick(WORDS), value: json(dice, 0) };
  if (kind === 27) return new Uint8Array(8_192 + dice.below(2_000)); // worth an asynchronous digest
  if (kind === 28) return new Uint8Array(10_241);
  if (kind === 29) return '€'.repeat(3_500); // too large only as UTF-8
  if (kind === 30) return { value: Number.NaN };
  return `${dice.pick(WORDS)}\ud800`;
}

/** One of the odd ones, or one of the crowd: half of it by IPv4, half by IPv6, two of those to a /56. */
function sourceOf(dice: Dice, crowd: number): Source {
  const odd = dice.pick(SOURCES);
  const who = dice.below(crowd + SOURCES.length);
  if (who >= crowd) return odd;
  return who % 2 === 0 ? `10.7.${who >>> 8}.${who & 255}` : `2001:db8:${(who >>> 2).toString(16)}:${who & 255}::1`;
}

function flagged(dice: Dice, crowd: number): Scent {
  const scent: Scent = {
    source: sourceOf(dice, crowd),
    threat: {
      category: dice.pick(CATEGORIES),
      severity: dice.pick(SEVERITIES),
      detector: dice.pick(['waf', '', 'é'.repeat(40)]),
    },
  };
  if (dice.below(12) > 0) scent.payload = payload(dice);
  if (dice.below(6) === 0) scent.fingerprint = dice.pick(['GET /a', 'POST /b', new Uint8Array([1, 2, 3])]);
  if (dice.below(8) === 0) scent.truncated = true;
  if (dice.below(8) === 0) scent.disposition = dice.pick(['observed', 'passed']);
  return scent;
}

function clean(dice: Dice, crowd: number): Scent {
  if (dice.below(9) === 0) return dice.pick([null, 7, [], undefined]) as unknown as Scent;
  return { source: sourceOf(dice, crowd) };
}

/** Only what came lately is sent again: what came long ago has left the quarantine. */
const EARLIER_MAX = 100;

/** Requests that one source sends without pause. */
const FLOOD_MAX = 60;

function act(dice: Dice, crowd: number, earlier: Scent[]): Act {
  const roll = dice.below(100);
  const which = dice.below(1_000);
  const source = sourceOf(dice, crowd);
  if (roll < 22) return { do: 'intercept', scent: clean(dice, crowd) };
  if (roll < 56) {
    const scent = flagged(dice, crowd);
    earlier.push(scent);
    if (earlier.length > EARLIER_MAX) earlier.shift();
    return { do: dice.below(10) === 0 ? 'receipt' : 'intercept', scent };
  }
  if (roll < 68 && earlier.length > 0) return { do: 'intercept', scent: { ...dice.pick(earlier), source } };
  if (roll < 72) return { do: dice.pick(['check', 'peek']), source, cost: dice.pick([1, 2, 6, 0, 7, 120, 30_000]) };
  if (roll < 74) return { do: dice.pick(['reset', 'unblock']), source };
  if (roll < 75) return { do: 'block', source, ms: 1 + dice.below(3_000) };
  if (roll < 86) return { do: dice.pick(['read', 'neutralize', 'get', 'find']), which };
  if (roll < 90) return { do: 'purge', which, reason: dice.pick(REASONS) };
  if (roll < 93) return { do: 'replace', which, scent: flagged(dice, crowd) };
  if (roll < 99) return { do: dice.pick(['settle', 'verify', 'export', 'release', 'list', 'id', 'watch']) };
  return { do: 'flush' };
}

/** Mostly crawls, sometimes leaps past a window, sometimes runs back, and has fractions. */
function wait(dice: Dice): number {
  const roll = dice.below(40);
  return roll === 0 ? 2_500 : roll === 1 ? -300.5 : dice.below(480) / 8;
}

const isRequest = ({ act: { do: door } }: Step): boolean => door === 'intercept' || door === 'receipt';

/**
 * The steps of `seed`: `count` of them, or with a crowd as many as have `count` requests among them. The core stops twice:
 * a third time within a minute would end the revivals.
 */
export function trace(seed: number, count: number, crowd = 0): Step[] {
  const dice = new Dice(seed);
  const earlier: Scent[] = [];
  const steps: Step[] = [];
  let [done, flood]: [number, number] = [0, 0];
  let source: Source = '';
  const add = (step: Step): void => {
    steps.push(step);
    if (crowd === 0 || isRequest(step)) done++;
  };
  while (done < count) {
    if (done === Math.floor(count / 3) || done === Math.floor((2 * count) / 3)) {
      add({ ms: 0, act: { do: 'stop' } });
      add({ ms: 1, act: { do: 'intercept', scent: flagged(dice, crowd) } });
    } else if (flood > 0) {
      flood--;
      const scent = dice.below(4) === 0 ? flagged(dice, crowd) : clean(dice, crowd);
      add({ ms: dice.below(64) / 8, act: { do: 'intercept', scent: scent && { ...scent, source } } });
    } else {
      if (crowd > 0 && dice.below(60) === 0) {
        flood = dice.below(FLOOD_MAX);
        source = sourceOf(dice, crowd);
      }
      add({ ms: wait(dice), act: act(dice, crowd, earlier) });
    }
  }
  return steps;
}
