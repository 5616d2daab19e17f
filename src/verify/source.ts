/**
 * What is verified: a log, wherever it lies — a directory, one file, a bucket, memory — as the verifier wants to read it.
 *
 * Relies on: nothing. Refuses: to judge. A source says what is there and where it lies; whoever wrote it is not trusted,
 * and neither is the source: it can leave things out or hand over others, and the verifier will say so.
 * @module
 */

/**
 * What a source knows of the next leaf or leaves. The bytes are the verifier's to read until it asks for the next batch;
 * it never changes them.
 */
export type LogEntry = RecordEntry | LeafEntry | SubtreeEntry | MissingEntry;

/** Where an entry lies, for people: `tile/entries/x001/234`, `audit.thlog`. One string for a whole batch costs nothing. */
interface Placed {
  readonly place: string;
  /** Byte of the entry within `place`, where that helps: `audit.thlog, byte 8215`. */
  readonly at?: number;
}

/** One record, as it is stored: 176 bytes if the log is sound. */
export interface RecordEntry extends Placed {
  readonly kind: 'record';
  readonly record: Uint8Array;
  /** The sidecar it commits to; absent when it is not available. */
  readonly detail?: Uint8Array;
}

/** A record whose content is not available: what is left is its leaf hash, 32 bytes. */
export interface LeafEntry extends Placed {
  readonly kind: 'leaf';
  readonly hash: Uint8Array;
}

/** The next 2^level leaves, aligned, of which nothing is left but the hash of their subtree. */
export interface SubtreeEntry extends Placed {
  readonly kind: 'subtree';
  /** 0 … 52. */
  readonly level: number;
  readonly hash: Uint8Array;
}

/** The next `count` leaves, of which nothing is left at all: no root beyond them can be computed. */
export interface MissingEntry extends Placed {
  readonly kind: 'missing';
  readonly count: number;
}

/** Answers the object at a path below the log's prefix, `undefined` when there is none. */
export type Get = (path: string) => Promise<Uint8Array | undefined>;

/** A log to be read once, from its first leaf to its last. */
export interface LogSource {
  /** The origin the log is said to have; absent when only its checkpoint can tell. */
  readonly origin?: string;
  /** Signed notes that the log brings with it, newest last; none is an answer. At most the last 64 are looked at. */
  checkpoints(): Promise<readonly string[]>;
  /**
   * The leaves in order, in batches as they are read: a bundle of 256, a chunk of a file. Whatever is not spelt as
   * docs/format.md says — a bundle that ends in the middle of a record, an unknown frame — is thrown as
   * `TracehoundError` with code `LOG_INVALID`, whose message names the place; what cannot be read, as it comes.
   */
  entries(): AsyncIterable<readonly LogEntry[]>;
  /**
   * The stored tile of `width` hashes (256: a full one) at `level`, `index`, as in C2SP tlog-tiles; `undefined` when it is
   * not there. Given, the verifier recomputes every tile that the log's size asks for and compares it byte for byte.
   */
  tile?(level: number, index: number, width: number): Promise<Uint8Array | undefined>;
  /** The signed note on retention that lies beside the log (docs/format.md); `undefined` when there is none. */
  pruned?(): Promise<string | undefined>;
  /**
   * Asked once the entries are read: says, for people, that the source stops before its end, as half a file does. What was
   * cut off is missing, not changed. `undefined` when nothing was.
   */
  cut?(): string | undefined;
  /**
   * Parts in which the log was stored before what is stored now (C2SP partial tiles) and which are not the beginning of it,
   * below a head of `size` records. Absent: nobody can look around there.
   */
  strayParts?(size: number): AsyncIterable<{ readonly seq: number; readonly place: string }>;
}
