/**
 * What makes two flagged requests the same: method, target, authority, scheme, version, headers, captured body, declared
 * length, truncation.
 *
 * Relies on: message, for pieces of bytes. Refuses: ambiguity — every part is preceded by its length, so no two requests
 * share a fingerprint by moving bytes from one part to the next.
 *
 * Some headers differ in every request although the attack is the same: they are left out, *as long as their value
 * looks like what they are for*. A header that is simply ignored would be a hiding place: send something harmless that
 * is flagged, then the real payload in the ignored header, and the second counts as a duplicate of the first. For the
 * same reason `user-agent`, `referer` and `x-forwarded-host` are not volatile at all: attacks live there. Who rotates
 * them makes more evidence, and pays for it with the own share of the store (`quarantine.maxShare`).
 *
 * @module
 */
import { type Field, octets } from './message';

/** Ids: letters, digits and a few marks; no slash, no space. */
const ID = /^[\w.:=+-]+$/;
/** Addresses and lists of them. */
const ADDRESSES = /^[\da-fA-F.:,[\] ]+$/;
/** `key=value` lists: `for=192.0.2.1;proto=https`, `gzip, br;q=0.8`. A space only after a separator. */
const PAIRS = /^(?:[\w.:="@*[\]-]|[,;] ?)+$/;
/** `1.1 proxy.example, 1.1 abc (CloudFront)`. */
const VIA = /^[\w./]+ [\w.:-]+(?: \([\w.-]+\))?(?:, [\w./]+ [\w.:-]+(?: \([\w.-]+\))?)*$/;
const DIGITS = /^\d+$/;
/** No volatile value is longer; what is, carries something else. */
const VOLATILE_CHARACTERS_MAX = 512;

/** Published: header names that do not count while their value has this shape. */
export const VOLATILE: ReadonlyMap<string, RegExp> = new Map([
  ['date', /^[\w,: +-]+$/],
  ['age', DIGITS],
  ['content-length', DIGITS],
  ['connection', PAIRS],
  ['keep-alive', PAIRS],
  ['accept-encoding', PAIRS],
  ['via', VIA],
  ['forwarded', PAIRS],
  ['x-forwarded-for', ADDRESSES],
  ['x-forwarded-port', DIGITS],
  ['x-forwarded-proto', /^\w+$/],
  ['x-real-ip', ADDRESSES],
  ['x-client-ip', ADDRESSES],
  ['true-client-ip', ADDRESSES],
  ['cf-connecting-ip', ADDRESSES],
  ['cf-connecting-ipv6', ADDRESSES],
  ['fastly-client-ip', ADDRESSES],
  ['x-vercel-forwarded-for', ADDRESSES],
  ['traceparent', ID],
  ['tracestate', PAIRS],
  ['x-request-id', ID],
  ['x-correlation-id', ID],
  ['x-b3-traceid', ID],
  ['x-b3-spanid', ID],
  ['x-b3-parentspanid', ID],
  ['cf-ray', ID],
  ['x-amz-cf-id', ID],
  ['x-amzn-trace-id', PAIRS],
  ['x-vercel-id', ID],
  ['x-cloud-trace-context', /^[\w/;=]+$/],
  ['fly-request-id', ID],
]);

/** What a platform calls the request: kept in evidence before other headers. The option `trace` adds to it. */
export const TRACE_HEADERS: readonly string[] = [
  'traceparent',
  'x-request-id',
  'cf-ray',
  'x-amz-cf-id',
  'x-amzn-trace-id',
  'x-vercel-id',
  'x-cloud-trace-context',
  'fly-request-id',
];

export interface Likeness {
  readonly method: string;
  /** Without the values of secret parameters: they do not show in evidence, so they do not make it new. */
  readonly target: string;
  /** Whom it was asked of, and by which protocol; empty where the platform does not say. */
  readonly authority: string;
  readonly scheme: string;
  readonly version: string;
  /** Without secret headers, for the same reason. */
  readonly fields: readonly Field[];
  /** Names of further headers that carry ids. */
  readonly trace: ReadonlySet<string>;
  readonly body: Uint8Array;
  /** What the client declared: digits, `chunked` or `none`. */
  readonly declared: string;
  readonly truncated: boolean;
}

/** The bytes to hash. */
export function fingerprint(of: Likeness): Uint8Array {
  const fields = of.fields
    .map(([name, value]): Field => [name.toLowerCase(), value])
    .filter(([name, value]) => !isVolatile(name, value, of.trace))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const head = [of.method, of.target, of.authority, of.scheme, of.version];
  const tail = [of.declared, of.truncated ? 'truncated' : 'whole'];
  return lengthPrefixed([...[...head, ...fields.flat()].map(octets), of.body, ...tail.map(octets)]);
}

/** Each part behind its length in four bytes, big-endian. */
function lengthPrefixed(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.byteLength, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength);
    bytes.set(part, at + 4);
    at += 4 + part.byteLength;
  }
  return bytes;
}

function isVolatile(name: string, value: string, trace: ReadonlySet<string>): boolean {
  const shape = VOLATILE.get(name) ?? (trace.has(name) ? ID : undefined);
  return shape !== undefined && value.length <= VOLATILE_CHARACTERS_MAX && shape.test(value);
}
