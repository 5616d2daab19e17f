/**
 * Signed heads: those that a log brings with it and those that somebody else kept. Each says what the root was at a size;
 * the walk over the log stops there and compares.
 *
 * Relies on: note, keys, policy, signature. Refuses: to call a log authentic because of a head that was kept elsewhere:
 * whoever kept it trusts it already, and only its size and root are used.
 */

import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { type Checkpoint, EXTENDED, type Note, parseCheckpoint, parseNote, type VerifierKey } from '../formats/note';
import { count, type Findings, shown } from './findings';
import { type Epoch, isSameKey, type Keys } from './keys';
import { isQuorum, keysFor, type Policy } from './policy';
import { type Checked, checkNote, isBy, type MacKeys } from './signature';

/** Heads of a log that are looked at: the newest ones. */
const HEADS_MAX = 64;

export interface ReadHead extends Checkpoint {
  readonly note: Note;
  /** Kept elsewhere. */
  readonly known: boolean;
  /** The log has this root at this size. */
  matches?: boolean;
}

/** With what signatures are judged. */
export interface Trust {
  readonly policy: Policy | undefined;
  readonly macKeys: MacKeys | undefined;
}

export class KnownHeads {
  readonly #findings: Findings;
  /** By rising size. */
  readonly #heads: ReadHead[];
  #next = 0;
  /** The newest head that the log brings with it. */
  readonly newest: ReadHead | undefined;
  /** The log brought something that is no head. */
  readonly damaged: boolean;
  /** Name of the log that is read; heads of another one say nothing of it. */
  origin: string | undefined;

  constructor(notes: readonly string[], known: readonly string[], findings: Findings) {
    this.#findings = findings;
    const own: ReadHead[] = [];
    let damaged = false;
    for (const [i, text] of notes.slice(-HEADS_MAX).entries()) {
      try {
        own.push(headOf(text, false));
      } catch (error) {
        if (!(error instanceof TracehoundError)) throw error;
        damaged = true;
        findings.bad('authenticity', 'CHECKPOINT', `checkpoint ${i + 1}: ${error.message}`, { place: 'checkpoint' });
      }
    }
    this.damaged = damaged;
    // By size, not by place: whoever hands heads over in another order must not make an old one the newest.
    this.newest = own.reduceRight<ReadHead | undefined>(
      (newest, head) => (newest && newest.size >= head.size ? newest : head),
      undefined,
    );
    this.origin = this.newest?.origin;
    this.#heads = [...own, ...known.map((text) => headOf(text, true))].sort((a, b) => a.size - b.size);
  }

  /** Size at which somebody wants to know the root next; infinite when nobody does. */
  get next(): number {
    return this.#heads[this.#next]?.size ?? Number.POSITIVE_INFINITY;
  }

  /** The log has `size` leaves and this root; `undefined` when nobody can compute it. */
  reach(size: number, root: Uint8Array | undefined): void {
    for (let head = this.#heads[this.#next]; head?.size === size; head = this.#heads[++this.#next]) {
      if (root !== undefined && head.origin === this.origin) head.matches = toHex(root) === toHex(head.root);
      if (head.matches === false) this.#mismatch(head);
    }
  }

  /** Nobody can compute the roots at sizes below `size` any more. */
  skip(size: number): void {
    while (this.next < size) this.#next++;
  }

  #mismatch({ known, size }: ReadHead): void {
    if (known) {
      const message = `the first ${count(size, 'record')} are not those of a checkpoint that was kept elsewhere`;
      this.#findings.bad('integrity', 'REWRITTEN', message);
    } else {
      const message = `the first ${count(size, 'record')} are not those that were signed`;
      this.#findings.bad('integrity', 'ROOT', message, { place: 'checkpoint' });
    }
  }

  /** The log has ended at `size`; whoever is left wanted more. */
  end(size: number): void {
    for (const { matches, ...head } of this.#heads) {
      const place = head.known ? {} : { place: 'checkpoint' };
      if (head.origin !== this.origin) {
        const message = `a checkpoint is of the log ${shown(head.origin)}, not of ${shown(this.origin ?? '')}`;
        if (head.known) this.#findings.unknown('integrity', 'KNOWN_ORIGIN', message);
        else this.#findings.bad('integrity', 'ORIGIN', message, place);
      } else if (head.size > size) {
        const message = `${count(size, 'record')}, but a checkpoint ${head.known ? 'kept elsewhere ' : ''}says ${head.size}`;
        this.#findings.bad('completeness', head.known ? 'ROLLED_BACK' : 'TRUNCATED', message, place);
      } else if (matches === undefined) {
        const message = `nobody can compute the root at size ${head.size}, because leaves before it are missing`;
        this.#findings.unknown('integrity', 'ROOT_UNKNOWN', message, place);
      }
    }
  }

  /** Judges the signatures of every head that the log brought. `size`: leaves that were read. */
  async judge(origin: string, size: number, keys: Keys, trust: Trust): Promise<void> {
    for (const head of this.#heads) {
      if (!head.known) await this.#judge(head, origin, head.size > size, keys, trust);
    }
    if (this.newest !== undefined && trust.policy !== undefined) await this.#quorum(this.newest, trust.policy);
  }

  async #judge({ note, size }: ReadHead, origin: string, beyond: boolean, keys: Keys, trust: Trust): Promise<void> {
    const pinned = pinnedKeys(origin, trust);
    const epoch = keys.at(size);
    const inForce = epochsInForce(epoch, size);
    const own = inForce.flatMap(({ key }) => key ?? []);
    const checked: { key: VerifierKey; result: Checked }[] = [];
    for (const key of [...pinned, ...own.filter((each) => !pinned.some((other) => isSameKey(each, other)))]) {
      const result = await checkNote(note, key, trust.macKeys);
      if (result !== undefined) checked.push({ key, result });
    }
    const isTrusted = (key: VerifierKey): boolean =>
      pinned.includes(key) || inForce.some((each) => each.trusted && each.key === key);
    const place = { place: 'checkpoint' };
    if (checked.some(({ result }) => result === 'bad')) {
      this.#findings.bad('authenticity', 'SIGNATURE', `a signature of the head of size ${size} does not verify`, place);
    } else if (checked.some(({ key, result }) => result === 'good' && isTrusted(key))) {
      return;
    } else if (checked.some(({ result }) => result === 'good')) {
      const message = `the head of size ${size} is signed by a key for which nobody vouches whom you trust`;
      this.#findings.unknown('authenticity', 'UNTRUSTED_KEY', message, place);
    } else if (checked.length > 0) {
      const message = `the head of size ${size} is signed in a way that cannot be checked here`;
      this.#findings.unknown('authenticity', 'UNSUPPORTED', message, place);
    } else {
      this.#unsigned(size, pinned, own, beyond, stale(note, keys), origin);
    }
  }

  /** No signature by a key that counts. Where one must be there, that is forgery; elsewhere nobody can tell. */
  #unsigned(
    size: number,
    pinned: readonly VerifierKey[],
    own: readonly VerifierKey[],
    beyond: boolean,
    number: number | undefined,
    origin: string,
  ): void {
    const place = { place: 'checkpoint' };
    // A key of tags is made from the log's name: that nothing bears it may also mean that the master is another's.
    const must = own.length > 0 || pinned.some(({ name, type }) => name === origin && type !== EXTENDED);
    const by = number === undefined ? '' : `, but by that of epoch ${number}`;
    const message = `the head of size ${size} is not signed by the key that was in force${by}`;
    if (must && !beyond) this.#findings.bad('authenticity', 'NOT_SIGNED', message, place);
    else if (pinned.length === 0) {
      this.#findings.unknown('authenticity', 'NO_KEY', 'no key is known that could have signed: give a policy', place);
    } else this.#findings.unknown('authenticity', 'NOT_SIGNED', message, place);
  }

  /** The newest head must have been seen by the witnesses that the policy asks for. */
  async #quorum({ note }: ReadHead, policy: Policy): Promise<void> {
    const place = { place: 'checkpoint' };
    const signed = new Set<string>();
    const unsupported: string[] = [];
    for (const [name, key] of policy.witnesses) {
      const result = await checkNote(note, key);
      if (result === 'good') signed.add(name);
      else if (result === 'unsupported') unsupported.push(name);
      else if (result === 'bad') {
        this.#findings.bad(
          'authenticity',
          'WITNESS',
          `the cosignature of witness ${shown(name)} does not verify`,
          place,
        );
      }
    }
    if (isQuorum(policy, signed)) return;
    const more = unsupported.length > 0 ? `; ${count(unsupported.length, 'cosignature')} cannot be checked here` : '';
    const message = `seen by ${signed.size} of ${count(policy.witnesses.size, 'witness', 'witnesses')}, which is no quorum${more}`;
    this.#findings.unknown('authenticity', 'QUORUM', message, place);
  }
}

/** Keys that need nobody to vouch for them: those of the policy, and those that the master of tags gives. */
export function pinnedKeys(origin: string, { policy, macKeys }: Trust): readonly VerifierKey[] {
  return [...(policy === undefined ? [] : keysFor(policy, origin)), ...(macKeys?.keysOf(origin) ?? [])];
}

/** While KEY is the last record, the key before may still sign. */
function epochsInForce(epoch: Epoch | undefined, size: number): Epoch[] {
  if (epoch === undefined) return [];
  const before = epoch.seq === size - 1 ? epoch.before : undefined;
  return before === undefined ? [epoch] : [epoch, before];
}

/** The epoch whose key a note names although it was not in force; whether the signature is genuine does not matter. */
function stale(note: Note, keys: Keys): number | undefined {
  const isNamed = ({ key }: Epoch): boolean => key !== undefined && note.signatures.some((line) => isBy(line, key));
  return keys.all.find(isNamed)?.number;
}

function headOf(text: string, known: boolean): ReadHead {
  const note = parseNote(text);
  return { ...parseCheckpoint(note.text), note, known };
}
