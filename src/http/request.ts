/**
 * The web's `Request` as adapters handle it: what it hides and its server shows (the raw target, the fields as they came,
 * the peer), and the same request with another body or fewer fields.
 *
 * Relies on: the shapes in which servers show a connection. Refuses: to consume what it is given unless it hands it on.
 */

import { originalOf, remember, serverOf } from './copies';
import type { Facts } from './facts';

export { absolute } from './copies';

/** What an adapter changes before the application sees a request. */
export interface Change {
  readonly body?: ReadableStream<Uint8Array> | undefined;
  /** Names of header fields to take away. */
  readonly strip?: readonly string[] | undefined;
}

/** The same request, changed, still unread, and to the platform of which it came still the same request. */
export function rewritten(raw: Request, change: Change, platform?: unknown): Request {
  return remember(changed(raw, change), raw, platform);
}

/** Workers keep `cf` this way; a foreign or used `Request` may refuse it. */
function changed(raw: Request, { body, strip }: Change): Request {
  const init: RequestInit & { duplex?: 'half' } = {};
  if (body !== undefined) {
    init.body = body;
    init.duplex = 'half';
  }
  if (strip !== undefined) init.headers = [...raw.headers].filter(([name]) => !strip.includes(name));
  try {
    return new Request(raw, init);
  } catch {
    const { method, headers, signal } = raw;
    const rest = !raw.bodyUsed && raw.body !== null ? { body: raw.body, duplex: 'half' } : {};
    return new Request(raw.url, { ...rest, method, headers, signal, ...init } as RequestInit);
  }
}

/** How servers show what is behind a request: Node's message and socket, Deno's info, Bun's server. */
interface Connections {
  incoming?: NodeIncoming | undefined;
  server?: { incoming?: NodeIncoming } | undefined;
  remoteAddr?: { hostname?: unknown; port?: unknown };
}

/** `IncomingMessage`, looked at by shape: other platforms have something else under this name, or nothing. */
interface NodeIncoming {
  readonly url?: unknown;
  /** Where a router took a prefix off `url`. */
  readonly originalUrl?: unknown;
  readonly httpVersion?: unknown;
  readonly rawHeaders?: unknown;
  readonly complete?: unknown;
  readonly socket?: { remoteAddress?: unknown; remotePort?: unknown; encrypted?: unknown } | null;
}

/** What a request and the platform's context beside it show. */
export function factsOf(request: Request, platform: unknown): Facts {
  const given: Connections = typeof platform === 'object' && platform !== null ? platform : {};
  const message = given.server?.incoming ?? given.incoming;
  const { cf } = request as { cf?: { httpProtocol?: unknown } };
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    version: text(message?.httpVersion) ?? versionOf(cf?.httpProtocol),
    target: text(message?.originalUrl) ?? text(message?.url) ?? bareTarget(request),
    authority: pseudoOf(message?.rawHeaders, ':authority'),
    scheme: schemeOf(message),
    spelling: spellingOf(given, cf),
    fields: pairsOf(message?.rawHeaders),
    peer: peerOf(request, platform),
    complete: () => (message === undefined ? undefined : message.complete === true),
    body: () => request.body,
    incoming: message,
  };
}

/** Bun's URL for a request without Host, before `absolute` gave it one: the target as it was sent. */
function bareTarget(request: Request): string | undefined {
  const { url } = originalOf(request) as Request;
  return url.startsWith('/') ? url : undefined;
}

/** Cloudflare's word for the protocol of the client: `HTTP/1.1`, `HTTP/2`, `HTTP/3`. */
function versionOf(protocol: unknown): string | undefined {
  const [, major, minor = '.0'] = /^HTTP\/(\d)(\.\d)?$/.exec(text(protocol) ?? '') ?? [];
  return major === undefined ? undefined : major + minor;
}

/** How Node's connection came, by its own pseudo field or by the socket. Elsewhere the URL says it. */
function schemeOf(message: NodeIncoming | undefined): string | undefined {
  if (message?.socket == null) return undefined;
  return pseudoOf(message.rawHeaders, ':scheme') ?? (message.socket.encrypted === true ? 'https' : 'http');
}

/** Measured (docs/engines.md): Deno and workerd hand the URL over as it was sent, Bun normalises it. */
function spellingOf(given: Connections, cf: unknown): Facts['spelling'] {
  if ([given.remoteAddr, cf].some((one) => typeof one === 'object' && one !== null)) return 'sent';
  return serverOf(given) === undefined ? undefined : 'normalised';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** What HTTP/2 says in the place of the request line; Node keeps it among the fields. */
function pseudoOf(raw: unknown, name: string): string | undefined {
  if (!Array.isArray(raw)) return undefined;
  // They come first (RFC 9113 §8.3), so what stands later is no pseudo field.
  for (let at = 0; at + 1 < raw.length && String(raw[at]).startsWith(':'); at += 2) {
    if (raw[at] === name) return String(raw[at + 1]);
  }
  return undefined;
}

/** `[name, value, name, value …]` as Node keeps it; HTTP/2 pseudo headers are no fields. */
export function pairsOf(raw: unknown): [string, string][] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const fields: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (!String(raw[at]).startsWith(':')) fields.push([String(raw[at]), String(raw[at + 1])]);
  }
  return fields;
}

/** Address and port of the peer, where the platform's context shows it. */
function peerOf(request: Request, platform: unknown): string | undefined {
  if (typeof platform !== 'object' || platform === null) return undefined;
  const { incoming, server, remoteAddr } = platform as Connections;
  const socket = (server?.incoming ?? incoming)?.socket;
  if (socket !== undefined) return spelt(socket?.remoteAddress, socket?.remotePort);
  if (remoteAddr !== undefined) return spelt(remoteAddr?.hostname, remoteAddr?.port);
  const found = serverOf(platform)?.requestIP(originalOf(request));
  return spelt(found?.address, found?.port);
}

export function spelt(address: unknown, port: unknown): string | undefined {
  // No client has port 0: Deno says `0.0.0.0:0` of one that had gone when it was asked.
  if (typeof address !== 'string' || port === 0) return undefined;
  return `${address.includes(':') ? `[${address}]` : address}:${String(port)}`;
}
