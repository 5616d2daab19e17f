/**
 * A store that lives in a program of Fastly Compute, asked from outside: each act is one request, so each is a fresh
 * instance, and what it finds is what the platform kept. The two halves: `answering` runs inside, `remoteStore` outside.
 *
 * Relies on: JSON. Refuses: to check anything itself. What is no bytes arrives as what it is, so that the store says so.
 */
import type { LogStore } from '../../src/types/ports';

type Sent = { bytes: number[] } | { nothing: true } | { value: unknown };

const sent = (value: unknown): Sent => {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  return value === undefined ? { nothing: true } : { value };
};

const received = (of: Sent): unknown => {
  if ('bytes' in of) return Uint8Array.from(of.bytes);
  return 'value' in of ? of.value : undefined;
};

type Act = keyof LogStore;

/** Inside: carries out the act of a request's body. */
export async function answering(store: LogStore, body: string): Promise<string> {
  const { act, given } = JSON.parse(body) as { act: Act; given: Sent[] };
  try {
    const carryOut = store[act] as (...of: unknown[]) => Promise<unknown>;
    return JSON.stringify({ answer: sent(await carryOut(...given.map(received))) });
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return JSON.stringify({ error: { name, message, code } });
  }
}

/** Outside: `ask` sends a body and answers with another. */
export function remoteStore(ask: (body: string) => string): LogStore {
  const carryOut = async (act: Act, ...given: unknown[]): Promise<unknown> => {
    const told = JSON.parse(ask(JSON.stringify({ act, given: given.map(sent) }))) as {
      answer: Sent;
      error?: { name: string; message: string; code?: string };
    };
    if (told.error === undefined) return received(told.answer);
    const Kind = told.error.name === 'RangeError' ? RangeError : told.error.name === 'TypeError' ? TypeError : Error;
    throw Object.assign(new Kind(told.error.message), { code: told.error.code });
  };
  return {
    get: (key) => carryOut('get', key) as ReturnType<LogStore['get']>,
    putIfAbsent: (key, bytes) => carryOut('putIfAbsent', key, bytes) as ReturnType<LogStore['putIfAbsent']>,
    swap: (key, bytes, expected) => carryOut('swap', key, bytes, expected) as ReturnType<LogStore['swap']>,
  };
}
