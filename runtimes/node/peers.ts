/**
 * Who is at the other end of a connection of Node's, also when that end has gone meanwhile. A client that sends a request and
 * resets at once has no address any more when the request is read: a socket remembers its peer only once it was asked, so
 * each is asked when it is accepted.
 *
 * Relies on: the channel `net.server.socket` of node:diagnostics_channel, which names every socket that a server accepts; on
 * sockets that keep what they answered once (Node 20, 24 and 26, tested). Refuses: to hold a socket.
 */
import channels from 'node:diagnostics_channel';

/** Node's socket, TLS socket, or the one that HTTP/2 shows in its place. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly destroyed?: boolean;
  readonly writable?: boolean;
  /** Of a TLS socket: the one that was accepted. */
  readonly _parent?: { readonly remoteAddress?: string | undefined } | null;
  readonly _handle?: { getpeername?(name: object): unknown } | null;
}

let watching = false;

/** From now on every accepted socket is asked for its peer at once. The first call counts. */
export function watchPeers(): void {
  if (watching) return;
  watching = true;
  channels.subscribe('net.server.socket', (message) => void (message as { socket?: Connection }).socket?.remoteAddress);
}

/** The peer's address; `undefined` for a Unix socket, and for a client that was gone before it was accepted. */
export function peerAddress(connection: Connection | undefined): string | undefined {
  return connection?.remoteAddress ?? connection?._parent?.remoteAddress ?? undefined;
}

/** Whether the peer has gone: the socket is closed, or cannot be written to, or has an address of its own and none at the other end. */
export function isGone(connection: Connection | undefined): boolean {
  if (connection === undefined) return false;
  // Node ends its side when the client has ended its own: no answer can be sent any more.
  if (connection.destroyed === true || connection.writable === false) return true;
  if (peerAddress(connection) === undefined) return connection.localAddress !== undefined;
  // A reset that Node has not come around to: only the system knows. It answers 0 while there is a peer.
  const handle = connection._handle;
  if (typeof handle?.getpeername !== 'function') return false;
  const answer = handle.getpeername({});
  return typeof answer === 'number' && answer !== 0;
}
