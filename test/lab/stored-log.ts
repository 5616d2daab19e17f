/**
 * Reads a log back from a store the slow and obvious way, by docs/format.md and with node:crypto: a third opinion, which
 * knows neither the writer nor the verifier. Throws at the first thing that is not as it should be.
 *
 * Relies on: a lab store. Refuses: to import anything that it checks.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { LabStore } from './store';

export interface StoredRecord {
  readonly seq: number;
  readonly kind: number;
  readonly record: Buffer | undefined;
  readonly detail: Record<string, unknown> | undefined;
}

export interface StoredLog {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** `undefined` content where it was given up. */
  readonly records: readonly StoredRecord[];
  /** Key ids of the signature lines of the head that were checked. */
  readonly signedBy: readonly string[];
  /** Records without content. */
  readonly missing: readonly number[];
}

const RECORD = 176;
const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
export const leafOf = (record: Uint8Array): Buffer => sha256(Uint8Array.of(0), record);
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right);

export function headOf(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return Buffer.from(leaves[0]!);
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return node(headOf(leaves.slice(0, half)), headOf(leaves.slice(half)));
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`stored log: ${what}`);
}

interface Key {
  readonly id: string;
  readonly check: (text: string, signature: Buffer) => boolean;
}

/** An Ed25519 verifier key, by hand. */
function keyOf(vkey: string): Key & { readonly name: string } {
  const [name, id, base64] = [vkey.split('+')[0]!, vkey.split('+')[1]!, vkey.split('+').slice(2).join('+')];
  const material = Buffer.from(base64, 'base64');
  must(material[0] === 1 && material.length === 33, `a key of type ${material[0]}`);
  const expected = sha256(Buffer.from(`${name}\n`), material)
    .subarray(0, 4)
    .toString('hex');
  must(id === expected, `a key with the id ${id}, expected ${expected}`);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), material.subarray(1)]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return { name, id, check: (text, signature) => verify(null, Buffer.from(text), key, signature) };
}

/** Text of a note, and which of `keys` signed it; a bad signature of one of them throws. */
function opened(note: string, keys: readonly Key[]): { text: string; signedBy: string[] } {
  const end = note.lastIndexOf('\n\n');
  const text = note.slice(0, end + 1);
  const signedBy: string[] = [];
  for (const line of note
    .slice(end + 2)
    .trimEnd()
    .split('\n')) {
    const bytes = Buffer.from(line.split(' ')[2]!, 'base64');
    const id = bytes.subarray(0, 4).toString('hex');
    const key = keys.find((each) => each.id === id);
    if (key === undefined) continue;
    must(key.check(text, bytes.subarray(4)), `a bad signature by ${id}`);
    signedBy.push(id);
  }
  return { text, signedBy };
}

const number = (index: number): string => {
  const digits = String(index).padStart(3 * Math.ceil(String(index).length / 3), '0');
  const groups = digits.match(/.{3}/g)!;
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
};
const suffix = (width: number): string => (width < 256 ? `.p/${width}` : '');

function unbundled(bytes: Uint8Array | undefined, width: number, what: string): Buffer[] {
  const entries: Buffer[] = [];
  if (bytes === undefined) return entries;
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length; ) {
    const length = buffer.readUInt16BE(at);
    entries.push(buffer.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  must(entries.length === width, `${what} has ${entries.length} entries, expected ${width}`);
  return entries;
}

/** Tile `index` with what is under it: as bundles of this width or, of the last tile, with pieces of the tail behind them. */
function lastOf(
  store: LabStore,
  origin: string,
  index: number,
  width: number,
): { at: string; tile: Buffer | undefined; entries: Buffer[]; details: Buffer[] } {
  const at = `${number(index)}${suffix(width)}`;
  const tile = store.objects.get(`${origin}/tile/0/${at}`);
  const isBundled = store.objects.has(`${origin}/tile/entries/${at}`);
  if (isBundled || width === 256 || width === 0) {
    const entries = unbundled(store.objects.get(`${origin}/tile/entries/${at}`), width, `entries ${at}`);
    const details = unbundled(store.objects.get(`${origin}/tile/details/${at}`), width, `details ${at}`);
    return { at, tile: width > 0 && tile === undefined ? undefined : Buffer.from(tile ?? []), entries, details };
  }
  const end = index * 256 + width;
  const piece = Buffer.from(store.objects.get(`${origin}/tail/${number(end)}`) ?? []);
  if (piece.length === 0) return { at, tile: undefined, entries: [], details: [] };
  const from = Number(piece.readBigUInt64BE(0));
  must(from < end && from >= index * 256, `tail ${end} begins at ${from}`);
  const parts = unbundled(piece.subarray(8), 2 * (end - from), `tail ${end}`);
  const before = lastOf(store, origin, index, from - index * 256);
  must(before.tile !== undefined, `tail ${end} follows on nothing`);
  const entries = parts.filter((_, i) => i % 2 === 0);
  return {
    at,
    tile: Buffer.concat([before.tile, ...entries.map(leafOf)]),
    // What is missing of the bundles before must stay in its place.
    entries: [
      ...Array.from({ length: from - index * 256 }, (_, i) => before.entries[i] ?? Buffer.alloc(0)),
      ...entries,
    ],
    details: [
      ...Array.from({ length: from - index * 256 }, (_, i) => before.details[i] ?? Buffer.alloc(0)),
      ...parts.filter((_, i) => i % 2 === 1),
    ],
  };
}

/**
 * `deployment`: verifier key that must have signed every KEY note. `sleeps`: its writer may lose its key at any time, and
 * goes on with another.
 */
export function storedLog(store: LabStore, origin: string, deployment?: string, sleeps = false): StoredLog {
  const note = store.text(`${origin}/checkpoint`);
  must(note !== undefined, 'no checkpoint');
  const [saidOrigin, saidSize, saidRoot] = note.split('\n') as [string, string, string];
  must(saidOrigin === origin, `the checkpoint is of ${saidOrigin}`);
  const size = Number(saidSize);
  const records: StoredRecord[] = [];
  const tops: Buffer[] = [];
  /** First records of the bundles that are gone. */
  const lost: number[] = [];
  /** Leaf hash of the record before, where it is known. */
  let before: Buffer | undefined;
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256);
    const { at, tile, entries, details } = lastOf(store, origin, index, width);
    if (tile === undefined) {
      must(width === 256 && entries.length === 0 && details.length === 0, `tile ${at} is gone, its records are not`);
      lost.push(index * 256);
      before = undefined;
      const above = store.keys(`${origin}/tile/1/`).map((key) => store.objects.get(key)!);
      const longest = above.sort((a, b) => b.length - a.length)[0]!;
      tops.push(Buffer.from(longest.subarray(32 * index, 32 * index + 32)));
      for (let i = 0; i < 256; i++)
        records.push({ seq: records.length, kind: 0, record: undefined, detail: undefined });
      continue;
    }
    must(tile.length === 32 * width, `tile ${at} has ${tile.length} bytes`);
    const own: Buffer[] = [];
    for (let i = 0; i < width; i++) {
      const leaf = Buffer.from(tile.subarray(32 * i, 32 * i + 32));
      const entry = entries[i];
      const record = entry !== undefined && entry.length > 0 ? entry : undefined;
      const detail = details[i] !== undefined && details[i]!.length > 0 ? details[i] : undefined;
      if (record !== undefined) {
        must(record.length === RECORD, `record ${records.length} has ${record.length} bytes`);
        must(leafOf(record).equals(leaf), `leaf ${records.length}`);
        must(Number(record.readBigUInt64BE(8)) === records.length, `sequence number of ${records.length}`);
        if (detail !== undefined) {
          must((record.readUInt16BE(4) & 1) === 1, `record ${records.length} has a sidecar and says it has none`);
          must(sha256(detail).equals(record.subarray(112, 144)), `sidecar of ${records.length}`);
        }
        if (before !== undefined) must(record.subarray(48, 80).equals(before), `link of ${records.length}`);
      }
      records.push({
        seq: records.length,
        kind: record?.[1] ?? 0,
        record,
        detail: detail && (JSON.parse(detail.toString()) as Record<string, unknown>),
      });
      own.push(leaf);
      before = leaf;
    }
    tops.push(headOf(own));
  }
  // Subtrees of 256 leaves lie side by side as leaves do: a tree of trees.
  const root = headOf(tops);
  must(root.equals(Buffer.from(saidRoot, 'base64')), `root ${root.toString('hex')} is not that of the checkpoint`);
  checkUpperTiles(store, origin, tops, size);
  checkGaps(records, lost);
  const keys = checkKeys(records, origin, deployment, sleeps);
  const { signedBy } = opened(note, keys.length > 0 ? keys : deployment ? [keyOf(deployment)] : []);
  must(signedBy.length > 0, 'nobody signed the head');
  const missing = records.filter(({ record }) => record === undefined).map(({ seq }) => seq);
  return { origin, size, root: root.toString('hex'), records, signedBy, missing };
}

/** Every full tile of level 1 and above, and the newest partial one of each. */
function checkUpperTiles(store: LabStore, origin: string, tops: readonly Buffer[], size: number): void {
  let hashes = tops.slice(0, Math.floor(size / 256));
  for (let level = 1; hashes.length > 0; level++) {
    const above: Buffer[] = [];
    for (let index = 0; index * 256 < hashes.length; index++) {
      const part = hashes.slice(index * 256, index * 256 + 256);
      const path = `${origin}/tile/${level}/${number(index)}${suffix(part.length)}`;
      must(Buffer.concat(part).equals(store.objects.get(path) ?? Buffer.alloc(0)), `tile ${path}`);
      if (part.length === 256) above.push(headOf(part));
    }
    hashes = above;
  }
}

/** Each lost bundle is named by exactly one GAP. */
function checkGaps(records: readonly StoredRecord[], lost: readonly number[]): void {
  const named: number[] = [];
  for (const { kind, record } of records) {
    if (kind !== 12) continue;
    const [from, to] = [Number(record!.readBigUInt64BE(80)), Number(record!.readBigUInt64BE(88))];
    must(record!.readUInt32BE(44) === to - from, `the count of the GAP ${from} to ${to}`);
    for (let at = from; at < to; at += 256) named.push(at);
  }
  must(named.sort((a, b) => a - b).join() === lost.join(), `GAPs for ${named}, expected ${lost}`);
}

/** KEY records in order: each note names the place it was made at, is signed by its own key and by the one before. */
function checkKeys(
  records: readonly StoredRecord[],
  origin: string,
  deployment: string | undefined,
  sleeps: boolean,
): Key[] {
  const keys: Key[] = [];
  let epoch = 0;
  /** Another process went on: the key before is gone. */
  let resumed = false;
  for (const { record, detail, kind, seq } of records) {
    if (record === undefined) continue;
    if (kind === 8 && detail !== undefined && detail.ended === undefined) resumed = true;
    if (kind === 10) {
      epoch++;
      const note = detail?.note as string;
      const [title, saidOrigin, saidEpoch, vkey, size, link] = note.split('\n') as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      must(title === 'tracehound/key/v1' && saidOrigin === origin && Number(saidEpoch) === epoch, `key note ${seq}`);
      const key = keyOf(vkey);
      must(key.name === origin, `a key named ${key.name}`);
      const previous = resumed ? undefined : keys.at(-1);
      must(
        !resumed || deployment !== undefined,
        `key note ${seq}: nobody but the deployment can say that this key may go on`,
      );
      resumed = false;
      const signers = [key, ...(deployment ? [keyOf(deployment)] : []), ...(previous ? [previous] : [])];
      const { signedBy } = opened(note, signers);
      const isLost = sleeps && previous !== undefined && !signedBy.includes(previous.id);
      must(signedBy.length === signers.length - (isLost ? 1 : 0), `key note ${seq} is signed by ${signedBy}`);
      must(Number(size) <= seq && Number(size) >= seq - 4096, `key note ${seq} names the size ${size}`);
      const at = records[Number(size)]?.record;
      if (at) must(at.subarray(48, 80).toString('base64') === link, `key note ${seq} names another link`);
      keys.push(key);
    }
    must(record[7] === epoch, `record ${seq} of epoch ${record[7]}, expected ${epoch}`);
  }
  return keys;
}
