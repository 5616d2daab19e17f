/**
 * A sink over real HTTP, one POST of JSON a batch, and a server that answers as it is told: what the suite of sinks is shown
 * to pass.
 *
 * Relies on: `fetch`, node:http on loopback. Refuses: what real destinations add (queues, gzip, schemas).
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sent, Sink } from '../../src/index';
import type { Answer, Destination, SinkStage } from '../conformance/sink';

export interface LabDestination extends Destination {
  url(): string;
  close(): void;
}

/** Its server; `gone` closes it, and what comes next opens it again at the same port. */
export async function destination(): Promise<LabDestination> {
  let how: Answer = 'takes';
  const received: string[] = [];
  const take = (id: string): number => received.push(id);
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const ids = (JSON.parse(body) as { id: string }[]).map(({ id }) => id);
    if (how === 'silent') return;
    if (how === 'fails') return void response.writeHead(500).end();
    if (typeof how === 'object' && 'overloadedSeconds' in how) {
      return void response.writeHead(429, { 'retry-after': String(how.overloadedSeconds) }).end();
    }
    const refused = typeof how === 'object' ? how.refuses : [];
    for (const id of ids) if (!refused.includes(id)) take(id);
    response.end(JSON.stringify({ refused: ids.filter((id) => refused.includes(id)) }));
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: () => `http://127.0.0.1:${port}/`,
    received: () => received,
    async answer(next) {
      if (next === 'gone') close();
      else if (how === 'gone') await listen(port);
      how = next;
    },
    close,
  };
}

/** A sink that posts to `url`; a connection for each batch, because the server goes and comes. */
export function labSink(url: string): Sink {
  return {
    name: 'lab',
    maxBatchBytes: 1_048_576,
    maxBatchEvents: 100,
    async send(events, signal): Promise<Sent> {
      const ids = events.map(({ id }) => id);
      const none = { accepted: [], retry: [], rejected: [] };
      if (events.length === 0) return none;
      try {
        const headers = { 'content-type': 'application/json', connection: 'close' };
        const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(events), signal });
        if (!response.ok) {
          const seconds = Number(response.headers.get('retry-after') ?? 0);
          return { ...none, retry: ids, ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }) };
        }
        const { refused } = (await response.json()) as { refused: string[] };
        return {
          ...none,
          accepted: ids.filter((id) => !refused.includes(id)),
          rejected: refused.map((id) => ({ id, reason: 'refused' })),
        };
      } catch {
        return { ...none, retry: ids };
      }
    },
  };
}

/** A sink before a server of its own; `faults` take the place of parts of it. */
export async function sinkStage(
  faults: (sink: Sink, destination: LabDestination) => Partial<Sink> = () => ({}),
): Promise<SinkStage & { readonly destination: LabDestination }> {
  const other = await destination();
  const sink = labSink(other.url());
  return { sink: { ...sink, ...faults(sink, other) }, destination: other };
}
