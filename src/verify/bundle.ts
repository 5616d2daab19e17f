/**
 * One item of evidence and what a log says of it, from a single file.
 *
 * What a bundle proves: these bytes are what was quarantined then, this record and those others of it stand at their
 * places in a log whose head somebody signed. What it cannot prove: that the log has no further record of the item. Only
 * the log itself can (`verifyLog`).
 *
 * Relies on: bundle-format, record, keys, heads, tlog. Refuses: to show a payload that is not the one the log committed to,
 * and to hold one that comes in pieces.
 */

import { TracehoundError } from '../errors';
import { joined, toHex } from '../formats/bytes';
import { detailCommitment, itemCommitment, payloadCommitment } from '../formats/commitment';
import * as record from '../formats/record';
import { sha256 } from '../formats/sha256';
import { verifyInclusion } from '../formats/tlog';
import { type BundleInput, BundleReader, type ItemFile, type RecordFile } from './bundle-format';
import { Findings } from './findings';
import { KnownHeads, pinnedKeys } from './heads';
import { sidecarFacts } from './json';
import { Keys } from './keys';
import type { VerifyOptions } from './options';
import { fault, isEnd, unknownOf } from './record';
import type { Verdicts } from './report';
import { MacKeys } from './signature';
import { genesisLink } from './walk';

const SEVERITIES = ['low', 'medium', 'high', 'critical'];

/** The item, as the bundle says. */
export interface BundleItem {
  readonly id: string;
  readonly category: string;
  readonly signature: string;
  readonly severity: string;
  /** Who found it; believed only as far as a sidecar says so (see `findings`). */
  readonly detector: string | null;
  readonly sourceTag: string;
  /** Bytes of the payload that were kept. */
  readonly size: number;
  readonly truncated: boolean;
  /** Lowercase hex SHA-256 of the payload. */
  readonly hash: string;
}

/** A record of the log in the bundle. */
export interface BundleEvent {
  readonly seq: number;
  /** QUARANTINED, ACCESSED … */
  readonly kind: string;
  /** Unix ms, as the host said. */
  readonly time: number;
  /** It is about the item; else it says how the log was kept. */
  readonly isItem: boolean;
}

/** What {@link verifyBundle} says. */
export interface BundleReport extends Verdicts {
  readonly origin: string;
  /** Tree size of the head, and its lowercase hex root. */
  readonly size: number;
  readonly root: string;
  readonly item: BundleItem;
  readonly events: readonly BundleEvent[];
  /** The payload is what the log committed to. */
  readonly proved: boolean;
  /**
   * The evidence itself: *handle with care, it is an attack*. Absent unless it is proved, and where the bundle came in
   * pieces: then nobody held it.
   */
  readonly payload?: Uint8Array;
}

/**
 * Checks a bundle that was exported with an item of evidence. Rejects with `LOG_INVALID` when it is no bundle, and with
 * `NOTE_INVALID` when its checkpoint is none.
 *
 * @example
 * const report = await verifyBundle(await file.text(), { policy });
 */
export async function verifyBundle(bundle: BundleInput, options: VerifyOptions = {}): Promise<BundleReport> {
  const reader = new BundleReader(bundle);
  try {
    return await judged(reader, typeof bundle === 'string' || bundle instanceof Uint8Array, options);
  } finally {
    await reader.stop();
  }
}

async function judged(reader: BundleReader, isHeld: boolean, options: VerifyOptions): Promise<BundleReport> {
  const checkpoint = await reader.checkpoint();
  const findings = new Findings();
  const heads = new KnownHeads([checkpoint], [], findings);
  const head = heads.newest;
  if (head === undefined) {
    const [first] = findings.list;
    const problem = first === undefined ? 'none' : `not usable (${first.message})`;
    throw new TracehoundError(
      'NOTE_INVALID',
      `bundle.checkpoint: ${problem}, expected a checkpoint, got no readable one`,
    );
  }
  const keys = new Keys(findings);
  const pieces: Uint8Array[] = [];
  const item = await reader.item((piece) => void (isHeld && pieces.push(piece)));
  const walk = new BundleWalk(item, { ...head, checkpoint }, keys, findings);
  await walk.run(reader.records());
  const macKeys = options.macKey && new MacKeys(options.macKey);
  const trust = { policy: options.policy, macKeys };
  await keys.judge(pinnedKeys(head.origin, trust), macKeys);
  await heads.judge(head.origin, head.size, keys, trust);
  compareKnown(options.known ?? [], head, findings);
  findings.unknown('freshness', 'BUNDLE', 'a bundle is of the moment it was made');
  const proved = walk.isProved && findings.is('integrity') === 'good';
  return {
    origin: head.origin,
    size: head.size,
    root: toHex(head.root),
    integrity: findings.is('integrity'),
    authenticity: findings.is('authenticity'),
    completeness: findings.is('completeness'),
    freshness: findings.is('freshness'),
    findings: findings.list,
    findingsTotal: findings.total,
    exitCode: findings.exitCode,
    item: {
      id: item.id,
      category: item.category,
      signature: item.signature,
      severity: item.severity,
      detector: item.detector,
      sourceTag: toHex(item.sourceTag),
      size: item.size,
      truncated: item.truncated,
      hash: toHex(item.hash),
    },
    events: walk.events,
    proved,
    ...(proved && isHeld ? { payload: joined(pieces) } : {}),
  };
}

interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note. */
  readonly checkpoint: string;
}

/** A checkpoint that was kept elsewhere can say something of a bundle only if it is of the same size. */
function compareKnown(known: readonly string[], head: Omit<TreeHead, 'checkpoint'>, findings: Findings): void {
  const own = new KnownHeads([], known, findings);
  own.origin = head.origin;
  own.skip(head.size);
  own.reach(head.size, head.root);
}

class BundleWalk {
  readonly #item: ItemFile;
  readonly #uuid: string;
  readonly #head: TreeHead;
  readonly #keys: Keys;
  readonly #findings: Findings;
  readonly events: BundleEvent[] = [];
  /** The item is what its QUARANTINED record committed to. */
  isProved = false;
  #isSalvaged = false;
  #isQuarantined = false;
  #hasEnded = false;
  #last = -1;
  /** Whether the newest EXPORTED record names the whole id; `undefined` until there is one. */
  #isNamed: boolean | undefined;
  #isExportedLast = false;

  constructor(item: ItemFile, head: TreeHead, keys: Keys, findings: Findings) {
    this.#item = item;
    this.#uuid = item.id.slice(0, 36).replaceAll('-', '');
    this.#head = head;
    this.#keys = keys;
    this.#findings = findings;
  }

  async run(records: AsyncIterable<RecordFile>): Promise<void> {
    this.#checkItem(this.#item);
    let i = 0;
    for await (const each of records) this.#record(each, `records[${i++}]`);
    this.#checkExport();
    if (this.events[0]?.kind !== 'GENESIS') {
      this.#findings.bad('completeness', 'NO_GENESIS', 'the record that begins the log is not in the bundle');
    }
    if (this.#isQuarantined) return;
    if (this.#isSalvaged) {
      const message = 'the item was taken in by an earlier log, whose QUARANTINED record is not in this bundle';
      this.#findings.bad('completeness', 'SALVAGED', message);
    } else this.#findings.bad('completeness', 'NO_QUARANTINED', 'no record says that the item was quarantined');
    this.#findings.unknown('integrity', 'ITEM_UNPROVED', 'no record commits to the payload');
  }

  /** The newest record of the item says that this bundle was made of it, and of which id. */
  #checkExport(): void {
    if (!this.#isExportedLast) {
      const message = 'the record that says that the item was exported is not in the bundle';
      this.#findings.bad('completeness', 'NO_EXPORTED', message);
    }
    if (this.#isNamed === true) return;
    this.#findings.unknown('integrity', 'ID_UNPROVED', 'no record commits to the last 16 digits of the id');
  }

  /** What the item says of itself must fit together. */
  #checkItem({ payloadHash, payloadBytes, hash, size, category, signature, fingerprintHash }: ItemFile): void {
    if (toHex(payloadHash) !== toHex(hash)) this.#itemIsWrong('its payload has another hash');
    if (payloadBytes !== size) this.#itemIsWrong('its payload has another length');
    if (signature !== `${category}:${fingerprintHash ?? toHex(hash)}`)
      this.#itemIsWrong('its signature is of another item');
    if (fingerprintHash === toHex(hash)) this.#itemIsWrong('it names a fingerprint that is its own hash');
  }

  #itemIsWrong(message: string, seq?: number): void {
    this.#findings.bad('integrity', 'ITEM', message, { seq, place: 'item' });
  }

  #record({ record: r, detail, proof }: RecordFile, place: string): void {
    const bad = (code: string, message: string, seq?: number): void =>
      this.#findings.bad('integrity', code, message, { seq, place });
    if (r.length !== record.RECORD_BYTES) {
      bad('RECORD', `a record of ${r.length} bytes, expected ${record.RECORD_BYTES}`);
      return;
    }
    const seq = proof.index;
    const wrong = fault(r);
    if (wrong !== undefined) bad('RECORD', wrong, seq);
    const unknown = wrong === undefined ? unknownOf(r) : undefined;
    if (unknown !== undefined) {
      const message = `${unknown}, which a later version may know`;
      this.#findings.unknown('integrity', 'UNKNOWN_RECORD', message, { seq, place });
    }
    if (record.numberAt(r, record.SEQ) !== seq) bad('SEQ', 'its number is not that of its proof', seq);
    if (seq <= this.#last) bad('ORDER', 'records do not rise', seq);
    const { size, root, origin } = this.#head;
    if (proof.checkpoint !== this.#head.checkpoint) bad('PROOF', 'its proof is of another checkpoint', seq);
    else if (!verifyInclusion(r, { index: seq, size, hashes: [...proof.hashes] }, root)) {
      bad('PROOF', 'it is not in the tree that was signed', seq);
    }
    const link = toHex(r.subarray(record.LINK, record.PAYLOAD));
    if (seq === 0 && link !== toHex(genesisLink(origin))) bad('LINK', 'it does not begin a log of this name', seq);
    if ((r[record.KIND] === record.GENESIS) !== (seq === 0))
      bad('GENESIS', 'GENESIS must be record 0, and only that', seq);
    this.#checkDetail(r, detail, seq, place);
    this.#enterEpoch(r, detail, seq, place);
    const isItem = this.#isOfItem(r);
    if (isItem) this.#ofItem(r, detail, seq, place);
    const kind = record.KINDS[r[record.KIND]!] ?? `kind ${r[record.KIND]}`;
    this.events.push({ seq, kind, time: record.numberAt(r, record.TIME), isItem });
    this.#last = seq;
  }

  #checkDetail(r: Uint8Array, detail: Uint8Array | undefined, seq: number, place: string): void {
    const isExpected = (r[record.FLAGS_LOW]! & record.FLAG_SIDECAR) !== 0;
    if (detail === undefined) {
      if (!isExpected) return;
      this.#findings.bad('completeness', 'DETAIL_UNAVAILABLE', 'its sidecar is not in the bundle', { seq, place });
    } else if (!isExpected || toHex(sha256(detail)) !== toHex(r.subarray(record.DETAIL, record.SOURCE))) {
      this.#findings.bad('integrity', 'DETAIL', 'its sidecar is not the one it commits to', { seq, place });
    }
  }

  /** A bundle has every KEY record up to its head, so epochs rise one by one here, too. */
  #enterEpoch(r: Uint8Array, detail: Uint8Array | undefined, seq: number, place: string): void {
    const isKey = r[record.KIND] === record.KEY;
    const spot = { seq, place };
    if (isKey || r[record.EPOCH] !== this.#keys.current) {
      this.#keys.enter(r[record.EPOCH]!, isKey, seq === this.#last + 1 ? undefined : this.#last + 1, spot);
    }
    if (isKey) this.#keys.add(seq, this.#head.origin, detail, () => undefined, spot);
  }

  #isOfItem(r: Uint8Array): boolean {
    // What RESUME and PANIC have in this place ends in zeros, so it is no UUID.
    return toHex(r.subarray(record.ID, record.ID + record.ID_BYTES)) === this.#uuid;
  }

  #ofItem(r: Uint8Array, detail: Uint8Array | undefined, seq: number, place: string): void {
    const kind = r[record.KIND]!;
    if ((r[record.FLAGS_LOW]! & record.FLAG_SALVAGED) !== 0) this.#isSalvaged = true;
    this.#isExportedLast = kind === record.EXPORTED;
    if (kind === record.EXPORTED) this.#compareId(detail, seq);
    if (kind === record.QUARANTINED) {
      if (this.#isQuarantined) {
        this.#findings.bad('completeness', 'LIFECYCLE', 'QUARANTINED twice', { seq, place });
        return;
      }
      this.#isQuarantined = true;
      this.#compare(r, detail, seq);
    } else if (isEnd(kind)) {
      if (this.#hasEnded) this.#findings.bad('completeness', 'LIFECYCLE', 'the item ends twice', { seq, place });
      this.#hasEnded = true;
    }
  }

  /** The whole id, which only EXPORTED commits to. */
  #compareId(detail: Uint8Array | undefined, seq: number): void {
    const said = detail === undefined ? undefined : sidecarFacts(detail).item;
    this.#isNamed = typeof said === 'string';
    if (typeof said !== 'string') return;
    const { salt, id } = this.#item;
    if (said !== toHex(itemCommitment(salt, id))) this.#itemIsWrong('its id is not that of the exported item', seq);
  }

  /** The item against its QUARANTINED record, field by field. */
  #compare(r: Uint8Array, detail: Uint8Array | undefined, seq: number): void {
    const item = this.#item;
    const flags = r[record.FLAGS_LOW]!;
    const payload = toHex(payloadCommitment(item.salt, item.hash));
    const isPayload = payload === toHex(r.subarray(record.PAYLOAD, record.DETAIL));
    if (isPayload) this.isProved = true;
    else this.#itemIsWrong('its payload is not the one that was quarantined', seq);
    if (SEVERITIES[r[record.SEVERITY]!] !== item.severity)
      this.#itemIsWrong('its severity is not the recorded one', seq);
    if (toHex(item.sourceTag) !== toHex(r.subarray(record.SOURCE, record.RECORD_BYTES))) {
      this.#itemIsWrong('its source is not the recorded one', seq);
    }
    const length = record.u32At(r, record.LENGTH);
    const isTruncated = (flags & record.FLAG_TRUNCATED) !== 0;
    if (isTruncated !== item.truncated) this.#itemIsWrong('it is cut short, or the record says it is', seq);
    if (isTruncated ? length < item.size : length !== item.size)
      this.#itemIsWrong('its length is not the recorded one', seq);
    if ((flags & record.FLAG_SIDECAR) === 0) {
      const commitment = toHex(detailCommitment(item.salt, item.signature));
      if (commitment !== toHex(r.subarray(record.DETAIL, record.SOURCE))) {
        this.#itemIsWrong('its signature is not the one that was quarantined', seq);
      }
      this.#noteDetector(undefined);
    } else if (detail !== undefined) this.#compareSidecar(detail, seq);
    else
      this.#findings.unknown('integrity', 'ITEM_UNPROVED', 'without its sidecar nothing proves the signature', { seq });
  }

  /** The sidecar's hash was compared already; what it says is what the log's writer said. */
  #compareSidecar(detail: Uint8Array, seq: number): void {
    const { signature, detector } = sidecarFacts(detail);
    if (signature !== this.#item.signature) this.#itemIsWrong('its signature is not the one in the sidecar', seq);
    this.#noteDetector(detector, seq);
  }

  #noteDetector(said: unknown, seq?: number): void {
    const { detector } = this.#item;
    if (typeof said === 'string' && said !== detector) this.#itemIsWrong('its detector is not the recorded one', seq);
    else if (said === undefined && detector !== null) {
      this.#findings.note('integrity', 'DETECTOR', 'no record commits to the name of the detector', { place: 'item' });
    }
  }
}
