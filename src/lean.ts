/**
 * An instance without what not everybody needs: nobody signs its log or proves anything from it, and it makes no snapshots.
 * For who counts bytes; everything else is as `createTracehound` has it.
 *
 * Relies on: tracehound. Refuses: to answer for what it left out; who asks for that is told where it is.
 *
 * @module
 */
import { TracehoundError } from './errors';
import { type KeeperPort, type LogPlug, type Proofs, UnstoredKeeper } from './log/keeper';
import { compose, type Parts } from './tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from './types/index';
import { wrongKind } from './validate/index';

const LOGS = 'audit.log = heldLog() or storedLog(store) from tracehound/log, or createTracehound';

class UnsignedKeeper extends UnstoredKeeper {
  proofs(act: string): Proofs {
    throw new TracehoundError('UNSUPPORTED', `${act}: nobody signs this log, expected ${LOGS}, got createLean`);
  }
}

const log: LogPlug = {
  recordsMin: 16,
  resume: undefined,
  expectSigner: () => {
    throw new RangeError(`audit.signer: nothing to sign, expected ${LOGS}, got createLean`);
  },
  begin: () => ({ continues: undefined, keep: (port: KeeperPort) => new UnsignedKeeper(port) }),
};

const left = (part: string): never => {
  throw new TracehoundError('UNSUPPORTED', `${part}: left out, expected createTracehound, got createLean`);
};

const LEAN: Parts = { log, takeSnapshot: async () => left('snapshot'), restorable: () => left('restore') };

/**
 * One lean instance on `runtime`. `audit.log` brings back who signs and proves; what needs it, and `snapshot`, rejects with
 * `UNSUPPORTED` else. Throws as `createTracehound` does, and for `restore`.
 *
 * @example
 * const th = createLean(cloudflare, { secret });
 */
export function createLean(runtime: Runtime, options?: Omit<TracehoundOptions, 'restore' | 'runtime'>): Tracehound {
  if (typeof runtime?.core !== 'function') throw wrongKind('runtime', 'a Runtime', runtime);
  return compose(runtime, options, LEAN);
}
