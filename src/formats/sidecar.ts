/**
 * Who touched what: the sidecars that records commit to. A sidecar carries its own salt, so that a record's hash of it
 * says nothing about a short, guessable text once the sidecar is gone.
 *
 * Relies on: jcs, codec, kind. Refuses: to keep anything; the engine keeps what it is given, bounded.
 */

import type { Actor, Json } from '../types/index';
import { kindOf } from '../validate/kind';
import { toHex } from './bytes';
import { canonicalise } from './jcs';

/**
 * Sidecars are at most this long; what a caller writes is cut to fit (DESIGN: bounded strings). Three words of 200
 * characters take at most 3,600 bytes when every one must be escaped.
 */
const SIDECAR_BYTES_MAX = 4_096;
const WORDS_MAX = 200;

/** Canonical JSON of `facts` with a fresh 16-byte salt. */
export function sidecar(facts: { readonly [key: string]: Json }, random: (bytes: Uint8Array) => void): Uint8Array {
  const salt = new Uint8Array(16);
  random(salt);
  const text = canonicalise({ ...facts, salt: toHex(salt) }, SIDECAR_BYTES_MAX);
  if (!text.ok)
    throw new RangeError(
      `sidecar: ${text.reason}, expected ≤ ${SIDECAR_BYTES_MAX} bytes of plain JSON, got other facts`,
    );
  return text.bytes;
}

/** What `who` says, checked and cut; `undefined` when nobody said who. */
export function actorFacts(who: Actor | undefined): { readonly [key: string]: Json } | undefined {
  if (who === undefined) return undefined;
  if (typeof who !== 'object' || who === null) {
    throw new TypeError(`who: wrong kind, expected { actor, purpose, case? }, got ${kindOf(who)}`);
  }
  const facts: Record<string, Json> = {};
  for (const name of ['actor', 'purpose', 'case'] as const) {
    const value = who[name];
    if (value === undefined && name === 'case') continue;
    if (typeof value !== 'string') {
      throw new TypeError(`who.${name}: wrong kind, expected a string, got ${kindOf(value)}`);
    }
    facts[name] =
      value.toWellFormed === undefined ? value.slice(0, WORDS_MAX) : value.slice(0, WORDS_MAX).toWellFormed();
  }
  return facts;
}
