/**
 * What tests need of hashing, ids and the log beyond what these export: a start, and loops that time without crossings.
 */

import { KIND_QUARANTINED } from '../abi';
import { arenaStart } from '../arena';
import { auditInit, recordCommit } from '../audit';
import { commitDetail, commitPayload, sourceTag } from '../commitments';
import { idsInit } from '../ids';
import { recordBegin, recordDetail, recordId, recordPayload, recordSource } from '../record';
import { compress } from '../sha256';

/** CONFIG_MAX_RECORDS is set before. */
export function digestStart(): void {
  arenaStart();
  idsInit();
  auditInit();
}

export function digestAppends(records: u32, now: f64): f64 {
  let seq: f64 = 0;
  for (let i: u32 = 0; i < records; i++) {
    recordBegin(KIND_QUARANTINED, now);
    seq = recordCommit();
  }
  return seq;
}

/** As a threat does: tag of a source of 17 bytes, a payload and a signature text of 69 committed to, then the record. */
export function digestThreats(records: u32, now: f64, at: u32, out: u32): f64 {
  let seq: f64 = 0;
  for (let i: u32 = 0; i < records; i++) {
    recordBegin(KIND_QUARANTINED, now);
    recordId(at);
    sourceTag(at, 17, out);
    recordSource(out);
    commitPayload(at, at + 16, out);
    recordPayload(out);
    commitDetail(at, at + 48, 69, out);
    recordDetail(out);
    seq = recordCommit();
  }
  return seq;
}

export function digestBlocks(state: u32, at: u32, blocks: u32, times: u32): void {
  for (let i: u32 = 0; i < times; i++) compress(state, at, blocks);
}
