/**
 * `th.audit`: the log as its owner sees it. What is held in memory is the engine's to say; what is signed and proved, the
 * keeper's.
 *
 * Relies on: the engine's log and the keeper. Refuses: sequence numbers that are none, and to acknowledge records that a
 * store acknowledges.
 */
import type { Engine } from '../engine/index';
import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import type { Keeper } from '../log/keeper';
import type { Audit } from '../types/index';
import { kindOf } from '../validate/kind';

export function audit(engine: Engine, keeper: Keeper, time: () => number): Audit {
  const seq = (name: string, value: number): number => {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new RangeError(`${name}: out of range, expected a sequence number ≥ 0, got ${kindOf(value)}`);
  };
  return {
    head: () => {
      const { origin, size, root } = engine.log.head(time());
      return { origin, size, root: toHex(root) };
    },
    verify: () => engine.log.verify(time()),
    flush: async () => {
      if (!keeper.ended) engine.log.settle(time(), false);
      await keeper.flush();
    },
    checkpoint: async () => keeper.proofs('audit.checkpoint').checkpoint(),
    proveInclusion: async (index) =>
      keeper.proofs('audit.proveInclusion').proveInclusion(seq('audit.proveInclusion', index)),
    proveConsistency: async (from, to) =>
      keeper
        .proofs('audit.proveConsistency')
        .proveConsistency(
          seq('audit.proveConsistency from', from),
          to === undefined ? undefined : seq('audit.proveConsistency to', to),
        ),
    export: ({ from, to } = {}) => {
      const first = from === undefined ? undefined : seq('audit.export from', from);
      const end = to === undefined ? undefined : seq('audit.export to', to);
      return engine.log.export(time(), first, end);
    },
    release: (toSeq) => {
      if (keeper.storeState === 'off') return engine.log.release(time(), seq('audit.release', toSeq));
      throw new TracehoundError('UNSUPPORTED', 'audit.release: the store releases, expected no storedLog, got one');
    },
    carried: () => {
      engine.inherit(time);
      return engine.log.carried.map((log) => ({ ...log, records: [...log.records], details: [...log.details] }));
    },
    releaseCarried: (origin) => {
      engine.inherit(time);
      engine.log.releaseCarried(origin);
    },
  };
}
