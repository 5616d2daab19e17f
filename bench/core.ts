/**
 * The nouns alone: appending to the log, making ids, hashing, coming up.
 *
 * Relies on: the testing build of the core, whose doors lead to single functions, and `build/core.inline.js` for the
 * start. Refuses: to time crossings where a loop inside the core can do the work. Contenders of one comparison run in one
 * child and in turns; none of them keeps anything that could slow the others.
 */
import { createHash, hash as cryptoHash, randomUUID } from 'node:crypto';
import * as abi from '../assembly/abi.ts';
import { hire } from './child.ts';
import { cpuMicros, type Figure, median, type Task } from './measure.ts';
import { type CoreExports, subject, testingCore } from './subject.ts';

/** A core that only has a log, seeded with a tag key. */
async function auditCore(maxRecords: number): Promise<CoreExports> {
  const core = await testingCore();
  new DataView(core.memory.buffer).setUint32(abi.CONFIG_AT + abi.CONFIG_MAX_RECORDS, maxRecords, true);
  core.digestStart();
  core.auditOrigin(abi.INBOX_AT, 10);
  core.auditKey(abi.INBOX_AT + abi.INBOX_KEY);
  return core;
}

const TIME = 1_790_000_000_000;
const OUT_AT = abi.INBOX_AT + abi.INBOX_SOURCE + 4_096;

async function auditRole() {
  const core = await auditCore(4_096);
  const plain = (records: number): void => core.digestAppends(records, TIME);
  const threats = (records: number): void => core.digestThreats(records, TIME, abi.INBOX_AT + abi.INBOX_SOURCE, OUT_AT);
  const cost = (work: (records: number) => void, records: number): number => {
    const before = cpuMicros();
    work(records);
    return (cpuMicros() - before) / records;
  };
  return {
    plain: (records: number) => cost(plain, records),
    threats: (records: number) => cost(threats, records),
    size: (): number =>
      new DataView(core.memory.buffer).getFloat64(
        new DataView(core.memory.buffer).getUint32(abi.HEADER_AT + abi.HEADER_AUDIT, true) + abi.AUDIT_SIZE,
        true,
      ),
  };
}

/** Appending: leaf, previous leaf and frontier; then as a threat does; then again after a million records. */
async function audit(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const records = full ? 20_000 : 500;
  const rounds = full ? 9 : 2;
  const log = await hire<typeof auditRole>(task.size, import.meta.url, 'audit', undefined);
  try {
    const measure = async (): Promise<{ plain: number; threats: number }> => {
      const plain: number[] = [];
      const threats: number[] = [];
      for (let round = 0; round < rounds; round++) {
        plain.push(await log.ask('plain', records));
        threats.push(await log.ask('threats', records));
      }
      return { plain: median(plain), threats: median(threats) };
    };
    await log.ask('threats', records);
    const young = await measure();
    if (full) await log.ask('plain', 1_000_000);
    const old = await measure();
    task.progress(`audit append: measured, log of ${await log.ask('size')} records`);
    return [
      { id: 'audit.append', what: 'audit append: leaf, chain, frontier', value: young.plain, unit: 'µs CPU' },
      { id: 'audit.threat', what: 'audit append with tag and two commitments', value: young.threats, unit: 'µs CPU' },
      { id: 'audit.flat', what: 'audit append after 1M records ÷ before', value: old.plain / young.plain, unit: '×' },
    ];
  } finally {
    await log.dismiss();
  }
}

/** Alternately runs each of `contenders` until every one has `rounds` measurements: µs CPU per call. */
async function compare(
  contenders: Readonly<Record<string, (times: number) => unknown>>,
  times: number,
  rounds: number,
): Promise<Record<string, number>> {
  const costs: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const before = cpuMicros();
      await run(times);
      const cost = (cpuMicros() - before) / times;
      if (round === 0) costs[name] = [];
      if (round >= 0) costs[name]!.push(cost); // the round before compiles
    }
  }
  return Object.fromEntries(Object.entries(costs).map(([name, values]) => [name, median(values)]));
}

interface CompareOrder {
  readonly times: number;
  readonly rounds: number;
}

async function idsRole() {
  const { createTracehound } = await subject();
  const { v7 } = await import('uuid');
  const { uuidv7 } = await import('uuidv7');
  const th = createTracehound();
  let last = '';
  const repeat = (make: () => string) => (times: number) => {
    for (let i = 0; i < times; i++) last = make();
    return last;
  };
  const contenders = {
    'th.id() (UUIDv7 and 8 random bytes)': repeat(() => th.id()),
    'uuid v7': repeat(() => v7()),
    uuidv7: repeat(() => uuidv7()),
    'crypto.randomUUID (v4)': repeat(() => randomUUID()),
  };
  return { compare: ({ times, rounds }: CompareOrder) => compare(contenders, times, rounds) };
}

async function ids(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const child = await hire<typeof idsRole>(task.size, import.meta.url, 'ids', undefined);
  try {
    const costs = await child.ask('compare', { times: full ? 100_000 : 1_000, rounds: full ? 7 : 2 });
    return Object.entries(costs).map(([name, value]) => ({
      id: `ids.${name}`,
      what: `id: ${name}`,
      value,
      unit: 'µs CPU',
    }));
  } finally {
    await child.dismiss();
  }
}

async function shaRole() {
  const digest = (await subject()).node.digest!;
  const core = await testingCore();
  // The payload region does not exist in this core: any free stretch of its memory will do.
  const at = core.memory.buffer.byteLength;
  core.memory.grow(2);
  const memory = new Uint8Array(core.memory.buffer);
  const { sha256: noble } = await import('@noble/hashes/sha2.js');
  const { createSHA256 } = await import('hash-wasm');
  const hashWasm = await createSHA256();
  return {
    compare: ({ bytes, times, rounds }: CompareOrder & { bytes: number }) => {
      const message = new Uint8Array(bytes).map((_, index) => index * 31);
      const inside = memory.subarray(at, at + bytes);
      const out = new Uint8Array(32);
      const repeat = (digest: () => unknown) => (count: number) => {
        let last: unknown;
        for (let i = 0; i < count; i++) last = digest();
        return last;
      };
      inside.set(message);
      return compare(
        {
          // What the engine chooses between: the bytes already lie in the inbox.
          core: repeat(() => core.sha256(at, bytes, OUT_AT)),
          'runtime.digest, copied back': repeat(() => out.set(digest(inside))),
          // What a caller of each library pays.
          'core, copied in and out': repeat(() => {
            memory.set(message, at);
            core.sha256(at, bytes, OUT_AT);
            return memory.slice(OUT_AT, OUT_AT + 32);
          }),
          'node:crypto createHash': repeat(() => createHash('sha256').update(message).digest()),
          'node:crypto hash': repeat(() => cryptoHash('sha256', message, 'buffer')),
          'hash-wasm': repeat(() => hashWasm.init().update(message).digest('binary')),
          '@noble/hashes': repeat(() => noble(message)),
        },
        times,
        rounds,
      );
    },
  };
}

/** Hashing by size, and from which size on the host does it faster. */
async function sha256(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const child = await hire<typeof shaRole>(task.size, import.meta.url, 'sha256', undefined);
  const figures: Figure[] = [];
  try {
    const measure = (bytes: number): Promise<Record<string, number>> =>
      child.ask('compare', {
        bytes,
        times: full ? Math.max(300, Math.round(4_000_000 / (bytes + 400))) : 20,
        rounds: full ? 7 : 2,
      });
    for (const [bytes, name] of [
      [64, '64B'],
      [200, '200B'],
      [1_024, '1KiB'],
      [65_536, '64KiB'],
    ] as const) {
      for (const [who, value] of Object.entries(await measure(bytes))) {
        figures.push({ id: `sha256.${name}.${who}`, what: `SHA-256 of ${name}: ${who}`, value, unit: 'µs CPU' });
      }
      task.progress(`sha256: ${name}`);
    }
    let crossover = 0;
    for (let bytes = 64; bytes <= 1_024; bytes += full ? 32 : 480) {
      const costs = await measure(bytes);
      if (costs.core! <= costs['runtime.digest, copied back']!) crossover = bytes;
    }
    figures.push({
      id: 'sha256.crossover',
      what: 'SHA-256: largest size at which the core is not slower than the runtime (HOST_DIGEST_BYTES)',
      value: crossover,
      unit: 'bytes',
    });
  } finally {
    await child.dismiss();
  }
  return figures;
}

export const roles = { audit: auditRole, ids: idsRole, sha256: shaRole };

export async function core(task: Task): Promise<Figure[]> {
  return [...(await audit(task)), ...(await ids(task)), ...(await sha256(task))];
}
