/**
 * Logs as they lie in a store, written by the shipped writer, and the keys that go with them.
 *
 * Relies on: lab, lab store, node:crypto for the deployment's key. Refuses: a clock of its own.
 */
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { formatVerifierKey } from '../../src/formats/note';
import { type StoredLogOptions, storedLog } from '../../src/log/index';
import type { AuditOptions, LogStore, Signer, Tracehound } from '../../src/types/index';
import { lab } from './lab';
import { LabStore } from './store';

export const ORIGIN = 'example.com/log';

/** A deployment's key, made by other means than ours. */
export function deploymentKey(name = 'example.com/deployment'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    name,
    vkey: formatVerifierKey(name, 1, raw),
    sign: async (bytes) => new Uint8Array(signWith(null, bytes, privateKey)),
  };
}

/** Options of a log, and of its way into a store, in one. */
export interface StoredAudit extends Omit<AuditOptions, 'log'>, StoredLogOptions {}

/** The `audit` option that writes to `store`. */
export function into(store: LogStore, given: StoredAudit = {}): AuditOptions {
  const { origin, maxRecords, signer, ...stored } = given;
  return {
    ...(origin !== undefined && { origin }),
    ...(maxRecords !== undefined && { maxRecords }),
    ...(signer !== undefined && { signer }),
    log: storedLog(store, stored),
  };
}

export interface Written {
  readonly store: LabStore;
  readonly signer: Signer;
  /** The last moment of the writer's clock. */
  readonly now: number;
}

export interface WriteOptions {
  readonly count?: number;
  readonly close?: boolean;
  readonly store?: LabStore;
  readonly signer?: Signer;
  readonly audit?: StoredAudit;
  readonly seed?: number;
  /** The detector says nothing that a sidecar would have to carry. */
  readonly bare?: boolean;
  /** Runs before the log is closed. */
  readonly act?: (th: Tracehound) => Promise<void>;
}

/** A log of `count` threats, each one record with a sidecar that would like to be let loose on a terminal. */
export async function written(options: WriteOptions = {}): Promise<Written> {
  const { count = 20, close = true, store = new LabStore(), signer = deploymentKey(), audit = {}, seed = 1 } = options;
  const world = lab({ seed });
  const th = world.make({
    rateLimit: false,
    quarantine: { maxCount: 4_096, maxBytes: 2 ** 20, maxShare: 1 },
    audit: into(store, { origin: ORIGIN, signer, ...audit }),
  });
  const severities = ['low', 'medium', 'high', 'critical'] as const;
  for (let i = 0; i < count; i++) {
    world.now += 1_000;
    const said = options.bare ? {} : { rule: `\u009b2J\u202e${i}`, reason: '\u001b[1A' };
    const threat = { category: 'sqli', severity: severities[i % 4]!, ...said };
    const result = th.intercept({ source: `s${i}`, payload: `attack ${i} \u001b]0;owned\u0007\u202e\r\n`, threat });
    if (result.status === 'error') throw result.error;
  }
  await th.audit.flush();
  await options.act?.(th);
  if (close) await th.close();
  return { store, signer, now: world.now };
}
