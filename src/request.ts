/**
 * The web's `Request` as adapters handle it: the same request with another body or fewer fields, and the peer behind it.
 *
 * Relies on: the shapes in which servers show a connection. Refuses: to consume what it is given unless it hands it on.
 */

/** What an adapter changes before the application sees a request. */
export interface Change {
  readonly body?: ReadableStream<Uint8Array> | undefined;
  /** Names of header fields to take away. */
  readonly strip?: readonly string[] | undefined;
}

/** The same request, changed, still unread. Workers keep `cf` this way; a foreign or used `Request` may refuse it. */
export function rewritten(raw: Request, { body, strip }: Change): Request {
  const init: RequestInit & { duplex?: 'half' } = {};
  if (body !== undefined) {
    init.body = body;
    init.duplex = 'half';
  }
  if (strip !== undefined && strip.length > 0) {
    const headers = new Headers(raw.headers);
    for (const name of strip) headers.delete(name);
    init.headers = headers;
  }
  try {
    return new Request(raw, init);
  } catch {
    const { method, headers, signal } = raw;
    const rest = body === undefined && !raw.bodyUsed && raw.body !== null ? { body: raw.body, duplex: 'half' } : {};
    return new Request(raw.url, { ...rest, method, headers, signal, ...init } as RequestInit);
  }
}

/** How servers show the other end: Node's socket, Deno's info, Bun's server. */
interface Connections {
  incoming?: { socket?: Socket };
  server?: { incoming?: { socket?: Socket }; requestIP?: unknown };
  remoteAddr?: { hostname?: unknown; port?: unknown };
  requestIP?: unknown;
}

interface Socket {
  remoteAddress?: unknown;
  remotePort?: unknown;
}

/** Address and port of the peer, where the platform's context shows it. */
export function peerOf(request: Request, platform: unknown): string | undefined {
  if (typeof platform !== 'object' || platform === null) return undefined;
  const { incoming, server, remoteAddr, requestIP } = platform as Connections;
  const socket = server?.incoming?.socket ?? incoming?.socket;
  if (socket !== undefined) return spelt(socket.remoteAddress, socket.remotePort);
  if (remoteAddr !== undefined) return spelt(remoteAddr.hostname, remoteAddr.port);
  const bun = typeof requestIP === 'function' ? platform : server;
  if (typeof (bun as Connections | undefined)?.requestIP !== 'function') return undefined;
  const found = (bun as { requestIP(of: Request): unknown }).requestIP(request) as {
    address?: unknown;
    port?: unknown;
  };
  return spelt(found?.address, found?.port);
}

function spelt(address: unknown, port: unknown): string | undefined {
  if (typeof address !== 'string') return undefined;
  return `${address.includes(':') ? `[${address}]` : address}:${String(port)}`;
}
