/**
 * The body of a request that only Node's own message shows: the web's `Request` has none for GET, HEAD and TRACE, yet a
 * client can send one. It is looked at and put back, so that whoever reads the message later reads all of it.
 *
 * Relies on: the shape of Node's `IncomingMessage` and `Http2ServerRequest`; on `within` for the end of patience.
 * Refuses: to read what somebody else reads, to end or to destroy the message, and to read past the budget (by more than
 * what the message had buffered).
 *
 * A message emits `end` once it was asked for more than it has, and nothing can be put back after that. So what was taken
 * goes back in the turn in which the last of it was taken.
 */
import { LATE, within } from '../time/deadline';
import type { BodyPrefix, BodyState } from './body';
import type { Slot } from './slots';

/** Node's message, as far as it is looked at. */
export interface IncomingBody {
  readonly readableFlowing?: boolean | null;
  readonly readableEnded?: boolean;
  readonly readableLength: number;
  /** All of an HTTP/1 message came. */
  readonly complete?: unknown;
  /** An upgrade: what follows it is no body. */
  readonly upgrade?: unknown;
  /** HTTP/2. */
  readonly stream?: { readonly endAfterHeaders?: unknown; readonly readableEnded?: unknown } | null;
  read(): Uint8Array | null;
  unshift(chunk: Uint8Array): unknown;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** Whether this is a message with a body that may be looked at. `declared`: what its fields say, digits, `chunked` or `none`. */
export function hasBody(message: unknown, declared: string): message is IncomingBody {
  const one = message as Partial<IncomingBody> | null | undefined;
  if (typeof one?.read !== 'function' || typeof one.unshift !== 'function' || typeof one.off !== 'function')
    return false;
  if (one.upgrade === true) return false;
  // HTTP/2 needs to declare nothing.
  return declared === 'none' ? one.stream?.endAfterHeaders === false : declared !== '0';
}

const ENDINGS = ['error', 'aborted', 'close'];

/** A prefix of the body, which stays in the message. Never rejects. */
export async function peek(
  message: IncomingBody,
  budget: number,
  timeoutMs: number,
  slot: Slot | undefined,
): Promise<BodyPrefix> {
  // Somebody reads it, or has: nothing of it is ours.
  if (message.readableEnded === true || typeof message.readableFlowing === 'boolean') {
    return { state: 'consumed', chunks: [] };
  }
  const looking = new Looking(message, budget, slot);
  const lost = slot?.lost.then(() => looking.finish('displaced'));
  const ended = await within(lost === undefined ? looking.ended : Promise.race([looking.ended, lost]), timeoutMs);
  if (ended === LATE) looking.finish('timeout');
  return { state: await looking.ended, chunks: looking.chunks };
}

class Looking {
  readonly chunks: Uint8Array[] = [];
  readonly ended: Promise<BodyState>;
  readonly #message: IncomingBody;
  readonly #budget: number;
  readonly #slot: Slot | undefined;
  #bytes = 0;
  #settle: ((state: BodyState) => void) | undefined;

  constructor(message: IncomingBody, budget: number, slot: Slot | undefined) {
    this.#message = message;
    this.#budget = budget;
    this.#slot = slot;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    message.on('readable', this.#take);
    message.on('end', this.#whole);
    for (const event of ENDINGS) message.on(event, this.#broken);
  }

  /** The first ending counts. */
  finish(state: BodyState): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    const message = this.#message;
    message.off('readable', this.#take);
    message.off('end', this.#whole);
    for (const event of ENDINGS) message.off(event, this.#broken);
    // Last in, first out: the message has them again in their order. Of one that is gone, this does nothing.
    for (let at = this.chunks.length - 1; at >= 0; at--) message.unshift(this.chunks[at] as Uint8Array);
    settle(state);
  }

  readonly #whole = (): void => this.finish('complete');
  readonly #broken = (): void => this.finish('aborted');

  readonly #take = (): void => {
    const message = this.#message;
    // Readable with nothing to read: the end, before it was asked for.
    const chunk = message.readableLength === 0 ? null : message.read();
    if (chunk === null) {
      this.finish('complete');
      return;
    }
    this.chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#slot?.progress(chunk.byteLength);
    if (this.#bytes > this.#budget) this.finish('limit');
    else if (message.complete === true || message.stream?.readableEnded === true) this.finish('complete');
  };
}
