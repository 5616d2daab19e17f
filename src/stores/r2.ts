/**
 * A store in an R2 bucket, through the binding a Worker has.
 *
 * Relies on: R2's conditional writes. `onlyIf` is judged by the bucket together with the write, so of two callers one is
 * refused whatever isolate or place they are in; a write that was answered is durable. Refuses: to overwrite anything but
 * what the caller last saw, and to try again. A write that failed may have happened; the next one finds out.
 *
 * Untrusted: the bucket's owner can remove objects. A bucket lock on the prefix of the tiles keeps him from that for a time;
 * never on `checkpoint` and `latest`, which are replaced.
 *
 * @module
 */
import { TracehoundError } from '../errors';
import type { LogStore } from '../types/ports';
import { plug, readGroup } from '../validate/index';
import { below, copyOf, isEqual } from './keys';

export type { LogStore, Store } from '../types/ports';

/** What is used of an object of R2 (`R2ObjectBody`). */
export interface R2Body {
  readonly etag: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What is used of a bucket's binding (`R2Bucket`). */
export interface R2Port {
  get(key: string): Promise<R2Body | null>;
  /** Answers `null` where `onlyIf` does not hold. */
  put(
    key: string,
    bytes: Uint8Array,
    options: { onlyIf: { etagMatches: string } | { etagDoesNotMatch: string } },
  ): Promise<object | null>;
  /** Says nothing of whether there was an object. A store over a bucket without it takes nothing away. */
  delete?(key: string): Promise<void>;
}

/** Only where there is nothing. */
const ABSENT = { etagDoesNotMatch: '*' };

/** The prefix of the keys is checked as they are: `prefix/key` has to be a key. */
export interface R2StoreOptions {
  /** A part or several, without a slash at either end, that all keys lie below. Default: none. */
  prefix?: string;
}

/**
 * A store over `bucket`. Failures of the bucket reject with `STORE_FAILED`, recoverable. Throws `TypeError` or `RangeError` for a
 * bucket or a prefix that is none.
 *
 * @example
 * const store = r2Store(env.EVIDENCE, { prefix: 'logs' });
 * const th = createTracehound({ secret, audit: { signer, log: storedLog(store) } });
 */
export function r2Store(bucket: R2Port, options: R2StoreOptions = {}): LogStore {
  plug<R2Port>('r2Store.bucket', bucket, ['get', 'put'], 'an R2 binding');
  const { prefix } = readGroup('r2Store', 'r2Store.', options, ['prefix']);
  const placeOf = below(prefix as string | undefined);

  const { delete: canDelete } = bucket;

  return Object.freeze({
    async putIfAbsent(key: string, bytes: Uint8Array) {
      const place = placeOf(key);
      const copy = copyOf(bytes);
      return (await bucketAnswer('put', bucket.put(place, copy, { onlyIf: ABSENT }))) === null ? 'exists' : 'created';
    },
    async get(key: string) {
      return (await readObject(bucket, placeOf(key)))?.bytes;
    },
    async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined) {
      const place = placeOf(key);
      const copy = copyOf(bytes);
      const before = expected === undefined ? undefined : copyOf(expected, 'expected');
      if (before === undefined) {
        return (await bucketAnswer('put', bucket.put(place, copy, { onlyIf: ABSENT }))) === null
          ? 'conflict'
          : 'swapped';
      }
      const current = await readObject(bucket, place);
      if (current === undefined || !isEqual(current.bytes, before)) return 'conflict';
      // What was read is what is replaced: an object put in between has another etag.
      const onlyIf = { etagMatches: current.etag };
      return (await bucketAnswer('put', bucket.put(place, copy, { onlyIf }))) === null ? 'conflict' : 'swapped';
    },
    ...(canDelete !== undefined && {
      async delete(key: string) {
        const place = placeOf(key);
        const isThere = (await bucketAnswer('get', bucket.get(place))) !== null;
        if (isThere) await bucketAnswer('delete', canDelete.call(bucket, place));
        return isThere;
      },
    }),
  } satisfies LogStore);
}

async function readObject(bucket: R2Port, place: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
  const object = await bucketAnswer('get', bucket.get(place));
  if (object === null) return undefined;
  return { bytes: new Uint8Array(await bucketAnswer('get', object.arrayBuffer())), etag: object.etag };
}

async function bucketAnswer<T>(act: 'get' | 'put' | 'delete', answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new TracehoundError('STORE_FAILED', `r2 store: ${act} failed, expected an answer, got an error`, {
      cause,
      recoverable: true,
    });
  }
}
