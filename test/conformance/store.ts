/**
 * The suite that every store passes, for the ones in the package and for yours. What a store may leave out is looked at
 * where it is there: `list`, `delete`, `retention`.
 *
 * Relies on: the types of the plugs. Refuses: to know a store, the clock, and a test runner.
 *
 * @example
 * import { conformLogStore } from 'tracehound/conformance';
 *
 * const broken = (await conformLogStore(() => ({ store: myStore() }))).filter(({ error }) => error !== undefined);
 */
import type { LogStore, Store } from '../../src/types/index';
import { same, that, thrown } from './assert';
import type { Held } from './hold';
import { NO_BYTES, swapCases } from './swap';

/** What a case gets: an empty store, and the means to cut it off. */
export interface StoreStage<Of extends Store = Store> {
  readonly store: Of;
  /** Makes what lies behind the store unreachable; answers how to end that. Without it no outage is looked at. */
  outage?(): (() => unknown) | Promise<() => unknown>;
}

type Part = 'keys' | 'bytes' | 'create' | 'list' | 'delete' | 'retention' | 'outage' | 'swap';

const A = Uint8Array.of(97);
const B = Uint8Array.of(98);
const NONE = new Uint8Array(0);

/** Keys of a log in a store, and the widest that are allowed. */
const KEYS: readonly string[] = [
  'checkpoint',
  'latest',
  'local/0199f0c5-0000-7000-8000-000000000000/tile/entries/x001/x234/067.p/255',
  'example.org/%E2%82%AC/tile/0/000',
  '%',
  '.well-known/a..b',
  'x'.repeat(254),
  Array.from({ length: 128 }, () => '1234567').join('/'),
];

/** What must not reach a disk or a bucket, by what is wrong with it. */
const BAD_KEYS: readonly (readonly [string, unknown])[] = [
  ['nothing', ''],
  ['the folder itself', '.'],
  ['the folder above', '..'],
  ['the folder above, further on', 'a/../../b'],
  ['a dot alone, further on', 'a/./b'],
  ['an absolute path', '/etc/passwd'],
  ['an empty part', 'a//b'],
  ['a slash at the end', 'a/'],
  ['NUL', 'a\0b'],
  ['a line break', 'a\nb'],
  ['a backslash', 'a\\..\\b'],
  ['a drive', 'C:/a'],
  ['a stream', 'a:b'],
  ['a space', 'a b'],
  ['a mark of the store', 'checkpoint~/1.a'],
  ['a device', 'a/con'],
  ['a device in capitals', 'NUL'],
  ['a device with an extension', 'a/Com1.txt'],
  ['a dot at the end', 'a.'],
  ['letters that systems compose differently', 'caf\u00e9'],
  ['half a character', 'a\ud800'],
  ['a part of 255', 'x'.repeat(255)],
  ['1,025 characters', `${Array.from({ length: 129 }, () => '1234567').join('/')}/8`],
  ['no string', 7],
  ['nothing at all', undefined],
  ['an object that says it is a key', { toString: () => 'a', split: () => ['a'] }],
];

/** In the order of their bytes; people, and `localeCompare`, would sort them otherwise. */
const LISTED: readonly string[] = ['a/%', 'a/.b', 'a/10', 'a/9', 'a/B', 'a/_', 'a/a', 'a/a/b', 'a/aa'];

const keys: Held<StoreStage, Part>[] = [
  {
    part: 'keys',
    promise: 'keeps bytes at every key that is one',
    run: async ({ store }) => {
      for (const key of KEYS) {
        same(await store.get(key), undefined, 'what is there before');
        same(await store.putIfAbsent(key, A), 'created', 'a first put');
        same(await store.get(key), A, 'what was put');
      }
    },
  },
  {
    part: 'keys',
    promise: 'refuses a key that is none, whatever is asked',
    run: async ({ store }) => {
      for (const [what, key] of BAD_KEYS) {
        const wrong = key as string;
        const expected = typeof key === 'string' ? 'RangeError' : 'TypeError';
        const calls = {
          put: () => store.putIfAbsent(wrong, A),
          get: () => store.get(wrong),
          ...('swap' in store && { swap: () => (store as LogStore).swap(wrong, A, undefined) }),
          ...(store.delete && { delete: () => store.delete?.(wrong) }),
        };
        for (const [act, call] of Object.entries(calls)) {
          const { name } = await thrown(call, `a ${act} at ${what}`);
          same(name, expected, `how a ${act} at ${what} is refused`);
        }
      }
    },
  },
  {
    part: 'keys',
    promise: 'does not repeat a key that it refuses',
    run: async ({ store }) => {
      const { message } = await thrown(() => store.get('a/secret part/b'), 'a get with a space in its key');
      that(!message.includes('secret'), 'a refusal says what is wrong without the key');
    },
  },
  {
    part: 'keys',
    promise: 'keeps objects apart',
    run: async ({ store }) => {
      await Promise.all([store.putIfAbsent('a/b', A), store.putIfAbsent('a/c', B)]);
      same([await store.get('a/b'), await store.get('a/c')], [A, B], 'two objects');
      same(await store.get('b'), undefined, 'an object that nobody put');
    },
  },
];

const bytes: Held<StoreStage, Part>[] = [
  {
    part: 'bytes',
    promise: 'refuses to put what is no bytes',
    run: async ({ store }) => {
      for (const wrong of NO_BYTES) {
        const { name } = await thrown(() => store.putIfAbsent('k', wrong), 'a put of what is no bytes');
        same(name, 'TypeError', 'how a put of what is no bytes is refused');
      }
      same(await store.get('k'), undefined, 'what those puts left');
    },
  },
  {
    part: 'bytes',
    promise: 'tells an empty object from none',
    run: async ({ store }) => {
      same(await store.putIfAbsent('k', NONE), 'created', 'a put of no bytes');
      same(await store.get('k'), NONE, 'an empty object that was put');
      same(await store.putIfAbsent('k', A), 'exists', 'a put where an empty object is');
    },
  },
  {
    part: 'bytes',
    promise: 'keeps the bytes as they were when it was called, and hands out copies',
    run: async ({ store }) => {
      const given = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
      const putting = store.putIfAbsent('k', given);
      given.fill(9);
      await putting;
      same(await store.get('k'), Uint8Array.of(2, 3), 'bytes that the caller changed after the put');
      (await store.get('k'))?.fill(7);
      same(await store.get('k'), Uint8Array.of(2, 3), 'bytes that a reader changed');
    },
  },
  {
    part: 'bytes',
    promise: 'hands out a plain Uint8Array',
    run: async ({ store }) => {
      await store.putIfAbsent('k', A);
      const read = await store.get('k');
      that(Object.getPrototypeOf(read) === Uint8Array.prototype, 'what is got is a plain Uint8Array');
    },
  },
  {
    part: 'bytes',
    promise: 'keeps 1 MiB',
    run: async ({ store }) => {
      const large = new Uint8Array(1_048_576).map((_, i) => i * 31);
      await store.putIfAbsent('k', large);
      const read = await store.get('k');
      same(read?.length, large.length, 'how much of 1 MiB is there');
      that(read?.every((byte, i) => byte === large[i]) === true, 'every byte of 1 MiB is there');
    },
  },
];

const create: Held<StoreStage, Part>[] = [
  {
    part: 'create',
    promise: 'never overwrites',
    run: async ({ store }) => {
      await store.putIfAbsent('k', A);
      same(await store.putIfAbsent('k', A), 'exists', 'a second put of the same bytes');
      same(await store.putIfAbsent('k', B), 'exists', 'a put of other bytes');
      same(await store.get('k'), A, 'what was put first');
    },
  },
  {
    part: 'create',
    promise: 'tells one of many creators that it was first',
    run: async ({ store }) => {
      const told = await Promise.all(Array.from({ length: 16 }, (_, i) => store.putIfAbsent('k', Uint8Array.of(i))));
      same(told.filter((answer) => answer === 'created').length, 1, 'how many of 16 created');
      same(await store.get('k'), Uint8Array.of(told.indexOf('created')), 'whose bytes were created');
    },
  },
];

const parts: Held<StoreStage, Part>[] = [
  {
    part: 'list',
    promise: 'lists the keys that begin with a prefix in the order of their bytes, where it lists',
    run: async ({ store }) => {
      if (store.list === undefined) return;
      for (const key of [...LISTED].reverse()) await store.putIfAbsent(key, A);
      await store.putIfAbsent('b/a', A);
      same((await store.list('a/')).keys, LISTED, 'keys of one folder');
      same((await store.list('a/a')).keys, ['a/a', 'a/a/b', 'a/aa'], 'keys with one beginning');
      same((await store.list('')).keys, [...LISTED, 'b/a'], 'every key');
      same(await store.list('c'), { keys: [] }, 'keys where there are none');
    },
  },
  {
    part: 'list',
    promise: 'lists page by page, nothing twice and nothing left out, where it lists',
    run: async ({ store }) => {
      if (store.list === undefined) return;
      for (const key of LISTED) await store.putIfAbsent(key, A);
      for (const limit of [1, 2, LISTED.length, LISTED.length + 1]) {
        const pages: (readonly string[])[] = [];
        let after: string | undefined;
        do {
          const page = await store.list('a/', after === undefined ? { limit } : { limit, after });
          pages.push(page.keys);
          after = page.after;
        } while (after !== undefined && pages.length <= LISTED.length);
        same(pages.flat(), LISTED, 'all pages together');
        that(
          pages.every((page) => page.length <= limit),
          'no page has more keys than were asked for',
        );
      }
    },
  },
  {
    part: 'delete',
    promise: 'deletes one object and says whether it was there, where it deletes',
    run: async ({ store }) => {
      if (store.delete === undefined) return;
      same(await store.delete('k'), false, 'a delete of nothing');
      await store.putIfAbsent('k', A);
      await store.putIfAbsent('k2', B);
      same(await store.delete('k'), true, 'a delete of an object');
      same(await store.get('k'), undefined, 'what was deleted');
      same(await store.get('k2'), B, 'what lay beside it');
      same(await store.putIfAbsent('k', B), 'created', 'a put where something was deleted');
    },
  },
  {
    part: 'retention',
    promise: 'says how long it keeps what was put in one of five words, where it says so',
    run: async ({ store }) => {
      if (store.retention === undefined) return;
      const words = ['locked', 'governance', 'removable', 'none', 'unknown'];
      that(words.includes(await store.retention()), 'retention is one of five words');
    },
  },
  {
    part: 'outage',
    promise: 'says in an outage that it failed and that the same call may succeed later, and then it does',
    run: async ({ store, outage }) => {
      if (outage === undefined) return;
      await store.putIfAbsent('before', A);
      const end = await outage();
      const calls = {
        put: () => store.putIfAbsent('during', A),
        get: () => store.get('before'),
        ...('swap' in store && { swap: () => (store as LogStore).swap('before', B, A) }),
        ...(store.list && { list: () => store.list?.('') }),
        ...(store.delete && { delete: () => store.delete?.('before') }),
      };
      for (const call of Object.values(calls)) {
        const error = await thrown(call, 'a call in an outage');
        same(error.code, 'STORE_FAILED', 'the code of an outage');
        same((error as { recoverable?: unknown }).recoverable, true, 'whether an outage is recoverable');
        that(error.cause !== undefined, 'an outage has a cause');
      }
      await end();
      same(await store.get('before'), A, 'what was put before an outage');
      same(await store.putIfAbsent('after', A), 'created', 'a put after an outage');
    },
  },
];

/** What every store promises. */
export const STORE_CASES: readonly Held<StoreStage, Part>[] = [...keys, ...bytes, ...create, ...parts];

/** What a store promises that can hold a log: all of that, and to replace. */
export const LOG_STORE_CASES: readonly Held<StoreStage<LogStore>, Part>[] = [
  ...STORE_CASES,
  ...swapCases<StoreStage<LogStore>>(({ store }) => ({
    read: (key) => store.get(key),
    swap: (key, next, expected) => store.swap(key, next, expected),
  })),
  {
    part: 'swap',
    promise: 'holds one object, however it came there',
    run: async ({ store }) => {
      await store.putIfAbsent('k', A);
      same(await store.swap('k', B, undefined), 'conflict', 'a first swap where something was put');
      same(await store.swap('k', B, A), 'swapped', 'a swap of what was put');
      same(await store.putIfAbsent('k', A), 'exists', 'a put where something was swapped');
      same(await store.get('k'), B, 'what was swapped for what was put');
    },
  },
];
