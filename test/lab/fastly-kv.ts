/**
 * A KV store as Fastly's SDK shows it: one object a key, `add` judged with the write, one kind of error whose text says what
 * was wrong. That the text is this one is tried in the engine (test/engines/fastly-data.test.ts).
 *
 * Relies on: nothing. Refuses: whatever the store does not use.
 */
import type { KvEntry, KvPort } from '../../src/stores/fastly-kv';

export interface KvObject {
  readonly bytes: Uint8Array;
  readonly metadata: string | null;
}

export function kvStore(): KvPort & { readonly objects: Map<string, KvObject> } {
  const objects = new Map<string, KvObject>();
  /** Later than the call: the store is on the other side of a network. */
  const elsewhere = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    objects,
    async get(key): Promise<KvEntry | null> {
      await elsewhere();
      const object = objects.get(key);
      if (object === undefined) return null;
      return { arrayBuffer: async () => object.bytes.slice().buffer, metadataText: () => object.metadata };
    },
    async put(key, bytes, { mode, metadata = null }) {
      await elsewhere();
      if (mode === 'add' && objects.has(key)) throw new TypeError('KVStore insert: Precondition failed.');
      objects.set(key, { bytes: new Uint8Array(bytes.slice(0)), metadata: metadata as string | null });
    },
    async delete(key) {
      await elsewhere();
      objects.delete(key);
    },
  };
}
