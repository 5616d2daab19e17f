/**
 * A store in a KV store of Fastly, which a program of Fastly Compute opens.
 *
 *   checkpoint                the newest bytes that its writer showed; its metadata says which version they are
 *   checkpoint~/1, ~/2 …       the bytes of each version, put only where there is nothing
 *
 * The KV store shows no generation of an object, so nothing can be replaced under a condition. What it has is `add`: put
 * unless there is something. A swap therefore **adds the next version**, which one of all who saw the same version can, and
 * shows it afterwards. Whoever reads begins at what is shown and looks for further versions. None is ever taken away: a
 * number that came free again could be added by somebody who slept, and he would believe that he was in time.
 *
 * Relies on: `add`, judged where the object lies; a put that was answered is durable. Refuses: to try again. A write that
 * failed may have happened; the next one finds out.
 *
 * Fastly calls the KV store *eventually consistent*: elsewhere an object may be missing for a while after it was put. Late
 * reads answer older bytes or none, which costs a `conflict`, never an update. Two that add at the same moment in different
 * places are told apart only as far as Fastly does it, and its documentation promises nothing there: one log, one writer.
 *
 * Untrusted: the store's owner can remove objects, and put old ones back.
 *
 * @module
 */
import { TracehoundError } from '../errors';
import type { LogStore } from '../types/ports';
import { plug, readGroup } from '../validate/index';
import { below, copyOf, isEqual } from './keys';

export type { LogStore, Store } from '../types/ports';

/** What is used of an entry (`KVStoreEntry` of `fastly:kv-store`). */
export interface KvEntry {
  arrayBuffer(): Promise<ArrayBuffer>;
  metadataText(): string | null;
}

/** What is used of a `KVStore`. */
export interface KvPort {
  get(key: string): Promise<KvEntry | null>;
  put(key: string, bytes: ArrayBuffer, options: { mode: 'add' | 'overwrite'; metadata?: string }): Promise<unknown>;
  /** A store over a KV store without it takes nothing away. */
  delete?(key: string): Promise<unknown>;
}

/** The prefix of the keys is checked as they are: `prefix/key` has to be a key. */
export interface FastlyKvStoreOptions {
  /** A part or several, without a slash at either end, that all keys lie below. Default: none. */
  prefix?: string;
}

/** Bytes in force, and their number: 0 for what lies at the key itself until somebody swaps it. */
interface Version {
  readonly bytes: Uint8Array;
  readonly number: number;
}

/** The longest key of Fastly; a version adds to it. */
const PLACE_LENGTH_MAX = 1_024;
/** The SDK throws one kind of error for everything, and its text is what tells them apart (3.46). */
const EXISTS = /precondition failed/i;

/**
 * A store over `kv`. Failures of the KV store reject with `STORE_FAILED`, recoverable. Throws `TypeError` or `RangeError` for a KV store
 * or a prefix that is none. Only while a request is served: nothing can be opened at the top of a module.
 *
 * @example
 * const store = fastlyKvStore(new KVStore('evidence'), { prefix: 'logs' });
 */
export function fastlyKvStore(kv: KvPort, options: FastlyKvStoreOptions = {}): LogStore {
  plug<KvPort>('fastlyKvStore.kv', kv, ['get', 'put'], 'a KVStore');
  const { prefix } = readGroup('fastlyKvStore', 'fastlyKvStore.', options, ['prefix']);
  const placeOf = below(prefix as string | undefined);
  const { delete: canDelete } = kv;

  return Object.freeze({
    async putIfAbsent(key: string, bytes: Uint8Array) {
      const place = placeOf(key);
      return (await add(kv, place, copyOf(bytes))) ? 'created' : 'exists';
    },
    async get(key: string) {
      const place = placeOf(key);
      const shown = await readEntry(kv, place);
      // What was never swapped has no mark, and tiles cost one look.
      return shown?.isMarked === true ? (await newest(kv, place, shown)).bytes : shown?.bytes;
    },
    async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined) {
      const place = placeOf(key);
      const copy = copyOf(bytes);
      const before = expected === undefined ? undefined : copyOf(expected, 'expected');
      if (before === undefined) return (await add(kv, place, copy, '0')) ? 'swapped' : 'conflict';
      const shown = await readEntry(kv, place);
      if (shown === undefined) return 'conflict';
      const current = await newest(kv, place, shown);
      if (!isEqual(current.bytes, before)) {
        // Whoever swapped last may have ended before he could show it.
        if (current.number > shown.number) await showVersion(kv, place, current);
        return 'conflict';
      }
      const next = { bytes: copy, number: current.number + 1 };
      if (!(await add(kv, versionKey(place, next.number), copy))) return 'conflict';
      await showVersion(kv, place, next);
      return 'swapped';
    },
    ...(canDelete !== undefined && {
      async delete(key: string) {
        const place = placeOf(key);
        const shown = await readEntry(kv, place);
        if (shown === undefined) return false;
        await canDelete.call(kv, place).catch((cause: unknown) => {
          throw kvFailed('delete', cause);
        });
        return true;
      },
    }),
  } satisfies LogStore);
}

function versionKey(place: string, number: number): string {
  const version = `${place}~/${number}`;
  if (version.length <= PLACE_LENGTH_MAX) return version;
  throw new RangeError(
    `key: too long to be swapped, expected ≤ ${PLACE_LENGTH_MAX} characters with its version, got ${version.length}`,
  );
}

/** Puts unless there is something. */
async function add(kv: KvPort, place: string, bytes: Uint8Array, metadata?: string): Promise<boolean> {
  try {
    await kv.put(place, bufferOf(bytes), metadata === undefined ? { mode: 'add' } : { mode: 'add', metadata });
    return true;
  } catch (cause) {
    if (EXISTS.test(String((cause as Error | undefined)?.message))) return false;
    throw kvFailed('put', cause);
  }
}

/**
 * Shows a version at the key itself. Which one is in force is decided already, and readers look further: a failure, such as
 * too many writes to one key, costs them a look, and the next swap shows its own.
 */
async function showVersion(kv: KvPort, place: string, { bytes, number }: Version): Promise<void> {
  await kv.put(place, bufferOf(bytes), { mode: 'overwrite', metadata: String(number) }).catch(() => undefined);
}

async function readEntry(kv: KvPort, place: string): Promise<(Version & { readonly isMarked: boolean }) | undefined> {
  try {
    const entry = await kv.get(place);
    if (entry === null) return undefined;
    const mark = entry.metadataText();
    const number = Number(mark ?? 0);
    const isMarked = mark !== null && Number.isSafeInteger(number) && number >= 0;
    return { bytes: new Uint8Array(await entry.arrayBuffer()), number: isMarked ? number : 0, isMarked };
  } catch (cause) {
    throw kvFailed('get', cause);
  }
}

/** The version in force, from one that was shown: those after it have the numbers after its own. */
async function newest(kv: KvPort, place: string, shown: Version): Promise<Version> {
  let current = shown;
  for (;;) {
    const number = current.number + 1;
    const next = await readEntry(kv, versionKey(place, number));
    if (next === undefined) return current;
    current = { bytes: next.bytes, number };
  }
}

/** The bytes as a buffer, which every declaration of the SDK takes: they are copies, and fill theirs. */
const bufferOf = (bytes: Uint8Array): ArrayBuffer => bytes.buffer as ArrayBuffer;

function kvFailed(act: 'get' | 'put' | 'delete', cause: unknown): TracehoundError {
  return new TracehoundError('STORE_FAILED', `fastly kv store: ${act} failed, expected an answer, got an error`, {
    cause,
    recoverable: true,
  });
}
