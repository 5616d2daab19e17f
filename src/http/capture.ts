/**
 * Evidence of a request: one `application/http` message and its fingerprint. docs/format.md describes the message.
 *
 * Relies on: what an adapter says about the request (`Facts`), and on the instance for the budget and keyed
 * fingerprints. Refuses: to exceed `maxPayloadBytes`, to keep secrets in clear, to wait longer than it was told, and
 * to let a client write our own fields. Its cost is linear in what it is given.
 *
 * The budget: our own fields have a fixed reserve, start line and headers a quarter of the rest of the room (at least
 * 1 KiB while there is that much), the body what remains. What was cut is named in `Tracehound-Truncated`.
 *
 * @module
 */

import { LATE, within } from '../time/deadline';
import type { HttpKeys, HttpSettings, Source } from '../types/index';
import { type BodyPrefix, type BodyState, NO_CHUNKS, orLost, pull } from './body';
import type { Buffered, Facts } from './facts';
import { fingerprint } from './fingerprint';
import { hasBody, type IncomingBody, peek } from './incoming';
import { characters, type Field, fieldLines, joinedWithin, octets, ownLines, startLine } from './message';
import { Redaction } from './redaction';
import type { SecretNames } from './secrets';
import type { CaptureSlots, Slot } from './slots';
import { type Asked, askedOf, withoutPassword } from './target';

/** The answer for a body that was read where nobody kept it; `undefined` as long as it is whole. `instead`: what keeps it. */
export function takenBody(request: Request, instead: string): Promise<never> | undefined {
  if (!request.bodyUsed) return undefined;
  return Promise.reject(new TypeError(`body: read where it is not kept, expected ${instead}, got a body that is gone`));
}

/** What an instance of the guard wants captured. */
export interface CapturePlan {
  readonly redactHeaders: SecretNames;
  readonly redactQuery: SecretNames;
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

/** Our own fields fit into this: fifteen of them, the longest (an authority) cut to 256 characters. Tested. */
export const OWN_BYTES_MAX = 1_024;
/** Below this, the message has the room for itself and our own fields are left out. */
const OWN_FROM_BYTES = 4 * OWN_BYTES_MAX;
const HEAD_BYTES_MIN = 1_024;
const SOURCE_CHARACTERS_MAX = 128;
/** A name of DNS has 253 characters at most, a port five. */
const AUTHORITY_CHARACTERS_MAX = 256;
const SCHEME_CHARACTERS_MAX = 32;

/** Captures one flagged request. `slots`: the places for bodies, shared by all requests of a guard. */
export async function capture(
  facts: Facts,
  origin: { source: Source; derivation: Derivation },
  port: CapturePort,
  plan: CapturePlan,
  slots: CaptureSlots,
): Promise<Capture> {
  const max = port.maxPayloadBytes;
  const redaction = new Redaction(plan.redactHeaders, plan.redactQuery, (value) => port.redact(value));
  const asked = askedOf(facts);
  const hidden = (value: string): string => redaction.field(['authorization', value])[1];
  const fields = facts.fields ?? [...facts.headers];

  const room = max < OWN_FROM_BYTES ? max : max - OWN_BYTES_MAX;
  const headBudget = Math.max(room >>> 2, Math.min(room, HEAD_BYTES_MIN));
  const shown = max < OWN_FROM_BYTES ? targetAlone(asked) : asked.target;
  const target = redaction.target(withoutPassword(shown, hidden));
  const start = startLine(facts.method, target, asked.version, headBudget >>> 1);
  const kept = fields.map((field) => redaction.field(field));
  const head = fieldLines(kept, headBudget - start.bytes.length, plan.trace);

  const bodyBudget = Math.max(0, room - start.bytes.length - head.bytes - 2);
  const declared = declaredLength(facts.headers);
  const place = (): Slot | undefined => slots.take(origin.source);
  const { prefix, remade } = await readBody(facts, declared, bodyBudget, plan.timeoutMs, place);
  const body = joinedWithin(prefix.chunks, bodyBudget);
  const whole = prefix.state === 'none' || prefix.state === 'complete';

  const cuts: string[] = [];
  if (start.cut) cuts.push('start');
  if ((asked.authority?.length ?? 0) > AUTHORITY_CHARACTERS_MAX) cuts.push('authority');
  if (head.cut + head.dropped > 0) cuts.push('headers');
  if (!whole) cuts.push('body');
  const own: Field[] = [...ownOf(asked), ['Headers', facts.fields ? 'raw' : 'normalised']];
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
    target: redaction.bare(withoutPassword(asked.target, () => '')),
    authority: asked.authority ?? '',
    scheme: asked.scheme ?? '',
    version: asked.version ?? '',
    fields: fields.filter(([name]) => !redaction.hides(name)),
    trace: plan.trace,
    body,
    declared,
    truncated: !whole,
  });
  const ours = max < OWN_FROM_BYTES ? [] : [ownLines(own)];
  return {
    payload: joinedWithin([start.bytes, ...head.lines, ...ours, octets('\r\n'), body], max),
    fingerprint: likeness.length <= 2 * max ? likeness : octets(port.redact(characters(likeness))),
    truncated: cuts.length > 0,
    drained: whole,
    rest: prefix.rest,
  };
}

/** How the request was asked, in fields of our own. */
function ownOf({ reading, version, scheme, authority, authorityFrom }: Asked): Field[] {
  const own: Field[] = [['Target', reading]];
  if (version === undefined) own.push(['Version', 'unsaid']);
  if (scheme) own.push(['Scheme', scheme.slice(0, SCHEME_CHARACTERS_MAX)]);
  if (authority) {
    own.push(['Authority', authority.slice(0, AUTHORITY_CHARACTERS_MAX)], ['Authority-From', String(authorityFrom)]);
  }
  return own;
}

/** What says whom it was asked of without a field of ours: HTTP/2 has no Host, so its target becomes absolute. */
function targetAlone({ target, authority, authorityFrom, scheme }: Asked): string {
  return authorityFrom === 'pseudo' && target.startsWith('/') ? `${scheme || 'http'}://${authority}${target}` : target;
}

/** Whether the client said that it sends a body, and how long: digits, `chunked` or `none`. */
export function declaredLength(headers: Headers): string {
  if (headers.has('transfer-encoding')) return 'chunked';
  const length = headers.get('content-length');
  if (length === null) return 'none';
  return /^\d{1,16}$/.test(length) ? length : 'malformed';
}

/** What was read of a body, and whether it was made again from a decoded form. */
interface Read {
  readonly prefix: BodyPrefix;
  readonly remade: boolean;
}

const ended = (state: BodyState): Read => ({ prefix: { state, chunks: NO_CHUNKS }, remade: false });

/** From the framework's cache when someone has read the body, else from the wire. A place is taken only for a body. */
async function readBody(
  facts: Facts,
  declared: string,
  budget: number,
  timeoutMs: number,
  place: () => Slot | undefined,
): Promise<Read> {
  const announced = declared !== 'none' && declared !== '0';
  let slot: Slot | undefined;
  try {
    const buffered = facts.buffered?.();
    const stream = buffered === undefined ? facts.body() : null;
    const isHere = buffered !== undefined || stream !== null || hasBody(facts.incoming, declared);
    if (!isHere) return ended(announced ? 'hidden' : 'none');
    slot = place();
    if (slot === undefined) return busy(buffered);
    if (buffered !== undefined) return await fromCache(buffered, budget, timeoutMs, slot);
    if (stream === null) {
      return { prefix: await peek(facts.incoming as IncomingBody, budget, timeoutMs, slot), remade: false };
    }
    const prefix = await pull(stream, budget, timeoutMs, slot);
    const empty = prefix.state === 'complete' && prefix.chunks.every((chunk) => chunk.length === 0);
    return { prefix: empty && !announced ? { ...prefix, state: 'none' } : prefix, remade: false };
  } catch {
    // The cache holds a failure: whoever read the body met it before us and knows.
    return ended('consumed');
  } finally {
    slot?.release();
  }
}

function busy(buffered: Promise<Buffered> | undefined): Read {
  buffered?.catch(() => {}); // nobody waits for it here
  return ended('busy');
}

async function fromCache(buffered: Promise<Buffered>, budget: number, timeoutMs: number, slot: Slot): Promise<Read> {
  const got = await within(orLost(buffered, slot), timeoutMs);
  if (got === LATE) return ended('timeout');
  if (got === 'displaced') return ended('displaced');
  const state = got.cut === true ? 'cut' : got.bytes.length > budget ? 'limit' : 'complete';
  return { prefix: { state, chunks: [got.bytes] }, remade: got.remade };
}

/** An address is for the investigator; a key may be a secret and stays out (the handle's `sourceTag` stands for it). */
function clearAddress(source: Source, derivation: Derivation): string | undefined {
  if (typeof source === 'string') return derivation === 'runtime' ? source.slice(0, SOURCE_CHARACTERS_MAX) : undefined;
  return typeof source.address === 'string' ? source.address.slice(0, SOURCE_CHARACTERS_MAX) : undefined;
}
