/**
 * Logs for tests, made by docs/format.md with node:crypto and the model: neither the engine nor anything of `src/` takes
 * part, so a verifier that accepts them agrees with the page and not with the writer's code.
 *
 * Relies on: test/model/log. Refuses: to be fast, and to check what it is asked to write: liars need it too.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { encode, type Fields, gapFields, genesisPrev, leafHash, sha256, treeHead } from '../model/log';

export const TIME = 1_700_000_000_000;

const KINDS = {
  genesis: 1,
  quarantined: 2,
  evicted: 3,
  neutralized: 4,
  purged: 5,
  resume: 8,
  checkpoint: 9,
  key: 10,
  close: 11,
  accessed: 13,
  duplicate: 17,
  limited: 19,
  exported: 27,
} as const;
export const KIND = KINDS;

// ── keys ──────────────────────────────────────────────────────────────────────────────────────────

export interface LabKey {
  readonly name: string;
  readonly vkey: string;
  /** One line of a note. */
  readonly line: (text: string) => string;
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const idOf = (name: string, material: Buffer): Buffer => sha256(`${name}\n`, material).subarray(0, 4);

/** An Ed25519 key whose seed is the hash of a word. */
export function labKey(name: string, word = name): LabKey {
  const seed = sha256(word);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const material = Buffer.concat([Buffer.of(1), rawOf(key)]);
  const id = idOf(name, material);
  return {
    name,
    vkey: `${name}+${id.toString('hex')}+${material.toString('base64')}`,
    line: (text) => `— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), key)]).toString('base64')}\n`,
  };
}

/** A witness: its signatures are of a time (C2SP tlog-cosignature). */
export function labWitness(name: string, seconds = 1_700_000_000): LabKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, sha256(name)]), format: 'der', type: 'pkcs8' });
  const material = Buffer.concat([Buffer.of(4), rawOf(key)]);
  const id = idOf(name, material);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  const message = (text: string): Buffer => Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
  return {
    name,
    vkey: `${name}+${id.toString('hex')}+${material.toString('base64')}`,
    line: (text) => `— ${name} ${Buffer.concat([id, time, sign(null, message(text), key)]).toString('base64')}\n`,
  };
}

const rawOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32) as Buffer;

export const noteOf = (text: string, keys: readonly LabKey[]): string =>
  `${text}\n${keys.map((key) => key.line(text)).join('')}`;

// ── logs ──────────────────────────────────────────────────────────────────────────────────────────

export class LabLog {
  readonly origin: string;
  readonly records: Buffer[] = [];
  readonly details: (Buffer | undefined)[] = [];
  readonly leaves: Buffer[] = [];
  /** Time of the next record. */
  time = TIME;
  epoch = 0;
  #number = 0;

  constructor(origin = 'example.com/th/1', begin = true) {
    this.origin = origin;
    if (begin) this.append({ kind: KIND.genesis }, '{}');
  }

  get size(): number {
    return this.records.length;
  }

  /** Link of the next record. */
  get link(): Buffer {
    return this.leaves.at(-1) ?? genesisPrev(this.origin);
  }

  append(fields: Partial<Fields> & { kind: number }, detail?: string | Buffer): number {
    const sidecar = detail === undefined ? undefined : Buffer.from(detail);
    const sealed =
      sidecar === undefined
        ? {}
        : { flags: (fields.flags ?? 0) | 1, detail: createHash('sha256').update(sidecar).digest() };
    const record = encode({ time: this.time++, epoch: this.epoch, ...fields, ...sealed }, this.size, this.link);
    this.records.push(record);
    this.details.push(sidecar);
    return this.leaves.push(leafHash(record)) - 1;
  }

  /** A new evidence id. */
  id(): Buffer {
    const id = Buffer.alloc(16, 0x70);
    id.writeUInt32BE(this.#number++, 12);
    return id;
  }

  quarantine(id = this.id(), detail?: string): Buffer {
    this.append({ kind: KIND.quarantined, severity: 2, disposition: 1, id, length: 3, count: 1, ...committed }, detail);
    return id;
  }

  end(id: Buffer, kind: number = KIND.neutralized, flags = 0): void {
    this.append({ kind, severity: 2, id, length: 3, flags });
  }

  gap(from: number, to: number): void {
    this.append(gapFields(from, to, this.time));
  }

  /** A KEY record: `key` signs from here on. Its note is signed by itself and by `others`. */
  key(key: LabKey, others: readonly LabKey[], change: Partial<KeyNote> = {}): void {
    const note: KeyNote = {
      origin: this.origin,
      epoch: this.epoch + 1,
      vkey: key.vkey,
      size: this.size,
      link: this.link,
      signers: [key, ...others],
      ...change,
    };
    const { origin, epoch, vkey, size, link, signers } = note;
    const text = `tracehound/key/v1\n${origin}\n${epoch}\n${vkey}\n${size}\n${link.toString('base64')}\n`;
    this.epoch++;
    this.append({ kind: KIND.key }, JSON.stringify({ note: noteOf(text, signers), salt: '00'.repeat(16) }));
  }

  /** Records of everyday life, until there are `size`. */
  grow(size: number): this {
    for (const held: Buffer[] = []; this.size < size; ) {
      const step = this.size % 7;
      if (step < 4) held.push(this.quarantine());
      else if (step === 4) this.append({ kind: KIND.limited, reason: 1, disposition: 1, count: 3 });
      else if (step === 5) this.append({ kind: KIND.checkpoint });
      else this.end(held.shift() ?? this.quarantine());
    }
    return this;
  }

  close(): this {
    this.append({ kind: KIND.close });
    return this;
  }

  root(size = this.size): Buffer {
    return treeHead(this.leaves.slice(0, size));
  }

  /** The signed head of the first `size` records. */
  checkpoint(keys: readonly LabKey[], size = this.size): string {
    return noteOf(`${this.origin}\n${size}\n${this.root(size).toString('base64')}\n`, keys);
  }

  /** Changes a record and writes everything after it anew, as somebody would who wants the chain to fit. */
  rewrite(seq: number, change: (record: Buffer) => void): this {
    for (let i = seq; i < this.size; i++) {
      const record = this.records[i]!;
      if (i === seq) change(record);
      else this.leaves[i - 1]!.copy(record, 48);
      this.leaves[i] = leafHash(record);
    }
    return this;
  }

  /** The first `size` records, as a log of its own. */
  cut(size: number): LabLog {
    const log = new LabLog(this.origin, false);
    log.records.push(...this.records.slice(0, size).map((record) => Buffer.from(record)));
    log.details.push(...this.details.slice(0, size));
    log.leaves.push(...this.leaves.slice(0, size).map((leaf) => Buffer.from(leaf)));
    log.time = this.time;
    log.epoch = log.records.at(-1)?.[7] ?? 0;
    log.#number = this.#number;
    return log;
  }
}

interface KeyNote {
  origin: string;
  epoch: number;
  vkey: string;
  size: number;
  link: Buffer;
  signers: readonly LabKey[];
}

const committed = { payload: sha256('payload commitment'), detail: sha256('detail commitment'), source: sha256('tag') };

// ── how they lie ──────────────────────────────────────────────────────────────────────────────────

/** One entry of a source; structural, so that this file knows nothing of `src/`. */
export type LabEntry =
  | { kind: 'record'; record: Uint8Array; detail?: Uint8Array; place: string; at?: number }
  | { kind: 'leaf'; hash: Uint8Array; place: string }
  | { kind: 'subtree'; level: number; hash: Uint8Array; place: string }
  | { kind: 'missing'; count: number; place: string };

export class LabSource {
  origin?: string;
  entriesOf: LabEntry[];
  notes: string[];
  /** By C2SP path. Without any, the source says that it has no tiles. */
  tiles: Map<string, Uint8Array> | undefined;
  tile?: (level: number, index: number, width: number) => Promise<Uint8Array | undefined>;
  readonly #batch: number;

  constructor(log: LabLog, notes: string[] = [], { tiles = false, batch = 256, origin = true } = {}) {
    if (origin) this.origin = log.origin;
    this.notes = notes;
    this.#batch = batch;
    this.entriesOf = log.records.map((record, seq) => ({
      kind: 'record',
      record,
      ...(log.details[seq] === undefined ? {} : { detail: log.details[seq] }),
      place: `tile/entries/${String(Math.floor(seq / 256)).padStart(3, '0')}`,
    }));
    if (!tiles) return;
    const made = tilesOf(log.leaves);
    this.tiles = made;
    this.tile = async (level, index, width) => made.get(tilePath(level, index, width));
  }

  async checkpoints(): Promise<readonly string[]> {
    return this.notes;
  }

  async *entries(): AsyncIterable<readonly LabEntry[]> {
    for (let at = 0; at < this.entriesOf.length; at += this.#batch) yield this.entriesOf.slice(at, at + this.#batch);
  }
}

export const tilePath = (level: number, index: number, width: number): string =>
  `tile/${level}/${String(index).padStart(3, '0')}${width < 256 ? `.p/${width}` : ''}`;

function tilesOf(leaves: readonly Buffer[]): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  for (let [level, hashes] = [0, leaves]; hashes.length > 0; level++) {
    const above: Buffer[] = [];
    for (let at = 0; at < hashes.length; at += 256) {
      const part = hashes.slice(at, at + 256);
      tiles.set(tilePath(level, at / 256, part.length), Buffer.concat(part));
      if (part.length === 256) above.push(treeHead(part));
    }
    hashes = above;
  }
  return tiles;
}
