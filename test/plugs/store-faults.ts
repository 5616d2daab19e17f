/**
 * Stores with one fault each: for every sentence that the suite of stores can say, a store of which it says it.
 *
 * Relies on: a whole store, whose acts are put wrong. Refuses: two faults at once.
 */
import { TracehoundError } from '../../src/index';
import { isEqual, partsOf } from '../../src/stores/keys';
import { type WholeStore, wholeStore } from '../lab/whole-store';

type Faults = (store: WholeStore, objects: Map<string, Uint8Array>) => Partial<WholeStore>;
type Put = WholeStore['putIfAbsent'];
type Swap = WholeStore['swap'];

const A = Uint8Array.of(97);
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const broken = (faults: Faults) => () => wholeStore(faults);
const put = (act: (store: WholeStore, objects: Map<string, Uint8Array>) => Put) =>
  broken((store, objects) => ({ putIfAbsent: act(store, objects) }));
const swap = (act: (store: WholeStore, objects: Map<string, Uint8Array>) => Swap) =>
  broken((store, objects) => ({ swap: act(store, objects) }));
/** What is got is changed on its way. */
const got = (change: (bytes: Uint8Array | undefined, key: string) => Uint8Array | undefined) =>
  broken((store) => ({ get: async (key) => change(await store.get(key), key) }));
/** Under other keys than were given. */
const under = (name: (key: string) => string) =>
  broken((store) => ({
    get: (key) => store.get(name(key)),
    putIfAbsent: (key, bytes) => store.putIfAbsent(name(key), bytes),
    swap: (key, bytes, expected) => store.swap(name(key), bytes, expected),
  }));
/** A swap that judges in its own way whether what is there is what was expected. */
const judging = (
  isExpected: (current: Uint8Array | undefined, expected: Uint8Array | undefined, next: Uint8Array) => boolean,
) =>
  swap((store, objects) => async (key, next, expected) => {
    if ((await store.swap(key, next, expected)) === 'swapped') return 'swapped';
    if (!isExpected(objects.get(key), expected, next)) return 'conflict';
    objects.set(key, next.slice());
    return 'swapped';
  });
/** A swap that refuses what it should not. */
const refusing = (
  isRefused: (current: Uint8Array | undefined, expected: Uint8Array | undefined, next: Uint8Array) => boolean,
) =>
  swap(
    (store, objects) => async (key, next, expected) =>
      isRefused(objects.get(key), expected, next) ? 'conflict' : store.swap(key, next, expected),
  );
/** A swap whose question and write are two steps. */
const racing = (when: (expected: Uint8Array | undefined) => boolean) =>
  swap((store, objects) => async (key, next, expected) => {
    if (!when(expected)) return store.swap(key, next, expected);
    const current = objects.get(key);
    await later();
    if (current === undefined || expected === undefined ? current !== expected : !isEqual(current, expected))
      return 'conflict';
    objects.set(key, next.slice());
    return 'swapped';
  });
/** A swap that tells the first that it swapped, and keeps the bytes of the last. */
const lastWins = (when: (expected: Uint8Array | undefined) => boolean) =>
  swap((store, objects) => async (key, next, expected) => {
    const told = await store.swap(key, next, expected);
    if (when(expected)) objects.set(key, next.slice());
    return told;
  });
/** What an outage rejects with. */
const outage = (as: (error: TracehoundError) => Error) =>
  broken((store) => ({
    get: (key) =>
      store.get(key).catch((error: unknown) => {
        throw error instanceof TracehoundError ? as(error) : error;
      }),
  }));
const list = (act: (store: WholeStore, objects: Map<string, Uint8Array>) => WholeStore['list']) =>
  broken((store, objects) => ({ list: act(store, objects) }));
const remove = (act: (store: WholeStore, objects: Map<string, Uint8Array>) => WholeStore['delete']) =>
  broken((store, objects) => ({ delete: act(store, objects) }));
const wrongKind = (bytes: unknown): boolean => !(bytes instanceof Uint8Array);

const create = {
  'what is there before': got((bytes) => bytes ?? A),
  'a first put': put(
    (store) =>
      async (...of) =>
        store.putIfAbsent(...of).then(() => 'exists'),
  ),
  'what was put': put(() => async (key) => partsOf(key) && 'created'),
  'a ${act} at ${what}': put((_, objects) => async (key, bytes) => objects.set(key, bytes) && 'created'),
  'how a ${act} at ${what} is refused': broken((store) => ({
    get: (key) =>
      store.get(key).catch(() => {
        throw new Error('no');
      }),
  })),
  'a get with a space in its key': broken((_, objects) => ({ get: async (key) => objects.get(key)?.slice() })),
  'a refusal says what is wrong without the key': broken((store) => ({
    get: (key) =>
      store.get(key).catch(() => {
        throw new RangeError(`no key: ${key}`);
      }),
  })),
  'two objects': under((key) => (typeof key === 'string' && key.startsWith('a/') ? 'a' : key)),
  'an object that nobody put': under((key) => (key === 'a/b' ? 'b' : key)),
  'a put of what is no bytes': put(
    (store, objects) => async (key, bytes) =>
      wrongKind(bytes) ? objects.set(key, A) && 'created' : store.putIfAbsent(key, bytes),
  ),
  'how a put of what is no bytes is refused': put((store) => async (key, bytes) => {
    if (wrongKind(bytes)) throw new RangeError('bytes');
    return store.putIfAbsent(key, bytes);
  }),
  'what those puts left': put((store, objects) => async (key, bytes) => {
    if (wrongKind(bytes)) objects.set(key, A);
    return store.putIfAbsent(key, bytes);
  }),
  'a put of no bytes': put(
    (store) => async (key, bytes) => (bytes.length === 0 ? 'exists' : store.putIfAbsent(key, bytes)),
  ),
  'an empty object that was put': got((bytes) => (bytes?.length === 0 ? undefined : bytes)),
  'a put where an empty object is': put((store, objects) => async (key, bytes) => {
    if (objects.get(key)?.length === 0) objects.delete(key);
    return store.putIfAbsent(key, bytes);
  }),
  'bytes that the caller changed after the put': put(
    (store) =>
      async (...of) =>
        later().then(() => store.putIfAbsent(...of)),
  ),
  'bytes that a reader changed': broken((_, objects) => ({ get: async (key) => objects.get(key) })),
  'what is got is a plain Uint8Array': got((bytes) => bytes && Buffer.from(bytes)),
  'how much of 1 MiB is there': got((bytes) => bytes?.subarray(0, 65_536)),
  'every byte of 1 MiB is there': got((bytes) => bytes?.map((byte, i) => (i === 1_000_000 ? 0 : byte))),
  'a second put of the same bytes': put((store, objects) => async (key, bytes) => {
    const told = await store.putIfAbsent(key, bytes);
    return isEqual(objects.get(key)!, bytes) ? 'created' : told;
  }),
  'a put of other bytes': put((_, objects) => async (key, bytes) => {
    partsOf(key);
    const told = objects.has(key) && isEqual(objects.get(key)!, bytes) ? 'exists' : 'created';
    objects.set(key, bytes.slice());
    return told;
  }),
  'what was put first': put((store, objects) => async (key, bytes) => {
    const told = await store.putIfAbsent(key, bytes);
    objects.set(key, bytes.slice());
    return told;
  }),
  'how many of 16 created': put((_, objects) => async (key, bytes) => {
    if (objects.has(key)) return 'exists';
    await later();
    objects.set(key, bytes);
    return 'created';
  }),
  'whose bytes were created': put((store, objects) => async (key, bytes) => {
    const told = await store.putIfAbsent(key, bytes);
    objects.set(key, bytes.slice());
    return told;
  }),
};

const listing = {
  'keys of one folder': list((store) => async (...of) => {
    const page = await store.list(...of);
    return { ...page, keys: [...page.keys].sort((a, b) => a.localeCompare(b)) };
  }),
  'keys with one beginning': list((store) => async (prefix, page) => {
    const { keys } = await store.list(prefix, page);
    return {
      keys: keys.filter((key) => prefix === '' || key === prefix || key.startsWith(prefix.replace(/\/?$/, '/'))),
    };
  }),
  'every key': list((store) => async (prefix, page) => (prefix === '' ? { keys: [] } : store.list(prefix, page))),
  'keys where there are none': list((store) => async (...of) => {
    const page = await store.list(...of);
    return page.keys.length === 0 ? { keys: [], after: 'a' } : page;
  }),
  'all pages together': list((store) => async (prefix, page = {}) => {
    const { after, ...rest } = page;
    // The first key of a page is the last of the one before.
    return store.list(prefix, after === undefined ? rest : { ...rest, after: after.slice(0, -1) });
  }),
  'no page has more keys than were asked for': list((store) => (prefix) => store.list(prefix)),
  'a delete of nothing': remove((store) => async (key) => (await store.delete(key)) || true),
  'a delete of an object': remove((store) => async (key) => (await store.delete(key)) && false),
  'what was deleted': remove((_, objects) => async (key) => partsOf(key) && objects.has(key)),
  'what lay beside it': remove((store, objects) => async (key) => {
    for (const other of objects.keys()) if (other !== key && other.startsWith(key)) objects.delete(other);
    return store.delete(key);
  }),
  'a put where something was deleted': broken((store) => {
    const gone = new Set<string>();
    return {
      delete: async (key) => {
        const was = await store.delete(key);
        if (was) gone.add(key);
        return was;
      },
      putIfAbsent: async (key, bytes) => (gone.has(key) ? 'exists' : store.putIfAbsent(key, bytes)),
    };
  }),
  'retention is one of five words': broken(() => ({ retention: async () => 'forever' as 'locked' })),
};

const failing = {
  'a call in an outage': broken((store) => ({
    get: (key) =>
      store.get(key).catch((error: unknown) => {
        if (error instanceof TracehoundError) return undefined;
        throw error;
      }),
  })),
  'the code of an outage': outage((error) => error.cause as Error),
  'whether an outage is recoverable': outage(({ cause }) => new TracehoundError('STORE_FAILED', 'no', { cause })),
  'an outage has a cause': outage(() => new TracehoundError('STORE_FAILED', 'no', { recoverable: true })),
  'what was put before an outage': broken((store, objects) => ({
    get: (key) =>
      store.get(key).catch((error: unknown) => {
        objects.clear();
        throw error;
      }),
  })),
  'a put after an outage': broken((store) => {
    let lost = false;
    return {
      putIfAbsent: async (...of) =>
        lost
          ? 'exists'
          : store.putIfAbsent(...of).catch((error: unknown) => {
              lost = true;
              throw error;
            }),
    };
  }),
};

/** What was put and what was swapped, apart. */
const apart = (
  act: (
    puts: Set<string>,
    swaps: Set<string>,
    store: WholeStore,
    objects: Map<string, Uint8Array>,
  ) => Partial<WholeStore>,
) =>
  broken((store, objects) => {
    const [puts, swaps] = [new Set<string>(), new Set<string>()];
    return {
      putIfAbsent: async (key, bytes) => {
        const told = await store.putIfAbsent(key, bytes);
        puts.add(key);
        return told;
      },
      swap: async (...of) => {
        const told = await store.swap(...of);
        if (told === 'swapped') swaps.add(of[0]);
        return told;
      },
      ...act(puts, swaps, store, objects),
    };
  });

const ever = (refused: boolean) =>
  swap((store, objects) => {
    const seen: Uint8Array[] = [];
    return async (key, next, expected) => {
      const before = seen.some((each) => isEqual(each, next)) && !isEqual(objects.get(key) ?? A, next);
      if (before && refused) return 'conflict';
      const current = objects.get(key);
      const told = await store.swap(key, next, expected);
      if (told === 'swapped') seen.push(next.slice());
      if (before && current) objects.set(key, current);
      return told;
    };
  });

const swapping = {
  'a first swap where something was put': judging(
    (current, expected) => current !== undefined && expected === undefined,
  ),
  'a swap of what was put': apart((puts, swaps, store) => ({
    swap: async (...of) => (puts.has(of[0]) && !swaps.has(of[0]) ? 'conflict' : store.swap(...of)),
  })),
  'a put where something was swapped': apart((puts, swaps, store) => ({
    putIfAbsent: async (key, bytes) => {
      const told = await store.putIfAbsent(key, bytes);
      puts.add(key);
      return swaps.has(key) ? 'created' : told;
    },
  })),
  'what was swapped for what was put': apart((_, __, store) => {
    const first = new Map<string, Uint8Array>();
    return {
      putIfAbsent: async (key, bytes) => {
        if (!first.has(key) && bytes instanceof Uint8Array) first.set(key, bytes.slice());
        return store.putIfAbsent(key, bytes);
      },
      get: async (key) => (await store.get(key)) && (first.get(key) ?? store.get(key)),
    };
  }),
  'a first swap': refusing((_, expected) => expected === undefined),
  'what was swapped first': swap((store, objects) => async (...of) => {
    const told = await store.swap(...of);
    objects.delete(of[0]);
    return told;
  }),
  'a swap of what is there': refusing((_, expected) => expected !== undefined),
  'what was swapped next': swap((store, objects) => async (key, next, expected) => {
    const told = await store.swap(key, next, expected);
    if (expected) objects.set(key, expected);
    return told;
  }),
  'a swap for the same bytes': refusing((current, _, next) => current !== undefined && isEqual(current, next)),
  'a swap back to what was there before': ever(true),
  'what was there before': ever(false),
  'a swap of bytes where there are none': judging(
    (current, expected) => current === undefined && expected !== undefined,
  ),
  'what a refused first swap left': swap((store, objects) => async (key, next, expected) => {
    const told = await store.swap(key, next, expected);
    if (!objects.has(key)) objects.set(key, next);
    return told;
  }),
  'a swap of nothing where there are bytes': judging((_, expected) => expected === undefined),
  'a swap of other bytes': judging((current, expected) => current?.length === expected?.length),
  'a swap of bytes that only begin alike': judging(
    (current, expected) => current?.every((byte, i) => byte === expected?.[i]) === true,
  ),
  'what refused swaps left': swap((store, objects) => async (key, next, expected) => {
    const told = await store.swap(key, next, expected);
    if (told === 'conflict' && expected?.length === 2) objects.set(key, next);
    return told;
  }),
  'a swap for no bytes': refusing((_, __, next) => next.length === 0),
  'an empty object': got((bytes) => (bytes?.length === 0 ? undefined : bytes)),
  'a swap of nothing where there is an empty object': judging(
    (current, expected) => current?.length === 0 && expected === undefined,
  ),
  'a swap of an empty object': refusing((_, expected) => expected?.length === 0),
  'bytes that the caller changed afterwards': swap(
    (store) =>
      async (...of) =>
        later().then(() => store.swap(...of)),
  ),
  'an expectation that the caller changed afterwards': swap((store) => async (key, next, expected) => {
    const copy = next instanceof Uint8Array ? next.slice() : next;
    await later();
    return store.swap(key, copy, expected);
  }),
  'what is read is a plain Uint8Array': got((bytes) => (bytes && isEqual(bytes, A) ? Buffer.from(bytes) : bytes)),
  'a swap for what is no bytes': swap(
    (store) => async (key, next, expected) => (wrongKind(next) ? 'conflict' : store.swap(key, next, expected)),
  ),
  'how a swap for what is no bytes is refused': swap((store) => async (key, next, expected) => {
    if (wrongKind(next)) throw new RangeError('bytes');
    return store.swap(key, next, expected);
  }),
  'a swap of what is no bytes': refusing((_, expected) => expected !== undefined && wrongKind(expected)),
  'how a swap of what is no bytes is refused': swap((store) => async (key, next, expected) => {
    if (expected !== undefined && wrongKind(expected)) throw new RangeError('expected');
    return store.swap(key, next, expected);
  }),
  'what those swaps left': swap((store, objects) => async (key, next, expected) => {
    if (wrongKind(next)) objects.set(key, A);
    return store.swap(key, next, expected);
  }),
  'how many of 16 swapped nothing': racing((expected) => expected === undefined),
  'whose first bytes are there': lastWins((expected) => expected === undefined),
  'how many of 16 swapped the same bytes': racing((expected) => expected !== undefined),
  'whose next bytes are there': lastWins((expected) => expected !== undefined),
  'a count that comes to an end: expected a swap in 100 rounds, got none': refusing(() => true),
  'what eight counted': racing(() => true),
  'three keys': under((key) => (typeof key === 'string' && key.startsWith('a/') ? 'a' : key)),
  'a fourth key': got((bytes, key) => (key === 'a/d' ? A : bytes)),
};

/** By what the suite says of them. */
export const BROKEN_STORES: Readonly<Record<string, ReturnType<typeof broken>>> = {
  ...create,
  ...listing,
  ...failing,
  ...swapping,
};
