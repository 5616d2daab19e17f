/**
 * The keepers of an instance's log: `createTracehound({ audit: { log } })`.
 *
 *   heldLog()            it stays in memory; heads are signed and proofs made while everything is held. The default
 *   storedLog(store)     it goes into a store as static files (docs/format.md), signed, and is read back for proofs
 *
 * Relies on: keeper, held, stored. Refuses: options that cannot work. An application that stores no log does not ship the
 * writer.
 *
 * @module
 */

import { parseVerifierKey } from '../formats/note';
import type { AuditLog, LogStore, OpenedLog, Signer } from '../types/index';
import { integer, object, readGroup, word, wrongKind } from '../validate/index';
import { TIMEOUT_MS } from './asking';
import { HeldKeeper } from './held';
import type { LogPlug } from './keeper';
import { isHeld, openedIn } from './opened';
import { LogKeeper } from './stored';

export { type OpenLogOptions, openLog } from './open';
export { type PrunedLog, type PruneOptions, pruneLog } from './prune';

export interface HeldLogOptions {
  /** Ms after which the key that signs is changed: 1,000 … 2^40. Default 3,600,000. */
  rotateMs?: number;
}

export interface StoredLogOptions extends HeldLogOptions {
  /**
   * When the store takes nothing and memory ends: `continue` gives up records of low severity first, counted, and says so
   * in the log; `halt` refuses what would append another record (`LOG_FULL`). Default `continue`.
   */
  policy?: 'continue' | 'halt';
  /** Ms between two looks at what waits to be signed, where the platform has timers: 50 … 60,000. Default 1,000. */
  checkpointMs?: number;
  /** Ms that the store and the signer may take for one answer: 10 … 600,000. Default 10,000. */
  timeoutMs?: number;
  /**
   * Stores what waits at a timer as a small object of its own, the *tail*, instead of the bundle and the tile under way again.
   * `flush`, `close` and every 64 records store bundles and tiles. Readers that know nothing but C2SP tlog-tiles find the
   * newest records then; with `false` they find them beside every head, and each head costs up to 120 KiB. Default `true`.
   */
  tail?: boolean;
  /** Ms between HEARTBEAT records, which show that an idle log is alive: 1,000 … 86,400,000. Default 60,000. */
  heartbeatMs?: number;
  /** Continues a log that ended, from `openLog`, instead of beginning another. Needs a `signer`. */
  resume?: OpenedLog;
}

/** The writer keeps 576 records of the ring free, and less than half of the ring is little to fill. */
const STORED_RECORDS_MIN = 1_024;

/**
 * A log that stays in memory: what `createTracehound` has by default. Named outright when its keys are to change at another
 * pace. While none of its records was released, its head is signed (`audit.checkpoint`), proofs are made and evidence is exported.
 *
 * @example
 * const th = createTracehound({ audit: { signer, log: heldLog({ rotateMs: 60_000 }) } });
 */
export function heldLog(options?: HeldLogOptions): AuditLog {
  const given = readGroup('heldLog', 'heldLog.', options, ['rotateMs']);
  const rotateMs = rotation('heldLog', given.rotateMs);
  const plug: LogPlug = {
    recordsMin: 16,
    resume: undefined,
    expectSigner,
    begin: () => ({ continues: undefined, keep: (port) => new HeldKeeper(port, rotateMs) }),
  };
  return Object.freeze(plug);
}

/**
 * A log that goes into `store`, part by part, and is released from memory as it lies there.
 *
 * @example
 * const th = createTracehound({ audit: { origin: 'example.com/log', signer, log: storedLog(store) } });
 */
export function storedLog(store: LogStore, options?: StoredLogOptions): AuditLog {
  readStore(store);
  const names = ['policy', 'checkpointMs', 'heartbeatMs', 'rotateMs', 'timeoutMs', 'tail', 'resume'] as const;
  const given = readGroup('storedLog', 'storedLog.', options, names);
  const resume = object('storedLog.resume', given.resume, 'what openLog returned') as OpenedLog | undefined;
  const kept = {
    store,
    policy: word('storedLog.policy', given.policy, ['continue', 'halt']),
    checkpointMs: integer('storedLog.checkpointMs', given.checkpointMs, 1_000, 50, 60_000, 'ms'),
    heartbeatMs: integer('storedLog.heartbeatMs', given.heartbeatMs, 60_000, 1_000, 86_400_000, 'ms'),
    rotateMs: rotation('storedLog', given.rotateMs),
    timeoutMs: integer('storedLog.timeoutMs', given.timeoutMs, TIMEOUT_MS, 10, 600_000, 'ms'),
    tail: yesOrNo('storedLog.tail', given.tail, true),
  };
  const plug: LogPlug = {
    recordsMin: STORED_RECORDS_MIN,
    resume: resume !== undefined && isHeld(resume) ? undefined : resume,
    expectSigner,
    begin: () => {
      const opened = openedIn(resume);
      const continues = opened?.isHeld === false ? { ...opened, subtrees: opened.frontier.subtrees() } : undefined;
      return { continues, keep: (port) => new LogKeeper(port, { ...kept, opened }) };
    },
  };
  return Object.freeze(plug);
}

const rotation = (of: string, value: unknown): number =>
  integer(`${of}.rotateMs`, value, 3_600_000, 1_000, 2 ** 40, 'ms');

function yesOrNo(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? otherwise;
  throw wrongKind(name, 'true or false', value);
}

function readStore(value: unknown): void {
  const store = object('storedLog.store', value ?? null, 'a LogStore') as LogStore;
  for (const name of ['putIfAbsent', 'get', 'swap'] as const) {
    if (typeof store[name] !== 'function') throw wrongKind(`storedLog.store.${name}`, 'a function', store[name]);
  }
}

function expectSigner({ name, vkey }: Signer): void {
  try {
    if (parseVerifierKey(vkey).name === name) return;
  } catch {
    // It is none: said below.
  }
  throw new RangeError(
    'audit.signer.vkey: unusable, expected the verifier key name+id+base64 of its name, got other text',
  );
}
