/**
 * Opens a log that somebody left in a store, for one instance to go on with: verified from its first record to its head.
 *
 *   const resume = await openLog(store, { origin: 'example.com/log', keys: [vkey], known })
 *   createTracehound({ audit: { signer, log: storedLog(store, { resume }) } })
 *
 * Relies on: verify for what is there, tlog for how it lies there. Refuses: to write; the instance claims the log before its
 * first record (writer.ts), and of two that opened one log the second to claim it ends the first.
 */

import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { parseCheckpoint, parseNote } from '../formats/note';
import {
  detailsPath,
  entriesPath,
  Frontier,
  HASH_BYTES,
  originPath,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  unbundle,
} from '../formats/tlog';
import type { LogStore, OpenedLog } from '../types/index';
import { type Get, type LogReport, parsePolicy, storeSource, verifyLog } from '../verify/index';
import { asked } from './asking';
import { type Found, opened } from './opened';
import { Segments } from './segments';

const RECORD_EPOCH = 7;

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
 * Content that its writer gave up (GAP, low severity) is no reason to refuse it. What lies behind its head was never signed
 * and is not gone on with.
 *
 * @example
 * const resume = await openLog(store, { origin: 'example.com/log', keys: [signer.vkey] });
 * const th = createTracehound({ audit: { signer, log: storedLog(store, { resume }) } });
 */
export async function openLog(store: LogStore, options: OpenLogOptions): Promise<OpenedLog> {
  const { origin, keys, known, digest } = options;
  const prefix = `${originPath(origin)}/`;
  const get: Get = (path) => asked('get', () => store.get(prefix + path));
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
  return opened(found, toHex(found.root));
}

/**
 * What `store` holds of the log `origin` for an instance that slept and still holds the log itself: read, and for the
 * instance to compare with what it holds, instead of verified. That may be nothing yet.
 */
export async function reopenLog(store: LogStore, origin: string): Promise<OpenedLog> {
  const prefix = `${originPath(origin)}/`;
  const get: Get = (path) => asked('get', () => store.get(prefix + path));
  const checkpoint = await get('checkpoint');
  const found = checkpoint === undefined ? nothingOf(origin) : await gather(get, checkpoint);
  return opened({ ...found, isHeld: true }, toHex(found.root));
}

/** Of a log whose writer stopped before it had signed anything. */
function nothingOf(origin: string): Found {
  const [frontier, segments] = [new Frontier(), new Segments()];
  const root = frontier.root();
  return { origin, size: 0, root, link: root, frontier, segments, checkpoint: undefined, epoch: 0, isHeld: true };
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
async function gather(get: Get, checkpoint: Uint8Array): Promise<Found> {
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
  let link: Uint8Array;
  if (width === 0) {
    link = (await tile(get, 0, index - 1, TILE_WIDTH)).at(-1) as Uint8Array;
  } else {
    const leaves = await tile(get, 0, index, width);
    const [entries, details] = await Promise.all([get(entriesPath(index, width)), get(detailsPath(index, width))]);
    const [records, sidecars] = [unbundle(entries), unbundle(details)];
    for (const [i, leaf] of leaves.entries()) {
      segments.append(leaf, records[i] ?? undefined, sidecars[i] ?? null);
      frontier.append(leaf);
    }
    link = leaves.at(-1) as Uint8Array;
  }
  if (toHex(frontier.root()) !== toHex(root)) {
    throw new TracehoundError(
      'LOG_INVALID',
      'log: its tiles are of another tree, expected the root of the head, got another',
    );
  }
  const epoch = await lastEpoch(get, size);
  return { origin, size, root, link, frontier, segments, checkpoint, epoch, isHeld: false };
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
async function lastEpoch(get: Get, size: number): Promise<number> {
  for (let index = Math.floor((size - 1) / TILE_WIDTH); index >= 0; index--) {
    const entries = unbundle(await get(entriesPath(index, Math.min(TILE_WIDTH, size - index * TILE_WIDTH))));
    const record = entries.findLast((entry) => entry !== null);
    if (record) return record[RECORD_EPOCH] as number;
  }
  return 0;
}
