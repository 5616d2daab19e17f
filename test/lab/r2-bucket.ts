/**
 * A bucket as R2's binding shows it: one object a key, an etag that is the MD5 of the bytes, and a condition judged in the
 * same moment as the write.
 *
 * Relies on: nothing. Refuses: whatever the store does not use.
 */
import { createHash } from 'node:crypto';
import type { R2Body, R2Port } from '../../src/stores/r2';

export function r2Bucket(): R2Port & { readonly objects: Map<string, Uint8Array> } {
  const objects = new Map<string, Uint8Array>();
  const etagOf = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
  /** Later than the call: R2 is on the other side of a network. */
  const elsewhere = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    objects,
    async get(key): Promise<R2Body | null> {
      await elsewhere();
      const bytes = objects.get(key);
      return bytes ? { etag: etagOf(bytes), arrayBuffer: async () => bytes.slice().buffer } : null;
    },
    async put(key, bytes, { onlyIf }) {
      await elsewhere();
      const current = objects.get(key);
      const isMet = 'etagMatches' in onlyIf ? current && etagOf(current) === onlyIf.etagMatches : !current;
      if (!isMet) return null;
      objects.set(key, bytes.slice());
      return {};
    },
    async delete(key) {
      await elsewhere();
      objects.delete(key);
    },
  };
}
