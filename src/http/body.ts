/**
 * The body of a flagged request: a bounded prefix of it, pulled, never tee'd — a tee buffers whatever the slower
 * side has not read, and the slower side would be the attacker's.
 *
 * Relies on: a stream, and on `within` for the end of patience.
 * Refuses: to read past the budget (by more than one chunk), past the time, or more often than there are bytes to
 * gain, so that a body that never ends, stalls or sends empty chunks costs the same as any other.
 *
 * @module
 */
import { LATE, within } from '../time/deadline';
import { kindOf } from '../validate/kind';
import type { Slot } from './slots';

/**
 * How the reading ended. `none`: there was no body · `complete` · `limit`: there is more than fits · `timeout` ·
 * `aborted`: the client went away · `busy`: too many captures at once · `displaced`: it came so slowly that another got
 * its place · `consumed`: someone read it and kept nothing · `hidden`: the platform does not show it (a GET with a body) ·
 * `cut`: the platform itself handed over a prefix (`inputTruncated` of Lambda@Edge).
 */
export type BodyState =
  | ('none' | 'complete' | 'limit' | 'timeout' | 'aborted')
  | ('busy' | 'displaced' | 'consumed' | 'hidden' | 'cut');

export interface BodyPrefix {
  readonly state: BodyState;
  /** As they came: the last one may reach past the budget. */
  readonly chunks: readonly Uint8Array[];
  /** The whole body again, prefix first, for an application that still wants it. Absent when nothing was pulled. */
  readonly rest?: () => ReadableStream<Uint8Array>;
}

export const NO_CHUNKS: readonly Uint8Array[] = [];

/**
 * Pulls until `budget` bytes are exceeded, the body ends or fails, `timeoutMs` have passed, or the place is lost. Never
 * rejects.
 */
export async function pull(
  stream: ReadableStream<Uint8Array>,
  budget: number,
  timeoutMs: number,
  slot?: Slot,
): Promise<BodyPrefix> {
  if (stream.locked) return { state: 'consumed', chunks: NO_CHUNKS };
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;
  let stopped = false;

  const read = async (): Promise<BodyState> => {
    let bytes = 0;
    // Every read either brings a byte or is one of the few empty ones a bounded loop can afford.
    for (let reads = 0; reads <= budget; reads++) {
      pending = reader.read();
      const step = await pending;
      if (stopped) return 'timeout'; // too late: this chunk belongs to the rest
      pending = undefined;
      if (step.done) return 'complete';
      const chunk = view(step.value);
      chunks.push(chunk);
      bytes += chunk.byteLength;
      slot?.progress(chunk.byteLength);
      if (bytes > budget) return 'limit';
    }
    return 'limit';
  };

  let failure: unknown;
  let state: BodyState;
  try {
    const ended = await within(orLost(read(), slot), timeoutMs);
    state = ended === LATE ? 'timeout' : ended;
  } catch (error) {
    state = 'aborted';
    failure = error;
    pending = undefined;
  }
  stopped = true;
  return { state, chunks, rest: () => again(chunks, state, failure, reader, pending) };
}

/** What `work` gives, unless the place is lost before. */
export function orLost<T>(work: Promise<T>, slot: Slot | undefined): Promise<T | 'displaced'> {
  return slot === undefined ? work : Promise.race([work, slot.lost.then(() => 'displaced' as const)]);
}

/** What the application reads instead: the chunks that were pulled, then the same reader, at the application's pace. */
function again(
  chunks: readonly Uint8Array[],
  state: BodyState,
  failure: unknown,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined,
): ReadableStream<Uint8Array> {
  let index = 0;
  let waiting = pending;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = chunks[index++];
        if (chunk !== undefined) return controller.enqueue(chunk);
        if (state === 'aborted') return controller.error(failure);
        const step = await (waiting ?? reader.read());
        waiting = undefined;
        if (step.done) controller.close();
        else controller.enqueue(step.value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** A stream may carry anything; a body that is not bytes is a broken one. */
function view(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`body: a chunk is not bytes, expected a Uint8Array, got ${kindOf(value)}`);
}
