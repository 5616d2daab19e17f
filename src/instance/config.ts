/**
 * Options of `createTracehound` → numbers that the rest may rely on.
 *
 * Relies on: `validate`, `bytes`, `errors`. Refuses: to guess. An option that is misspelt, of the wrong kind or out of bounds
 * throws at start, in one sentence that names it: *part: problem, expected X, got Y*. Only own properties count, each is
 * read once, and what was given is never repeated — a secret pasted into the wrong option must not reach a log.
 *
 * A wrong kind or an unknown name is a `TypeError`, a wrong value a `RangeError`.
 */

import { TracehoundError } from '../errors';
import { utf8Length } from '../formats/bytes';
import type { LogPlug } from '../log/keeper';
import type {
  OpenedSnapshot,
  PlatformLimiter,
  QuarantineOptions,
  RateLimitOptions,
  ResolvedAudit,
  ResolvedOptions,
  Runtime,
  Signer,
} from '../types/index';
import {
  callable,
  type Group,
  integer,
  object,
  plug,
  readFlag,
  readGroup,
  reading,
  share,
  word,
  wrongKind,
} from '../validate/index';
import { kindOf } from '../validate/kind';
import { readSecrets } from './secret';

/** Bits of IPv6 that one customer of a network usually has. Also what groups senders where no limiter does. */
export const IPV6_PREFIX = 56;

/** Everything that was asked for, checked: the numbers, and the parts that are passed in as they are. */
export interface Resolved extends ResolvedOptions {
  readonly runtime: Runtime | undefined;
  readonly module: WebAssembly.Module | undefined;
  readonly restore: OpenedSnapshot | undefined;
  readonly audit: Audit;
  /** Of `quarantine`. */
  readonly authorize: QuarantineOptions['authorize'];
}

interface Audit extends ResolvedAudit {
  /** Who keeps the log. */
  readonly log: LogPlug;
}

const MiB = 1_048_576;
/** 35 years. Unix time and a few of these still add up exactly in a double. */
const MS_MAX = 2 ** 40;
/** What everybody writes who counts in seconds. It would be a window in which nobody is ever limited: 61 is taken, 60 is asked about. */
const MINUTE_S = 60;
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
  'quiet',
  'runtime',
  'clock',
  'module',
  'restore',
] as const;

/**
 * Checks everything, then returns frozen numbers; `keep` is who keeps the log if no option says so. Throws `TypeError`,
 * `RangeError`, or `UNSUPPORTED`.
 */
export function resolveOptions(options: unknown, keep: LogPlug): Resolved {
  const given = readGroup('options', '', options, NAMES, 'an object', LATER);
  for (const name of LATER) {
    if (given[name] === undefined) continue;
    const got = kindOf(given[name]);
    throw new TracehoundError(
      'UNSUPPORTED',
      `${name}: not available in this version, expected it to be absent, got ${got}`,
    );
  }
  const { quarantine, authorize } = quarantineOptions(given.quarantine);
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
    audit: auditOptions(given.audit, keep),
    ...readSecrets('secret', given.secret),
    failMode: word('failMode', given.failMode, ['open', 'closed']),
    quiet: readFlag('quiet', given.quiet, false),
    clock: callable<() => number>('clock', given.clock),
    runtime: readRuntime(given.runtime),
    module: object('module', given.module, 'a compiled WebAssembly.Module') as WebAssembly.Module | undefined,
    restore: object('restore', given.restore, 'what openSnapshot returned') as OpenedSnapshot | undefined,
  });
}

const RATE_LIMIT_NAMES = ['windowMs', 'limit', 'blockMs', 'maxSources', 'ipv6Prefix'] as const;
type RateLimitGiven = Group<(typeof RATE_LIMIT_NAMES)[number] | 'charge'>;

/** What has a `charge` counts itself. */
function readLimits(value: unknown): Pick<Resolved, 'rateLimit' | 'limiter'> {
  if (value === false) return { rateLimit: false, limiter: undefined };
  const given = readGroup('rateLimit', 'rateLimit.', value, RATE_LIMIT_NAMES, 'an object or false', ['charge']);
  if ('charge' in given) return { rateLimit: false, limiter: limiterOptions(given) };
  return { rateLimit: readRateLimit(given), limiter: undefined };
}

function limiterOptions(given: RateLimitGiven): PlatformLimiter {
  const charge = callable<PlatformLimiter['charge']>('rateLimit.charge', given.charge);
  if (charge === undefined) throw wrongKind('rateLimit.charge', 'a function', charge);
  for (const name of ['blockMs', 'maxSources', 'ipv6Prefix'] as const) {
    if (given[name] === undefined) continue;
    throw new TypeError(`rateLimit.${name}: of another limiter, expected none beside \`charge\`, got one`);
  }
  return Object.freeze({
    limit: integer('rateLimit.limit', given.limit, null, 1, 2 ** 31 - 1),
    windowMs: integer('rateLimit.windowMs', given.windowMs, null, 1, MS_MAX, 'ms'),
    charge,
  });
}

function readRateLimit(given: RateLimitGiven): Required<RateLimitOptions> {
  if (given.windowMs === MINUTE_S) {
    throw new RangeError('rateLimit.windowMs: 60 ms?, expected ms (60 s are 60000), got 60');
  }
  return Object.freeze({
    windowMs: integer('rateLimit.windowMs', given.windowMs, 60_000, 32, MS_MAX, 'ms'),
    limit: integer('rateLimit.limit', given.limit, 100, 1, 2 ** 31 - 1),
    blockMs: integer('rateLimit.blockMs', given.blockMs, 0, 0, MS_MAX, 'ms'),
    maxSources: integer('rateLimit.maxSources', given.maxSources, 65_536, 1, 2 ** 24),
    ipv6Prefix: integer('rateLimit.ipv6Prefix', given.ipv6Prefix, IPV6_PREFIX, 1, 128, 'bits'),
  });
}

function quarantineOptions(value: unknown): Pick<Resolved, 'quarantine' | 'authorize'> {
  const given = readGroup('quarantine', 'quarantine.', value, ['maxCount', 'maxBytes', 'maxShare', 'authorize']);
  const authorize = callable<NonNullable<QuarantineOptions['authorize']>>('quarantine.authorize', given.authorize);
  const quarantine = Object.freeze({
    maxCount: integer('quarantine.maxCount', given.maxCount, 10_000, 1, 2 ** 22),
    maxBytes: integer('quarantine.maxBytes', given.maxBytes, 16 * MiB, 1, 2 ** 30, 'bytes'),
    maxShare: share('quarantine.maxShare', given.maxShare, 1 / 16),
  });
  return { quarantine, authorize };
}

function auditOptions(value: unknown, keep: LogPlug): Audit {
  const given = readGroup('audit', 'audit.', value, ['origin', 'maxRecords', 'signer', 'log']);
  const log = logOption(given.log) ?? keep;
  const { resume, recordsMin } = log;
  const signer = readSigner(given.signer);
  if (signer !== undefined) log.expectSigner(signer);
  if (resume !== undefined && given.origin !== undefined && given.origin !== resume.origin) {
    throw new RangeError('audit.origin: another, expected none beside storedLog.resume or the same, got another');
  }
  if (resume !== undefined && signer === undefined) {
    // The keys that signed so far are gone; only the deployment's key can say that ours may go on.
    throw new RangeError('storedLog.resume: cannot go on alone, expected audit.signer beside it, got none');
  }
  return Object.freeze({
    origin: resume?.origin ?? readOrigin(given.origin),
    maxRecords: integer('audit.maxRecords', given.maxRecords, 4_096, recordsMin, MiB),
    signer,
    log,
  });
}

function logOption(value: unknown): LogPlug | undefined {
  if (value === undefined) return undefined;
  const expected = 'heldLog() or storedLog(store) of tracehound/log';
  const log = object('audit.log', value, expected) as LogPlug;
  // Nobody writes one by hand: which function of it is missing would help nobody.
  if (typeof reading('audit.log', () => log.begin) !== 'function') throw wrongKind('audit.log', expected, value);
  return log;
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
  const [name, vkey] = (['name', 'vkey'] as const).map((of) => reading(`audit.signer.${of}`, () => signer[of]));
  if (typeof name !== 'string') throw wrongKind('audit.signer.name', 'a string', name);
  if (typeof vkey !== 'string') throw wrongKind('audit.signer.vkey', 'a verifier key', vkey);
  plug<Signer>('audit.signer', signer, ['sign'], 'a Signer');
  return signer;
}

/** A copy: the caller may, and should, overwrite its own. */
function readRuntime(value: unknown): Runtime | undefined {
  if (value === undefined) return undefined;
  return plug<Runtime>('runtime', value, ['core', 'now', 'random', 'defer', 'source'], 'a Runtime');
}
