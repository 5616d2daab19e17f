/**
 * Checking a log: records a CPU-second, in plain TypeScript and with the platform's digest, and what it costs in memory.
 *
 * Relies on: `dist/src/verify/index.js`, and a log that is made here by docs/format.md. Refuses: to time how the log is made or
 * where it lies; a source hands over what a reader of bundles would, views of one buffer.
 *
 * The log: GENESIS, then evidence that is taken in and ends again, 176 bytes each. `sidecars`: every item has one of 256
 * bytes, as a detector with a rule and a reason leaves it.
 */
import { hash as cryptoHash } from 'node:crypto';
import type * as Verify from '../src/verify/index';
import { collectGarbage, hire } from './child.ts';
import { cpuMicros, type Figure, median, type Task } from './measure.ts';

const RECORD_BYTES = 176;
const BATCH = 256;
const SIDECAR_BYTES = 256;
const TIME = 1_790_000_000_000n;

const digest = (bytes: Uint8Array): Buffer => cryptoHash('sha256', bytes, 'buffer') as unknown as Buffer;

/** `dist/src/verify/index.js`. */
const verifier = async (): Promise<typeof Verify> =>
  (await import(new URL('../dist/src/verify/index.js', import.meta.url).href)) as typeof Verify;

/** A log of `count` records in one buffer, and its sidecars in another. */
function makeLog(count: number, origin: string, sidecars: boolean): Verify.LogSource {
  const records = Buffer.alloc(count * RECORD_BYTES);
  const details = Buffer.alloc(sidecars ? (count >> 1) * SIDECAR_BYTES : 0, 'sidecar');
  const leaf = Buffer.alloc(RECORD_BYTES + 1);
  let link = digest(Buffer.from(`tracehound/log/v1\n${origin}`));
  for (let seq = 0; seq < count; seq++) {
    const record = records.subarray(seq * RECORD_BYTES, (seq + 1) * RECORD_BYTES);
    const isItem = seq % 2 === 1;
    record.writeUInt32BE(seq === 0 ? 0x0101ff00 : isItem ? 0x01020200 : 0x01040200);
    record.writeBigUInt64BE(BigInt(seq), 8);
    record.writeBigUInt64BE(TIME + BigInt(seq), 16);
    if (seq > 0) record.writeBigUInt64BE(BigInt((seq + 1) >> 1), 24);
    link.copy(record, 48);
    if (sidecars && isItem) {
      const at = (seq >> 1) * SIDECAR_BYTES;
      details.writeUInt32BE(seq, at);
      record[5] = 1;
      digest(details.subarray(at, at + SIDECAR_BYTES)).copy(record, 112);
    }
    record.copy(leaf, 1);
    link = digest(leaf);
  }
  return {
    origin,
    checkpoints: async () => [],
    entries: async function* () {
      for (let from = 0; from < count; from += BATCH) {
        const batch: Verify.RecordEntry[] = [];
        for (let seq = from; seq < Math.min(from + BATCH, count); seq++) {
          const record = records.subarray(seq * RECORD_BYTES, (seq + 1) * RECORD_BYTES);
          const at = (seq >> 1) * SIDECAR_BYTES;
          const detail = sidecars && seq % 2 === 1 ? { detail: details.subarray(at, at + SIDECAR_BYTES) } : {};
          batch.push({ kind: 'record', record, ...detail, place: 'bench' });
        }
        yield batch;
      }
    },
  };
}

interface Order {
  readonly records: number;
  readonly sidecars: boolean;
  readonly digest: boolean;
}

async function verifyRole({ records, sidecars, digest: native }: Order) {
  const { verifyLog } = await verifier();
  const source = makeLog(records, 'bench', sidecars);
  const options: Verify.VerifyOptions = native ? { digest } : {};
  return {
    /** Records a CPU-second. */
    rate: async (): Promise<number> => {
      const before = cpuMicros();
      const { integrity, size } = await verifyLog(source, options);
      const micros = cpuMicros() - before;
      if (integrity !== 'good' || size !== records) throw new Error(`bench: expected a good log, got ${integrity}`);
      return records / (micros / 1e6);
    },
    /** MiB of JS heap that are needed at most, looked at after full collections on the way. */
    heap: async (): Promise<number> => {
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      let peak = 0;
      let batches = 0;
      const look = (): void => {
        if (batches++ % 64 !== 0) return;
        collectGarbage();
        peak = Math.max(peak, process.memoryUsage().heapUsed - before);
      };
      await verifyLog(source, { ...options, onProgress: look });
      return peak / 2 ** 20;
    },
  };
}

async function rate(task: Task, order: Order): Promise<number> {
  const worker = await hire<typeof verifyRole>(task.size, import.meta.url, 'verify', order);
  try {
    const rates: number[] = [];
    // The first run compiles.
    for (let round = -1; round < (task.size === 'full' ? 7 : 1); round++) {
      const measured = await worker.ask('rate');
      if (round >= 0) rates.push(measured);
    }
    return median(rates);
  } finally {
    await worker.dismiss();
  }
}

export async function verify(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const records = full ? 200_000 : 2_000;
  const portable = await rate(task, { records, sidecars: false, digest: false });
  task.progress('verify: records measured');
  const native = await rate(task, { records, sidecars: false, digest: true });
  const sidecars = await rate(task, { records, sidecars: true, digest: false });
  task.progress('verify: sidecars measured');
  // 64 MiB of records.
  const long = { records: full ? 381_301 : 2_000, sidecars: false, digest: false };
  const worker = await hire<typeof verifyRole>(task.size, import.meta.url, 'verify', long);
  const heap = await worker.ask('heap');
  await worker.dismiss();
  const unit = 'records / CPU-s';
  return [
    { id: 'verify.portable', what: 'verify a log, plain TypeScript', value: portable, unit },
    {
      id: 'verify.digest',
      what: 'verify a log, node:crypto passed in',
      value: native,
      unit,
      note: 'it hashes what is longer than 512 bytes; records and nodes are shorter',
    },
    { id: 'verify.sidecars', what: 'verify a log, a sidecar of 256 B to each item', value: sidecars, unit },
    { id: 'verify.heap', what: 'verify 64 MiB of records: JS heap', value: heap, unit: 'MiB' },
  ];
}

export const roles = { verify: verifyRole };
