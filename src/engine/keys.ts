/**
 * Labels of the subkeys: each key is HMAC-SHA-256(secret, label). One page, because two derive by it: the engine, and
 * whoever opens a snapshot without having an engine (docs/identity.md).
 *
 * Relies on: a core to derive with. Refuses: to show the secret.
 */
import { hmac } from './inbox';
import type { Core } from './link';

/** Keys that an engine holds while it lives. */
const KEY_LABELS = {
  tag: 'tracehound/v1/source-tag',
  redact: 'tracehound/v1/header-fingerprint',
  trace: 'tracehound/v1/trace-id',
  partition: 'tracehound/v1/pk',
} as const;
export type KeyName = keyof typeof KEY_LABELS;

/** The AES-GCM key of snapshots. Derived when one is sealed or opened, and kept by nobody. */
export const SEAL_LABEL = 'tracehound/v1/snapshot-seal';

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
