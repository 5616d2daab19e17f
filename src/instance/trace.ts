/**
 * Trace ids: what a refused client is given, so that it can be asked about later without learning anything now.
 *
 *   nonce 8 B ‖ (what it hides ⊕ HMAC-SHA-256(trace key, nonce)[0..16])      48 hex characters
 *
 * It hides the UUID of the evidence; for a request that was limited, the first 16 bytes of the source tag.
 *
 * A fresh nonce every time: two refusals of the same evidence share nothing. Relies on: engine, codec. Refuses: state —
 * a trace id is resolved by arithmetic, so it can be resolved after a restart by whoever has the `secret`.
 */

import type { Engine } from '../engine/index';
import { fromHex, toHex } from '../formats/bytes';

const NONCE_BYTES = 8;
const UUID_BYTES = 16;
const TRACE = /^[0-9a-f]{48}$/i;

export class TraceIds {
  readonly #engine: Engine;
  readonly #random: (bytes: Uint8Array) => void;

  constructor(engine: Engine, random: (bytes: Uint8Array) => void) {
    this.#engine = engine;
    this.#random = random;
  }

  /** A trace id for an evidence id; for none, one that resolves to nothing and looks the same. */
  make(now: number, evidenceId: string | undefined): string {
    const uuid = evidenceId === undefined ? undefined : fromHex(evidenceId.slice(0, 36).replaceAll('-', ''));
    if (uuid?.length === UUID_BYTES) return this.hide(now, uuid);
    const bytes = new Uint8Array(NONCE_BYTES + UUID_BYTES);
    this.#random(bytes);
    return toHex(bytes);
  }

  /** A trace id for these 16 bytes. */
  hide(now: number, hidden: Uint8Array): string {
    const bytes = new Uint8Array(NONCE_BYTES + UUID_BYTES);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    this.#random(nonce);
    bytes.set(xor(hidden, this.#engine.mac(now, 'trace', nonce)), NONCE_BYTES);
    return toHex(bytes);
  }

  /** The 16 bytes that a trace id hides, under the current secret and under each before it; none when it is no trace id. */
  resolve(now: number, trace: string): Uint8Array[] {
    if (!TRACE.test(trace)) return [];
    const bytes = fromHex(trace.toLowerCase()) as Uint8Array;
    const masks = this.#engine.macs(now, 'trace', bytes.slice(0, NONCE_BYTES));
    return masks.map((mask) => xor(bytes.subarray(NONCE_BYTES), mask));
  }
}

const xor = (a: Uint8Array, mask: Uint8Array): Uint8Array => a.map((byte, i) => byte ^ (mask[i] as number));
