/**
 * Logs that fill up under attack: options, threats of which each is one record, timers that a test turns, and what lies in the
 * store meanwhile.
 *
 * Relies on: lab, a lab store, its third reader. Refuses: time of its own.
 */
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { vi } from 'vitest';
import { formatVerifierKey } from '../../src/formats/note';
import type { Runtime, Signer, Tracehound, TracehoundOptions } from '../../src/types/index';
import type { Lab } from './lab';
import type { LabStore } from './store';
import { type StoredLog, storedLog } from './stored-log';
import { into, type StoredAudit } from './written';

export const ORIGIN = 'example.com/log';
export const KIND = {
  GENESIS: 1,
  PANIC: 7,
  RESUME: 8,
  HEARTBEAT: 9,
  KEY: 10,
  CLOSE: 11,
  GAP: 12,
  FAILED: 16,
  EVACUATED: 6,
};

export const optionsOf = (store: LabStore, audit: StoredAudit = {}): TracehoundOptions => ({
  rateLimit: false,
  quarantine: { maxCount: 4_096, maxBytes: 2 ** 20, maxShare: 1 },
  audit: into(store, { origin: ORIGIN, ...audit }),
});

/** A deployment's key, made by other means than ours. */
export function deployment(name = 'example.com/deployment'): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    name,
    vkey: formatVerifierKey(name, 1, raw),
    sign: async (bytes) => new Uint8Array(signWith(null, bytes, privateKey)),
  };
}

let sent = 0;
/** Sends `count` threats, each one record: no two are the same. */
export function attack(th: Tracehound, count: number, severity: 'low' | 'high' = 'high'): void {
  for (let i = 0; i < count; i++) {
    const result = th.intercept({
      source: `s${sent}`,
      payload: `attack ${sent++}`,
      threat: { category: 'sqli', severity },
    });
    if (result.status === 'error') throw result.error;
  }
}

/** Everything that waits for a promise of ours has run; not what waits for Web Crypto, which has threads of its own. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
/** The log in `store`, as soon as it is as it must become. */
export const until = (store: LabStore, holds: (log: StoredLog) => boolean): Promise<StoredLog> =>
  vi.waitFor(
    () => {
      const log = storedLog(store, ORIGIN);
      if (!holds(log)) throw new Error(`the log stays as it is, with ${log.size} records`);
      return log;
    },
    { timeout: 20_000, interval: 2 },
  );

export const kinds = ({ records }: StoredLog): number[] => records.map(({ kind }) => kind);
export const ofKind = (log: StoredLog, kind: number): StoredLog['records'] =>
  log.records.filter((each) => each.kind === kind);

/** The runtime of a lab, with timers that the test turns. */
export function timed(it: Lab): { runtime: Runtime; tick: (ms: number) => Promise<void>; readonly waiting: number } {
  const timers = new Map<number, { at: number; work: () => void }>();
  let next = 0;
  const after = (ms: number, work: () => void): (() => void) => {
    const id = next++;
    timers.set(id, { at: it.now + ms, work });
    return () => timers.delete(id);
  };
  return {
    runtime: Object.create(it.runtime, { after: { value: after } }) as Runtime,
    get waiting() {
      return timers.size;
    },
    tick: async (ms) => {
      it.now += ms;
      for (const [id, { at, work }] of [...timers]) {
        if (at > it.now) continue;
        timers.delete(id);
        work();
      }
      await settled();
    },
  };
}
