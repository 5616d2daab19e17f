/**
 * Copies of a request. Some platforms know things about the very `Request` they made and nothing about a copy of it (Bun's
 * `requestIP`), so each copy that we make remembers what it is a copy of.
 *
 * Relies on: a WeakMap, and on a server that is an ordinary object. Refuses: to keep a request alive, and to know copies
 * that others made.
 */

const originals = new WeakMap<object, unknown>();
const taught = new WeakSet<object>();

/** The request that the platform made: `request` itself, unless it is a copy of ours. */
export function originalOf(request: unknown): unknown {
  const known = typeof request === 'object' && request !== null ? originals.get(request) : undefined;
  return known ?? request;
}

/** Remembers what `copy` is a copy of, and has the server behind `platform` answer about it as about the original. */
export function remember(copy: Request, of: Request, platform: unknown): Request {
  if (copy === of) return copy;
  originals.set(copy, originalOf(of));
  const server = serverOf(platform);
  if (server !== undefined && !taught.has(server)) teach(server);
  return copy;
}

/** Bun's server, as far as it is looked at. */
export interface PeerServer {
  requestIP(request: unknown): { address?: unknown; port?: unknown } | null;
  readonly port?: unknown;
  readonly url?: unknown;
}

/** The server among what a platform passes beside a request: itself, or Hono's bindings around it. */
export function serverOf(platform: unknown): PeerServer | undefined {
  if (typeof platform !== 'object' || platform === null) return undefined;
  const candidates = [platform, (platform as { server?: unknown }).server] as (Partial<PeerServer> | undefined)[];
  return candidates.find((one) => typeof one?.requestIP === 'function') as PeerServer | undefined;
}

/** The application asks the server about the request that it was given, which may be our copy. */
function teach(server: PeerServer): void {
  taught.add(server);
  const ask = server.requestIP;
  try {
    Object.defineProperty(server, 'requestIP', {
      value: (request: unknown) => ask.call(server, originalOf(request)),
      configurable: true,
      writable: true,
    });
  } catch {
    // A frozen server: the application asks about the copy and gets nothing. We ask about the original.
  }
}

/**
 * A request whose URL is absolute. Bun hands over the bare target where a client sent no Host (HTTP/1.0); RFC 9112 §3.3
 * then takes the name that the server has for itself. Unchanged where the URL is absolute, and where no server says a name.
 */
export function absolute(request: Request, platform: unknown): Request {
  const { url, method, headers, signal, body } = request;
  if (!url.startsWith('/')) return request;
  const base = /^https?:\/\/[^/]+/.exec(String(serverOf(platform)?.url))?.[0];
  if (base === undefined) return request;
  // Joined as text: resolved as a reference, `//host/path` would be another server.
  const init = { method, headers, signal, ...(body === null ? {} : { body, duplex: 'half' }) } as RequestInit;
  return remember(new Request(`${base}${url}`, init), request, platform);
}
