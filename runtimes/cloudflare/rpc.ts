/**
 * What a Worker and its object say to each other: the calls, what each may be given, and errors as values, because a class
 * does not survive the way.
 *
 * Relies on: structured clones (Workers RPC). Refuses: arguments of another kind and unknown words, on both sides: before
 * they are sent, and, because anybody with the binding may call, when they arrive. It refuses to send stacks and causes.
 */
import { DISPOSITIONS, PURGE_REASONS } from '../../src/engine/index';
import { type ErrorCode, TracehoundError } from '../../src/errors';
import { tightBytes } from '../../src/formats/bytes';
import { actorFacts } from '../../src/formats/sidecar';
import { type Parcel, packed, packedSource, unpacked } from '../../src/instance/parcel';
import type {
  Actor,
  AuditHead,
  Disposition,
  EvidenceHandle,
  HttpCounters,
  InterceptResult,
  PurgeReason,
  QuarantineStats,
  RateLimitResult,
  Readings,
  Scent,
  Source,
} from '../../src/types/index';
import { wrongKind } from '../../src/validate/index';
import { kindOf } from '../../src/validate/kind';

type Failed = Parameters<HttpCounters['uninspected']>[2];

/** What an object can be asked. Every answer is stored before it is given. Errors come as {@link TracehoundError}. */
export interface ObjectCalls {
  /** Charges one request. `undefined` when `rateLimit` is `false`. */
  charge(source: Source, disposition?: Disposition): RateLimitResult | undefined;
  intercept(scent: Scent): InterceptResult;
  uninspected(source: Source, disposition: Disposition, reason: Failed): void;
  peek(source: Source, cost?: number): RateLimitResult;
  reset(source: Source, who?: Actor): void;
  block(source: Source, ms: number, who?: Actor): void;
  unblock(source: Source, who?: Actor): boolean;
  find(idOrTraceId: string): EvidenceHandle | undefined;
  list(options?: { limit?: number; after?: string }): EvidenceHandle[];
  stats(): QuarantineStats;
  read(signature: string, who?: Actor): Uint8Array;
  /** An evidence bundle (docs/format.md). */
  export(signature: string, who?: Actor): Uint8Array;
  neutralize(signature: string, who?: Actor): boolean;
  purge(signature: string, reason: PurgeReason, who?: Actor): boolean;
  head(): AuditHead;
  /** Stores and signs everything that is in the log now. */
  flush(): void;
  /** The signed head of the log as it is now. */
  checkpoint(): string;
  watch(): Readings;
}

export type CallName = keyof ObjectCalls;
export type CallArgs<Name extends CallName> = Parameters<ObjectCalls[Name]>;

/** Reads one argument: as plain values, or throws. `bytesMax`: the largest payload of the instance. */
type Reader = (part: string, value: unknown, bytesMax: number) => unknown;

const optional =
  (read: Reader): Reader =>
  (part, value, bytesMax) =>
    value === undefined ? undefined : read(part, value, bytesMax);

const oneOf =
  (words: readonly string[]): Reader =>
  (part, value) => {
    const expected = words.join(' | ');
    if (typeof value !== 'string') throw wrongKind(part, expected, value);
    if (words.includes(value)) return value;
    throw new RangeError(`${part}: unknown, expected ${expected}, got another string`);
  };

const a =
  (kind: 'string' | 'number'): Reader =>
  (part, value) => {
    if (typeof value === kind) return value;
    throw wrongKind(part, `a ${kind}`, value);
  };

/** Every reason is here: one that is added to the type and not to this does not compile. */
const FAILED: { readonly [reason in Failed]: true } = {
  threw: true,
  timeout: true,
  unreadable: true,
  silent: true,
  unsent: true,
};

type Kind = 'text' | 'number' | 'cost' | 'disposition' | 'failed' | 'purge' | 'source' | 'scent' | 'who' | 'page';

/** What an argument can be. */
const KINDS: { readonly [kind in Kind]: Reader } = {
  text: a('string'),
  number: a('number'),
  cost: optional(a('number')),
  disposition: oneOf(DISPOSITIONS),
  failed: oneOf(Object.keys(FAILED)),
  purge: oneOf(Object.keys(PURGE_REASONS)),
  source: (_, value) => packedSource(value),
  scent: (_, value, bytesMax) => packed(unpacked(value as Parcel, bytesMax), bytesMax),
  who: (_, value) => actorFacts(value as Actor | undefined),
  page: optional((part, value) => {
    if (typeof value !== 'object' || value === null) throw wrongKind(part, '{ limit?, after? }', value);
    const { limit, after } = value as { limit?: unknown; after?: unknown };
    const read = {
      limit: KINDS.cost(`${part}.limit`, limit, 0),
      after: optional(KINDS.text)(`${part}.after`, after, 0),
    };
    return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
  }),
};

/** Each call, and what each of its arguments is. */
const CALLS: { readonly [Name in CallName]: { readonly [argument: string]: Reader } } = {
  charge: { source: KINDS.source, disposition: optional(KINDS.disposition) },
  intercept: { scent: KINDS.scent },
  uninspected: { source: KINDS.source, disposition: KINDS.disposition, reason: KINDS.failed },
  peek: { source: KINDS.source, cost: KINDS.cost },
  reset: { source: KINDS.source, who: KINDS.who },
  block: { source: KINDS.source, ms: KINDS.number, who: KINDS.who },
  unblock: { source: KINDS.source, who: KINDS.who },
  find: { id: KINDS.text },
  list: { options: KINDS.page },
  stats: {},
  read: { signature: KINDS.text, who: KINDS.who },
  export: { signature: KINDS.text, who: KINDS.who },
  neutralize: { signature: KINDS.text, who: KINDS.who },
  purge: { signature: KINDS.text, reason: KINDS.purge, who: KINDS.who },
  head: {},
  flush: {},
  checkpoint: {},
  watch: {},
};

export const CALL_NAMES = Object.keys(CALLS) as readonly CallName[];

/**
 * The arguments of a call as plain values that can be copied, each read once. What comes beyond them is dropped. Throws
 * `TypeError`, `RangeError`, or `SCENT_INVALID`.
 */
export function readCall<Name extends CallName>(
  name: Name,
  given: readonly unknown[],
  bytesMax: number,
): CallArgs<Name> {
  const read = Object.entries(CALLS[name]).map(([argument, read], i) => {
    try {
      return read(`object.${name} ${argument}`, given[i], bytesMax);
    } catch (error) {
      if (error instanceof TracehoundError || error instanceof TypeError || error instanceof RangeError) throw error;
      // A getter of the caller threw: what it threw is his.
      throw new TypeError(`object.${name} ${argument}: not readable, expected a value, got ${kindOf(given[i])}`);
    }
  });
  return read as CallArgs<Name>;
}

/** An answer on its way. */
export type Answer<T> = { readonly value: T } | { readonly error: Failure };

interface Failure {
  /** None for `TypeError` and `RangeError`. */
  readonly code: ErrorCode | 'TypeError' | 'RangeError';
  readonly message: string;
  readonly recoverable: boolean;
}

/** What is asked of an object from outside. */
export type ObjectStub = {
  readonly [name in CallName]: (...args: CallArgs<name>) => Promise<Answer<ReturnType<ObjectCalls[name]>>>;
};

/** What `work` gives, as an answer. Never rejects. */
export async function answered<T>(work: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    const value = await work();
    // A view would take its whole buffer along.
    return { value: value instanceof Uint8Array ? (tightBytes(value) as T & Uint8Array) : value };
  } catch (error) {
    return { error: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  const { message } = (error ?? {}) as Error;
  if (error instanceof TracehoundError) return { code: error.code, message, recoverable: error.recoverable };
  if (error instanceof TypeError) return { code: 'TypeError', message, recoverable: false };
  if (error instanceof RangeError) return { code: 'RangeError', message, recoverable: false };
  return {
    code: 'RUNTIME_FAILED',
    message: 'object: the call failed, expected an answer, got an error',
    recoverable: true,
  };
}

function errorOf(failure: Failure): Error {
  const { code, recoverable } = failure;
  if (code === 'TypeError') return new TypeError(failure.message);
  if (code === 'RangeError') return new RangeError(failure.message);
  return new TracehoundError(code, failure.message, { recoverable });
}

/** The value of an answer. Throws the error that came instead. */
export function unwrapped<T>(answer: Answer<T>): T {
  if ('error' in answer) throw errorOf(answer.error);
  return answer.value;
}
