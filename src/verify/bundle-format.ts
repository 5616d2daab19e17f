/**
 * The evidence bundle as a file, taken apart while it is read (docs/format.md): the checkpoint, the item, its records one by
 * one. Nothing is checked against anything yet, and the payload passes by in pieces: a bundle is as large as its evidence.
 *
 * Relies on: canonical, json, proof. Refuses: keys that it does not know, values of another shape, and more of either than
 * an item can have.
 */
import { fromBase64, ILL_FORMED, utf8Length } from '../formats/bytes';
import { NOTE_BYTES_MAX } from '../formats/note';
import { RECORD_BYTES } from '../formats/record';
import { Sha256 } from '../formats/sha256';
import { CanonicalText, decodedPieces } from './canonical';
import { base64Of, hexOf, invalid, textOf } from './json';
import { type ProofText, parseProof } from './proof';

/** A bundle: its text, the bytes of it, or those bytes in pieces. */
export type BundleInput = Uint8Array | string | AsyncIterable<Uint8Array>;

const FORMAT = 'bundle/v1';
/** A payload of many megabytes in base64, and what belongs to it. */
export const BUNDLE_FILE_MAX: number = 2 ** 28;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Escaped, a character of a text takes six bytes at most; a line end of a note takes two. */
const WORD_BYTES_MAX = 6 * 256;
const NOTE_TEXT_MAX = 2 * NOTE_BYTES_MAX;
const PROOF_TEXT_MAX = NOTE_TEXT_MAX + 64 * 64;
const RECORD_TEXT_MAX = Math.ceil(RECORD_BYTES / 3) * 4 * 2;
const DETAIL_TEXT_MAX = Math.ceil(0xffff / 3) * 4;
const CHUNK_CHARACTERS = 65_536;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9a-f]{16}$/;
const CATEGORY = /^[a-z0-9_.-]{1,64}$/;
const SEVERITY = /^(?:low|medium|high|critical)$/;
const DETECTOR = /^.{1,256}$/su;

export interface ItemFile {
  readonly id: string;
  readonly category: string;
  readonly signature: string;
  readonly severity: string;
  readonly detector: string | null;
  readonly sourceTag: Uint8Array;
  readonly size: number;
  readonly truncated: boolean;
  readonly hash: Uint8Array;
  readonly salt: Uint8Array;
  /** Lowercase hex; `null` when the payload's own hash is in the signature. */
  readonly fingerprintHash: string | null;
  /** What the payload that passed by is: its SHA-256 and its length. */
  readonly payloadHash: Uint8Array;
  readonly payloadBytes: number;
}

export interface RecordFile {
  readonly record: Uint8Array;
  readonly detail: Uint8Array | undefined;
  readonly proof: ProofText;
}

/** Its parts are asked for in the order in which they stand. Everything rejects with `LOG_INVALID`, which names the part. */
export class BundleReader {
  readonly #text: CanonicalText;

  constructor(input: BundleInput) {
    this.#text = new CanonicalText(piecesOf(input), 'bundle', BUNDLE_FILE_MAX);
  }

  /** A signed note. */
  async checkpoint(): Promise<string> {
    await this.#text.literal('{"checkpoint":');
    const note = await this.#text.string('bundle.checkpoint', NOTE_TEXT_MAX);
    return textOf('bundle.checkpoint', note, /\n$/, 'a signed note');
  }

  /** The item. `onPayload` gets the evidence in pieces, before anybody can say whether it is the right one. */
  async item(onPayload: (bytes: Uint8Array) => void | Promise<void> = () => {}): Promise<ItemFile> {
    await this.#text.literal(',"item":{');
    const category = await this.#word('category', CATEGORY, 'a category');
    const detector = await this.#nullable(',"detector":', 'detector', (word) =>
      textOf('bundle.item.detector', word, DETECTOR, 'a short text or null'),
    );
    const fingerprintHash = await this.#nullable(',"fingerprintHash":', 'fingerprintHash', (word) => {
      hexOf('bundle.item.fingerprintHash', word, HASH_BYTES);
      return word;
    });
    const hash = await this.#hex('hash', HASH_BYTES);
    const id = await this.#word('id', ID, 'an id', ',');
    const payload = await this.#payload(onPayload);
    const salt = await this.#hex('salt', SALT_BYTES);
    const severity = await this.#word('severity', SEVERITY, 'low, medium, high or critical', ',');
    const signature = await this.#word('signature', /^[a-z0-9_.-]{1,64}:[0-9a-f]{64}$/, 'category:hex', ',');
    await this.#text.literal(',"size":', 'bundle.item');
    const size = await this.#text.integer('bundle.item.size');
    const sourceTag = await this.#hex('sourceTag', HASH_BYTES);
    await this.#text.literal(',"truncated":', 'bundle.item');
    const truncated = await this.#text.has('true', 'bundle.item.truncated');
    if (!truncated) await this.#text.literal('false', 'bundle.item.truncated');
    await this.#text.literal('}', 'bundle.item');
    const said = {
      id,
      category,
      signature,
      severity,
      detector,
      sourceTag,
      size,
      truncated,
      hash,
      salt,
      fingerprintHash,
    };
    return { ...said, ...payload };
  }

  /** The records, and whatever must stand behind them. */
  async *records(): AsyncGenerator<RecordFile> {
    await this.#text.literal(',"records":[');
    for (let i = 0; !(await this.#text.has(']')); i++) {
      if (i > 0) await this.#text.literal(',', 'bundle.records');
      yield await this.#record(`bundle.records[${i}]`);
    }
    await this.#text.literal(`,"tracehound":"${FORMAT}"}`);
    await this.#text.end();
  }

  /** Gives the rest up. */
  stop(): Promise<void> {
    return this.#text.stop();
  }

  async #word(name: string, pattern: RegExp, what: string, before = ''): Promise<string> {
    await this.#text.literal(`${before}"${name}":`, 'bundle.item');
    return textOf(`bundle.item.${name}`, await this.#text.string(`bundle.item.${name}`, WORD_BYTES_MAX), pattern, what);
  }

  async #nullable<T>(before: string, name: string, read: (word: string) => T): Promise<T | null> {
    await this.#text.literal(before, 'bundle.item');
    if (await this.#text.has('null', `bundle.item.${name}`)) return null;
    return read(await this.#text.string(`bundle.item.${name}`, WORD_BYTES_MAX));
  }

  async #hex(name: string, bytes: number): Promise<Uint8Array> {
    await this.#text.literal(`,"${name}":`, 'bundle.item');
    return hexOf(`bundle.item.${name}`, await this.#text.string(`bundle.item.${name}`, WORD_BYTES_MAX), bytes);
  }

  async #payload(
    onPayload: (bytes: Uint8Array) => void | Promise<void>,
  ): Promise<{ payloadHash: Uint8Array; payloadBytes: number }> {
    const part = 'bundle.item.payload';
    await this.#text.literal(',"payload":', 'bundle.item');
    const hash = new Sha256();
    let payloadBytes = 0;
    const pieces = decodedPieces(this.#text.ascii(part), fromBase64, () => invalid(part, 'wrong', 'base64'));
    for await (const piece of pieces) {
      hash.update(piece);
      payloadBytes += piece.length;
      await onPayload(piece);
    }
    return { payloadHash: hash.digest(), payloadBytes };
  }

  async #record(part: string): Promise<RecordFile> {
    await this.#text.literal('{"detail":', part);
    const detail = (await this.#text.has('null', `${part}.detail`))
      ? undefined
      : base64Of(`${part}.detail`, await this.#text.string(`${part}.detail`, DETAIL_TEXT_MAX));
    await this.#text.literal(',"proof":', part);
    const proof = await this.#text.string(`${part}.proof`, PROOF_TEXT_MAX);
    await this.#text.literal(',"record":', part);
    const record = base64Of(`${part}.record`, await this.#text.string(`${part}.record`, RECORD_TEXT_MAX));
    await this.#text.literal('}', part);
    return {
      record,
      detail,
      proof: parseProof(`${part}.proof`, textOf(`${part}.proof`, proof, /\n$/, 'a tlog-proof')),
    };
  }
}

async function* piecesOf(input: BundleInput): AsyncGenerator<Uint8Array> {
  if (typeof input !== 'string') {
    if (input instanceof Uint8Array) yield input;
    else yield* input;
    return;
  }
  if (input.length > BUNDLE_FILE_MAX) throw invalid('bundle', 'too long', `≤ ${BUNDLE_FILE_MAX} bytes`);
  if (utf8Length(input, Number.MAX_SAFE_INTEGER) === ILL_FORMED) throw invalid('bundle', 'half a character', 'text');
  for (let from = 0; from < input.length; ) {
    // Both halves of a character stay together.
    const end = from + CHUNK_CHARACTERS;
    const isHalf = (input.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    yield new TextEncoder().encode(input.slice(from, isHalf ? end + 1 : end));
    from = isHalf ? end + 1 : end;
  }
}
