/**
 * The boundary between the core and its host, written once for both compilers.
 *
 * Relies on: nothing. Refuses: anything that is not a number — asc and tsc both read this file. That no two places
 * overlap is checked in places.ts, when the core is compiled.
 * A change of layout raises ABI_VERSION. Offsets are bytes from the start of their struct.
 *
 * The memory of a core, low to high:
 *
 *   0x00000 ┌ null guard (64 B, never written)
 *   0x00040 │ HEADER   who, where, panicked?            core writes
 *   0x00400 │ CONFIG   numbers of createTracehound      host writes, once, before init
 *   0x00800 │ OUTBOX   the answer of the last call      core writes
 *   0x01000 │ INBOX    the question of the next call    host writes
 *   0x04000 │ SCRATCH  see its table: some is kept      core writes
 *   0x10000 │ static data of the compiler
 *   0x11000 │ ARENA    taken in init, then sealed:
 *           │   inbox payload │ STATE ids, limiter, quarantine, audit
 *           └
 */

export const ABI_VERSION = 2;

// ── places ──────────────────────────────────────────────────────────────────────────────────────
export const HEADER_AT = 0x40;
export const CONFIG_AT = 0x400;
export const OUTBOX_AT = 0x800;
export const INBOX_AT = 0x1000;
export const SCRATCH_AT = 0x4000;
export const SCRATCH_BYTES = 0x4000;
/** The arena starts here; asc places static data at 0x10000 (`--memoryBase`), and init checks that it ended before. */
export const ARENA_AT = 0x11000;
export const PAGE_BYTES = 65_536;
/** Pointers stay below 2³¹ so that they are the same number signed and unsigned. */
export const MEMORY_BYTES_MAX = 0x7fff0000;

// ── SCRATCH ─────────────────────────────────────────────────────────────────────────────────────
// One row for each range: who works there, and until when it means something. Ranges lie in this order and never share a
// byte (places.ts), so nobody has to know who calls whom. Zeroed: nothing of what passed through stays behind.
export const SHA_ONE_AT = 0x4000; // sha256: H of a one-shot hash, during the call
export const SHA_ONE_BYTES = 32;
export const SHA_TAIL_AT = 0x4040; // sha256: the last block of a message. Zeroed
export const SHA_TAIL_BYTES = 64;
export const HMAC_PAD_AT = 0x4080; // hmac: the padded key while it becomes two mid-states. Zeroed
export const HMAC_PAD_BYTES = 64;
export const HMAC_INNER_AT = 0x40c0; // hmac: the inner digest on its way into the outer hash. Zeroed
export const HMAC_INNER_BYTES = 32;
export const HMAC_STATE_AT = 0x40e0; // hmac: the mid-state that a one-shot tag uses up, during the call
export const HMAC_STATE_BYTES = 32;
export const SHA_SCHEDULE_AT = 0x4100; // sha256: the schedule while blocks are compressed. Zeroed
export const SHA_SCHEDULE_BYTES = 320; // 64 words, and sixteen that nobody reads
export const IDENTITY_AT = 0x4400; // address: the canonical source, until the next sourceRead
export const IDENTITY_BYTES = 56;
export const CHECKED_AT = 0x4800; // limiter: what a check leaves for the one who writes records, until its next call
export const CHECKED_BYTES = 192;
export const HALF_SIP_SECOND_AT = 0x4bf0; // halfsip: second word of halfSip64, until its next call
export const HALF_SIP_SECOND_BYTES = 4;
export const GROUP_AT = 0x4c00; // inbox: the eight bytes by which the source that was read shares a limit, until the next
export const GROUP_BYTES = 8;
export const INSERT_HEAD_AT = 0x4c80; // quarantine: an item's head before it is written in one go. Zeroed
export const INSERT_HEAD_BYTES = 192;
export const CENSUS_CATEGORY_AT = 0x4d80; // census: the category of the item that is looked up, during the call
export const CENSUS_CATEGORY_BYTES = 64;
export const LIST_AT = 0x4e00; // catalogue: a page of u32 slots, oldest first, KEPT until the next page
export const LIST_BYTES = 256;
export const CURSORS_AT = 0x4f00; // victims: where each queue and each list of the source is, while a plan is made
export const CURSORS_BYTES = 192; // u32 × 2 × QUEUES
export const RECORD_PREFIX_AT = 0x500f; // tree: the prefix of a leaf, in front of the record that is hashed in place
export const RECORD_PREFIX_BYTES = 1;
export const RECORD_AT = 0x5010; // record: the one record under construction
export const RECORD_DRAFT_BYTES = 176;
export const NODE_PREFIX_AT = 0x50df; // tree: the prefix of a node, in front of its children
export const NODE_PREFIX_BYTES = 1;
export const NODE_AT = 0x50e0; // tree: left and right child, during the call
export const NODE_BYTES = 64;
export const LINK_AT = 0x51c0; // audit: what verifying carries from one record to the next
export const LINK_BYTES = 32;
export const COMMIT_MESSAGE_AT = 0x5200; // commitments: prefix, salt, then a hash or a text. Zeroed
export const COMMIT_MESSAGE_BYTES = 256;
export const AUDIT_WORK_AT = 0x5400; // audit: a hash state while the origin is bound, a frontier while a log is verified
export const AUDIT_WORK_BYTES = 768;
export const FOLD_EVICTED_AT = 0x5700; // folds: a copy of the entry that was pushed out, until the next foldEvent
export const FOLD_EVICTED_BYTES = 64;
export const CHOSEN_AT = 0x5740; // victims: up to which entry the source's own lists are chosen, while a plan is made
export const CHOSEN_BYTES = 192; // f64 × QUEUES
export const SIGNED_PAYLOAD_AT = 0x5800; // intercept: hash of the payload, during the call
export const SIGNED_PAYLOAD_BYTES = 32;
export const SIGNED_AT = 0x5820; // intercept: hash half of the signature, during the call
export const SIGNED_BYTES = 32;
export const SALT_AT = 0x5840; // intercept: the salt of the item that is taken in. Zeroed
export const SALT_BYTES = 16;
export const COMMITMENT_AT = 0x5860; // intercept: a commitment on its way into the record
export const COMMITMENT_BYTES = 32;
export const SIGNATURE_TEXT_AT = 0x5880; // intercept: `category:hex` of what is committed to, during the call
export const SIGNATURE_TEXT_BYTES = 129; // 64 of category, ':', 64 digits
export const DESCRIBED_HEAD_AT = 0x5c00; // describe: an item's head. Zeroed
export const DESCRIBED_HEAD_BYTES = 192;
export const SEED_PRF_AT = 0x5d00; // start: a key on its way into a table. Zeroed
export const SEED_PRF_BYTES = 8;
export const STREAM_AT = 0x5d10; // start: the state of a hash in pieces, KEPT from hashStart to hashFinish
export const STREAM_BYTES = 104;
export const KEYED_INNER_AT = 0x5e00; // start: the mid-states of keyedHash. Zeroed
export const KEYED_INNER_BYTES = 32;
export const KEYED_OUTER_AT = 0x5e20;
export const KEYED_OUTER_BYTES = 32;
export const SOURCE_TEXT_AT = 0x6000; // intercept: the canonical source as text, when that is what is signed. Zeroed
export const SOURCE_TEXT_BYTES = 8_192;

// ── HEADER ──────────────────────────────────────────────────────────────────────────────────────
/** 'TH01', little-endian. */
export const MAGIC = 0x31304854;
export const HEADER_MAGIC = 0;
export const HEADER_ABI = 4;
export const HEADER_SEALED = 8;
/** One of PANIC_*, zero while the core is sound. */
export const HEADER_PANIC = 12;
export const HEADER_ARENA_NEXT = 16;
/** First byte of the state that two equal runs share (DESIGN: determinism), and the byte after its last. */
export const HEADER_STATE_FROM = 20;
export const HEADER_STATE_TO = 24;
export const HEADER_SEEDED = 28;
// Where each region of the arena begins (addresses).
export const HEADER_PAYLOAD = 32;
export const HEADER_IDS = 36;
export const HEADER_LIMITER = 40;
export const HEADER_LIMITER_TAGS = 44;
export const HEADER_LIMITER_RECORDS = 48;
export const HEADER_SKETCH_STAMPS = 52;
export const HEADER_SKETCH_CELLS = 56;
export const HEADER_QUARANTINE = 60;
export const HEADER_SIGNATURE_BUCKETS = 64;
export const HEADER_SOURCE_BUCKETS = 68;
export const HEADER_SLOTS = 72;
export const HEADER_SLAB = 76;
export const HEADER_AUDIT = 80;
export const HEADER_FOLDS = 84;
export const HEADER_RING = 88;
export const HEADER_PLAN = 92;
export const HEADER_BYTES = 96;

// ── CONFIG ──────────────────────────────────────────────────────────────────────────────────────
export const CONFIG_WINDOW_MS = 0; // f64, integer ≥ 32
export const CONFIG_BLOCK_MS = 8; // f64, integer ≥ 0; 0 = refusals start no block
export const CONFIG_LIMIT = 16; // u32, 1 … 2³¹−1; 0 = no limiter at all
export const CONFIG_MAX_SOURCES = 20; // u32, a power of two ≥ LIMITER_WAYS (0 without limiter)
export const CONFIG_IPV6_PREFIX = 24; // u32, 1 … 128
export const CONFIG_MAX_COUNT = 28; // u32, evidence slots ≥ 1
export const CONFIG_MAX_BYTES = 32; // u32, sum of payload bytes ≥ 1
export const CONFIG_SHARE_COUNT = 36; // u32, slots one source may hold ≥ 1
export const CONFIG_SHARE_BYTES = 40; // u32, payload bytes one source may hold (one item is always allowed)
export const CONFIG_MAX_PAYLOAD_BYTES = 44; // u32, size of the inbox payload region
export const CONFIG_MAX_RECORDS = 48; // u32, audit ring capacity ≥ 16
export const CONFIG_SLAB_BLOCKS = 52; // u32
export const CONFIG_BYTES = 56;

// ── INBOX ───────────────────────────────────────────────────────────────────────────────────────
export const INBOX_FLAGS = 0; // u32, IN_*
export const INBOX_SOURCE_KIND = 4; // u32, SOURCE_*
export const INBOX_SOURCE_BYTES = 8; // u32 ≤ SOURCE_BYTES_MAX
export const INBOX_COST = 12; // u32
export const INBOX_SEVERITY = 16; // u32 0 low … 3 critical
export const INBOX_DISPOSITION = 20; // u32, DISPOSITION_*
export const INBOX_PAYLOAD_BYTES = 24; // u32; with IN_TOO_LARGE the lower bound that was found
export const INBOX_CATEGORY_BYTES = 28; // u32 1 … 64
export const INBOX_DETECTOR_BYTES = 32; // u32 0 … 64
export const INBOX_REASON = 36; // u32, REASON_* of the kind
export const INBOX_KIND = 40; // u32, KIND_* of a record that the host asks for
export const INBOX_SLOT = 44; // u32, slot index + 1
export const INBOX_MS = 48; // f64, a duration
export const INBOX_NUMBER = 56; // f64, a sequence number or a count
export const INBOX_ID = 64; // 16 bytes of UUID
export const INBOX_ID_SUFFIX = 80; // 8 bytes
export const INBOX_COUNT = 88; // u32, folded events of a record that the host asks for
export const INBOX_ACCOUNTED = 92; // u32, restore only: how many of INBOX_SEEN a record accounts for
export const INBOX_PAYLOAD_HASH = 96; // 32 bytes, with IN_PAYLOAD_HASH
export const INBOX_SIGNATURE_HASH = 128; // 32 bytes, with IN_SIGNATURE_HASH
export const INBOX_DETAIL_HASH = 160; // 32 bytes: SHA-256 of a sidecar
export const INBOX_OVERLAY = 192; // 32 bytes: what a record of RESUME, PANIC, GAP, HEARTBEAT … carries at 80
export const INBOX_CAPTURED_AT = 224; // f64, restore only
export const INBOX_LAST_SEEN_AT = 232; // f64, restore only
export const INBOX_SEEN = 240; // u32, restore only
export const INBOX_STATE = 244; // u32, SLOT_STATE, restore only
export const INBOX_EXPIRES_AT = 248; // u32 unix seconds, restore only
export const INBOX_DISTINCT = 252; // u32, restore only
export const INBOX_CATEGORY = 256; // 64 bytes
export const INBOX_DETECTOR = 320; // 64 bytes
export const INBOX_SALT = 384; // 16 bytes, restore only
export const INBOX_SOURCE_TAG = 400; // 32 bytes, restore only
export const INBOX_KEY = 432; // 32 bytes: tag key in seed, HMAC key in hmac
export const INBOX_GROUP = 464; // 8 bytes, restore only: SLOT_GROUP
export const INBOX_LENGTH = 472; // u32: the length field of a record that the host asks for
export const INBOX_OVERLAY_SOURCE = 476; // 32 bytes, with IN_OVERLAY_SOURCE: what HEARTBEAT carries at 144
/** The byte before the source text is the core's: it writes the domain byte there, so a key is hashed in place. */
export const INBOX_SOURCE = 512; // SOURCE_BYTES_MAX bytes
export const INBOX_ENTROPY = 8704; // ENTROPY_BYTES
export const INBOX_BYTES = 9728;

export const SOURCE_BYTES_MAX = 8_192;
export const CATEGORY_BYTES_MAX = 64;
export const DETECTOR_BYTES_MAX = 64;
export const ENTROPY_BYTES = 1_024;
/** The host refills before a call when less than this is left; no call draws more. */
export const ENTROPY_LOW = 128;

export const IN_THREAT = 1; // a detector spoke
export const IN_PAYLOAD = 2; // payload bytes lie in the payload region
export const IN_PAYLOAD_HASH = 4; // the host hashed the payload
export const IN_SIGNATURE_HASH = 8; // the fingerprint's hash is given; else the payload's, else the source's
export const IN_TOO_LARGE = 16; // the payload passed maxPayloadBytes and was not copied
export const IN_INVALID = 32; // the payload could not be captured
export const IN_CHARGED = 64; // a receipt: do not charge the limiter again
export const IN_TRUNCATED = 128; // the payload is a prefix of what came
export const IN_CATEGORY_REPLACED = 256; // a malformed category became `unknown`
export const IN_SEVERITY_REPLACED = 512; // a malformed severity became `high`
export const IN_DETAIL = 1024; // the record carries a sidecar: INBOX_DETAIL_HASH is its SHA-256
export const IN_DETAIL_USED = 2048; // the core's answer: a record does carry it
// Of a record that the host asks for:
export const IN_SOURCE = 4096; // it carries the tag of the source in the inbox
export const IN_SEVERITY = 8192; // it carries INBOX_SEVERITY
export const IN_OVERLAY_SOURCE = 16_384; // it carries INBOX_OVERLAY_SOURCE

export const SOURCE_UNKNOWN = 0; // nobody: the one reserved source
export const SOURCE_TEXT = 1; // strictly an address → address; else a key
export const SOURCE_ADDRESS = 2; // an address, or else unknown
export const SOURCE_KEY = 3; // never parsed

// ── OUTBOX ──────────────────────────────────────────────────────────────────────────────────────
export const OUTBOX_STATUS = 0; // u32, STATUS_*
export const OUTBOX_RATE = 4; // u32, RATE_*
export const OUTBOX_REMAINING = 8; // u32
export const OUTBOX_REASON = 12; // u32, REASON_*
export const OUTBOX_RESET_MS = 16; // f64
export const OUTBOX_RETRY_MS = 24; // f64
export const OUTBOX_SLOT = 32; // u32, slot index + 1; 0 = none
export const OUTBOX_ENTROPY_LEFT = 36; // u32
export const OUTBOX_ID = 40; // 16 bytes of UUID
export const OUTBOX_ID_SUFFIX = 56; // 8 bytes
export const OUTBOX_HASH = 64; // 32 bytes: hash half of the signature, or the digest asked for
export const OUTBOX_SOURCE_TAG = 96; // 32 bytes
export const OUTBOX_SEQ = 128; // f64: sequence number of the record that was written
export const OUTBOX_EVICTED = 136; // u32: items evicted by this call
/** ASCII, so that the host decodes once: id 53 │ signature hash 64 │ payload hash 64 │ source tag 64 │ category │ detector. */
export const OUTBOX_TEXT = 144;
export const TEXT_ID = 0; // 36 characters of UUID, '-', 16 of suffix
export const TEXT_ID_BYTES = 53;
export const TEXT_HASH = 53;
export const TEXT_PAYLOAD_HASH = 117;
export const TEXT_SOURCE_TAG = 181;
export const TEXT_CATEGORY = 245; // 64, zero-padded
export const TEXT_DETECTOR = 309; // 64, zero-padded, UTF-8
export const TEXT_BYTES = 373;
export const OUTBOX_BYTES = 520;

export const STATUS_CLEAN = 0;
export const STATUS_RATE_LIMITED = 1;
export const STATUS_QUARANTINED = 2;
export const STATUS_DUPLICATE = 3;
export const STATUS_DROPPED = 4;
export const STATUS_PAYLOAD_TOO_LARGE = 5;

export const RATE_PRESENT = 1;
export const RATE_ALLOWED = 2;
export const RATE_BLOCKED = 4;
export const RATE_DEGRADED = 8;

// ── IDS ─────────────────────────────────────────────────────────────────────────────────────────
export const IDS_LAST_MS = 0; // f64
export const IDS_COUNTER_HIGH = 8; // u32, 12 bits: rand_a
export const IDS_COUNTER_LOW = 12; // u32, 30 bits: head of rand_b
export const IDS_POOL_USED = 16; // u32
export const IDS_POOL_READY = 20; // u32: 0 until seeded
export const IDS_POOL = 24; // ENTROPY_BYTES, zeroed as it is drawn
export const IDS_BYTES = 1_048;

// ── LIMITER ─────────────────────────────────────────────────────────────────────────────────────
/** One cache line of tags. */
export const LIMITER_WAYS = 16;
/** More would not fit the address space; the host refuses first. */
export const LIMITER_SOURCES_MAX = 16_777_216;
/** Counters per source: 33 sub-windows of windowMs/32 for u8 and u16, 25 of windowMs/24 for u32. */
export const LIMITER_COUNTERS = 33;
export const LIMITER_COUNTERS_WIDE = 25;
export const LIMITER_U8_MAX = 255;
export const LIMITER_U16_MAX = 65_535;
/** Ticks count sub-windows modulo this: divisible by 33 and by 25, so a tick names its counter across the wrap. */
export const LIMITER_TICKS = 3_460_300_800;
// One record per source: head of 24 bytes, then the counters.
export const RECORD_BLOCK_LOW = 0; // u32 ┐ end of the block on the forward clock, ms; 0 = none.
export const RECORD_BLOCK_HIGH = 4; // u32 ┘ Two words, because records are only 4-aligned.
export const RECORD_HEAD = 8; // u32, tick of the newest counter
export const RECORD_USED = 12; // u32, sum of the counters
export const RECORD_REFUSED = 16; // u32, refusals since the last admission (folding)
export const RECORD_FLAGS = 20; // u8, RECORD_INHERITED, RECORD_SEVERAL; from bit RECORD_PARDON_SHIFT on: ticks of pardon left
export const RECORD_OLDEST = 21; // u8, ticks from the oldest counter that is not zero to the head; 0 if none
export const RECORD_REFUSED_BY = 22; // u16, hash of the address in the group whose refusals no record accounts for yet
export const RECORD_COUNTERS = 24; // u8 × 33 or u16 × 33
export const RECORD_COUNTERS_U32 = 24; // u32 × 25
export const RECORD_BYTES_U8 = 60;
export const RECORD_BYTES_U16 = 92;
export const RECORD_BYTES_U32 = 124;
export const TAG_BYTES = 4;
/** The sketch may know this source: ask it until it says zero. */
export const RECORD_INHERITED = 1;
/** Several addresses of the group were refused since a record accounted for refusals. */
export const RECORD_SEVERAL = 2;
/** Ticks in which refusals start no block, because somebody lifted one: at most the counters. */
export const RECORD_PARDON_SHIFT = 2;

export const LIMITER_PRF_0 = 0; // u32 ┐ HalfSipHash key, random per instance
export const LIMITER_PRF_1 = 4; // u32 ┘
export const LIMITER_STARTED = 8; // u32: the clock has been read once
export const LIMITER_BEHIND = 12; // u32: the raw clock is below its highest reading
export const LIMITER_RAW = 16; // f64, last raw reading
export const LIMITER_WINDOW = 24; // f64, the window clock: begins at 0, never runs back
export const LIMITER_OFFSET = 32; // f64, window clock = raw + offset, unless behind
export const LIMITER_ANCHOR = 40; // f64, lowest raw reading since it fell behind
export const LIMITER_FORWARD = 48; // f64, sum of all forward steps: the clock of blocks
export const LIMITER_TICK_TOTAL = 56; // f64, sub-windows since the window clock began
export const LIMITER_GENERATION_TICK = 64; // f64, the tick at which the sketch's generation began
export const LIMITER_PRESSURE_SECOND = 72; // f64, the second being counted (window clock)
export const LIMITER_EVICTIONS = 80; // f64, live evictions ever
export const LIMITER_REFUSALS_PENDING = 88; // f64, refusals no record accounts for yet
export const LIMITER_REFUSALS_ORPHANED = 96; // f64, of those, the ones whose source was evicted
export const LIMITER_PRESSURE_COUNT = 104; // u32, live evictions in the second being counted
export const LIMITER_PRESSURE_LAST = 108; // u32, live evictions in the second before it: the pressure
export const LIMITER_TRACKED = 112; // u32, occupied ways
export const LIMITER_TICK = 116; // u32, the tick modulo LIMITER_TICKS
export const LIMITER_COUNTER = 120; // u32, the counter of that tick
export const LIMITER_SKETCH_EPOCH = 124; // u32, number of the current generation, from 1, modulo SKETCH_EPOCHS
export const LIMITER_SKETCH_WRITTEN = 128; // u32 × 6: the epoch in which each generation was last written
// What init derived from CONFIG, so that a check divides nothing.
export const LIMITER_COUNT = 152; // u32, counters per source
export const LIMITER_SHIFT = 156; // u32, log2 of the bytes of a counter
export const LIMITER_STRIDE = 160; // u32, bytes of a record
export const LIMITER_COUNTERS_FROM = 164; // u32, RECORD_COUNTERS or RECORD_COUNTERS_U32
export const LIMITER_SETS = 168; // u32, a power of two
export const LIMITER_SKETCH_WIDTH = 172; // u32, cells per row, a power of two
export const LIMITER_SKETCH_SHIFT = 176; // u32, log2 of the bytes of a cell
export const LIMITER_SKETCH_SCALE = 180; // u32, cost per unit of a cell
export const LIMITER_GENERATION_TICKS = 184; // u32, ticks a generation lasts
export const LIMITER_SKETCH_TICK = 192; // f64 × 6: the tick (as a total) in which each generation was last written
export const LIMITER_BYTES = 256;

/** Generations that together cover more than one window: five whole ones and the one being written. */
export const SKETCH_GENERATIONS = 6;
export const SKETCH_ROWS = 4;
/**
 * A row takes max(32 KiB, 4 B × maxSources), in cells of a byte where the limit fits one, else of two. Measured with four
 * times more heavy sources than slots, all starting at once (test/model/attacks.ts, crowd, limit 100): on 2,048 slots
 * rows of 16 KiB refused 0.2 % of quiet clients and rows of 32 KiB none; on 8,192 slots 0.3 %, with twice as many none.
 */
export const SKETCH_ROW_BYTES_MIN = 32_768;
export const SKETCH_ROW_BYTES_PER_SOURCE = 4;
/** Bytes per stamp: a stale chunk is cleared when it is first written, so a rotation costs nothing. */
export const SKETCH_CHUNK_BYTES = 2_048;
/** A multiple of six, so that a generation keeps its place across the wrap. */
export const SKETCH_EPOCHS = 4_294_967_292;

// What a check leaves at CHECKED_AT for the one who writes records; valid until the next call of the limiter.
export const CHECKED_ACCOUNT = 0; // u32, refusals to be recorded now with this source
export const CHECKED_UNRECORDED = 4; // u32, 1: a refusal of a source without a record; the caller folds it
export const CHECKED_BLOCK_STARTED = 8; // u32, 1: this refusal started a block
export const CHECKED_SEVERAL = 12; // u32, 1: what is to be recorded was asked by several addresses of the group
export const CHECKED_TAG = 16; // u32 ┐ where the key belongs in the table
export const CHECKED_SET = 20; // u32 ┘
export const CHECKED_ESTIMATES = 32; // u32 × 6: what each generation says, the current one first
export const CHECKED_RECORD = 64; // a peek rolls this copy of a record

// ── SOURCE ──────────────────────────────────────────────────────────────────────────────────────
// What sourceRead leaves at IDENTITY_AT: where the canonical source lies. Valid until the next sourceRead.
export const IDENTITY_TAG_AT = 0; // u32, address of the ungrouped identity: domain byte, then bytes
export const IDENTITY_TAG_BYTES = 4; // u32, domain byte included
export const IDENTITY_KEY_AT = 8; // u32, the same, IPv6 cut to ipv6Prefix: the limiter's key
export const IDENTITY_KEY_BYTES = 12; // u32
export const IDENTITY_TAG = 16; // 17 bytes
export const IDENTITY_KEY = 36; // 17 bytes

/** First byte of every canonical source: no key can be spelled so that it is taken for an address. */
export const DOMAIN_UNKNOWN = 0; // no bytes
export const DOMAIN_KEY = 1; // the bytes as they came
export const DOMAIN_IPV4 = 4; // 4 bytes
export const DOMAIN_IPV6 = 6; // 16 bytes

// ── QUARANTINE ──────────────────────────────────────────────────────────────────────────────────
/**
 * One admission evicts at most max(EVICTIONS_MIN, ⌈maxPayloadBytes / SMALL_BYTES⌉) items: as many as a payload of the largest
 * size needs when each of them frees SMALL_BYTES. That is 512 by default, and 1.3 ms (EPYC, 2 cores, wasm).
 */
export const EVICTIONS_MIN = 512;
/** Items with fewer payload bytes lie in queues of their own. */
export const SMALL_BYTES = 128;

export const SLOT_HASH = 0; // 32 bytes: hash half of the signature
export const SLOT_SOURCE_TAG = 32; // 32 bytes
export const SLOT_ID = 64; // 16 bytes of UUID
export const SLOT_CAPTURED_AT = 80; // f64 unix ms
export const SLOT_LAST_SEEN_AT = 88; // f64 unix ms
export const SLOT_PAYLOAD_BYTES = 96; // u32
export const SLOT_FIRST_BLOCK = 100; // u32, block index + 1
export const SLOT_SEEN = 104; // u32, times seen, the first included
export const SLOT_ACCOUNTED = 108; // u32, of those, how many records account for
export const SLOT_SEVERITY_PREV = 112; // u32, slot index + 1
export const SLOT_SEVERITY_NEXT = 116; // u32
export const SLOT_SIGNATURE_NEXT = 120; // u32, chain of a bucket; of free slots, the free list
export const SLOT_SOURCE_PREV = 124; // u32, older item of the same list; for the oldest, the newest
export const SLOT_SOURCE_NEXT = 128; // u32, newer item of the same list: of one group, in one queue
export const SLOT_SOURCE_CHAIN = 132; // u32, next list in the bucket    ┐ kept by the oldest
export const SLOT_SOURCE_COUNT = 136; // u32, items of the list          │ item of each list
export const SLOT_SOURCE_BYTES = 140; // u32, payload bytes of the list  ┘
export const SLOT_EXPIRES_AT = 144; // u32 unix seconds, 0 = never
export const SLOT_LAST_SOURCE = 148; // u32, first word of the group of the last other source
export const SLOT_DISTINCT = 152; // u16, other sources that sent it (changes, saturating)
export const SLOT_SEVERITY = 154; // u8
export const SLOT_DISPOSITION = 155; // u8
export const SLOT_STATE = 156; // u8, STATE_*
export const SLOT_FLAGS = 157; // u8, ITEM_*
export const SLOT_CATEGORY_BYTES = 158; // u8
export const SLOT_DETECTOR_BYTES = 159; // u8
export const SLOT_GROUP = 160; // 8 bytes: which share the item counts for. An IPv6 group's, or the head of the source tag
export const SLOT_ENTERED = 168; // f64, QUARANTINE_ENTERED when it entered its queue
export const SLOT_BYTES = 176;

export const STATE_HELD = 1;
export const STATE_ARCHIVED = 2;
export const STATE_ON_HOLD = 4;

export const ITEM_TRUNCATED = 1;
export const ITEM_FINGERPRINTED = 2; // the signature's hash is not the payload's; both are kept
export const ITEM_CATEGORY_REPLACED = 4;
export const ITEM_SEVERITY_REPLACED = 8;
export const ITEM_SALVAGED = 16; // came through a panic or a restore: its QUARANTINED record is in an earlier log
export const ITEM_FLAGS_KNOWN = 31;

/** Slab block: u32 index + 1 of the next block of the item (or of the free list), then 124 bytes. */
export const BLOCK_NEXT = 0;
export const BLOCK_DATA = 4;
export const BLOCK_DATA_BYTES = 124;
export const BLOCK_BYTES = 128;
// What an item's blocks hold, in order. Everything that must die with the evidence lies here.
export const ITEM_SALT = 0; // 16 bytes
export const ITEM_ID_SUFFIX = 16; // 8 bytes
export const ITEM_SEQ = 24; // f64, sequence number of its QUARANTINED record
export const ITEM_HEAD_BYTES = 32; // then the payload's hash (32, if ITEM_FINGERPRINTED), category, detector, payload
/** 32 + 32 + 64 + 64 bytes of head and 123 of rounding never pass three blocks. */
export const ITEM_SPARE_BLOCKS = 3;

/** One page of a listing, oldest first. */
export const LIST_MAX = 64;
/** Items that one `flush` purges, items whose repeats one `settle` names: a call appends fewer records than a writer keeps free. */
export const BATCH_ITEMS = 128;

export const QUARANTINE_COUNT = 0; // u32, items held
export const QUARANTINE_PAYLOAD_BYTES = 4; // u32, sum of payload bytes
export const QUARANTINE_SLOT_HIGH = 8; // u32, slots ever used: those above are untouched
export const QUARANTINE_SLOT_FREE = 12; // u32, free list, index + 1
export const QUARANTINE_BLOCK_HIGH = 16; // u32, blocks ever used
export const QUARANTINE_BLOCK_FREE = 20; // u32, free list, index + 1
export const QUARANTINE_BLOCKS_USED = 24; // u32
export const QUARANTINE_SOURCES = 28; // u32, distinct groups of sources that hold items
export const QUARANTINE_PRF_0 = 32; // u32 ┐ HalfSipHash key of the signature buckets, random per instance
export const QUARANTINE_PRF_1 = 36; // u32 ┘
export const QUARANTINE_BUCKET_MASK = 40; // u32, buckets − 1, of both tables
export const QUARANTINE_GROUP_PRF_0 = 48; // u32 ┐ HalfSipHash key of the groups of IPv6 addresses, from the tag key: the same
export const QUARANTINE_GROUP_PRF_1 = 52; // u32 ┘ group has the same eight bytes in every instance of one deployment
export const QUARANTINE_ENTERED = 56; // f64, how often an item entered a queue, ever
export const QUARANTINE_HEADS = 64; // u32 × 24, first to leave of each queue, index + 1
export const QUARANTINE_TAILS = 160; // u32 × 24
export const QUARANTINE_COUNTS = 256; // u32 × 24, items of each queue
export const QUARANTINE_SUMS = 352; // u32 × 24, payload bytes of each queue
export const QUARANTINE_BYTES = 448;
/**
 * Queues, four severities each: archived 0–3, unarchived 4–7, on hold 8–11; and QUEUE_LARGE more for the items of at least
 * SMALL_BYTES. Eviction walks 0 … 4 + its own severity of both and never meets an item on hold, so a hold on many items
 * costs nothing and stops nobody else's eviction.
 */
export const QUEUES = 24;
export const QUEUE_UNARCHIVED = 4;
export const QUEUE_ON_HOLD = 8;
export const QUEUE_LARGE = 12;

// ── AUDIT ───────────────────────────────────────────────────────────────────────────────────────
export const AUDIT_SIZE = 0; // f64, records ever appended = tree size
export const AUDIT_HELD_FROM = 8; // f64, oldest seq still in the ring
export const AUDIT_RELEASED_TO = 16; // f64, records below were exported and acknowledged
export const AUDIT_GAP_FROM = 24; // f64 ┐ unreleased records that fell out and no GAP names yet:
export const AUDIT_GAP_TO = 32; // f64   ┘ [from, to)
export const AUDIT_LOST = 40; // f64, records that fell out unreleased, ever
export const AUDIT_SEEN = 48; // f64 totals since start: requests seen …
export const AUDIT_FLAGGED = 56; // f64 … of those flagged
export const AUDIT_UNINSPECTED = 64; // f64 … detector failed
export const AUDIT_SKIPPED = 72; // f64 … skipped by rule
export const AUDIT_FAILED_OPEN = 80; // f64 … passed because Tracehound failed
export const AUDIT_FOLD_PENDING = 88; // f64, folded events no record accounts for yet
export const AUDIT_PREV = 96; // 32 bytes, leaf hash of the newest record (or the genesis value)
export const AUDIT_FRONTIER = 128; // 53 × 32 bytes: slot k is valid iff bit k of size is set
export const AUDIT_FRONTIER_LEVELS = 53;
export const AUDIT_TAG_INNER = 1_824; // 32 bytes ┐ HMAC mid-states of the tag key (RFC 2104)
export const AUDIT_TAG_OUTER = 1_856; // 32 bytes ┘
export const AUDIT_EPOCH = 1_888; // u32, 0 … 255: written into every record
// Further totals since start, which HEARTBEAT carries at 144:
export const AUDIT_ALLOWED = 1_896; // f64, requests exempt by `allow`
export const AUDIT_LIMITED = 1_904; // f64, requests that a limit refused
export const AUDIT_DROPPED = 1_912; // f64, flagged requests whose evidence could not be kept
export const AUDIT_SHED = 1_920; // f64, requests refused because too much was under way
export const AUDIT_LOST_EVENTS = 1_928; // f64, alerts given up
export const AUDIT_BYTES = 1_936;

/** Fold table: repeats of one kind by one group of sources. Direct-mapped by the group. */
export const FOLD_ENTRIES = 256;
export const FOLD_TAG = 0; // 32 bytes: whose the pending events are
export const FOLD_GROUP = 32; // 8 bytes
export const FOLD_COUNT = 40; // u32, events so far; 0 = empty entry
export const FOLD_PENDING = 44; // u32, events no record accounts for yet
export const FOLD_LAST_AT = 48; // f64
export const FOLD_KIND = 56; // u8
export const FOLD_REASON = 57; // u8
export const FOLD_SEVERAL = 58; // u8, 1: the pending events are of several addresses of the group
export const FOLD_BYTES = 64;

export const GAP_RECORDS = 256; // one GAP names up to this many lost records

// The record: 176 bytes, big-endian (docs/format.md).
export const LOG_VERSION = 0;
export const LOG_KIND = 1;
export const LOG_SEVERITY = 2;
export const LOG_REASON = 3;
export const LOG_FLAGS = 4; // u16
export const LOG_DISPOSITION = 6;
export const LOG_EPOCH = 7;
export const LOG_SEQ = 8; // u64
export const LOG_TIME = 16; // u64 unix ms
export const LOG_ID = 24; // 16 bytes
export const LOG_LENGTH = 40; // u32
export const LOG_COUNT = 44; // u32
export const LOG_PREV = 48; // 32 bytes
export const LOG_PAYLOAD = 80; // 32 bytes
export const LOG_DETAIL = 112; // 32 bytes
export const LOG_SOURCE = 144; // 32 bytes
export const LOG_BYTES = 176;
// LIMITED and BLOCKED, over the payload field; zero as long as there is one policy, one tier.
export const OVERLAY_POLICY = 80; // u16, index of the policy that decided
export const OVERLAY_TIER = 82; // u8, bits of the address that the tier counts by
export const LOG_FORMAT = 1;
export const SEVERITY_NONE = 0xff;

export const KIND_GENESIS = 1;
export const KIND_QUARANTINED = 2;
export const KIND_EVICTED = 3;
export const KIND_NEUTRALIZED = 4;
export const KIND_PURGED = 5;
export const KIND_EVACUATED = 6;
export const KIND_PANIC = 7;
export const KIND_RESUME = 8;
export const KIND_HEARTBEAT = 9; // totals, unsigned; a signed head is a *checkpoint*
export const KIND_KEY = 10;
export const KIND_CLOSE = 11;
export const KIND_GAP = 12;
export const KIND_ACCESSED = 13;
export const KIND_REPLACED = 14;
export const KIND_ANCHOR = 15;
export const KIND_EVACUATION_FAILED = 16;
export const KIND_DUPLICATE = 17;
export const KIND_DROPPED = 18;
export const KIND_LIMITED = 19;
export const KIND_BLOCKED = 20;
export const KIND_UNBLOCKED = 21;
export const KIND_UNINSPECTED = 22;
export const KIND_CONFIG = 23;
export const KIND_HOLD = 24;
export const KIND_RELEASED = 25;
export const KIND_ERASED = 26;
export const KIND_EXPORTED = 27;
export const KIND_ACCESS_DENIED = 28;
export const KIND_FAILSAFE = 29; // reason: the level; length: the level before
export const KIND_LOST = 30; // reason: what; count: how many
export const KIND_FINDING = 31; // of a hound, about the evidence it names
export const KIND_PRUNED = 32; // records at 80: from (8), to (8)
export const KIND_ALLOWED = 33; // a source was exempt
export const KIND_TROUBLE = 34; // reason: the code
export const KIND_LAST = 34;
/** Kinds that a verifier which does not know them calls unknown, and never tampered. */
export const OPEN_KIND_FROM = 64;
export const OPEN_KIND_TO = 127;
/** The same of reasons, in any kind. */
export const OPEN_REASON_FROM = 128;
export const OPEN_REASON_TO = 254;

export const FLAG_SIDECAR = 1; // the detail field is the SHA-256 of a sidecar
export const FLAG_TRUNCATED = 2;
export const FLAG_CATEGORY_REPLACED = 4;
export const FLAG_SEVERITY_REPLACED = 8;
export const FLAG_AGGREGATE = 16; // several sources, or sources no longer known: the tag is zero
export const FLAG_DEGRADED = 32; // the limiter decided from the sketch, or was the platform's
export const FLAG_SALVAGED = 64; // the item came through a panic or a restore
export const FLAGS_KNOWN = 127;

export const DISPOSITION_NONE = 0;
export const DISPOSITION_REFUSED = 1;
export const DISPOSITION_OBSERVED = 2;
export const DISPOSITION_PASSED = 3;

export const REASON_NONE = 0;
// DROPPED
export const REASON_CAPACITY = 1;
export const REASON_OVERSIZED = 2;
export const REASON_INVALID = 3;
// PURGED
export const REASON_TIMEOUT = 1;
export const REASON_ERROR = 2;
export const REASON_ABORT = 3;
export const REASON_PANIC = 4;
export const REASON_EXPIRED = 5;
export const REASON_ERASED = 6;
export const REASON_FLUSH = 7;
export const REASON_TTL = 8;
export const REASON_HOLD_ENDED = 9;
// EVICTED
export const REASON_FULL = 1; // the store was full
export const REASON_SHARE = 2; // its own source passed maxShare
export const REASON_GRAVER = 3; // not archived, and gave way to graver evidence under `evacuate-first`
// LIMITED
export const REASON_WINDOW = 1;
export const REASON_BLOCKED = 2;
// UNINSPECTED
export const REASON_THREW = 1;
export const REASON_TIMED_OUT = 2;
export const REASON_UNREADABLE = 3; // a verdict came and could not be read
export const REASON_SILENT = 4; // the hop that should have given one said nothing
export const REASON_UNSENT = 5; // the body that the detector asked for did not arrive in time
// BLOCKED, UNBLOCKED
export const REASON_AUTOMATIC = 1;
export const REASON_MANUAL = 2;
export const REASON_LIST = 3; // a list of others, or a peer
export const REASON_ESCALATED = 4; // automatic, and longer than the one before
export const REASON_RESET = 5; // UNBLOCKED: what the source used is forgotten too
// CONFIG
export const REASON_LIMITS = 1;
export const REASON_TRUST = 2;
export const REASON_SHADOW = 3;
export const REASON_FAIL_MODE = 4;
export const REASON_SECRET = 5;
// LOST
export const REASON_SIDECARS = 1;
export const REASON_EVENTS = 2;
export const REASON_FINDINGS = 3;
export const REASON_EVIDENCE = 4;
export const REASON_BLOCKS = 5;
// ALLOWED
export const REASON_ALLOW = 1;
export const REASON_SKIP = 2;
// FAILSAFE: the level
export const REASON_NORMAL = 1;
export const REASON_WARNING = 2;
export const REASON_CRITICAL = 3;
export const REASON_EMERGENCY = 4;
// TROUBLE
export const REASON_STORE = 1; // it does not take the log
export const REASON_SIGNER = 2; // it does not sign
export const REASON_WRITER = 3; // another one writes this log
export const REASON_DETECTOR = 4; // it fails
export const REASON_ONE_SOURCE = 5; // everybody is one source
export const REASON_FORWARDED = 6; // X-Forwarded-For comes, and nothing reads it
export const REASON_SECRET_UNSET = 7;
export const REASON_LOSSES = 8; // records, sidecars or alerts are given up

// ── PANIC ───────────────────────────────────────────────────────────────────────────────────────
export const PANIC_ABORT = 1; // the compiler's own assertion
export const PANIC_ARENA = 2; // reserve after seal, or beyond memory
export const PANIC_CONFIG = 3; // init called with numbers the host should have refused
export const PANIC_ENTROPY = 4; // drawn dry: the host did not refill
export const PANIC_LIMITER = 5;
export const PANIC_QUARANTINE = 6;
export const PANIC_SLAB = 7;
export const PANIC_AUDIT = 8;
export const PANIC_INBOX = 9; // a length in the inbox passes its bound
export const PANIC_UNSEEDED = 10;
