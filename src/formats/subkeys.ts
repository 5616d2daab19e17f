/**
 * The keys that are derived from a `secret`: each is HMAC-SHA-256(secret, label) (docs/identity.md). One page, because several
 * derive by it: the engine, whoever opens a snapshot, and the command that finds what a trace id stands for.
 *
 * Relies on: sha256. Refuses: to keep a key.
 */
import { hmacSha256 } from './sha256';

/** Keys that an engine holds while it lives. */
export const KEY_LABELS = {
  tag: 'tracehound/v1/source-tag',
  redact: 'tracehound/v1/header-fingerprint',
  trace: 'tracehound/v1/trace-id',
  partition: 'tracehound/v1/pk',
  id: 'tracehound/v1/secret-id',
} as const;
export type KeyName = keyof typeof KEY_LABELS;

/** The AES-GCM key of snapshots. Derived when one is sealed or opened, and kept by nobody. */
export const SEAL_LABEL = 'tracehound/v1/snapshot-seal';

/** One of the keys of a secret, where there is no core to derive it. */
export const subkeyOf = (secret: Uint8Array, name: KeyName): Uint8Array =>
  hmacSha256(secret, new TextEncoder().encode(KEY_LABELS[name]));
