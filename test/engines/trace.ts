/**
 * One recorded life of an instance: a few hundred operations that together take every verdict and every door. The same
 * seed gives the same steps on every engine, byte for byte, so that what differs afterwards was decided differently.
 *
 * Relies on: 32-bit integer arithmetic. Refuses: clock, chance and anything a platform could answer in its own way.
 */
import type { Json, PurgeReason, Scent, Severity, Source } from '../../src/types';

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

/** Small, so that every bound is met soon: in a bytecode interpreter one block of SHA-256 costs a millisecond. */
export const OPTIONS = {
  quarantine: { maxCount: 12, maxBytes: 24_576, maxShare: 1 / 3 },
  maxPayloadBytes: 10_240,
  audit: { origin: 'slice/{instance}', maxRecords: 48 },
} as const;

/** A limiter for each width of counter, refusing often; and none: then nothing is charged and no answer has a rate. */
export const LIMITS = {
  limited: { windowMs: 2_000, limit: 6, blockMs: 700, maxSources: 16 },
  medium: { windowMs: 2_000, limit: 300, blockMs: 0, maxSources: 16, ipv6Prefix: 128 },
  wide: { windowMs: 3_000, limit: 70_000, blockMs: 250, maxSources: 16, ipv6Prefix: 17 },
  unlimited: false,
} as const;
export type Limits = keyof typeof LIMITS;

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

function flagged(dice: Dice): Scent {
  const scent: Scent = {
    source: dice.pick(SOURCES),
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

function clean(dice: Dice): Scent {
  if (dice.below(9) === 0) return dice.pick([null, 7, [], undefined]) as unknown as Scent;
  return { source: dice.pick(SOURCES) };
}

function act(dice: Dice, earlier: Scent[]): Act {
  const roll = dice.below(100);
  const which = dice.below(1_000);
  const source = dice.pick(SOURCES);
  if (roll < 22) return { do: 'intercept', scent: clean(dice) };
  if (roll < 56) {
    const scent = flagged(dice);
    earlier.push(scent);
    return { do: dice.below(10) === 0 ? 'receipt' : 'intercept', scent };
  }
  if (roll < 68 && earlier.length > 0) return { do: 'intercept', scent: { ...dice.pick(earlier), source } };
  if (roll < 72) return { do: dice.pick(['check', 'peek']), source, cost: dice.pick([1, 2, 6, 0, 7, 120, 30_000]) };
  if (roll < 74) return { do: dice.pick(['reset', 'unblock']), source };
  if (roll < 75) return { do: 'block', source, ms: 1 + dice.below(3_000) };
  if (roll < 86) return { do: dice.pick(['read', 'neutralize', 'get', 'find']), which };
  if (roll < 90) return { do: 'purge', which, reason: dice.pick(REASONS) };
  if (roll < 93) return { do: 'replace', which, scent: flagged(dice) };
  if (roll < 99) return { do: dice.pick(['settle', 'verify', 'export', 'release', 'list', 'id', 'watch']) };
  return { do: 'flush' };
}

/**
 * The steps of `seed`. The clock mostly crawls, sometimes leaps past a window, sometimes runs back, and has fractions. The
 * core stops twice: a third time within a minute would end the revivals.
 */
export function trace(seed: number, count: number): Step[] {
  const dice = new Dice(seed);
  const earlier: Scent[] = [];
  return Array.from({ length: count }, (_, i) => {
    const roll = dice.below(40);
    const ms = roll === 0 ? 2_500 : roll === 1 ? -300.5 : dice.below(480) / 8;
    const stops = i === Math.floor(count / 3) || i === Math.floor((2 * count) / 3);
    return { ms, act: stops ? { do: 'stop' } : act(dice, earlier) };
  });
}
