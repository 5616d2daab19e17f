/**
 * What an adapter says of one request, in the words of its platform.
 *
 * Relies on: the shape of a header field. Refuses: logic.
 */
import type { Field } from './message';

/** A request as its framework shows it. Asked for only when there is something to refuse or to keep. */
export interface Facts {
  readonly method: string;
  /** The URL that the router uses. */
  readonly url: string;
  readonly headers: Headers;
  /** `1.1`, `2.0` …, where the platform says it. */
  readonly version?: string | undefined;
  /** The request target as it came, where the platform has it: any of the four forms of RFC 9112 §3.2. */
  readonly target?: string | undefined;
  /** `:authority` of HTTP/2. */
  readonly authority?: string | undefined;
  /** Of the connection. Absent: what the URL says; empty: nobody knows, and the URL's is made up. */
  readonly scheme?: string | undefined;
  /** How the platform spells `url`: as the client sent it, or normalised. Absent where nobody knows. */
  readonly spelling?: 'sent' | 'normalised' | undefined;
  /** Header fields as they came: order, case, repeats. */
  readonly fields?: readonly Field[] | undefined;
  /** Address and port of the peer. */
  readonly peer?: string | undefined;
  /** Whether the request came to its end, where the platform says so. */
  complete?(): boolean | undefined;
  /** The unread body; `null` when there is none or the platform hides it. */
  body(): ReadableStream<Uint8Array> | null;
  /** Node's own message, which has the body also where the web's `Request` has none. */
  readonly incoming?: unknown;
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
