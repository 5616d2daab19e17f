/**
 * Opens a log that somebody left in a store, for one instance to continue: verified from its first record to its head.
 *
 *   const resume = await openLog(store, { origin: 'example.com/log', keys: [vkey], known })
 *   createTracehound({ audit: { signer, log: storedLog(store, { resume }) } })
 *
 * Relies on: verify for what is there, tlog and tail for how it lies there. Refuses: to write; the instance claims the log
 * before its first record (writer.ts), and of two that opened one log the second to claim it ends the first.
 */

import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import { EPOCH } from '../formats/record';
import { type Leaves, readLastTile } from '../formats/tail';
import { entriesPath, Frontier, HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, tilePath, unbundle } from '../formats/tlog';
import type { LogStore, OpenedLog } from '../types/index';
import { callable, object, readGroup, wrongKind } from '../validate/index';
import { type Get, type LogReport, parsePolicy, storeSource, verifyLog } from '../verify/index';
import { objectsOf } from './asking';
import { faceOf, type Opened } from './opened';
import { Segments } from './segments';

export interface OpenLogOptions {
  /** Name of the log. */
  readonly origin: string;
  /** Verifier keys that are trusted to sign it: the deployment's (`signer.vkey`). */
  readonly keys: readonly string[];
  /** Checkpoints of this log that were kept elsewhere: it must hold what they say. */
  readonly known?: readonly string[];
  /** SHA-256 of the platform, if it has one that does not wait. */
  readonly digest?: (bytes: Uint8Array) => Uint8Array;
}

/**
 * Verifies the log `origin` of `store` and returns what `storedLog` needs to `resume`. Rejects with
 *
 * - `NOT_FOUND`: there is no such log;
 * - `LOG_INVALID`: it is damaged, or was tampered with; the message names the first record;
 * - `LOG_ROLLBACK`: it is older than one of `known`, or is not the same;
 * - `NOTE_UNVERIFIED`: none of `keys` vouches for its head;
 * - `STORE_FAILED`, `NOTE_INVALID` (a key or a checkpoint in the options).
 *
 * Throws `TypeError` or `RangeError`, as a rejection, for arguments that it cannot use. Content that its writer gave up (GAP,
 * low severity) is no reason to refuse a log. What lies behind its head was never signed and is not continued.
 *
 * @example
 * const resume = await openLog(store, { origin: 'example.com/log', keys: [signer.vkey] });
 * const th = createTracehound({ audit: { signer, log: storedLog(store, { resume }) } });
 */
export async function openLog(store: LogStore, options: OpenLogOptions): Promise<OpenedLog> {
  if (typeof object('openLog.store', store ?? null, 'a store') !== 'object' || typeof store.get !== 'function') {
    throw wrongKind('openLog.store.get', 'a function', store.get);
  }
  const { origin, keys, known, digest } = readOpenOptions(options);
  const get = objectsOf(store, origin);
  const checkpoint = await get('checkpoint');
  if (checkpoint === undefined) {
    throw new TracehoundError('NOT_FOUND', 'openLog: no such log in the store, expected a checkpoint, got none');
  }
  const policy = parsePolicy([...keys.map((key) => `log ${key}`), 'quorum none', ''].join('\n'));
  const { size } = parseCheckpoint(parseNote(checkpoint).text);
  const source = storeSource(signedOnly(get, checkpoint, size), { origin });
  const report = await verifyLog(source, { policy, ...(known && { known }), ...(digest && { digest }) });
  refuse(report);
  const found = await gather(get, checkpoint);
  return faceOf(found, toHex(found.root));
}

/** The options, each of its kind. */
function readOpenOptions(options: OpenLogOptions): OpenLogOptions {
  const given = readGroup('openLog', 'openLog.', options ?? null, ['origin', 'keys', 'known', 'digest']);
  if (typeof given.origin !== 'string') throw wrongKind('openLog.origin', 'the name of a log', given.origin);
  if (given.origin === '') throw new RangeError('openLog.origin: empty, expected the name of a log, got no character');
  const keys = texts('openLog.keys', given.keys, 'verifier keys, such as [signer.vkey]');
  if (keys.length === 0) throw new RangeError('openLog.keys: empty, expected at least one verifier key, got none');
  const known = given.known === undefined ? undefined : texts('openLog.known', given.known, 'checkpoints');
  const digest = callable('openLog.digest', given.digest) as OpenLogOptions['digest'];
  return { origin: given.origin, keys, ...(known && { known }), ...(digest && { digest }) };
}

function texts(part: string, value: unknown, expected: string): readonly string[] {
  if (!Array.isArray(value)) throw wrongKind(part, `an array of ${expected}`, value);
  const other = value.find((each) => typeof each !== 'string');
  if (other !== undefined || value.includes(undefined)) throw wrongKind(`${part}[]`, 'a string', other);
  return [...value];
}

/**
 * What `store` holds of the log `origin` for an instance that slept and still holds the log itself: read, and for the
 * instance to compare with what it holds, instead of verified. That may be nothing yet.
 */
export async function reopenLog(store: LogStore, origin: string): Promise<OpenedLog> {
  const get = objectsOf(store, origin);
  const checkpoint = await get('checkpoint');
  const found = checkpoint === undefined ? nothingOf(origin) : await gather(get, checkpoint);
  return faceOf({ ...found, isHeld: true }, toHex(found.root));
}

/** Of a log whose writer stopped before it had signed anything. */
function nothingOf(origin: string): Opened {
  const [frontier, segments] = [new Frontier(), new Segments()];
  const root = frontier.root();
  return {
    origin,
    size: 0,
    root,
    link: root,
    frontier,
    segments,
    checkpoint: undefined,
    parts: [],
    epoch: 0,
    isHeld: true,
  };
}

/** One reading of the head for all who ask, and nothing of what lies behind it. */
function signedOnly(get: Get, checkpoint: Uint8Array, size: number): Get {
  const behind = new Set([entriesPath(Math.floor(size / TILE_WIDTH), TILE_WIDTH)]);
  return async (path) => (path === 'checkpoint' ? checkpoint : behind.has(path) ? undefined : get(path));
}

function refuse({ integrity, authenticity, findings }: LogReport): void {
  const first = findings.find(({ severity }) => severity === 'bad');
  const said = first === undefined ? '' : ` (${first.message})`;
  if (findings.some(({ code }) => code === 'ROLLED_BACK' || code === 'REWRITTEN')) {
    throw new TracehoundError(
      'LOG_ROLLBACK',
      `openLog: not the log that is known${said}, expected what a known head says, got another log`,
    );
  }
  if (integrity !== 'good')
    throw new TracehoundError('LOG_INVALID', `openLog: not sound${said}, expected integrity, got ${integrity}`);
  if (authenticity !== 'good') {
    throw new TracehoundError(
      'NOTE_UNVERIFIED',
      `openLog: nobody trusted signed it${said}, expected a head by one of \`keys\`, got none`,
    );
  }
}

/** What lies in the store, as the head says. Throws `LOG_INVALID` when that cannot be. */
async function gather(get: Get, checkpoint: Uint8Array): Promise<Opened> {
  const { origin, size, root } = parseCheckpoint(parseNote(checkpoint).text);
  const levels = await upperTiles(get, size);
  const upper = new Frontier();
  for (let level = levels.length; level > 0; level--) {
    for (const hash of levels[level - 1] as Uint8Array[]) upper.appendSubtree(TILE_HEIGHT * level, hash);
  }
  const segments = new Segments(upper, levels);
  const frontier = upper.clone();
  const width = size % TILE_WIDTH;
  const index = Math.floor(size / TILE_WIDTH);
  const parts = levels.flatMap((hashes, i) => (hashes.length > 0 ? [partPath(size, i + 1)] : []));
  let link: Uint8Array;
  let own: readonly (Uint8Array | null)[] = [];
  if (width === 0) {
    link = (await tile(get, 0, index - 1, TILE_WIDTH)).at(-1) as Uint8Array;
  } else {
    const seen: string[] = [];
    const { leaves, records, sidecars } = await lastTile(
      (path) => get(path).then((bytes) => noted(bytes, path, seen)),
      size,
    );
    for (const [i, leaf] of leaves.entries()) {
      segments.append(leaf, records[i] ?? undefined, sidecars[i] ?? null);
      frontier.append(leaf);
    }
    link = leaves.at(-1) as Uint8Array;
    parts.push(...seen);
    own = records;
  }
  if (toHex(frontier.root()) !== toHex(root)) {
    throw new TracehoundError(
      'LOG_INVALID',
      'log: its tiles are of another tree, expected the root of the head, got another',
    );
  }
  const epoch = await lastEpoch(get, size, own);
  return { origin, size, root, link, frontier, segments, checkpoint, parts, epoch, isHeld: false };
}

/** Path of the newest tile of `level` while it is not full. */
function partPath(size: number, level: number): string {
  const count = Math.floor(size / TILE_WIDTH ** level);
  return tilePath(level, Math.floor(count / TILE_WIDTH), count % TILE_WIDTH);
}

function noted(bytes: Uint8Array | undefined, path: string, seen: string[]): Uint8Array | undefined {
  if (bytes !== undefined) seen.push(path);
  return bytes;
}

/** Leaf hashes, records and sidecars under the last tile of a log of `size` records, which is not full. */
async function lastTile(get: Get, size: number): Promise<Leaves> {
  const found = await readLastTile(get, size);
  if (found !== undefined) return found;
  const width = size % TILE_WIDTH;
  const path = tilePath(0, Math.floor(size / TILE_WIDTH), width);
  throw new TracehoundError('LOG_INVALID', `${path}: not usable, expected ${width} hashes, got none`);
}

/** The hashes in the newest tile of each level from 1 up, unless that is full: those are what the next hash comes after. */
async function upperTiles(get: Get, size: number): Promise<Uint8Array[][]> {
  const levels: Uint8Array[][] = [];
  for (
    let level = 1, count = Math.floor(size / TILE_WIDTH);
    count > 0;
    level++, count = Math.floor(count / TILE_WIDTH)
  ) {
    const width = count % TILE_WIDTH;
    levels.push(width === 0 ? [] : await tile(get, level, Math.floor(count / TILE_WIDTH), width));
  }
  return levels;
}

async function tile(get: Get, level: number, index: number, width: number): Promise<Uint8Array[]> {
  const path = tilePath(level, index, width);
  const bytes = await get(path);
  if (bytes?.length !== width * HASH_BYTES) {
    const got = bytes === undefined ? 'none' : `${bytes.length} bytes`;
    throw new TracehoundError('LOG_INVALID', `${path}: not usable, expected ${width} hashes, got ${got}`);
  }
  return Array.from({ length: width }, (_, i) => bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

/** Key changes the log has seen: the newest record whose content is there says so, for the content of KEY is never given up. */
async function lastEpoch(get: Get, size: number, last: readonly (Uint8Array | undefined | null)[]): Promise<number> {
  const own = last.findLast((record) => record != null);
  if (own) return own[EPOCH] as number;
  for (let index = Math.floor(size / TILE_WIDTH) - 1; index >= 0; index--) {
    const record = unbundle(await get(entriesPath(index, TILE_WIDTH))).findLast((entry) => entry !== null);
    if (record) return record[EPOCH] as number;
  }
  return 0;
}
