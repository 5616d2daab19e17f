/**
 * What a hostile crowd will send: a list of requests, drawn from a seed before the first of them is sent, so that a run can be
 * repeated and its shares of resets, dribbles, blocked sources, HTTP/2, uploads and upgrades are known.
 *
 * Relies on: `seed`. Refuses: to look at a clock, and to draw what the limiter would answer by chance: only the greedy source
 * comes near its limit, and it always waits for its answers.
 */
import { Seed } from '../seed.ts';

/** What is asked for; the server's detector and options know it by the first part of the path. */
export type Kind =
  /** Nothing is wrong with it. */
  | 'clean'
  /** Flagged, and different from every other. */
  | 'attack'
  /** Flagged, and the same as before. */
  | 'repeat'
  /** Exempt by `skip`. */
  | 'exempt'
  /** Exempt by `allow`. */
  | 'trusted'
  /** The detector throws. */
  | 'broken'
  /** The detector asks for the body, which does not come in time. */
  | 'unread';

/** How it is sent. */
export type Way =
  | 'plain'
  /** On a connection that the server has answered on before: reset right after the request was written. */
  | 'reset'
  /** On a fresh connection: reset right after the request was written, often before the server accepts it. Nobody can know its address then. */
  | 'stranger'
  | 'dribble'
  | 'upload'
  | 'upgrade'
  | 'http2';

export type Sender = 'calm' | 'blocked' | 'greedy';

export interface Act {
  readonly index: number;
  /** Ms after the beginning. */
  readonly at: number;
  readonly sender: Sender;
  readonly source: string;
  readonly kind: Kind;
  readonly way: Way;
  readonly path: string;
  /** Bytes of the body; 0 for none. */
  readonly body: number;
}

/**
 * Clean requests of strangers go to a server of their own: nothing but their total is known of them, and nothing else should
 * have to be left open for their sake.
 */
export const isForDoor = ({ way, kind }: Act): boolean => way === 'stranger' && kind === 'clean';

/** Addresses of the loopback network: each is a source of its own. */
export const BLOCKED: readonly string[] = Array.from({ length: 20 }, (_, i) => `127.0.1.${i + 1}`);
const CALM = Array.from({ length: 60 }, (_, i) => `127.0.2.${i + 1}`);
const GREEDY = '127.0.3.1';

/** In hundredths: of the senders, and of the ways of those who are not greedy. */
const SENDERS: readonly [Sender, number][] = [
  ['calm', 57],
  ['blocked', 28],
  ['greedy', 15],
];
const WAYS: readonly [Way, number][] = [
  ['plain', 42],
  ['reset', 10],
  ['stranger', 8],
  ['dribble', 15],
  ['upload', 8],
  ['upgrade', 9],
  ['http2', 8],
];
const KINDS: readonly [Kind, number][] = [
  ['clean', 35],
  ['attack', 35],
  ['repeat', 14],
  ['exempt', 5],
  ['trusted', 5],
  ['broken', 6],
];

function drawn<T>(seed: Seed, shares: readonly (readonly [T, number])[]): T {
  let rest = seed.below(100);
  for (const [what, share] of shares) {
    if (rest < share) return what;
    rest -= share;
  }
  throw new Error('plan: shares do not add up, expected 100, got less');
}

/** `count` requests, `perSecond` of them a second. */
export function planOf(number: number, count: number, perSecond: number): Act[] {
  const seed = new Seed(number);
  return Array.from({ length: count }, (_, index) => {
    let sender = drawn(seed, SENDERS);
    const way = sender === 'greedy' ? 'plain' : drawn(seed, WAYS);
    let kind = drawn(seed, KINDS);
    // Who is exempt is not blocked: the ledger would not know what to expect of the two together.
    if (sender !== 'calm' && (kind === 'exempt' || kind === 'trusted' || kind === 'broken')) kind = 'attack';
    if (sender === 'calm' && way === 'dribble' && seed.below(3) === 0) kind = 'unread';
    // Of whom nothing may pass, whether anybody knows them or not.
    if (way === 'stranger') [sender, kind] = ['blocked', seed.below(3) === 0 ? 'clean' : 'attack'];
    const source = sender === 'greedy' ? GREEDY : seed.one(sender === 'calm' ? CALM : BLOCKED);
    const large = 4_096 + seed.below(252 * 1_024);
    const body = way === 'upload' ? large : way === 'dribble' ? 200 + seed.below(1_800) : 0;
    const name = kind === 'repeat' ? `again/${seed.below(5)}` : `${number}/${index}`;
    const at = Math.floor((index * 1_000) / perSecond) + seed.below(Math.ceil(1_000 / perSecond));
    return { index, at, sender, source, kind, way, path: `/${kind}/${sender}/${name}`, body };
  });
}
