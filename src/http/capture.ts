/**
 * Evidence of a request: one `application/http` message and its fingerprint.
 *
 * Relies on: what an adapter tells about the request (`Facts`), and on the instance for the budget and keyed
 * fingerprints. Refuses: to exceed `maxPayloadBytes`, to keep secrets in clear, to wait longer than it was told, and
 * to let a client write our own fields.
 *
 * The budget: our own fields have a fixed reserve, start line and headers a quarter of the rest of the room (at least
 * 1 KiB while there is that much), the body what remains. What was cut is named in `Tracehound-Truncated`.
 *
 * @module
 */

import { LATE, within } from '../time/deadline';
import type { HttpKeys, HttpSettings, Source } from '../types/index';
import { type BodyPrefix, type BodyState, NO_CHUNKS, pull } from './body';
import { fingerprint } from './fingerprint';
import { characters, type Field, fieldLines, joined, octets, ownLines, startLine, targetOf } from './message';
import { Redaction } from './redaction';

/** A request as its framework shows it. Asked for only when there is something to refuse or to keep. */
export interface Facts {
  readonly method: string;
  /** The URL that the router uses. */
  readonly url: string;
  readonly headers: Headers;
  /** `1.1`, `2.0` …, where the platform says it. */
  readonly version?: string | undefined;
  /** The request target as it came, where the platform has it. */
  readonly target?: string | undefined;
  /** Header fields as they came: order, case, repeats. */
  readonly fields?: readonly Field[] | undefined;
  /** Address and port of the peer. */
  readonly peer?: string | undefined;
  /** The unread body; `null` when there is none or the platform hides it. */
  body(): ReadableStream<Uint8Array> | null;
  /** The body as someone already read it into the framework's cache; `undefined` when nobody did. */
  buffered?(): Promise<Buffered> | undefined;
}

export interface Buffered {
  readonly bytes: Uint8Array;
  /** The bytes were made again from a decoded form and may differ from what came. */
  readonly remade: boolean;
  /** The platform handed over a prefix and kept the rest. */
  readonly cut?: boolean;
}

/** What an instance of the guard wants captured. */
export interface CapturePlan {
  readonly redactHeaders: ReadonlySet<string>;
  readonly redactQuery: ReadonlySet<string>;
  readonly trace: ReadonlySet<string>;
  readonly timeoutMs: number;
}

/** What of the instance a capture needs. */
export type CapturePort = Pick<HttpSettings, 'maxPayloadBytes'> & Pick<HttpKeys, 'redact'>;

/** How the source was found: by the option, by the runtime, or not at all. */
export type Derivation = 'option' | 'runtime' | 'none';

export interface Capture {
  readonly payload: Uint8Array;
  /** At most twice `maxPayloadBytes`, beyond which `intercept` takes none; a longer one is replaced by its keyed own. */
  readonly fingerprint: Uint8Array;
  readonly truncated: boolean;
  /** The body was read to its end: nothing of it is left on the connection. */
  readonly drained: boolean;
  /** The body again, for an application that still wants it; absent when it was not touched. */
  readonly rest?: (() => ReadableStream<Uint8Array>) | undefined;
}

/** Our own fields fit into this: eleven of them, the longest (a source) cut to 128 characters. Tested. */
export const OWN_BYTES_MAX = 768;
/** Below this, the message has the room for itself and our own fields are left out. */
const OWN_FROM_BYTES = 4 * OWN_BYTES_MAX;
const HEAD_BYTES_MIN = 1_024;
const SOURCE_CHARACTERS_MAX = 128;

/** Captures one flagged request. `mayPull`: a place among the captures in flight was free. */
export async function capture(
  facts: Facts,
  origin: { source: Source; derivation: Derivation },
  port: CapturePort,
  plan: CapturePlan,
  mayPull: boolean,
): Promise<Capture> {
  const max = port.maxPayloadBytes;
  const redaction = new Redaction(plan.redactHeaders, plan.redactQuery, (value) => port.redact(value));
  // CONNECT asks for an authority, which no URL of the router's has.
  const raw = facts.target?.startsWith('/') === true || (facts.target !== undefined && facts.method === 'CONNECT');
  const target = raw ? (facts.target as string) : targetOf(facts.url);
  const fields = facts.fields ?? [...facts.headers];

  const room = max < OWN_FROM_BYTES ? max : max - OWN_BYTES_MAX;
  const headBudget = Math.max(room >>> 2, Math.min(room, HEAD_BYTES_MIN));
  const start = startLine(facts.method, redaction.target(target), facts.version ?? '1.1', headBudget >>> 1);
  const kept = fields.map((field) => redaction.field(field));
  const head = fieldLines(kept, headBudget - start.bytes.length, plan.trace);

  const bodyBudget = Math.max(0, room - start.bytes.length - head.bytes - 2);
  const declared = declaredLength(facts.headers);
  const { prefix, remade } = await readBody(facts, declared, bodyBudget, plan.timeoutMs, mayPull);
  const body = joined(prefix.chunks, bodyBudget);
  const whole = prefix.state === 'none' || prefix.state === 'complete';

  const cuts: string[] = [];
  if (start.cut) cuts.push('start');
  if (head.cut + head.dropped > 0) cuts.push('headers');
  if (!whole) cuts.push('body');
  const own: Field[] = [
    ['Target', raw ? 'raw' : 'normalised'],
    ['Headers', facts.fields ? 'raw' : 'normalised'],
  ];
  if (cuts.length > 0) own.push(['Truncated', cuts.join(', ')]);
  if (head.dropped > 0) own.push(['Headers-Dropped', String(head.dropped)]);
  own.push(['Body-Length', declared], ['Body-Captured', String(body.length)], ['Body-State', prefix.state]);
  if (remade) own.push(['Body-Remade', 'yes']);
  if (facts.peer !== undefined) own.push(['Peer', facts.peer.slice(0, SOURCE_CHARACTERS_MAX)]);
  const address = clearAddress(origin.source, origin.derivation);
  if (address !== undefined) own.push(['Source', address]);
  own.push(['Source-Derivation', origin.derivation]);

  const likeness = fingerprint({
    method: facts.method,
    target: redaction.bare(target),
    fields: fields.filter(([name]) => !redaction.hides(name)),
    trace: plan.trace,
    body,
    declared,
    truncated: !whole,
  });
  const ours = max < OWN_FROM_BYTES ? [] : [ownLines(own)];
  return {
    payload: joined([start.bytes, ...head.lines, ...ours, octets('\r\n'), body], max),
    fingerprint: likeness.length <= 2 * max ? likeness : octets(port.redact(characters(likeness))),
    truncated: cuts.length > 0,
    drained: whole,
    rest: prefix.rest,
  };
}

/** Whether the client said that it sends a body, and how long: digits, `chunked` or `none`. */
export function declaredLength(headers: Headers): string {
  if (headers.has('transfer-encoding')) return 'chunked';
  const length = headers.get('content-length');
  if (length === null) return 'none';
  return /^\d{1,16}$/.test(length) ? length : 'malformed';
}

/** From the framework's cache when someone has read the body, else from the wire. */
async function readBody(
  facts: Facts,
  declared: string,
  budget: number,
  timeoutMs: number,
  mayPull: boolean,
): Promise<{ prefix: BodyPrefix; remade: boolean }> {
  const ended = (state: BodyState) => ({ prefix: { state, chunks: NO_CHUNKS }, remade: false });
  const announced = declared !== 'none' && declared !== '0';
  try {
    if (!mayPull) return ended(announced || facts.body() !== null ? 'busy' : 'none');
    const buffered = facts.buffered?.();
    if (buffered !== undefined) {
      const got = await within(buffered, timeoutMs);
      if (got === LATE) return ended('timeout');
      const state = got.cut === true ? 'cut' : got.bytes.length > budget ? 'limit' : 'complete';
      return { prefix: { state, chunks: [got.bytes] }, remade: got.remade };
    }
    const stream = facts.body();
    if (stream === null) return ended(announced ? 'hidden' : 'none');
    const prefix = await pull(stream, budget, timeoutMs);
    const empty = prefix.state === 'complete' && prefix.chunks.every((chunk) => chunk.length === 0);
    return { prefix: empty && !announced ? { ...prefix, state: 'none' } : prefix, remade: false };
  } catch {
    // The cache holds a failure: whoever read the body met it before us and knows.
    return ended('consumed');
  }
}

/** An address is for the investigator; a key may be a secret and stays out (the handle's `sourceTag` stands for it). */
function clearAddress(source: Source, derivation: Derivation): string | undefined {
  if (typeof source === 'string') return derivation === 'runtime' ? source.slice(0, SOURCE_CHARACTERS_MAX) : undefined;
  return typeof source.address === 'string' ? source.address.slice(0, SOURCE_CHARACTERS_MAX) : undefined;
}
