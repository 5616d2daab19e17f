/**
 * A store as a root to find logs in: what a module exports, or what lies below a URL.
 *
 * Relies on: port, for both. Refuses: to write, and to believe that a store is one: it is asked for bytes and for names, and
 * what it answers is checked like everything else.
 */
import type { Root } from '../verify/directory';
import { UsageError } from './args';
import type { CommandPort } from './port';

/** What is used of a store (`tracehound/stores/*`): bytes by key and, to look around in it, its keys. */
interface ReadableStore {
  get(key: string): Promise<Uint8Array | undefined>;
  list?(
    prefix: string,
    options: { after?: string; limit?: number },
  ): Promise<{ keys: readonly string[]; after?: string }>;
}

/** Keys that are looked through for the names in one folder. */
const KEYS_MAX = 10_000_000;

/** The store that `word` names: `https://…` is read with GET, anything else is a module whose default export is a store. */
export async function openStore(port: CommandPort, word: string): Promise<(prefix: string) => Root> {
  if (/^https?:\/\//i.test(word)) return urlStore(port, word.replace(/\/+$/, ''));
  if (port.load === undefined) throw new UsageError(`--store: ${word}: no modules can be loaded here`);
  const exported = await await port.load(word);
  const store = typeof exported === 'function' ? await exported() : await exported;
  if (!isStore(store)) throw new UsageError(`${word}: expected a store as its default export, got something else`);
  return (prefix) => storeRoot(store, prefix === '' ? '' : `${prefix}/`);
}

const isStore = (value: unknown): value is ReadableStore =>
  typeof value === 'object' && value !== null && typeof (value as { get?: unknown }).get === 'function';

function storeRoot(store: ReadableStore, prefix: string): Root {
  const get: Root['get'] = async (path, bytesMax) => {
    const bytes = await store.get(prefix + path);
    if (bytes === undefined) return undefined;
    if (!(bytes instanceof Uint8Array))
      throw new Error(`${path}: not readable, expected bytes from the store, got ${typeof bytes}`);
    if (bytes.length > bytesMax)
      throw new Error(`${path}: too large, expected ≤ ${bytesMax} bytes, got ${bytes.length}`);
    return bytes;
  };
  return typeof store.list === 'function' ? { get, list: (path) => namesIn(store, prefix, path) } : { get };
}

/** Names directly below a path. A store lists whole keys, so what lies in a log is read through with it. */
async function namesIn(store: ReadableStore, prefix: string, path: string): Promise<string[]> {
  const below = path === '' ? prefix : `${prefix}${path}/`;
  const names = new Set<string>();
  let after: string | undefined;
  for (let seen = 0; ; ) {
    const page = await store.list!(below, after === undefined ? {} : { after });
    for (const key of page.keys) if (key.startsWith(below)) names.add(key.slice(below.length).split('/')[0] as string);
    seen += page.keys.length;
    if (page.after === undefined || page.after === after) return [...names].filter((name) => name !== '');
    if (seen > KEYS_MAX) throw new Error(`${below}: too much to look through, expected ≤ ${KEYS_MAX} keys, got more`);
    after = page.after;
  }
}

/** Static files behind a URL: `latest` and heads lead to everything, for nobody can look around there. */
function urlStore(port: CommandPort, url: string): (prefix: string) => Root {
  const fetched = port.readUrl;
  if (fetched === undefined) throw new UsageError('--store: no URL can be read here');
  return (prefix) => ({
    get: (path, bytesMax) => fetched(`${url}/${prefix === '' ? '' : `${prefix}/`}${path}`, bytesMax),
  });
}
