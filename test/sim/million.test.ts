/**
 * Guards memory over a long life: a million records through an instance, its writer and a store that keeps nothing but
 * what must be compared, and the heap is as large afterwards as it was after the first tenth.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createTracehound } from '../../runtimes/node/index';
import { storedLog } from '../../src/log/index';
import type { LogStore, Tracehound } from '../../src/types/index';

const RECORDS = 1_000_000;
const TENTH = RECORDS / 10;
const GROWTH_MAX = 4 * 2 ** 20;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Bytes that are in use after everything that may go has gone. */
function inUse(): number {
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Counts what it is given, and remembers the two objects that are swapped. */
class Forgetful implements LogStore {
  readonly #swapped = new Map<string, Uint8Array>();
  objects = 0;
  bytes = 0;

  async putIfAbsent(_: string, bytes: Uint8Array): Promise<'created'> {
    this.objects++;
    this.bytes += bytes.length;
    return 'created';
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#swapped.get(key);
  }

  async swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'> {
    const held = this.#swapped.get(key);
    if ((held && Buffer.from(held).toString()) !== (expected && Buffer.from(expected).toString())) return 'conflict';
    this.#swapped.set(key, bytes);
    return 'swapped';
  }
}

async function append(th: Tracehound, to: number): Promise<void> {
  let sent = th.audit.head().size;
  while (sent < to) {
    // Every threat is a record, and once the quarantine is full so is every eviction.
    for (let i = 0; i < 250; i++, sent++) {
      const rule = i % 10 === 0 ? { rule: `rule ${sent % 7}` } : {};
      th.intercept({
        source: `s${sent}`,
        payload: `attack ${sent}`,
        threat: { category: 'sqli', severity: 'high', ...rule },
      });
    }
    await th.audit.flush();
    sent = th.audit.head().size;
  }
}

test('a million records leave the heap as it was after the first hundred thousand', async () => {
  const store = new Forgetful();
  const th = createTracehound({
    rateLimit: false,
    quarantine: { maxCount: 512 },
    audit: { origin: 'example.com/log', log: storedLog(store) },
  });
  await append(th, TENTH);
  const before = inUse();
  for (let tenth = 2; tenth <= 10; tenth++) {
    await append(th, tenth * TENTH);
    console.log(`${tenth * TENTH} records, ${((inUse() - before) / 2 ** 20).toFixed(1)} MiB more than after ${TENTH}`);
  }
  expect(inUse() - before).toBeLessThan(GROWTH_MAX);
  const { size } = th.audit.head();
  expect(size).toBeGreaterThanOrEqual(RECORDS);
  expect(th.watcher.snapshot().audit).toMatchObject({ signed: size, unreleased: 0, lost: 0, store: 'ok' });
  // A leaf hash and a record with its length, at least.
  expect(store.bytes).toBeGreaterThan(size * (32 + 178));
  expect(store.objects).toBeGreaterThan(size / 256);
});
