/**
 * A second door, for tests only; never shipped. It opens the inner functions so that each can meet its model alone.
 */

// limiter, sources
export { canonicalText, sourceKeyAt, sourceKeyBytes, sourceRead, sourceTagAt, sourceTagBytes } from './address';
// hashing, ids, the log
export {
  auditFlushGap,
  auditInit,
  auditOrigin,
  auditRecordAt,
  auditRelease,
  auditRoot,
  auditVerify,
  recordCommit,
} from './audit';
export { auditKey, commitDetail, commitPayload, sourceTag } from './commitments';
export { foldClear, foldEvent, foldEvicted, foldSeveral, foldWalk } from './folds';
export { halfSip, halfSip64 } from './halfsip';
export { hmac, hmacFinish, hmacKey, hmacStart } from './hmac';
export { entropyDraw, entropyLeft, entropyPut, idMake, idsInit } from './ids';
export * from './index';
export {
  limiterAccount,
  limiterBlock,
  limiterBlockStarted,
  limiterCheck,
  limiterClock,
  limiterOrphans,
  limiterReset,
  limiterRestore,
  limiterRestoreWay,
  limiterSeed,
  limiterSeveral,
  limiterUnblock,
  limiterUnrecorded,
} from './limiter';
export * from './quarantine';
export {
  recordBegin,
  recordCount,
  recordDetail,
  recordDisposition,
  recordFlags,
  recordId,
  recordLength,
  recordOldSize,
  recordPayload,
  recordReason,
  recordSeverity,
  recordSource,
} from './record';
export { sha256, sha256Finish, sha256Start, sha256Update } from './sha256';
export { slabEquals, slabRead, slabRelease, slabTake, slabWrite } from './slab';
export { digestAppends, digestBlocks, digestStart, digestThreats } from './testing/digest';
export { limiterOpen, limiterRun } from './testing/limiter';
export { testQuarantineInit, testQuarantineInsert } from './testing/quarantine';
export { treeAppend, treeLeaf, treeRoot } from './tree';
