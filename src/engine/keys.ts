/**
 * Labels of the subkeys: each key is HMAC-SHA-256(secret, label). One page, because two derive by it: the engine, and
 * whoever opens a snapshot without having an engine (docs/identity.md).
 *
 * Relies on: a core to derive with. Refuses: to keep a key.
 */
import { hmac } from './inbox';
import type { Core } from './link';

/** Keys that an engine holds while it lives. */
export const KEY_LABELS = {
  tag: 'tracehound/v1/source-tag',
  redact: 'tracehound/v1/header-fingerprint',
  trace: 'tracehound/v1/trace-id',
  partition: 'tracehound/v1/pk',
} as const;
export type KeyName = keyof typeof KEY_LABELS;

/** The AES-GCM key of snapshots. Derived when one is sealed or opened, and kept by nobody. */
export const SEAL_LABEL = 'tracehound/v1/snapshot-seal';

const encoder = new TextEncoder();

export function deriveKeys(core: Core, secret: Uint8Array): Record<KeyName, Uint8Array> {
  const keys = {} as Record<KeyName, Uint8Array>;
  for (const name of Object.keys(KEY_LABELS) as KeyName[]) {
    keys[name] = hmac(core, secret, encoder.encode(KEY_LABELS[name]));
  }
  return keys;
}
