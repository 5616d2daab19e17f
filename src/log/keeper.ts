/**
 * What an instance asks of the keeper of its log, and the answers where no store keeps it: the log is then held until its
 * caller exports and releases it.
 *
 * Relies on: the engine's log. Refuses: to know who signs or where a log goes. That comes in with `audit.log`
 * (`tracehound/log`), so that an application that stores no log does not ship the writer.
 */

import type { Continues, EngineLog } from '../engine/index';
import type { TracehoundError } from '../errors';
import type {
  AuditLog,
  ConsistencyProof,
  InclusionProof,
  OpenedLog,
  ResolvedAudit,
  Runtime,
  Signer,
  Trouble,
  TroubleCode,
} from '../types/index';
import type { Exported } from './bundle';

export interface KeeperPort {
  readonly log: EngineLog;
  readonly runtime: Runtime;
  readonly now: () => number;
  readonly random: (bytes: Uint8Array) => void;
  readonly options: ResolvedAudit;
  /** Steps back of the host's clock since the last question: how many, and how far in all. */
  readonly clockSteps: () => { count: number; ms: number };
  /** Whether a core is up: an instance that did nothing has no log. */
  readonly isUp: () => boolean;
  /** Where to say that something is wrong with the log, and that it is over. */
  readonly troubles: LogTroubles;
}

/** What of an instance's troubles the log knows. */
export interface LogTroubles {
  raise(code: TroubleCode, detail?: Trouble['detail']): void;
  end(code: TroubleCode): void;
}

/**
 * How the store of a log is: `off` without a store · `slow` when it takes long to answer · `failing` when it did not take the
 * last part · `stopped` when another writer, or a store that went backwards, ended the writing.
 */
export type StoreState = 'off' | 'ok' | 'slow' | 'failing' | 'stopped';

/** An {@link AuditLog}, as we see it. */
export interface LogPlug extends AuditLog {
  /** The smallest `maxRecords` it can work with. */
  readonly recordsMin: number;
  readonly resume: OpenedLog | undefined;
  /** Throws `RangeError` for a signer that cannot sign here. */
  readonly expectSigner: (signer: Signer) => void;
  readonly begin: () => Begun;
}

export interface Begun {
  /** A log to go on with. */
  readonly continues: Continues | undefined;
  keep(port: KeeperPort): Keeper;
}

export interface Keeper {
  /** CLOSE was written: nothing may follow it. */
  readonly ended: boolean;
  /** Size of the newest signed head in the store. */
  readonly signedSize: number;
  readonly storeState: StoreState;
  /** Since when the store is so, unix ms; 0 for `off`, and while it never was anything but `ok`. */
  readonly storeSince: number;
  /** Why nothing may be appended now, where the answer can be anything. */
  readonly refusal: (() => TracehoundError | undefined) | undefined;
  /** Signed heads and proofs. Throws `UNSUPPORTED` when nobody signs, naming what was asked for. */
  proofs(act: string): Proofs;
  /** Stores and signs everything that is in the log now; without a store there is nothing to do. */
  flush(): Promise<void>;
  /** A request was answered: where there are no timers, this is when what waits is stored; `context` keeps that alive. */
  ship(context: unknown): void;
  /** Writes the end of the log, after everything that must come before it; resolves when it is stored and signed. */
  close(): Promise<void>;
}

export interface Proofs {
  /** The signed note of the log as it is now. */
  checkpoint(): Promise<string>;
  proveInclusion(seq: number): Promise<InclusionProof>;
  proveConsistency(from: number, to: number | undefined): Promise<ConsistencyProof>;
  /** What EXPORTED says of an item: a commitment to its whole id, in hex. */
  commitment(salt: Uint8Array, id: string): string;
  /** An item and everything that proves what is said of it. */
  bundle(item: Exported): Promise<Uint8Array>;
}

/** No store keeps the log. */
export abstract class UnstoredKeeper implements Keeper {
  readonly #port: KeeperPort;
  readonly signedSize: number = 0;
  readonly storeState: StoreState = 'off';
  readonly storeSince: number = 0;
  readonly refusal = undefined;
  ended = false;

  constructor(port: KeeperPort) {
    this.#port = port;
  }

  abstract proofs(act: string): Proofs;

  async flush(): Promise<void> {}

  ship(_context: unknown): void {}

  async close(): Promise<void> {
    const { log, now, isUp } = this.#port;
    if (!isUp() || this.ended) return;
    log.settle(now(), true);
    this.ended = true;
  }
}
