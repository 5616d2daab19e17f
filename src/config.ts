/**
 * Options of `createTracehound` → numbers that the rest may rely on.
 *
 * Relies on: `codec`, `kind`, `errors`. Refuses: to guess. An option that is misspelt, of the wrong kind or out of bounds
 * throws at start, in one sentence that names it: *part: problem, expected X, got Y*. Only own properties count, each is
 * read once, and what was given is never repeated — a secret pasted into the wrong option must not reach a log.
 *
 * A wrong kind or an unknown name is a `TypeError`, a wrong value a `RangeError`.
 */
import { captureBytes, isBytes, utf8Length } from './codec';
import { TracehoundError } from './errors';
import { isArray, kindOf } from './kind';
import { parseVerifierKey } from './note';
import type {
  LogStore,
  OpenedLog,
  OpenedSnapshot,
  PlatformLimiter,
  QuarantineOptions,
  RateLimitOptions,
  ResolvedOptions,
  Runtime,
  Signer,
} from './types';

/** Everything that was asked for, checked: the numbers, and the parts that are passed in as they are. */
export interface Resolved extends ResolvedOptions {
  readonly runtime: Runtime | undefined;
  readonly module: WebAssembly.Module | undefined;
  readonly restore: OpenedSnapshot | undefined;
  /** Of `quarantine`. */
  readonly authorize: QuarantineOptions['authorize'];
}

const MiB = 1_048_576;
/** 35 years. Unix time and a few of these still add up exactly in a double. */
const MS_MAX = 2 ** 40;
/** HMAC hashes a key longer than 64 bytes first, so more gains nothing; more than this is a mistake, such as a file. */
const SECRET_BYTES_MAX = 1_024;
const SECRET_BYTES_MIN = 32;
const ORIGIN_BYTES_MAX = 255;
const UUID_TEXT = '00000000-0000-0000-0000-000000000000';

/** Part of the contract, not of this version: given, they are refused, because a sink that never fires is worse than none. */
const LATER = ['coldStorage', 'sinks', 'ledger', 'hounds', 'failsafe', 'trust', 'lanes', 'scheduler'] as const;
const NAMES = [
  'rateLimit',
  'quarantine',
  'maxPayloadBytes',
  'audit',
  'secret',
  'failMode',
  'runtime',
  'clock',
  'module',
  'restore',
  ...LATER,
] as const;

/** Checks everything, then returns frozen numbers. Throws `TypeError`, `RangeError`, or `UNSUPPORTED`. */
export function resolveOptions(options?: unknown): Resolved {
  const given = readGroup('options', '', options, NAMES);
  for (const name of LATER) {
    if (given[name] === undefined) continue;
    const got = kindOf(given[name]);
    throw new TracehoundError(
      'UNSUPPORTED',
      `${name}: not available in this version, expected it to be absent, got ${got}`,
    );
  }
  const { quarantine, authorize } = readQuarantine(given.quarantine);
  const maxPayloadBytes = integer('maxPayloadBytes', given.maxPayloadBytes, 65_536, 256, 2 ** 26, 'bytes');
  // With a small store and no word about payloads the default stays: what is larger than the store is dropped, counted.
  if (given.maxPayloadBytes !== undefined && maxPayloadBytes > quarantine.maxBytes) {
    throw new RangeError(
      `maxPayloadBytes: can never be held, expected at most quarantine.maxBytes (${quarantine.maxBytes}), got ${maxPayloadBytes}`,
    );
  }
  return Object.freeze({
    ...readLimits(given.rateLimit),
    quarantine,
    authorize,
    maxPayloadBytes,
    audit: readAudit(given.audit),
    secret: readSecret(given.secret),
    failMode: word('failMode', given.failMode, ['open', 'closed']),
    clock: callable('clock', given.clock) as (() => number) | undefined,
    runtime: readRuntime(given.runtime),
    module: object('module', given.module, 'a compiled WebAssembly.Module') as WebAssembly.Module | undefined,
    restore: object('restore', given.restore, 'what openSnapshot returned') as OpenedSnapshot | undefined,
  });
}

function readLimits(value: unknown): Pick<Resolved, 'rateLimit' | 'limiter'> {
  const isPlatforms = typeof value === 'object' && value !== null && Object.hasOwn(value, 'charge');
  if (isPlatforms) return { rateLimit: false, limiter: readLimiter(value) };
  return { rateLimit: value === false ? false : readRateLimit(value), limiter: undefined };
}

function readLimiter(value: unknown): PlatformLimiter {
  const given = readGroup('rateLimit', 'rateLimit.', value, ['limit', 'windowMs', 'charge']);
  const { charge } = given;
  if (typeof charge !== 'function') throw wrongKind('rateLimit.charge', 'a function', charge);
  return Object.freeze({
    limit: integer('rateLimit.limit', given.limit ?? null, 0, 1, 2 ** 31 - 1),
    windowMs: integer('rateLimit.windowMs', given.windowMs ?? null, 0, 1, MS_MAX, 'ms'),
    charge: charge as PlatformLimiter['charge'],
  });
}

function readRateLimit(value: unknown): Required<RateLimitOptions> {
  const names = ['windowMs', 'limit', 'blockMs', 'maxSources', 'ipv6Prefix'] as const;
  const given = readGroup('rateLimit', 'rateLimit.', value, names, 'an object or false');
  return Object.freeze({
    windowMs: integer('rateLimit.windowMs', given.windowMs, 60_000, 32, MS_MAX, 'ms'),
    limit: integer('rateLimit.limit', given.limit, 100, 1, 2 ** 31 - 1),
    blockMs: integer('rateLimit.blockMs', given.blockMs, 0, 0, MS_MAX, 'ms'),
    maxSources: integer('rateLimit.maxSources', given.maxSources, 65_536, 1, 2 ** 24),
    ipv6Prefix: integer('rateLimit.ipv6Prefix', given.ipv6Prefix, 56, 1, 128, 'bits'),
  });
}

function readQuarantine(value: unknown): Pick<Resolved, 'quarantine' | 'authorize'> {
  const given = readGroup('quarantine', 'quarantine.', value, ['maxCount', 'maxBytes', 'maxShare', 'authorize']);
  const authorize = callable('quarantine.authorize', given.authorize) as QuarantineOptions['authorize'];
  const quarantine = Object.freeze({
    maxCount: integer('quarantine.maxCount', given.maxCount, 10_000, 1, 2 ** 22),
    maxBytes: integer('quarantine.maxBytes', given.maxBytes, 16 * MiB, 1, 2 ** 30, 'bytes'),
    maxShare: share('quarantine.maxShare', given.maxShare, 1 / 16),
  });
  return { quarantine, authorize };
}

const AUDIT_NAMES = [
  'origin',
  'maxRecords',
  'signer',
  'store',
  'policy',
  'checkpointMs',
  'heartbeatMs',
  'rotateMs',
  'resume',
] as const;
/** The writer keeps 512 records of the ring free, and half of the ring is little enough to fill. */
const STORED_RECORDS_MIN = 1_024;

function readAudit(value: unknown): ResolvedOptions['audit'] {
  const given = readGroup('audit', 'audit.', value, AUDIT_NAMES);
  const store = readStore(given.store);
  const signer = readSigner(given.signer);
  const recordsMin = store === undefined ? 16 : STORED_RECORDS_MIN;
  const resume = readResume(given, store, signer);
  return Object.freeze({
    origin: resume?.origin ?? readOrigin(given.origin),
    maxRecords: integer('audit.maxRecords', given.maxRecords, 4_096, recordsMin, MiB),
    signer,
    store,
    policy: word('audit.policy', given.policy, ['continue', 'halt']),
    checkpointMs: integer('audit.checkpointMs', given.checkpointMs, 1_000, 50, 60_000, 'ms'),
    heartbeatMs: integer('audit.heartbeatMs', given.heartbeatMs, 60_000, 1_000, 86_400_000, 'ms'),
    rotateMs: integer('audit.rotateMs', given.rotateMs, 3_600_000, 1_000, MS_MAX, 'ms'),
    resume,
  });
}

function readStore(value: unknown): LogStore | undefined {
  const store = object('audit.store', value, 'a LogStore') as LogStore | undefined;
  if (store === undefined) return undefined;
  for (const name of ['putIfAbsent', 'get', 'swap'] as const) {
    if (typeof store[name] !== 'function') throw wrongKind(`audit.store.${name}`, 'a function', store[name]);
  }
  return store;
}

function readResume(given: Readonly<Record<string, unknown>>, store: unknown, signer: unknown): OpenedLog | undefined {
  const resume = object('audit.resume', given.resume, 'what openLog returned') as OpenedLog | undefined;
  if (resume === undefined) return undefined;
  if (given.origin !== undefined && given.origin !== resume.origin) {
    throw new RangeError('audit.origin: another, expected none beside audit.resume or the same, got another');
  }
  const missing = store === undefined ? 'store' : signer === undefined ? 'signer' : undefined;
  if (missing === undefined) return resume;
  // The keys that signed so far are gone; only the deployment's key can say that ours may go on.
  throw new RangeError(`audit.resume: cannot go on alone, expected audit.${missing} beside it, got none`);
}

/**
 * The origin is the first line of a checkpoint and the name of a key in a signed note, so it follows the rules of both
 * (C2SP tlog-checkpoint, signed-note: no plus sign, no Unicode spaces), and its bytes are hashed into the genesis value.
 */
function readOrigin(value: unknown): string {
  const part = 'audit.origin';
  if (value === undefined) return 'local/{instance}';
  if (typeof value !== 'string') throw wrongKind(part, 'a string', value);
  const bytes = utf8Length(value.replaceAll('{instance}', UUID_TEXT), ORIGIN_BYTES_MAX);
  const expected = `1 to ${ORIGIN_BYTES_MAX} bytes of UTF-8`;
  if (bytes === 0) throw new RangeError(`${part}: empty, expected ${expected}, got an empty string`);
  if (bytes < 0) throw new RangeError(`${part}: not Unicode, expected ${expected}, got a surrogate that stands alone`);
  if (bytes > ORIGIN_BYTES_MAX) throw new RangeError(`${part}: too long, expected ${expected}, got more`);
  if (/[\s\p{Cc}\u2028\u2029+]/u.test(value)) {
    throw new RangeError(`${part}: unusable, expected no space, control character or plus sign, got one`);
  }
  return value;
}

function readSigner(value: unknown): Signer | undefined {
  const signer = object('audit.signer', value, 'an object with `name`, `vkey` and `sign`') as Signer | undefined;
  if (signer === undefined) return undefined;
  if (typeof signer.name !== 'string') throw wrongKind('audit.signer.name', 'a string', signer.name);
  if (typeof signer.vkey !== 'string') throw wrongKind('audit.signer.vkey', 'a verifier key', signer.vkey);
  if (typeof signer.sign !== 'function') throw wrongKind('audit.signer.sign', 'a function', signer.sign);
  if (keyName(signer.vkey) === signer.name) return signer;
  throw new RangeError(
    'audit.signer.vkey: unusable, expected the verifier key name+id+base64 of its name, got other text',
  );
}

function keyName(vkey: string): string | undefined {
  try {
    return parseVerifierKey(vkey).name;
  } catch {
    return undefined;
  }
}

/** A copy: the caller may, and should, overwrite its own. */
function readSecret(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (!isBytes(value)) throw wrongKind('secret', 'a Uint8Array', value);
  const bytes = captureBytes(value, SECRET_BYTES_MAX);
  const expected = `${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes`;
  if (bytes === undefined) throw new RangeError(`secret: unreadable, expected ${expected}, got a detached buffer`);
  if (typeof bytes === 'number') throw new RangeError(`secret: too long, expected ${expected}, got ${bytes}`);
  if (bytes.length < SECRET_BYTES_MIN) {
    throw new RangeError(`secret: too short, expected ${expected}, got ${bytes.length}`);
  }
  return new Uint8Array(bytes);
}

function readRuntime(value: unknown): Runtime | undefined {
  const runtime = object('runtime', value, 'a Runtime') as Runtime | undefined;
  if (runtime === undefined) return undefined;
  for (const answer of ['core', 'now', 'random', 'defer', 'source'] as const) {
    if (typeof runtime[answer] !== 'function') throw wrongKind(`runtime.${answer}`, 'a function', runtime[answer]);
  }
  return runtime;
}

// ── the kinds ───────────────────────────────────────────────────────────────────────────────────

type Group<Name extends string> = { readonly [name in Name]?: unknown };

/** The own properties of an options object, each read once. Inherited ones do not count: a prototype can be polluted. */
function readGroup<Name extends string>(
  part: string,
  prefix: string,
  value: unknown,
  names: readonly Name[],
  expected = 'an object',
): Group<Name> {
  const group: Record<string, unknown> = Object.create(null);
  const source = object(part, value, expected) as Readonly<Record<string, unknown>> | undefined;
  if (source === undefined) return group as Group<Name>;
  for (const name of attempt(part, () => Reflect.ownKeys(source))) {
    if (typeof name === 'symbol') continue; // Marks of frameworks; no option has such a name.
    if (!(names as readonly string[]).includes(name)) throw unknownName(prefix, name, names);
    group[name] = attempt(`${prefix}${name}`, () => source[name]);
  }
  return group as Group<Name>;
}

function attempt<Value>(part: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new TypeError(`${part}: not readable, expected a value, got an exception`, { cause });
  }
}

function integer(part: string, value: unknown, fallback: number, min: number, max: number, unit = ''): number {
  if (value === undefined) return fallback;
  const suffix = unit && ` (${unit})`;
  const whole = `an integer from ${min} to ${max}${suffix}`;
  if (typeof value !== 'number') throw wrongKind(part, whole, value);
  if (!Number.isInteger(value)) throw new RangeError(`${part}: not an integer, expected ${whole}, got ${value}`);
  if (value < min) throw new RangeError(`${part}: too small, expected an integer ≥ ${min}${suffix}, got ${value}`);
  if (value > max) throw new RangeError(`${part}: too large, expected an integer ≤ ${max}${suffix}, got ${value}`);
  return value + 0; // −0 becomes 0
}

/** One of two words, the first by default. */
function word<Word extends string>(part: string, value: unknown, words: readonly [Word, Word]): Word {
  if (value === undefined) return words[0];
  const expected = `'${words[0]}' or '${words[1]}'`;
  if (typeof value !== 'string') throw wrongKind(part, expected, value);
  if ((words as readonly string[]).includes(value)) return value as Word;
  throw new RangeError(`${part}: unknown, expected ${expected}, got another string`);
}

function share(part: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const expected = 'a number above 0, at most 1';
  if (typeof value !== 'number') throw wrongKind(part, expected, value);
  if (!(value > 0 && value <= 1)) throw new RangeError(`${part}: out of range, expected ${expected}, got ${value}`);
  return value;
}

function callable(part: string, value: unknown): unknown {
  if (value !== undefined && typeof value !== 'function') throw wrongKind(part, 'a function', value);
  return value;
}

function object(part: string, value: unknown, expected: string): object | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || isArray(value)) throw wrongKind(part, expected, value);
  return value;
}

function wrongKind(part: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${part}: wrong kind, expected ${expected}, got ${kindOf(value)}`);
}

function unknownName(prefix: string, name: string, names: readonly string[]): TypeError {
  // A name that a programmer could have typed is shown; anything else was data.
  const shown = /^[A-Za-z_]\w{0,31}$/.test(name) ? name : '?';
  const near = nearest(name, names);
  const hint = near === undefined ? '' : ` (did you mean \`${near}\`?)`;
  return new TypeError(
    `${prefix}${shown}: no such option${hint}, expected one of ${names.join(', ')}, got another name`,
  );
}

/** The name that a typing mistake most likely meant: same letters whatever their case, or at most a third of them wrong. */
function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > 32) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known.toLowerCase());
    if (distance < bestDistance && distance * 3 <= known.length) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's, one row at a time. */
function editDistance(from: string, to: string): number {
  const row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const above = row[j]!;
      row[j] = from[i - 1] === to[j - 1] ? diagonal : 1 + Math.min(diagonal, above, row[j - 1]!);
      diagonal = above;
    }
  }
  return row[to.length]!;
}
