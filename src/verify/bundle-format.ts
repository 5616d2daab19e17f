/**
 * The evidence bundle as a file: what it holds, taken apart and of the right shape (docs/format.md). Nothing is checked
 * against anything yet.
 *
 * Relies on: json, proof. Refuses: keys that it does not know, values of another shape, and more of either than an item
 * can have.
 */
import { base64Of, type Fields, fieldsOf, hexOf, invalid, readJson, textOf } from './json';
import { type ProofText, parseProof } from './proof';

const FORMAT = 'bundle/v1';
/** A payload of many megabytes in base64, and what belongs to it. */
const BOUNDS = { characters: 2 ** 28, depth: 3, marks: 1_048_576 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9a-f]{16}$/;
const CATEGORY = /^[a-z0-9_.-]{1,64}$/;
const SEVERITY = /^(?:low|medium|high|critical)$/;
const DETECTOR = /^.{1,256}$/su;
const ITEM = [
  'id',
  'category',
  'signature',
  'severity',
  'detector',
  'sourceTag',
  'size',
  'truncated',
  'payload',
  'hash',
  'salt',
  'fingerprintHash',
];

export interface ItemFile {
  readonly id: string;
  readonly category: string;
  readonly signature: string;
  readonly severity: string;
  readonly detector: string | null;
  readonly sourceTag: Uint8Array;
  readonly size: number;
  readonly truncated: boolean;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
  readonly salt: Uint8Array;
  /** Lowercase hex; `null` when the payload's own hash is in the signature. */
  readonly fingerprintHash: string | null;
}

export interface RecordFile {
  readonly record: Uint8Array;
  readonly detail: Uint8Array | undefined;
  readonly proof: ProofText;
}

export interface BundleFile {
  readonly item: ItemFile;
  readonly records: readonly RecordFile[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** Throws `LOG_INVALID`, which names the part. */
export function readBundle(bundle: Uint8Array | string): BundleFile {
  const text = typeof bundle === 'string' ? bundle : decoded(bundle);
  const whole = fieldsOf('bundle', readJson('bundle', text, BOUNDS), ['tracehound', 'item', 'records', 'checkpoint']);
  if (whole.tracehound !== FORMAT) throw invalid('bundle', 'another format', FORMAT);
  const { records } = whole;
  if (!Array.isArray(records)) throw invalid('bundle.records', 'no list', 'records and their proofs');
  return {
    item: readItem(fieldsOf('bundle.item', whole.item, ITEM)),
    records: records.map((each, i) => readRecord(`bundle.records[${i}]`, each)),
    checkpoint: textOf('bundle.checkpoint', whole.checkpoint, /\n$/, 'a signed note'),
  };
}

function decoded(bytes: Uint8Array): string {
  if (bytes.length > BOUNDS.characters) throw invalid('bundle', 'too long', `≤ ${BOUNDS.characters} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid('bundle', 'no text', 'UTF-8');
  }
}

function readItem(item: Fields): ItemFile {
  const { size, truncated, detector, fingerprintHash } = item;
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid('bundle.item.size', 'wrong', 'an integer ≥ 0');
  if (typeof truncated !== 'boolean') throw invalid('bundle.item.truncated', 'wrong', 'true or false');
  const hash = hexOf('bundle.item.hash', item.hash, HASH_BYTES);
  const category = textOf('bundle.item.category', item.category, CATEGORY, 'a category');
  if (fingerprintHash !== null) hexOf('bundle.item.fingerprintHash', fingerprintHash, HASH_BYTES);
  return {
    id: textOf('bundle.item.id', item.id, ID, 'an id'),
    category,
    signature: textOf('bundle.item.signature', item.signature, /^[a-z0-9_.-]{1,64}:[0-9a-f]{64}$/, 'category:hex'),
    severity: textOf('bundle.item.severity', item.severity, SEVERITY, 'low, medium, high or critical'),
    detector: detector === null ? null : textOf('bundle.item.detector', detector, DETECTOR, 'a short text or null'),
    sourceTag: hexOf('bundle.item.sourceTag', item.sourceTag, HASH_BYTES),
    size: size as number,
    truncated,
    payload: base64Of('bundle.item.payload', item.payload),
    hash,
    salt: hexOf('bundle.item.salt', item.salt, SALT_BYTES),
    fingerprintHash: fingerprintHash as string | null,
  };
}

function readRecord(part: string, value: unknown): RecordFile {
  const { record, detail, proof } = fieldsOf(part, value, ['record', 'detail', 'proof']);
  return {
    record: base64Of(`${part}.record`, record),
    detail: detail === null ? undefined : base64Of(`${part}.detail`, detail),
    proof: parseProof(`${part}.proof`, textOf(`${part}.proof`, proof, /\n$/, 'a tlog-proof')),
  };
}
