/**
 * The answers: every refusal of every adapter is made here, and the `RateLimit` fields of the answers that pass.
 *
 * Relies on: nothing but its arguments. Refuses: to say anything that depends on the request or on what became of the
 * evidence. Texts are constant; a 403 or 429 differs from another of its kind only in its trace id, which has one length.
 *
 * Fields: draft-ietf-httpapi-ratelimit-headers-11, structured by RFC 9651. Bodies: RFC 9457 problem details.
 *
 * @module
 */

import type { RateLimitResult } from '../types/index';
import { declaredLength } from './capture';
import type { Facts } from './facts';
import type { Field } from './message';

/** The name of our policy, in the fields and in `violated-policies`. */
const POLICY_NAME = 'default';
/** The name of a policy that the platform keeps: its numbers are estimates, and the draft has no other place to say so. */
const APPROXIMATE_NAME = 'approximate';

/** The draft asks IANA for these; the registry does not list them before it is an RFC. */
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
const ABNORMAL_USAGE = 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected';

/** Largest Integer of RFC 9651 §3.3.1. */
const INTEGER_MAX = 999_999_999_999_999;

/** What every refusal needs to know beside its reason. */
export interface Manner {
  /** HEAD: fields only. */
  readonly head: boolean;
  /**
   * HTTP/1.x with a body that nobody read: what follows on this connection is the rest of that body, so the
   * connection ends here. Nothing of it can be taken for a request, and the sender's upload is not read for nothing.
   */
  readonly close: boolean;
  /** `RateLimit` fields, or none. */
  readonly fields: readonly Field[];
}

/** 403 for a flagged request, whatever happened to it. */
export function forbidden(trace: string, manner: Manner): Response {
  const problem = {
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'This request was refused. Whoever runs this service can look it up by its trace.',
    trace,
  };
  return answer(problem, [], manner);
}

/** 429 for a source over its limit, or under a block. */
export function limited(
  rate: Pick<RateLimitResult, 'blocked' | 'retryAfterMs' | 'resetMs' | 'approximate'>,
  trace: string,
  manner: Manner,
): Response {
  const problem = {
    type: rate.blocked ? ABNORMAL_USAGE : QUOTA_EXCEEDED,
    title: rate.blocked ? 'Abnormal usage detected' : 'Quota exceeded',
    status: 429,
    detail: 'Too many requests. Try again after the time that Retry-After states.',
    'violated-policies': [policyName(rate)],
    trace,
  };
  // Never 0, which would invite at once, and never before `t`, which the draft forbids.
  const after = Math.max(1, seconds(rate.retryAfterMs), seconds(rate.resetMs));
  return answer(problem, [['Retry-After', String(after)]], manner);
}

/** 503 when Tracehound or a detector failed and the configuration says that unseen requests may not pass. */
export function unavailable(manner: Manner): Response {
  const problem = {
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    detail: 'This request could not be checked. Try again later.',
  };
  return answer(problem, [], manner);
}

/** 400 for a request that nobody waits for any more, or that the platform cannot have meant as it shows it. */
export function unserved(manner: Manner): Response {
  const problem = {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'This request cannot be served in the form in which it came.',
  };
  return answer(problem, [], manner);
}

function answer(problem: { status: number }, fields: readonly Field[], manner: Manner): Response {
  const headers = new Headers({
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  for (const [name, value] of fields) headers.set(name, value);
  for (const [name, value] of manner.fields) headers.set(name, value);
  if (manner.close) headers.set('Connection', 'close');
  return new Response(manner.head ? null : JSON.stringify(problem), { status: problem.status, headers });
}

const policyName = ({ approximate }: Pick<RateLimitResult, 'approximate'>): string =>
  approximate === true ? APPROXIMATE_NAME : POLICY_NAME;

/**
 * `RateLimit-Policy` and `RateLimit`. `w` and `t` are whole seconds, rounded up: a client that waits `t` seconds is
 * never early. `partition` is keyed bytes, so that nobody reads an address out of `pk`.
 */
export function rateFields(
  policy: { readonly limit: number; readonly windowMs: number },
  rate: RateLimitResult,
  partition: Uint8Array | undefined,
): Field[] {
  const name = `"${policyName(rate)}"`;
  const pk = partition === undefined ? '' : `;pk=:${btoa(String.fromCharCode(...partition))}:`;
  return [
    ['RateLimit-Policy', `${name};q=${policy.limit};w=${seconds(policy.windowMs)}${pk}`],
    ['RateLimit', `${name};r=${rate.remaining};t=${seconds(rate.resetMs)}${pk}`],
  ];
}

/** Whole seconds, rounded up, within what a structured field can say. */
function seconds(ms: number): number {
  return Math.min(INTEGER_MAX, Math.max(0, Math.ceil(ms / 1_000)));
}

/** How this request has to be refused. `drained`: its body was read to the end. */
export function mannerOf({ method, headers, version }: Facts, drained: boolean): Omit<Manner, 'fields'> {
  const length = declaredLength(headers);
  const left = !drained && length !== 'none' && length !== '0';
  return { head: method === 'HEAD', close: left && version?.startsWith('1') === true };
}

/** By shape: servers replace the global `Response`, and `instanceof` fails between the two. */
export function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Response;
  return typeof status === 'number' && typeof headers?.set === 'function';
}

/** A replaced refusal still ends the connection. Fetched responses have immutable headers, so a copy is made. */
export function closing(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set('Connection', 'close');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
