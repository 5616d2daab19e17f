/**
 * Proofs from a log that somebody reads and signs: of a record, of a later head, of an item.
 *
 * Relies on: a reader, tlog, bundle. Refuses: to know where the log lies.
 */

import { toHex } from '../formats/bytes';
import { itemCommitment } from '../formats/commitment';
import { proveConsistency, proveInclusion, treeHead } from '../formats/tlog';
import { bundle, type SignedLog } from './bundle';
import type { Proofs } from './keeper';
import type { LogReader } from './reader';

export interface Readable {
  checkpoint(): Promise<string>;
  /** The log up to its newest head. */
  reader(): Promise<LogReader>;
  /** The log up to a signed head, for an evidence bundle. */
  signed(): Promise<SignedLog>;
}

export function proofsOf(log: Readable): Proofs {
  return {
    checkpoint: () => log.checkpoint(),
    proveInclusion: async (seq) => {
      const reader = await log.reader();
      const { size } = reader;
      if (seq >= size) throw new RangeError(`audit.proveInclusion: no such record, expected < ${size}, got ${seq}`);
      const hashes = await proveInclusion(seq, size, reader.hash);
      const leaf = await reader.hash(0, seq);
      return { index: seq, size, hashes, leaf, root: toHex(await treeHead(size, reader.hash)) };
    },
    proveConsistency: async (from, to) => {
      const reader = await log.reader();
      const end = to ?? reader.size;
      if (from < 1 || from > end || end > reader.size) {
        throw new RangeError(
          `audit.proveConsistency: no such heads, expected 1 ≤ from ≤ to ≤ ${reader.size}, got ${from} and ${end}`,
        );
      }
      return { from, to: end, hashes: await proveConsistency(from, end, reader.hash) };
    },
    commitment: (salt, id) => toHex(itemCommitment(salt, id)),
    bundle: async (item) => bundle(item, await log.signed()),
  };
}
