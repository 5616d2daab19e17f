/**
 * When the headers of a detector are believed: the condition that the operator configured.
 *
 * Relies on: what an adapter shows of the request. Refuses: to believe anybody when nothing was said; to compare a secret in a
 * time that says where a guess went wrong.
 */
import { addressOf, isWithin, rangeOf } from '../formats/address';
import type { HopTrust, SignalView } from '../types/index';
import { readGroup, readHeaderName, readList, readText, wrongKind } from '../validate/index';

export interface Condition {
  holds(view: SignalView): boolean;
  /** Headers whose values must not be kept. */
  readonly secrets: readonly string[];
}

const EXPECTED = "'platform', peers, a secret or a function";
/** Shorter secrets can be guessed by whoever may ask often. */
const SECRET_CHARACTERS_MIN = 16;

const NOBODY: Condition = { holds: () => false, secrets: [] };
const PLATFORM: Condition = { holds: () => true, secrets: [] };

/** `isNeeded`: something is read from headers, so that without a condition every request of the hop would count as forged. */
export function conditionOf(part: string, trust: unknown, isNeeded: boolean): Condition {
  if (trust === undefined) {
    if (!isNeeded) return NOBODY;
    throw new TypeError(`${part}: missing, expected ${EXPECTED} (whose header is believed?), got undefined`);
  }
  if (trust === 'platform') return PLATFORM;
  if (typeof trust === 'function') {
    const asked = trust as Extract<HopTrust, (view: SignalView) => unknown>;
    return { holds: (view) => saidYes(part, asked(view)), secrets: [] };
  }
  const { peers, secret } = readGroup(part, `${part}.`, trust, ['peers', 'secret'], EXPECTED);
  if ((peers === undefined) === (secret === undefined)) {
    throw new TypeError(
      `${part}: unclear, expected one of peers, secret, got ${peers === undefined ? 'neither' : 'both'}`,
    );
  }
  return secret === undefined ? ofPeers(`${part}.peers`, peers) : ofSecret(`${part}.secret`, secret);
}

/** A promise would be a yes to nobody and an unhandled rejection: it is handled here, and refused. */
function saidYes(part: string, said: unknown): boolean {
  if (typeof (said as { then?: unknown } | null | undefined)?.then !== 'function') return said === true;
  Promise.resolve(said).catch(() => {});
  throw new TypeError(`${part}: not at once, expected true or false, got a promise`);
}

function ofSecret(part: string, value: unknown): Condition {
  const given = readGroup(part, `${part}.`, value, ['header', 'value']);
  const header = readHeaderName(`${part}.header`, given.header);
  const secret = readText(`${part}.value`, given.value, SECRET_CHARACTERS_MIN);
  return { holds: (view) => knows(view, header, secret), secrets: [header] };
}

function ofPeers(part: string, value: unknown): Condition {
  const ranges = readList(part, value, 'addresses or ranges', (place, peer) => {
    const range = typeof peer === 'string' ? rangeOf(peer) : undefined;
    if (range !== undefined) return range;
    if (typeof peer !== 'string') throw wrongKind(place, 'an address or a range', peer);
    throw new RangeError(`${place}: unusable, expected an address or a range, got another string`);
  });
  if (ranges.length === 0) throw new RangeError(`${part}: empty, expected addresses or ranges, got none`);
  return {
    holds: ({ peer }) => {
      const address = peer === undefined ? undefined : addressOf(peer);
      return address !== undefined && ranges.some((range) => isWithin(address, range));
    },
    secrets: [],
  };
}

/** The secret came once, under its own name, and is right. Compared in a time that does not depend on where it differs. */
function knows({ fields, headers }: SignalView, header: string, secret: string): boolean {
  const sent = [...(fields ?? headers)].filter(([name]) => name.toLowerCase().replaceAll('_', '-') === header);
  const [name, value] = sent[0] ?? ['', ''];
  if (sent.length !== 1 || name.toLowerCase() !== header) return false;
  let different = value.length ^ secret.length;
  for (let at = 0; at < secret.length; at++) different |= secret.charCodeAt(at) ^ (value.charCodeAt(at) || 0);
  return different === 0;
}
