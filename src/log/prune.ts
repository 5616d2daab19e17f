/**
 * Retention: takes the content of old records out of a log in a store, and leaves a log that still verifies.
 *
 *   stays    every leaf hash, so every root, proof and checkpoint; records that tell of keys, gaps, beginnings and ends;
 *            records of evidence on hold
 *   goes     the other records of full tiles, and their sidecars, where the newest of a tile is older than `before`
 *   tells    `pruned`: a note that the deployment's key signs, put there before anything goes
 *
 * Relies on: a store that can delete; tlog, note, signers. Refuses: to touch the newest tile and what is not full: the
 * writer of the log may be at work. Whoever holds the key may prune; without its note a verifier calls the log incomplete.
 */
import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { PRUNED_PATH, parsePruned, prunedText } from '../formats/pruned';
import {
  GAP,
  GENESIS,
  HOLD,
  ID,
  ID_BYTES,
  KEY,
  KIND,
  KINDS,
  PANIC,
  PRUNED,
  RELEASED,
  RESUME,
  TIME,
} from '../formats/record';
import {
  detailsPath,
  entriesOf,
  entriesPath,
  HASH_BYTES,
  originPath,
  TILE_WIDTH,
  tilePath,
  unbundle,
} from '../formats/tlog';
import { signNote } from '../signers/index';
import type { LogStore, Signer } from '../types/index';
import { integer, object, readGroup, wrongKind } from '../validate/index';
import { asked } from './asking';

/** Records without which the rest could not be checked, or which tell what was done to it. */
const FIRM: ReadonlySet<number> = new Set([
  ...[GENESIS, PANIC, RESUME, KEY, GAP, HOLD, RELEASED, PRUNED],
  ...['CLOSE', 'CONFIG', 'ANCHOR', 'ERASED'].map((name) => KINDS.indexOf(name)),
]);

export interface PruneOptions {
  /** Name of the log. */
  readonly origin: string;
  /** Unix ms: records that are older may lose their content. */
  readonly before: number;
  /** The deployment's key. */
  readonly signer: Signer;
}

/** What was done. */
export interface PrunedLog {
  /** Records below this one may be without content now. */
  readonly to: number;
  /** Records that lost their content in this run, and those below `to` that keep it. */
  readonly pruned: number;
  readonly kept: number;
}

/**
 * Prunes the log `origin` of `store`. Run again, it goes on where it was stopped. Rejects with `NOT_FOUND` when there is no
 * such log, `UNSUPPORTED` where the store cannot delete, `LOG_CONFLICT` when somebody else prunes it at the same time,
 * `SIGNER_FAILED` and `STORE_FAILED`.
 *
 * @example
 * await pruneLog(store, { origin: 'example.com/log', before: Date.now() - 90 * 86_400_000, signer });
 */
export async function pruneLog(store: LogStore, options: PruneOptions): Promise<PrunedLog> {
  const { origin, before, signer } = readPruneOptions(options);
  if (typeof object('pruneLog.store', store ?? null, 'a LogStore') !== 'object' || store.delete === undefined) {
    throw new TracehoundError('UNSUPPORTED', 'pruneLog.store: cannot delete, expected a store with `delete`, got none');
  }
  const run = new Pruning(store, origin);
  const old = await run.find(before);
  if (old.tiles > 0) await run.tell(signer, before, old.tiles * TILE_WIDTH);
  return run.take(old);
}

function readPruneOptions(options: PruneOptions): PruneOptions {
  const given = readGroup('pruneLog', 'pruneLog.', options ?? null, ['origin', 'before', 'signer']);
  if (typeof given.origin !== 'string') throw wrongKind('pruneLog.origin', 'the name of a log', given.origin);
  if (given.before === undefined) throw wrongKind('pruneLog.before', 'a time in unix ms', given.before);
  const signer = object('pruneLog.signer', given.signer ?? null, 'a Signer') as Signer;
  return { origin: given.origin, before: integer('pruneLog.before', given.before, 0, 0, 8.64e15, 'ms'), signer };
}

interface Old {
  /** Tiles from the first on of which every record is old enough. */
  readonly tiles: number;
  /** Ids of evidence on hold. */
  readonly held: ReadonlySet<string>;
}

class Pruning {
  readonly #store: LogStore;
  readonly #origin: string;
  readonly #prefix: string;

  constructor(store: LogStore, origin: string) {
    this.#store = store;
    this.#origin = origin;
    this.#prefix = `${originPath(origin)}/`;
  }

  #get(path: string): Promise<Uint8Array | undefined> {
    return asked('get', () => this.#store.get(this.#prefix + path));
  }

  /** Reads the log: how far it is old enough, and which evidence somebody holds, wherever the log says so. */
  async find(before: number): Promise<Old> {
    const checkpoint = await this.#get('checkpoint');
    if (checkpoint === undefined) {
      throw new TracehoundError('NOT_FOUND', 'pruneLog: no such log in the store, expected a checkpoint, got none');
    }
    const full = Math.floor(parseCheckpoint(parseNote(checkpoint).text).size / TILE_WIDTH);
    const held = new Set<string>();
    let tiles = 0;
    for (let index = 0; index < full; index++) {
      const records = unbundle(await this.#get(entriesPath(index, TILE_WIDTH)));
      for (const record of records) if (record !== null) noteHold(record, held);
      const newest = records.findLast((record) => record !== null);
      // The newest tile is left alone, and so is everything behind the first that is too young.
      if (tiles === index && index < full - 1 && (newest == null || recordTime(newest) < before)) tiles++;
    }
    return { tiles, held };
  }

  /** Says in the store what will be gone, before it is. */
  async tell(signer: Signer, before: number, to: number): Promise<void> {
    const found = await this.#get(PRUNED_PATH);
    const said = found && parsePruned(parseNote(found).text);
    if (said !== undefined && said.to >= to && said.before >= before) return;
    const facts = {
      origin: this.#origin,
      to: Math.max(to, said?.to ?? 0),
      before: Math.max(before, said?.before ?? 0),
    };
    const note = new TextEncoder().encode(await signNote(prunedText(facts), [signer]));
    if ((await asked('swap', () => this.#store.swap(this.#prefix + PRUNED_PATH, note, found))) === 'swapped') return;
    throw new TracehoundError(
      'LOG_CONFLICT',
      'pruneLog: somebody else prunes this log, expected to be alone, got another',
    );
  }

  async take({ tiles, held }: Old): Promise<PrunedLog> {
    let [pruned, kept] = [0, 0];
    for (let index = 0; index < tiles; index++) {
      const entries = await this.#get(entriesPath(index, TILE_WIDTH));
      const hashes = await this.#get(tilePath(0, index, TILE_WIDTH));
      // Without its hashes a tile must stay as it is: the root could not be computed any more.
      if (entries === undefined || hashes?.length !== TILE_WIDTH * HASH_BYTES) continue;
      const records = unbundle(entries);
      const isKept = records.map(
        (record) => record !== null && (FIRM.has(record[KIND] as number) || held.has(evidenceKey(record))),
      );
      await this.#replace(detailsPath(index, TILE_WIDTH), isKept);
      pruned += records.filter((record, i) => record !== null && !isKept[i]).length;
      kept += isKept.filter((each) => each).length;
      await this.#replace(entriesPath(index, TILE_WIDTH), isKept);
    }
    return { to: tiles * TILE_WIDTH, pruned, kept };
  }

  /** Leaves of a bundle what is kept; nothing of it where nothing is. */
  async #replace(path: string, isKept: readonly boolean[]): Promise<void> {
    const key = this.#prefix + path;
    const bytes = await this.#get(path);
    if (bytes === undefined) return;
    const left = unbundle(bytes).map((entry, i) => (isKept[i] ? entry : null));
    if (left.every((entry) => entry === null)) {
      await asked('delete', async () => this.#store.delete?.(key) ?? false);
      return;
    }
    const next = entriesOf(left);
    if (next.length < bytes.length) await asked('swap', () => this.#store.swap(key, next, bytes));
  }
}

function noteHold(record: Uint8Array, held: Set<string>): void {
  if (record[KIND] === HOLD) held.add(evidenceKey(record));
  if (record[KIND] === RELEASED) held.delete(evidenceKey(record));
}

const evidenceKey = (record: Uint8Array): string => toHex(record.subarray(ID, ID + ID_BYTES));
const recordTime = (record: Uint8Array): number =>
  Number(new DataView(record.buffer, record.byteOffset + TIME, 8).getBigUint64(0));
