/**
 * What adapters do about Node's HTTP server under a web framework: a refusal that ends its connection reaches a client that
 * is still sending.
 *
 * A server that closes while bytes come in answers them with a reset, and a reset throws away what the client has not read
 * yet: the refusal. So the sending side is closed first, and what still comes is read and dropped for a while (nginx calls
 * it `lingering_close`). Nothing of it is parsed any more, so nothing of it can become a request.
 *
 * Relies on: the shape of Node's socket under an HTTP/1 message. Refuses: to drop more than `DROP_BYTES_MAX`, to wait longer
 * than `LINGER_MS`, and to do so for more than `LINGERING_MAX` connections at a time; what is beyond is closed at once.
 */

/** One long upload of a browser's kind. */
const DROP_BYTES_MAX = 32 * 1024 * 1024;
/** The sender has this long to read its answer. */
const LINGER_MS = 2_000;
const LINGERING_MAX = 256;

/** Node's socket, as far as it is used. */
export interface ClosingSocket {
  readonly destroyed: boolean;
  destroySoon(): void;
  destroy(): unknown;
  end(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (chunk: { length: number }) => void): unknown;
  once(event: 'end' | 'close', listener: () => void): unknown;
  removeAllListeners(event: 'data'): unknown;
}

let lingering = 0;

/** Has the connection of this request, if it ends with this answer, end in a way in which the answer arrives. */
export function endGently(platform: unknown, answer: Response): void {
  if (answer.headers.get('connection') !== 'close') return;
  const { incoming, server } = (platform ?? {}) as { incoming?: Message; server?: { incoming?: Message } };
  const message = server?.incoming ?? incoming;
  const socket = message?.httpVersion?.startsWith('1') === true ? message.socket : undefined;
  if (typeof socket?.destroySoon !== 'function' || typeof socket.removeAllListeners !== 'function') return;
  // Node calls it when an answer that closes the connection was handed to the socket.
  socket.destroySoon = () => linger(socket, message as Message);
}

interface Message {
  readonly httpVersion?: string;
  readonly complete?: unknown;
  readonly socket?: ClosingSocket | null;
}

function linger(socket: ClosingSocket, message: Message): void {
  Reflect.deleteProperty(socket, 'destroySoon');
  // All of it came: there is nothing that could be answered with a reset.
  if (message.complete === true) {
    socket.destroySoon();
    return;
  }
  // Takes the bytes away from the parser: none of them can be read as a request.
  socket.removeAllListeners('data');
  socket.end();
  dropRest(socket);
}

/** Reads and drops what still comes on a socket whose answer was sent, until the sender ends, or has had enough. */
export function dropRest(socket: ClosingSocket): void {
  if (socket.destroyed) return;
  if (lingering >= LINGERING_MAX) {
    socket.destroySoon();
    return;
  }
  lingering++;
  let dropped = 0;
  const over = (): void => {
    socket.destroy();
  };
  const timer = setTimeout(over, LINGER_MS);
  socket.once('close', () => {
    lingering--;
    clearTimeout(timer);
  });
  socket.on('data', (chunk) => {
    dropped += chunk.length;
    if (dropped > DROP_BYTES_MAX) over();
  });
  socket.once('end', over);
  // Servers have deadlines of their own for bodies that nobody reads (Hono's: 500 ms); this one is the last word.
  socket.destroySoon = () => {};
  socket.resume();
}
