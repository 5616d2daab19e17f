/**
 * The subkeys of an engine's secret, derived by its core.
 *
 * Relies on: a core to derive with; formats/subkeys for the labels. Refuses: to show the secret.
 */
import { KEY_LABELS, type KeyName } from '../formats/subkeys';
import { hmac } from './inbox';
import type { Core } from './link';

export { type KeyName, SEAL_LABEL } from '../formats/subkeys';

const encoder = new TextEncoder();

/** The subkeys of one secret, each made when it is first asked for: where the core is interpreted, one takes 0.2 ms. */
export class Subkeys {
  readonly #secret: Uint8Array;
  readonly #made: Partial<Record<KeyName, Uint8Array>> = {};

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  of(core: Core, name: KeyName): Uint8Array {
    this.#made[name] ??= hmac(core, this.#secret, encoder.encode(KEY_LABELS[name]));
    return this.#made[name];
  }
}
