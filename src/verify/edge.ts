/**
 * The end of a log in a store, read at once with its head: a writer that goes on takes away what a later part holds too, so
 * that a reader who came there last would find it gone.
 *
 * Relies on: tail, tlog; a `get` that answers bytes by path. Refuses: to judge. What is not there is not there.
 */
import { readLastTile } from '../formats/tail';
import { TILE_WIDTH, tilePath } from '../formats/tlog';
import { noteText } from './notes';
import { sizeSigned } from './signed';
import type { Get } from './source';

/** Levels of tiles in a tree of less than 2⁵³ leaves. */
const LEVELS = 7;
/** How often the head may move while its end is read. */
const LOOKS_MAX = 16;

export class Edge {
  readonly #get: Get;
  #looked: Promise<Uint8Array | undefined> | undefined;
  /** Parts beside the head. */
  #parts: Map<string, Uint8Array> = new Map();

  constructor(get: Get) {
    this.#get = get;
  }

  /** The head; asked for once. */
  checkpoint(): Promise<Uint8Array | undefined> {
    this.#looked ??= this.#look();
    return this.#looked;
  }

  /** What lay at `path` beside the head, else what lies there now. */
  get(path: string): Promise<Uint8Array | undefined> {
    const part = this.#parts.get(path);
    return part === undefined ? this.#get(path) : Promise.resolve(part);
  }

  async #look(): Promise<Uint8Array | undefined> {
    let head = await this.#get('checkpoint');
    for (let look = 0; look < LOOKS_MAX; look++) {
      const size = head === undefined ? undefined : sizeSigned([noteText(head)]);
      if (size === undefined || (await this.#readParts(size))) return head;
      const now = await this.#get('checkpoint');
      if (now === undefined || isSameBytes(now, head)) return head;
      head = now;
    }
    return head;
  }

  /** Reads what is not full at `size`; whether all of it was there. A store that fails here fails again where it is needed. */
  async #readParts(size: number): Promise<boolean> {
    this.#parts = new Map();
    const keep: Get = async (path) => {
      const bytes = await this.#get(path);
      if (bytes !== undefined) this.#parts.set(path, bytes);
      return bytes;
    };
    try {
      let isWhole = size % TILE_WIDTH === 0 || (await readLastTile(keep, size)) !== undefined;
      for (let level = 1; level < LEVELS; level++) {
        const count = Math.floor(size / TILE_WIDTH ** level);
        const width = count % TILE_WIDTH;
        if (width === 0) continue;
        isWhole = (await keep(tilePath(level, Math.floor(count / TILE_WIDTH), width))) !== undefined && isWhole;
      }
      return isWhole;
    } catch {
      return true;
    }
  }
}

export const isSameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a?.length === b?.length && (a === undefined || a.every((byte, i) => byte === b?.[i]));
