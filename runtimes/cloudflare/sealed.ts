/**
 * One row of an object's memory, sealed: salt 16 │ nonce 12 │ AES-256-GCM under HMAC-SHA-256(secret, label ‖ salt).
 *
 * A salt of its own for each time the object wakes, and a counter for a nonce: under one key no nonce comes twice (NIST SP
 * 800-38D §8.2.1), so salt and nonce, the *head* of a row, name one row of all that were ever sealed.
 *
 * Relies on: Web Crypto. Refuses: to open a row as anything but what it was sealed as (`as`).
 */
import { sealKey } from '../../src/formats/seal';

const LABEL = new TextEncoder().encode('tracehound/v1/object-memory');
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
export const ROW_HEAD_BYTES: number = SALT_BYTES + NONCE_BYTES;

type Bytes = Uint8Array<ArrayBuffer>;

export class Sealer {
  readonly #secret: Uint8Array;
  readonly #keys = new Map<string, Promise<CryptoKey>>();
  readonly #salt = new Uint8Array(SALT_BYTES);
  #nonce = 0;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** The head of the next row. */
  head(): Bytes {
    // The first nonce draws the salt: nothing random before somebody asks.
    if (this.#nonce === 0) crypto.getRandomValues(this.#salt);
    const head = new Uint8Array(ROW_HEAD_BYTES);
    head.set(this.#salt);
    new DataView(head.buffer).setFloat64(SALT_BYTES, this.#nonce++);
    return head;
  }

  /** `bytes` as the row that begins with `head`. */
  async close(head: Bytes, as: string, bytes: Bytes): Promise<Bytes> {
    const sealed = await crypto.subtle.encrypt(gcm(head, as), await this.#key(head), bytes);
    const row = new Uint8Array(head.length + sealed.byteLength);
    row.set(head);
    row.set(new Uint8Array(sealed), head.length);
    return row;
  }

  /** Rejects when `row` was not sealed under this secret, and as this. */
  async open(row: Bytes, as: string): Promise<Bytes> {
    const head = row.subarray(0, ROW_HEAD_BYTES);
    const key = await this.#key(head);
    return new Uint8Array(await crypto.subtle.decrypt(gcm(head, as), key, row.subarray(ROW_HEAD_BYTES)));
  }

  #key(head: Bytes): Promise<CryptoKey> {
    const salt = head.subarray(0, SALT_BYTES);
    const name = salt.join();
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const label = new Uint8Array(LABEL.length + SALT_BYTES);
    label.set(LABEL);
    label.set(salt, LABEL.length);
    const key = sealKey(this.#secret, label, ['encrypt', 'decrypt']);
    this.#keys.set(name, key);
    return key;
  }
}

const gcm = (head: Bytes, as: string): AesGcmParams => ({
  name: 'AES-GCM',
  iv: head.subarray(SALT_BYTES),
  additionalData: new TextEncoder().encode(as),
});
