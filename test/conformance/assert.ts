/**
 * What a case may say went wrong. No test runner is needed, because the suite runs where there is none.
 *
 * Relies on: nothing. Refuses: to compare by identity what came out of an engine; bytes, objects and errors are compared
 * by what they hold.
 */
import { hex } from './world';

/** Fails with what was promised. */
export function that(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(promise);
}

/** Fails with both values, written out. */
export function same(got: unknown, expected: unknown, what: string): void {
  const [left, right] = [written(got), written(expected)];
  if (left !== right) throw new Error(`${what}: expected ${short(right)}, got ${short(left)}`);
}

/** What `act` throws, or rejects with; fails when it does neither. */
export async function thrown(act: () => unknown, what: string): Promise<Error & { code?: string }> {
  try {
    await act();
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error(`${what}: expected it to throw, got a value`);
}

/** As text in which equal values are equal: keys in order, bytes in hex. */
export function written(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) => {
      if (inner instanceof Uint8Array) return `bytes ${hex(inner)}`;
      if (inner instanceof Error) return `${inner.name} ${(inner as { code?: string }).code} ${inner.message}`;
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
    }) ?? 'undefined'
  );
}

const short = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
