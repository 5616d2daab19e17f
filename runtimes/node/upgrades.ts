/**
 * Upgrades and tunnels on Node: a server hands `Upgrade:` requests and CONNECT to its `upgrade` and `connect` listeners,
 * past every middleware, so WebSockets would be neither limited nor inspected. This guard stands before those listeners,
 * whoever adds them and whenever: it takes the events in `server.emit`, decides, and emits them again.
 *
 * Relies on: HTTP/1.1 servers of node:http and node:https, whose events carry request, socket and head.
 * Refuses: policy (that is `guard`'s), and to speak the protocol behind an upgrade: only its request is guarded, what
 * comes after it on the socket is the application's.
 *
 * While it decides, nobody reads the socket: what the client sends meanwhile waits in the socket's own buffers.
 */
import { type ClosingSocket, dropRest } from '../../src/adapters/node-http';
import { type GuardOptions, guard, leaveReceipt, type Visit } from '../../src/http/guard';
import { factsOf } from '../../src/http/request';
import type { Tracehound } from '../../src/types/index';

/** `http.IncomingMessage`, as far as it is looked at. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: { [name: string]: unknown };
  readonly headersDistinct?: { [name: string]: unknown };
  readonly rawHeaders: string[];
}

/** `http.Server` or `https.Server`, as far as it is looked at. */
export interface UpgradeServer {
  // biome-ignore lint/suspicious/noExplicitAny: Node's own signature, in all its versions.
  emit(event: any, ...given: any[]): boolean;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  listenerCount(event: any): number;
}

/** The options of every adapter. `R`: name `http.IncomingMessage` in your functions to see all of it. */
export type UpgradeOptions<R extends UpgradeRequest = UpgradeRequest> = GuardOptions<R>;

/** The stream under an upgrade, as far as it is used. */
interface Socket extends ClosingSocket {
  on(event: 'error', listener: () => void): unknown;
  on(event: 'data', listener: (chunk: { length: number }) => void): unknown;
  off(event: 'error', listener: () => void): unknown;
  end(bytes?: Uint8Array): unknown;
}

/**
 * Guards `upgrade` and `connect` of one server; answers the way to stop. Requests are charged like any other, and only
 * once: the same options may be given to the middleware beside it. `RateLimit` fields are on refusals only: the answer to an upgrade
 * that passes is not ours. Throws when the options are wrong.
 *
 * @example
 * const server = serve({ fetch: app.fetch });
 * guardUpgrades(server, th, { detect: (request) => (isBad(request.url) ? { category: 'ws', severity: 'high' } : undefined) });
 */
export function guardUpgrades<R extends UpgradeRequest = UpgradeRequest>(
  server: UpgradeServer,
  th: Tracehound,
  options: UpgradeOptions<R>,
): () => void {
  if (typeof server?.emit !== 'function' || 'updateSettings' in server) {
    // HTTP/2 gives its `connect` listeners a response, not a socket.
    throw new TypeError('tracehound: no server, expected one of node:http or node:https, got another object');
  }
  const decide = guard<R>(th, options);
  const emit = server.emit;
  let guarding = true;

  function take(event: string, request: R, socket: Socket, head: unknown): void {
    // A client that resets the connection while we look ends its socket, not the process.
    const ignore = (): void => {};
    socket.on('error', ignore);
    decide(visitOf(request))
      .then(async ({ response, strip, rate }) => {
        if (response !== undefined) return answerSocket(socket, response);
        // A framework whose middleware is asked about this request too charges nothing more.
        leaveReceipt(th, request, undefined, rate);
        if (strip !== undefined) forget(request, strip);
        // Outside of the promise: what a listener throws is the application's own uncaught exception, as without us.
        process.nextTick(() => {
          if (socket.destroyed) return;
          socket.off('error', ignore);
          emit.call(server, event, request, socket, head);
        });
      })
      .catch((error: unknown) => {
        socket.destroy();
        process.emitWarning(error instanceof Error ? error : String(error), 'Tracehound');
      });
  }

  server.emit = function (this: UpgradeServer, event: unknown, ...given: unknown[]): boolean {
    const ours = guarding && (event === 'upgrade' || event === 'connect') && server.listenerCount(event) > 0;
    if (!ours) return emit.call(this, event, ...given);
    take(event as string, ...(given as [R, Socket, unknown]));
    return true;
  };
  return () => {
    guarding = false;
  };
}

function visitOf<R extends UpgradeRequest>(request: R): Visit<R> {
  return {
    context: request,
    request,
    platform: undefined,
    facts: () => {
      const { method = '', url = '', rawHeaders } = request;
      const headers = new Headers();
      for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
        try {
          headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string);
        } catch {
          // A lenient parser let it through; the evidence has it from `fields`.
        }
      }
      const { host = '' } = request.headers;
      const seen = { method, headers, url: url.startsWith('/') ? `http://${host}${url}` : url, body: null };
      return factsOf(seen as unknown as Request, { incoming: request });
    },
  };
}

/** Takes fields away from all the places where Node keeps them. */
function forget(request: UpgradeRequest, names: readonly string[]): void {
  // Both maps are made when first asked for, from as many raw fields as were counted: asked for first, cut later.
  const { headers, rawHeaders, headersDistinct = {} } = request;
  for (const name of names) {
    delete headers[name];
    delete headersDistinct[name];
  }
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (names.includes((rawHeaders[at] as string).toLowerCase())) rawHeaders.splice(at, 2);
  }
}

/** Writes a refusal and ends the connection: nothing that was sent on it can be taken for a request. */
async function answerSocket(socket: Socket, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  if (socket.destroyed) return;
  const headers = new Headers(response.headers);
  headers.set('Connection', 'close');
  headers.set('Content-Length', String(body.length));
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${response.status} ${response.statusText || 'Refused'}\r\n${lines.join('')}\r\n`;
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
  dropRest(socket);
}
