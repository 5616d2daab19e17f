/**
 * The objects of one log in its store: put where there is nothing, the head swapped, what a later part holds taken away.
 *
 * Relies on: a store, which is *not trusted*: at most it loses or withholds what it was given, and whoever verifies is told.
 * Refuses: to overwrite what somebody else may have signed, and to write behind another writer of the same log (one origin,
 * one writer).
 */
import { compareBytes } from '../engine/index';
import { TracehoundError } from '../errors';
import { formatNote, type NoteSignature, parseNote } from '../formats/note';
import { originPath, TILE_WIDTH } from '../formats/tlog';
import type { AskedStore } from './asking';
import type { LogTroubles } from './keeper';
import type { StoredObject } from './segments';

/** Signatures that a writer leaves on a head: of its key, of the one before, of the deployment's. A claim comes after. */
const OWN_SIGNATURES = 3;
/** Heads of which nobody knows whether the store took them. */
const SENT_MAX = 16;
/** Parts that are still to be taken away: of more, the oldest stay where they are. */
const DEAD_MAX = 4_096;
/** Of a tile or a bundle: level or sort, number, and the width while it is not full. */
const TILE = /^tile\/(?<sort>[0-9]+|entries|details)\/(?<number>[x0-9/]+)(?:\.p\/(?<width>[0-9]+))?$/;

export class LogObjects {
  readonly #store: AskedStore;
  readonly #trouble: LogTroubles;
  readonly #prefix: string;
  /** What `checkpoint` holds, as far as we know. */
  #checkpoint: Uint8Array | undefined;
  /** Heads that were sent and not answered: each may have been taken, or be taken yet. */
  #sent: Uint8Array[] = [];
  #stopped: TracehoundError | undefined;
  /** Parts that lie beside the head in force, and those that it does not need any more. */
  #beside: Set<string>;
  #dead: string[] = [];
  /** The widest part of each tile, 256 where it is full, since nothing narrower is needed. */
  readonly #widths = new Map<string, number>();

  constructor(
    store: AskedStore,
    origin: string,
    trouble: LogTroubles,
    checkpoint: Uint8Array | undefined,
    parts: readonly string[],
  ) {
    this.#store = store;
    this.#trouble = trouble;
    this.#prefix = `${originPath(origin)}/`;
    this.#checkpoint = checkpoint;
    this.#beside = new Set();
    this.#note(parts);
  }

  /** The newest head that lies in the store. */
  get checkpoint(): Uint8Array | undefined {
    return this.#checkpoint;
  }

  /** Why this log is not written any more. */
  get stopped(): TracehoundError | undefined {
    return this.#stopped;
  }

  /** Puts these objects, each where there is nothing. What is there already must be the same, or what nobody ever signed. */
  async create(objects: readonly StoredObject[]): Promise<void> {
    // Records last: a reader that finds them finds their sidecars and their tile, whenever the writer was killed.
    const [last, first] = [objects.filter(isEntries), objects.filter((object) => !isEntries(object))];
    await Promise.all(first.map((object) => this.#create(object)));
    await Promise.all(last.map((object) => this.#create(object)));
    this.#note(objects.map(([path]) => path));
  }

  #note(paths: readonly string[]): void {
    for (const path of paths) {
      const { tile, width } = partOf(path);
      if (width < TILE_WIDTH) this.#beside.add(path);
      if (tile !== undefined) this.#widths.set(tile, Math.max(width, this.#widths.get(tile) ?? 0));
    }
  }

  async #create([path, bytes]: StoredObject): Promise<void> {
    const key = this.#prefix + path;
    if ((await this.#store.putIfAbsent(key, bytes)) === 'created') return;
    const found = await this.#store.get(key);
    if (equal(found, bytes)) return;
    if (found !== undefined && (await this.#isOrphan())) {
      if ((await this.#store.swap(key, bytes, found)) === 'swapped') return;
    }
    throw this.#stop(
      new TracehoundError('LOG_CONFLICT', `store: ${path} is another's, expected our bytes, got others`),
    );
  }

  /**
   * Whether what was found is of a writer before us, who did not live to sign it. We claimed the log before we wrote; a
   * writer that claims it after us does so before writing, too. So as long as the head is ours, what was there before we
   * looked at the head is of no writer after us.
   */
  async #isOrphan(): Promise<boolean> {
    return equal(await this.#store.get(`${this.#prefix}checkpoint`), this.#checkpoint);
  }

  /**
   * Says in the store that we are the writer from here on: the head that somebody left stays, with one more signature, of
   * a key that is only ours. Any other writer finds another head than the one it left, and stops.
   */
  async claim(sign: (text: string) => Promise<string>, signed: number): Promise<void> {
    if (this.#checkpoint === undefined) return;
    const { text, signatures } = parseNote(this.#checkpoint);
    const [ours] = parseNote(await sign(text)).signatures;
    await this.#swapHead(formatNote(text, [...signatures.slice(0, OWN_SIGNATURES), ours as NoteSignature]), signed);
  }

  /** Puts a head in the place of the one in force, which is of `signed` records. `tail`: the pieces of tail that it needs. */
  async publish(note: string, signed: number, tail: readonly string[]): Promise<void> {
    await this.#swapHead(note, signed);
    const parts = [...this.#beside];
    const needs = (path: string): boolean => {
      const { tile, width } = partOf(path);
      return tile === undefined ? tail.includes(path) : width === this.#widths.get(tile);
    };
    this.#beside = new Set(parts.filter(needs));
    for (const [tile, width] of this.#widths) if (width === TILE_WIDTH) this.#widths.delete(tile);
    // A reader that has read the head before this one finds its parts gone, and the new head in its place.
    this.#dead.push(...parts.filter((path) => !needs(path)));
    await this.#clear();
  }

  async #swapHead(note: string, signed: number): Promise<void> {
    const key = `${this.#prefix}checkpoint`;
    const bytes = new TextEncoder().encode(note);
    for (;;) {
      const answer = this.#store.swap(key, bytes, this.#checkpoint);
      // Until it is answered it may have been taken.
      if (!this.#sent.some((each) => equal(each, bytes))) this.#sent = [...this.#sent, bytes].slice(-SENT_MAX);
      if ((await answer) === 'swapped') break;
      const found = await this.#store.get(key);
      if (equal(found, bytes)) break;
      // One that we sent before, and of which only the answer was lost?
      if (found === undefined || equal(found, this.#checkpoint) || !this.#sent.some((each) => equal(each, found))) {
        throw this.#stop(conflict(found, signed));
      }
      this.#checkpoint = found;
    }
    this.#checkpoint = bytes;
    this.#sent = [];
  }

  /** Takes away what no head needs any more. What cannot be taken away now is tried once more beside the next head. */
  async #clear(): Promise<void> {
    const { remove } = this.#store;
    const dead = this.#dead.splice(0);
    if (remove === undefined || dead.length === 0) return;
    const gone = await Promise.allSettled(dead.map((path) => remove(this.#prefix + path)));
    const left = dead.filter((_, i) => gone[i]?.status === 'rejected');
    this.#dead = left.slice(-DEAD_MAX);
    if (left.length > 0) this.#trouble.raise('LOG_LEFTOVERS', { count: left.length });
    else this.#trouble.end('LOG_LEFTOVERS');
  }

  #stop(error: TracehoundError): TracehoundError {
    this.#stopped ??= error;
    this.#trouble.raise('LOG_STOPPED', { code: error.code });
    return error;
  }
}

const isEntries = ([path]: StoredObject): boolean => path.startsWith('tile/entries/');

/** The tile that a part belongs to, and how much of it there is; a piece of the tail belongs to none. */
function partOf(path: string): { tile: string | undefined; width: number } {
  const { sort, number, width } = TILE.exec(path)?.groups ?? {};
  if (sort === undefined) return { tile: undefined, width: 0 };
  // The records of a tile, their sidecars and their hashes are stored together.
  const level = sort === 'entries' || sort === 'details' ? '0' : sort;
  return { tile: `${level}/${number}`, width: width === undefined ? TILE_WIDTH : Number(width) };
}

/** What it means that `checkpoint` is not what this writer left there. */
function conflict(found: Uint8Array | undefined, signed: number): TracehoundError {
  const theirs = found === undefined ? 0 : Number(new TextDecoder().decode(found).split('\n')[1]);
  const expected = `expected the head of size ${signed} that we left`;
  if (found === undefined || theirs < signed) {
    const got = found === undefined ? 'none' : String(theirs);
    return new TracehoundError('LOG_ROLLBACK', `store: went backwards, ${expected}, got ${got}`);
  }
  return new TracehoundError('LOG_CONFLICT', `store: another writer of this origin, ${expected}, got its head`);
}

const equal = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && compareBytes(a, 0, b, 0, a.length) === 0;
