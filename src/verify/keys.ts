/**
 * The keys that a log names in its KEY records, one an epoch, and why each of them is to be trusted or not.
 *
 *   epoch 0        1             2                      pinned: the policy names the key itself
 *   ──────────┬─ KEY ───────┬─ KEY ──────────           delegated: a key of the policy signed its note
 *             │ note signed by new key, deployment      descended: the key before, trusted itself, signed its note
 *
 * Relies on: note, signature, policy. Refuses: to let a log choose its own keys. One that nobody whom the reader trusts
 * vouches for is unknown, however well everything else fits.
 */
import { toBase64, toHex } from '../formats/bytes';
import { type Note, parseNote, parseVerifierKey, type VerifierKey } from '../formats/note';
import type { Findings, Spot } from './findings';
import { fieldsOf, hexOf, invalid, readJson, textOf } from './json';
import { checkNote, type MacKeys } from './signature';

const TITLE = 'tracehound/key/v1';
/** How far back a note may name its place, in records (docs/format.md). */
export const KEY_NOTE_REACH = 4_096;
const SIDECAR = { characters: 65_536, depth: 1, marks: 16 };
const SALT_BYTES = 16;
/** One byte numbers them: in a log that has more, one has been called wrong already. */
const EPOCHS_MAX = 256;

export interface Epoch {
  readonly number: number;
  /** Its KEY record; where that is not there to be read, the first record that may have been it. */
  readonly seq: number;
  /** Absent when the KEY record or its note is not there to be read, or is wrong. */
  readonly key?: VerifierKey;
  readonly note?: Note;
  /** The epoch whose number is one less, the newest of that number when this one began. */
  readonly before: Epoch | undefined;
  trusted: boolean;
}

/** What a KEY record's note says. */
interface Claim {
  readonly note: Note;
  readonly key: VerifierKey;
  readonly size: number;
  readonly link: string;
}

export class Keys {
  readonly #findings: Findings;
  readonly #epochs: Epoch[] = [];
  /** The newest epoch of each number. */
  readonly #newest: (Epoch | undefined)[] = [];
  /** Number in force at the newest record. */
  current = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /**
   * A record's epoch byte: only KEY raises it, and by one. `hiddenFrom`: first of the records before this one whose content
   * is not available, which may have been KEY. A key that nobody can read any more is missed by heads that it signed, and by
   * keys for which only it vouches; whatever a later key signs does not need it.
   */
  enter(number: number, isKey: boolean, hiddenFrom: number | undefined, spot: Spot): void {
    const expected = isKey ? this.current + 1 : this.current;
    if (number === expected) {
      this.current = number;
      return;
    }
    if (hiddenFrom !== undefined && number > expected) {
      const message = `key epoch ${isKey ? number - 1 : number} began in a record that is not available`;
      this.#findings.note('authenticity', 'KEY_UNAVAILABLE', message, spot);
      this.#begin({ number: isKey ? number - 1 : number, seq: hiddenFrom });
    } else {
      this.#findings.bad('integrity', 'EPOCH', `key epoch ${number}, expected ${expected}`, spot);
    }
    this.current = number;
  }

  /** A KEY record, after `enter`. `linkAt(n)`: what record n must have as its link, where that is still known. */
  add(
    seq: number,
    origin: string | undefined,
    detail: Uint8Array | undefined,
    linkAt: (n: number) => Uint8Array | undefined,
    spot: Spot,
  ): void {
    const number = this.current;
    if (detail === undefined) {
      this.#begin({ number, seq });
      this.#findings.note('authenticity', 'KEY_UNAVAILABLE', `the note of key ${number} is not available`, spot);
      return;
    }
    try {
      const { key, note, size, link } = readClaim(detail, origin, number);
      if (size > seq || size < seq - KEY_NOTE_REACH)
        throw invalid('key note', 'another place', 'one shortly before it');
      const expected = linkAt(size);
      if (expected !== undefined && toBase64(expected) !== link) throw invalid('key note', 'another log', 'this one');
      this.#begin({ number, seq, key, note });
    } catch (error) {
      this.#begin({ number, seq });
      this.#findings.bad('authenticity', 'KEY_NOTE', (error as Error).message, spot);
    }
  }

  /** The epoch in force at record `size` − 1; `undefined` in epoch 0. */
  at(size: number): Epoch | undefined {
    return this.#epochs.findLast(({ seq }) => seq < size);
  }

  #begin(facts: Omit<Epoch, 'before' | 'trusted'>): void {
    const epoch = { ...facts, before: this.#newest[facts.number - 1], trusted: false };
    this.#newest[facts.number] = epoch;
    if (this.#epochs.length < EPOCHS_MAX) this.#epochs.push(epoch);
  }

  get all(): readonly Epoch[] {
    return this.#epochs;
  }

  /** Decides for each key whether it is to be trusted. */
  async judge(pinned: readonly VerifierKey[], macKeys: MacKeys | undefined): Promise<void> {
    for (const epoch of this.#epochs) {
      const { key, note, seq, before: previous } = epoch;
      if (key === undefined || note === undefined) continue;
      const spot = { seq };
      const own = await checkNote(note, key, macKeys);
      if (own === 'unsupported') {
        this.#findings.unknown('authenticity', 'UNSUPPORTED', `keys of type ${key.type} cannot be checked here`, spot);
        continue;
      }
      if (own !== 'good') {
        this.#findings.bad('authenticity', 'KEY_NOTE', 'the note of a key is not signed by that key', spot);
        continue;
      }
      const vouchers = [...pinned, ...(previous?.key === undefined ? [] : [previous.key])];
      // A key of the policy vouches for itself: its own signature is among these.
      for (const voucher of vouchers) {
        const checked = await checkNote(note, voucher, macKeys);
        if (checked === 'bad') {
          this.#findings.bad(
            'authenticity',
            'KEY_FORGED',
            'the note of a key has a signature that does not verify',
            spot,
          );
        }
        const isTrusted = voucher !== previous?.key || previous.trusted;
        if (checked === 'good' && isTrusted) epoch.trusted = true;
      }
    }
  }
}

export const isSameKey = (a: VerifierKey, b: VerifierKey): boolean =>
  a.name === b.name && a.type === b.type && toHex(a.key) === toHex(b.key);

function readClaim(detail: Uint8Array, origin: string | undefined, epoch: number): Claim {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(detail);
  } catch {
    throw invalid('key note', 'no text', 'UTF-8');
  }
  const fields = fieldsOf('key note', readJson('key note', text, SIDECAR), ['note', 'salt']);
  hexOf('key note salt', fields.salt, SALT_BYTES);
  const note = parseNote(textOf('key note', fields.note, /\n$/, 'a signed note'));
  const lines = note.text.split('\n');
  const [title, log, number = '', vkey = '', size = '', link = ''] = lines;
  if (title !== TITLE || lines.length !== 7) throw invalid('key note', 'another text', `six lines, the first ${TITLE}`);
  if (origin !== undefined && log !== origin) throw invalid('key note', 'of another log', 'the name of this one');
  if (number !== String(epoch)) throw invalid('key note', 'of another epoch', String(epoch));
  const key = parseVerifierKey(vkey);
  if (key.name !== log) throw invalid('key note', 'a key of another name', 'the name of the log');
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size)) throw invalid('key note', 'no size', 'a decimal integer');
  return { note, key, size: Number(size), link };
}
