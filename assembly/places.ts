/**
 * That no two places of abi.ts overlap: checked by the compiler, so that a range which grows does not quietly reach into
 * another. Every range of SCRATCH is kept apart from every other, whether or not both are alive at one time.
 *
 * Relies on: abi.ts naming each place with its bytes. Refuses: to become code: what is wrong here does not compile.
 */
import * as abi from './abi';

// HEADER │ CONFIG │ OUTBOX │ INBOX │ SCRATCH │ static data │ ARENA
if (abi.HEADER_AT + abi.HEADER_BYTES > abi.CONFIG_AT) ERROR('HEADER reaches into CONFIG');
if (abi.CONFIG_AT + abi.CONFIG_BYTES > abi.OUTBOX_AT) ERROR('CONFIG reaches into OUTBOX');
if (abi.OUTBOX_TEXT + abi.TEXT_BYTES > abi.OUTBOX_BYTES) ERROR('TEXT reaches out of OUTBOX');
if (abi.TEXT_DETECTOR + abi.DETECTOR_BYTES_MAX > abi.TEXT_BYTES) ERROR('TEXT_DETECTOR reaches out of TEXT');
if (abi.OUTBOX_AT + abi.OUTBOX_BYTES > abi.INBOX_AT) ERROR('OUTBOX reaches into INBOX');
if (abi.INBOX_OVERLAY_SOURCE + 32 > abi.INBOX_SOURCE - 1) ERROR('INBOX_OVERLAY_SOURCE reaches into INBOX_SOURCE');
if (abi.INBOX_SOURCE + abi.SOURCE_BYTES_MAX > abi.INBOX_ENTROPY) ERROR('INBOX_SOURCE reaches into INBOX_ENTROPY');
if (abi.INBOX_ENTROPY + abi.ENTROPY_BYTES > abi.INBOX_BYTES) ERROR('INBOX_ENTROPY reaches out of INBOX');
if (abi.INBOX_AT + abi.INBOX_BYTES > abi.SCRATCH_AT) ERROR('INBOX reaches into SCRATCH');
if (abi.SCRATCH_AT + abi.SCRATCH_BYTES > abi.PAGE_BYTES) ERROR('SCRATCH reaches out of its page');
if (abi.ARENA_AT < abi.PAGE_BYTES) ERROR('ARENA reaches into the page of the boundary');

// SCRATCH, low to high, each against the next.
if (abi.SHA_ONE_AT < abi.SCRATCH_AT) ERROR('SHA_ONE lies before SCRATCH');
if (abi.SHA_ONE_AT + abi.SHA_ONE_BYTES > abi.SHA_TAIL_AT) ERROR('SHA_ONE reaches into SHA_TAIL');
if (abi.SHA_TAIL_AT + abi.SHA_TAIL_BYTES > abi.HMAC_PAD_AT) ERROR('SHA_TAIL reaches into HMAC_PAD');
if (abi.HMAC_PAD_AT + abi.HMAC_PAD_BYTES > abi.HMAC_INNER_AT) ERROR('HMAC_PAD reaches into HMAC_INNER');
if (abi.HMAC_INNER_AT + abi.HMAC_INNER_BYTES > abi.HMAC_STATE_AT) ERROR('HMAC_INNER reaches into HMAC_STATE');
if (abi.HMAC_STATE_AT + abi.HMAC_STATE_BYTES > abi.SHA_SCHEDULE_AT) ERROR('HMAC_STATE reaches into SHA_SCHEDULE');
if (abi.SHA_SCHEDULE_AT + abi.SHA_SCHEDULE_BYTES > abi.IDENTITY_AT) ERROR('SHA_SCHEDULE reaches into IDENTITY');
if (abi.IDENTITY_AT + abi.IDENTITY_BYTES > abi.CHECKED_AT) ERROR('IDENTITY reaches into CHECKED');
if (abi.CHECKED_AT + abi.CHECKED_BYTES > abi.HALF_SIP_SECOND_AT) ERROR('CHECKED reaches into HALF_SIP_SECOND');
if (abi.HALF_SIP_SECOND_AT + abi.HALF_SIP_SECOND_BYTES > abi.GROUP_AT) ERROR('HALF_SIP_SECOND reaches into GROUP');
if (abi.GROUP_AT + abi.GROUP_BYTES > abi.INSERT_HEAD_AT) ERROR('GROUP reaches into INSERT_HEAD');
if (abi.INSERT_HEAD_AT + abi.INSERT_HEAD_BYTES > abi.CENSUS_CATEGORY_AT)
  ERROR('INSERT_HEAD reaches into CENSUS_CATEGORY');
if (abi.CENSUS_CATEGORY_AT + abi.CENSUS_CATEGORY_BYTES > abi.LIST_AT) ERROR('CENSUS_CATEGORY reaches into LIST');
if (abi.LIST_AT + abi.LIST_BYTES > abi.CURSORS_AT) ERROR('LIST reaches into CURSORS');
if (abi.CURSORS_AT + abi.CURSORS_BYTES > abi.RECORD_PREFIX_AT) ERROR('CURSORS reaches into RECORD_PREFIX');
if (abi.RECORD_PREFIX_AT + abi.RECORD_PREFIX_BYTES > abi.RECORD_AT) ERROR('RECORD_PREFIX reaches into RECORD');
if (abi.RECORD_AT + abi.RECORD_DRAFT_BYTES > abi.NODE_PREFIX_AT) ERROR('RECORD reaches into NODE_PREFIX');
if (abi.NODE_PREFIX_AT + abi.NODE_PREFIX_BYTES > abi.NODE_AT) ERROR('NODE_PREFIX reaches into NODE');
if (abi.NODE_AT + abi.NODE_BYTES > abi.LINK_AT) ERROR('NODE reaches into LINK');
if (abi.LINK_AT + abi.LINK_BYTES > abi.COMMIT_MESSAGE_AT) ERROR('LINK reaches into COMMIT_MESSAGE');
if (abi.COMMIT_MESSAGE_AT + abi.COMMIT_MESSAGE_BYTES > abi.AUDIT_WORK_AT)
  ERROR('COMMIT_MESSAGE reaches into AUDIT_WORK');
if (abi.AUDIT_WORK_AT + abi.AUDIT_WORK_BYTES > abi.FOLD_EVICTED_AT) ERROR('AUDIT_WORK reaches into FOLD_EVICTED');
if (abi.FOLD_EVICTED_AT + abi.FOLD_EVICTED_BYTES > abi.CHOSEN_AT) ERROR('FOLD_EVICTED reaches into CHOSEN');
if (abi.CHOSEN_AT + abi.CHOSEN_BYTES > abi.SIGNED_PAYLOAD_AT) ERROR('CHOSEN reaches into SIGNED_PAYLOAD');
if (abi.SIGNED_PAYLOAD_AT + abi.SIGNED_PAYLOAD_BYTES > abi.SIGNED_AT) ERROR('SIGNED_PAYLOAD reaches into SIGNED');
if (abi.SIGNED_AT + abi.SIGNED_BYTES > abi.SALT_AT) ERROR('SIGNED reaches into SALT');
if (abi.SALT_AT + abi.SALT_BYTES > abi.COMMITMENT_AT) ERROR('SALT reaches into COMMITMENT');
if (abi.COMMITMENT_AT + abi.COMMITMENT_BYTES > abi.SIGNATURE_TEXT_AT) ERROR('COMMITMENT reaches into SIGNATURE_TEXT');
if (abi.SIGNATURE_TEXT_AT + abi.SIGNATURE_TEXT_BYTES > abi.DESCRIBED_HEAD_AT)
  ERROR('SIGNATURE_TEXT reaches into DESCRIBED_HEAD');
if (abi.DESCRIBED_HEAD_AT + abi.DESCRIBED_HEAD_BYTES > abi.SEED_PRF_AT) ERROR('DESCRIBED_HEAD reaches into SEED_PRF');
if (abi.SEED_PRF_AT + abi.SEED_PRF_BYTES > abi.STREAM_AT) ERROR('SEED_PRF reaches into STREAM');
if (abi.STREAM_AT + abi.STREAM_BYTES > abi.KEYED_INNER_AT) ERROR('STREAM reaches into KEYED_INNER');
if (abi.KEYED_INNER_AT + abi.KEYED_INNER_BYTES > abi.KEYED_OUTER_AT) ERROR('KEYED_INNER reaches into KEYED_OUTER');
if (abi.KEYED_OUTER_AT + abi.KEYED_OUTER_BYTES > abi.SOURCE_TEXT_AT) ERROR('KEYED_OUTER reaches into SOURCE_TEXT');
if (abi.SOURCE_TEXT_AT + abi.SOURCE_TEXT_BYTES > abi.SCRATCH_AT + abi.SCRATCH_BYTES) {
  ERROR('SOURCE_TEXT reaches out of SCRATCH');
}
if (abi.RECORD_DRAFT_BYTES != abi.LOG_BYTES) ERROR('RECORD_DRAFT_BYTES');
if (abi.RECORD_PREFIX_AT + 1 != abi.RECORD_AT) ERROR('the prefix of a leaf lies right before the record');
